"""A run does exactly what its plan says, each person once; the guard holds back, people decide."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orgunits import roles
from orgunits.models import AuditEvent
from provisioning import plans, rules, runs
from provisioning.models import Plan, PlanItem, ProvisioningRun
from provisioning.plan_digest import digest
from provisioning.plan_rows import as_plan
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


def applied(connection, company, **facts) -> ProvisioningRun:
    plan = planned(connection, company.olga, **facts)
    assert plan.state == Plan.State.READY, plan.problem
    return done(plans.apply_plan(plan, by=company.olga, now=timezone.now()))


def onboarded(connection, company, names=NAMES):
    """Everybody of the directory is a member by the rule."""
    people = tell(connection, *names, given_name="Ada", family_name="Berg")
    was_read(connection, at=timezone.now() - timedelta(days=3))
    rule = everybody_rule(connection, company.olga)
    run = applied(connection, company)
    assert run.state == "succeeded"
    return rule, people


def leave(connection, people, absences=2):
    for person in people:
        connection.directory_people.filter(pk=person.pk).update(
            absences=absences, absent_since=timezone.now() - timedelta(days=1)
        )
    was_read(connection)


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
