"""A run does exactly what its plan says, each person once; the guard holds back, people decide."""

import pytest
from django.utils import timezone

from orgunits import roles
from orgunits.models import AuditEvent
from provisioning import plans, rules, runs
from provisioning.models import Plan, PlanItem
from provisioning.plan_digest import digest
from provisioning.plan_rows import as_plan
from tests.people import make_company
from tests.provisioning.running import (
    NAMES,
    directory_of,
    done,
    everybody_rule,
    fresh,
    leave,
    looked,
    members_by_address,
    onboarded,
    planned,
    tell,
    was_read,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def company():
    return make_company()


@pytest.fixture
def connection(company):
    return directory_of(company)


def test_a_stored_plan_is_read_back_as_it_was_made(company, connection):
    tell(connection, *NAMES)
    was_read(connection)
    everybody_rule(connection, company.olga)

    plan = planned(connection, company.olga)

    assert plan.counts["add"] == 20
    assert digest(as_plan(plan)) == plan.digest


def test_applying_a_plan_adds_each_person_once_with_role_and_log(company, connection):
    rule, people = onboarded(connection, company)

    member = members_by_address(company)[NAMES[0]]
    assert (member.state, member.came_by, member.given_name) == ("active", "directory", "Ada")
    assert member.name_sources["given_name"] == "directory"
    [grant] = member.role_grants.all()
    assert (grant.role, grant.by_rule, grant.by_hand) == ("employee", True, False)
    assert member.directory_people.get().pk == people[0].pk
    told = AuditEvent.objects.filter(subject=member.public_id).values_list("verb", flat=True)
    assert sorted(told) == ["member.added", "role.granted"]


def test_a_second_plan_changes_nothing(company, connection):
    onboarded(connection, company)

    plan = planned(connection, company.olga)

    assert not plan.items.exists()
    assert plan.counts["nothing"] == 20


def test_a_rule_changes_when_its_plan_is_applied_and_not_before(company, connection):
    tell(connection, *NAMES)
    was_read(connection)
    draft = {"name": "All", "kind": "everybody", "role": "employee", "on_leaving": "suspend"}
    rule = rules.create_rule(connection, draft, by=company.olga, now=timezone.now())
    plan = rules.plan_change(rule, {"active": True}, by=company.olga, now=timezone.now())
    plans.make(plan, now=timezone.now())
    plan.refresh_from_db()
    rule.refresh_from_db()
    assert not rule.active

    run = done(plans.apply_plan(plan, by=company.olga, now=timezone.now()))

    rule.refresh_from_db()
    assert (run.state, rule.active) == ("succeeded", True)
    assert company.unit.members.filter(came_by="directory").count() == 20


def test_a_plan_that_is_out_of_date_says_why_and_does_nothing(company, connection):
    tell(connection, *NAMES)
    was_read(connection)
    everybody_rule(connection, company.olga)
    plan = planned(connection, company.olga)
    tell(connection, "late@kube.example")

    run = done(plans.apply_plan(plan, by=company.olga, now=timezone.now()))

    plan.refresh_from_db()
    assert (run.state, run.reason, plan.state) == ("cancelled", "stale", "stale")
    assert plan.stale_because == ["more_added"]
    assert not company.unit.members.filter(came_by="directory").exists()


def test_who_comes_back_is_reinstated_with_what_they_had(company, connection):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:1])
    looked(connection)
    connection.directory_people.update(absences=0, absent_since=None)
    was_read(connection)

    run = looked(connection)

    member = members_by_address(company)[NAMES[0]]
    assert (run.state, member.state) == ("succeeded", "active")
    assert member.offboardings.get().ended_at is not None
    assert [grant.role for grant in member.role_grants.all()] == ["employee"]


def test_a_rename_is_an_update_of_the_same_member(company, connection):
    _rule, people = onboarded(connection, company)
    before = members_by_address(company)[NAMES[0]]
    connection.directory_people.filter(pk=people[0].pk).update(
        address="new.name@kube.example", family_name="Adler", digest="other"
    )
    was_read(connection)

    run = looked(connection)

    after = members_by_address(company)["new.name@kube.example"]
    assert run.state == "succeeded"
    assert (after.pk, after.family_name) == (before.pk, "Adler")
    assert NAMES[0] not in members_by_address(company)


