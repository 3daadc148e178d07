"""Rooms answer invitations by themselves, a little later: accepted when free, declined when not."""

from ..events import Event
from ..mailboxes import PRIMARY
from ..people import Person, Room
from ..world import World

ANSWER_SECONDS = 0.3


def ask_rooms(world: World, owner: Person | Room, event: Event) -> None:
    """Let every invited room that has not answered do so soon."""
    if event.response != "organizer":
        return
    for attendee in event.attendees:
        room = world.mailbox(attendee.address)
        if isinstance(room, Room) and attendee.response == "unanswered" and room.id != owner.id:
            declines = world.faults.hit("room_declines", room.email)
            seconds = declines.get("seconds", 2) if declines else ANSWER_SECONDS
            world.timers.later(
                seconds, lambda room=room, no=bool(declines): _answer(world, room, event.id, no)
            )


def _answer(world: World, room: Room, event_id: str, declines: bool) -> None:
    copy = world.calendars.event(room, PRIMARY, event_id)
    if copy is None or copy.deleted:
        return
    taken = any(
        one.blocks and one.id != copy.id
        for one in world.calendars.instances(room, PRIMARY, copy.start, copy.end)
        if one.series != copy.id
    )
    world.calendars.answer(room, PRIMARY, copy, "declined" if declines or taken else "accepted")
