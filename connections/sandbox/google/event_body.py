"""From Google's event body to the neutral event. Every flaw raises ApiError 400."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dateutil.rrule import rrulestr

from ..events import Attendee, Event
from ..mailboxes import instant, zone
from ..people import Room
from ..world import the_world
from .errors import bad_request
from .owners import Place
from .shapes import ANSWER_IN, name_of

# Members a client may send; what Google fills in itself is taken and left aside.
IGNORED = {
    "anyoneCanAddSelf",
    "attachments",
    "attendeesOmitted",
    "birthdayProperties",
    "colorId",
    "created",
    "creator",
    "endTimeUnspecified",
    "etag",
    "eventLabelId",
    "focusTimeProperties",
    "gadget",
    "hangoutLink",
    "htmlLink",
    "iCalUID",
    "id",
    "kind",
    "locked",
    "organizer",
    "originalStartTime",
    "outOfOfficeProperties",
    "privateCopy",
    "recurringEventId",
    "sequence",
    "source",
    "updated",
    "workingLocationProperties",
    "conferenceData",
}
KEPT_AS_SENT = (
    "extendedProperties",
    "reminders",
    "guestsCanModify",
    "guestsCanInviteOthers",
    "guestsCanSeeOtherGuests",
)
TEXTS = ("summary", "description", "location")
UNDERSTOOD = {
    *IGNORED,
    *KEPT_AS_SENT,
    *TEXTS,
    *("start", "end", "attendees", "recurrence", "transparency", "visibility", "status", "eventType"),
}
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
WALL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?")
OFFSET = re.compile(r"(Z|[+-]\d\d:\d\d)$")
SHOWN = {"default": None, "outOfOffice": "out_of_office", "workingLocation": "elsewhere"}
MOST_ATTENDEES = 200


def changed(event: Event, data: dict[str, Any], place: Place) -> Event:
    """The event with the members of `data` laid over it; null clears a member."""
    unknown = sorted(set(data) - UNDERSTOOD)
    if unknown:
        raise bad_request(f'Invalid JSON payload received. Unknown name "{unknown[0]}".', "badRequest")
    values: dict[str, Any] = {}
    for name in TEXTS:
        if name in data:
            values[name] = _text(data[name], name)
    if "start" in data or "end" in data:
        values |= _times(event, data, place)
    if "recurrence" in data:
        values["rrule"] = _rule(data)
    if "visibility" in data:
        values["private"] = data["visibility"] in ("private", "confidential")
    values |= _shown(event, data)
    moved = "start" in values and (values["start"], values["end"]) != (event.start, event.end)
    if "attendees" in data or moved:
        rows = data.get("attendees")
        values["attendees"] = _attendees(event, rows, place, moved)
    if moved:
        values["revision"] = event.revision + 1
    values["extra"] = dict(event.extra)
    for name in KEPT_AS_SENT:
        if name in data:
            values["extra"][name] = data[name]
            if data[name] is None:
                del values["extra"][name]
    return replace(event, **values)


def _text(value: Any, name: str) -> str:
    if value is not None and not isinstance(value, str):
        raise bad_request(f"Invalid value for: {name}", "invalid", name)
    return value or ""


def _times(event: Event, data: dict[str, Any], place: Place) -> dict[str, Any]:
    recurring = bool(data.get("recurrence") or event.rrule)
    given: dict[str, tuple[datetime, str, bool]] = {}
    for name in ("start", "end"):
        if name in data:
            given[name] = _time(data[name], name, event, place, recurring)
        else:
            given[name] = (getattr(event, name), event.zone, event.all_day)
    (start, home, all_day), (end, _, end_all_day) = given["start"], given["end"]
    if all_day != end_all_day:
        raise bad_request("Start and end times must either both be date or both be dateTime.", "invalid")
    if end < start or (all_day and end == start):
        raise bad_request("The specified time range is empty.", "timeRangeEmpty", "end")
    return {"start": start, "end": end, "zone": home, "all_day": all_day}


def _time(value: Any, name: str, event: Event, place: Place, recurring: bool) -> tuple[datetime, str, bool]:
    """Instant, zone (the event's so far when none is given), whether a whole day."""
    if not isinstance(value, dict) or ("date" in value) == ("dateTime" in value):
        raise bad_request(f"Missing {name} time.", "required", name)
    home = value.get("timeZone")
    if home is not None:
        try:
            zone(home)
        except (KeyError, ValueError, OSError):
            raise bad_request(f"Invalid time zone definition for {name} time.", "invalid", name) from None
    if "date" in value:
        try:
            day = date.fromisoformat(value["date"])
        except (TypeError, ValueError):
            raise bad_request("Invalid date.", "invalid", name) from None
        return instant(day, 0, place.owner.time_zone), place.owner.time_zone, True
    text = str(value["dateTime"])
    with_offset = OFFSET.search(text)
    if not WALL.fullmatch(OFFSET.sub("", text)):
        raise bad_request(f"Invalid value for: {name}", "invalid", name)
    if not home and (recurring or not with_offset):
        raise bad_request(f"Missing time zone definition for {name} time.", "required", name)
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise bad_request(f"Invalid value for: {name}", "invalid", name) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone(home))
    return moment.astimezone(UTC), home or event.zone, False


