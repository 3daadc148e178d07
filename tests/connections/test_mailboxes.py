"""Each member is served by exactly one connection, or by none and then it says why."""

import pytest

from connections import calendar_connections, domains
from connections.calendar_connections import create_connection
from connections.mailboxes import assign, set_override
from connections.models import BusyPeriod, ConnectionDomain, Mailbox
from orgunits.models import AuditEvent, Member
from tests.builders import make_members
from tests.connections.serving import KUBE, LATER, NOW, SIGS, box, member, read_something, served, working
from tests.people import Company, make_company

NOBODY = (None, "none", "not_served")


@pytest.fixture
def company(db) -> Company:
    return make_company()


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
