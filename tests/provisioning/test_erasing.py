"""A unit archived 30 days ago is erased: nothing about its people is found anywhere, and its log stays."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from connections import calendars, mailboxes
from connections.models import BusyPeriod
from connections.providers.base import CalendarInfo
from orgunits import members, roles, unit_erasure, units
from orgunits.models import (
    AuditEvent,
    AuditName,
    Invitation,
    InvitationSheet,
    Member,
    OrganizationalUnit,
    User,
)
from provisioning import erasing, jobs
from tests.guards.leaks import everything_kept, places_of
from tests.guards.routes import furnish
from tests.people import Company, make_application, make_company, make_user
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
CANARY, ADDRESS = "Zzwilma", "zzwilma@portal.example"


class Story:
    """A unit full of things, in which a person of the canary's name did and got everything there is."""

    def __init__(self) -> None:
        self.now = timezone.now()
        self.company: Company = make_company()
        self.unit, self.olga = self.company.unit, self.company.olga
        self.furnished = furnish(self.unit, self.olga, word="ours")
        self.wilma = make_user(CANARY, ADDRESS, last_name=CANARY)
        EmailAddress.objects.create(user=self.wilma, email=ADDRESS, verified=True, primary=True)
        self.member = members.add_member(
            self.unit, ADDRESS, by=self.olga, now=self.now, user=self.wilma, given_name=CANARY
        )
        self._let_things_happen()

    def _let_things_happen(self) -> None:
        application = make_application(self.unit, "staging")
        why = f"{CANARY} asked for it"
        roles.grant_role(
            self.member, "developer", by=self.olga, now=self.now, application=application, why=why
        )
        units.rename_unit(self.unit, f"{CANARY}’s Practice", by=self.wilma, now=self.now)
        invited = {"member": self.member, "email": ADDRESS, "expires_at": self.now}
        Invitation.objects.create(unit=self.unit, state="accepted", **invited)
        InvitationSheet.objects.create(
            unit=self.unit, text=ADDRESS, digest="0", default_role="employee", made_by=self.olga
        )
        mailboxes.set_override(self.member, self.furnished.google, by=self.olga, now=self.now)
        self.member.refresh_from_db()
        box = self.member.mailbox
        calendars.link_calendars(box, [CalendarInfo(ADDRESS, CANARY, primary=True)], now=self.now)
        calendar = box.calendars.get()
        BusyPeriod.objects.create(
            calendar=calendar, member=self.member, provider_id=CANARY, starts=1, ends=2, kind=1
        )
        LogEntry.objects.log_actions(
            make_user("Sami", "sami@x.example", is_staff=True).pk, [self.wilma], CHANGE
        )

    def archive(self, *, days_ago: float) -> None:
        self.unit.refresh_from_db()
        units.archive_unit(self.unit, by=self.olga, now=self.now - timedelta(days=days_ago))

    def night(self) -> None:
        jobs.erase_overdue_units()
        run_waiting_jobs()

    @property
    def row(self) -> OrganizationalUnit:
        return OrganizationalUnit.objects.get(pk=self.unit.pk)


@pytest.fixture
def story() -> Story:
    return Story()


def left_of(unit: OrganizationalUnit) -> dict[str, int]:
    """How many rows of each table still hang from the unit, the log excepted."""
    counts = {}
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if field.related_model is OrganizationalUnit and model is not AuditEvent:
                counts[model._meta.label] = model._base_manager.filter(**{field.name: unit}).count()
    return {label: number for label, number in counts.items() if number}


def test_nothing_about_its_people_is_found_in_any_table(story):
    client = Client()
    client.force_login(story.wilma)
    client.get(reverse("preferences"))
    assert places_of(CANARY, everything_kept())
    story.archive(days_ago=31)

    story.night()

    kept = everything_kept()
    assert places_of(CANARY, kept) == []
    assert places_of(ADDRESS, kept) == []
    assert left_of(story.unit) == {}
    assert not Group.objects.filter(name__startswith=story.unit.public_id).exists()


def test_the_log_keeps_its_shape_and_tells_of_the_end(story):
    story.archive(days_ago=31)
    before = list(story.unit.audit_events.order_by("pk").values_list("verb", "actor", "subject"))

    story.night()

    after = list(story.unit.audit_events.order_by("pk").values_list("verb", "actor", "subject"))
    assert after[: len(before)] == before
    assert ("connection.disconnected", "system") in [event[:2] for event in after[len(before) :]]
    assert after[-1] == ("unit.erased", "system", story.unit.public_id)