def _rule(data: dict[str, Any]) -> str | None:
    """The RRULE of `recurrence`. The sandbox keeps one rule; dates by hand (RDATE, EXDATE) are refused."""
    lines = data["recurrence"]
    if not lines:
        return None
    if not isinstance(lines, list) or len(lines) != 1 or not str(lines[0]).startswith("RRULE:"):
        raise bad_request("Invalid recurrence rule.", "invalid", "recurrence")
    rule = str(lines[0]).removeprefix("RRULE:")
    try:
        # An UNTIL in UTC wants a start in UTC; only the spelling is checked here.
        rrulestr(re.sub(r"(UNTIL=\d{8}T\d{6})Z", r"\1", rule), dtstart=datetime(2025, 6, 30))  # noqa: DTZ001
    except ValueError:
        raise bad_request("Invalid recurrence rule.", "invalid", "recurrence") from None
    return rule


def _shown(event: Event, data: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if "eventType" in data:
        if data["eventType"] not in SHOWN:
            raise bad_request("Invalid value for: eventType", "invalid", "eventType")
        if SHOWN[data["eventType"]]:
            values["show_as"] = SHOWN[data["eventType"]]
    if "transparency" in data and event.show_as in ("busy", "free", "tentative"):
        if data["transparency"] not in ("opaque", "transparent", None):
            raise bad_request("Invalid value for: transparency", "invalid", "transparency")
        values.setdefault("show_as", "free" if data["transparency"] == "transparent" else "busy")
    if "status" in data:
        if data["status"] not in ("confirmed", "tentative", "cancelled"):
            raise bad_request("Invalid value for: status", "invalid", "status")
        if data["status"] == "tentative":
            values["show_as"] = "tentative"
        values["cancelled"] = values["deleted"] = data["status"] == "cancelled"
    return values


def _attendees(
    event: Event, rows: list[dict[str, Any]] | None, place: Place, moved: bool
) -> tuple[Attendee, ...]:
    """The list as a whole. Answers known so far stay, unless the time changed: then everybody is asked anew."""
    known = {one.address.lower(): one for one in event.attendees}
    if rows is None:
        found = list(known.values())
    else:
        found = [_attendee(row, known) for row in rows]
        if len(found) > MOST_ATTENDEES:
            raise bad_request("Too many attendees.", "tooManyAttendees", "attendees")
    out = {}
    for one in found:
        address = one.address.lower()
        if address == place.owner.email.lower() and event.response == "organizer":
            one = replace(one, response="accepted" if one.response == "unanswered" else one.response)
        elif moved and event.response == "organizer":
            one = replace(one, response="unanswered")
        out[address] = one
    return tuple(out.values())


def _attendee(row: Any, known: dict[str, Attendee]) -> Attendee:
    address = row.get("email") if isinstance(row, dict) else None
    if not address:
        raise bad_request("Missing attendee email.", "required", "attendees")
    if not ADDRESS.fullmatch(str(address)):
        raise bad_request("Invalid attendee email.", "invalid", "attendees")
    answer = row.get("responseStatus")
    if answer is not None and answer not in ANSWER_IN:
        raise bad_request("Invalid value for: responseStatus", "invalid", "attendees")
    before = known.get(address.lower())
    is_room = isinstance(the_world().mailbox(address), Room)
    return Attendee(
        address=address,
        name=row.get("displayName") or (before.name if before else "") or name_of(address),
        response=before.response if before else "unanswered",
        optional=bool(row.get("optional")),
        resource=before.resource if before else bool(row.get("resource")) or is_room,
    )


def blank(place: Place, event_id: str, uid: str | None) -> Event:
    """An event of this organizer, to be filled by `changed`."""
    nothing = datetime(2000, 1, 1, tzinfo=UTC)
    return Event(
        id=event_id,
        start=nothing,
        end=nothing + timedelta(hours=1),
        zone=place.owner.time_zone,
        organizer=place.owner.email,
        uid=uid or f"{event_id}@google.com",
    )
