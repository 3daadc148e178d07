"""The report for a ticket: states, codes and times; no secret and nothing about anybody."""

import re

import pytest
from django.utils import timezone

from connections import health_checks
from connections.health_report import tenant_hash
from connections.models import CalendarConnection, Credential, HealthCheck, Mailbox
from orgunits.models import OrganizationalUnit
from tests.builders import make_members
from tests.connections.health_pages import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(providers) -> Page:
    return Page(providers)


@pytest.fixture
def google(providers) -> Page:
    return Page(providers, "google", "free_busy")


CANARY = "canary"


def test_the_report_tells_states_and_codes_and_nothing_about_anybody(google):
    connection, unit = google.connection, google.company.unit
    google.post("connection_probes", second_administrator="pia.bauer11@kube.example")
    google.post("connection_check")
    OrganizationalUnit.objects.filter(pk=unit.pk).update(name=f"{CANARY} unit")
    CalendarConnection.objects.filter(pk=connection.pk).update(
        tenant=f"{CANARY}.example",
        administrator=f"{CANARY}@{CANARY}.example",
        test_mailbox=f"{CANARY}2@{CANARY}.example",
        second_administrator=f"{CANARY}3@{CANARY}.example",
        connected_by=f"{CANARY} person",
        administrator_subject=CANARY,
    )
    connection.domains.update(domain=f"{CANARY}.example")
    Credential.objects.update(client_id=CANARY, client_email=f"{CANARY}@x.example", secret=CANARY)
    (member,) = make_members(unit, [f"{CANARY}@{CANARY}.example"])
    Mailbox.objects.create(
        unit=unit, member=member, connection=connection, state="failing", failure="refused",
        failure_code=f"{CANARY}@{CANARY}.example", next_sync_at=timezone.now(),
    )  # fmt: skip
    connection.checks.filter(result="granted").update(result="missing", code=f"{CANARY}@{CANARY}.example")
    HealthCheck.objects.filter(name=health_checks.SECOND).update(result="unknown", code=f"{CANARY}.example")

    text = google.client.get(google.url("health_report_download")).content.decode()

    assert CANARY not in text
    assert "@" not in text
    assert connection.public_id in text
    assert "provider google, mode free_busy" in text
    assert "state active since 20" in text
    assert "second_administrator: unknown, code (left out), since 20" in text
    assert re.search(r"Convoke \d+\.\d+", text)
    assert re.search(r"tenant #[0-9a-f]{10}\n", text)


def test_the_report_is_shown_before_it_is_taken_along(page):
    page.post("connection_check")
    shown = page.client.get(page.url("health_report"))
    taken = page.client.get(page.url("health_report_download"))

    assert taken.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert page.connection.public_id in taken.headers["Content-Disposition"]
    assert len(shown.context["report"].splitlines()) == len(taken.content.decode().splitlines())


def test_two_reports_about_one_tenant_can_be_recognized(page):
    connection = CalendarConnection.objects.get(pk=page.connection.pk)
    twin = CalendarConnection(provider="microsoft", tenant=connection.tenant)
    other = CalendarConnection(provider="microsoft", tenant="another")

    assert tenant_hash(connection) == tenant_hash(twin) != tenant_hash(other)
