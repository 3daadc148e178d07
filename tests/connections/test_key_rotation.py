"""A new key or client secret: tried before it replaces the old one, on every connection that uses it."""

import json
from datetime import timedelta

import pytest
import requests
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, health
from connections.credentials import keep_registration
from connections.key_rotation import NotAdopted, rotate
from connections.models import CalendarConnection, Credential
from connections.modes import scopes_for
from connections.providers.http import ProviderSession
from orgunits.models import AuditEvent
from tests.builders import make_members
from tests.connecting import connect, own_google_key, sign_in
from tests.people import GOOGLE_EMPLOYEE, MICROSOFT_ADMINISTRATOR, make_company, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def company():
    return make_company()


def with_own_registration(company, providers) -> CalendarConnection:
    """A Microsoft connection that works with a registration of this unit alone."""
    made = providers.control("POST", "registrations", name="own", roles=["Calendars.ReadBasic.All"])
    permission_set = scopes_for("microsoft", "free_busy").permission_set
    keep_registration(
        company.unit, permission_set, made["client_id"], made["secret"], by=company.olga, now=timezone.now()
    )
    return connect(company.unit, "microsoft", "free_busy", providers, by=company.olga)


def connected(provider: str, company, providers) -> CalendarConnection:
    if provider == "microsoft":
        return with_own_registration(company, providers)
    return connect(company.unit, "google", "free_busy", providers, by=company.olga)


def another_secret(connection: CalendarConnection, providers, *, instead: bool = False) -> str:
    """A second key of the same account, or a second secret of the same registration, made at the provider."""
    if connection.provider == "microsoft":
        path = f"registrations/{connection.credential.client_id}/secrets"
        providers.control("POST", path, secret="a-new-one", instead=instead)
        return "a-new-one"
    name = connection.credential.client_email.partition("@")[0]
    if instead:
        end_of_the_old_one(connection, providers)
    return requests.post(f"{providers.url}/control/service-accounts/{name}/keys", timeout=10).text


def end_of_the_old_one(connection: CalendarConnection, providers) -> None:
    key_id = json.loads(connection.credential.secret)["private_key_id"]
    providers.fault("service_key_removed", target=key_id)


def page_of(connection: CalendarConnection) -> str:
    return reverse("key_rotate", args=[connection.unit.slug, connection.public_id])


def kept(connection: CalendarConnection) -> Credential:
    return Credential.objects.get(pk=connection.credential_id)


PROVIDERS = pytest.mark.parametrize("provider", ["google", "microsoft"])


# --- it works


@PROVIDERS
def test_a_new_one_that_works_replaces_the_old_one(company, providers, provider):
    connection = connected(provider, company, providers)
    Credential.objects.update(secret_since=timezone.now() - timedelta(days=300), warned_days=14)
    new, ends_on = another_secret(connection, providers), timezone.now().date() + timedelta(days=180)
    began = timezone.now()

    answer = signed_in(company.olga).post(page_of(connection), {"secret": new, "ends_on": f"{ends_on}"})

    row = kept(connection)
    assert answer.headers["Location"] == reverse("connection", args=[company.unit.slug, connection.public_id])
    assert (row.secret, row.secret_ends_on, row.warned_days) == (new.strip(), ends_on, None)
    assert row.secret_since >= began
    event = AuditEvent.objects.get(verb="key.rotated")
    assert (event.actor, event.subject) == (company.olga.public_id, connection.public_id)
    assert event.facts == {"key": row.public_id}


@PROVIDERS
def test_each_permission_and_the_verified_mailbox_are_asked_with_the_new_one(company, providers, provider):
    connection = connected(provider, company, providers)
    new = another_secret(connection, providers)
    began = timezone.now().timestamp()

    rotate(connection, new.strip(), ends_on=None, by=company.olga, now=timezone.now())

    calls = [
        call for call in providers.control("GET", f"calls?since={began}")["calls"] if call["status"] == 200
    ]
    operations = {call["operation"] for call in calls}
    if provider == "google":
        probed = {tuple(call["scopes"]) for call in calls if call["operation"] == "oauth2.tokeninfo"}
        assert len(probed) == len(scopes_for("google", "free_busy").organization)
        assert "calendar.calendarList.list" in operations
    else:
        assert any("calendar" in operation.lower() for operation in operations if operation)