def test_one_persons_trouble_ends_in_part_and_can_be_tried_again(company, connection):
    _rule, people = onboarded(connection, company)
    connection.directory_people.filter(pk=people[0].pk).update(department="Sales", digest="other")
    connection.directory_people.filter(pk=people[1].pk).update(department="Sales", digest="other")
    was_read(connection)
    plan = planned(connection, company.olga)
    run = plans.apply_plan(plan, by=company.olga, now=timezone.now())
    assert runs._check(fresh(run), now=timezone.now())
    member = members_by_address(company)[NAMES[0]]
    member.department = "Otherwise"
    member.save()

    run = done(run)

    assert run.state == "partial"
    [failed] = run.plan.items.filter(result="failed")
    assert (failed.member_id, failed.reason) == (member.pk, "changed_meanwhile")
    again = runs.again(run, by=company.olga, now=timezone.now())
    plans.make(again, now=timezone.now())
    again.refresh_from_db()
    assert [item.member_id for item in again.items.all()] == [member.pk]
    assert done(plans.apply_plan(again, by=company.olga, now=timezone.now())).state == "succeeded"


def test_a_cancelled_run_does_no_more(company, connection):
    tell(connection, *NAMES)
    was_read(connection)
    everybody_rule(connection, company.olga)
    run = plans.apply_plan(planned(connection, company.olga), by=company.olga, now=timezone.now())

    runs.cancel(run, by=company.olga, now=timezone.now())

    assert done(run).state == "cancelled"
    assert not company.unit.members.filter(came_by="directory").exists()


def test_a_unit_that_asks_first_gets_a_plan_and_no_run(company, connection):
    tell(connection, *NAMES)
    was_read(connection)
    everybody_rule(connection, company.olga)
    rules.set_policy(
        connection, ask_first=True, share=20, floor=3, most=500, by=company.olga, now=timezone.now()
    )

    assert looked(connection) is None
    [plan] = connection.plans.filter(state="ready", purpose="scheduled")
    assert plan.counts["add"] == 20
    was_read(connection)
    looked(connection)
    assert connection.plans.filter(state="ready").get() == plan


def test_nothing_is_planned_where_nothing_changed(company, connection, django_assert_max_num_queries):
    onboarded(connection, company)
    was_read(connection)
    looked(connection)
    before = Plan.objects.count()
    was_read(connection)

    with django_assert_max_num_queries(12):
        assert looked(connection) is None

    assert Plan.objects.count() == before


def test_a_role_by_hand_outlives_the_rule(company, connection):
    rule, _people = onboarded(connection, company)
    member = members_by_address(company)[NAMES[0]]
    roles.grant_role(member, "employee", by=company.olga, now=timezone.now())
    plan = rules.plan_change(rule, rules.REMOVED, by=company.olga, now=timezone.now())
    plans.make(plan, now=timezone.now())
    plan.refresh_from_db()
    run = done(plans.apply_plan(plan, by=company.olga, now=timezone.now()))
    runs.approve(run, digest=run.plan.candidates_digest, by=company.olga, now=timezone.now())

    run = done(run)

    assert run.state == "succeeded"
    assert [grant.role for grant in member.role_grants.all()] == ["employee"]
    assert not members_by_address(company)[NAMES[1]].role_grants.exists()
    assert company.unit.members.filter(state="suspended").count() == 0


def test_each_item_is_done_once_however_often_its_job_comes(company, connection):
    tell(connection, *NAMES)
    was_read(connection)
    everybody_rule(connection, company.olga)
    run = plans.apply_plan(planned(connection, company.olga), by=company.olga, now=timezone.now())

    done(run)
    for _again in range(2):
        runs.go_on(fresh(run), now=timezone.now())

    assert company.unit.members.filter(came_by="directory").count() == 20
    assert set(PlanItem.objects.values_list("result", flat=True)) == {"done"}


def test_a_member_whose_disabled_account_looks_like_a_shared_mailbox_has_left(company, connection):
    _rule, people = onboarded(connection, company)
    connection.directory_people.filter(pk=people[0].pk).update(kind="shared", enabled=False, digest="other")
    was_read(connection)

    run = looked(connection)

    assert run.state == "succeeded"
    assert members_by_address(company)[NAMES[0]].state == "suspended"


def test_a_newcomer_who_cannot_be_written_holds_up_nobody_else(company, connection):
    tell(connection, *NAMES)
    was_read(connection)
    everybody_rule(connection, company.olga)
    plan = planned(connection, company.olga)
    odd = plan.items.first()
    odd.facts["changes"].append(["given_name", "", "A" * 300, ""])  # longer than a member's name may be
    odd.save()

    run = done(plans.apply_plan(plan, by=company.olga, now=timezone.now()))

    assert run.state == "partial"
    assert run.plan.items.get(result="failed").reason == "unexpected"
    assert company.unit.members.filter(came_by="directory").count() == 19
