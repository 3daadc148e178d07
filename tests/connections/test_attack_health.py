"""What looking after a connection keeps: no mailbox of somebody who is gone."""

import pytest
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, jobs
from connections.health_settings import PROBES
from connections.models import CalendarConnection, Notice
from connections.own_data import kept_on
from orgunits import erasure, memberships
from orgunits.models import AuditEvent, AuditName, Member
from tests.builders import make_members
from tests.people import make_company, signed_in

pytestmark = pytest.mark.django_db
PAT = "pat@kube.example"


@pytest.fixture
def company():
    return make_company()


@pytest.fixture
def connection(company) -> CalendarConnection:
    return CalendarConnection.objects.create(
        unit=company.unit, provider="google", mode="free_busy", state="active", administrator="it@kube.example",
        **dict.fromkeys(PROBES, PAT),
    )  # fmt: skip


def probes() -> set[str]:
    return {getattr(CalendarConnection.objects.get(), name) for name in PROBES}


def test_of_an_erased_member_no_mailbox_is_tried_any_more(company, connection):
    (member,) = make_members(company.unit, [PAT])
    jobs.follow_members()
    assert probes() == {PAT}

    memberships.remove_member(member, by=company.olga, now=timezone.now())
    jobs.follow_members()
    jobs.follow_members()

    assert probes() == {""}
    assert AuditEvent.objects.filter(verb="connection.probes_chosen").count() == len(PROBES)
    erasure.erase_member(Member.objects.get(pk=member.pk), by=company.olga, now=timezone.now())
    assert not AuditEvent.objects.filter(facts__icontains=PAT).exists()
    assert not AuditName.objects.filter(name__icontains=PAT).exists()


def test_nor_is_one_forgotten_because_a_namesake_left_another_unit(company, connection):
    (member,) = make_members(company.stranger_unit, [PAT])
    memberships.remove_member(member, by=company.sven, now=timezone.now())

    jobs.follow_members()

    assert probes() == {PAT}


def test_a_disconnected_connection_keeps_no_mailboxes_to_try(company, connection):
    calendar_connections.disconnect(connection, by=company.olga, now=timezone.now())

    assert probes() == {""}


def test_whoever_is_tried_and_told_finds_it_among_what_is_kept_on_them(company, connection):
    CalendarConnection.objects.update(test_mailbox="", must_be_refused="")
    member = company.member(company.olga)
    CalendarConnection.objects.update(second_administrator=member.email.upper())
    Notice.objects.create(unit=company.unit, connection=connection, recipient=company.olga, kind="worse")
    Notice.objects.create(unit=company.unit, connection=connection, recipient=company.carl, kind="well")

    kept = kept_on(member, own=True)

    assert kept["named_by_connections"] == [{"connection": str(connection), "as": ["a second administrator"]}]
    assert [row["about"] for row in kept["mails_about_connections"]] == ["a connection got worse"]
    page = signed_in(company.olga).get(reverse("my_data", args=[company.unit.slug])).content.decode()
    assert "a second administrator" in page
    assert "a connection got worse" in page
    stranger = company.stranger_unit.members.get(user=company.sven)
    assert kept_on(stranger, own=True)["mails_about_connections"] == []