@PROVIDERS
def test_a_connection_lost_with_the_old_one_goes_on_at_once(company, providers, provider):
    connection = connected(provider, company, providers)
    make_members(company.unit, [GOOGLE_EMPLOYEE if provider == "google" else MICROSOFT_ADMINISTRATOR])
    new = another_secret(connection, providers, instead=True)
    health.check_connection(connection, by=None, now=timezone.now())
    assert connection.state == "needs_reauthorization"

    page = signed_in(company.olga).post(page_of(connection), {"secret": new}, follow=True)

    connection.refresh_from_db()
    assert (connection.state, connection.state_reason) == ("active", "")
    assert "is being read again" in page.content.decode()


# --- it does not work


@PROVIDERS
def test_one_that_the_provider_refuses_is_not_kept_nor_shown_again(company, providers, provider):
    connection = connected(provider, company, providers)
    old = kept(connection)
    new = another_secret(connection, providers)
    if provider == "google":
        providers.fault("service_key_removed", target=connection.credential.client_id)
    else:
        new = "a-wrong-one"
    ends_on = f"{timezone.now().date() + timedelta(days=90)}"

    page = signed_in(company.olga).post(page_of(connection), {"secret": new, "ends_on": ends_on})

    text = page.content.decode()
    assert page.status_code == 422
    assert "the old one stays" in str(page.context["form"].errors["secret"])
    assert "PRIVATE KEY" not in text
    assert "a-wrong-one" not in text
    assert f'value="{ends_on}"' in text
    assert (kept(connection).secret, kept(connection).secret_since) == (old.secret, old.secret_since)
    assert not AuditEvent.objects.filter(verb="key.rotated").exists()
    connection.refresh_from_db()
    assert connection.state == "active"


@PROVIDERS
def test_while_the_provider_is_down_nothing_is_known_and_nothing_kept(company, providers, provider):
    connection = connected(provider, company, providers)
    new = another_secret(connection, providers)
    providers.fault("server_error", status=503)

    page = signed_in(company.olga).post(page_of(connection), {"secret": new})

    assert "does not answer" in str(page.context["form"].errors["secret"])
    assert kept(connection).secret == connection.credential.secret


def test_a_grant_that_is_missing_refuses_the_new_key_as_well(company, providers):
    connection = connected("google", company, providers)
    new = another_secret(connection, providers)
    providers.control("DELETE", "delegation", client_id=connection.credential.client_id)

    with pytest.raises(NotAdopted, match="not_delegated"):
        rotate(connection, new.strip(), ends_on=None, by=company.olga, now=timezone.now())

    assert kept(connection).secret == connection.credential.secret


def test_every_living_connection_of_the_key_is_tried_and_the_one_that_fails_is_named(company, providers):
    one = connected("google", company, providers)
    other = calendar_connections.create_connection(
        company.unit, "google", "read_write", by=company.olga, now=timezone.now()
    )
    sign_in(other, "lukas.martin38@kube.example", by=company.olga)
    both = {*scopes_for("google", "free_busy").organization, *scopes_for("google", "read_write").organization}
    providers.control("POST", "delegation", client_id=one.credential.client_id, scopes=sorted(both))
    other.refresh_from_db()
    assert health.check_connection(other, by=company.olga, now=timezone.now()).works
    providers.control(
        "POST", "delegation", client_id=one.credential.client_id,
        scopes=list(scopes_for("google", "free_busy").organization),
    )  # fmt: skip

    page = signed_in(company.olga).post(page_of(one), {"secret": another_secret(one, providers)})

    assert str(other) in str(page.context["form"].errors["secret"])
    assert kept(one).secret == one.credential.secret


def test_another_account_is_another_key(company, providers):
    connection = connected("google", company, providers)
    own_google_key(company.stranger_unit, providers, by=company.sven)
    foreign = company.stranger_unit.credentials.get().secret

    page = signed_in(company.olga).post(page_of(connection), {"secret": foreign})

    assert "Use another key" in str(page.context["form"].errors["secret"])
    assert kept(connection).secret == connection.credential.secret


@pytest.mark.parametrize("secret", ["", "no key", "{}", "x" * 10_001])
def test_what_is_no_key_is_refused_at_the_field(company, providers, secret):
    connection = connected("google", company, providers)

    page = signed_in(company.olga).post(page_of(connection), {"secret": secret})

    assert page.status_code == 422
    assert list(page.context["form"].errors) == ["secret"]
    assert kept(connection).secret == connection.credential.secret


