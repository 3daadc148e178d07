"""When a mailbox is left alone and when it is read again: pauses, failures, members who go and come back."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections import calendar_connections, free_busy, mailboxes
from connections.mailboxes import LONGEST_RETRY, RETRY_AFTER, retry_at, set_override
from connections.models import BusyPeriod, CalendarConnection, Mailbox, MemberCalendar
from connections.states import NotPossibleNow
from orgunits import erasure, memberships
from tests.builders import make_members
from tests.connections.serving import KUBE, LATER, NOW, box, member, read_something, served, working
from tests.people import Company, make_company

Failure = Mailbox.Failure


@pytest.fixture
def company(db) -> Company:
    return make_company()


# --- pause and resume ---------------------------------------------------------------------------------------------
def test_a_pause_keeps_everything_and_asks_nothing(company):
    one, connection = member(company), working(company, "kube.example")
    calendar = read_something(one)

    calendar_connections.pause(connection, by=company.olga, now=LATER)

    assert served(one) == (connection.pk, "domain", "paused")
    assert box(one).next_sync_at is None
    calendar.refresh_from_db()
    assert (calendar.feed_token, calendar.busy_periods.count()) == ("place", 1)


def test_resuming_goes_on_at_once(company):
    one, connection = member(company), working(company, "kube.example")
    read_something(one)
    calendar_connections.pause(connection, by=company.olga, now=NOW)

    calendar_connections.resume(connection, by=company.olga, now=LATER)

    assert served(one) == (connection.pk, "domain", "synced")
    assert box(one).next_sync_at == LATER
    assert MemberCalendar.objects.get().feed_token == "place"


def test_who_arrives_during_a_pause_waits_for_its_end(company):
    connection = working(company, "kube.example")
    calendar_connections.pause(connection, by=company.olga, now=NOW)

    one = member(company)
    during = served(one)
    calendar_connections.resume(connection, by=company.olga, now=LATER)

    assert during == (connection.pk, "domain", "paused")
    assert served(one)[2] == "waiting"


def test_what_a_reading_brings_after_the_pause_does_not_end_it(company):
    one, connection = member(company), working(company, "kube.example")
    stale = box(one)
    calendar_connections.pause(connection, by=company.olga, now=NOW)

    mailboxes.mark_synced(stale, now=LATER, next_sync_at=LATER)
    mailboxes.mark_failing(stale, Failure.UNREACHABLE, "x", now=LATER)

    assert (box(one).state, box(one).next_sync_at) == ("paused", None)


def test_what_a_reading_brings_after_a_change_of_connection_is_ignored(company):
    one = member(company)
    working(company, "kube.example")
    stale = box(one)
    set_override(one, working(company, "sigs.example"), by=company.olga, now=NOW)

    mailboxes.mark_failing(stale, Failure.LICENCE, "x", now=LATER)
    mailboxes.mark_synced(stale, now=LATER, next_sync_at=LATER)

    assert (box(one).state, box(one).failure) == ("waiting", "")


@pytest.mark.parametrize(
    ("first", "second"),
    [("pause", "pause"), ("resume", "resume"), ("disconnect", "resume"), ("disconnect", "disconnect")],
)
def test_a_move_that_came_too_late_is_refused(company, first, second):
    connection = working(company, "kube.example")
    if first == "resume":
        calendar_connections.pause(connection, by=company.olga, now=NOW)
    getattr(calendar_connections, first)(connection, by=company.olga, now=NOW)

    with pytest.raises(NotPossibleNow):
        getattr(calendar_connections, second)(connection, by=company.olga, now=LATER)

    assert CalendarConnection.objects.get().state_since == NOW


# --- when a failing mailbox is tried again ------------------------------------------------------------------------
def test_every_failure_has_a_time_of_its_own():
    assert set(RETRY_AFTER) == set(Failure.values)


@given(st.sampled_from(Failure.values), st.integers(1, 60_000), st.none() | st.floats(0, 10_000_000))
def test_the_next_try_is_never_sooner_than_the_provider_wished_nor_within_a_minute(failure, attempts, wished):
    again = retry_at(failure, attempts, now=NOW, retry_after=wished)

    assert again >= NOW + timedelta(minutes=1)
    assert again >= NOW + timedelta(seconds=wished or 0)
    assert again <= NOW + max(timedelta(hours=24), timedelta(seconds=wished or 0))


@given(st.integers(1, 60_000))
def test_what_heals_by_waiting_is_tried_at_least_every_six_hours(attempts):
    for failure in (Failure.THROTTLED, Failure.UNREACHABLE):
        assert retry_at(failure, attempts, now=NOW) <= NOW + LONGEST_RETRY


def test_the_same_failure_again_keeps_since_when_it_is_so(company):
    one = member(company)
    working(company, "kube.example")

    for number in range(3):
        mailboxes.mark_failing(box(one), Failure.LICENCE, "x", now=NOW + timedelta(hours=number))

    row = box(one)
    assert (row.state_since, row.attempts, row.last_attempt_at) == (NOW, 3, NOW + timedelta(hours=2))


# --- members who go and come back ---------------------------------------------------------------------------------
def due(connection: CalendarConnection, *, at: datetime) -> int:
    return free_busy.enqueue_due(connection, now=at)


def test_nothing_more_is_read_of_a_suspended_member_and_again_when_they_are_back(company):
    connection, one = working(company, "kube.example"), member(company)
    assert due(connection, at=NOW) == 4  # the other three are of the company

    memberships.suspend_member(one, by=company.olga, now=NOW)

    assert due(connection, at=LATER) == 3
    mailboxes.follow_members(now=LATER)
    assert served(one) == (None, "inactive", "not_served")

    memberships.reinstate_member(one, by=company.olga, now=LATER)
    assert mailboxes.follow_members(now=LATER) == 1

    assert served(one) == (connection.pk, "domain", "waiting")
    assert mailboxes.follow_members(now=LATER) == 0


def test_what_was_read_of_a_member_goes_with_them_and_their_choices_stay(company):
    working(company, "kube.example")
    one = member(company)
    read_something(one)

    memberships.remove_member(one, by=company.olga, now=NOW)
    mailboxes.follow_members(now=NOW)

    assert not BusyPeriod.objects.exists()
    assert box(one).calendars.get().counts

    erasure.erase_member(one, by=None, now=NOW)
    mailboxes.forget_erased()

    assert not Mailbox.objects.filter(member=one).exists()
    assert not MemberCalendar.objects.exists()


def test_a_new_member_is_served_without_anybody_asking(company):
    connection = working(company, "kube.example")
    (one,) = make_members(company.unit, [KUBE])

    mailboxes.follow_members(now=NOW)

    assert served(one) == (connection.pk, "domain", "waiting")


def test_what_goes_on_in_one_unit_decides_nothing_in_another(company):
    working(company, "kube.example")
    mailboxes.follow_members(now=NOW)  # the stranger's own
    memberships.suspend_member(company.member(company.emma), by=company.olga, now=NOW)

    assert mailboxes.follow_members(now=LATER) == 1
    assert Mailbox.objects.get(member__user=company.sven).decided_by == "none"
