"""Microsoft Graph v1.0 calendars, with an application permission.

https://learn.microsoft.com/graph/api/resources/calendar
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django.conf import settings

from connections.busy_rules import EventFacts, blocks
from connections.providers.base import (
    MOST_PAGES,
    AuthorizationLost,
    CalendarInfo,
    ChannelGone,
    EventSpan,
    Feed,
    FeedExpired,
    Key,
    MailboxError,
    OpenChannel,
    Preferences,
    ProviderError,
    ScopeAnswer,
    Spend,
    Unreadable,
    channel_refusals,
)
from connections.providers.http import ProviderSession, json_of, raise_if_busy_or_down

from .oauth import AppToken
from .push import HANDSHAKES, LONGEST, channel_of, renewal_request, subscription_request
from .zones import iana_zone

BASE = f"{settings.MICROSOFT_GRAPH_URL}/v1.0"
UTC_TIMES = 'outlook.timezone="UTC"'
STABLE_IDS = 'IdType="ImmutableId"'  # ordinary ids change when an item moves
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
EXPIRED_FEED = {"syncstatenotfound", "syncstateinvalid", "resyncrequired"}


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
        self.scopes, self.administrator, self.session, self.spend = scopes, administrator, session, spend
        self.app = AppToken(key, tenant, session)

    @property
    def clock_skew(self) -> float | None:
        return self.session.clock_skew

    def probe_scopes(self) -> list[ScopeAnswer]:
        """The `roles` of a fresh token, as a hint; what was never asked for is shown too."""
        roles = self.app.roles()
        asked = [
            ScopeAnswer(scope, granted=scope in roles, code="" if scope in roles else "not in roles")
            for scope in self.scopes
        ]
        return asked + [
            ScopeAnswer(role, granted=True, requested=False) for role in roles if role not in self.scopes
        ]

    def probe_mailbox(self, address: str) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        query = {
            "startDateTime": _instant(now),
            "endDateTime": _instant(now.replace(hour=23, minute=59, second=59)),
            "$select": "id,start,end,showAs",
            "$top": "1",
        }
        self._call("GET", f"users/{_segment(address)}/calendarView", query)

    def calendars(self, address: str) -> list[CalendarInfo]:
        query = {"$select": "id,name,isDefaultCalendar", "$top": "100"}
        return [
            CalendarInfo(item["id"], item.get("name", ""), bool(item.get("isDefaultCalendar")))
            for page in self._pages(f"users/{_segment(address)}/calendars", query)
            for item in page.get("value", [])
        ]

    def feed(self, address: str, calendar_id: str, *, starts: datetime, ends: datetime) -> Feed:
        """https://learn.microsoft.com/graph/api/event-delta : the window stays frozen in the links."""
        path = f"users/{_segment(address)}/calendars/{_segment(calendar_id)}/calendarView/delta"
        query = {"startDateTime": _instant(starts), "endDateTime": _instant(ends)}
        return self._feed(address, path, query)

    def changes(self, address: str, calendar_id: str, *, token: str) -> Feed:
        if not token.startswith(f"{BASE}/"):
            raise FeedExpired("link of another host")  # never send our token elsewhere
        return self._feed(address, token, {})

    def _feed(self, address: str, first: str, query: dict) -> Feed:
        items, link = [], ""
        for page in self._pages(first, query):
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
        path = f"users/{_segment(address)}/events/{_segment(series)}"
        try:
            return self._call("GET", path, {"$select": MASTER_FIELDS})
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
            answer = self._call("POST", f"users/{_segment(part[0])}/calendar/getSchedule", {}, json=body)
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
            answer = self._call("POST", "subscriptions", {}, json=body, timeout=HANDSHAKES)
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
            return self._call(method, f"subscriptions/{_segment(subscription_id)}{then}", {}, json=json)
        except MailboxError as error:
            if error.status == 404:
                raise ChannelGone(error.code, status=404) from None
            raise

    def _pages(self, first: str, query: dict) -> Iterator[dict]:
        page = self._call("GET", first, query)
        yield page
        for _ in range(MOST_PAGES):
            link = page.get("@odata.nextLink")
            if not link:
                return
            if not link.startswith(f"{BASE}/"):
                raise Unreadable("link of another host")
            page = self._call("GET", link, {})
            yield page
        raise Unreadable("pages without end")

    def _call(self, method: str, path: str, query: dict, **sent) -> dict:
        """One call. `sent`: what else `requests` is told, such as `json` or a `timeout` of its own."""
        url = path if path.startswith(("http://", "https://")) else f"{BASE}/{path}"
        for fresh in (False, True):  # a token that ended early is asked for once more
            self.spend(1)
            answer = self.session.request(
                method,
                url,
                params=query or None,
                headers={
                    "Authorization": f"Bearer {self.app.get(fresh=fresh)}",
                    "Prefer": f"{UTC_TIMES}, {STABLE_IDS}, odata.maxpagesize=500",
                },
                log_scopes=self.scopes,
                **sent,
            )
            if answer.status_code != 401:
                break
        if answer.status_code in {200, 204} and not answer.content and method != "GET":
            return {}  # stopping and reauthorizing have no other answer
        if answer.status_code in {200, 201}:
            return json_of(answer)
        raise api_error(answer)


def _segment(name: str) -> str:
    """A name as one part of a path: an address may hold a slash, and two dots lead elsewhere."""
    return quote(name, safe="")


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


def api_error(answer) -> ProviderError:
    """What a refused call means. https://learn.microsoft.com/graph/errors"""
    try:
        error = json_of(answer).get("error", {})
        code = str(error.get("code", "")) if isinstance(error, dict) else ""
    except Unreadable:
        code = ""
    try:
        raise_if_busy_or_down(answer, code)
    except ProviderError as problem:
        return problem
    status = answer.status_code
    if status == 410 or code.lower() in EXPIRED_FEED:
        return FeedExpired(code, status=status)
    if status == 401:
        return AuthorizationLost("revoked", code, status=status)
    if status == 403 and code == "Authorization_RequestDenied":
        return AuthorizationLost("incomplete", code, status=status)
    if status == 403 and code == "ErrorAccessDenied":
        return MailboxError("refused", code, status=status)
    if status == 404 and code == "MailboxNotEnabledForRESTAPI":
        return MailboxError("licence", code, status=status)
    if status == 404:
        return MailboxError("no_mailbox", code, status=status)
    if status == 403:
        return MailboxError("refused", code, status=status)
    return Unreadable(code or "refused", status=status)
