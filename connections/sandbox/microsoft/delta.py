"""calendarView/delta: what is in a window, then what changed in it.

https://learn.microsoft.com/graph/delta-query-events. Tokens carry the window, which therefore never moves.
Occurrences of a series come as stubs; the master comes in full only if the series starts inside the window or
has changed: an older one must be read by its own id.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from flask import request

from ..events import Event
from ..mailboxes import PRIMARY
from ..people import Person, Room
from .calendar import calendar_name
from .event_shapes import Style, full, stub
from .graph import Call, GraphError, context, link, operation
from .paging import pack, path_here, unpack
from .windows import asked_window

DEFAULT_PAGE, LARGEST_PAGE = 10, 1000
Item = tuple[list, Callable[[], dict]]  # key that orders the round, and how to write the item


@dataclass
class Round:
    """One round of one calendar: its window, the change it starts after, and how far it has come."""

    owner_id: str
    calendar: str
    start: datetime
    end: datetime
    since: int | None  # None: everything in the window
    change: int  # the last change that was known when the round began
    after: list | None = None  # key of the last item already sent
    page: int = 1

    def token(self) -> str:
        return pack(
            vars(self) | {"start": self.start.isoformat(), "end": self.end.isoformat(), "kind": "events"}
        )


@operation("calendarView.delta", mailbox=True)
def primary_delta(call: Call, owner: Person | Room) -> dict:
    """A page of a round over the default calendar."""
    return _page(call, owner, PRIMARY)


@operation("calendars.calendarView.delta", mailbox=True)
def calendar_delta(call: Call, owner: Person | Room, calendar_id: str) -> dict:
    """A page of a round over one calendar; each calendar has rounds of its own."""
    return _page(call, owner, calendar_name(call, owner, calendar_id))


def _page(call: Call, owner: Person | Room, calendar: str) -> dict:
    this = _round(call, owner, calendar)
    call.fail_on_page(this.page)
    items = _all_items(call, owner, this) if this.since is None else _changed_items(call, owner, this)
    rest = [
        one for one in sorted(items, key=lambda item: item[0]) if this.after is None or one[0] > this.after
    ]
    size = min(call.page_size or DEFAULT_PAGE, LARGEST_PAGE)
    answer = {
        "@odata.context": context("Collection(event)"),
        "value": [write() for _, write in rest[:size]],
    }
    if len(rest) > size:
        following = replace(this, after=rest[size - 1][0], page=this.page + 1)
        answer["@odata.nextLink"] = link(path_here(), f"$skiptoken={following.token()}")
    else:
        following = replace(this, since=this.change, after=None, page=1)
        answer["@odata.deltaLink"] = link(path_here(), f"$deltatoken={following.token()}")
    return answer


def _round(call: Call, owner: Person | Room, calendar: str) -> Round:
    token = request.args.get("$deltatoken") or request.args.get("$skiptoken")
    now = call.world.calendars.last_change
    if token is None:
        return Round(owner.id, calendar, *asked_window(), since=None, change=now)
    if request.args.get("$deltatoken") and (gone := call.fault("delta_gone")):
        raise sync_state_gone(gone)
    values = unpack(token)
    if values.pop("kind", None) != "events":
        raise GraphError(400, "BadRequest", "Badly formed token.")
    this = Round(**values)
    this.start, this.end = datetime.fromisoformat(values["start"]), datetime.fromisoformat(values["end"])
    if (this.owner_id, this.calendar) != (owner.id, calendar):
        raise GraphError(400, "ErrorInvalidParameter", "The token belongs to another calendar.")
    if this.change > now:
        raise sync_state_gone({})
    if this.since is not None:
        this.change = now
    return this


def sync_state_gone(params: dict, headers: dict[str, str] | None = None) -> GraphError:
    """410: the state behind a token is lost, a full round is needed. Codes vary in name and in case."""
    code = params.get("code", "SyncStateNotFound")
    message = "The sync state generation is not found; a full synchronization is required."
    return GraphError(params.get("status", 410), code, message, headers)


def _all_items(call: Call, owner: Person | Room, this: Round) -> Iterator[Item]:
    calendars, style = call.world.calendars, call.style(owner)
    found = calendars.instances(owner, this.calendar, this.start, this.end)
    present = [event for event in found if not event.deleted]
    series = {event.series for event in present if event.series}
    for master in calendars.masters(owner, this.calendar):
        if master.id in series and this.start <= master.start < this.end:
            yield ["", master.id], lambda master=master: _whole(master, style)
    for event in present:
        yield [event.start.isoformat(), event.id], lambda event=event: _instance(event, style)


def _changed_items(call: Call, owner: Person | Room, this: Round) -> Iterator[Item]:
    """Changed events, oldest change first; for a changed series every occurrence in the window."""
    calendars, style = call.world.calendars, call.style(owner)
    sent: set[str] = set()
    for event in reversed(calendars.changed_since(owner, this.calendar, this.since)):
        if event.id in sent:
            continue
        sent.add(event.id)
        inside = event.end > this.start and event.start < this.end
        if event.rrule:
            yield from _series_items(call, owner, this, event, sent)
        elif event.deleted or not inside:
            yield [event.change, event.id], lambda event=event: _removed(event, style)
        else:
            yield [event.change, event.id], lambda event=event: _instance(event, style)


def _series_items(
    call: Call, owner: Person | Room, this: Round, master: Event, sent: set[str]
) -> Iterator[Item]:
    calendars, style = call.world.calendars, call.style(owner)
    before = calendars.former_masters(owner, this.calendar, master.id, this.since)
    now = calendars.occurrences(owner, this.calendar, master, this.start, this.end)
    present = {one.id: one for one in now if not one.deleted}
    gone = {}
    for former in before:
        alive = replace(former, deleted=False)
        for one in calendars.occurrences(owner, this.calendar, alive, this.start, this.end):
            if one.id not in present:
                gone[one.id] = one
    if master.deleted or not (present or gone):
        yield [master.change, master.id], lambda: _removed(master, style)
    else:
        yield [master.change, master.id], lambda: _whole(master, style)
    for one in gone.values():
        if one.id not in sent:
            sent.add(one.id)
            yield [master.change, one.id], lambda one=one: _removed(one, style)
    for one in present.values():
        if one.id not in sent:
            sent.add(one.id)
            yield [master.change, one.id], lambda one=one: _instance(one, style)


def _instance(event: Event, style: Style) -> dict:
    unchanged = event.series and not event.exception
    return stub(event, style) if unchanged else _whole(event, style)


def _whole(event: Event, style: Style) -> dict:
    return {"@odata.type": "#microsoft.graph.event", **full(event, style)}


def _removed(event: Event, style: Style) -> dict:
    return {
        "@odata.type": "#microsoft.graph.event",
        "id": style.id_of(event.id),
        "@removed": {"reason": "deleted"},
    }
