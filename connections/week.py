"""A member's week as people look at it: days of wall time with busy, unknown and working hours. Pure."""

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from .periods import DAY, Span, at_midnight, merged, minute_of, moment_of

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
        parts = _on_the_wall(max(starts, opens), min(ends, closes), zone)
        if ends >= closes:  # also where the clocks go back at midnight, or skip it
            parts.append((parts.pop()[0], DAY))
        if starts <= opens:
            parts[0] = (0, parts[0][1])
        for first, last in merged(parts):
            if last > first:
                yield day, first, last
        day += timedelta(days=1)


def _on_the_wall(starts: datetime, ends: datetime, zone: ZoneInfo) -> list[Span]:
    """A span within one local day in wall-clock minutes: where the clocks go back it is two, so that neither
    time round the repeated hour looks free.
    """
    first, last = minute_of(starts), minute_of(ends)
    before = _offset(first, zone)
    if _offset(last - 1, zone) >= before:
        return [_clocks(first, last, zone)]
    change = bisect_left(range(first, last), True, key=lambda minute: _offset(minute, zone) < before) + first
    return [_clocks(first, change, zone), _clocks(change, last, zone)]


def _clocks(first: int, last: int, zone: ZoneInfo) -> Span:
    """The wall-clock minutes of a span in which the clocks do not go back."""
    return _wall_minute(moment_of(first), zone), _wall_minute(moment_of(last - 1), zone) + 1


def _offset(minute: int, zone: ZoneInfo) -> timedelta:
    return moment_of(minute).astimezone(zone).utcoffset()


def _wall_minute(moment: datetime, zone: ZoneInfo) -> int:
    local = moment.astimezone(zone)
    return local.hour * 60 + local.minute
