"""Trips to a provider: an answer counts once, in time, for who began it, and binds what it proves."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connections import attempts, authorization, calendar_connections, hand_offs
from connections.attempts import Purpose, Refused, Traveller
from connections.models import CalendarConnection, PendingAuthorization
from orgunits.models import AuditEvent
from tests.connecting import answer_provider_page, own_google_key, sign_in
from tests.people import (
    GOOGLE_ADMINISTRATOR,
    GOOGLE_EMPLOYEE,
    MICROSOFT_ADMINISTRATOR,
    MICROSOFT_TENANT,
    make_company,
)

pytestmark = pytest.mark.django_db

ADMINISTRATOR = {"google": GOOGLE_ADMINISTRATOR, "microsoft": MICROSOFT_ADMINISTRATOR}
TENANT = {"google": "kube.example", "microsoft": MICROSOFT_TENANT}
OTHER = {"google": "microsoft", "microsoft": "google"}
both = pytest.mark.parametrize("provider", ["google", "microsoft"])


class Trip:
    """An Ops Admin's way to the provider's sign-in page and back."""

    def __init__(self, provider: str, *, user=None, connection=None, purpose=Purpose.SIGN_IN):
        self.company = make_company() if connection is None else None
        self.user = user or self.company.olga
        self.now = timezone.now()
        self.connection = connection or calendar_connections.create_connection(
            self.company.unit, provider, "free_busy", by=self.user, now=self.now
        )
        self.provider = provider
        self.traveller = Traveller("olga's browser", user=self.user)
        self.url = authorization.begin(
            self.connection, purpose=purpose, traveller=self.traveller, now=self.now
        )

    def go(self, account: str | None = None) -> "Trip":
        self.back = answer_provider_page(self.url, account or ADMINISTRATOR[self.provider])
        return self

    def complete(self, **changed):
        asked = {
            "provider": self.provider,
            "state": self.back.get("state", ""),
            "code": self.back.get("code", ""),
            "error": self.back.get("error", ""),
            "traveller": self.traveller,
            "now": self.now,
            **changed,
        }
        return authorization.complete_sign_in(**asked)

    def refused(self, **changed) -> str:
        with pytest.raises(Refused) as refused:
            self.complete(**changed)
        return refused.value.reason


def untouched(connection: CalendarConnection) -> bool:
    row = CalendarConnection.objects.get(pk=connection.pk)
    return (row.tenant, row.administrator, row.proof, row.signed_in_at, row.state) == (
        "", "", "", None, "pending",
    )  # fmt: skip


# --- the answer to an attempt


@both
def test_an_answer_binds_the_connection_to_the_tenant_of_who_signed_in(providers, provider):
    trip = Trip(provider).go()

    trip.complete()

    row = CalendarConnection.objects.get()
    assert (row.tenant, row.administrator) == (TENANT[provider], ADMINISTRATOR[provider])


@both
def test_an_answer_counts_once(providers, provider):
    trip = Trip(provider).go()
    trip.complete()
    CalendarConnection.objects.update(tenant="", administrator="", proof="", signed_in_at=None)

    assert trip.refused() == "state_used"
    assert untouched(trip.connection)


@both
def test_an_answer_that_was_refused_cannot_be_tried_again(providers, provider):
    trip = Trip(provider).go()

    assert trip.refused(code="wrong") == "answer_invalid"
    assert trip.refused() == "state_used"
    assert untouched(trip.connection)


@both
def test_an_answer_after_ten_minutes_is_late(providers, provider):
    trip = Trip(provider).go()

    assert trip.refused(now=trip.now + timedelta(minutes=10, seconds=1)) == "state_late"
    assert untouched(trip.connection)


@both
def test_an_answer_in_another_session_or_of_another_person_is_unknown_and_spends_nothing(providers, provider):
    trip = Trip(provider).go()
    company = trip.company
    strangers = [
        Traveller("another browser", user=company.olga),
        Traveller("olga's browser", user=company.carl),
        Traveller("olga's browser", user=company.sven),
        Traveller("olga's browser"),
    ]

    assert {trip.refused(traveller=who) for who in strangers} == {"state_unknown"}
    assert untouched(trip.connection)
    trip.complete()
    assert CalendarConnection.objects.get().tenant == TENANT[provider]


@both
def test_a_stranger_is_not_told_whose_answer_it_was(providers, provider):
    trip = Trip(provider).go()
    trip.complete()

    with pytest.raises(Refused) as refused:
        trip.complete(traveller=Traveller("another browser", user=trip.company.sven))

    assert refused.value.connection is None
    assert refused.value.reason == "state_unknown"


@both
def test_an_answer_at_the_other_providers_address_is_unknown(providers, provider):
    trip = Trip(provider).go()

    assert trip.refused(provider=OTHER[provider]) == "state_unknown"
    assert untouched(trip.connection)


@both
@pytest.mark.parametrize(
    ("state", "reason"), [("", "state_missing"), ("made up", "state_unknown"), ("x" * 5000, "state_unknown")]
)
def test_an_answer_without_our_state_changes_nothing(providers, provider, state, reason):
    trip = Trip(provider).go()

    assert trip.refused(state=state) == reason
    assert untouched(trip.connection)


@both
def test_a_sign_in_is_no_consent(providers, provider):
    trip = Trip(provider).go()

    with pytest.raises(Refused, match="state_unknown"):
        authorization.complete_consent(
            state=trip.back["state"],
            tenant=MICROSOFT_TENANT,
            consented=True,
            error="",
            description="",
            traveller=trip.traveller,
            now=trip.now,
        )
    assert CalendarConnection.objects.get().consented_at is None


@both
def test_a_code_caught_in_another_attempt_is_worth_nothing_here(providers, provider):
    """Code injection: PKCE and nonce belong to the attempt, not to the code."""
    caught = Trip(provider).go(ADMINISTRATOR[provider])
    second = Trip(provider, user=caught.user, connection=caught.connection).go()

    assert second.refused(code=caught.back["code"]) == "answer_invalid"
    assert untouched(caught.connection)


@both
def test_cancelling_at_the_provider_changes_nothing_and_is_written_down(providers, provider):
    trip = Trip(provider)
    trip.back = answer_provider_page(trip.url, ADMINISTRATOR[provider], agree=False)

    assert trip.refused() == "sign_in_cancelled"
    assert untouched(trip.connection)
    told = AuditEvent.objects.get(verb="authorization.refused")
    assert (told.subject, told.facts["reason"]) == (trip.connection.public_id, "sign_in_cancelled")


@both
def test_an_answer_for_a_connection_that_was_disconnected_meanwhile_revives_nothing(providers, provider):
    trip = Trip(provider).go()
    calendar_connections.disconnect(trip.connection, by=trip.user, now=trip.now)

    assert trip.refused() == "disconnected_by_admin"
    assert CalendarConnection.objects.get().tenant == ""


@both
def test_no_trip_begins_for_a_disconnected_connection(providers, provider):
    trip = Trip(provider)
    calendar_connections.disconnect(trip.connection, by=trip.user, now=trip.now)

    with pytest.raises(Refused, match="disconnected_by_admin"):
        Trip(provider, user=trip.user, connection=trip.connection)


@both
def test_nothing_that_is_kept_of_an_attempt_can_be_used_by_who_reads_the_database(providers, provider):
    trip = Trip(provider)
    state = dict(part.split("=", 1) for part in trip.url.split("?")[1].split("&"))["state"]

    row = PendingAuthorization.objects.values().get()

    assert state not in str(row)
    assert "olga's browser" not in str(row)
    assert row["code_verifier"] not in trip.url


# --- what the ID token says decides, and nothing else


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another attempt"},
        {"nonce": None},
        {"aud": "another client"},
        {"iss": "https://login.microsoftonline.com/5165e0a1-0000-4000-8000-000000000002/v2.0"},
        {"iss": "https://issuer.example"},
        {"tid": "5165e0a1-0000-4000-8000-000000000002"},
        {"tid": "organizations"},
        {"tid": None},
        {"exp": 1},
    ],
)
def test_a_token_that_was_not_made_for_this_attempt_binds_nothing(providers, claims):
    trip = Trip("microsoft")
    providers.fault("id_token_claims", claims=claims)
    trip.go()

    assert trip.refused() == "answer_invalid"
    assert untouched(trip.connection)


def test_a_private_account_belongs_to_no_organization(providers):
    trip = Trip("microsoft")
    providers.fault("id_token_claims", claims={"oid": None})
    trip.go()

    assert trip.refused() == "no_organization"
    assert untouched(trip.connection)


def test_a_tenant_in_the_address_of_the_return_is_not_believed(providers, client):
    trip = Trip("google")
    client.force_login(trip.user)
    trip.traveller = Traveller(client.session.session_key, user=trip.user)
    trip.url = authorization.begin(
        trip.connection, purpose=Purpose.SIGN_IN, traveller=trip.traveller, now=trip.now
    )
    trip.go()

    client.get("/authorization/callback/google", {**trip.back, "hd": "rival.example", "tenant": "rival"})

    assert CalendarConnection.objects.get().tenant == "kube.example"


@both
def test_a_connection_that_works_never_changes_its_tenant(providers, provider):
    trip = Trip(provider).go()
    trip.complete()
    CalendarConnection.objects.update(connected_at=trip.now)
    rival = "rosa.rival@rival.example" if provider == "google" else "rosa.rival@rival-ms.example"
    again = Trip(provider, user=trip.user, connection=CalendarConnection.objects.get()).go(rival)

    assert again.refused() == "wrong_tenant"
    assert CalendarConnection.objects.get().tenant == TENANT[provider]


@both
def test_a_provider_that_is_down_in_the_middle_changes_nothing(providers, provider):
    trip = Trip(provider).go()
    providers.fault("token_unavailable" if provider == "google" else "server_error", status=503)

    assert trip.refused() == "provider_down"
    assert untouched(trip.connection)


# --- a Google administrator proves it


def test_an_administrator_of_the_workspace_proves_it_and_names_its_domains(providers):
    trip = Trip("google", purpose=Purpose.PROVE_ADMINISTRATOR).go()

    trip.complete()

    row = CalendarConnection.objects.get()
    assert (row.proof, row.tenant) == ("administrator", "kube.example")
    assert list(row.domains.values_list("domain", "verified")) == [("kube.example", "directory")]


def test_an_employee_proves_nothing(providers):
    trip = Trip("google", purpose=Purpose.PROVE_ADMINISTRATOR).go(GOOGLE_EMPLOYEE)

    assert trip.refused() == "not_an_administrator"
    assert untouched(trip.connection)


def test_leaving_a_box_unticked_proves_nothing(providers):
    trip = Trip("google", purpose=Purpose.PROVE_ADMINISTRATOR)
    trip.url, whole = trip.url.replace("admin.directory.user.readonly", "userinfo.email"), trip.url
    assert trip.url != whole
    trip.go()

    assert trip.refused() in {"scopes_missing", "not_an_administrator"}
    assert untouched(trip.connection)


def test_who_signs_in_for_another_tenant_loses_what_was_proven(providers):
    trip = Trip("google", purpose=Purpose.PROVE_ADMINISTRATOR).go("rosa.rival@rival.example")
    trip.complete()
    assert CalendarConnection.objects.get().proof == "administrator"

    Trip("google", user=trip.user, connection=CalendarConnection.objects.get()).go(GOOGLE_EMPLOYEE).complete()

    row = CalendarConnection.objects.get()
    assert (row.tenant, row.proof) == ("kube.example", "")


def test_the_sign_in_of_a_key_of_ones_own_is_enough(providers):
    company = make_company()
    own_google_key(company.unit, providers, by=company.olga)
    connection = calendar_connections.create_connection(
        company.unit, "google", "free_busy", by=company.olga, now=timezone.now()
    )

    sign_in(connection, GOOGLE_ADMINISTRATOR, by=company.olga)

    connection.refresh_from_db()
    assert connection.proof == "own_key"
    calendar_connections.use_key(connection, None, by=company.olga, now=timezone.now())
    assert CalendarConnection.objects.get().proof == ""


# --- the holder of a hand-off link


def test_a_hand_offs_answer_belongs_to_its_holder_alone(providers):
    company = make_company()
    now = timezone.now()
    connection = calendar_connections.create_connection(
        company.unit, "google", "free_busy", by=company.olga, now=now
    )
    hand_off, _token = hand_offs.create_link(connection, by=company.olga, now=now)
    holder = Traveller("the administrator's browser", hand_off=hand_off)
    url = authorization.begin(connection, purpose=Purpose.SIGN_IN, traveller=holder, now=now)
    back = answer_provider_page(url, GOOGLE_ADMINISTRATOR)
    answer = {"provider": "google", "state": back["state"], "code": back["code"], "error": "", "now": now}

    for stranger in (
        Traveller("the administrator's browser", user=company.olga),
        Traveller("the administrator's browser"),
        Traveller("another browser", hand_off=hand_off),
    ):
        with pytest.raises(Refused, match="state_unknown"):
            authorization.complete_sign_in(**answer, traveller=stranger)

    authorization.complete_sign_in(**answer, traveller=holder)
    assert AuditEvent.objects.get(verb="administrator.signed_in").actor == hand_off.public_id


# --- nightly


def test_attempts_are_forgotten_two_weeks_after_their_end(providers):
    trip = Trip("google")

    attempts.forget_old(now=trip.now + timedelta(days=13))
    assert PendingAuthorization.objects.count() == 1

    attempts.forget_old(now=trip.now + timedelta(days=15))
    assert PendingAuthorization.objects.count() == 0
