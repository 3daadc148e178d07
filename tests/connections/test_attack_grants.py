"""Members' own authorizations: what is over leaves nothing behind, and a provider that hangs holds nobody up."""

from datetime import timedelta

import pytest
import requests
from django.utils import timezone

from connections import jobs, personal_grants
from connections.models import CalendarConnection, Mailbox, PersonalGrant
from connections.personal_tokens import tokens_for
from connections.providers.base import Unreachable
from connections.providers.http import ProviderSession
from orgunits import erasure, memberships
from orgunits.models import Member, OrganizationalUnit
from tests.builders import make_members
from tests.connections.personal import Personal
from tests.connections.test_attack_races import apart
from tests.people import make_company

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.mark.parametrize("how", ["removed first, erased later", "taken back long before"])
def test_of_who_is_erased_not_even_the_id_at_google_is_left(providers, how):
    personal = Personal(providers)
    grant = personal.grant()
    now = timezone.now()
    if how == "taken back long before":
        personal_grants.withdraw(grant, by=personal.grace.user, now=now)
    memberships.remove_member(personal.grace, by=personal.company.olga, now=now)
    jobs.end_grants()
    assert PersonalGrant.objects.get().refresh_token == ""

    erasure.erase_member(Member.objects.get(pk=personal.grace.pk), by=personal.company.olga, now=now + DAY)
    jobs.end_grants()
    jobs.forget()

    assert not PersonalGrant.objects.exists()


def held_by(number: int) -> list[PersonalGrant]:
    """Grants of so many members whose access tokens are over."""
    company, now = make_company(), timezone.now()
    connection = CalendarConnection.objects.create(
        unit=company.unit, provider="google", mode="free_busy", state="active", personal=True
    )
    members = make_members(company.unit, [f"m{n}@kube.example" for n in range(number)])
    return [
        PersonalGrant.objects.create(
            unit=company.unit, connection=connection, member=member, subject=f"s{member.pk}", scopes=[],
            refresh_token=f"r{member.pk}", access_token="old", access_token_ends_at=now - DAY,
        )
        for member in members
    ]  # fmt: skip


def test_while_google_does_not_answer_the_second_member_is_not_waited_for(monkeypatch):
    """A job has a minute; fifty members of fifteen seconds each would outlive every one."""
    grants, asked = held_by(5), []

    def hang(_session, request, **_kwargs):
        asked.append(request.url)
        raise requests.ReadTimeout

    monkeypatch.setattr(requests.Session, "send", hang)
    connection = CalendarConnection.objects.select_related("unit").get()

    tokens = tokens_for(connection, [grant.member for grant in grants], now=timezone.now())

    assert len(asked) == 1
    assert all(isinstance(error, Unreachable) for error in tokens.lacking.values())
    assert set(tokens.lacking) == {grant.member.email for grant in grants}


def test_who_has_a_token_that_lives_is_read_meanwhile(monkeypatch):
    grants, now = held_by(3), timezone.now()
    PersonalGrant.objects.filter(pk=grants[2].pk).update(access_token_ends_at=now + DAY)
    monkeypatch.setattr(requests.Session, "send", _times_out)
    connection = CalendarConnection.objects.select_related("unit").get()

    tokens = tokens_for(connection, [grant.member for grant in grants], now=now)

    assert set(tokens.held) == {grants[2].member.email}


def _times_out(*_args, **_kwargs):
    raise requests.ReadTimeout


@pytest.mark.django_db(transaction=True)
def test_while_a_token_is_renewed_nobody_else_of_the_unit_waits(providers, monkeypatch):
    """Taking back waits for the renewal, by the grant alone: decisions about other members go on."""
    personal = Personal(providers)
    grant = personal.grant()
    PersonalGrant.objects.update(access_token_ends_at=timezone.now() - DAY)
    send, seen = requests.Session.send, []

    def hooked(session, request, **kwargs):
        if isinstance(session, ProviderSession) and not seen:
            seen.append("renewing")
            leaving = apart(lambda: personal_grants.withdraw(grant, by=None, now=timezone.now()))
            leaving.join(1.5)
            seen.append(leaving)
            apart(_decide).join()
        return send(session, request, **kwargs)

    def _decide() -> None:
        rows = OrganizationalUnit.objects.select_for_update(no_key=True, nowait=True)
        from django.db import transaction

        with transaction.atomic():
            try:
                rows.get(pk=personal.unit.pk)
                seen.append("free")
            except Exception as error:
                seen.append(type(error).__name__)

    monkeypatch.setattr(requests.Session, "send", hooked)
    connection = CalendarConnection.objects.select_related("unit").get()

    tokens_for(connection, [personal.grace], now=timezone.now())
    seen[1].join(20)

    assert seen[2] == "free"
    assert PersonalGrant.objects.get().state == "withdrawn"
    assert Mailbox.objects.get(member=personal.grace).failure == "not_granted"
