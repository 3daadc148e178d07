"""Leaving as one story: over at once, undone with a click, forgotten after the days of grace."""

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from connections.models import DirectoryPerson, Mailbox, PushChannel
from orgunits import erasure, memberships, roles
from orgunits.members import add_member
from orgunits.models import AuditEvent, AuditName, Member, User
from orgunits.roles import LastOpsAdmin
from provisioning import jobs, offboarding
from provisioning.clauses import Clause
from provisioning.dossiers import digest_of
from provisioning.models import Kept, Offboarding, ProvisioningRule, RuleGrant
from tests.connections.personal import Personal
from tests.connections.serving import read_something, working
from tests.directories import make_directory, make_group, make_person
from tests.people import Company, make_application, make_company, make_user, signed_in

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
ADDRESS = "wilma@kube.example"


@pytest.fixture
def company() -> Company:
    return make_company()


class Leaver:
    """Wilma, who has everything: a sign-in, roles, an application, groups, a calendar."""

    def __init__(self, company: Company):
        self.company, self.unit, self.olga = company, company.unit, company.olga
        self.now = timezone.now()
        self.user: User = make_user("Wilma", ADDRESS, last_name="Weaver")
        self.member: Member = add_member(
            self.unit, ADDRESS, by=self.olga, now=self.now, user=self.user, given_name="Wilma",
            family_name="Weaver", department="Looms", role="employee",
        )  # fmt: skip
        self.application = make_application(self.unit, "staging")
        roles.grant_role(
            self.member, "developer", by=self.olga, now=self.now, application=self.application, why="Trial"
        )
        self.directory = make_directory(self.unit, by=self.olga)
        self.person = make_person(self.directory, "Wilma Weaver", member=self.member, employee_id="17")
        make_group(self.directory, "Weavers", [self.person])
        self.rule = ProvisioningRule.objects.create(
            unit=self.unit, connection=self.directory, name="All weavers", role="employee", active=True
        )
        RuleGrant.objects.create(rule=self.rule, member=self.member, role="employee")

    def leaves(self, **how) -> Offboarding:
        how = {"by": None, "now": self.now, "clause": Clause.ABSENT_TWICE, "connection": self.directory} | how
        row = offboarding.begin(self.member, **how)
        self.member.refresh_from_db()
        return row


@pytest.fixture
def wilma(company) -> Leaver:
    return Leaver(company)


def verbs(member: Member) -> list[str]:
    """What the log tells of them, of this story."""
    rows = AuditEvent.objects.filter(subject=member.public_id).order_by("pk")
    told = ("member.suspended", "member.reinstated", "member.removed", "member.erased")
    return [verb for verb in rows.values_list("verb", flat=True) if verb in told or verb.startswith("leaver")]


# --- leaving ------------------------------------------------------------------------------------------------------
def test_who_leaves_is_suspended_at_once_and_no_page_opens_for_them(wilma):
    browser = signed_in(wilma.user)
    page = reverse("roles", args=[wilma.unit.slug])
    assert browser.get(page).status_code == 200

    row = wilma.leaves()

    assert browser.get(page).status_code in (302, 404)
    assert wilma.member.state == "suspended"
    assert (row.begun_at, row.grace_until) == (wilma.now, wilma.now + 30 * DAY)
    assert (row.clause, row.connection, row.begun_by) == ("absent_twice", wilma.directory, None)
    assert verbs(wilma.member) == ["member.suspended", "leaver.begun"]


def test_their_calendar_is_not_read_any_more_and_its_channel_is_closed_by_a_job_that_begins_now(wilma):
    connection = working(wilma.company, "kube.example")
    calendar = read_something(wilma.member)
    PushChannel.objects.create(
        unit=wilma.unit, connection=connection, mailbox=calendar.mailbox, calendar=calendar,
        provider="google", channel_id="c", secret_hash="h", state="open", due_at=wilma.now + DAY,
        expires_at=wilma.now + DAY,
    )  # fmt: skip
    OrmQ.objects.all().delete()

    wilma.leaves()

    box = Mailbox.objects.get(member=wilma.member)
    assert (box.connection, box.decided_by, box.state) == (None, "inactive", "not_served")
    assert not calendar.busy_periods.exists()
    assert [task.name() for task in OrmQ.objects.all()] == [f"push channels of connection {connection.pk}"]


