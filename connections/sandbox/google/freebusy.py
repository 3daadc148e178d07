"""freeBusy.query: merged busy blocks per calendar, with an error per calendar inside a 200.

https://developers.google.com/workspace/calendar/api/v3/reference/freebusy/query
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import g

from ..mailboxes import PRIMARY, PRIVATE_PLANS
from ..people import Group, Person
from ..world import World, the_world
from .errors import bad_request
from .operations import RFC_3339, body, operation
from .owners import acting_person, calendar_id
from .routes import CALENDAR, blueprint
from .shapes import clock_time, stamp

LONGEST_WINDOW = timedelta(days=92)
MOST_CALENDARS = 50
MOST_MEMBERS = 100
MEMBERS = {"timeMin", "timeMax", "timeZone", "items", "calendarExpansionMax", "groupExpansionMax"}


def parse_time(text: Any, name: str) -> datetime:
    """An RFC 3339 time with offset as UTC. Raises ApiError 400."""
    if not isinstance(text, str) or not RFC_3339.fullmatch(text):
        raise bad_request(f"Invalid value for: {name}", "invalid", name)
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
    except ValueError:
        raise bad_request(f"Invalid value for: {name}", "invalid", name) from None


@blueprint.post(f"{CALENDAR}/freeBusy")
@operation("calendar.freebusy.query")
def free_busy() -> dict[str, Any]:
    world, person, data = the_world(), acting_person(), body()
    unknown = set(data) - MEMBERS
    if unknown:
        raise bad_request(f'Unknown name "{sorted(unknown)[0]}": Cannot find field.', "badRequest")
    start, end = parse_time(data.get("timeMin"), "timeMin"), parse_time(data.get("timeMax"), "timeMax")
    if end <= start:
        raise bad_request("The specified time range is empty.", "timeRangeEmpty", "timeMax")
    if end - start > LONGEST_WINDOW:
        raise bad_request("The requested time range is too long.", "timeRangeTooLong", "timeMax")
    items = data.get("items", [])
    if not isinstance(items, list) or not all(isinstance(one, dict) and "id" in one for one in items):
        raise bad_request("Invalid value for: items", "invalid", "items")
    most = min(int(data.get("calendarExpansionMax", MOST_CALENDARS)), MOST_CALENDARS)
    answer: dict[str, Any] = {
        "kind": "calendar#freeBusy",
        "timeMin": stamp(start),
        "timeMax": stamp(end),
        "calendars": {},
    }
    wanted = [str(one["id"]) for one in items]
    members, groups = _expand(world, person, wanted, int(data.get("groupExpansionMax", MOST_MEMBERS)))
    if groups:
        answer["groups"] = groups
    for number, one in enumerate(dict.fromkeys(members)):
        if number >= most:
            row = _error("tooManyCalendarsRequested")
        else:
            row = _calendar(world, person, one, start, end, data.get("timeZone", "UTC"))
        answer["calendars"][one] = row
    return answer


def _error(reason: str) -> dict[str, Any]:
    return {"errors": [{"domain": "global", "reason": reason}], "busy": []}


def _expand(
    world: World, person: Person, wanted: list[str], most: int
) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """Calendars asked for, groups replaced by their members, and the `groups` part of the answer."""
    members: list[str] = []
    groups: dict[str, dict[str, Any]] = {}
    by_address: dict[str, Group] = {one.email: one for one in world.groups.values()}
    for one in wanted:
        group = by_address.get(one.lower()) if person.domain == "kube.example" else None
        if group is None:
            members.append(one)
        elif len(group.members) > min(most, MOST_MEMBERS):
            groups[one] = {"errors": [{"domain": "global", "reason": "groupTooBig"}]}
        else:
            inside = [world.people[key].email for key in group.members if key in world.people]
            groups[one] = {"calendars": inside}
            members += inside
    return members, groups


def _calendar(
    world: World, person: Person, wanted: str, start: datetime, end: datetime, zone: str
) -> dict[str, Any]:
    broken = world.faults.hit("calendar_error", wanted, person.email, *g.labels)
    if broken:
        return _error(broken.get("reason", "internalError"))
    found = _visible(world, person, wanted)
    if found is None:
        return _error("notFound")
    busy = world.calendars.busy(found[0], start, end, found[1])
    return {"busy": [{"start": clock_time(a, zone), "end": clock_time(b, zone)} for a, b in busy]}


def _visible(world: World, person: Person, wanted: str) -> tuple[Any, str] | None:
    """Whose calendar this is, when the person may see when it is busy: all of the same organization."""
    if wanted == "primary":
        return person, PRIMARY
    if wanted == calendar_id(person, PRIVATE_PLANS) and PRIVATE_PLANS in world.calendars.names(person):
        return person, PRIVATE_PLANS
    owner = world.mailbox(wanted) if "@" in wanted else None
    if owner is None or owner.domain != person.domain or not owner.has_mailbox:
        return None
    if owner.id != person.id and world.faults.hit("not_shared", owner.email, person.email):
        return None
    return owner, PRIMARY
