"""The page of everything a unit is connected with: to each viewer their part, with state and who can mend it."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections
from connections.models import CalendarConnection
from orgunits.models import Application
from tests.people import make_application, make_company, make_integrator

pytestmark = pytest.mark.django_db


def page_of(user, unit) -> str:
    client = Client()
    client.force_login(user)
    answer = client.get(reverse("integrations", args=[unit.slug]))
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def company():
    company = make_company()
    google = calendar_connections.create_connection(
        company.unit, "google", "free_busy", by=company.olga, now=timezone.now()
    )
    CalendarConnection.objects.filter(pk=google.pk).update(
        state="needs_reauthorization", state_reason="revoked", tenant="kube.example"
    )
    return company


def test_each_connection_stands_there_with_its_state_and_who_can_mend_it(company):
    for user in (company.olga, company.carl):
        page = page_of(user, company.unit)

        assert "Google Workspace, Free/Busy" in page
        assert "Needs reauthorization" in page
        assert "The provider no longer accepts our authorization." in page
        assert "Who can do that: an administrator of the Google or Microsoft tenant." in page


def test_a_disconnected_one_is_no_integration_any_more(company):
    calendar_connections.disconnect(
        company.unit.connections.calendars().get(), by=company.olga, now=timezone.now()
    )

    assert "No calendar service is connected" in page_of(company.olga, company.unit)


def test_the_units_own_applications_stand_beside_and_say_who_approves_them(company):
    make_application(company.unit, "staging")
    approved = make_application(company.unit, "production")
    Application.objects.filter(pk=approved.pk).update(approved_at=timezone.now())

    page = page_of(company.olga, company.unit)

    assert page.count("Development mode") == 1
    assert "Who can do that: the staff of this installation." in page
    assert "Approved" in page


def test_developers_and_support_see_the_applications_they_were_chosen_for_and_no_calendars():
    tools = make_integrator()
    calendar_connections.create_connection(
        tools.unit, "google", "free_busy", by=tools.irma, now=timezone.now()
    )

    seen = {
        user.first_name: [
            name for name in ("Production", "Staging", "Development") if f"Tools {name}" in page
        ]
        for user in (tools.irma, tools.ethan, tools.dora, tools.abel)
        for page in [page_of(user, tools.unit)]
    }

    assert seen == {
        "Irma": ["Production", "Staging", "Development"],
        "Ethan": ["Production", "Staging", "Development"],
        "Dora": ["Staging", "Development"],
        "Abel": ["Production"],
    }
    assert "Google" in page_of(tools.irma, tools.unit)
    assert all("Google" not in page_of(user, tools.unit) for user in (tools.ethan, tools.dora, tools.abel))


def test_an_employee_is_told_who_sees_integrations_and_sees_none(company):
    make_application(company.unit, "staging")

    page = page_of(company.emma, company.unit)

    assert "Your role sees no integrations" in page
    assert "Google" not in page
    assert "Tools Staging" not in page


def test_what_is_not_there_yet_is_said_and_not_offered(company):
    page = page_of(company.olga, company.unit)

    assert "Conferencing, and applications of others" in page


def test_the_page_costs_the_same_however_much_is_connected(company, django_assert_max_num_queries):
    for _number in range(5):
        calendar_connections.create_connection(
            company.unit, "microsoft", "read_write", by=company.olga, now=timezone.now()
        )
        make_application(company.unit, "staging")
    client = Client()
    client.force_login(company.olga)
    client.get(reverse("preferences"))

    with django_assert_max_num_queries(10):
        client.get(reverse("integrations", args=[company.unit.slug]))
