"""What a look at a directory could miss, and never find again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connections import directories
from connections.models import DirectoryGroup
from orgunits.members import add_member
from orgunits.models import AuditEvent, Member
from provisioning import decisions, following, plans
from provisioning.models import Kept, RuleGrant
from tests.people import make_company
from tests.provisioning.running import (
    directory_of,
    everybody_rule,
    looked,
    members_by_address,
    planned,
    tell,
    was_read,
)

pytestmark = pytest.mark.django_db
NAMES = [f"person{n:02}@kube.example" for n in range(10)]


@pytest.fixture
def company():
    return make_company()


@pytest.fixture
def connection(company):
    return directory_of(company)


def test_a_reading_that_ends_while_the_look_before_it_thinks_is_looked_at_too(company, connection):
    tell(connection, *NAMES)
    everybody_rule(connection, company.olga)
    began = timezone.now() - timedelta(seconds=20)
    was_read(connection, at=began - timedelta(hours=6))
    assert looked(connection).state == "succeeded"

    was_read(
        connection, at=began
    )  # its rows and its end were written after the look; its clock is that of its job

    assert following.due(now=timezone.now()).get().pk == connection.pk
    looked(connection)
    assert not following.due(now=timezone.now()).exists()


def test_a_group_that_is_missing_a_second_time_is_noticed_though_nothing_else_changed(company, connection):
    people = tell(connection, *NAMES)
    group = DirectoryGroup.objects.create(
        unit=company.unit, connection=connection, external_id="crew", name="Crew", sort_key="crew"
    )
    group.members.set(people[:2])
    everybody_rule(connection, company.olga)
    crew = {
        "kind": "group",
        "values": ["crew"],
        "role": "coordinator",
        "on_leaving": "lose_role",
        "name": "Crew",
    }
    everybody_rule(connection, company.olga, **crew)
    was_read(connection, at=timezone.now() - timedelta(hours=12))
    assert looked(connection).state == "succeeded"
    assert looked(connection) is None

    first = timezone.now() - timedelta(hours=6)
    was_read(connection, at=first)
    DirectoryGroup.objects.update(absent_since=first)
    assert looked(connection) is None
    was_read(connection)

    assert looked(connection).state == "succeeded"
    assert not RuleGrant.objects.filter(role="coordinator").exists()


def test_a_mover_who_is_kept_moves_at_once_and_loses_nothing_before_the_day(company, connection):
    there = directory_of(company, "microsoft")
    [before] = tell(connection, "ada@kube.example", employee_id="7")
    everybody_rule(connection, company.olga, role="coordinator")
    everybody_rule(there, company.olga)
    was_read(connection, at=timezone.now() - timedelta(hours=12))
    looked(connection)
    member = members_by_address(company)["ada@kube.example"]
    connection.directory_people.update(absences=1)
    tell(there, "ada@sigs.example", employee_id="7")
    Kept.objects.create(unit=company.unit, member=member, until=timezone.now().date() + timedelta(days=5))
    was_read(there)

    run = looked(there)

    assert (run.state, set(run.plan.items.values_list("result", "reason"))) == ("succeeded", {("done", "")})
    assert member.directory_people.get().connection_id == there.pk
    assert set(member.role_grants.values_list("role", flat=True)) == {"coordinator", "employee"}
    assert looked(there) is None
    Kept.objects.update(until=timezone.now().date())
    assert looked(there).state == "succeeded"
    assert set(member.role_grants.values_list("role", flat=True)) == {"employee"}


def test_a_reading_that_is_not_to_be_believed_does_not_answer_the_guards_question(company, connection):
    tell(connection, *NAMES)
    everybody_rule(connection, company.olga)
    was_read(connection, at=timezone.now() - timedelta(hours=18))
    looked(connection)
    connection.directory_people.update(absences=2)
    was_read(connection, at=timezone.now() - timedelta(hours=12), people=10)
    asks = looked(connection)
    assert asks.state == "paused_by_guard"

    was_read(connection, at=timezone.now() - timedelta(hours=6), people=10, asked="narrower")
    assert looked(connection) is None
    asks.refresh_from_db()
    assert (asks.state, asks.reason) == ("paused_by_guard", "")

    was_read(connection, people=10, asked="narrower")
    assert looked(connection) is None
    asks.refresh_from_db()
    assert asks.state == "paused_by_guard"


def test_what_a_plan_told_of_people_goes_when_their_directory_is_forgotten(company, connection):
    tell(connection, *NAMES, given_name="Ada")
    everybody_rule(connection, company.olga)
    was_read(connection)
    plan = planned(connection, company.olga)
    assert NAMES[0] in str(list(plan.items.values_list("facts")))

    directories.disconnect(connection, by=company.olga, now=timezone.now())
    plans.forget_erased()

    assert set(plan.items.values_list("action", "facts__changes")) == {("add", None)}


def test_deciding_about_many_and_keeping_many_asks_as_often_as_about_few(
    company, connection, django_assert_max_num_queries
):
    many = [f"m{n:03}@kube.example" for n in range(60)]
    for address in many:
        add_member(company.unit, address, by=company.olga, now=timezone.now())
    tell(connection, *many)
    everybody_rule(connection, company.olga)
    was_read(connection)
    plan = planned(connection, company.olga)
    assert plan.counts["conflict"] == 60

    with django_assert_max_num_queries(16):
        decided = decisions.decide(plan.items.all(), same=True, by=company.olga, now=timezone.now())
    with django_assert_max_num_queries(12):
        until = timezone.now().date() + timedelta(days=9)
        decisions.keep(
            Member.objects.filter(email__in=many), until=until, by=company.olga, now=timezone.now()
        )

    assert decided == 60
    for verb in ("pair.same", "member.kept"):
        told = AuditEvent.objects.filter(verb=verb, actor=company.olga.public_id)
        assert told.count() == 60
