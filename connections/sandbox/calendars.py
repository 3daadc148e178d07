"""Calendars: what the rule makes, with everything that was changed since laid on top.

Each change has a growing number. Sync tokens and delta links of both providers refer to it. Changes are kept
by the owner's id, so they survive a change of address. All instants are UTC.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dateutil.rrule import rrulestr

from . import mailboxes
from .events import Attendee, Event, event_from_json, event_to_json
from .mailboxes import PRIMARY, PRIVATE_PLANS

Key = tuple[str, str]  # owner id, calendar name
FAR_AHEAD = timedelta(days=366 * 2)
CACHED_WINDOWS = 96


class Calendars:
    """All calendars of the world. Safe to use from several threads.

    `people` answers `person(address_or_id)`; `rows_of(person)` gives the person's rows of meetings.json;
    `now` gives the calendar clock. Each listener is called after every change with (owner id, calendar
    name, event), outside the lock.
    """

    def __init__(
        self,
        find: Callable[[str], Any],
        rows_of: Callable[[Any], list[tuple[int, dict[str, Any]]]],
        now: Callable[[], datetime],
    ) -> None:
        self._find, self._rows_of, self._now = find, rows_of, now
        self._lock = threading.RLock()
        self._changes: dict[Key, dict[str, Event]] = {}
        self._former_masters: dict[tuple[Key, str], list[Event]] = {}
        self._windows: OrderedDict[tuple, list[Event]] = OrderedDict()
        self.last_change = 0
        self.listeners: list[Callable[[str, str, Event], None]] = []

    # Reading

    def names(self, owner: Any) -> list[str]:
        """The calendars this owner has: "primary", and "private-plans" for some."""
        second = not getattr(owner, "is_room", False) and mailboxes.has_second_calendar(owner.id)
        return [PRIMARY, PRIVATE_PLANS] if second else [PRIMARY]

    def version(self, owner: Any, calendar: str) -> int:
        """The number of the last change in this calendar, 0 when there was none."""
        with self._lock:
            return max(
                (one.change for one in self._changes.get((owner.id, calendar), {}).values()), default=0
            )

    def forget_windows(self) -> None:
        """Read everything anew: the directory changed, and with it who has which meetings."""
        with self._lock:
            self._windows.clear()

    def masters(self, owner: Any, calendar: str = PRIMARY) -> list[Event]:
        """All series of the calendar as they stand now, deleted ones included."""
        laid_over = self._overlay(owner, calendar)
        out = [laid_over.get(one.id, one) for one in self._rule_masters(owner, calendar)]
        known = {one.id for one in out}
        out += [one for one in laid_over.values() if one.rrule and one.id not in known]
        return out

    def instances(self, owner: Any, calendar: str, start: datetime, end: datetime) -> list[Event]:
        """Every single event and every occurrence that overlaps the window, sorted by start and id.

        Cancelled and deleted ones are among them: the caller filters. Bounds are exclusive.
        """
        version = self.version(owner, calendar)
        key = (owner.id, owner.email, owner.time_zone, calendar, start, end, version)
        with self._lock:
            if key in self._windows:
                self._windows.move_to_end(key)
                return self._windows[key]
        laid_over = self._overlay(owner, calendar)
        singles = {one.id: one for one in self._rule_singles(owner, calendar, start, end)}
        out = [one for one in singles.values() if one.id not in laid_over]
        for master in self.masters(owner, calendar):
            out += self.occurrences(owner, calendar, master, start, end)
        out += [
            one
            for one in laid_over.values()
            if not one.rrule and not one.series and one.end > start and one.start < end
        ]
        out.sort(key=lambda one: (one.start, one.id))
        with self._lock:
            self._windows[key] = out
            while len(self._windows) > CACHED_WINDOWS:
                self._windows.popitem(last=False)
        return out

    def occurrences(
        self, owner: Any, calendar: str, master: Event, start: datetime, end: datetime
    ) -> list[Event]:
        """The occurrences of one series that overlap the window, changed and cancelled ones as they are,
        in the order they were planned.
        """
        if master.deleted:
            return []
        laid_over = self._overlay(owner, calendar)
        changed = {one.id: one for one in laid_over.values() if one.series == master.id}
        out = []
        for event in self._planned(owner, calendar, master, start, end):
            if event.id not in changed:
                out.append(event)
        out += [one for one in changed.values() if one.end > start and one.start < end]
        return sorted(out, key=lambda one: (one.original_start or one.start, one.id))

    def gone_occurrences(
        self, owner: Any, calendar: str, master: Event, start: datetime, end: datetime
    ) -> list[Event]:
        """Occurrences in the window that a changed or deleted series had planned before and has no more."""
        left = {one.id for one in self.occurrences(owner, calendar, master, start, end)}
        earlier = [replace(master, deleted=False)] if master.deleted else []
        for begin, finish, rule in master.extra.get("former", ()):
            times = datetime.fromisoformat(begin), datetime.fromisoformat(finish)
            earlier.append(replace(master, start=times[0], end=times[1], rrule=rule, deleted=False))
        gone = {}
        for version in earlier:
            for one in self._planned(owner, calendar, version, start, end):
                if one.id not in left:
                    gone[one.id] = replace(one, cancelled=True, deleted=True, change=master.change)
        return list(gone.values())

    def stored(self, owner: Any, calendar: str, start: datetime, end: datetime) -> list[Event]:
        """What the calendar stores for a window without expanding: singles, masters with an occurrence in
        it, and the exceptions of these. Cancelled ones included, sorted by start and id.
        """
        out = []
        for event in self.instances(owner, calendar, start, end):
            if event.series is None or event.exception:
                out.append(event)
        series = {one.series for one in self.instances(owner, calendar, start, end) if one.series}
        out += [one for one in self.masters(owner, calendar) if one.id in series]
        return sorted(out, key=lambda one: (one.start, one.id))

    def event(self, owner: Any, calendar: str, event_id: str) -> Event | None:
        """One event by id: single, master or occurrence; also a cancelled or deleted one. None if unknown."""
        laid_over = self._overlay(owner, calendar)
        if event_id in laid_over:
            return laid_over[event_id]
        if calendar == PRIMARY and not getattr(owner, "is_room", False):
            single = mailboxes.personal_by_id(owner, event_id)
            if single:
                return single
        series_id, _, stamp = event_id.partition("_")
        for master in self.masters(owner, calendar):
            if master.id == event_id:
                return master
            if stamp and master.id == series_id:
                return self._occurrence_at(owner, calendar, master, event_id, stamp)
        return None

    def changed_since(self, owner: Any, calendar: str, change: int) -> list[Event]:
        """Events, masters and exceptions changed after that number, oldest change first."""
        found = [one for one in self._overlay(owner, calendar).values() if one.change > change]
        return sorted(found, key=lambda one: one.change)

    def former_masters(self, owner: Any, calendar: str, series: str, change: int) -> list[Event]:
        """How a series stood right after that change, and what it was since, oldest first; not as it is now.

        Lets a reader hear of occurrences that a changed series no longer has. Not kept over a restart, after
        which only the rule's own version is known.
        """
        versions = [one for one in self._rule_masters(owner, calendar) if one.id == series]
        with self._lock:
            versions += self._former_masters.get(((owner.id, calendar), series), [])
        known = [one for one in versions if one.change <= change]
        return known[-1:] + [one for one in versions if one.change > change]

    def busy(
        self, owner: Any, start: datetime, end: datetime, calendar: str = PRIMARY
    ) -> list[list[datetime]]:
        """Merged busy blocks [start, end] of a calendar, cut to the window."""
        blocks: list[list[datetime]] = []
        for event in self.instances(owner, calendar, start, end):
            if not event.blocks:
                continue
            low, high = max(event.start, start), min(event.end, end)
            if blocks and low <= blocks[-1][1]:
                blocks[-1][1] = max(blocks[-1][1], high)
            else:
                blocks.append([low, high])
        return blocks

    # Changing

    def save(self, owner: Any, calendar: str, event: Event) -> Event:
        """Lay `event` over what stands there, give it the next change number, tell the listeners.

        The copies of attendees who have a mailbox here follow the organizer's event.
        """
        before = self.event(owner, calendar, event.id) if event.rrule else None
        if before and (before.start, before.end, before.rrule) != (event.start, event.end, event.rrule):
            past = [before.start.isoformat(), before.end.isoformat(), before.rrule]
            event.extra = {**event.extra, "former": [*event.extra.get("former", ()), past]}
        told = [self._put(owner, calendar, event)]
        if event.response == "organizer":
            told += self._spread(owner, event)
        for owner_id, name, one in told:
            for listener in self.listeners:
                listener(owner_id, name, one)
        return event

    def delete(self, owner: Any, calendar: str, event: Event) -> Event:
        """Remove an event. It stays known as deleted, so its id stays taken and readers hear of it."""
        gone = replace(event, cancelled=True, deleted=True, exception=bool(event.series))
        return self.save(owner, calendar, gone)

    def answer(self, owner: Any, calendar: str, event: Event, response: str) -> Event:
        """The owner of a copy answers an invitation; the organizer's event shows the answer too."""
        own = replace(event, response=response, attendees=_answered(event, owner.email, response))
        self.save(owner, calendar, own)
        organizer = self._find(event.organizer)
        theirs = self.event(organizer, PRIMARY, event.id) if organizer else None
        if theirs and organizer.id != owner.id and not theirs.deleted:
            self.save(organizer, PRIMARY, replace(theirs, attendees=_answered(theirs, owner.email, response)))
        return own

    def everything(self) -> list[tuple[str, str, Event]]:
        """Every change there is: owner id, calendar name, event."""
        with self._lock:
            return [(*key, event) for key, events in self._changes.items() for event in events.values()]

    def dump(self) -> dict[str, Any]:
        """All changes as plain JSON."""
        rows = [[owner, calendar, event_to_json(event)] for owner, calendar, event in self.everything()]
        return {"last_change": self.last_change, "events": rows}

    def load(self, data: dict[str, Any]) -> None:
        """Take over what `dump` gave; an empty dict forgets all changes."""
        with self._lock:
            self._changes.clear()
            self._former_masters.clear()
            self._windows.clear()
            self.last_change = data.get("last_change", self.last_change)
            for owner, calendar, row in data.get("events", ()):
                event = event_from_json(row)
                self._changes.setdefault((owner, calendar), {})[event.id] = event

    # Inside

    def _overlay(self, owner: Any, calendar: str) -> dict[str, Event]:
        with self._lock:
            return dict(self._changes.get((owner.id, calendar), {}))

    def _put(self, owner: Any, calendar: str, event: Event) -> tuple[str, str, Event]:
        now = self._now()  # outside the lock, because the clock has one of its own
        with self._lock:
            self.last_change += 1
            event.change = self.last_change
            event.updated = now
            event.created = event.created or event.updated
            events = self._changes.setdefault((owner.id, calendar), {})
            if event.rrule and event.id in events:
                self._former_masters.setdefault(((owner.id, calendar), event.id), []).append(events[event.id])
            events[event.id] = event
        return owner.id, calendar, event

    def _spread(self, owner: Any, event: Event) -> list[tuple[str, str, Event]]:
        told = []
        invited = {one.address.lower(): one for one in event.attendees}
        for guest in invited.values():
            person = self._find(guest.address)
            if not person or person.id == owner.id or not person.has_mailbox:
                continue
            extra = {"shared": event.extra["shared"]} if "shared" in event.extra else {}
            copy = replace(event, response=guest.response, show_as=_shown(guest.response), extra=extra)
            told.append(self._put(person, PRIMARY, copy))
        for person in self._former_guests(event.id, owner, invited):
            copy = self._overlay(person, PRIMARY)[event.id]
            told.append(self._put(person, PRIMARY, replace(copy, cancelled=True, deleted=True)))
        return told

    def _former_guests(self, event_id: str, owner: Any, invited: dict[str, Attendee]) -> list[Any]:
        holders = [
            owner_id
            for owner_id, _, one in self.everything()
            if one.id == event_id and owner_id != owner.id and not one.deleted
        ]
        people = [self._find(one) for one in holders]
        return [one for one in people if one and one.email.lower() not in invited]

    def _rule_masters(self, owner: Any, calendar: str) -> list[Event]:
        if getattr(owner, "is_room", False):
            return []
        if calendar == PRIVATE_PLANS:
            return [mailboxes.private_plans_master(owner)]
        return [mailboxes.meeting_master(owner, number, row) for number, row in self._rows_of(owner)]

    def _rule_singles(self, owner: Any, calendar: str, start: datetime, end: datetime) -> Iterator[Event]:
        if calendar == PRIMARY and not getattr(owner, "is_room", False):
            yield from mailboxes.personal_between(owner, start, end)

    def _planned(
        self, owner: Any, calendar: str, master: Event, start: datetime, end: datetime
    ) -> Iterator[Event]:
        """Occurrences before any change to single ones. A series whose time was changed loses the moved and
        cancelled occurrences the rule gave it.
        """
        original = next((one for one in self._rule_masters(owner, calendar) if one.id == master.id), None)
        if original and (original.start, original.rrule) == (master.start, master.rrule):
            yield from mailboxes.rule_occurrences(owner, master, start, end)
            return
        wall = master.local(master.start).replace(tzinfo=None)
        length = master.end - master.start
        if master.all_day:
            days = round(length / timedelta(days=1))
        rule = rrulestr(_naive_until(master), dtstart=wall)
        low = master.local(start - length).replace(tzinfo=None) - timedelta(days=1)
        high = master.local(end).replace(tzinfo=None) + timedelta(days=1)
        for moment in rule.between(low, high, inc=True):
            planned = moment.replace(tzinfo=mailboxes.zone(master.zone)).astimezone(UTC)
            event = mailboxes.occurrence(master, planned)
            if master.all_day:
                event.end = mailboxes.instant(moment.date() + timedelta(days=days), 0, master.zone)
            if event.end > start and event.start < end:
                yield event

    def _occurrence_at(
        self, owner: Any, calendar: str, master: Event, event_id: str, stamp: str
    ) -> Event | None:
        try:
            planned = datetime.strptime(stamp[:8], "%Y%m%d").replace(tzinfo=UTC)
        except ValueError:
            return None
        window = planned - timedelta(days=2), planned + timedelta(days=3)
        for one in self._planned(owner, calendar, master, *window):
            if one.id == event_id:
                return one
        return None


def _answered(event: Event, address: str, response: str) -> tuple[Attendee, ...]:
    return tuple(
        replace(one, response=response) if one.address.lower() == address.lower() else one
        for one in event.attendees
    )


def _shown(response: str) -> str:
    return "tentative" if response == "tentative" else "busy"


def _naive_until(master: Event) -> str:
    """The rule with UNTIL as wall time, because dateutil wants both bounds of the same kind."""
    parts = []
    for part in (master.rrule or "").split(";"):
        name, _, value = part.partition("=")
        if name == "UNTIL" and value.endswith("Z"):
            moment = datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            part = f"UNTIL={master.local(moment):%Y%m%dT%H%M%S}"
        parts.append(part)
    return ";".join(parts)
