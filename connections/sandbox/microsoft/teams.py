"""Teams meetings without a calendar: https://learn.microsoft.com/graph/api/resources/onlinemeeting.

The permission is not enough: without a Teams application access policy every call is refused. Meetings are known
by the organizer's object id, not by address.
"""

import uuid
from datetime import datetime
from typing import Any

from flask import Response

from ..people import Person
from . import people, properties
from .graph import Call, GraphError, body, operation
from .paging import one_item
from .people import object_id

WRITABLE = {
    "allowedPresenters",
    "endDateTime",
    "isEntryExitAnnounced",
    "lobbyBypassSettings",
    "startDateTime",
    "subject",
}
CREATABLE = WRITABLE | {"externalId", "joinMeetingIdSettings"}
CREATABLE_OR_GOT = {"endDateTime", "externalId", "startDateTime", "subject"}


def _organizer(call: Call, user_id: str) -> Person:
    """The person whose meetings these are. Raises GraphError for an address instead of an id, or no policy."""
    account = people.account(call.world, call.tenant, user_id)
    if not isinstance(account, Person) or user_id.lower() != object_id(account.id):
        raise GraphError(404, "UserNotFound", f"The user '{user_id}' was not found; use the object id.")
    if call.fault("teams_policy_missing", account.email):
        raise GraphError(
            403,
            "Forbidden",
            f"App {call.app_id} is not authorized to Create meeting on behalf of user {user_id}: no application"
            " access policy found for this app.",
        )
    return account


def _meetings(call: Call) -> dict[str, dict[str, Any]]:
    """Meetings by id, kept in state.json, each with its `organizer` (a world id)."""
    return call.world.section("microsoft.meetings")


def _meeting(call: Call, organizer: Person, meeting_id: str) -> dict[str, Any]:
    found = _meetings(call).get(meeting_id)
    if found is None or found["organizer"] != organizer.id:
        raise GraphError(404, "NotFound", "The meeting does not exist or was deleted.")
    return found


def _shown(meeting: dict[str, Any]) -> dict[str, Any]:
    return one_item(
        "users('id')/onlineMeetings/$entity",
        {name: value for name, value in meeting.items() if name != "organizer"},
        properties.MEETING,
    )


def _checked(sent: dict[str, Any], allowed: set[str]) -> dict[str, Any]:
    unknown = set(sent) - allowed
    if unknown:
        raise GraphError(400, "BadRequest", f"Unknown property: {', '.join(sorted(unknown))}.")
    times = {}
    for name in ("startDateTime", "endDateTime"):
        if name in sent:
            times[name] = _moment(sent[name], name)
    if len(times) == 2 and times["endDateTime"] <= times["startDateTime"]:
        raise GraphError(400, "BadRequest", "The end time must be after the start time.")
    return sent


def _moment(text: Any, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise GraphError(400, "BadRequest", f"{name} needs a date and time with an offset.")
    return moment


def _new(call: Call, organizer: Person, sent: dict[str, Any]) -> dict[str, Any]:
    now = call.world.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    thread = uuid.uuid4().hex
    digits = f"{uuid.uuid4().int % 10**12:012d}"
    meeting = {
        "id": f"MSo{thread}",
        "creationDateTime": now,
        "startDateTime": now,
        "endDateTime": now,
        "subject": None,
        "joinWebUrl": f"https://teams.microsoft.com/l/meetup-join/19%3ameeting_{thread}%40thread.v2/0",
        "allowedPresenters": "everyone",
        "isEntryExitAnnounced": True,
        "lobbyBypassSettings": {"scope": "organization", "isDialInBypassEnabled": False},
        "joinMeetingIdSettings": {
            "isPasscodeRequired": False,
            "joinMeetingId": digits,
            "passcode": None,
        },
        "audioConferencing": None,
        "externalId": None,
        "organizer": organizer.id,
        **sent,
    }
    _meetings(call)[meeting["id"]] = meeting
    call.world.changed()
    return meeting


@operation("onlineMeetings.create")
def create_meeting(call: Call, user_id: str) -> tuple[dict, int]:
    """A new meeting on nobody's calendar. Not idempotent: each POST makes one."""
    organizer = _organizer(call, user_id)
    with call.world.lock:
        return _shown(_new(call, organizer, _checked(body(), CREATABLE))), 201


@operation("onlineMeetings.createOrGet")
def create_or_get_meeting(call: Call, user_id: str) -> tuple[dict, int]:
    """The meeting of this externalId: 201 when it is new, 200 when it was there."""
    organizer, sent = _organizer(call, user_id), _checked(body(), CREATABLE_OR_GOT)
    if not sent.get("externalId"):
        raise GraphError(400, "BadRequest", "externalId is required.")
    with call.world.lock:
        for one in _meetings(call).values():
            if (one["organizer"], one["externalId"]) == (organizer.id, sent["externalId"]):
                return _shown(one), 200
        return _shown(_new(call, organizer, sent)), 201


@operation("onlineMeetings.get")
def get_meeting(call: Call, user_id: str, meeting_id: str) -> dict:
    """One meeting."""
    return _shown(_meeting(call, _organizer(call, user_id), meeting_id))


@operation("onlineMeetings.update")
def update_meeting(call: Call, user_id: str, meeting_id: str) -> dict:
    """Change a meeting; its link stays."""
    meeting = _meeting(call, _organizer(call, user_id), meeting_id)
    with call.world.lock:
        meeting.update(_checked(body(), WRITABLE))
    call.world.changed()
    return _shown(meeting)


@operation("onlineMeetings.delete")
def delete_meeting(call: Call, user_id: str, meeting_id: str) -> Response:
    """Remove a meeting."""
    meeting = _meeting(call, _organizer(call, user_id), meeting_id)
    with call.world.lock:
        _meetings(call).pop(meeting["id"], None)
    call.world.changed()
    return Response(status=204)
