"""Meet conferences on events: asked for by `createRequest`, made a little later.

Without conferenceDataVersion=1 the request is silently ignored, as at Google. The conference is pending at
first; a later read shows success with entry points, or failure.
"""

from __future__ import annotations

import copy
import secrets
import string
from dataclasses import replace
from typing import Any

from ..events import Event
from ..people import Person
from ..world import World, the_world
from .errors import bad_request
from .owners import Place

READY_AFTER_SECONDS = 0.5


def meeting_code() -> str:
    """A code like Google's: abc-defg-hij."""
    letters = "".join(secrets.choice(string.ascii_lowercase) for _ in range(10))
    return f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"


def ask(event: Event, data: dict[str, Any], place: Place) -> Event:
    """The event with its conference pending when a new one is asked for. Raises ApiError 400.

    null takes the conference away; a request id seen before changes nothing.
    """
    if "conferenceData" not in data:
        return event
    wanted = data["conferenceData"]
    if wanted is None:
        return replace(event, extra={**event.extra, "shared": {}})
    request = wanted.get("createRequest") if isinstance(wanted, dict) else None
    if not request:
        return event
    kind = request.get("conferenceSolutionKey", {}).get("type", "hangoutsMeet")
    if kind != "hangoutsMeet" or the_world().faults.hit("conference_type_refused", place.owner.email):
        raise bad_request("Invalid conference type value.", "invalid", "conferenceData")
    if not request.get("requestId"):
        raise bad_request("Missing conference request id.", "required", "conferenceData")
    before = event.extra.get("shared", {}).get("conferenceData", {}).get("createRequest", {})
    if before.get("requestId") == request["requestId"]:
        return event
    pending = {
        "createRequest": {
            "requestId": request["requestId"],
            "conferenceSolutionKey": {"type": kind},
            "status": {"statusCode": "pending"},
        }
    }
    return replace(event, extra={**event.extra, "shared": {"conferenceData": pending}})


def is_pending(event: Event) -> bool:
    made = event.extra.get("shared", {}).get("conferenceData", {}).get("createRequest", {})
    return made.get("status", {}).get("statusCode") == "pending"


def finish_later(world: World, owner: Person, calendar: str, event: Event) -> None:
    """Let a pending conference come to its end soon."""
    if not is_pending(event) or event.deleted or event.response != "organizer":
        return
    slow = world.faults.hit("meet_pending", owner.email)
    seconds = float(slow.get("seconds", 5)) if slow else READY_AFTER_SECONDS
    fails = bool(world.faults.hit("meet_fails", owner.email))
    world.timers.later(seconds, lambda: _finish(world, owner, calendar, event.id, fails))


def resume(world: World) -> None:
    """After a restart: conferences that were pending come to their end."""
    for owner_id, calendar, event in world.calendars.everything():
        owner = world.person(owner_id)
        if owner:
            finish_later(world, owner, calendar, event)


def _finish(world: World, owner: Person, calendar: str, event_id: str, fails: bool) -> None:
    event = world.calendars.event(owner, calendar, event_id)
    if event is None or event.deleted or not is_pending(event):
        return
    shared = copy.deepcopy(event.extra["shared"])
    made = shared["conferenceData"]
    made["createRequest"]["status"]["statusCode"] = "failure" if fails else "success"
    if not fails:
        code = meeting_code()
        link = f"https://meet.google.com/{code}"
        made |= {
            "conferenceId": code,
            "conferenceSolution": {"key": {"type": "hangoutsMeet"}, "name": "Google Meet"},
            "entryPoints": [{"entryPointType": "video", "uri": link, "label": link.removeprefix("https://")}],
        }
        shared["hangoutLink"] = link
    world.calendars.save(owner, calendar, replace(event, extra={**event.extra, "shared": shared}))
