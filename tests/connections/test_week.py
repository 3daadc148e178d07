"""A week as people look at it: nothing lost, nothing twice, also when the clocks change."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.periods import DAY, minute_of, moment_of
from connections.week import monday_of, week_bounds, week_days

ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Berlin", "America/Havana")
QUIET = date(2026, 9, 7)  # no zone above changes its clocks in this week
SPRING = {"America/New_York": date(2027, 3, 8), "Europe/Berlin": date(2027, 3, 22)}
AUTUMN = {"America/New_York": date(2026, 10, 26), "Europe/Berlin": date(2026, 10, 19)}


@dataclass(frozen=True)
class Period:
    starts: int
    ends: int
    kind: int = 1


def blocks_of(days) -> list[tuple[date, int, int]]:
    return [(day.date, b["start_minute"], b["end_minute"]) for day in days for b in day.blocks]


def shown_minutes(days) -> int:
    return sum(last - first for _day, first, last in blocks_of(days))


def wall(day: date, hour: int, minute: int, zone: str, *, fold: int = 0) -> int:
    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone), fold=fold)
    return minute_of(moment.astimezone(UTC))


# --- a week without change of the clocks --------------------------------------------------------------------------
@given(
    zone=st.sampled_from(ZONES),
    starts=st.integers(min_value=-2 * DAY, max_value=9 * DAY),
    length=st.integers(min_value=1, max_value=4 * DAY),
)
def test_as_many_minutes_are_shown_as_are_in_the_week(zone, starts, length):
    low, high = (minute_of(moment) for moment in week_bounds(QUIET, ZoneInfo(zone)))
    period = Period(low + starts, low + starts + length)

    days = week_days(QUIET, ZoneInfo(zone), [period])

    assert shown_minutes(days) == max(0, min(period.ends, high) - max(period.starts, low))


@given(zone=st.sampled_from(ZONES), minutes=st.lists(st.integers(0, 7 * DAY - 1), max_size=8, unique=True))
def test_single_minutes_stand_where_the_clock_on_the_wall_shows_them(zone, minutes):
    low, _high = week_bounds(QUIET, ZoneInfo(zone))
    periods = [Period(minute_of(low) + n, minute_of(low) + n + 1) for n in minutes]

    days = week_days(QUIET, ZoneInfo(zone), periods)

    assert sorted(blocks_of(days)) == sorted(
        (QUIET + timedelta(days=n // DAY), n % DAY, n % DAY + 1) for n in minutes
    )


def test_a_week_is_seven_days_from_monday():
    days = week_days(QUIET, ZoneInfo("UTC"), [])

    assert [day.date for day in days] == [QUIET + timedelta(days=n) for n in range(7)]
    assert days[0].label == "Mon 7 Sep"


@given(st.dates(min_value=date(2000, 1, 1), max_value=date(2050, 1, 1)))
def test_monday_is_of_the_same_week(day):
    monday = monday_of(day)

    assert monday.weekday() == 0
    assert timedelta() <= day - monday < timedelta(days=7)


def test_kinds_are_shown_in_words():
    low, _high = week_bounds(QUIET, ZoneInfo("UTC"))
    first = minute_of(low)

    days = week_days(
        QUIET, ZoneInfo("UTC"), [Period(first, first + 60, 1), Period(first + 60, first + 90, 2)]
    )

    assert [block["kind"] for block in days[0].blocks] == ["busy", "unknown"]


# --- weeks in which the clocks change -----------------------------------------------------------------------------
@pytest.mark.parametrize("zone", SPRING)
def test_over_the_skipped_hour_a_block_reaches_from_wall_time_to_wall_time(zone):
    sunday = SPRING[zone] + timedelta(days=6)
    period = Period(wall(sunday, 1, 0, zone), wall(sunday, 5, 0, zone))

    days = week_days(SPRING[zone], ZoneInfo(zone), [period])

    assert blocks_of(days) == [(sunday, 60, 300)]
    assert period.ends - period.starts == 180


@pytest.mark.parametrize("zone", AUTUMN)
def test_a_block_inside_the_repeated_hour_is_shown_with_its_length(zone):
    sunday = AUTUMN[zone] + timedelta(days=6)
    hour = 1 if zone == "America/New_York" else 2
    period = Period(wall(sunday, hour, 45, zone), wall(sunday, hour, 15, zone, fold=1))

    days = week_days(AUTUMN[zone], ZoneInfo(zone), [period])

    assert period.ends - period.starts == 30
    assert shown_minutes(days) == 30


@pytest.mark.parametrize(("zone", "monday"), [*SPRING.items(), *AUTUMN.items()])
def test_a_whole_week_is_seven_full_columns(zone, monday):
    low, high = (minute_of(moment) for moment in week_bounds(monday, ZoneInfo(zone)))

    days = week_days(monday, ZoneInfo(zone), [Period(low, high)])

    assert blocks_of(days) == [(monday + timedelta(days=n), 0, DAY) for n in range(7)]
    assert high - low == 7 * DAY + (-60 if (zone, monday) in SPRING.items() else 60)


@pytest.mark.parametrize(("zone", "monday"), [*SPRING.items(), *AUTUMN.items()])
@given(data=st.data())
def test_every_minute_of_such_a_week_is_shown(zone, monday, data):
    low, high = (minute_of(moment) for moment in week_bounds(monday, ZoneInfo(zone)))
    minute = data.draw(st.integers(low, high - 1))

    days = week_days(monday, ZoneInfo(zone), [Period(minute, minute + 1)])

    assert len(blocks_of(days)) == 1


BACK = {  # the Mondays of weeks in which clocks go back, where that is done in other ways than in the north
    "America/Santiago": date(2026, 3, 30),  # at midnight, to the evening before
    "Australia/Sydney": date(2026, 3, 30),
    "Australia/Lord_Howe": date(2026, 3, 30),  # by half an hour
    "Pacific/Chatham": date(2026, 3, 30),  # at 3:45
    "America/Havana": date(2026, 10, 26),  # at one, to midnight
    "Antarctica/Troll": date(2026, 10, 19),  # by two hours
    "Europe/Berlin": date(2026, 10, 19),
}


@pytest.mark.parametrize(("zone", "monday"), BACK.items())
@given(data=st.data())
def test_whatever_is_busy_when_the_clocks_go_back_looks_busy(zone, monday, data):
    low, high = (minute_of(moment) for moment in week_bounds(monday, ZoneInfo(zone)))
    first = data.draw(st.integers(high - 2 * DAY, high - 2))
    last = data.draw(st.integers(first + 1, min(first + 300, high)))
    walls = [moment_of(minute).astimezone(ZoneInfo(zone)) for minute in range(first, last)]

    days = week_days(monday, ZoneInfo(zone), [Period(first, last)])

    shown = {(day, minute) for day, begins, ends in blocks_of(days) for minute in range(begins, ends)}
    assert shown == {(wall.date(), wall.hour * 60 + wall.minute) for wall in walls}


# --- working hours ------------------------------------------------------------------------------------------------
def test_hours_are_shown_in_the_zone_of_who_looks():
    hours = {"mon": [["09:00", "17:00"]]}

    days = week_days(
        QUIET, ZoneInfo("Asia/Kolkata"), [], hours=hours, hours_zone=ZoneInfo("America/New_York")
    )

    assert days[0].hours == [(18 * 60 + 30, DAY)]
    assert days[1].hours == [(0, 2 * 60 + 30)]


def test_hours_of_the_day_before_and_after_the_week_reach_into_it():
    hours = {"sun": [["20:00", "23:30"]]}

    days = week_days(
        QUIET, ZoneInfo("Asia/Kolkata"), [], hours=hours, hours_zone=ZoneInfo("America/New_York")
    )

    assert days[0].hours == [(5 * 60 + 30, 9 * 60)]
    assert days[6].hours == []


def test_several_periods_of_a_day_stay_apart():
    hours = {"tue": [["09:00", "12:00"], ["13:00", "17:00"]]}

    days = week_days(QUIET, ZoneInfo("Europe/Berlin"), [], hours=hours)

    assert days[1].hours == [(540, 720), (780, 1020)]
