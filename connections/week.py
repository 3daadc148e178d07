"""A member's week as people look at it: days of wall time with busy, unknown and working hours. Pure."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from .periods import DAY, at_midnight, minute_of, moment_of

KINDS = {0: "free", 1: "busy", 2: "unknown"}


@dataclass
class Day:
    """One local day. Minutes count from its midnight as a clock on the wall shows them."""

    date: date
    label: str
    blocks: list[dict] = field(default_factory=list)
    hours: list[tuple[int, int]] = field(default_factory=list)


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def week_bounds(monday: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first instant of the week and of the next one, UTC."""
    return at_midnight(monday, zone), at_midnight(monday + timedelta(days=7), zone)


def week_days(
    monday: date,
    zone: ZoneInfo,
    periods: list,
    *,
    hours: dict[str, list[list[str]]] | None = None,
    hours_zone: ZoneInfo | None = None,
) -> list[Day]:
    """Seven days in `zone`. `periods` have starts, ends (minutes since 1970) and kind.

    `hours` are weekly wall times in `hours_zone`; they are shown where they fall in `zone`.
    """
    days = [Day(monday + timedelta(days=n), f"{monday + timedelta(days=n):%a %-d %b}") for n in range(7)]
    by_date = {day.date: day for day in days}
    opens, closes = (minute_of(moment) for moment in week_bounds(monday, zone))
    for period in periods:  # what lasts for years is not walked through day by day
        starts, ends = max(period.starts, opens), min(period.ends, closes)
        for day, first, last in _by_day(moment_of(starts), moment_of(ends), zone):
            if day in by_date:
                kind = KINDS[period.kind]
                by_date[day].blocks.append(
                    {"start_minute": first, "end_minute": last, "kind": kind, "label": ""}
                )
    for starts, ends in _working(monday, hours or {}, hours_zone or zone):
        for day, first, last in _by_day(starts, ends, zone):
            if day in by_date:
                by_date[day].hours.append((first, last))
    return days


def _working(monday: date, hours: dict, zone: ZoneInfo):
    """Working hours as instants, from the day before the week to the day after it (zones differ)."""
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    for n in range(-1, 8):
        day = monday + timedelta(days=n)
        for first, last in hours.get(names[day.weekday()], []):
            yield _at(day, first, zone), _at(day, last, zone)


def _at(day: date, clock: str, zone: ZoneInfo) -> datetime:
    hour, minute = (int(part) for part in clock.split(":"))
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)


def _by_day(starts: datetime, ends: datetime, zone: ZoneInfo):
    """The parts of a span on each local day, in wall-clock minutes."""
    day = starts.astimezone(zone).date()
    while True:
        opens, closes = at_midnight(day, zone), at_midnight(day + timedelta(days=1), zone)
        if opens >= ends:
            return
        first = 0 if starts <= opens else _wall_minute(starts, zone)
        last = DAY if ends >= closes else _wall_minute(ends, zone)
        if last <= first:  # the hour that a clock change repeats
            last = min(first + minute_of(min(ends, closes)) - minute_of(max(starts, opens)), DAY)
        if last > first:
            yield day, first, last
        day += timedelta(days=1)


def _wall_minute(moment: datetime, zone: ZoneInfo) -> int:
    local = moment.astimezone(zone)
    return local.hour * 60 + local.minute
