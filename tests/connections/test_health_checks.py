"""How each check of a connection's health is judged, and that every judgement has words."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections import health_checks as checks
from connections.health_checks import Channels, Readings, Result
from connections.health_words import CAUSES, FACTS, TITLES, Kind
from connections.reasons import REASONS
from connections.secret_ends import WARNED_BEFORE, due_warning

NOW = datetime(2026, 10, 20, 9, 17, 23, tzinfo=UTC)
TODAY = NOW.date()
MINUTE, EVERY = timedelta(minutes=1), timedelta(minutes=5)


def ago(minutes: float) -> datetime:
    return NOW - minutes * MINUTE


def days(number: int) -> date:
    return TODAY + timedelta(days=number)


# --- the clock ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("skew", "result"),
    [
        (None, Result.UNKNOWN),
        (0.0, Result.WELL),
        (30.0, Result.WELL),
        (-30.0, Result.WELL),
        (30.6, Result.WARNING),
        (-31.0, Result.WARNING),
        (120.0, Result.WARNING),
        (121.0, Result.FAILING),
        (-600.0, Result.FAILING),
    ],
)
def test_a_clock_half_a_minute_off_is_told_and_two_minutes_off_is_failing(skew, result):
    assert checks.judge_clock(skew).result == result


# --- the secret ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("ends_on", "result", "code"),
    [
        (None, Result.NOT_SET_UP, "end_not_told"),
        (days(-1), Result.FAILING, "secret_over"),
        (days(0), Result.WARNING, "secret_ends_soon"),
        (days(30), Result.WARNING, "secret_ends_soon"),
        (days(31), Result.WELL, ""),
    ],
)
def test_a_secret_is_a_warning_from_thirty_days_before_its_last_day(ends_on, result, code):
    found = checks.judge_secret(NOW, ends_on, own=True, today=TODAY)

    assert (found.result, found.code) == (result, code)


def test_who_can_renew_a_secret_depends_on_whose_it_is():
    own = checks.judge_secret(NOW, days(2), own=True, today=TODAY)
    shared = checks.judge_secret(None, days(2), own=False, today=TODAY)

    assert CAUSES[checks.SECRET][own.code].who != CAUSES[checks.SECRET][shared.code].who


@pytest.mark.parametrize(
    ("left", "warned", "due"),
    [
        (31, None, None),
        (30, None, 30),
        (30, 30, None),
        (15, 30, None),
        (14, 30, 14),
        (14, None, 14),
        (13, 14, None),
        (3, 14, 3),
        (0, 14, 3),
        (0, 3, None),
        (-1, 14, None),
        (-1, None, None),
    ],
)
def test_a_warning_is_due_30_14_and_3_days_before_once_each(left, warned, due):
    assert due_warning(days(left), warned, today=TODAY) == due


def test_nobody_is_warned_of_an_end_that_was_not_told():
    assert due_warning(None, None, today=TODAY) is None


@given(st.lists(st.integers(0, 60), min_size=1, max_size=90, unique=True))
def test_whichever_days_the_job_runs_nobody_is_warned_more_than_three_times(mornings):
    warned, given_warnings = None, []
    for left in sorted(mornings, reverse=True):
        if due := due_warning(days(left), warned, today=TODAY):
            given_warnings.append(due)
            warned = due

    assert given_warnings == sorted(set(given_warnings), reverse=True)
    assert set(given_warnings) <= set(WARNED_BEFORE)
    assert bool(given_warnings) == (min(mornings) <= 30)


# --- push ---------------------------------------------------------------------------------------------------------
def push(*, possible=True, reachable=True, mailboxes=3, **channels) -> checks.Finding:
    return checks.judge_push(
        Channels(**channels), possible=possible, reachable=reachable, mailboxes=mailboxes
    )


@pytest.mark.parametrize(
    ("found", "result", "code"),
    [
        (push(possible=False), Result.NOT_SET_UP, "no_push_in_mode"),
        (push(reachable=False), Result.NOT_SET_UP, "no_public_url"),
        (push(), Result.UNKNOWN, "no_channel_yet"),
        (push(mailboxes=0), Result.UNKNOWN, "nobody_served"),
        (push(open=3), Result.WELL, ""),
        (push(open=3, overdue=1), Result.WARNING, "renewal_overdue"),
        (push(open=3, overdue=1, ended=1), Result.FAILING, "channels_ended"),
        (push(open=2, refused=1, problem="push.x"), Result.WARNING, "channels_refused"),
    ],
)
def test_push_is_judged_by_its_worst_channel(found, result, code):
    assert (found.result, found.code) == (result, code)


# --- how old data is ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("median", "oldest_of_well", "result"),
    [
        (4, 5, Result.WELL),
        (15, 20, Result.WELL),
        (16, 20, Result.WARNING),
        (4, 61, Result.WARNING),
        (60, 60, Result.WARNING),
        (61, 61, Result.FAILING),
    ],
)
def test_data_is_old_after_some_intervals_of_reading(median, oldest_of_well, result):
    readings = Readings(
        3, 3, ago(1), ago(900), ago(median), ago(oldest_of_well)
    )  # the oldest of all left long ago

    assert checks.judge_age(readings, every=EVERY, now=NOW).result == result


def test_where_reading_is_announced_data_may_be_older():
    readings = Readings(3, 3, ago(1), ago(20), ago(20), ago(20))

    assert checks.judge_age(readings, every=EVERY, now=NOW).result == Result.WARNING
    assert checks.judge_age(readings, every=3 * EVERY, now=NOW).result == Result.WELL


def test_nobody_served_and_nothing_read_yet_are_no_trouble():
    nobody, nothing = Readings(), Readings(number=4)

    assert checks.judge_age(nobody, every=EVERY, now=NOW).code == "nobody_served"
    assert checks.judge_age(nothing, every=EVERY, now=NOW) == checks.Finding(
        Result.UNKNOWN, "nothing_read_yet", {"never_read": 4}
    )
    assert checks.judge_last_good(None, nobody, every=EVERY, now=NOW).code == "nobody_served"
    assert checks.judge_last_good(None, nothing, every=EVERY, now=NOW).code == "nothing_read_yet"


@pytest.mark.parametrize(
    ("minutes", "result"), [(15, Result.WELL), (16, Result.WARNING), (61, Result.FAILING)]
)
def test_the_last_good_reading_is_the_newest_that_is_known(minutes, result):
    readings = Readings(number=2, read=2, newest=ago(minutes))

    assert checks.judge_last_good(ago(900), readings, every=EVERY, now=NOW).result == result
    assert checks.judge_last_good(ago(minutes), Readings(number=2), every=EVERY, now=NOW).result == result


# --- work and its queue -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("job", "mailbox", "result"),
    [
        (None, None, Result.WELL),
        (5, 4, Result.WELL),
        (6, None, Result.WARNING),
        (None, 6, Result.WARNING),
        (1, 31, Result.FAILING),
        (31, 1, Result.FAILING),
    ],
)
def test_the_queue_is_as_old_as_what_waits_longest(job, mailbox, result):
    readings = Readings(due_since=ago(mailbox) if mailbox else None)

    assert checks.judge_queue(ago(job) if job else None, readings, now=NOW).result == result


def test_failures_about_one_person_each_are_no_trouble_of_the_connection():
    persons = Readings(failing=2, next_try=NOW)
    everybody = Readings(failing=2, failing_of_connection=1, next_try=NOW)

    assert checks.judge_retry(None, persons).result == Result.WELL
    assert checks.judge_retry(None, everybody).result == Result.WARNING
    assert checks.judge_retry(NOW, Readings()).result == Result.WARNING


@pytest.mark.parametrize(
    ("until", "down", "result", "code"),
    [
        (None, False, Result.WELL, ""),
        (NOW, False, Result.WARNING, "slowed"),
        (NOW, True, Result.FAILING, "circuit_open"),
        (None, True, Result.WARNING, "circuit_half_open"),
    ],
)
def test_patience_differs_from_an_outage(until, down, result, code):
    found = checks.judge_circuit(open_until=until, down=down)

    assert (found.result, found.code) == (result, code)


# --- words --------------------------------------------------------------------------------------------------------
def everything_found() -> list[tuple[str, checks.Finding]]:
    """One finding for each branch of each judge."""
    late = Readings(3, 3, ago(900), ago(900), ago(900), ago(900), 2, ago(900), 2, 1, NOW)
    persons, nothing = Readings(failing=1), Readings(number=1)
    return [
        *((checks.CLOCK, checks.judge_clock(skew)) for skew in (None, 0, 40, 400)),
        *(
            (checks.SECRET, checks.judge_secret(None, end, own=own, today=TODAY))
            for end in (None, days(-1), days(1), days(90))
            for own in (True, False)
        ),
        *(
            (checks.PUSH, found)
            for found in (
                push(possible=False), push(reachable=False), push(), push(mailboxes=0), push(open=1),
                push(overdue=1), push(ended=1), push(refused=1),
            )
        ),
        *((checks.LAST_GOOD, checks.judge_last_good(None, r, every=EVERY, now=NOW)) for r in (late, nothing)),
        *((checks.DATA_AGE, checks.judge_age(r, every=EVERY, now=NOW)) for r in (late, nothing, Readings())),
        *((checks.QUEUE, checks.judge_queue(None, r, now=NOW)) for r in (late, Readings())),
        *((checks.RETRY, checks.judge_retry(None, r)) for r in (late, persons, Readings())),
        *(
            (checks.CIRCUIT, checks.judge_circuit(open_until=until, down=down))
            for until in (None, NOW)
            for down in (True, False)
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "found"), everything_found(), ids=lambda value: str(value)[:60])
def test_every_finding_has_words_and_every_fact_a_label(name, found):
    assert CAUSES[name][found.code].sentence
    assert set(found.facts) <= set(FACTS)


def test_what_is_wrong_says_what_happens_meanwhile_or_what_to_do():
    for name, causes in CAUSES.items():
        assert name in TITLES
        for code, cause in causes.items():
            if code and code not in {"no_answer", "nobody_served", "secret_over"}:
                assert cause.todo or cause.meanwhile, (name, code)


def test_a_code_of_ours_means_the_same_wherever_it_is_shown():
    ours = {code for causes in CAUSES.values() for code in causes if code}

    assert not ours & set(REASONS)


def test_facts_hold_only_what_a_report_may_tell():
    assert {kind for _label, kind in FACTS.values()} == {
        Kind.TIME, Kind.DAY, Kind.NUMBER, Kind.SECONDS, Kind.CODE,
    }  # fmt: skip


# --- while nothing is read ------------------------------------------------------------------------------------------
def test_good_marks_of_before_say_nothing_while_nobody_asks():
    well = checks.Finding(Result.WELL, "", {"last_good": "x"})
    waiting = checks.Finding(Result.FAILING, "queue_old", {"due": 3})
    old = checks.Finding(Result.FAILING, "data_old", {})

    assert checks.while_nobody_asks(well) == checks.Finding(
        Result.WARNING, "reading_rests", {"last_good": "x"}
    )
    assert checks.while_nobody_asks(waiting) == checks.Finding(Result.WARNING, "held_back", {"due": 3})
    assert checks.while_nobody_asks(old) == old
    for name in (checks.LAST_GOOD, checks.DATA_AGE):
        assert CAUSES[name]["reading_rests"].todo
