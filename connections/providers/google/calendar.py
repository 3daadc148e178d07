"""Google Calendar API v3, as each member, with the narrowest scopes of the mode.

https://developers.google.com/workspace/calendar/api/v3/reference
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from urllib.parse import quote

from django.conf import settings

from connections.busy_rules import EventFacts, blocks
from connections.providers.base import (
    Busy,
    CalendarInfo,
    EventSpan,
    Feed,
    MailboxError,
    OpenChannel,
    Preferences,
    ScopeAnswer,
    Spend,
    Unreadable,
    channel_refusals,
)
from connections.providers.http import ProviderSession
from connections.providers.zones import known_zone

from .api import GoogleApi, TokenSource
from .oauth import SCOPE
from .push import LONGEST, channel_of, channel_request

BASE = f"{settings.GOOGLE_API_URL}/calendar/v3"
LIST_SCOPE = f"{SCOPE}calendar.calendarlist.readonly"
FREE_BUSY_SCOPE = f"{SCOPE}calendar.events.freebusy"
FULL_SCOPE = f"{SCOPE}calendar"
# Only what decides about busy time crosses the wire: no titles, people, places or texts of events.
EVENT_FIELDS = (
    "items(id,status,start,end,transparency,eventType,visibility"
    "{attendees}),nextPageToken,nextSyncToken,timeZone"
)
FIELDS = {
    FULL_SCOPE: EVENT_FIELDS.replace("{attendees}", ",attendees(self,responseStatus)"),
    FREE_BUSY_SCOPE: EVENT_FIELDS.replace("{attendees}", ""),
}
SHOWN_AS = {"outOfOffice": "out_of_office", "workingLocation": "working_elsewhere", "focusTime": "busy"}


class GoogleCalendars:
    """Calendars of a Workspace's people, each with a token of their own: by delegation, or as they granted it."""

    longest_channel = LONGEST

    def __init__(
        self,
        account: TokenSource,
        *,
        scopes: tuple[str, ...],
        administrator: str,
        only_domains: frozenset[str] | None,
        session: ProviderSession,
        spend: Spend,
    ):
        self.scopes, self.administrator, self.session, self.account = scopes, administrator, session, account
        self.api = GoogleApi(account, BASE, only_domains=only_domains, session=session, spend=spend)
        full = FULL_SCOPE in scopes
        self.list_scope = FULL_SCOPE if full else LIST_SCOPE
        self.event_scope = FULL_SCOPE if full else FREE_BUSY_SCOPE

    @property
    def clock_skew(self) -> float | None:
        return self.session.clock_skew

    def probe_scopes(self) -> list[ScopeAnswer]:
        return [self.account.probe(self.administrator, scope) for scope in self.scopes]

    def probe_mailbox(self, address: str) -> None:
        if not any(calendar.primary for calendar in self.calendars(address)):
            raise MailboxError("no_mailbox", "no primary calendar")

    def calendars(self, address: str) -> list[CalendarInfo]:
        found: list[CalendarInfo] = []
        query = {"maxResults": 250, "fields": "items(id,summary,primary,timeZone,deleted),nextPageToken"}
        for page in self._pages(address, "users/me/calendarList", query, scope=self.list_scope):
            for item in page.get("items", []):
                if not item.get("deleted"):
                    found.append(
                        CalendarInfo(
                            item["id"],
                            item.get("summary", ""),
                            bool(item.get("primary")),
                            known_zone(item.get("timeZone", "")),
                        )
                    )
        primary = next((info.provider_id.lower() for info in found if info.primary), "")
        if "@" in primary and primary != address.lower():
            # An alias opens the mailbox of its owner, who may be a member too and would be read twice.
            raise MailboxError("alias", "primary calendar of another address")
        return found

    def feed(self, address: str, calendar_id: str, *, starts: datetime, ends: datetime) -> Feed:
        return self._feed(address, calendar_id, {"timeMin": _instant(starts), "timeMax": _instant(ends)})

    def changes(self, address: str, calendar_id: str, *, token: str) -> Feed:
        return self._feed(address, calendar_id, {"syncToken": token})

    def _feed(self, address: str, calendar_id: str, place: dict) -> Feed:
        query = {
            **place,
            "singleEvents": "true",
            "maxResults": 2500,
            "fields": FIELDS[self.event_scope],
        }
        spans, token = [], ""
        path = f"calendars/{quote(calendar_id, safe='')}/events"
        for page in self._pages(address, path, query, scope=self.event_scope):
            spans += [span_of(item) for item in page.get("items", [])]
            token = page.get("nextSyncToken", "")  # only the last page carries it
        if not token:
            raise Unreadable("no nextSyncToken")
        return Feed(tuple(spans), token)

    def free_busy(
        self, address: str, calendar_ids: Iterable[str], *, starts: datetime, ends: datetime
    ) -> dict[str, Busy]:
        """https://developers.google.com/workspace/calendar/api/v3/reference/freebusy/query

        A good answer can hold an error for one calendar: that calendar is unknown, not free.
        """
        ids = list(calendar_ids)
        body = {
            "timeMin": _instant(starts),
            "timeMax": _instant(ends),
            "items": [{"id": calendar_id} for calendar_id in ids],
        }
        answer = self._post(address, "freeBusy", body)
        found = answer.get("calendars", {})
        return {calendar_id: _busy(found.get(calendar_id)) for calendar_id in ids}

    def preferences(self, addresses: list[str]) -> Iterator[tuple[str, Preferences]]:
        """Google tells the zone with the calendar list, and working hours not at all in these scopes."""
        return iter(())

    def open_channel(
        self, address: str, calendar_id: str, *, channel_id: str, token: str, url: str, expires_at: datetime
    ) -> OpenChannel:
        """https://developers.google.com/workspace/calendar/api/v3/reference/events/watch

        `channel_id`: at most 64 of A-Z a-z 0-9 - _ + / =; `token`, at most 256 signs, comes back with each
        message. Raises ChannelRefused, also for an id that was used before.
        """
        path = f"calendars/{quote(calendar_id, safe='')}/events/watch"
        body = channel_request(channel_id, token, url, expires_at)
        with channel_refusals():
            answer = self._post(address, path, body)
        return channel_of(answer, asked=channel_id)

    def stop_channel(self, address: str, channel_id: str, resource_id: str) -> None:
        """https://developers.google.com/workspace/calendar/api/v3/reference/channels/stop"""
        body = {"id": channel_id, "resourceId": resource_id}
        try:
            self._post(address, "channels/stop", body)
        except MailboxError as error:
            if error.status != 404:  # it ended, or was stopped before
                raise

    def _pages(self, address: str, path: str, query: dict, *, scope: str) -> Iterator[dict]:
        return self.api.pages(address, path, query, scope=scope, token_scopes=self.scopes_for_calls)

    def _post(self, address: str, path: str, body: dict) -> dict:
        scopes = self.scopes_for_calls
        return self.api.call(
            address, "POST", path, {}, scope=self.event_scope, token_scopes=scopes, json=body
        )

    @property
    def scopes_for_calls(self) -> tuple[str, ...]:
        """One token per member holds both calendar scopes of the mode."""
        return tuple(dict.fromkeys((self.list_scope, self.event_scope)))


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _moment(value: dict | None) -> datetime | date | None:
    """`dateTime` with its offset, or the `date` of an all-day event (end exclusive)."""
    if not value:
        return None
    try:
        if "dateTime" in value:
            return datetime.fromisoformat(value["dateTime"]).astimezone(UTC)
        return date.fromisoformat(value["date"]) if "date" in value else None
    except (TypeError, ValueError):
        raise Unreadable("time of an event") from None


