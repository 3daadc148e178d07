"""What the guard holds back, and what people answer: approve exactly these, keep everybody, or look again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orgunits import roles
from provisioning import rules, runs
from tests.people import make_company
from tests.provisioning.running import (
    NAMES,
    directory_of,
    done,
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


def test_a_few_leavers_are_suspended_at_once_and_the_others_stay(company, connection):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:3])

    run = looked(connection)

    assert (run.state, run.started_by) == ("succeeded", None)
    states = {address: member.state for address, member in members_by_address(company).items()}
    assert [states[name] for name in NAMES[:4]] == ["suspended", "suspended", "suspended", "active"]
    assert members_by_address(company)[NAMES[0]].offboardings.get().clause == "absent_twice"


def test_too_many_leavers_pause_the_run_and_nobody_goes(company, connection):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:5])
    tell(connection, "new@kube.example")

    run = looked(connection)

    assert run.state == "paused_by_guard"
    assert (run.plan.candidates, run.plan.base, run.plan.limit) == (5, 20, 4)
    assert run.plan.guard_codes == ["share"]
    assert not company.unit.members.filter(state="suspended").exists()
    assert members_by_address(company)["new@kube.example"].state == "active"


def test_an_approved_set_goes_and_nobody_else(company, connection):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:5])
    run = looked(connection)

    runs.approve(run, digest=run.plan.candidates_digest, by=company.olga, now=timezone.now())
    run = done(run)

    assert run.state == "succeeded"
    assert company.unit.members.filter(state="suspended").count() == 5


def test_another_set_than_the_approved_one_never_goes(company, connection):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:5])
    run = looked(connection)

    with pytest.raises(runs.OtherCandidates):
        runs.approve(run, digest="0" * 64, by=company.olga, now=timezone.now())
    runs.approve(run, digest=run.plan.candidates_digest, by=company.olga, now=timezone.now())
    leave(connection, people[5:6])
    run = done(run)

    assert (run.state, run.reason) == ("cancelled", "stale_since")
    assert not company.unit.members.filter(state="suspended").exists()


def test_an_approval_ends(company, connection):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:5])
    run = looked(connection)
    earlier = timezone.now() - timedelta(hours=5)

    runs.approve(run, digest=run.plan.candidates_digest, by=company.olga, now=earlier)
    run = done(run)

    assert (run.state, run.reason) == ("paused_by_guard", "approval_ended")
    assert not company.unit.members.filter(state="suspended").exists()


def test_keeping_everybody_keeps_them_until_the_day(company, connection):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:5])
    run = looked(connection)

    kept = runs.keep_everybody(
        run, until=timezone.now().date() + timedelta(days=30), by=company.olga, now=timezone.now()
    )
    was_read(connection)

    assert kept == 5
    assert looked(connection) is None
    assert fresh(run).reason == "kept"
    assert not company.unit.members.filter(state="suspended").exists()


def test_a_newer_reading_with_the_same_leavers_leaves_the_paused_run_alone(company, connection):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:5])
    run = looked(connection)
    was_read(connection)

    assert looked(connection) is None
    assert fresh(run).state == "paused_by_guard"


def test_a_newer_reading_that_shows_them_again_ends_the_paused_run(company, connection):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:5])
    run = looked(connection)
    connection.directory_people.update(absences=0, absent_since=None)
    was_read(connection)

    assert looked(connection) is None
    assert (fresh(run).state, fresh(run).reason) == ("cancelled", "nothing_left")


def test_a_newer_reading_with_other_leavers_overtakes_the_paused_run(company, connection):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:5])
    run = looked(connection)
    leave(connection, people[5:7])

    newer = looked(connection)

    assert (fresh(run).state, fresh(run).reason) == ("cancelled", "overtaken")
    assert (newer.state, newer.plan.candidates) == ("paused_by_guard", 7)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"state": "incomplete", "problem": "provider_down"}, "error"),
        ({"people": 0}, "empty"),
        ({"asked": "narrower"}, "scopes_changed"),
    ],
)
def test_a_reading_that_is_not_to_be_believed_removes_nobody(company, connection, facts, code):
    _rule, people = onboarded(connection, company)
    leave(connection, people[:2])
    was_read(connection, at=timezone.now() + timedelta(seconds=2), **facts)

    plan = planned(connection, company.olga)

    assert plan.outcome == "blocked"
    assert code in plan.guard_codes
    assert not plan.items.filter(action="suspend").exists()
    assert plan.clauses["incomplete"] == 2


def test_where_two_people_have_to_look_one_yes_alone_moves_nobody(company, connection):
    _rule, people = onboarded(connection, company)
    roles.grant_role(company.member(company.carl), "ops_admin", by=company.olga, now=timezone.now())
    limits = {"ask_first": False, "share": 20, "floor": 3, "most": 500}
    rules.set_policy(connection, **limits, second_person=True, by=company.olga, now=timezone.now())
    leave(connection, people[:5])
    run = looked(connection)
    digest = run.plan.candidates_digest

    for _twice in range(2):
        assert not runs.approve(run, digest=digest, by=company.olga, now=timezone.now())
    alone = done(run).state
    assert runs.approve(fresh(run), digest=digest, by=company.carl, now=timezone.now())

    assert alone == "paused_by_guard"
    assert done(run).state == "succeeded"
    assert company.unit.members.filter(state="suspended").count() == 5


def test_the_first_yes_of_two_ends(company, connection):
    _rule, people = onboarded(connection, company)
    roles.grant_role(company.member(company.carl), "ops_admin", by=company.olga, now=timezone.now())
    limits = {"ask_first": False, "share": 20, "floor": 3, "most": 500}
    rules.set_policy(connection, **limits, second_person=True, by=company.olga, now=timezone.now())
    leave(connection, people[:5])
    run = looked(connection)
    long_ago = timezone.now() - timedelta(hours=5)

    runs.approve(run, digest=run.plan.candidates_digest, by=company.olga, now=long_ago)

    assert not runs.approve(run, digest=run.plan.candidates_digest, by=company.carl, now=timezone.now())
    assert fresh(run).state == "paused_by_guard"