def test_of_many_who_leave_the_calendars_are_let_go_of_together(wilma):
    working(wilma.company, "kube.example")
    read_something(wilma.member)

    wilma.leaves(settle=False)
    before = Mailbox.objects.get(member=wilma.member).connection
    offboarding.settle(wilma.unit, now=wilma.now)

    assert before is not None
    assert Mailbox.objects.get(member=wilma.member).connection is None


def test_what_they_authorized_themselves_ends_at_google(providers):
    personal = Personal(providers)
    personal.grant()
    assert personal.at_google() == [personal.grace.email]

    offboarding.begin(personal.grace, by=None, now=personal.now)
    (name,) = [task.func() for task in OrmQ.objects.all() if "end_grants" in task.func()]
    from connections import jobs as of_connections

    of_connections.end_grants()

    assert name == "connections.jobs.end_grants"
    assert personal.at_google() == []
    assert personal.grace.personal_grants.get().state == "withdrawn"


def test_the_last_ops_admin_does_not_leave(company):
    olga = company.member(company.olga)

    with pytest.raises(LastOpsAdmin):
        offboarding.begin(olga, by=None, now=timezone.now())

    olga.refresh_from_db()
    assert olga.state == "active"
    assert not Offboarding.objects.exists()
    assert not AuditEvent.objects.filter(verb="leaver.begun").exists()


def test_who_is_suspended_already_does_not_leave_again(wilma):
    wilma.leaves()

    with pytest.raises(memberships.WrongState):
        wilma.leaves()

    assert Offboarding.objects.count() == 1


# --- the dossier --------------------------------------------------------------------------------------------------
def test_the_dossier_tells_what_they_had_with_who_gave_it_when_and_why(wilma):
    working(wilma.company, "kube.example")
    read_something(wilma.member)

    dossier = wilma.leaves().dossier

    assert dossier["member"]["name"] == "Wilma Weaver"
    assert dossier["member"]["identity"] == "unverified"
    by_rule, by_hand = dossier["roles"]
    assert by_rule["role"] == "employee"
    assert by_rule["rules"] == [{"id": wilma.rule.public_id, "name": "All weavers"}]
    assert (by_hand["role"], by_hand["why"], by_hand["given_by_name"]) == ("developer", "Trial", "Olga")
    assert by_hand["given_at"] == wilma.now.isoformat(timespec="seconds")
    assert dossier["applications"] == [
        {"id": wilma.application.public_id, "name": "Tools Staging", "environment": "staging"}
    ]
    assert dossier["directory"]["employee_id"] == "17"
    assert [group["name"] for group in dossier["directory"]["groups"]] == ["Weavers"]
    assert dossier["calendar"]["address"] == ADDRESS
    assert dossier["calendar"]["state"] == "synced"
    assert dossier["authorizations"] == []


def test_the_dossier_stays_as_it_was_when_everything_else_changes(wilma):
    row = wilma.leaves()
    before = row.dossier

    wilma.rule.delete()
    wilma.member.role_grants.filter(role="developer").delete()

    assert Offboarding.objects.get().dossier == before


def test_somebody_answers_for_the_dossier_once(wilma):
    row = wilma.leaves()

    offboarding.sign_off(row, by=wilma.olga, now=wilma.now, note="Laptop is back\0")

    assert (row.signed_off_by, row.signed_off_at, row.note) == (wilma.olga, wilma.now, "Laptop is back")
    with pytest.raises(offboarding.NotPossibleNow):
        offboarding.sign_off(row, by=wilma.olga, now=wilma.now + DAY, note="Again")
    assert verbs(wilma.member)[-1] == "leaver.signed_off"
    event = AuditEvent.objects.get(verb="leaver.signed_off")
    assert event.facts == {"offboarding": row.public_id, "checksum": digest_of(row.dossier)}


