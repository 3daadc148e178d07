"""A rule changes by the plan that is applied. What becomes of the change when the plan or its run ends early."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orgunits import units
from provisioning import plans, rules, runs
from provisioning.models import Plan
from provisioning.run_list import why
from tests.people import make_company, signed_in
from tests.provisioning.running import directory_of, done, fresh, looked, tell, was_read

pytestmark = pytest.mark.django_db
NAMES = [f"person{n:02}@kube.example" for n in range(20)]
DRAFT = {"name": "All", "kind": "everybody", "role": "employee", "on_leaving": "suspend"}


@pytest.fixture
def company():
    return make_company()


@pytest.fixture
def connection(company):
    connection = directory_of(company)
    tell(connection, *NAMES)
    was_read(connection, at=timezone.now() - timedelta(days=3))
    return connection


@pytest.fixture
def rule(company, connection):
    return rules.create_rule(connection, DRAFT, by=company.olga, now=timezone.now())


def changed(rule, company, **draft) -> Plan:
    rule.refresh_from_db()
    plan = rules.plan_change(rule, draft, by=company.olga, now=timezone.now())
    plans.make(plan, now=timezone.now())
    plan.refresh_from_db()
    return plan


def new_plan_of(plan, company) -> Plan:
    url = reverse("plan_new", args=[plan.unit.slug, plan.connection.public_id])
    page = (
        signed_in(company.olga).get(reverse("plan", args=[plan.unit.slug, plan.public_id])).content.decode()
    )
    assert f"{url}?of={plan.public_id}" in page
    signed_in(company.olga).post(f"{url}?of={plan.public_id}")
    plan = Plan.objects.order_by("-pk").first()
    plans.make(plan, now=timezone.now())
    plan.refresh_from_db()
    return plan


def test_a_new_plan_of_one_that_went_stale_still_changes_the_rule(company, connection, rule):
    plan = changed(rule, company, active=True)
    tell(connection, "late@kube.example")
    run = done(plans.apply_plan(plan, by=company.olga, now=timezone.now()))
    plan.refresh_from_db()
    rule.refresh_from_db()
    assert (plan.state, rule.active) == ("stale", False)
    assert "The rule is as it was before" in why(run)

    newer = new_plan_of(plan, company)
    done(plans.apply_plan(newer, by=company.olga, now=timezone.now()))

    rule.refresh_from_db()
    assert (newer.purpose, rule.active) == ("rule", True)
    assert company.unit.members.filter(came_by="directory").count() == 21


def test_a_new_plan_of_a_change_to_a_rule_that_changed_since_is_of_the_rules_as_they_are(
    company, connection, rule
):
    plan = changed(rule, company, active=True)
    plans.discard(plan, by=company.olga, now=timezone.now())
    other = changed(rule, company, active=True, role="coordinator")
    done(plans.apply_plan(other, by=company.olga, now=timezone.now()))

    newer = new_plan_of(plan, company)

    assert (newer.purpose, newer.draft, newer.counts.get("change", 0)) == ("by_hand", None, 0)


def test_a_run_that_cannot_begin_leaves_the_rule_and_says_so(company, connection, rule):
    plan = changed(rule, company, active=True)
    run = plans.apply_plan(plan, by=company.olga, now=timezone.now())
    units.pause_unit(company.unit, by=company.olga, now=timezone.now())

    run = done(run)

    plan.refresh_from_db()
    rule.refresh_from_db()
    assert (run.state, run.reason, plan.state, plan.stale_because, rule.active) == (
        "failed",
        "unit_at_rest",
        "stale",
        ["not_begun"],
        False,
    )
    assert "The rule is as it was before" in why(run)


def test_a_run_that_was_cancelled_after_it_changed_the_rule_says_so_and_the_rule_holds(
    company, connection, rule
):
    run = plans.apply_plan(changed(rule, company, active=True), by=company.olga, now=timezone.now())
    runs.go_on(fresh(run), now=timezone.now(), seconds=-1)

    runs.cancel(fresh(run), by=company.olga, now=timezone.now())

    rule.refresh_from_db()
    run = fresh(run)
    assert (run.plan.state, rule.active) == ("taken", True)
    assert "The rule stays changed" in why(run)
    was_read(connection)
    assert looked(connection).state == "succeeded"
    assert company.unit.members.filter(came_by="directory").count() == 20


def test_an_approved_run_that_is_overtaken_does_not_say_that_nothing_was_done(company, connection, rule):
    done(plans.apply_plan(changed(rule, company, active=True), by=company.olga, now=timezone.now()))
    tell(connection, "late@kube.example")
    was_read(connection)
    plan = changed(rule, company, kind="department", values=["nowhere"])
    run = done(plans.apply_plan(plan, by=company.olga, now=timezone.now()))
    assert run.state == "paused_by_guard"
    runs.approve(run, digest=run.plan.candidates_digest, by=company.olga, now=timezone.now())
    connection.directory_people.filter(address=NAMES[0]).update(department="nowhere")

    run = done(run)

    assert (run.state, run.reason, run.plan.state) == ("cancelled", "stale_since", "taken")
    assert run.plan.stale_because == ["other_action"]
    assert "The rule stays changed" in why(run)
    assert not company.unit.members.filter(state="suspended").exists()
