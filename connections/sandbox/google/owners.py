"""Whose calendar a call means, and what the caller may do with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import g

from ..mailboxes import PRIMARY, PRIVATE_PLANS
from ..people import Person, Room
from ..world import the_world
from .errors import ApiError, not_found
from .tokens import PREFIX

SECOND_CALENDAR = "@group.calendar.google.com"
DETAILS = {
    PREFIX + one
    for one in (
        "calendar",
        "calendar.readonly",
        "calendar.app.created",
        "calendar.events",
        "calendar.events.readonly",
        "calendar.events.owned",
        "calendar.events.owned.readonly",
    )
}


@dataclass(frozen=True)
class Place:
    """One calendar: its owner, its name in the world and its id at Google."""

    owner: Any
    name: str
    id: str


def calendar_id(owner: Person | Room, name: str) -> str:
    """Google's id of a calendar: the address for a primary one."""
    return owner.email if name == PRIMARY else f"c_{owner.id}plans{SECOND_CALENDAR}"


def acting_person() -> Person:
    """The person the token acts as. Raises ApiError when that account has no Calendar service."""
    world = the_world()
    person = world.person(g.token.person_id) if g.token.person_id else None
    if person is None:
        if g.token.person_id:
            raise ApiError(401, "authError", "Invalid Credentials")
        raise not_found()
    if world.faults.hit("not_a_calendar_user", person.email, person.domain):
        raise ApiError(403, "notACalendarUser", "The user must be signed up for Google Calendar.", "calendar")
    return person


def own_calendar(wanted: str) -> Place:
    """A calendar of the acting person, or of a room of the same organization. 404 for all others."""
    person = acting_person()
    if wanted in ("primary", person.id) or wanted.lower() in (person.email.lower(), *person.aliases):
        return Place(person, PRIMARY, person.email)
    if wanted == calendar_id(person, PRIVATE_PLANS) and PRIVATE_PLANS in the_world().calendars.names(person):
        return Place(person, PRIVATE_PLANS, wanted)
    room = the_world().mailbox(wanted)
    if isinstance(room, Room) and room.domain == person.domain:
        return Place(room, PRIMARY, room.email)
    raise not_found()


def sees_details() -> bool:
    """False when the token's scopes give availability only: titles, attendees and places are blanked."""
    return bool(DETAILS & g.token.scopes)