def test_the_unit_is_a_row_without_a_name_and_opens_for_nobody(story):
    story.archive(days_ago=31)

    story.night()

    row = story.row
    assert (row.state, row.name) == ("erased", "Erased unit")
    assert row.slug == row.public_id.replace("unit_", "erased-")
    client = Client()
    client.force_login(make_user("New", "new@x.example"))
    for slug in ("kube", row.slug):
        assert client.get(reverse("unit_home", args=[slug])).status_code == 404


def test_the_name_of_the_unit_is_free_again(story):
    story.archive(days_ago=31)

    story.night()

    assert units.create_unit("Kube", by=None, now=story.now).slug == "kube"


def test_who_is_a_member_elsewhere_or_staff_keeps_their_sign_in(story):
    elsewhere = story.company.stranger_unit
    members.add_member(elsewhere, story.olga.email, by=None, now=story.now, user=story.olga)
    User.objects.filter(pk=story.company.carl.pk).update(is_staff=True)
    story.archive(days_ago=31)

    story.night()

    people = User.objects.in_bulk(
        [story.olga.pk, story.company.carl.pk, story.company.emma.pk, story.wilma.pk]
    )
    addresses = [user.email for user in people.values() if user.is_active]
    assert sorted(addresses) == ["carl@kube.example", "olga@kube.example"]
    assert AuditName.objects.filter(subject=story.olga.public_id).exists()
    assert not story.olga.groups.exclude(role_group__unit=elsewhere).exists()


def test_a_removed_membership_elsewhere_keeps_the_sign_in_too(story):
    elsewhere = story.company.stranger_unit
    other = members.add_member(elsewhere, ADDRESS, by=None, now=story.now, user=story.wilma)
    Member.objects.filter(pk=other.pk).update(state=Member.State.REMOVED)
    story.archive(days_ago=31)

    story.night()

    assert User.objects.get(pk=story.wilma.pk).email == ADDRESS


def test_a_person_who_is_erased_is_signed_out(story):
    client = Client()
    client.force_login(story.wilma)
    client.get(reverse("preferences"))
    story.archive(days_ago=31)

    story.night()

    assert client.get(reverse("preferences")).status_code == 302


@pytest.mark.parametrize("days", [0, 29.9])
def test_before_the_thirty_days_are_over_nothing_is_touched(story, days):
    story.archive(days_ago=days)
    before = left_of(story.unit)

    story.night()

    assert left_of(story.unit) == before
    assert story.row.state == "archived"
    with pytest.raises(units.NotPossibleNow):
        units.erase_unit(story.unit, by=None, now=story.now)


def test_another_unit_loses_nothing(story):
    other = story.company.stranger_unit
    furnish(other, story.company.sven, word="zzstranger")
    before = left_of(other)
    story.archive(days_ago=31)

    story.night()

    assert left_of(other) == before
    assert OrganizationalUnit.objects.get(pk=other.pk).name == "Stranger"


def test_killed_half_way_it_goes_on_with_what_is_left(story, monkeypatch):
    story.archive(days_ago=31)
    monkeypatch.setattr(erasing, "MEMBERS_AT_A_TIME", 1)
    number = story.unit.members.count()
    monkeypatch.setattr(erasing, "PATIENCE", -1)
    erasing.erase(story.unit.pk, now=story.now)
    assert story.unit.members.count() == number - 1

    monkeypatch.setattr(erasing, "PATIENCE", 40)
    monkeypatch.setattr(unit_erasure, "forget_names", stumble)
    with pytest.raises(KilledJob):
        erasing.erase(story.unit.pk, now=story.now)
    assert story.row.state == "archived"
    monkeypatch.undo()
    story.night()

    assert story.row.state == "erased"
    assert places_of(CANARY, everything_kept()) == []


class KilledJob(Exception):
    pass


def stumble(unit) -> None:
    raise KilledJob


def test_a_long_one_is_done_in_several_jobs(story, monkeypatch):
    story.archive(days_ago=31)
    monkeypatch.setattr(erasing, "PATIENCE", -1)
    monkeypatch.setattr(erasing, "MEMBERS_AT_A_TIME", 1)
    jobs.erase_overdue_units()

    assert run_waiting_jobs() > 3
    assert story.row.state == "erased"
    assert not OrmQ.objects.exists()


def test_the_night_after_there_is_nothing_to_do(story):
    story.archive(days_ago=31)
    story.night()
    before = AuditEvent.objects.count()

    story.night()

    assert AuditEvent.objects.count() == before
