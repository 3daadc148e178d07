"""What a member takes back is over at Google and here; and nobody's leaving waits for Google."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, identity, jobs, personal_grants
from connections.models import BusyPeriod, CalendarConnection, Mailbox, MemberCalendar, PersonalGrant
from connections.own_data import kept_on
from orgunits import erasure, memberships
from orgunits.models import AuditEvent, Member, OrganizationalUnit
from tests.connections.personal import GRACE, Personal
from tests.connections.reading import read_now
from tests.people import signed_in

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def personal(providers) -> Personal:
    personal = Personal(providers)
    personal.grant()
    read_now(personal.connection, [personal.grace], now=personal.now + MINUTE)
    return personal


def kept() -> PersonalGrant:
    return PersonalGrant.objects.get()


def holds_no_token(row: PersonalGrant) -> bool:
    return not (row.refresh_token or row.previous_refresh_token or row.access_token)


def take_back(personal: Personal):
    return signed_in(personal.grace.user).post(
        reverse("own_calendar_withdraw", args=[personal.unit.slug]), follow=True
    )


def test_what_a_member_takes_back_is_over_at_google_and_deleted_here(personal):
    assert BusyPeriod.objects.filter(member=personal.grace).exists()

    page = take_back(personal)

    assert "Taken back" in page.content.decode()
    assert personal.at_google() == []
    assert (kept().state, kept().revoke_at) == ("withdrawn", None)
    assert holds_no_token(kept())
    assert not BusyPeriod.objects.filter(member=personal.grace).exists()
    box = Mailbox.objects.get(member=personal.grace)
    assert (box.state, box.failure, box.last_synced_at) == ("failing", "not_granted", None)
    assert AuditEvent.objects.filter(verb="personal.withdrawn").count() == 1


def test_choices_of_calendars_survive_taking_back_and_connecting_again(personal):
    before = set(MemberCalendar.objects.values_list("public_id", "counts"))
    take_back(personal)
    personal.now = timezone.now()

    personal.grant()
    read_now(personal.connection, [personal.grace], now=personal.now + MINUTE)

    assert set(MemberCalendar.objects.values_list("public_id", "counts")) == before
    assert Mailbox.objects.get(member=personal.grace).state == "synced"


def test_while_google_is_down_it_is_queued_shown_and_done_later(personal):
    personal.providers.fault("token_unavailable", target="revoke")

    page = take_back(personal).content.decode()

    waiting = kept()
    assert "Google has not confirmed yet" in page
    assert (waiting.state, waiting.revoke_attempts) == ("withdrawn", 1)
    assert waiting.refresh_token
    assert not BusyPeriod.objects.filter(member=personal.grace).exists()
    assert personal.at_google() == [GRACE]
    personal.providers.control("DELETE", "faults")
    assert personal_grants.revoke_due(now=waiting.revoke_at - timedelta(seconds=1)) == 0
    assert personal_grants.revoke_due(now=waiting.revoke_at) == 1
    assert personal.at_google() == []
    assert holds_no_token(kept())


def test_a_provider_that_stays_down_is_asked_less_and_less_often(personal):
    personal.providers.fault("token_unavailable", target="revoke")
    take_back(personal)
    waits = []
    for _ in range(4):
        now = kept().revoke_at
        personal_grants.revoke_due(now=now)
        waits.append(kept().revoke_at - now)

    assert waits == [2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 16 * MINUTE]


def test_taking_back_what_ended_at_google_already_is_no_failure(personal):
    personal.providers.control("DELETE", "google/grants", address=GRACE)

    take_back(personal)

    assert (kept().state, kept().revoke_at) == ("withdrawn", None)


def test_taking_back_twice_is_once(personal):
    take_back(personal)

    page = take_back(personal)

    assert page.status_code == 200
    assert AuditEvent.objects.filter(verb="personal.withdrawn").count() == 1


def test_a_grant_to_another_unit_is_not_ended_with_this_one(personal):
    """Google ends all that a person granted to our client at once, so then it is not asked."""
    stranger = personal.company.stranger_unit
    other = personal_grants.create_personal_connection(
        stranger, "free_busy", declared_domains=["kube.example"], by=personal.company.sven, now=personal.now
    )
    row = kept()
    member = Member.objects.create(unit=stranger, email=GRACE, given_name="Grace", user=personal.grace.user)
    PersonalGrant.objects.create(
        unit=stranger, connection=other, member=member, subject=row.subject, refresh_token=row.refresh_token
    )

    take_back(personal)

    here = PersonalGrant.objects.get(unit=personal.unit)
    assert (here.state, here.revoke_at, holds_no_token(here)) == ("withdrawn", None, True)
    assert PersonalGrant.objects.get(unit=stranger).state == "active"
    assert personal.at_google() == [GRACE]


# --- others decide, and nobody waits for Google


def suspend(personal: Personal) -> None:
    memberships.suspend_member(personal.grace, by=personal.company.olga, now=timezone.now())


def remove(personal: Personal) -> None:
    memberships.remove_member(personal.grace, by=personal.company.olga, now=timezone.now())


def disconnect(personal: Personal) -> None:
    connection = CalendarConnection.objects.get()
    calendar_connections.disconnect(connection, by=personal.company.olga, now=timezone.now())


def archive(personal: Personal) -> None:
    OrganizationalUnit.objects.filter(pk=personal.unit.pk).update(state="archived")


@pytest.mark.parametrize("act", [suspend, remove, disconnect, archive])
def test_what_ends_a_members_part_withdraws_by_itself_even_while_google_is_down(personal, act):
    personal.providers.fault("token_unavailable", target="revoke")

    act(personal)
    jobs.end_grants()

    assert kept().state == "withdrawn"
    assert kept().revoke_at > timezone.now()
    personal.providers.control("DELETE", "faults")
    personal_grants.revoke_due(now=kept().revoke_at)
    assert personal.at_google() == []
    assert holds_no_token(kept())


@pytest.mark.parametrize("told_before", [False, True])
def test_of_an_erased_member_nothing_is_left_once_google_knows(personal, told_before):
    remove(personal)
    if told_before:
        jobs.end_grants()
        assert kept().state == "withdrawn"
    erasure.erase_member(personal.grace, by=personal.company.olga, now=timezone.now())

    jobs.end_grants()

    assert not PersonalGrant.objects.exists()
    assert personal.at_google() == []


def test_another_address_is_another_calendar_and_needs_a_grant_of_its_own(personal):
    identity.change_address(personal.grace, "new@kube.example", by=personal.company.olga, now=timezone.now())
    jobs.end_grants()

    assert kept().state == "withdrawn"
    assert personal.at_google() == []


def test_a_paused_unit_keeps_what_its_members_granted(personal):
    OrganizationalUnit.objects.filter(pk=personal.unit.pk).update(state="paused")

    jobs.end_grants()

    assert kept().state == "active"
    assert personal.at_google() == [GRACE]


def test_the_page_of_what_is_kept_says_that_it_is_there_and_never_the_token(personal):
    (line,) = kept_on(personal.grace, own=True)["own_authorizations"]
    page = signed_in(personal.grace.user).get(reverse("my_data", args=[personal.unit.slug])).content.decode()

    assert (line["state"], line["id_at_the_service"]) == ("Active", kept().subject)
    assert set(line["permissions"]) == set(kept().scopes)
    assert kept().refresh_token not in str(line)
    assert "Own authorization" in page
    assert kept().refresh_token not in page
