"""A second reading of the sandbox's written rule (`connections/sandbox/data/README.md`, section "Mailboxes").

It sees the data files only, writes each calendar as RFC 5545 would, and leaves recurrence to `icalendar` and
`recurring-ical-events`. It imports nothing of the sandbox or the portal, so that a mistake of theirs is not its own.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Event, vCalAddress

DATA = Path(__file__).resolve().parents[2] / "connections" / "sandbox" / "data"
PEOPLE = json.loads((DATA / "directory-2026-08-01.json").read_text())["people"]
GROUPS = json.loads((DATA / "directory-2026-08-01.json").read_text())["groups"]
MEETINGS = json.loads((DATA / "meetings.json").read_text())

FIRST_MONDAY = date(2025, 6, 30)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LENGTHS = (15, 30, 45, 60, 90, 120)
FREE, DECLINED, ALL_DAY, ALL_DAY_FREE, MOVED, CANCELLED, ELSEWHERE = {9}, {11}, {12}, {13}, {15}, {16}, {18}
MARGIN = timedelta(days=3)  # an event around the edge of a window may be planned this far outside

Block = tuple[datetime, datetime]


def hash_of(text: str) -> bytes:
    """`H(text)` of the rule."""
    return sha256(text.encode()).digest()


def people_of(domain: str) -> list[dict]:
    """The people of a mail domain, in the order of the file."""
    return [person for person in PEOPLE if person["email"].endswith(f"@{domain}")]


@lru_cache
def meetings_of(person_id: str) -> tuple[int, ...]:
    """The rows of meetings.json that stand in this person's calendar."""
    groups = {group["id"] for group in GROUPS if person_id in group["members"]}
    return tuple(number for number, row in enumerate(MEETINGS) if row["group"] in groups)


def has_private_plans(person: dict) -> bool:
    """Rule 5: whether there is a second calendar."""
    return hash_of(f"{person['id']}|calendars")[0] % 5 == 0


# --- writing the calendars ----------------------------------------------------------------------------------------
def primary_calendar(person: dict, low: datetime, high: datetime) -> Calendar:
    """The primary calendar; personal events of the weeks around the window only."""
    calendar = Calendar()
    for event in personal_events(person, low, high):
        calendar.add_component(event)
    for number in meetings_of(person["id"]):
        for event in series(person, number, low, high):
            calendar.add_component(event)
    return calendar


def private_plans(person: dict) -> Calendar:
    """Rule 5: every Wednesday at noon."""
    calendar = Calendar()
    starts = wall(date(2025, 7, 2), 12 * 60, person["time_zone"])
    event = new_event("plans", starts, timedelta(minutes=60))
    event.add("rrule", {"freq": "weekly", "byday": "we"})
    calendar.add_component(event)
    return calendar


def personal_events(person: dict, low: datetime, high: datetime) -> Iterator[Event]:
    """Rule 1."""
    day = (low - MARGIN).date()
    monday = max(FIRST_MONDAY, day - timedelta(days=day.weekday()))
    while monday <= (high + MARGIN).date():
        for number in range(3 + hash_of(f"{person['id']}|{monday}")[0] % 6):
            yield personal_event(person, monday, number)
        monday += timedelta(days=7)


def personal_event(person: dict, monday: date, number: int) -> Event:
    e = hash_of(f"{person['id']}|{monday}|{number}")
    day, kind = monday + timedelta(days=e[0] % 5), e[3] % 20
    uid = f"{person['id']}-{monday}-{number}"
    if {kind} <= ALL_DAY | ALL_DAY_FREE:
        event = Event()
        event.add("uid", uid)
        event.add("dtstart", day)
        event.add("dtend", day + timedelta(days=1))
    else:
        minutes = 8 * 60 + 15 * (e[1] % 41)
        starts = wall(day, minutes, person["time_zone"])
        if kind in MOVED:
            starts += timedelta(minutes=60)
        event = new_event(uid, starts, timedelta(minutes=LENGTHS[e[2] % 6]))
    if {kind} <= FREE | ALL_DAY_FREE | ELSEWHERE:
        event.add("transp", "TRANSPARENT")
    if kind in CANCELLED:
        event.add("status", "CANCELLED")
    if kind in DECLINED:
        decline(event, person)
    return event


