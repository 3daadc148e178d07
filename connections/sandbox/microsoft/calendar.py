"""Calendars and calendar views: https://learn.microsoft.com/graph/api/resources/calendar."""

from ..mailboxes import PRIMARY
from ..people import Person, Room
from . import properties
from .event_shapes import full, item_id
from .graph import Call, GraphError, operation
from .paging import one_item, outlook_list
from .windows import asked_window

NAMES = {PRIMARY: "Calendar"}


def calendar_json(call: Call, owner: Person | Room, name: str) -> dict:
    """One calendar of a mailbox."""
    teams = allows_teams(call)
    return {
        "id": call.style(owner).id_of(f"calendar:{name}"),
        "name": NAMES.get(name, "Private plans"),
        "color": "auto",
        "hexColor": "",
        "isDefaultCalendar": name == PRIMARY,
        "changeKey": "c2FuZGJveA==",
        "canShare": True,
        "canViewPrivateItems": True,
        "canEdit": not call.basic,
        "allowedOnlineMeetingProviders": ["teamsForBusiness"] if teams else [],
        "defaultOnlineMeetingProvider": "teamsForBusiness" if teams else "unknown",
        "isTallyingResponses": name == PRIMARY,
        "isRemovable": name != PRIMARY,
        "owner": {"name": owner.name, "address": owner.email},
    }


def allows_teams(call: Call) -> bool:
    """Whether the calendar says that events can get a Teams link; with `silent` it says so wrongly."""
    off = call.fault("teams_off")
    return off is None or bool(off.get("silent"))


def calendar_name(call: Call, owner: Person | Room, shown_id: str) -> str:
    """The calendar a caller means by its id. Raises GraphError 404."""
    item = item_id(owner.id, shown_id) or ""
    name = item.removeprefix("calendar:")
    if not item.startswith("calendar:") or name not in call.world.calendars.names(owner):
        raise GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")
    return name


@operation("calendar.get", mailbox=True)
def get_calendar(call: Call, owner: Person | Room) -> dict:
    """The default calendar."""
    return one_item("users('id')/calendar/$entity", calendar_json(call, owner, PRIMARY), properties.CALENDAR)


@operation("calendars.list", mailbox=True)
def list_calendars(call: Call, owner: Person | Room) -> dict:
    """Every calendar of the mailbox."""
    names = call.world.calendars.names(owner)
    return outlook_list(
        call,
        "users('id')/calendars",
        names,
        lambda name: calendar_json(call, owner, name),
        properties.CALENDAR,
    )


@operation("calendarView.list", mailbox=True)
def calendar_view(call: Call, owner: Person | Room) -> dict:
    """Single events, occurrences and exceptions of the default calendar that overlap the window."""
    found = call.world.calendars.instances(owner, PRIMARY, *asked_window())
    style = call.style(owner)
    return outlook_list(
        call,
        "users('id')/calendarView",
        [event for event in found if not event.deleted],
        lambda event: full(event, style),
        properties.EVENT,
    )
