"""The calls of a minute are shared out to jobs, never overdrawn, and nobody starves."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from connections import budgets, free_busy
from connections.budgets import Budget
from connections.calendar_connections import create_connection
from connections.models import CalendarConnection, Mailbox, MemberCalendar, RequestBudget
from connections.providers.base import Throttled
from tests.builders import make_members
from tests.connecting import connect
from tests.connections.reading import read_now, read_until_synced
from tests.people import make_company
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 10, 20, 9, 17, 23, tzinfo=UTC)


@pytest.fixture
def connection(settings) -> CalendarConnection:
    """A connection that may make 75 calls a minute, 60 % of a quota of 125; 15 of them for what was announced."""
    settings.GOOGLE_REQUESTS_PER_MINUTE, settings.REQUEST_BUDGET_PERCENT = 125, 60
    company = make_company()
    return create_connection(company.unit, "google", "free_busy", by=company.olga, now=NOW)


def used(connection: CalendarConnection) -> dict[int, int]:
    return dict(RequestBudget.objects.filter(connection=connection).values_list("minute", "used"))


def test_two_jobs_together_get_no_more_than_the_minute_has(connection):
    first, second, third = (Budget(connection, now=NOW) for _ in range(3))

    given = [first.reserve(40), second.reserve(40), third.reserve(40)]

    assert given == [40, 20, 0]
    assert used(connection) == {first.minute: 60}


def test_what_was_announced_has_calls_left_when_the_others_have_used_up_theirs(connection):
    whole, news, more = (Budget(connection, now=NOW) for _ in range(3))

    given = [whole.reserve(100), news.reserve(10, announced=True), more.reserve(10, announced=True)]

    assert given == [60, 10, 5]
    assert Budget(connection, now=NOW).reserve(1) == 0


def test_the_next_minute_has_a_share_of_its_own(connection):
    Budget(connection, now=NOW).reserve(60)

    assert Budget(connection, now=NOW + timedelta(minutes=1)).reserve(60) == 60


def test_what_was_not_spent_goes_back(connection):
    budget = Budget(connection, now=NOW)
    budget.reserve(50)

    budget.spend(7)
    budget.give_back()

    assert used(connection) == {budget.minute: 7}
    assert Budget(connection, now=NOW).reserve(60) == 53


def test_giving_back_twice_gives_back_once(connection):
    budget = Budget(connection, now=NOW)
    budget.reserve(50)

    budget.give_back()
    budget.give_back()

    assert used(connection) == {budget.minute: 0}


def test_spending_more_than_was_reserved_is_refused_and_spends_nothing(connection):
    budget = Budget(connection, now=NOW)
    budget.reserve(3)
    budget.spend(2)

    with pytest.raises(Throttled) as refusal:
        budget.spend(2)

    assert refusal.value.code == "own budget"
    assert budget.left == 1


def test_many_threads_spend_exactly_what_is_there(connection):
    budget, refused = Budget(connection, now=NOW), []
    budget.reserve(60)

    def spend() -> None:
        for _ in range(25):
            try:
                budget.spend(1)
            except Throttled:
                refused.append(1)

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (budget.left, len(refused)) == (0, 40)


def test_connections_do_not_share_their_calls(connection):
    other = create_connection(
        connection.unit, "google", "read_write", by=connection.unit.members.get(email="olga@kube.example").user,
        now=NOW,
    )  # fmt: skip
    Budget(connection, now=NOW).reserve(60)

    assert Budget(other, now=NOW).reserve(60) == 60


def test_old_minutes_are_forgotten_and_this_hour_is_kept(connection):
    Budget(connection, now=NOW - timedelta(minutes=61)).reserve(1)
    Budget(connection, now=NOW - timedelta(minutes=59)).reserve(2)

    budgets.forget_old(now=NOW)

    assert list(used(connection).values()) == [2]


# --- in a reading -------------------------------------------------------------------------------------------------
def test_a_minute_without_calls_puts_reading_off_and_blames_nobody(providers, settings):
    company = make_company()
    (member,) = make_members(company.unit, ["pia.bauer11@kube.example"])
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    settings.GOOGLE_REQUESTS_PER_MINUTE = 0

    read_now(connection, [member], now=NOW)

    box = Mailbox.objects.get(member=member)
    assert (box.state, box.failure, box.attempts) == (Mailbox.State.WAITING, "", 0)
    assert box.next_sync_at == datetime(2026, 10, 20, 9, 18, tzinfo=UTC)  # the next minute begins
    assert CalendarConnection.objects.get(pk=connection.pk).slowed_until is None


def test_a_small_share_reads_everybody_in_some_minutes(providers, settings):
    settings.GOOGLE_REQUESTS_PER_MINUTE, settings.REQUEST_BUDGET_PERCENT = 8, 100
    company = make_company()
    addresses = ["pia.bauer11@kube.example", "lukas.martin38@kube.example", "benedikt.petrov63@kube.example"]
    members = make_members(company.unit, addresses)
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)

    read_until_synced(connection, members, now=NOW)

    assert set(used(connection).values()) <= set(range(9))


def test_a_reading_counts_every_call_it_made(providers):
    company = make_company()
    (member,) = make_members(company.unit, ["pia.bauer11@kube.example"])
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    providers.control("POST", "reset")
    before = len(api_calls(providers))

    read_now(connection, [member], now=NOW)

    assert list(used(connection).values()) == [len(api_calls(providers)) - before]


def api_calls(providers) -> list[dict]:
    calls = providers.control("GET", "calls")["calls"]
    return [call for call in calls if str(call["operation"]).startswith("calendar")]


def test_somebody_alone_who_needs_many_calls_is_read_in_one_go(providers):
    """Six series that began long ago: more calls than a usual mailbox needs, and nobody to share with."""
    company = make_company()
    (member,) = make_members(company.unit, ["nadia.zimmermann25@sigs.example"])
    connection = connect(company.unit, "microsoft", "free_busy", providers, by=company.olga)

    read_now(connection, [member], now=NOW)

    assert Mailbox.objects.get(member=member).state == Mailbox.State.SYNCED


def test_somebody_known_who_has_to_be_read_anew_is_not_starved_by_the_share_of_a_poll(providers):
    company = make_company()
    (member,) = make_members(company.unit, ["pia.bauer11@kube.example"])
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    read_now(connection, [member], now=NOW)
    MemberCalendar.objects.update(feed_token="")

    read_now(connection, [member], now=NOW + timedelta(minutes=1))

    assert Mailbox.objects.get(member=member).last_synced_at == NOW + timedelta(minutes=1)


# --- handing out what is due --------------------------------------------------------------------------------------
def test_due_mailboxes_are_handed_out_once_and_bookable_people_first(providers, settings):
    settings.SYNC_SLICE = 1
    company = make_company()
    later, first = make_members(company.unit, ["pia.bauer11@kube.example", "lukas.martin38@kube.example"])
    company.unit.members.exclude(pk=first.pk).update(bookable=False)
    type(first).objects.filter(pk=first.pk).update(bookable=True)
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    Mailbox.objects.exclude(member__in=[first, later]).update(next_sync_at=None)
    Mailbox.objects.filter(member__in=[first, later]).update(next_sync_at=NOW)

    handed = free_busy.enqueue_due(connection, now=NOW)
    again = free_busy.enqueue_due(connection, now=NOW)

    assert (handed, again) == (2, 0)
    assert first_slice() == [Mailbox.objects.get(member=first).pk]


def first_slice() -> list[int]:
    from django_q.models import OrmQ
    from django_q.signing import SignedPackage

    tasks = [SignedPackage.loads(row.payload) for row in OrmQ.objects.order_by("pk")]
    return next(task["args"][1] for task in tasks if task["func"] == "connections.jobs.read_slice")


def test_a_connection_that_was_asked_for_patience_hands_out_nothing(providers):
    company = make_company()
    make_members(company.unit, ["pia.bauer11@kube.example"])
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    run_waiting_jobs()
    Mailbox.objects.update(next_sync_at=NOW)
    connection.slowed_until = NOW + timedelta(seconds=30)

    assert free_busy.enqueue_due(connection, now=NOW) == 0
    assert free_busy.enqueue_due(connection, now=NOW + timedelta(seconds=31)) > 0
