"""What a caller sends for an event, checked and turned into the neutral event.

Graph refuses unknown members, unknown zones, an end before its start, and all-day events that do not run from
midnight to midnight: https://learn.microsoft.com/graph/api/user-post-events.
"""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from ..events import Attendee, Event
from ..people import Person, Room
from .event_shapes import SHOW_AS_BACK
from .graph import GraphError
from .recurrence import rule_from_pattern
from .zones import zone_named

MOST_ATTENDEES = 500
ATTENDEE_TYPES = {name: name for name in ("required", "optional", "resource")}
# Members kept as they were sent, under Graph's own names.
KEPT = (
    "allowNewTimeProposals",
    "categories",
    "hideAttendees",
    "importance",
    "isReminderOn",
    "reminderMinutesBeforeStart",
    "responseRequested",
    "sensitivity",
)
UPDATABLE = {
    *KEPT,
    "attendees",
    "body",
    "end",
    "isAllDay",
    "isOnlineMeeting",
    "location",
    "locations",
    "onlineMeetingProvider",
    "recurrence",
    "showAs",
    "start",
    "subject",
}
CREATABLE = UPDATABLE | {"transactionId"}


def refused(message: str, code: str = "ErrorInvalidRequest") -> GraphError:
    """400 with Exchange's code."""
    return GraphError(400, code, message)


def new_event(owner: Person | Room, sent: dict[str, Any]) -> Event:
    """The event a POST asks for, not saved yet. Raises GraphError 400."""
    _known(sent, CREATABLE)
    for name in ("start", "end"):
        if not sent.get(name):
            raise refused(f"The property '{name}' is required.", "ErrorPropertyValidationFailure")
    event_id = uuid.uuid4().hex
    blank = Event(
        id=event_id,
        start=datetime.now(UTC),
        end=datetime.now(UTC),
        zone="UTC",
        organizer=owner.email,
        uid=f"040000008200E00074C5B7101A82E008{event_id.upper()}",
    )
    event = _with(blank, sent)
    if sent.get("transactionId"):
        event.extra["transactionId"] = sent["transactionId"]
    return event


def changed_event(event: Event, sent: dict[str, Any]) -> Event:
    """The event as a PATCH leaves it; `attendees` are replaced whole. Raises GraphError 400."""
    _known(sent, UPDATABLE)
    if not sent:
        raise refused("The request contains nothing to change.")
    changed = _with(event, sent)
    changed.revision += 1
    changed.exception = bool(event.series)
    if (changed.start, changed.end) != (event.start, event.end) and event.response == "organizer":
        # A new time asks everybody again.
        changed.attendees = tuple(replace(one, response="unanswered") for one in changed.attendees)
    return changed


def _known(sent: dict[str, Any], allowed: set[str]) -> None:
    for name in sent:
        if name not in allowed:
            raise GraphError(
                400,
                "RequestBodyRead",
                f"The property '{name}' does not exist on type 'microsoft.graph.event' or cannot be set.",
            )


def _with(event: Event, sent: dict[str, Any]) -> Event:
    try:
        return replace(event, **_values(event, sent))
    except (AttributeError, TypeError) as error:
        message = "A property has a value of the wrong type."
        raise GraphError(400, "RequestBodyRead", message) from error


def _values(event: Event, sent: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {"extra": dict(event.extra)}
    values |= _times(event, sent)
    if "subject" in sent:
        values["summary"] = sent["subject"] or ""
    if "body" in sent:
        content = sent["body"] or {}
        values["description"] = content.get("content") or ""
        values["extra"]["contentType"] = content.get("contentType") or "text"
    if "showAs" in sent:
        values["show_as"] = _choice(SHOW_AS_BACK, sent["showAs"] or "busy", "showAs")
    if "sensitivity" in sent:
        values["private"] = sent["sensitivity"] in ("private", "confidential")
    place = sent.get("location") or next(iter(sent.get("locations") or ()), None)
    if place is not None:
        values["location"] = place.get("displayName") or ""
        values["extra"]["location"] = place
    if "attendees" in sent:
        values["attendees"] = _attendees(event, sent["attendees"] or [])
    if sent.get("recurrence"):
        try:
            values["rrule"] = rule_from_pattern(sent["recurrence"])
        except (ValueError, KeyError) as error:
            raise refused(str(error), "ErrorInvalidRecurrencePattern") from error
    for name in KEPT:
        if sent.get(name) is not None:
            values["extra"][name] = sent[name]
    return values


def _choice(table: dict[str, str], value: str, name: str) -> str:
    if value not in table:
        raise GraphError(400, "RequestBodyRead", f"The value '{value}' is not valid for property '{name}'.")
    return table[value]


def _times(event: Event, sent: dict[str, Any]) -> dict[str, Any]:
    if not {"start", "end", "isAllDay"} & set(sent):
        return {}
    all_day = event.all_day if sent.get("isAllDay") is None else bool(sent["isAllDay"])
    start, zone = (
        _moment(sent["start"], "start") if sent.get("start") else (event.start, ZoneInfo(event.zone))
    )
    end, _ = _moment(sent["end"], "end") if sent.get("end") else (event.end, zone)
    if end < start:
        raise refused("The end is before the start.", "ErrorCalendarEndDateIsEarlierThanStartDate")
    midnight = all(one.astimezone(zone).time() == time() for one in (start, end))
    if all_day and not (midnight and end > start):
        raise refused(
            "The Event.Start and Event.End of an all-day event must be set to midnight.",
            "ErrorPropertyValidationFailure",
        )
    return {"start": start, "end": end, "zone": zone.key, "all_day": all_day}


def _moment(sent: Any, name: str) -> tuple[datetime, ZoneInfo]:
    """Instant and zone of a dateTimeTimeZone."""
    text, zone_name = (sent.get("dateTime"), sent.get("timeZone")) if isinstance(sent, dict) else (None, None)
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise refused(f"'{name}' needs a dateTime.", "ErrorPropertyValidationFailure") from None
    zone = zone_named(zone_name or "UTC")
    if zone is None:
        raise refused(
            f"A valid TimeZone value must be specified. The following TimeZone value is not supported:"
            f" '{zone_name}'.",
            "TimeZoneNotSupportedException",
        )
    return moment.replace(tzinfo=moment.tzinfo or zone).astimezone(UTC), zone


def _attendees(event: Event, sent: list[dict[str, Any]]) -> tuple[Attendee, ...]:
    """The attendees of the body, who keep the answers they had."""
    if len(sent) > MOST_ATTENDEES:
        raise refused(f"An event can have at most {MOST_ATTENDEES} attendees.", "ErrorExceededMaxAttendees")
    answers = {one.address.lower(): one.response for one in event.attendees}
    out = []
    for one in sent:
        address = (one.get("emailAddress") or {}).get("address")
        if not address:
            raise refused("An attendee needs an emailAddress.", "ErrorInvalidRecipients")
        kind = _choice(
            {name: name for name in ("required", "optional", "resource")},
            one.get("type") or "required",
            "type",
        )
        out.append(
            Attendee(
                address=address,
                name=one["emailAddress"].get("name") or "",
                response=answers.get(address.lower(), "unanswered"),
                optional=kind == "optional",
                resource=kind == "resource",
            )
        )
    return tuple(out)
