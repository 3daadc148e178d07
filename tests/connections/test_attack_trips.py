"""Trips to the provider whose traveller or answer is not what it was, or never was what it should be."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, credentials, health
from connections.models import CalendarConnection
from connections.providers.microsoft import oauth
from connections.states import State
from orgunits import roles
from orgunits.models import Member
from tests.connecting import answer_provider_page, consent, sign_in
from tests.people import MICROSOFT_ADMINISTRATOR, Company, make_company

pytestmark = pytest.mark.django_db


class Trip:
    """Olga's browser, sent to Microsoft from a connection's set-up page."""

    def __init__(self, providers):
        self.company = make_company()
        self.connection = calendar_connections.create_connection(
            self.company.unit, "microsoft", "free_busy", by=self.company.olga, now=timezone.now()
        )
        self.client = Client()
        self.client.force_login(self.company.olga)

    def leave(self, name: str = "sign_in") -> dict:
        args = [self.company.unit.slug, self.connection.public_id]
        url = self.client.post(reverse(name, args=args)).headers["Location"]
        return answer_provider_page(url, MICROSOFT_ADMINISTRATOR)

    def come_back(self, answer: dict, name: str = "microsoft"):
        landed = self.client.get(reverse(f"callback_{name}"), answer)
        self.connection.refresh_from_db()
        return landed


def demote(company: Company) -> None:
    roles.grant_role(company.member(company.carl), roles.OPS_ADMIN.code, by=company.olga, now=timezone.now())
    roles.revoke_role(company.member(company.olga), roles.OPS_ADMIN.code, by=company.carl, now=timezone.now())


def suspend(company: Company) -> None:
    Member.objects.filter(user=company.olga).update(state=Member.State.SUSPENDED)


@pytest.mark.parametrize("taken", [demote, suspend])
def test_who_loses_the_right_on_the_way_binds_nothing(providers, taken):
    trip = Trip(providers)
    answer = trip.leave()
    taken(trip.company)

    landed = trip.come_back(answer)

    assert (landed.status_code, trip.connection.tenant) == (400, "")
    assert "You may no longer connect services" in landed.content.decode()
    assert trip.connection.public_id not in landed.content.decode()


def test_who_loses_the_right_on_the_way_consents_to_nothing(providers):
    trip = Trip(providers)
    trip.come_back(trip.leave())
    answer = trip.leave("consent")
    demote(trip.company)

    landed = trip.come_back(answer, "microsoft_consent")

    assert (landed.status_code, trip.connection.consented_at) == (400, None)


def test_a_connection_disconnected_while_the_provider_is_asked_stays_as_it_is(providers, monkeypatch):
    trip = Trip(providers)
    answer = trip.leave()
    exchange = oauth.signed_in

    def meanwhile(*args, **kwargs):
        row = CalendarConnection.objects.get(pk=trip.connection.pk)
        calendar_connections.disconnect(row, by=trip.company.olga, now=timezone.now())
        return exchange(*args, **kwargs)

    monkeypatch.setattr(oauth, "signed_in", meanwhile)

    landed = trip.come_back(answer)

    assert (landed.status_code, trip.connection.tenant) == (400, "")


def test_the_consent_of_one_tenant_does_not_count_for_the_next(providers):
    trip = Trip(providers)
    sign_in(trip.connection, MICROSOFT_ADMINISTRATOR, by=trip.company.olga)
    trip.connection.refresh_from_db()
    consent(trip.connection, by=trip.company.olga)

    sign_in(trip.connection, "rosa.rival@rival-ms.example", by=trip.company.olga)

    trip.connection.refresh_from_db()
    assert trip.connection.consented_at is None


FORGED = [
    {"wids": [["x"]]},
    {"preferred_username": "x" * 400},
    {"preferred_username": "a\0b@sigs.example"},
    {"oid": None},
    {"oid": "x" * 400},
    {"iss": ["x"]},
]


@pytest.mark.parametrize("claims", FORGED)
def test_claims_of_another_shape_bind_nothing(providers, claims):
    trip = Trip(providers)
    providers.fault("id_token_claims", claims=claims)

    landed = trip.come_back(trip.leave())

    assert (landed.status_code, trip.connection.tenant) == (400, "")


@pytest.mark.parametrize("name", ["+4912345678", "lucas", ""])
def test_an_administrator_without_an_address_is_told_of_and_breaks_nothing(providers, name):
    trip = Trip(providers)
    providers.fault("id_token_claims", claims={"preferred_username": name, "email": None})
    trip.come_back(trip.leave())
    key = credentials.key_of(trip.connection)
    providers.control(
        "POST",
        "consents",
        tenant=trip.connection.tenant,
        client_id=key.client_id,
        roles=["Calendars.ReadBasic.All"],
    )

    verdict = health.check_connection(trip.connection, by=trip.company.olga, now=timezone.now())

    assert not verdict.works
    assert trip.connection.state == State.PENDING