def series(person: dict, number: int, low: datetime, high: datetime) -> Iterator[Event]:
    """Rule 2: the series, then its cancelled and its moved occurrences as exceptions of RFC 5545."""
    row = MEETINGS[number]
    hour, minute = (int(part) for part in row["starts_local"].split(":"))
    rule = dict(part.split("=") for part in row["rrule"].split(";"))
    first = next(day for day in all_days() if matches(rule, day))
    starts, length = wall(first, hour * 60 + minute, row["time_zone"]), timedelta(minutes=row["minutes"])
    master = new_event(f"{person['id']}-meeting-{number}", starts, length)
    master.add("rrule", rule)
    if hash_of(f"{person['id']}|meeting|{number}")[0] % 8 == 0:
        decline(master, person)
        yield master
        return
    plain = Calendar()
    plain.add_component(master)
    moved = []
    for planned in recurring_ical_events.of(plain).between(low - MARGIN, high + MARGIN):
        day = planned.start.date()  # wall time of the row's zone
        fate = hash_of(f"{person['id']}|meeting|{number}|{day}")[0] % 16
        original = wall(day, hour * 60 + minute, row["time_zone"])
        if fate == 0:
            master.add("exdate", original)
        if fate == 1:
            later = wall(day, hour * 60 + minute + 60, row["time_zone"])
            exception = new_event(master["uid"], later, length)
            exception.add("recurrence-id", original)
            moved.append(exception)
    yield master
    yield from moved


def new_event(uid: str, starts: datetime, length: timedelta) -> Event:
    event = Event()
    event.add("uid", uid)
    event.add("dtstart", starts)
    event.add("dtend", (starts.astimezone(UTC) + length).astimezone(starts.tzinfo))
    return event


def decline(event: Event, person: dict) -> None:
    attendee = vCalAddress(f"mailto:{person['email']}")
    attendee.params["PARTSTAT"] = "DECLINED"
    event.add("attendee", attendee)


def all_days() -> Iterator[date]:
    return (FIRST_MONDAY + timedelta(days=number) for number in range(400))


def matches(rule: dict[str, str], day: date) -> bool:
    """Whether `day` can be the first of the series: its weekday, and in a monthly rule its place in the month."""
    place = rule["BYDAY"][:-2]
    return WEEKDAYS[day.weekday()] == rule["BYDAY"][-2:] and (
        not place or (day.day - 1) // 7 + 1 == int(place)
    )


def wall(day: date, minutes: int, zone: str) -> datetime:
    """Wall time of a zone (rule 4: a skipped one moves forward, of a doubled one it is the first)."""
    moment = datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=ZoneInfo(zone))
    return moment.astimezone(UTC).astimezone(ZoneInfo(zone))


# --- reading them -------------------------------------------------------------------------------------------------
def busy(calendar: Calendar, zone: str, low: datetime, high: datetime) -> list[Block]:
    """Rule 3: merged busy time, cut to the window [low, high); all-day dates stand in `zone`."""
    blocks = []
    for event in recurring_ical_events.of(calendar).between(low - MARGIN, high + MARGIN):
        if blocks_time(event):
            starts, ends = instant(event.start, zone), instant(event.end, zone)
            if starts < high and ends > low:
                blocks.append((max(starts, low), min(ends, high)))
    return joined(blocks)


def blocks_time(event: Event) -> bool:
    attendee = event.get("attendee")
    declined = attendee is not None and attendee.params.get("PARTSTAT") == "DECLINED"
    return event.get("transp") != "TRANSPARENT" and event.get("status") != "CANCELLED" and not declined


def instant(value: date, zone: str) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return wall(value, 0, zone).astimezone(UTC)


def joined(blocks: list[Block]) -> list[Block]:
    """Sorted, overlapping and touching blocks made one."""
    out: list[Block] = []
    for starts, ends in sorted(blocks):
        if out and starts <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], ends))
        else:
            out.append((starts, ends))
    return out


def busy_of(person: dict, low: datetime, high: datetime, *, with_private_plans: bool = False) -> list[Block]:
    """What makes this person busy in the window; only the primary calendar unless said otherwise."""
    blocks = busy(primary_calendar(person, low, high), person["time_zone"], low, high)
    if with_private_plans and has_private_plans(person):
        blocks += busy(private_plans(person), person["time_zone"], low, high)
    return joined(blocks)
