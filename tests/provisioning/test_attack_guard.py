"""What happens between the plan and its run, or between two slices of a run, and must not get past the guard."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orgunits import roles
from orgunits.models import RoleGrant
from provisioning import plans, rules
from provisioning.models import Plan, ProvisioningRule
from tests.people import make_company
from tests.provisioning.running import (
    directory_of,
    done,
    everybody_rule,
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
