"""The written rule: what stands in a person's calendars when nobody has changed anything.

The rule itself is written for an independent reader in `data/README.md`, section "Mailboxes". This module
is pure: the same person and dates give the same events on every machine. Nothing here knows a provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from .events import KINDS, Attendee, Event, occurrence_id

RULE_START = date(2025, 6, 30)  # a Monday
LENGTHS = (15, 30, 45, 60, 90, 120)
KIND_BY_NUMBER = ("busy",) * 9 + (
    "free",
    "tentative",
    "declined",
    "all_day_busy",
    "all_day_free",
    "private",
    "moved",
    "cancelled",
    "out_of_office",
    "elsewhere",
    "unanswered",
)
PRIMARY = "primary"
PRIVATE_PLANS = "private-plans"
HOUR = timedelta(minutes=60)
LONG_AGO = datetime(2025, 6, 1, tzinfo=UTC)


class Owner(Protocol):
    """The person whose mailbox it is."""

    id: str
    email: str
    name: str
    time_zone: str


def digest(text: str) -> bytes:
    """`H(text)` of the written rule: the 32 bytes of SHA-256 of the UTF-8 text."""
    return sha256(text.encode()).digest()


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def instant(day: date, minutes: int, zone_name: str) -> datetime:
    """`minutes` after wall-clock midnight of `day` in the zone, as UTC.

    A wall time that does not exist moves forward by the gap, an ambiguous one is the first.
    """
    wall = datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=zone(zone_name))
    return wall.astimezone(UTC)


def has_second_calendar(person_id: str) -> bool:
    """Whether this person also has the calendar "Private plans"."""
    return digest(f"{person_id}|calendars")[0] % 5 == 0


def canary(person_id: str) -> str:
    """The word planted in every text of this mailbox, to be searched for by tests against leaks."""
    return f"canary-{person_id}"


def _attendees(person: Owner, response: str) -> tuple[Attendee, ...]:
    mark = canary(person.id)
    own = "accepted" if response == "organizer" else response
    return (
        Attendee(person.email, person.name, own),
        Attendee(f"{mark}@guests.example", f"Guest {mark}", "accepted"),
    )


def personal_events(person: Owner, monday: date) -> list[Event]:
    """The personal events of the week that starts on `monday` (rule 1), cancelled ones included."""
    if monday < RULE_START:
        return []
    home = person.time_zone
    mark = canary(person.id)
    host = f"host-{mark}@guests.example"
    out = []
    week = f"{person.id}|{monday}"
    for i in range(3 + digest(week)[0] % 6):
        e = digest(f"{week}|{i}")
        day = monday + timedelta(days=e[0] % 5)
        kind = KIND_BY_NUMBER[e[3] % 20]
        traits = KINDS[kind]
        if traits.get("all_day"):
            start, end = instant(day, 0, home), instant(day + timedelta(days=1), 0, home)
        else:
            start = instant(day, 8 * 60 + 15 * (e[1] % 41), home)
            if kind == "moved":
                start += HOUR
            end = start + timedelta(minutes=LENGTHS[e[2] % 6])
        response = traits.get("response", "organizer")
        event_id = f"{person.id}{monday:%Y%m%d}{i}"
        out.append(
            Event(
                id=event_id,
                start=start,
                end=end,
                zone=home,
                summary=f"Plan {i + 1} {mark}",
                description=f"Notes of {mark}",
                location=f"Room of {mark}",
                kind=kind,
                all_day=traits.get("all_day", False),
                show_as=traits.get("show_as", "busy"),
                response=response,
                private=traits.get("private", False),
                cancelled=traits.get("cancelled", False),
                organizer=person.email if response == "organizer" else host,
                attendees=_attendees(person, response),
                uid=f"{event_id}@sandbox.example",
                created=LONG_AGO,
                updated=LONG_AGO,
                revision=1 if kind == "moved" else 0,
            )
        )
    return out


def personal_between(person: Owner, start: datetime, end: datetime) -> Iterator[Event]:
    """Personal events that overlap the window of two instants (both bounds exclusive)."""
    first = (start - timedelta(days=2)).date()
    monday = first - timedelta(days=first.weekday())
    while monday <= (end + timedelta(days=1)).date():
        for event in personal_events(person, monday):
            if event.end > start and event.start < end:
                yield event
        monday += timedelta(days=7)


def personal_by_id(person: Owner, event_id: str) -> Event | None:
    """The personal event with this id, if the rule makes one."""
    rest = event_id.removeprefix(person.id)
    if len(rest) != 9 or not rest.isdigit():
        return None
    try:
        monday = date.fromisoformat(rest[:8])
    except ValueError:
        return None
    if monday.weekday() != 0:
        return None
    return next((one for one in personal_events(person, monday) if one.id == event_id), None)


@lru_cache(maxsize=2048)
def rule_dates(rrule: str, first: date, year: int) -> tuple[date, ...]:
    """The dates of one year on which a series that may start from `first` on takes place."""
    rule = rrulestr(rrule, dtstart=datetime.combine(first, time()))
    low, high = date(year, 1, 1), date(year, 12, 31)
    found = rule.between(datetime.combine(low, time()), datetime.combine(high, time()), inc=True)
    return tuple(moment.date() for moment in found)


def meeting_master(person: Owner, row_number: int, row: dict[str, Any]) -> Event:
    """The series that row `row_number` of meetings.json puts into this person's mailbox (rule 2)."""
    first = next(iter(rule_dates(row["rrule"], RULE_START, RULE_START.year)))
    hour, minute = map(int, row["starts_local"].split(":"))
    start = instant(first, hour * 60 + minute, row["time_zone"])
    declined = digest(f"{person.id}|meeting|{row_number}")[0] % 8 == 0
    mark = canary(person.id)
    response = "declined" if declined else "accepted"
    return Event(
        id=f"{person.id}m{row_number:03d}",
        start=start,
        end=start + timedelta(minutes=row["minutes"]),
        zone=row["time_zone"],
        summary=f"{row['summary']} {mark}",
        description=f"Agenda of {mark}",
        location=f"Call of {mark}",
        kind="declined" if declined else "busy",
        response=response,
        rrule=row["rrule"],
        organizer=f"host-{mark}@guests.example",
        attendees=_attendees(person, response),
        uid=f"{person.id}m{row_number:03d}@sandbox.example",
        created=LONG_AGO,
        updated=LONG_AGO,
    )


