"""Rooms answer invitations by themselves, a little later: accepted when free, declined when taken."""

from __future__ import annotations

from dataclasses import replace

from .events import Attendee, Event
from .mailboxes import PRIMARY
from .people import Person, Room
from .world import World

ANSWER_AFTER_SECONDS = 1.0


def answer_later(world: World, owner: Person, event: Event, calendar: str = PRIMARY) -> None:
    """Let every invited room that has not answered do so soon. The organizer's event shows the answers."""
    waiting = [one for one in event.attendees if one.response == "unanswered" and _room(world, one)]
    if not waiting or event.response != "organizer" or event.deleted:
        return
    slow = [world.faults.hit("room_declines", one.address) for one in waiting]
    seconds = max((float(one.get("seconds", 2)) for one in slow if one), default=ANSWER_AFTER_SECONDS)
    refused = {one.address for one, fault in zip(waiting, slow, strict=True) if fault}
    world.timers.later(seconds, lambda: _answer(world, owner, calendar, event.id, refused))


def resume(world: World) -> None:
    """After a restart: rooms that had not answered yet do so now."""
    for owner_id, calendar, event in world.calendars.everything():
        owner = world.person(owner_id)
        if owner:
            answer_later(world, owner, event, calendar)


def _room(world: World, attendee: Attendee) -> Room | None:
    found = world.mailbox(attendee.address)
    return found if isinstance(found, Room) else None


def _answer(world: World, owner: Person, calendar: str, event_id: str, refused: set[str]) -> None:
    event = world.calendars.event(owner, calendar, event_id)
    if event is None or event.deleted:
        return
    answered = []
    for one in event.attendees:
        room = _room(world, one)
        if room and one.response == "unanswered":
            taken = one.address in refused or _taken(world, room, event)
            one = replace(one, response="declined" if taken else "accepted")
        answered.append(one)
    world.calendars.save(owner, calendar, replace(event, attendees=tuple(answered)))


def _taken(world: World, room: Room, event: Event) -> bool:
    others = world.calendars.instances(room, PRIMARY, event.start, event.end)
    return any(one.blocks and event.id not in (one.id, one.series) for one in others)
