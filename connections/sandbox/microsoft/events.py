"""Events of a mailbox: reading, and writing as the organizer.

https://learn.microsoft.com/graph/api/resources/event. Invitations always go out; a repeated transactionId is
dropped; a Teams link may silently not come.
"""

import html
import uuid
from dataclasses import replace
from datetime import timedelta

from flask import Response, request

from .. import rooms
from ..events import Event
from ..mailboxes import LONG_AGO, PRIMARY
from ..people import Person, Room
from . import properties
from .calendar import allows_teams
from .event_input import changed_event, new_event, refused
from .event_shapes import full, item_id
from .graph import Call, GraphError, body, operation
from .paging import one_item, outlook_list
from .windows import asked_window

LISTED_AHEAD = timedelta(days=366)  # personal events have no end; a list must
CALENDARS_WITH_EVENTS = "users('id')/events"


def find_event(call: Call, owner: Person | Room, event_id: str) -> tuple[str, Event]:
    """The calendar's name and the event with this Graph id. Raises GraphError 404."""
    wanted = item_id(owner.id, event_id)
    calendars = call.world.calendars
    for name in calendars.names(owner) if wanted else ():
        event = calendars.event(owner, name, wanted)
        if event and not event.deleted:
            return name, event
    raise GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")


@operation("events.list", mailbox=True)
def list_events(call: Call, owner: Person | Room) -> dict:
    """Single events and masters of series; no occurrences. A year ahead, as the written rule never ends."""
    calendars, style = call.world.calendars, call.style(owner)
    until = call.world.now() + LISTED_AHEAD
    singles = [
        one
        for one in calendars.instances(owner, PRIMARY, LONG_AGO, until)
        if not one.series and not one.deleted
    ]
    masters = [one for one in calendars.masters(owner, PRIMARY) if not one.deleted]
    return outlook_list(
        call,
        CALENDARS_WITH_EVENTS,
        [*masters, *singles],
        lambda event: full(event, style),
        properties.EVENT,
    )


@operation("events.get", mailbox=True)
def get_event(call: Call, owner: Person | Room, event_id: str) -> dict:
    """One event: single, master, occurrence or exception, of any calendar of the mailbox."""
    _, event = find_event(call, owner, event_id)
    return one_item(f"{CALENDARS_WITH_EVENTS}/$entity", full(event, call.style(owner)), properties.EVENT)


@operation("events.instances", mailbox=True)
def list_instances(call: Call, owner: Person | Room, event_id: str) -> dict:
    """The occurrences and exceptions of one series in a window."""
    window = asked_window()
    name, master = find_event(call, owner, event_id)
    if not master.rrule:
        raise refused("The event is not a recurring series.", "ErrorCalendarIsNotSeriesMaster")
    style = call.style(owner)
    found = call.world.calendars.occurrences(owner, name, master, *window)
    found = sorted((one for one in found if not one.deleted), key=lambda one: one.start)
    return outlook_list(
        call, "users('id')/events('id')/instances", found, lambda event: full(event, style), properties.EVENT
    )


@operation("events.create", mailbox=True)
def create_event(call: Call, owner: Person | Room) -> tuple[dict, int]:
    """A new event in the default calendar. The same transactionId again gives the first event back."""
    sent = body()
    # One at a time, so that two equal requests cannot both be the first.
    with call.world.lock:
        earlier = _with_transaction(call, owner, sent.get("transactionId"))
        if earlier is None:
            event = _teams(call, owner, new_event(owner, sent), sent)
            call.world.calendars.save(owner, PRIMARY, event)
    if earlier is not None:
        if call.fault("duplicate_transaction_refused"):
            raise GraphError(
                409,
                "ErrorDuplicateTransactionId",
                "Your request can't be completed. You need to use a new TransactionId.",
            )
        event = earlier
    else:
        rooms.answer_later(call.world, owner, event)
    shown = one_item(f"{CALENDARS_WITH_EVENTS}/$entity", full(event, call.style(owner)), properties.EVENT)
    return shown, 201


def _with_transaction(call: Call, owner: Person | Room, transaction: str | None) -> Event | None:
    if not transaction:
        return None
    changes = call.world.calendars.changed_since(owner, PRIMARY, 0)
    found = (one for one in changes if one.extra.get("transactionId") == transaction and not one.deleted)
    return next(found, None)


@operation("events.update", mailbox=True)
def update_event(call: Call, owner: Person | Room, event_id: str) -> dict:
    """Change an event, a whole series or one occurrence; attendees are replaced whole."""
    sent = body()
    name, event = find_event(call, owner, event_id)
    if event.extra.get("onlineMeeting"):
        # Once online it stays online, at the provider it has.
        sent = {
            key: value
            for key, value in sent.items()
            if key not in ("isOnlineMeeting", "onlineMeetingProvider")
        }
        changed = _without_lost_link(changed_event(event, sent), sent) if sent else event
    else:
        changed = _teams(call, owner, changed_event(event, sent), sent)
    call.world.calendars.save(owner, name, changed)
    rooms.answer_later(call.world, owner, changed, name)
    return one_item(f"{CALENDARS_WITH_EVENTS}/$entity", full(changed, call.style(owner)), properties.EVENT)


@operation("events.delete", mailbox=True)
def delete_event(call: Call, owner: Person | Room, event_id: str) -> Response:
    """Remove an event; when the organizer does it, attendees lose their copies."""
    name, event = find_event(call, owner, event_id)
    call.world.calendars.delete(owner, name, event)
    return Response(status=204)


@operation("events.cancel", mailbox=True)
def cancel_event(call: Call, owner: Person | Room, event_id: str) -> Response:
    """Cancel a meeting and tell everybody; only its organizer can."""
    unknown = set(body() if request.data else {}) - {"comment", "Comment"}
    if unknown:
        raise GraphError(400, "BadRequest", f"Unknown parameter: {', '.join(sorted(unknown))}.")
    name, event = find_event(call, owner, event_id)
    if event.response != "organizer":
        raise refused("Your request can't be completed. You need to be an organizer to cancel a meeting.")
    call.world.calendars.delete(owner, name, event)
    return Response(status=202)


def _teams(call: Call, owner: Person | Room, event: Event, sent: dict) -> Event:
    """Give the event its Teams link when it is asked for and the mailbox can have one."""
    if (
        not sent.get("isOnlineMeeting")
        or sent.get("onlineMeetingProvider", "teamsForBusiness") != "teamsForBusiness"
    ):
        return event
    if call.world.faults.would_hit("teams_off", owner.email, call.operation.name, call.tenant.domain):
        # Answered 201 all the same, with isOnlineMeeting false.
        allows_teams(call)
        return event
    thread = uuid.uuid5(uuid.NAMESPACE_OID, event.id).hex
    url = f"https://teams.microsoft.com/l/meetup-join/19%3ameeting_{thread}%40thread.v2/0?context=sandbox"
    meeting = {"joinUrl": url, "conferenceId": str(int(thread[:8], 16)), "tollNumber": None}
    block = f'<div class="me-email-text"><a href="{html.escape(url)}">Join the meeting now</a></div>'
    return replace(
        event,
        description=f"{event.description}{block}",
        extra=event.extra | {"onlineMeeting": meeting, "contentType": "html"},
    )


def _without_lost_link(event: Event, sent: dict) -> Event:
    """A new body without the Teams block takes the link away."""
    url = event.extra["onlineMeeting"]["joinUrl"]
    if "body" not in sent or html.escape(url) in event.description or url in event.description:
        return event
    return replace(event, extra={key: value for key, value in event.extra.items() if key != "onlineMeeting"})
