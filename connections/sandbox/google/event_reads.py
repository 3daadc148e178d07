"""events.list, get, instances and watch of Calendar v3, with pages and sync tokens.

https://developers.google.com/workspace/calendar/api/guides/sync. A sync token stands only on the last page,
remembers the parameters of its round, and is refused together with others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import g, request

from ..events import Event
from ..mailboxes import RULE_START
from ..world import the_world
from . import channels
from .calendar_lists import decode, encode
from .errors import ApiError, bad_request, not_found
from .freebusy import parse_time
from .operations import body, flag, number, operation, page_fails
from .owners import Place, own_calendar, sees_details
from .routes import CALENDAR, blueprint
from .shapes import cancelled_exception, clock_time, deleted_event, event_resource, stamp

# A calendar without an upper bound would go on for ever: a year ahead is shown.
AHEAD = timedelta(days=366)
USUAL_PAGE = 250
ROUND = ("singleEvents", "showDeleted", "eventTypes", "showHiddenInvitations", "maxAttendees")
NOT_WITH_SYNC_TOKEN = (
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
)
NO_SYNC_TOKEN_AFTER = (
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "updatedMin",
)
OBSERVED = ("timeMin", "timeMax", "updatedMin")

FILTERS = ("eventTypes", "iCalUID", "privateExtendedProperty", "q", "sharedExtendedProperty", "updatedMin")

Row = tuple[list[str | int], dict[str, Any]]  # sort key, resource


@dataclass(frozen=True)
class Shown:
    """How this request wants events shown; read once, because a listing has thousands of them."""

    place: Place
    details: bool
    zone: str

    @classmethod
    def asked(cls, place: Place) -> Shown:
        return cls(place, sees_details(), _zone() or place.owner.time_zone)

    def resource(self, event: Event) -> dict[str, Any]:
        if event.cancelled and event.series:
            return cancelled_exception(event, self.zone)
        if event.deleted:
            return deleted_event(event)
        return event_resource(event, self.place, self.details, self.zone)


@blueprint.get(f"{CALENDAR}/calendars/<calendar>/events")
@operation("calendar.events.list")
def list_events(calendar: str) -> dict[str, Any]:
    place = own_calendar(calendar)
    calendars = the_world().calendars
    version = calendars.version(place.owner, place.name)
    page = _page_token(place)
    page_fails(page.get("number", 1))
    if "syncToken" in request.args:
        kept = _sync_token(place)
        upto = page.get("upto", version)
        rows = _changed(place, kept, upto)
        window = kept["window"]
    else:
        if page and page.get("sync"):
            raise bad_request("A page of an incremental sync needs its sync token.", "invalid", "pageToken")
        window = [request.args.get("timeMin"), request.args.get("timeMax")]
        upto = page.get("upto", version)
        rows = _all(place)
    return _page(place, rows, page, upto, window)


@blueprint.get(f"{CALENDAR}/calendars/<calendar>/events/<event>")
@operation("calendar.events.get")
def get_event(calendar: str, event: str) -> dict[str, Any]:
    place = own_calendar(calendar)
    return event_resource(find(place, event), place, sees_details(), _zone())


@blueprint.get(f"{CALENDAR}/calendars/<calendar>/events/<event>/instances")
@operation("calendar.events.instances")
def list_instances(calendar: str, event: str) -> dict[str, Any]:
    place = own_calendar(calendar)
    master = find(place, event)
    if not master.rrule:
        raise bad_request("The event is not a recurring event.", "notRecurring", "eventId")
    page = _page_token(place)
    page_fails(page.get("number", 1))
    start, end = _window()
    found = the_world().calendars.occurrences(place.owner, place.name, master, start, end)
    shown = Shown.asked(place)
    rows: list[Row] = []
    for one in found:
        original = one.original_start and clock_time(one.original_start, "UTC")
        wanted = request.args.get("originalStart")
        if one.cancelled and not flag("showDeleted"):
            continue
        if wanted and parse_time(wanted, "originalStart") != one.original_start:
            continue
        rows.append(([original or "", one.id], shown.resource(one)))
    return _page(place, rows, page, 0, None)


@blueprint.post(f"{CALENDAR}/calendars/<calendar>/events/watch")
@operation("calendar.events.watch")
def watch_events(calendar: str) -> dict[str, Any]:
    place = own_calendar(calendar)
    return channels.open_channel(body(), "calendar", ["events", place.owner.id, place.name], request.path)


def find(place: Place, event_id: str) -> Event:
    """The event of this calendar, deleted ones too. Raises ApiError 404."""
    event = the_world().calendars.event(place.owner, place.name, event_id)
    if event is None:
        raise not_found()
    return event


# The two kinds of round


def _window() -> tuple[datetime, datetime]:
    """timeMin bounds the end of events, timeMax their start; both exclusive."""
    start = datetime.combine(RULE_START, time(), tzinfo=UTC) - timedelta(days=1)
    end = the_world().now() + AHEAD
    if "timeMin" in request.args:
        start = parse_time(request.args["timeMin"], "timeMin")
    if "timeMax" in request.args:
        end = parse_time(request.args["timeMax"], "timeMax")
        if end <= start:
            raise bad_request("The specified time range is empty.", "timeRangeEmpty", "timeMax")
    return start, max(start, end)


def _all(place: Place) -> list[Row]:
    calendars, single = the_world().calendars, flag("singleEvents")
    order = request.args.get("orderBy")
    if order == "startTime" and not single:
        message = "The requested ordering is not available for the particular query."
        raise bad_request(message, "badRequest", "orderBy")
    start, end = _window()
    shown, with_deleted = Shown.asked(place), flag("showDeleted")
    filtered = any(name in request.args for name in FILTERS)
    read = calendars.instances if single else calendars.stored
    rows: list[Row] = []
    updated_min = (
        parse_time(request.args["updatedMin"], "updatedMin") if "updatedMin" in request.args else None
    )
    for event in read(place.owner, place.name, start, end):
        if event.cancelled and not (with_deleted or updated_min or (event.exception and not single)):
            continue
        if filtered and not _matches(event, updated_min):
            continue
        first = stamp(event.updated) if order == "updated" and event.updated else event.start.isoformat()
        rows.append(([first, event.id], shown.resource(event)))
    return sorted(rows, key=lambda one: one[0]) if order == "updated" else rows


def _matches(event: Event, updated_min: datetime | None) -> bool:
    asked = request.args
    if updated_min and (event.updated is None or event.updated < updated_min):
        return False
    if "iCalUID" in asked and event.uid != asked["iCalUID"]:
        return False
    if "q" in asked:
        words = f"{event.summary} {event.description} {event.location}".lower()
        if asked["q"].lower() not in words:
            return False
    for kind in ("private", "shared"):
        kept = event.extra.get("extendedProperties", {}).get(kind, {})
        for pair in asked.getlist(f"{kind}ExtendedProperty"):
            name, _, value = pair.partition("=")
            if kept.get(name) != value:
                return False
    types = asked.getlist("eventTypes")
    if not types:
        return True
    own = {"out_of_office": "outOfOffice", "elsewhere": "workingLocation"}.get(event.show_as, "default")
    return own in types


def _changed(place: Place, kept: dict[str, Any], upto: int) -> list[Row]:
    calendars, single = the_world().calendars, flag("singleEvents")
    start = parse_time(kept["window"][0], "syncToken") if kept["window"][0] else None
    end = parse_time(kept["window"][1], "syncToken") if kept["window"][1] else None
    low, high = start or _window()[0], end or _window()[1]
    found: dict[str, Row] = {}
    shown = Shown.asked(place)
    for event in calendars.changed_since(place.owner, place.name, kept["change"]):
        if event.change > upto or not _matches(event, None):
            continue
        if event.rrule and single:
            for gone in calendars.gone_occurrences(place.owner, place.name, event, low, high):
                found[gone.id] = (
                    [event.change, gone.id],
                    shown.resource(gone),
                )
            for one in calendars.occurrences(place.owner, place.name, event, low, high):
                found[one.id] = ([event.change, one.id], shown.resource(one))
        else:
            found[event.id] = ([event.change, event.id], shown.resource(event))
    return sorted(found.values(), key=lambda one: one[0])


def _zone() -> str | None:
    name = request.args.get("timeZone")
    if name is None:
        return None
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise bad_request(f"Invalid time zone: {name}", "invalid", "timeZone") from None
    return name


# Pages and tokens


def _parameters() -> dict[str, list[str]]:
    return {name: sorted(request.args.getlist(name)) for name in ROUND if name in request.args}


def _sync_token(place: Place) -> dict[str, Any]:
    for name in NOT_WITH_SYNC_TOKEN:
        if name in request.args:
            raise bad_request(f"Sync token cannot be used with {name}.", "badRequest", name)
    if request.args.get("showDeleted") == "false":
        raise bad_request("Sync token cannot be used with showDeleted=false.", "badRequest", "showDeleted")
    kept = decode(request.args["syncToken"])
    if the_world().faults.hit("sync_token_expired", *g.labels):
        kept = None
    if not kept or kept.get("calendar") != place.id or "change" not in kept:
        message = "Sync token is no longer valid, a full sync is required."
        raise ApiError(410, "fullSyncRequired", message, "calendar")
    # Deletions always come with a sync token, so asking for them again is the same round.
    asked = {name: value for name, value in _parameters().items() if name != "showDeleted"}
    if asked != {name: value for name, value in kept["parameters"].items() if name != "showDeleted"}:
        raise bad_request("The parameters differ from those of the initial sync.", "badRequest", "syncToken")
    if kept["change"] > the_world().calendars.last_change:
        raise ApiError(
            410, "fullSyncRequired", "Sync token is no longer valid, a full sync is required.", "calendar"
        )
    return kept


def _page_token(place: Place) -> dict[str, Any]:
    if "pageToken" not in request.args:
        return {}
    kept = decode(request.args["pageToken"])
    asked = {name: request.args.get(name) for name in OBSERVED} | _parameters()
    if not kept or kept.get("calendar") != place.id or kept.get("asked") != asked or "after" not in kept:
        raise bad_request("Invalid page token value.", "invalid", "pageToken")
    return kept


def _page(
    place: Place, rows: list[Row], page: dict[str, Any], upto: int, window: list[str | None] | None
) -> dict[str, Any]:
    """One page of rows after the last key of the page before. `window` None: no sync token at the end."""
    after = page.get("after")
    left = [one for one in rows if after is None or one[0] > after]
    size = number("maxResults", USUAL_PAGE)
    answer: dict[str, Any] = {
        "kind": "calendar#events",
        "etag": f'"p{upto}"',
        "summary": place.id,
        "updated": stamp(the_world().now()),
        "timeZone": _zone() or place.owner.time_zone,
        "accessRole": "owner" if not place.owner.is_room else "reader",
        "defaultReminders": [],
        "items": [one[1] for one in left[:size]],
    }
    if len(left) > size:
        answer["nextPageToken"] = encode(
            {
                "calendar": place.id,
                "after": left[size - 1][0],
                "upto": upto,
                "number": page.get("number", 1) + 1,
                "sync": "syncToken" in request.args,
                "asked": {name: request.args.get(name) for name in OBSERVED} | _parameters(),
            }
        )
    elif window is not None and not any(name in request.args for name in NO_SYNC_TOKEN_AFTER):
        answer["nextSyncToken"] = encode(
            {"calendar": place.id, "change": upto, "parameters": _parameters(), "window": window}
        )
    return answer
