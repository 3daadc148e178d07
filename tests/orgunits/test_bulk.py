"""Acts on many members: judged before, done slice by slice however often workers die, told row by row."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from orgunits import bulk, erasure, jobs, memberships, roles
from orgunits.access import access_to
from orgunits.invitations import invite
from orgunits.members import add_member
from orgunits.models import AuditEvent, BulkRow, BulkRun, Member
from orgunits.roles import COORDINATOR, EMPLOYEE, OPS_ADMIN
from tests.builders import make_members
from tests.orgunits.bulk_runs import Act, Row, State, now, people, preview, result, started, states
from tests.people import make_user
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db


# --- the preview --------------------------------------------------------------------------------------------------
def test_a_preview_changes_nobody_and_says_what_it_would_do(company):
    people(company, 3)
    make_members(company.unit, ["s@y.example"], state="suspended")

    run = preview(company, Act.SUSPEND)

    assert result(run) == {("todo", ""): 5, ("skipped", "not_active"): 1, ("failed", "last_ops_admin"): 1}
    assert states(company, "@x.example") == {"active"}
    assert not OrmQ.objects.exists()
    assert not AuditEvent.objects.filter(verb__startswith="bulk.").exists()


def test_with_another_ops_admin_one_is_left_out_oneself(company):
    otto = make_user("Otto", "otto@kube.example")
    add_member(company.unit, otto.email, by=company.olga, now=now(), user=otto, role=OPS_ADMIN.code)

    run = preview(company, Act.REVOKE_ROLE, role=OPS_ADMIN.code)

    assert result(run) == {("todo", ""): 1, ("failed", "yourself"): 1, ("skipped", "no_role"): 2}


def test_who_has_a_role_already_is_left_as_they_are(company):
    people(company, 4)

    run = preview(company, Act.GRANT_ROLE, role=COORDINATOR.code)

    assert result(run) == {("todo", ""): 6, ("skipped", "has_role"): 1}


def test_a_preview_holds_whom_it_was_made_for_and_nobody_who_comes_later(company):
    people(company, 2)
    run = preview(company, Act.SUSPEND, company.unit.members.filter(email__endswith="@x.example"))
    make_members(company.unit, ["late@x.example"])

    bulk.start(run, by=company.olga, now=now())
    run_waiting_jobs()

    assert Member.objects.get(email="late@x.example").state == "active"
    assert result(run) == {("done", ""): 2}


def test_nobody_of_another_unit_and_nobody_removed_is_ever_in_it(company):
    (gone,) = make_members(company.unit, ["gone@x.example"], state="removed")

    run = preview(company, Act.GRANT_ROLE, Member.objects.all(), role=COORDINATOR.code)

    members = set(run.rows.values_list("member__email", flat=True))
    assert members == {"olga@kube.example", "carl@kube.example", "emma@kube.example"}
    assert gone.email not in members


@pytest.mark.parametrize("role", [roles.ENGINEERING_MANAGER, roles.DEVELOPER])
def test_a_role_that_is_not_given_here_or_to_one_application_only_is_refused(company, role):
    with pytest.raises(roles.NotGrantable):
        preview(company, Act.GRANT_ROLE, role=role.code)


def test_a_preview_costs_the_same_for_five_and_for_five_hundred(company):
    few = people(company, 5)
    with CaptureQueriesContext(database) as asked_for_few:
        preview(company, Act.SUSPEND, Member.objects.filter(pk__in=[m.pk for m in few]))
    make_members(company.unit, [f"q{n}@z.example" for n in range(500)])

    with CaptureQueriesContext(database) as asked_for_many:
        run = preview(company, Act.SUSPEND)

    assert len(asked_for_many) == len(asked_for_few) <= 16
    assert result(run)[("todo", "")] == 507


# --- the run ------------------------------------------------------------------------------------------------------
def test_each_member_is_done_with_an_event_and_the_reason(company):
    people(company, 3)

    run = started(
        company, Act.SUSPEND, company.unit.members.filter(email__contains="x.example"), why="closed"
    )
    run_waiting_jobs()

    assert result(run) == {("done", ""): 3}
    assert run.state == State.SUCCEEDED
    assert states(company, "@x.example") == {"suspended"}
    assert AuditEvent.objects.filter(verb="member.suspended", actor=company.olga.public_id).count() == 3
    finished = AuditEvent.objects.get(verb="bulk.finished")
    assert finished.facts == {"act": "suspend", "done": 3, "skipped": 0, "failed": 0}


@pytest.mark.parametrize(
    ("act", "role", "before", "after"),
    [
        (Act.REINSTATE, "", "suspended", "active"),
        (Act.GRANT_ROLE, COORDINATOR.code, "active", "active"),
        (Act.GRANT_ROLE, COORDINATOR.code, "suspended", "suspended"),
    ],
)
def test_every_act_does_what_its_page_does_for_one(company, act, role, before, after):
    people(company, 2, state=before)

    run = started(company, act, company.unit.members.filter(email__contains="x.example"), role=role)
    run_waiting_jobs()

    assert result(run) == {("done", ""): 2}
    assert states(company, "@x.example") == {after}
    if role:
        assert company.unit.members.filter(email__contains="x.example", role_grants__role=role).count() == 2


def test_a_role_is_taken_from_many(company):
    members = people(company, 2)
    for member in members:
        roles.grant_role(member, COORDINATOR.code, by=company.olga, now=now())

    run = started(company, Act.REVOKE_ROLE, role=COORDINATOR.code)
    run_waiting_jobs()

    assert result(run) == {("done", ""): 3, ("skipped", "no_role"): 2}
    assert not company.unit.rolegrants.filter(role=COORDINATOR.code).exists()


def test_invitations_are_sent_again_where_there_is_one(company):
    invitation = invite(company.unit, "new@x.example", role=EMPLOYEE.code, by=company.olga, now=now())
    OrmQ.objects.all().delete()

    run = started(company, Act.RESEND)
    jobs.run_bulk(run.pk)

    assert result(run) == {("done", ""): 1, ("skipped", "no_invitation"): 3}
    assert AuditEvent.objects.filter(verb="invitation.sent_again").count() == 1
    invitation.refresh_from_db()
    assert invitation.state == "pending"


def test_a_long_run_goes_in_slices_each_asking_for_the_next(company, monkeypatch):
    monkeypatch.setattr(bulk, "SLICE", 4)
    people(company, 10)
    run = started(company, Act.SUSPEND, company.unit.members.filter(email__contains="x.example"))

    jobs.run_bulk(run.pk)
    assert result(run) == {("todo", ""): 6, ("done", ""): 4}

    assert run_waiting_jobs() == 1 + 2  # the first job stands there still, and does the second slice
    assert result(run) == {("done", ""): 10}


def test_a_worker_that_dies_in_the_middle_leaves_whole_rows_and_the_next_goes_on(company, monkeypatch):
    people(company, 5)
    run = started(company, Act.SUSPEND, company.unit.members.filter(email__contains="x.example"))
    real, calls = memberships.suspend_member, []

    def dies_at_the_third(member, **fields):
        calls.append(member)
        real(member, **fields)
        if len(calls) == 3:
            raise SystemExit  # after the act, before its row is written

    monkeypatch.setattr(memberships, "suspend_member", dies_at_the_third)
    with pytest.raises(SystemExit):
        jobs.run_bulk(run.pk)
    assert result(run) == {("todo", ""): 3, ("done", ""): 2}
    assert company.unit.members.filter(state="suspended").count() == 2
    monkeypatch.undo()

    run_waiting_jobs()

    assert result(run) == {("done", ""): 5}
    assert AuditEvent.objects.filter(verb="member.suspended").count() == 5


def test_the_same_job_a_second_time_does_nothing(company):
    people(company, 2)
    run = started(company, Act.SUSPEND, company.unit.members.filter(email__contains="x.example"))
    jobs.run_bulk(run.pk)
    events = AuditEvent.objects.count()

    jobs.run_bulk(run.pk)

    assert AuditEvent.objects.count() == events
    assert run.rows.filter(state=Row.DONE).count() == 2


@pytest.mark.parametrize("how", ["role taken away", "suspended", "sign-in switched off", "unit archived"])
def test_a_run_stops_when_who_started_it_may_no_longer_do_it(company, how):
    people(company, 3)
    otto = make_user("Otto", "otto@kube.example")
    second = add_member(company.unit, otto.email, by=company.olga, now=now(), user=otto, role=OPS_ADMIN.code)
    chosen = company.unit.members.filter(email__contains="x.example")
    run = bulk.prepare(access_to(otto, company.unit.slug), chosen, Act.SUSPEND, now=now())
    bulk.start(run, by=otto, now=now())

    if how == "role taken away":
        roles.revoke_role(second, OPS_ADMIN.code, by=company.olga, now=now())
    elif how == "suspended":
        memberships.suspend_member(second, by=company.olga, now=now())
    elif how == "sign-in switched off":
        type(otto).objects.filter(pk=otto.pk).update(is_active=False)
    else:
        type(company.unit).objects.filter(pk=company.unit.pk).update(state="archived")
    jobs.run_bulk(run.pk)

    assert result(run) == {("failed", "right_lost"): 3}
    assert run.state == State.PARTIAL
    assert states(company, "@x.example") == {"active"}


def test_what_changed_since_the_preview_is_asked_again(company):
    one, two, three = people(company, 3)
    run = started(company, Act.SUSPEND, company.unit.members.filter(email__contains="x.example"))
    memberships.suspend_member(one, by=company.olga, now=now())
    memberships.remove_member(two, by=company.olga, now=now())
    roles.grant_role(three, OPS_ADMIN.code, by=company.olga, now=now())

    run_waiting_jobs()

    assert result(run) == {("skipped", "not_active"): 1, ("skipped", "gone"): 1, ("done", ""): 1}


def test_the_last_ops_admin_stays_though_the_run_is_about_them(company):
    otto = make_user("Otto", "otto@kube.example")
    second = add_member(company.unit, otto.email, by=company.olga, now=now(), user=otto, role=OPS_ADMIN.code)
    run = bulk.prepare(
        access_to(otto, company.unit.slug),
        company.unit.members.filter(user=company.olga),
        Act.REVOKE_ROLE,
        role=OPS_ADMIN.code,
        now=now(),
    )
    bulk.start(run, by=otto, now=now())
    roles.grant_role(second, OPS_ADMIN.code, by=company.olga, now=now(), until=now() + timedelta(days=1))

    jobs.run_bulk(run.pk)

    assert result(run) == {("failed", "last_ops_admin"): 1}


def test_one_members_trouble_does_not_hold_up_the_others(company, monkeypatch):
    _one, two, _three = people(company, 3)
    real = memberships.suspend_member

    def stumbles(member, **fields):
        if member.pk == two.pk:
            raise ZeroDivisionError
        real(member, **fields)

    run = started(company, Act.SUSPEND, company.unit.members.filter(email__contains="x.example"))
    monkeypatch.setattr(memberships, "suspend_member", stumbles)
    jobs.run_bulk(run.pk)
    assert result(run) == {("done", ""): 2, ("failed", "unexpected"): 1}
    monkeypatch.undo()

    rest = bulk.again(access_to(company.olga, company.unit.slug), run, now=now())
    bulk.start(rest, by=company.olga, now=now())
    run_waiting_jobs()

    assert result(rest) == {("done", ""): 1}
    assert states(company, "@x.example") == {"suspended"}


def test_a_run_is_started_once_and_by_who_made_it(company):
    otto = make_user("Otto", "otto@kube.example")
    run = preview(company, Act.SUSPEND)

    with pytest.raises(bulk.NotTheirs):
        bulk.start(run, by=otto, now=now())
    bulk.start(run, by=company.olga, now=now())
    with pytest.raises(bulk.NotPossibleNow):
        bulk.start(run, by=company.olga, now=now())

    assert OrmQ.objects.count() == 1


def test_a_cancelled_run_does_no_more(company):
    people(company, 3)
    run = started(company, Act.SUSPEND, company.unit.members.filter(email__contains="x.example"))

    bulk.cancel(run, by=company.olga, now=now())
    run_waiting_jobs()

    assert result(run) == {("todo", ""): 3}
    assert states(company, "@x.example") == {"active"}
    with pytest.raises(bulk.NotPossibleNow):
        bulk.cancel(run, by=company.olga, now=now())


def test_a_run_whose_job_was_given_up_is_taken_up_again_once(company):
    people(company, 1)
    run = started(company, Act.SUSPEND, company.unit.members.filter(email__contains="x.example"))
    jobs.go_on_with_bulk()
    assert OrmQ.objects.count() == 1
    OrmQ.objects.all().delete()

    jobs.go_on_with_bulk()
    run_waiting_jobs()

    assert result(run) == {("done", ""): 1}
    jobs.go_on_with_bulk()
    assert not OrmQ.objects.exists()


def test_previews_are_forgotten_after_a_day_and_results_after_three_months(company):
    old_preview, run = preview(company, Act.SUSPEND), started(company, Act.REINSTATE)
    BulkRun.objects.filter(pk=old_preview.pk).update(made_at=now() - timedelta(hours=25))
    BulkRun.objects.filter(pk=run.pk).update(made_at=now() - timedelta(days=89))

    bulk.forget_old(now=now())
    assert list(BulkRun.objects.all()) == [run]

    bulk.forget_old(now=now() + timedelta(days=2))
    assert not BulkRow.objects.exists()


def test_members_are_erased_by_night_in_slices(company, monkeypatch):
    monkeypatch.setattr(erasure, "SLICE", 2)
    long_ago = now() - timedelta(days=31)
    people(company, 3, state="removed", state_since=long_ago)

    jobs.erase_members()
    run_waiting_jobs()

    assert company.unit.members.filter(erased_at__isnull=False).count() == 3
