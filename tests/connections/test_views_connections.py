"""Pausing, resuming, disconnecting and domains: what a person sees when it cannot be done."""

import pytest
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, domains
from connections.models import CalendarConnection
from orgunits.models import AuditEvent
from tests.connecting import connect
from tests.people import make_company

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(client):
    company = make_company()
    client.force_login(company.olga)
    client.company = company
    return client


def create(client, provider: str = "google", mode: str = "free_busy", **fields) -> CalendarConnection:
    company = client.company
    row = calendar_connections.create_connection(
        company.unit, provider, mode, by=company.olga, now=timezone.now()
    )
    CalendarConnection.objects.filter(pk=row.pk).update(**fields)
    row.refresh_from_db()
    return row


def url(name: str, connection: CalendarConnection, *more: str) -> str:
    return reverse(name, args=[connection.unit.slug, connection.public_id, *more])


def state_after(client, name: str, connection: CalendarConnection) -> str:
    client.post(url(name, connection))
    return CalendarConnection.objects.get(pk=connection.pk).state


# --- states


@pytest.mark.parametrize(
    ("act", "before", "after"),
    [
        ("connection_pause", "pending", "pending"),
        ("connection_pause", "active", "paused"),
        ("connection_pause", "paused", "paused"),
        ("connection_pause", "needs_reauthorization", "needs_reauthorization"),
        ("connection_pause", "disconnected", "disconnected"),
        ("connection_resume", "pending", "pending"),
        ("connection_resume", "active", "active"),
        ("connection_resume", "paused", "active"),
        ("connection_resume", "needs_reauthorization", "needs_reauthorization"),
        ("connection_resume", "disconnected", "disconnected"),
        ("connection_disconnect", "pending", "disconnected"),
        ("connection_disconnect", "active", "disconnected"),
        ("connection_disconnect", "paused", "disconnected"),
        ("connection_disconnect", "needs_reauthorization", "disconnected"),
        ("connection_disconnect", "disconnected", "disconnected"),
    ],
)
def test_an_act_is_done_or_it_is_said_why_not(olga, act, before, after):
    connection = create(olga, state=before, connected_at=timezone.now())
    events = AuditEvent.objects.count()

    assert state_after(olga, act, connection) == after

    page = olga.get(url("connection", connection))
    told = [str(message) for message in page.context["messages"]]
    assert (AuditEvent.objects.count() > events) == (before != after)
    assert told or before == after == "disconnected"


def test_doing_it_twice_at_once_is_done_once(olga):
    connection = create(olga, state="active")

    for _ in range(2):
        state_after(olga, "connection_pause", connection)

    assert AuditEvent.objects.filter(verb="connection.paused").count() == 1


def test_looking_at_the_page_before_disconnecting_changes_nothing_and_counts(providers, olga):
    company = olga.company
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)

    page = olga.get(url("connection_disconnect", connection))

    connection.refresh_from_db()
    assert connection.state == "active"
    assert page.context["stops"].members == connection.mailboxes.count()
    assert page.context["stops"].forgets_key


def test_disconnecting_forgets_the_key_and_what_was_read_but_no_choice(providers, olga):
    company = olga.company
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)

    state_after(olga, "connection_disconnect", connection)

    assert company.unit.credentials.count() == 0
    assert connection.mailboxes.count() == 0
    assert company.unit.members.count() == 3


def test_a_connection_that_is_over_is_shown_in_the_past(providers, olga):
    company = olga.company
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    state_after(olga, "connection_disconnect", connection)

    page = olga.get(url("connection", connection))

    text = page.content.decode()
    assert "was served" in text
    assert len(page.context["was_granted"]) == 4
    assert "state-success" not in text
    assert "of this installation" not in text
    assert olga.get(url("set_up", connection)).headers["Location"] == url("connection", connection)


@pytest.mark.parametrize(("provider", "mode"), [("microsoft", "read_write"), ("google", "free_busy")])
def test_connecting_again_keeps_service_and_mode(olga, provider, mode):
    connection = create(olga, provider, mode, state="disconnected")

    again = olga.get(url("connection", connection)).context["again_url"]
    asked = olga.get(again).content.decode()
    answered = olga.get(again, {"provider": provider, "mode": mode, "asked": "1", "administrator": "no"})

    assert f'name="mode" value="{mode}"' in asked
    check = reverse("connect_check", args=[connection.unit.slug, provider, mode])
    assert answered.headers["Location"] == f"{check}?administrator=no"


def test_no_access_is_connected_again_without_a_question(olga):
    connection = create(olga, "none", "no_access", state="disconnected")

    page = olga.get(url("connection", connection))

    assert olga.get(page.context["again_url"]).status_code == 200
    assert page.context["again_url"].replace("&", "&amp;") in page.content.decode()


def test_who_may_only_look_is_not_offered_to_connect_again(olga):
    connection = create(olga, state="disconnected")
    olga.force_login(olga.company.carl)

    page = olga.get(url("connection", connection))

    assert page.status_code == 200
    assert "Connect again" not in page.content.decode()


# --- domains


@pytest.mark.parametrize("text", ["", " ", "no domain", "localhost", "a@b", "x" * 300, "nul\x00.example"])
def test_a_domain_that_is_none_is_refused_at_the_field(olga, text):
    connection = create(olga)

    page = olga.post(url("domain_add", connection), {"domain": text})

    assert page.status_code == 422
    assert list(page.context["domain_form"].errors) == ["domain"]
    assert connection.domains.count() == 0


def test_a_named_domain_serves_nobody_before_a_fact_proves_it(olga):
    connection = create(olga, state="active", connected_at=timezone.now())

    olga.post(url("domain_add", connection), {"domain": " KUBE.example "})

    assert list(connection.domains.values_list("domain", "verified")) == [("kube.example", "")]
    assert connection.mailboxes.count() == 0


def test_naming_a_domain_twice_is_one_row_and_one_line_in_the_log(olga):
    connection = create(olga)

    for _ in range(2):
        olga.post(url("domain_add", connection), {"domain": "kube.example"})

    assert connection.domains.count() == 1
    assert AuditEvent.objects.filter(verb="domain.added").count() == 1


@pytest.mark.parametrize("name", ["domain_verify", "domain_remove"])
def test_a_domain_that_was_never_named_is_not_there(olga, name):
    assert olga.post(url(name, create(olga), "kube.example")).status_code == 404


def test_a_proof_that_cannot_be_looked_for_is_said_in_words(providers, olga):
    connection = create(olga)
    domains.add_domain(connection, "kube.example", by=olga.company.olga, now=timezone.now())

    page = olga.post(url("domain_verify", connection, "kube.example"), follow=True)

    assert "Nobody has signed in" in page.content.decode()
    assert connection.domains.get().verified == ""


def test_a_provider_that_is_down_leaves_the_domain_as_it_was(providers, olga):
    company = olga.company
    connection = connect(company.unit, "microsoft", "free_busy", providers, by=company.olga)
    domains.add_domain(connection, "kube.example", by=company.olga, now=timezone.now())
    providers.fault("server_error", status=503)

    page = olga.post(url("domain_verify", connection, "kube.example"), follow=True)

    assert page.status_code == 200
    assert connection.domains.get(domain="kube.example").verified == ""


def test_removing_a_domain_leaves_its_people_unserved(providers, olga):
    company = olga.company
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    served = connection.mailboxes.count()

    olga.post(url("domain_remove", connection, "kube.example"))

    assert served == 3
    assert connection.mailboxes.count() == 0
