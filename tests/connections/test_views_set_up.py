"""The set-up page's acts: keys, proofs and the self-test, with everything people get wrong."""

import json
from datetime import timedelta

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections
from connections.models import CalendarConnection, Credential
from orgunits.models import AuditEvent
from tests.connecting import sign_in
from tests.people import GOOGLE_ADMINISTRATOR, make_company

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(client):
    company = make_company()
    client.force_login(company.olga)
    client.company = company
    return client


def create(client, provider: str = "google", mode: str = "free_busy") -> CalendarConnection:
    company = client.company
    return calendar_connections.create_connection(
        company.unit, provider, mode, by=company.olga, now=timezone.now()
    )


def url(name: str, connection: CalendarConnection) -> str:
    return reverse(name, args=[connection.unit.slug, connection.public_id])


def key_file(providers, name: str = "kube-community") -> str:
    return (providers.home / "service-accounts" / f"{name}.json").read_text()


# --- a key of the unit


def changed(text: str, **values) -> str:
    data = {**json.loads(text), **values}
    return json.dumps({name: value for name, value in data.items() if value is not None})


WRONG_KEYS = {
    "empty": lambda key: "",
    "no JSON": lambda key: "key",
    "half of it": lambda key: key[: len(key) // 2],
    "a list": lambda key: "[1, 2]",
    "another kind of file": lambda key: changed(key, type="authorized_user"),
    "without private key": lambda key: changed(key, private_key=None),
    "without client id": lambda key: changed(key, client_id=""),
    "client id is a number": lambda key: changed(key, client_id=5),
    "private key is none": lambda key: changed(key, private_key="-----BEGIN PRIVATE KEY-----\nAAAA\n"),
    "private key is a public one": lambda key: changed(
        key, private_key="-----BEGIN PUBLIC KEY-----\nMFkwEwYH\n-----END PUBLIC KEY-----\n"
    ),
    "too long": lambda key: changed(key, private_key="x" * 20_000),
    "with a NUL": lambda key: key + "\x00",
}


@pytest.mark.parametrize("what", WRONG_KEYS)
def test_a_key_that_is_none_is_refused_at_the_field_and_nothing_is_kept(providers, olga, what):
    connection = create(olga)

    page = olga.post(url("key_add", connection), {"key_json": WRONG_KEYS[what](key_file(providers))})

    assert page.status_code == 422
    assert list(page.context["form"].errors) == ["key_json"]
    assert Credential.objects.count() == 0


def test_a_good_key_is_kept_sealed_and_used(providers, olga):
    connection = create(olga)

    answer = olga.post(url("key_add", connection), {"key_json": key_file(providers)})

    connection.refresh_from_db()
    assert answer.headers["Location"] == url("set_up", connection)
    assert connection.credential == Credential.objects.get()
    assert "PRIVATE KEY" not in olga.get(url("set_up", connection)).content.decode()


def test_the_installations_key_is_refused_at_the_field(providers, olga):
    page = olga.post(url("key_add", create(olga)), {"key_json": key_file(providers, "installation")})

    assert page.status_code == 422
    assert "already used" in str(page.context["form"].errors["key_json"])
    assert Credential.objects.count() == 0


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"client_id": "", "client_secret": "s"}, "client_id"),
        ({"client_id": "no uuid", "client_secret": "s"}, "client_id"),
        ({"client_id": "b0000001-0000-4000-8000-000000000009", "client_secret": ""}, "client_secret"),
        ({"client_id": "b0000001-0000-4000-8000-000000000009", "client_secret": "x" * 501}, "client_secret"),
        ({"client_id": "A0000001-0000-4000-8000-000000000002", "client_secret": "s"}, "client_id"),
    ],
)
def test_a_registration_that_is_none_is_refused_at_its_field(olga, data, field):
    page = olga.post(url("key_add", create(olga, "microsoft")), data)

    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
    assert Credential.objects.count() == 0


def test_no_access_and_a_disconnected_connection_take_no_key(providers, olga):
    closed = create(olga)
    calendar_connections.disconnect(closed, by=olga.company.olga, now=timezone.now())

    for connection in (create(olga, "none", "no_access"), closed):
        answer = olga.post(url("key_add", connection), {"key_json": key_file(providers)})
        assert answer.status_code == 404
    assert Credential.objects.count() == 0


# --- what has to be there before anybody can sign in


@override_settings(GOOGLE_CLIENT_ID="")
def test_without_an_oauth_client_at_google_the_page_says_what_to_set_and_offers_no_sign_in(olga):
    connection = create(olga)

    text = olga.get(url("set_up", connection)).content.decode()
    tried = olga.post(url("sign_in", connection), follow=True).content.decode()

    assert "GOOGLE_CLIENT_ID" in text
    assert "whoever operates this installation" in text
    assert url("sign_in", connection) not in text
    assert "no OAuth client at Google" in tried


