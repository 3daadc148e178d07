"""calendarList, calendars.get and settings.get of Calendar v3."""

from __future__ import annotations

import base64
import json
from typing import Any

from flask import Response, g, jsonify, request

from ..mailboxes import PRIMARY, PRIVATE_PLANS
from ..people import Person
from ..world import the_world
from . import channels
from .errors import ApiError, bad_request, not_found
from .operations import body, number, operation
from .owners import acting_person, calendar_id, own_calendar
from .routes import CALENDAR, blueprint

CONFERENCES = {"allowedConferenceSolutionTypes": ["hangoutsMeet"]}
REFUSED_WITH_SYNC_TOKEN = ("minAccessRole", "showOwnOrganizationOnly")
SETTINGS = {"locale": "en", "weekStart": "1", "format24HourTime": "true", "defaultEventLength": "60"}


def encode(data: dict[str, Any]) -> str:
    """An opaque token that carries `data`."""
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def decode(text: str) -> dict[str, Any] | None:
    """What `encode` put into a token; None for anything it did not make."""
    try:
        data = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _entry(person: Person, name: str) -> dict[str, Any]:
    own = name == PRIMARY
    entry: dict[str, Any] = {
        "kind": "calendar#calendarListEntry",
        "etag": f'"{person.id}{name}"',
        "id": calendar_id(person, name),
        "summary": person.email if own else "Private plans",
        "timeZone": person.time_zone,
        "colorId": "14" if own else "7",
        "backgroundColor": "#9fe1e7",
        "foregroundColor": "#000000",
        "selected": True,
        "accessRole": "owner",
        "defaultReminders": [{"method": "popup", "minutes": 10}] if own else [],
        "conferenceProperties": CONFERENCES,
        "dataOwner": person.email,
    }
    if own:
        entry["primary"] = True
    return entry


@blueprint.get(f"{CALENDAR}/users/me/calendarList")
@operation("calendar.calendarList.list")
def list_calendars() -> dict[str, Any]:
    person = acting_person()
    names = the_world().calendars.names(person)
    answer: dict[str, Any] = {"kind": "calendar#calendarList", "etag": f'"{person.id}"'}
    if "syncToken" in request.args:
        for name in REFUSED_WITH_SYNC_TOKEN:
            if name in request.args:
                raise bad_request(f"Sync token cannot be used with {name}.", "badRequest", name)
        kept = decode(request.args["syncToken"])
        if (
            not kept
            or kept.get("list") != person.id
            or the_world().faults.hit("sync_token_expired", *g.labels)
        ):
            raise ApiError(
                410, "fullSyncRequired", "Sync token is no longer valid, a full sync is required.", "calendar"
            )
        return answer | {"items": [], "nextSyncToken": request.args["syncToken"]}
    after = 0
    if "pageToken" in request.args:
        kept = decode(request.args["pageToken"])
        if not kept or kept.get("list") != person.id:
            raise bad_request("Invalid page token value.", "invalid", "pageToken")
        after = kept["after"]
    size = number("maxResults", 100)
    answer["items"] = [_entry(person, name) for name in names[after : after + size]]
    if after + size < len(names):
        answer["nextPageToken"] = encode({"list": person.id, "after": after + size})
    else:
        answer["nextSyncToken"] = encode({"list": person.id, "names": names})
    return answer


@blueprint.get(f"{CALENDAR}/users/me/calendarList/<calendar>")
@operation("calendar.calendarList.get")
def get_list_entry(calendar: str) -> dict[str, Any]:
    place = own_calendar(calendar)
    if place.owner.is_room:
        raise not_found()
    return _entry(place.owner, place.name)


@blueprint.post(f"{CALENDAR}/users/me/calendarList/watch")
@operation("calendar.calendarList.watch")
def watch_list() -> dict[str, Any]:
    person = acting_person()
    return channels.open_channel(body(), "calendar", ["calendarList", person.id], request.path)


@blueprint.get(f"{CALENDAR}/calendars/<calendar>")
@operation("calendar.calendars.get")
def get_calendar(calendar: str) -> dict[str, Any]:
    place = own_calendar(calendar)
    second = place.name == PRIVATE_PLANS
    return {
        "kind": "calendar#calendar",
        "etag": f'"{place.id}"',
        "id": place.id,
        "summary": "Private plans" if second else place.id,
        "timeZone": place.owner.time_zone,
        "conferenceProperties": CONFERENCES,
    }


@blueprint.get(f"{CALENDAR}/users/me/settings/<setting>")
@operation("calendar.settings.get")
def get_setting(setting: str) -> dict[str, Any]:
    person = acting_person()
    values = {**SETTINGS, "timezone": person.time_zone}
    if setting not in values:
        raise not_found()
    return {"kind": "calendar#setting", "etag": f'"{setting}"', "id": setting, "value": values[setting]}


@blueprint.post(f"{CALENDAR}/channels/stop")
@operation("calendar.channels.stop")
def stop_channel() -> Response:
    acting_person()
    channels.stop(body(), "calendar")
    answer = jsonify()
    answer.status_code, answer.data = 204, b""
    return answer
