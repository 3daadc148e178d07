"""What happens between the plan and its run, or between two slices of a run, and must not get past the guard."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orgunits import roles
from orgunits.models import RoleGrant
from provisioning import plans, rules, runs
from provisioning.models import Plan, ProvisioningRule
from tests.people import make_company
from tests.provisioning.running import (
    directory_of,
    done,
    everybody_rule,
    fresh,
    looked,
    members_by_address,
    planned,
    tell,
    was_read,
)

pytestmark = pytest.mark.django_db
NAMES = [f"person{n:02}@kube.example" for n in range(20)]


@pytest.fixture
def company():
    return make_company()


@pytest.fixture
def connection(company):
    return directory_of(company)


def apply(plan: Plan, company):
    return done(plans.apply_plan(plan, by=company.olga, now=timezone.now()))


def onboarded(connection, company, **facts):
    people = tell(connection, *NAMES)
    was_read(connection, at=timezone.now() - timedelta(days=3))
    rule = everybody_rule(connection, company.olga, **facts)
    assert apply(planned(connection, company.olga), company).state == "succeeded"
    return rule, people


def leave(connection, people):
    connection.directory_people.filter(pk__in=[one.pk for one in people]).update(
        absences=2, absent_since=timezone.now() - timedelta(days=1)
    )
    was_read(connection)


def suspended(company) -> int:
    return company.unit.members.filter(state="suspended").count()


def test_limits_that_were_lowered_after_the_plan_was_made_hold_for_its_run(company, connection):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:4])
    plan = planned(connection, company.olga)
    assert plan.outcome == "allowed"
    rules.set_policy(
        connection, ask_first=False, share=5, floor=1, most=500, by=company.olga, now=timezone.now()
    )

    run = apply(plan, company)

    assert (run.state, run.plan.outcome, run.plan.guard_codes, run.plan.limit) == (
        "paused_by_guard",
        "paused",
        ["share"],
        1,
    )
    assert suspended(company) == 0


def test_roles_that_became_a_real_loss_after_the_plan_was_made_are_not_taken_unseen(company, connection):
    rule, _people = onboarded(connection, company, role="coordinator", on_leaving="lose_role")
    for member in company.unit.members.filter(came_by="directory"):
        roles.grant_role(member, "coordinator", by=company.olga, now=timezone.now())
    plan = rules.plan_change(rule, {"active": False}, by=company.olga, now=timezone.now())
    plans.make(plan, now=timezone.now())
    plan.refresh_from_db()
    assert (plan.candidates, plan.outcome) == (0, "allowed")
    for member in company.unit.members.filter(came_by="directory"):
        member.role_grants.update(by_hand=False)

    run = apply(plan, company)

    plan.refresh_from_db()
    assert (run.state, plan.state, plan.stale_because) == ("cancelled", "stale", ["other_losses"])
    assert RoleGrant.objects.filter(role="coordinator", member__came_by="directory").count() == 20
    assert ProvisioningRule.objects.get(pk=rule.pk).active


def test_who_was_made_ops_admin_after_the_plan_was_made_is_not_suspended_unseen(company, connection):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:1])
    plan = planned(connection, company.olga)
    member = members_by_address(company)[NAMES[0]]
    roles.grant_role(member, "ops_admin", by=company.olga, now=timezone.now())

    run = apply(plan, company)

    assert (run.state, run.plan.stale_because) == ("cancelled", ["other_losses"])
    assert suspended(company) == 0


def begun(connection, company, people, **facts):
    """A run that found its plan right and has done nothing yet: its worker was killed there."""
    leave(connection, people)
    run = plans.apply_plan(planned(connection, company.olga), by=company.olga, now=timezone.now())
    runs.go_on(fresh(run), now=timezone.now(), seconds=-1)
    run = fresh(run)
    assert (run.state, run.checked_at is not None) == ("running", True)
    return run


def results(run) -> set[tuple[str, str]]:
    return set(run.plan.items.values_list("result", "reason"))


@pytest.mark.parametrize(
    ("then", "again"),
    [
        ({"absences": 2}, {"absences": 0, "absent_since": None}),
        ({"enabled": False}, {"enabled": True}),
        ({"deleted_at": timezone.now()}, {"deleted_at": None}),
    ],
)
def test_whom_the_directory_shows_again_in_the_middle_of_a_run_stays(company, connection, then, again):
    _rule, people = onboarded(connection, company)
    gone = connection.directory_people.filter(pk=people[0].pk)
    gone.update(**then)
    run = begun(connection, company, [])
    gone.update(**again)

    run = done(run)

    assert (run.state, results(run)) == ("partial", {("failed", "changed_meanwhile")})
    assert suspended(company) == 0


def test_who_becomes_ops_admin_in_the_middle_of_a_run_is_not_suspended_unseen(company, connection):
    _rule, people = onboarded(connection, company)
    run = begun(connection, company, people[:1])
    member = members_by_address(company)[NAMES[0]]
    roles.grant_role(member, "ops_admin", by=company.olga, now=timezone.now())

    run = done(run)

    assert (run.state, results(run)) == ("partial", {("failed", "changed_meanwhile")})
    assert suspended(company) == 0


def test_an_approved_run_that_was_killed_and_comes_back_after_the_approval_ended_asks_again(
    company, connection
):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:6])
    run = looked(connection)
    runs.approve(run, digest=run.plan.candidates_digest, by=company.olga, now=timezone.now())
    runs.go_on(fresh(run), now=timezone.now(), seconds=-1)
    assert fresh(run).checked_at is not None

    runs.go_on(fresh(run), now=timezone.now() + timedelta(hours=5))

    run = fresh(run)
    assert (run.state, run.reason, results(run)) == ("paused_by_guard", "approval_ended", {("held", "")})
    assert suspended(company) == 0


def test_nobody_goes_any_more_once_the_run_was_cancelled(company, connection):
    _rule, people = onboarded(connection, company)
    run = begun(connection, company, people[:3])
    stopped = list(run.plan.items.all())
    runs.cancel(run, by=company.olga, now=timezone.now())

    runs._do(run, stopped, until=float("inf"), now=timezone.now())

    assert suspended(company) == 0
    assert results(run) == {("todo", "")}


def test_a_narrower_reading_removes_nobody_however_often_it_is_looked_at(company, connection):
    _rule, people = onboarded(connection, company)
    connection.directory_people.filter(pk=people[0].pk).update(deleted_at=timezone.now())
    was_read(connection, asked="narrower")

    assert apply(planned(connection, company.olga), company).plan.guard_codes == ["scopes_changed"]
    assert apply(planned(connection, company.olga), company).plan.guard_codes == ["scopes_changed"]
    assert looked(connection) is None
    was_read(connection, whole=False, asked="narrower")
    assert looked(connection) is None
    assert suspended(company) == 0
    was_read(connection, asked="narrower")
    assert looked(connection).state == "succeeded"

    assert suspended(company) == 1


def test_rows_of_a_narrower_reading_that_is_not_over_remove_nobody(company, connection):
    rule, people = onboarded(connection, company)
    rule.on_leaving, rule.kind, rule.values = "suspend", "department", ["it"]
    rule.save()
    connection.directory_people.update(department="it")
    was_read(connection)
    assert looked(connection).state == "succeeded"
    was_read(connection, state="running", asked="narrower")
    connection.directory_people.filter(pk=people[0].pk).update(department="")

    plan = planned(connection, company.olga)

    assert (plan.outcome, plan.guard_codes, plan.candidates) == ("blocked", ["scopes_changed"], 0)


def test_a_reading_that_shows_far_fewer_people_is_named_as_a_likely_cause(company, connection):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:10])

    assert "much_smaller" in looked(connection).plan.causes


def test_a_run_that_is_cancelled_at_its_very_end_ends_its_job_well(company, connection):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:6])
    run = looked(connection)
    assert run.state == "paused_by_guard"
    runs.cancel(run, by=company.olga, now=timezone.now())

    runs._finish(run, now=timezone.now())

    assert (fresh(run).state, fresh(run).reason) == ("cancelled", "by_hand")
