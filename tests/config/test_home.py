"""Where people land: what a unit is mostly for comes first, and everybody sees what is theirs."""

import pytest
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone

from orgunits import members, units
from orgunits.models import Application
from tests.people import make_application, make_company, make_integrator, signed_in

pytestmark = pytest.mark.django_db


def page_of(user, name: str, unit) -> str:
    answer = signed_in(user).get(reverse(name, args=[unit.slug]))
    assert answer.status_code == 200
    return answer.content.decode()


def menu_of(user, unit) -> list[str]:
    answer = signed_in(user).get(reverse("unit_home", args=[unit.slug]), follow=True)
    return [entry["label"] for entry in answer.context["unit_menu"]]


def order_of(page: str, *words: str) -> list[str]:
    return sorted(words, key=page.index)


# --- home by shape ------------------------------------------------------------------------------------------------
def test_an_integrators_home_shows_applications_first_and_the_set_up_second():
    tools = make_integrator()

    page = page_of(tools.irma, "unit_home", tools.unit)

    assert order_of(page, 'id="set-up"', 'id="applications"') == ['id="applications"', 'id="set-up"']
    assert "Tools Production" in page


def test_an_integrator_without_applications_is_led_to_the_first_one():
    tools = make_integrator()
    Application.objects.update(state="archived")

    page = page_of(tools.irma, "unit_home", tools.unit)

    assert "No application yet" in page
    assert reverse("application_new", args=[tools.unit.slug]) in page


def test_a_customers_home_shows_the_set_up_and_applications_only_when_there_are_some():
    company = make_company()
    assert 'id="applications"' not in page_of(company.olga, "unit_home", company.unit)

    make_application(company.unit, "staging")

    page = page_of(company.olga, "unit_home", company.unit)
    assert order_of(page, 'id="set-up"', 'id="applications"') == ['id="set-up"', 'id="applications"']


def test_an_engineering_manager_sees_applications_and_nothing_of_calendars():
    tools = make_integrator()

    page = page_of(tools.ethan, "unit_home", tools.unit)

    assert "Tools Production" in page
    assert 'id="set-up"' not in page


def test_developers_and_support_land_on_the_applications_they_were_chosen_for():
    tools = make_integrator()

    for user in (tools.dora, tools.abel):
        answer = signed_in(user).get(reverse("unit_home", args=[tools.unit.slug]))
        assert answer.headers["Location"] == reverse("applications", args=[tools.unit.slug])


def test_an_employee_lands_on_their_own_page():
    company = make_company()
    own = company.member(company.emma).public_id

    answer = signed_in(company.emma).get(reverse("unit_home", args=[company.unit.slug]))

    assert answer.headers["Location"] == reverse("member", args=[company.unit.slug, own])


# --- the menu -----------------------------------------------------------------------------------------------------
def test_the_menu_begins_with_what_the_unit_is_mostly_for():
    company, tools = make_company(), make_integrator()

    assert menu_of(company.olga, company.unit)[:4] == ["Home", "Connections", "Health", "Applications"]
    assert menu_of(tools.irma, tools.unit)[:4] == ["Home", "Applications", "Connections", "Health"]


def test_the_menu_holds_only_what_opens():
    company, tools = make_company(), make_integrator()

    for user, unit in (
        (company.olga, company.unit),
        (company.carl, company.unit),
        (company.emma, company.unit),
        (tools.ethan, tools.unit),
        (tools.dora, tools.unit),
    ):
        client = signed_in(user)
        answer = client.get(reverse("preferences"))
        answer = client.get(reverse("unit_home", args=[unit.slug]), follow=True)
        for entry in answer.context["unit_menu"]:
            assert client.get(entry["url"], follow=True).status_code == 200, (user, entry["label"])


def test_integrations_stand_in_the_menu_of_those_they_concern():
    company, tools = make_company(), make_integrator()

    assert "Integrations" in menu_of(company.carl, company.unit)
    assert "Integrations" in menu_of(tools.dora, tools.unit)
    assert "Integrations" not in menu_of(company.emma, company.unit)


# --- several units ------------------------------------------------------------------------------------------------
def test_who_belongs_to_several_units_switches_in_the_header_and_the_address_says_where_one_is():
    company, tools = make_company(), make_integrator()
    members.add_member(tools.unit, company.carl.email, by=tools.irma, now=timezone.now(), user=company.carl)
    client = signed_in(company.carl)

    answer = client.get(reverse("connections", args=[company.unit.slug]))

    choices = [(choice["name"], choice["url"], choice["current"]) for choice in answer.context["units"]]
    assert choices == [("Kube", "/ou/kube/", True), ("Tools Integrator", "/ou/tools-integrator/", False)]
    assert "Stranger" not in answer.content.decode()


def test_with_several_units_one_chooses_and_sees_which_of_them_rest():
    company, tools = make_company(), make_integrator()
    members.add_member(tools.unit, company.carl.email, by=tools.irma, now=timezone.now(), user=company.carl)
    units.pause_unit(company.unit, by=company.olga, now=timezone.now())
    units.archive_unit(tools.unit, by=tools.irma, now=timezone.now())

    page = signed_in(company.carl).get(reverse("front_door")).content.decode()

    assert "/ou/kube/" in page
    assert "/ou/tools-integrator/" in page
    assert page.index("Paused") < page.index("Archived")


# --- the icon -----------------------------------------------------------------------------------------------------
def test_browsers_find_the_icon_where_they_look_for_it_by_themselves(client):
    answer = client.get("/favicon.ico")

    assert (answer.status_code, answer.headers["Location"]) == (302, static("img/favicon.svg"))
