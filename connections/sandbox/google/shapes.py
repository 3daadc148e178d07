"""Google's words for the neutral event: https://developers.google.com/workspace/calendar/api/v3/reference/events."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from ..events import Attendee, Event
from ..people import Person
from ..world import the_world
from .owners import Place

ANSWER_OUT = {
    "organizer": "accepted",
    "accepted": "accepted",
    "tentative": "tentative",
    "declined": "declined",
    "unanswered": "needsAction",
}
ANSWER_IN = {value: key for key, value in ANSWER_OUT.items() if key != "organizer"}
TRANSPARENT = ("free", "elsewhere")
BLANKED = (
    "summary",
    "description",
    "location",
    "attendees",
    "creator",
    "organizer",
    "htmlLink",
    "hangoutLink",
    "conferenceData",
    "extendedProperties",
    "workingLocationProperties",
    "outOfOfficeProperties",
    "reminders",
)


@lru_cache(maxsize=64)
def stamp(moment: datetime) -> str:
    """A time of Google's own book-keeping: UTC with milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def clock_time(moment: datetime, zone: str) -> str:
    """RFC 3339 with the zone's offset, `Z` for UTC."""
    text = moment.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
    return text.replace("+00:00", "Z")


def event_time(moment: datetime, event: Event, zone: str) -> dict[str, str]:
    """start or end: a date for an all-day event, else an instant with offset and the planned zone."""
    if event.all_day:
        return {"date": event.local(moment).date().isoformat()}
    return {"dateTime": clock_time(moment, zone), "timeZone": event.zone}


def etag(event: Event) -> str:
    return f'"p{event.change:d}r{event.revision:d}"'


def cancelled_exception(event: Event, zone: str) -> dict[str, Any]:
    """A cancelled occurrence: only enough to find the planned one, in that zone."""
    assert event.original_start  # noqa: S101 - an occurrence always has it
    return {
        "kind": "calendar#event",
        "etag": etag(event),
        "id": event.id,
        "status": "cancelled",
        "recurringEventId": event.series,
        "originalStartTime": event_time(event.original_start, event, zone),
    }


def deleted_event(event: Event) -> dict[str, Any]:
    """A deleted event as an incremental listing tells it: little more than its id."""
    return {"kind": "calendar#event", "etag": etag(event), "id": event.id, "status": "cancelled"}


def event_resource(event: Event, place: Place, details: bool, zone: str | None = None) -> dict[str, Any]:
    """The event as one Google resource, times with the offset of `zone` (the calendar's when not given).

    `details` False blanks what availability does not need.
    """
    shown_in = zone or place.owner.time_zone
    out: dict[str, Any] = {
        "kind": "calendar#event",
        "etag": etag(event),
        "id": event.id,
        "status": _status(event),
        "start": event_time(event.start, event, shown_in),
        "end": event_time(event.end, event, shown_in),
        "iCalUID": event.uid,
        "sequence": event.revision,
        "eventType": _event_type(event),
    }
    if event.created and event.updated:
        out |= {"created": stamp(event.created), "updated": stamp(event.updated)}
    if event.rrule:
        out["recurrence"] = [f"RRULE:{event.rrule}"]
    if event.series and event.original_start:
        out["recurringEventId"] = event.series
        out["originalStartTime"] = event_time(event.original_start, event, shown_in)
    if event.show_as in TRANSPARENT:
        out["transparency"] = "transparent"
    if event.private:
        out["visibility"] = "private"
    if details:
        out |= _details(event, place)
    return out


def _status(event: Event) -> str:
    if event.cancelled:
        return "cancelled"
    return "tentative" if event.show_as == "tentative" and event.response == "organizer" else "confirmed"


def _event_type(event: Event) -> str:
    return {"out_of_office": "outOfOffice", "elsewhere": "workingLocation"}.get(event.show_as, "default")


def _details(event: Event, place: Place) -> dict[str, Any]:
    owner_address = place.owner.email.lower()
    organizer: dict[str, Any] = {"email": event.organizer}
    if event.organizer.lower() == owner_address:
        organizer["self"] = True
    out: dict[str, Any] = {
        "htmlLink": f"https://www.google.com/calendar/event?eid={_eid(event, place)}",
        "summary": event.summary,
        "creator": dict(organizer),
        "organizer": organizer,
        "reminders": event.extra.get("reminders", {"useDefault": True}),
    }
    if event.description:
        out["description"] = event.description
    if event.location:
        out["location"] = event.location
    if event.attendees:
        out["attendees"] = [_attendee(one, event, owner_address) for one in event.attendees]
    if event.show_as == "elsewhere":
        label = {"label": event.location}
        out["workingLocationProperties"] = {"type": "customLocation", "customLocation": label}
    if event.show_as == "out_of_office":
        out["outOfOfficeProperties"] = {"autoDeclineMode": "declineNone", "declineMessage": event.summary}
    shared = event.extra.get("shared", {})
    for name in ("conferenceData", "hangoutLink"):
        if name in shared:
            out[name] = shared[name]
    for name in ("extendedProperties", "guestsCanModify", "guestsCanInviteOthers", "guestsCanSeeOtherGuests"):
        if name in event.extra:
            out[name] = event.extra[name]
    return out


def _eid(event: Event, place: Place) -> str:
    return base64.urlsafe_b64encode(f"{event.id} {place.id}".encode()).decode().rstrip("=")


def _attendee(one: Attendee, event: Event, owner_address: str) -> dict[str, Any]:
    out: dict[str, Any] = {"email": one.address, "responseStatus": ANSWER_OUT[one.response]}
    if one.name:
        out["displayName"] = one.name
    if one.address.lower() == event.organizer.lower():
        out["organizer"] = True
    if one.address.lower() == owner_address:
        out["self"] = True
    if one.optional:
        out["optional"] = True
    if one.resource:
        out["resource"] = True
    return out


def calendar_zone(owner: Any) -> str:
    """The zone of a calendar: its owner's home zone."""
    return owner.time_zone


def name_of(address: str) -> str:
    """The name the directory knows for an address, or nothing."""
    found = the_world().mailbox(address)
    return found.name if isinstance(found, Person) else ""
