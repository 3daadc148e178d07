"""Microsoft Graph v1.0 calendars, with an application permission.

https://learn.microsoft.com/graph/api/resources/calendar
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from connections.busy_rules import EventFacts, blocks
from connections.providers.base import (
    CalendarInfo,
    ChannelGone,
    EventSpan,
    Feed,
    FeedExpired,
    Key,
    MailboxError,
    OpenChannel,
    Preferences,
    ScopeAnswer,
    Spend,
    Unreadable,
    channel_refusals,
)
from connections.providers.http import ProviderSession

from .graph import BASE, Graph, segment
from .push import HANDSHAKES, LONGEST, channel_of, renewal_request, subscription_request
from .zones import iana_zone

# Ordinary ids change when an item moves.
PREFER = 'outlook.timezone="UTC", IdType="ImmutableId"'
SCHEDULES_PER_CALL = 20
# What decides about busy time; the same facts that a delta answer's whole events carry.
MASTER_FIELDS = "id,type,showAs,isCancelled,isAllDay,sensitivity,responseStatus"
SHOWN_AS = {
    "free": "free",
    "tentative": "tentative",
    "busy": "busy",
    "oof": "out_of_office",
    "workingElsewhere": "working_elsewhere",
}
DAYS = {
    "monday": "mon", "tuesday": "tue", "wednesday": "wed", "thursday": "thu",
    "friday": "fri", "saturday": "sat", "sunday": "sun",
}  # fmt: skip


class MicrosoftCalendars:
    """A tenant's calendars through one app registration."""

    longest_channel = LONGEST

    def __init__(
        self,
        key: Key,
        *,
        tenant: str,
        scopes: tuple[str, ...],
        administrator: str,
        session: ProviderSession,
        spend: Spend,
    ):
        self.administrator, self.session = administrator, session
        self.graph = Graph(key, tenant=tenant, scopes=scopes, session=session, spend=spend, prefer=PREFER)

    @property
    def clock_skew(self) -> float | None:
        return self.session.clock_skew

    def probe_scopes(self) -> list[ScopeAnswer]:
        return self.graph.probe_scopes()

    def probe_mailbox(self, address: str) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        query = {
            "startDateTime": _instant(now),
            "endDateTime": _instant(now.replace(hour=23, minute=59, second=59)),
            "$select": "id,start,end,showAs",
            "$top": "1",
        }
        self.graph.call("GET", f"users/{segment(address)}/calendarView", query)

    def calendars(self, address: str) -> list[CalendarInfo]:
        query = {"$select": "id,name,isDefaultCalendar", "$top": "100"}
        return [
            CalendarInfo(item["id"], item.get("name", ""), bool(item.get("isDefaultCalendar")))
            for page in self.graph.pages(f"users/{segment(address)}/calendars", query)
            for item in page.get("value", [])
        ]

    def feed(self, address: str, calendar_id: str, *, starts: datetime, ends: datetime) -> Feed:
        """https://learn.microsoft.com/graph/api/event-delta : the window stays frozen in the links."""
        path = f"users/{segment(address)}/calendars/{segment(calendar_id)}/calendarView/delta"
        query = {"startDateTime": _instant(starts), "endDateTime": _instant(ends)}
        return self._feed(address, path, query)

    def changes(self, address: str, calendar_id: str, *, token: str) -> Feed:
        if not token.startswith(f"{BASE}/"):
            raise FeedExpired("link of another host")  # never send our token elsewhere
        return self._feed(address, token, {})

    def _feed(self, address: str, first: str, query: dict) -> Feed:
        items, link = [], ""
        for page in self.graph.pages(first, query):
            items += page.get("value", [])
            link = page.get("@odata.deltaLink", "")
        if not link:
            raise Unreadable("no deltaLink")
        return Feed(tuple(self._spans(address, items)), link)

    def _spans(self, address: str, items: list[dict]) -> Iterator[EventSpan]:
        """Occurrences come as bare stubs: what decides about them stands in their series master."""
        masters = {item["id"]: item for item in items if item.get("type") == "seriesMaster"}

        def master(series: str) -> dict:
            if series not in masters:
                masters[series] = self._master(address, series)
            return masters[series]

        for item in items:
            if item.get("type") != "seriesMaster":
                yield span_of(item, master)

    def _master(self, address: str, series: str) -> dict:
        """The series master; an empty one when the series is gone."""
        path = f"users/{segment(address)}/events/{segment(series)}"
        try:
            return self.graph.call("GET", path, {"$select": MASTER_FIELDS})
        except MailboxError as error:
            if error.status == 404:
                return {"isCancelled": True}
            raise

    def preferences(self, addresses: list[str]) -> Iterator[tuple[str, Preferences]]:
        """Zone and hours from getSchedule, 20 mailboxes a call; subjects and places it may send are dropped.

        https://learn.microsoft.com/graph/api/calendar-getschedule
        """
        day = datetime.now(UTC).date().isoformat()
        for first in range(0, len(addresses), SCHEDULES_PER_CALL):
            part = addresses[first : first + SCHEDULES_PER_CALL]
            body = {
                "schedules": part,
                "startTime": {"dateTime": f"{day}T00:00:00", "timeZone": "UTC"},
                "endTime": {"dateTime": f"{day}T00:30:00", "timeZone": "UTC"},
                "availabilityViewInterval": 30,
            }
            answer = self.graph.call("POST", f"users/{segment(part[0])}/calendar/getSchedule", {}, json=body)
            for entry in answer.get("value", []):
                if "error" not in entry and entry.get("workingHours"):
                    yield str(entry.get("scheduleId", "")).lower(), preferences_of(entry["workingHours"])

    def open_channel(
        self, address: str, *, client_state: str, url: str, lifecycle_url: str, expires_at: datetime
    ) -> OpenChannel:
        """https://learn.microsoft.com/graph/api/subscription-post-subscriptions

        Changes of the mailbox's own calendar. `client_state`, 16 to 128 signs, comes back with each message.
        """
        body = subscription_request(
            f"users/{address}/events",
            client_state=client_state,
            url=url,
            lifecycle_url=lifecycle_url,
            expires_at=expires_at,
        )
        with channel_refusals():
            answer = self.graph.call("POST", "subscriptions", {}, json=body, timeout=HANDSHAKES)
        return channel_of(answer)

    def renew_channel(self, subscription_id: str, expires_at: datetime) -> OpenChannel:
        """https://learn.microsoft.com/graph/api/subscription-update"""
        return channel_of(self._of_subscription("PATCH", subscription_id, json=renewal_request(expires_at)))

    def reauthorize_channel(self, subscription_id: str) -> None:
        """https://learn.microsoft.com/graph/api/subscription-reauthorize"""
        self._of_subscription("POST", subscription_id, "/reauthorize")

    def stop_channel(self, subscription_id: str) -> None:
        """https://learn.microsoft.com/graph/api/subscription-delete"""
        with suppress(ChannelGone):
            self._of_subscription("DELETE", subscription_id)

    def _of_subscription(
        self, method: str, subscription_id: str, then: str = "", *, json: dict | None = None
    ) -> dict:
        """A call about one subscription. Raises ChannelGone when Graph does not know it."""
        try:
            return self.graph.call(method, f"subscriptions/{segment(subscription_id)}{then}", {}, json=json)
        except MailboxError as error:
            if error.status == 404:
                raise ChannelGone(error.code, status=404) from None
            raise


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _moment(value: dict | None, *, all_day: bool) -> datetime | date | None:
    """A Graph time: no offset, the zone beside it. An all-day event is a floating date: never shifted."""
    if not value:
        return None
    try:
        text = str(value["dateTime"])[:19]  # Graph writes seven decimals
        if all_day:
            return date.fromisoformat(text[:10])
        zone = value.get("timeZone", "UTC")
        tz = UTC if zone in {"UTC", ""} else ZoneInfo(iana_zone(zone))
        return datetime.fromisoformat(text).replace(tzinfo=tz).astimezone(UTC)
    except (KeyError, ValueError):
        raise Unreadable("time of an event") from None


