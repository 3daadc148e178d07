"""events.insert, patch, update and delete of Calendar v3, as the organizer or as a guest."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from typing import Any

from flask import Response, g, jsonify, request

from .. import rooms
from ..events import Event
from ..world import the_world
from . import conferences
from .errors import ApiError, bad_request
from .event_body import blank, changed
from .event_reads import find
from .operations import body, number, operation
from .owners import Place, own_calendar
from .routes import CALENDAR, blueprint
from .shapes import ANSWER_IN, etag, event_resource

EVENT_ID = re.compile(r"[a-v0-9]{5,1024}")
SHARED_MEMBERS = {"start", "end", "summary", "description", "location", "recurrence", "conferenceData"}
# What PUT resets when the body does not name it; answers, conference and own members of Google stay.
CLEARED_BY_UPDATE = (
    "summary",
    "description",
    "location",
    "attendees",
    "recurrence",
    "transparency",
    "visibility",
    "extendedProperties",
    "reminders",
)


def _writable(calendar: str) -> Place:
    if g.token.person_id is None:
        if body().get("attendees"):
            message = "Service accounts cannot invite attendees without Domain-Wide Delegation of Authority."
            raise ApiError(403, "forbiddenForServiceAccounts", message, "calendar")
        raise ApiError(404, "notFound", "Not Found")
    place = own_calendar(calendar)
    if place.owner.is_room:
        message = "You need to have writer access to this calendar."
        raise ApiError(403, "requiredAccessLevel", message, "calendar")
    return place


def _found(place: Place, event_id: str) -> Event:
    """The event, when the caller's If-Match still holds."""
    event = find(place, event_id)
    wanted = request.headers.get("If-Match")
    if wanted and wanted not in ("*", etag(event)):
        raise ApiError(412, "conditionNotMet", "Precondition Failed")
    return event


def _save(place: Place, event: Event) -> dict[str, Any]:
    world = the_world()
    saved = world.calendars.save(place.owner, place.name, event)
    answer = event_resource(saved, place, details=True)
    rooms.answer_later(world, place.owner, saved, place.name)
    conferences.finish_later(world, place.owner, place.name, saved)
    return answer


@blueprint.post(f"{CALENDAR}/calendars/<calendar>/events")
@operation("calendar.events.insert")
def insert_event(calendar: str) -> dict[str, Any]:
    place, data = _writable(calendar), body()
    for name in ("start", "end"):
        if not data.get(name):
            raise bad_request(f"Missing {name} time.", "required", name)
    event_id = data.get("id")
    if event_id is not None and not (isinstance(event_id, str) and EVENT_ID.fullmatch(event_id)):
        raise bad_request("Invalid resource id value.", "invalid", "id")
    if event_id and data.get("iCalUID"):
        raise bad_request("Only one of id and iCalUID may be given.", "invalid", "id")
    new = changed(blank(place, event_id or uuid.uuid4().hex, data.get("iCalUID")), data, place)
    new = replace(new, revision=0)
    if number("conferenceDataVersion", 0) == 1:
        new = conferences.ask(new, data, place)
    with the_world().lock:  # two inserts with one id at the same moment: one of them finds the other
        if the_world().calendars.event(place.owner, place.name, new.id):
            raise ApiError(409, "duplicate", "The requested identifier already exists.")
        return _save(place, new)


@blueprint.patch(f"{CALENDAR}/calendars/<calendar>/events/<event>")
@operation("calendar.events.patch")
def patch_event(calendar: str, event: str) -> dict[str, Any]:
    return _change(_writable(calendar), event, body())


@blueprint.put(f"{CALENDAR}/calendars/<calendar>/events/<event>")
@operation("calendar.events.update")
def update_event(calendar: str, event: str) -> dict[str, Any]:
    data = body()
    for name in ("start", "end"):
        if not data.get(name):
            raise bad_request(f"Missing {name} time.", "required", name)
    absent = {name: [] if name == "attendees" else None for name in CLEARED_BY_UPDATE if name not in data}
    return _change(_writable(calendar), event, absent | data)


def _change(place: Place, event_id: str, data: dict[str, Any]) -> dict[str, Any]:
    with the_world().lock:
        event = _found(place, event_id)
        if event.deleted:
            raise ApiError(403, "forbidden", "Forbidden")
        if event.response != "organizer":
            return _change_as_guest(place, event, data)
        new = changed(
            event, {**data, "attendees": data.get("attendees") or []} if "attendees" in data else data, place
        )
        if number("conferenceDataVersion", 0) == 1:
            new = conferences.ask(new, data, place)
        if new.deleted:
            return event_resource(the_world().calendars.delete(place.owner, place.name, new), place, True)
        return _save(place, replace(new, exception=bool(new.series)))


def _change_as_guest(place: Place, event: Event, data: dict[str, Any]) -> dict[str, Any]:
    """A guest answers, and changes what is the guest's own."""
    if SHARED_MEMBERS & {name for name, value in data.items() if value is not None}:
        message = "Shared properties can only be changed by the organizer of the event."
        raise ApiError(403, "forbiddenForNonOrganizer", message, "calendar")
    own = place.owner.email.lower()
    for row in data.get("attendees") or ():
        if str(row.get("email", "")).lower() == own and row.get("responseStatus") in ANSWER_IN:
            answer = ANSWER_IN[row["responseStatus"]]
            event = replace(event, exception=bool(event.series))
            event = the_world().calendars.answer(place.owner, place.name, event, answer)
    return event_resource(event, place, details=True)


@blueprint.delete(f"{CALENDAR}/calendars/<calendar>/events/<event>")
@operation("calendar.events.delete")
def delete_event(calendar: str, event: str) -> Response:
    place, calendars = _writable(calendar), the_world().calendars
    with the_world().lock:
        found = _found(place, event)
        if found.cancelled:
            raise ApiError(410, "deleted", "Resource has been deleted")
        if found.response not in ("organizer", "declined"):
            found = calendars.answer(place.owner, place.name, found, "declined")
        calendars.delete(place.owner, place.name, found)
    answer = jsonify()
    answer.status_code, answer.data = 204, b""
    return answer