@override_settings(MICROSOFT_REGISTRATIONS={})
def test_without_a_registration_at_microsoft_the_page_leads_to_the_units_own(olga):
    connection = create(olga, "microsoft")

    before = olga.get(url("set_up", connection)).content.decode()
    olga.post(
        url("key_add", connection),
        {"client_id": "b0000001-0000-4000-8000-000000000009", "client_secret": "s"},
    )
    after = olga.get(url("set_up", connection)).content.decode()

    assert url("sign_in", connection) not in before
    assert "Nobody can sign in yet" in before
    assert url("key_add", connection) in before
    assert url("sign_in", connection) in after


# --- waiting for the provider


def waiting(client, **fields) -> CalendarConnection:
    connection, now = create(client), timezone.now()
    CalendarConnection.objects.filter(pk=connection.pk).update(
        tenant="kube.example",
        proof="administrator",
        waiting_since=now,
        next_check_at=now + timedelta(minutes=5),
        **fields,
    )
    return connection


def test_the_page_asks_again_by_itself_while_the_provider_is_waited_for(olga):
    connection = waiting(olga)

    page = olga.get(url("set_up", connection)).content.decode()
    part = olga.get(url("set_up_progress", connection))

    assert f'hx-get="{url("set_up_progress", connection)}"' in page
    assert "every 10s" in page
    assert 'id="set-up-state" hx-swap-oob="true"' in part.content.decode()
    assert "We try again by ourselves" in part.content.decode()
    assert "<html" not in part.content.decode()


@pytest.mark.parametrize("fields", [{"state": "active"}, {"next_check_at": None}])
def test_when_the_waiting_is_over_the_whole_page_is_loaded_and_asks_no_more(olga, fields):
    connection = waiting(olga)
    CalendarConnection.objects.filter(pk=connection.pk).update(**fields)

    part = olga.get(url("set_up_progress", connection))
    page = olga.get(url("set_up", connection)).content.decode()

    assert part.headers["HX-Refresh"] == "true"
    assert "hx-get" not in page


def test_a_page_where_nothing_is_waited_for_asks_nobody(olga):
    assert "hx-get" not in olga.get(url("set_up", create(olga))).content.decode()


# --- proofs and the self-test


def test_a_dns_proof_before_the_sign_in_is_not_there(olga):
    assert olga.post(url("prove_dns", create(olga))).status_code == 404
    assert olga.post(url("prove_dns", create(olga, "microsoft"))).status_code == 404


def test_a_dns_record_is_named_first_and_found_later(providers, olga):
    connection = create(olga)
    sign_in(connection, GOOGLE_ADMINISTRATOR, by=olga.company.olga)
    connection.refresh_from_db()

    olga.post(url("prove_dns", connection))
    row = connection.domains.get()
    olga.post(url("prove_dns", connection))
    connection.refresh_from_db()
    assert connection.proof == ""

    providers.control("POST", "dns", name="_convoke.kube.example", txt=["other", row.dns_token])
    olga.post(url("prove_dns", connection))
    connection.refresh_from_db()
    assert connection.proof == "dns"


def test_consent_is_microsofts_alone(olga):
    assert olga.post(url("consent", create(olga))).status_code == 404


@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_a_self_test_before_the_sign_in_says_why_and_calls_nobody(providers, olga, provider):
    connection = create(olga, provider)
    providers.control("POST", "reset", all=True)

    page = olga.post(url("check_now", connection), follow=True)

    connection.refresh_from_db()
    assert (connection.state, connection.state_reason) == ("pending", "not_signed_in")
    assert "Nobody has signed in" in page.content.decode()
    assert providers.control("GET", "calls")["calls"] == []


@pytest.mark.parametrize(
    "name", ["sign_in", "prove_administrator", "check_now", "key_shared", "hand_off_new"]
)
def test_nothing_can_be_done_to_a_connection_that_is_over(providers, olga, name):
    connection = create(olga)
    calendar_connections.disconnect(connection, by=olga.company.olga, now=timezone.now())
    before = CalendarConnection.objects.values().get()

    answer = olga.post(url(name, connection))

    assert answer.status_code in {302, 404}
    assert "accounts.google.com" not in answer.headers.get("Location", "")
    after = CalendarConnection.objects.values().get()
    assert {**after, "last_checked_at": None} == {**before, "last_checked_at": None}
    assert connection.attempts.count() == connection.hand_offs.count() == 0


def test_withdrawing_a_link_that_is_not_there_is_told_as_nothing(olga):
    connection = create(olga)

    olga.post(url("hand_off_revoke", connection))

    assert not AuditEvent.objects.filter(verb="hand_off.withdrawn").exists()


def test_the_set_up_of_no_access_leads_to_its_page(olga):
    connection = create(olga, "none", "no_access")

    assert olga.get(url("set_up", connection)).headers["Location"] == url("connection", connection)