def span_of(item: dict, master: Callable[[str], dict]) -> EventSpan:
    """What we keep of a Graph event; `master` finds the series an occurrence stub belongs to."""
    if "@removed" in item:
        return EventSpan(item["id"], removed=True)
    stub = item.get("type") == "occurrence" and "showAs" not in item
    facts_from = master(item.get("seriesMasterId", "")) if stub else item
    all_day = bool(facts_from.get("isAllDay"))
    starts = _moment(item.get("start"), all_day=all_day)
    ends = _moment(item.get("end"), all_day=all_day)
    if starts is None or ends is None:
        raise Unreadable("event without times")
    facts = EventFacts(
        cancelled=bool(facts_from.get("isCancelled")),
        declined=(facts_from.get("responseStatus") or {}).get("response") == "declined",
        shown_as=SHOWN_AS.get(facts_from.get("showAs") or "", "unknown"),
        all_day=all_day,
        private=facts_from.get("sensitivity") in {"private", "confidential"},
    )
    return EventSpan(item["id"], starts, ends, blocks(facts))


def preferences_of(hours: dict) -> Preferences:
    """Graph's `workingHours` as ours: one period on each working day, wall time in the zone."""
    zone = iana_zone(str((hours.get("timeZone") or {}).get("name", "")))
    period = [_clock(hours.get(name)) for name in ("startTime", "endTime")]
    days = [DAYS[day] for day in hours.get("daysOfWeek", []) if day in DAYS]
    sound = all(period) and period[0] < period[1]
    return Preferences(zone, {day: [period] for day in days} if sound else {})


def _clock(text: object) -> str:
    """`08:00:00.0000000` as 08:00; empty when it is no time of day."""
    try:
        return f"{time.fromisoformat(str(text)[:8]):%H:%M}"
    except ValueError:
        return ""