# --- back ---------------------------------------------------------------------------------------------------------
def test_an_undone_leaver_has_everything_again_and_is_kept_until_the_day(wilma):
    connection = working(wilma.company, "kube.example")
    row = wilma.leaves()
    until = date(2030, 1, 31)

    offboarding.undo(row, by=wilma.olga, now=wilma.now + DAY, keep_until=until)

    wilma.member.refresh_from_db()
    assert wilma.member.state == "active"
    assert set(wilma.member.role_grants.values_list("role", flat=True)) == {"employee", "developer"}
    assert Mailbox.objects.get(member=wilma.member).connection_id == connection.pk
    assert Kept.objects.values_list("member", "until", "decided_by").get() == (
        wilma.member.pk, until, wilma.olga.pk,
    )  # fmt: skip
    assert (row.undone_by, row.undone_at) == (wilma.olga, wilma.now + DAY)
    event = AuditEvent.objects.get(verb="leaver.undone")
    assert event.facts == {"offboarding": row.public_id, "kept_until": "2030-01-31"}
    assert signed_in(wilma.user).get(reverse("roles", args=[wilma.unit.slug])).status_code == 200


def test_an_undone_leaver_can_leave_again_later(wilma):
    offboarding.undo(wilma.leaves(), by=wilma.olga, now=wilma.now, keep_until=date(2030, 1, 31))

    again = wilma.leaves(now=wilma.now + 200 * DAY)

    assert again.undone_at is None
    assert Offboarding.objects.count() == 2


def test_two_who_undo_at_once_undo_once(wilma):
    row = wilma.leaves()
    stale = Offboarding.objects.get(pk=row.pk)
    offboarding.undo(row, by=wilma.olga, now=wilma.now, keep_until=date(2030, 1, 31))

    with pytest.raises(offboarding.NotPossibleNow):
        offboarding.undo(stale, by=wilma.olga, now=wilma.now, keep_until=date(2031, 1, 31))

    assert Kept.objects.get().until == date(2030, 1, 31)


def test_who_comes_back_to_the_directory_is_no_leaver_any_more_and_is_not_kept(wilma):
    row = wilma.leaves()

    offboarding.come_back(wilma.member, now=wilma.now + DAY)

    assert verbs(wilma.member)[-2:] == ["member.reinstated", "leaver.came_back"]
    with pytest.raises(memberships.WrongState):
        offboarding.come_back(wilma.member, now=wilma.now + DAY)
    row.refresh_from_db()
    assert (row.ended_at, row.undone_at) == (wilma.now + DAY, None)
    assert not Kept.objects.exists()


def test_who_is_reinstated_on_the_members_page_is_undone_and_kept_too(wilma):
    row = wilma.leaves()
    memberships.reinstate_member(wilma.member, by=wilma.olga, now=wilma.now + DAY)

    jobs.follow_leavers()
    jobs.follow_leavers()

    row.refresh_from_db()
    assert row.undone_at is not None
    assert Kept.objects.get().until > (timezone.now() + 80 * DAY).date()
    assert verbs(wilma.member).count("leaver.undone") == 1


def test_who_is_reinstated_there_and_leaves_in_the_same_minute_has_one_open_story(wilma):
    wilma.leaves()
    memberships.reinstate_member(wilma.member, by=wilma.olga, now=wilma.now)

    wilma.leaves()

    assert Offboarding.objects.filter(undone_at=None, ended_at=None).count() == 1


# --- after the days of grace --------------------------------------------------------------------------------------
def test_after_thirty_days_nothing_tells_any_more_who_it_was(wilma):
    row = wilma.leaves()
    offboarding.sign_off(row, by=wilma.olga, now=wilma.now, note="Wilma’s laptop is back")
    later = wilma.now + 30 * DAY

    assert offboarding.end_overdue(now=later) == 1

    wilma.member.refresh_from_db()
    row.refresh_from_db()
    assert wilma.member.erased_at == later
    assert row.ended_at == later
    assert row.dossier == {
        "form": 1,
        "roles": ["developer", "employee"],
        "numbers": {"roles": 2, "applications": 1, "groups": 1, "calendars": 0, "authorizations": 0},
    }
    assert row.note == ""
    assert row.signed_off_by == wilma.olga
    assert not RuleGrant.objects.exists()
    assert DirectoryPerson.objects.get().member is None
    assert not AuditName.objects.filter(subject=wilma.member.public_id).exists()
    assert verbs(wilma.member)[-3:] == ["member.removed", "leaver.ended", "member.erased"]


