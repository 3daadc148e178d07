"""Computing with spans of minutes: what must hold for every input."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.models import BusyPeriod
from connections.periods import (
    DAY,
    at_midnight,
    cut,
    in_chunks,
    merged,
    minute_of,
    moment_of,
    outside,
    replace_answer,
    span_in_minutes,
    touched_days,
    window_of,
)
from connections.providers.base import EventSpan

BUSY, UNKNOWN = int(BusyPeriod.Kind.BUSY), int(BusyPeriod.Kind.UNKNOWN)
ZONES = (
    "UTC",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",  # changes its clocks at midnight
    "America/St_Johns",  # half an hour off, with summer time
    "Asia/Kathmandu",  # three quarters of an hour off
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Lord_Howe",  # its summer time is half an hour
    "Europe/Berlin",
)

lengths = st.integers(min_value=1, max_value=2 * DAY)
spans = st.builds(lambda starts, length: (starts, starts + length), st.integers(0, 4 * DAY), lengths)
many = st.lists(spans, max_size=12)
instants = st.timedeltas(timedelta(), timedelta(days=40 * 365)).map(
    lambda since: datetime(2000, 1, 1, tzinfo=UTC) + since
)


def minutes(rows) -> set[int]:
    """The single minutes that spans cover: the plain meaning all computing must agree with."""
    return {minute for starts, last in rows for minute in range(starts, last)}


# --- minutes ------------------------------------------------------------------------------------------------------
@given(instants)
def test_rounding_never_hides_any_of_the_time(moment):
    down, up = minute_of(moment), minute_of(moment, up=True)

    assert moment_of(down) <= moment <= moment_of(up)
    assert up - down == (0 if moment == moment_of(down) else 1)


@given(instants, st.sampled_from(ZONES))
def test_a_minute_is_the_same_whatever_zone_the_instant_is_written_in(moment, zone):
    assert minute_of(moment.astimezone(ZoneInfo(zone))) == minute_of(moment)


@given(st.integers(min_value=-60 * DAY, max_value=60_000_000))
def test_a_minute_goes_to_an_instant_and_back(minute):
    assert minute_of(moment_of(minute)) == minute_of(moment_of(minute), up=True) == minute


def test_seconds_round_outwards():
    event = EventSpan(
        "e", datetime(2026, 10, 20, 9, 0, 59, tzinfo=UTC), datetime(2026, 10, 20, 9, 30, 1, tzinfo=UTC)
    )

    starts, last = span_in_minutes(event, ZoneInfo("UTC"))

    assert (moment_of(starts).minute, moment_of(last).minute) == (0, 31)


# --- joining and cutting ------------------------------------------------------------------------------------------
@given(many)
def test_merged_covers_the_same_minutes_with_gaps_between(rows):
    joined = merged(rows)

    assert minutes(joined) == minutes(rows)
    assert all(before[1] < after[0] for before, after in zip(joined, joined[1:], strict=False))


@given(many)
def test_merging_again_changes_nothing(rows):
    assert merged(merged(rows)) == merged(rows)


@given(many, many)
def test_merging_in_parts_is_merging_at_once(some, others):
    assert merged([*merged(some), *others]) == merged([*some, *others])


@given(spans, spans)
def test_cut_is_what_both_have(span, within):
    part = cut(span, within)

    assert minutes([part] if part else []) == minutes([span]) & minutes([within])


@given(many, many)
def test_outside_is_what_the_holes_leave(rows, holes):
    rest = outside(merged(rows), merged(holes))

    assert minutes(rest) == minutes(rows) - minutes(holes)
    assert all(starts < last for starts, last in rest)


@given(many)
def test_nothing_is_left_outside_itself(rows):
    assert outside(merged(rows), merged(rows)) == []


# --- free/busy answers --------------------------------------------------------------------------------------------
kinds = st.sampled_from((BUSY, UNKNOWN))
answers = st.lists(st.tuples(spans, kinds).map(lambda row: (*row[0], row[1])), max_size=12)


def of_kind(rows, kind: int) -> list[tuple[int, int]]:
    return [(starts, last) for starts, last, k in rows if k == kind]


@given(answers, answers, many)
def test_replacing_a_part_changes_that_part_only(before, after, asked):
    rows = replace_answer(before, asked, after)

    for kind in (BUSY, UNKNOWN):
        kept = minutes(of_kind(before, kind)) - minutes(asked)
        new = minutes(of_kind(after, kind)) & minutes(asked)
        assert minutes(of_kind(rows, kind)) == kept | new


@given(answers, many)
def test_reading_a_part_gives_the_same_rows_as_reading_everything(truth, asked):
    """The rows too, not only the time they cover: else reading again would write."""
    everything = [(0, 6 * DAY)]
    whole = replace_answer([], everything, truth)

    assert replace_answer(whole, merged(asked), truth) == whole


@given(answers, answers, many)
def test_asking_about_what_changed_gives_the_same_rows_as_reading_everything(before, after, elsewhere):
    everything = [(0, 6 * DAY)]
    old = replace_answer([], everything, before)
    changed = [*of_kind(before, BUSY), *of_kind(before, UNKNOWN)]
    changed += [*of_kind(after, BUSY), *of_kind(after, UNKNOWN)]
    asked = touched_days([*changed, *elsewhere], everything[0])

    assert replace_answer(old, asked, after) == replace_answer([], everything, after)


def test_an_answer_in_chunks_leaves_no_seam():
    asked = in_chunks([(0, 200)], 60)
    parts = [(0, 60, BUSY), (60, 120, BUSY), (120, 130, BUSY)]

    assert replace_answer([], asked, parts) == [(0, 130, BUSY)]


# --- which days to ask about --------------------------------------------------------------------------------------
WINDOW = (DAY, 5 * DAY)


@given(many)
def test_touched_days_are_whole_days_that_hold_the_spans(rows):
    days = touched_days(rows, WINDOW)

    assert minutes(days) >= minutes(rows) & minutes([WINDOW])
    assert all(starts % DAY == 0 and last % DAY == 0 for starts, last in days)
    assert minutes(days) <= minutes([WINDOW])


@given(many)
def test_no_day_is_asked_about_in_vain(rows):
    touched = {minute // DAY for minute in minutes(rows)}

    for starts, last in touched_days(rows, WINDOW):
        assert set(range(starts // DAY, last // DAY)) <= touched


def test_an_event_without_length_touches_its_day():
    assert touched_days([(2 * DAY, 2 * DAY)], WINDOW) == [(2 * DAY, 3 * DAY)]


def test_an_event_until_midnight_does_not_touch_the_next_day():
    assert touched_days([(2 * DAY + 600, 3 * DAY)], WINDOW) == [(2 * DAY, 3 * DAY)]


@given(many, st.integers(min_value=1, max_value=3 * DAY))
def test_chunks_are_the_same_minutes_in_short_pieces(rows, longest):
    chunks = in_chunks(merged(rows), longest)

    assert merged(chunks) == merged(rows)
    assert all(0 < last - starts <= longest for starts, last in chunks)


# --- days ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("zone", ZONES)
@given(day=st.dates(min_value=date(2012, 1, 1), max_value=date(2037, 12, 1)))
def test_days_follow_each_other_without_gap_and_hold_their_own_date(zone, day):
    here = ZoneInfo(zone)
    starts, last = at_midnight(day, here), at_midnight(day + timedelta(days=1), here)

    assert starts.astimezone(here).date() == day
    assert (last - timedelta(microseconds=1)).astimezone(here).date() == day
    assert timedelta(hours=22) < last - starts < timedelta(hours=26)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2027, 3, 28), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2027, 3, 14), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("America/St_Johns", date(2027, 3, 14), 23),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Australia/Lord_Howe", date(2027, 4, 4), 24.5),
        ("America/Havana", date(2027, 3, 14), 23),  # its day begins at one o'clock
        ("America/Havana", date(2026, 11, 1), 25),
        ("Asia/Kolkata", date(2027, 3, 28), 24),
        ("Asia/Kathmandu", date(2026, 10, 25), 24),
        ("UTC", date(2026, 10, 25), 24),
    ],
)
def test_an_all_day_event_is_as_long_as_its_day_there(zone, day, hours):
    event = EventSpan("e", day, day + timedelta(days=1))

    starts, last = span_in_minutes(event, ZoneInfo(zone))

    assert last - starts == hours * 60
    assert moment_of(starts).astimezone(ZoneInfo(zone)).date() == day


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"])
@given(day=st.dates(min_value=date(2025, 1, 1), max_value=date(2030, 1, 1)))
def test_all_day_events_of_zones_with_half_hours_lose_no_minute(zone, day):
    one = span_in_minutes(EventSpan("e", day, day + timedelta(days=1)), ZoneInfo(zone))
    next_one = span_in_minutes(
        EventSpan("e", day + timedelta(days=1), day + timedelta(days=2)), ZoneInfo(zone)
    )

    assert one[1] == next_one[0]
    assert one[0] % 60 in {15, 30}


def test_an_event_that_ends_before_it_starts_has_no_length():
    event = EventSpan("e", datetime(2026, 10, 20, 9, tzinfo=UTC), datetime(2026, 10, 20, 8, tzinfo=UTC))

    starts, last = span_in_minutes(event, ZoneInfo("UTC"))

    assert starts == last


@given(instants, st.sampled_from(ZONES))
def test_every_moment_of_a_utc_day_has_the_same_window(moment, zone):
    starts, last = window_of(moment.astimezone(ZoneInfo(zone)), back=14, ahead=201)

    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    assert (starts, last) == (midnight - timedelta(days=14), midnight + timedelta(days=201))