def span_of(item: dict) -> EventSpan:
    """What we keep of a Google event."""
    starts, ends = _moment(item.get("start")), _moment(item.get("end"))
    cancelled = item.get("status") == "cancelled"
    if cancelled or starts is None or ends is None:
        return EventSpan(item["id"], starts, ends, removed=True)
    own = next((a for a in item.get("attendees", []) if a.get("self")), {})
    shown_as = SHOWN_AS.get(item.get("eventType", ""), "busy")
    if item.get("transparency") == "transparent" and shown_as == "busy":
        shown_as = "free"
    elif item.get("status") == "tentative" and shown_as == "busy":
        shown_as = "tentative"
    facts = EventFacts(
        declined=own.get("responseStatus") == "declined",
        shown_as=shown_as,
        all_day=not isinstance(starts, datetime),
        private=item.get("visibility") in {"private", "confidential"},
    )
    return EventSpan(item["id"], starts, ends, blocks(facts))


def _busy(entry: dict | None) -> Busy:
    if entry is None:
        return Busy(error="missing")
    if errors := entry.get("errors"):
        return Busy(error=str(errors[0].get("reason", "error")))
    try:
        return Busy(
            tuple(
                (
                    datetime.fromisoformat(period["start"]).astimezone(UTC),
                    datetime.fromisoformat(period["end"]).astimezone(UTC),
                )
                for period in entry.get("busy", [])
            )
        )
    except (KeyError, TypeError, ValueError):
        raise Unreadable("free/busy period") from None