def test_ending_twice_is_harmless(wilma):
    wilma.leaves()
    later = wilma.now + 31 * DAY
    offboarding.end_overdue(now=later)
    told = AuditEvent.objects.count()

    assert offboarding.end_overdue(now=later) == 0
    assert AuditEvent.objects.count() == told


@pytest.mark.parametrize("after", [timedelta(), 29 * DAY, 30 * DAY - timedelta(seconds=1)])
def test_nobody_is_forgotten_in_the_days_of_grace(wilma, after):
    wilma.leaves()

    assert offboarding.end_overdue(now=wilma.now + after) == 0
    wilma.member.refresh_from_db()
    assert wilma.member.state == "suspended"


def test_who_was_undone_is_not_forgotten(wilma):
    offboarding.undo(wilma.leaves(), by=wilma.olga, now=wilma.now, keep_until=date(2026, 1, 1))
    memberships.suspend_member(wilma.member, by=wilma.olga, now=wilma.now)

    assert offboarding.end_overdue(now=wilma.now + 60 * DAY) == 0


def test_who_was_removed_and_restored_meanwhile_has_thirty_days_anew(wilma):
    wilma.leaves()
    memberships.remove_member(wilma.member, by=wilma.olga, now=wilma.now + 20 * DAY)
    memberships.restore_member(wilma.member, by=wilma.olga, now=wilma.now + 40 * DAY)

    assert offboarding.end_overdue(now=wilma.now + 41 * DAY) == 0
    assert offboarding.end_overdue(now=wilma.now + 70 * DAY) == 1


def test_in_an_archived_unit_where_nobody_could_undo_it_nobody_is_forgotten(wilma):
    wilma.leaves()
    type(wilma.unit).objects.filter(pk=wilma.unit.pk).update(state="archived")

    assert offboarding.end_overdue(now=wilma.now + 31 * DAY) == 0


def test_who_is_erased_by_hand_leaves_no_name_in_a_dossier(wilma):
    row = wilma.leaves()
    memberships.remove_member(wilma.member, by=wilma.olga, now=wilma.now)
    erasure.erase_member(wilma.member, by=wilma.olga, now=wilma.now)

    jobs.follow_leavers()
    jobs.end_offboardings()

    row.refresh_from_db()
    assert "Wilma" not in str(row.dossier)
    assert row.ended_at is not None
    assert not RuleGrant.objects.exists()


def test_a_job_that_ends_between_two_people_goes_on_with_the_other(wilma):
    other = add_member(wilma.unit, "xaver@kube.example", by=wilma.olga, now=wilma.now)
    wilma.leaves()
    offboarding.begin(other, by=None, now=wilma.now)
    later = wilma.now + 31 * DAY

    assert offboarding.end_overdue(now=later, most=1) == 1
    assert Member.objects.filter(erased_at=later).count() == 1
    assert offboarding.end_overdue(now=later, most=1) == 1
    assert offboarding.end_overdue(now=later, most=1) == 0


def test_the_nightly_job_asks_for_the_next_slice_only_when_there_may_be_one(wilma, monkeypatch):
    OrmQ.objects.all().delete()
    wilma.leaves(now=timezone.now() - 40 * DAY)
    Member.objects.filter(pk=wilma.member.pk).update(state_since=timezone.now() - 40 * DAY)
    monkeypatch.setattr(offboarding, "SLICE", 1)

    jobs.end_offboardings()
    again = [task.name() for task in OrmQ.objects.all()]
    OrmQ.objects.all().delete()
    jobs.end_offboardings()

    assert "end offboardings, next slice" in again
    assert not OrmQ.objects.exists()