def test_the_one_in_use_is_no_new_one(company, providers):
    connection = connected("microsoft", company, providers)

    page = signed_in(company.olga).post(page_of(connection), {"secret": connection.credential.secret})

    assert "in use already" in str(page.context["form"].errors["secret"])


def test_an_end_in_the_past_is_refused_at_its_field_before_anybody_is_asked(company, providers):
    connection = connected("microsoft", company, providers)
    began = timezone.now().timestamp()

    page = signed_in(company.olga).post(page_of(connection), {"secret": "a-new-one", "ends_on": "2020-01-01"})

    assert list(page.context["form"].errors) == ["ends_on"]
    assert providers.control("GET", f"calls?since={began}")["calls"] == []


def test_a_paused_connection_makes_no_calls_so_nothing_can_be_tried(company, providers):
    connection = connected("microsoft", company, providers)
    calendar_connections.pause(connection, by=company.olga, now=timezone.now())
    began = timezone.now().timestamp()

    page = signed_in(company.olga).post(page_of(connection), {"secret": "a-new-one"})

    assert "paused it" in str(page.context["form"].errors["secret"])
    assert providers.control("GET", f"calls?since={began}")["calls"] == []


# --- who may, and what happens meanwhile


def test_the_key_of_the_installation_is_for_whoever_operates_it(company, providers):
    connection = connect(company.unit, "microsoft", "free_busy", providers, by=company.olga)
    browser = signed_in(company.olga)

    page = browser.get(page_of(connection)).content.decode()
    tried = browser.post(page_of(connection), {"secret": "a-new-one"})

    assert "whoever operates this installation" in page
    assert 'name="secret"' not in page
    assert Credential.objects.count() == 0
    assert tried.status_code == 200
    with pytest.raises(NotAdopted, match="key_of_installation"):
        rotate(connection, "a-new-one", ends_on=None, by=company.olga, now=timezone.now())


def test_a_stranger_finds_nothing_and_an_employee_may_not(company, providers):
    connection = connected("microsoft", company, providers)

    stranger = signed_in(company.sven).post(page_of(connection), {"secret": "a-new-one"})
    employee = signed_in(company.emma).post(page_of(connection), {"secret": "a-new-one"})

    assert (stranger.status_code, employee.status_code) == (404, 403)
    assert kept(connection).secret == connection.credential.secret


def meanwhile(monkeypatch, act) -> None:
    """Do something as soon as the provider answered for the first time."""
    send, left = requests.Session.send, [act]

    def sent(session, request, **kwargs):
        answer = send(session, request, **kwargs)
        if left and isinstance(session, ProviderSession):
            left.pop()()
        return answer

    monkeypatch.setattr(requests.Session, "send", sent)


def test_who_lost_the_right_while_the_provider_was_asked_changes_nothing(company, providers, monkeypatch):
    connection = connected("microsoft", company, providers)
    new, olga = another_secret(connection, providers), company.member(company.olga)
    meanwhile(monkeypatch, lambda: type(olga).objects.filter(pk=olga.pk).update(state="suspended"))

    with pytest.raises(NotAdopted, match="right_lost"):
        rotate(connection, new, ends_on=None, by=company.olga, now=timezone.now())

    assert kept(connection).secret == connection.credential.secret


def test_of_two_tabs_the_second_one_to_come_back_changes_nothing(company, providers, monkeypatch):
    connection = connected("microsoft", company, providers)
    another_secret(connection, providers)
    meanwhile(
        monkeypatch, lambda: Credential.objects.filter(pk=connection.credential_id).update(secret="theirs")
    )

    with pytest.raises(NotAdopted, match="key_changed_meanwhile"):
        rotate(connection, "a-new-one", ends_on=None, by=company.olga, now=timezone.now())

    assert kept(connection).secret == "theirs"


def test_a_key_that_the_connection_gave_up_meanwhile_is_not_changed(company, providers, monkeypatch):
    connection = connected("microsoft", company, providers)
    another_secret(connection, providers)
    row = CalendarConnection.objects.get(pk=connection.pk)
    meanwhile(
        monkeypatch,
        lambda: calendar_connections.use_key(row, None, by=company.olga, now=timezone.now()),
    )

    with pytest.raises(NotAdopted, match="key_changed_meanwhile"):
        rotate(connection, "a-new-one", ends_on=None, by=company.olga, now=timezone.now())

    assert Credential.objects.get().secret == connection.credential.secret
