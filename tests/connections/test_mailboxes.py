"""Each member is served by exactly one connection, or by none and then it says why."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections import calendar_connections, domains, free_busy, mailboxes
from connections.calendar_connections import create_connection
from connections.mailboxes import LONGEST_RETRY, RETRY_AFTER, assign, retry_at, set_override
from connections.models import BusyPeriod, CalendarConnection, ConnectionDomain, Mailbox, MemberCalendar
from connections.states import NotPossibleNow, State, move
from orgunits import erasure, memberships
from orgunits.models import AuditEvent, Member
from tests.builders import make_members
from tests.people import Company, make_company

NOW = datetime(2026, 10, 20, 9, 17, 23, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
DecidedBy, Failure = Mailbox.DecidedBy, Mailbox.Failure
KUBE, SIGS = "pia@kube.example", "paulo@sigs.example"


@pytest.fixture
def company(db) -> Company:
    return make_company()


def working(company: Company, *names: str, provider: str = "google", mode: str = "free_busy"):
    """An active connection that serves these domains; nothing of it is asked in these tests."""
    connection = create_connection(company.unit, provider, mode, by=company.olga, now=NOW)
    move(connection, State.ACTIVE, now=NOW, connected_at=NOW)
    for name in names:
        domains.add_domain(connection, name, by=company.olga, now=NOW, verified=ConnectionDomain.Verified.DNS)
    assign(company.unit, now=NOW)
    return connection


def member(company: Company, address: str = KUBE, **fields) -> Member:
    (one,) = make_members(company.unit, [address], **fields)
    assign(company.unit, now=NOW)
    return one


def box(one: Member) -> Mailbox:
    return Mailbox.objects.get(member=one)


def served(one: Member) -> tuple[int | None, str, str]:
    row = box(one)
    return row.connection_id, row.decided_by, row.state


NOBODY = (None, "none", "not_served")


def read_something(one: Member) -> MemberCalendar:
    """As if the mailbox had been read: a calendar with a place in the feed, and an hour of busy time."""
    calendar = MemberCalendar.objects.create(
        unit=one.unit, mailbox=box(one), provider="google", provider_id="c", counts=True, primary=True,
        feed_token="place", time_zone="Europe/Berlin",
    )  # fmt: skip
    BusyPeriod.objects.create(calendar=calendar, member=one, provider_id="e", starts=0, ends=60, kind=1)
    mailboxes.mark_synced(box(one), now=NOW, next_sync_at=LATER)
    return calendar


# --- by mail domain -----------------------------------------------------------------------------------------------
def test_a_verified_domain_serves_its_members_and_reading_begins(company):
    one = member(company)

    connection = working(company, "kube.example")

    assert served(one) == (connection.pk, "domain", "waiting")
    assert box(one).next_sync_at == NOW


def test_a_domain_serves_nobody_before_it_is_proven(company):
    one, connection = member(company), working(company)

    row = domains.add_domain(connection, "kube.example", by=company.olga, now=NOW)
    before = served(one)
    domains.set_verified(row, ConnectionDomain.Verified.DNS, now=NOW)

    assert before == NOBODY
    assert served(one) == (connection.pk, "domain", "waiting")


@pytest.mark.parametrize(
    "address",
    ["pia@sub.kube.example", "pia@notkube.example", "pia@kube.example.org", "kube.example@else.example"],
)
def test_a_domain_serves_exactly_itself(company, address):
    one = member(company, address)

    working(company, "kube.example")

    assert served(one) == NOBODY


def test_capital_letters_make_no_difference(company):
    one = member(company, "Pia@KUBE.Example")

    connection = working(company, "Kube.Example")

    assert served(one)[0] == connection.pk


def test_who_arrives_later_is_served_too(company):
    connection = working(company, "kube.example")

    assert served(member(company))[0] == connection.pk


def test_each_of_two_services_serves_its_own_domain(company):
    one, other = member(company), member(company, SIGS)

    google = working(company, "kube.example")
    microsoft = working(company, "sigs.example", provider="microsoft", mode="read_write")

    assert (served(one)[0], served(other)[0]) == (google.pk, microsoft.pk)


def test_a_connection_being_set_up_serves_nobody(company):
    one = member(company)
    connection = create_connection(company.unit, "google", "free_busy", by=company.olga, now=NOW)

    domains.add_domain(connection, "kube.example", by=company.olga, now=NOW, verified="dns")

    assert served(one) == NOBODY


def test_no_access_keeps_members_here_and_reads_nothing(company):
    one = member(company)
    connection = create_connection(company.unit, "none", "no_access", by=company.olga, now=NOW)

    domains.add_domain(connection, "kube.example", by=company.olga, now=NOW)

    assert served(one) == (connection.pk, "domain", "kept_here")
    assert box(one).next_sync_at is None


def test_a_removed_domain_leaves_its_members_unserved_and_forgets_what_was_read(company):
    one, connection = member(company), working(company, "kube.example")
    read_something(one)

    domains.remove_domain(connection.domains.get(), by=company.olga, now=LATER)

    assert served(one) == NOBODY
    assert not BusyPeriod.objects.exists()


@pytest.mark.parametrize("state", [Member.State.SUSPENDED, Member.State.REMOVED])
def test_who_is_no_longer_active_is_not_served(company, state):
    one = member(company)
    working(company, "kube.example")
    read_something(one)

    Member.objects.filter(pk=one.pk).update(state=state)
    assign(company.unit, now=LATER)

    assert served(one) == (None, "inactive", "not_served")
    assert not BusyPeriod.objects.exists()


def test_the_other_unit_is_not_touched(company):
    (stranger,) = make_members(company.stranger_unit, ["sven2@kube.example"])
    assign(company.stranger_unit, now=NOW)

    working(company, "kube.example")

    assert served(stranger) == NOBODY


def test_deciding_again_changes_nothing(company):
    for address in (KUBE, SIGS, "who@else.example"):
        member(company, address)
    working(company, "kube.example")
    before = list(Mailbox.objects.order_by("pk").values())

    assign(company.unit, now=LATER)

    assert list(Mailbox.objects.order_by("pk").values()) == before


def test_deciding_takes_as_many_queries_for_many_members_as_for_few(company, django_assert_max_num_queries):
    connection = working(company, "kube.example", "sigs.example")
    make_members(company.unit, [f"m{number}@kube.example" for number in range(300)])

    with django_assert_max_num_queries(30):
        assign(company.unit, now=NOW)

    assert connection.mailboxes.count() == 303


# --- several connections for one domain ---------------------------------------------------------------------------
def test_a_second_connection_takes_nobody_away_and_says_that_there_are_two(company):
    one, first = member(company), working(company, "kube.example")
    calendar = read_something(one)

    second = working(company, "kube.example", mode="read_write")
    newcomer = member(company, "neu@kube.example")

    assert served(one) == (first.pk, "several", "synced")
    assert BusyPeriod.objects.filter(calendar=calendar).exists()
    assert served(newcomer) == (None, "several", "not_served")
    assert second.mailboxes.count() == 0


def test_when_one_of_two_goes_the_other_serves_everybody(company):
    one, first = member(company), working(company, "kube.example")
    second = working(company, "kube.example", mode="read_write")
    newcomer = member(company, "neu@kube.example")

    calendar_connections.disconnect(first, by=company.olga, now=LATER)

    assert served(one) == (second.pk, "domain", "waiting")
    assert served(newcomer) == (second.pk, "domain", "waiting")


def test_a_choice_by_hand_settles_it(company):
    working(company, "kube.example")
    second = working(company, "kube.example", mode="read_write")
    newcomer = member(company, "neu@kube.example")

    set_override(newcomer, second, by=company.olga, now=LATER)

    assert served(newcomer) == (second.pk, "override", "waiting")


# --- chosen by hand -----------------------------------------------------------------------------------------------
def test_a_choice_by_hand_wins_over_the_domain_and_is_written_down(company):
    one, first = member(company), working(company, "kube.example")
    second = working(company, "sigs.example", provider="microsoft")
    read_something(one)

    set_override(one, second, by=company.olga, now=LATER)

    assert served(one) == (second.pk, "override", "waiting")
    assert not BusyPeriod.objects.exists()
    event = AuditEvent.objects.get(verb="connection.chosen")
    assert event.facts["connection"] == second.public_id
    assert first.mailboxes.filter(member=one).count() == 0


def test_taking_the_choice_back_returns_to_the_domain(company):
    one, first = member(company), working(company, "kube.example")
    set_override(one, working(company, "sigs.example"), by=company.olga, now=NOW)

    set_override(one, None, by=company.olga, now=LATER)

    assert served(one) == (first.pk, "domain", "waiting")


def test_a_choice_outlives_other_decisions(company):
    one = member(company)
    second = working(company, "sigs.example")
    set_override(one, second, by=company.olga, now=NOW)

    working(company, "kube.example")

    assert served(one)[:2] == (second.pk, "override")


def test_who_was_given_a_connection_that_ended_goes_by_the_domain_again(company):
    one, first = member(company), working(company, "kube.example")
    second = working(company, "sigs.example")
    set_override(one, second, by=company.olga, now=NOW)

    calendar_connections.disconnect(second, by=company.olga, now=LATER)

    assert served(one) == (first.pk, "domain", "waiting")


def test_a_connection_of_another_unit_cannot_be_chosen_into_service(company):
    one, first = member(company), working(company, "kube.example")
    foreign = create_connection(company.stranger_unit, "none", "no_access", by=company.sven, now=NOW)

    set_override(one, foreign, by=company.olga, now=LATER)

    assert served(one)[0] == first.pk


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