def private_plans_master(person: Owner) -> Event:
    """The one series of the calendar "Private plans": Wednesdays at 12:00 for 60 minutes."""
    start = instant(date(2025, 7, 2), 12 * 60, person.time_zone)
    mark = canary(person.id)
    return Event(
        id=f"{person.id}plans",
        start=start,
        end=start + HOUR,
        zone=person.time_zone,
        summary=f"Private plan {mark}",
        description=f"Private notes of {mark}",
        location=f"Private place of {mark}",
        rrule="FREQ=WEEKLY;BYDAY=WE",
        organizer=person.email,
        attendees=_attendees(person, "organizer"),
        uid=f"{person.id}plans@sandbox.example",
        created=LONG_AGO,
        updated=LONG_AGO,
    )


def occurrence(master: Event, planned: datetime) -> Event:
    """The occurrence of `master` planned at `planned`, as the series has it."""
    return replace(
        master,
        id=occurrence_id(master.id, planned, master.zone, master.all_day),
        start=planned,
        end=planned + (master.end - master.start),
        rrule=None,
        series=master.id,
        original_start=planned,
    )


def rule_occurrences(person: Owner, master: Event, start: datetime, end: datetime) -> Iterator[Event]:
    """Occurrences of a series of the rule that overlap the window, moved and cancelled ones as such.

    A moved occurrence counts at its new time; a cancelled one at its planned time.
    """
    wall = master.local(master.start)
    minutes = wall.hour * 60 + wall.minute
    number = master.id.removeprefix(person.id)
    row_number = int(number[1:]) if number[0] == "m" else None
    length = master.end - master.start
    low, high = (start - timedelta(days=2)).date(), (end + timedelta(days=1)).date()
    for year in range(max(low.year, wall.year), high.year + 1):
        for day in rule_dates(master.rrule or "", wall.date(), year):
            if day < low or day > high:
                continue
            event = occurrence(master, instant(day, minutes, master.zone))
            if row_number is not None:
                fate = digest(f"{person.id}|meeting|{row_number}|{day}")[0] % 16
                if fate == 0:
                    event.cancelled, event.exception = True, True
                elif fate == 1:
                    event.start = instant(day, minutes + 60, master.zone)
                    event.end = event.start + length
                    event.kind, event.exception, event.revision = "moved", True, 1
            if event.end > start and event.start < end:
                yield event
