"""Ops Admins, Coordinators and staff see nothing before they have a second factor."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from orgunits import roles
from tests.people import make_company, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demanded")]


@pytest.fixture
def demanded():
    with override_settings(MFA_REQUIRED=True):
        yield


def give_second_factor(user) -> None:
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "x"})


@pytest.mark.parametrize("who", ["olga", "carl"])
@pytest.mark.parametrize("name", ["unit_home", "members", "members_export", "connections"])
def test_a_demanding_role_is_led_to_set_one_up(client, who, name):
    company = make_company()
    client.force_login(getattr(company, who))

    answer = client.get(reverse(name, args=[company.unit.slug]))

    assert (answer.status_code, answer.headers["Location"]) == (302, reverse("mfa_index"))


@pytest.mark.parametrize("path", ["/admin/", "/", "/units/new/", "/preferences/"])
def test_staff_without_one_are_led_there_too(client, path):
    client.force_login(make_user("Sami", "sami@x.example", is_staff=True, is_superuser=True))

    assert client.get(path).headers["Location"] == reverse("mfa_index")


@pytest.mark.parametrize("who", ["emma", "another staff person"])
def test_the_admin_has_no_second_door_where_a_password_is_enough(client, who):
    company = make_company()
    staff, other = (
        make_user(name, f"{name}@x.example", is_staff=True, is_superuser=True) for name in ("Sami", "Sofia")
    )
    give_second_factor(staff)
    give_second_factor(other)
    here = company.emma if who == "emma" else other
    client.force_login(here)

    client.get("/admin/login/")
    client.post("/admin/login/?next=/admin/", {"username": staff.email, "password": "pw-of-a-test-1"})

    assert client.session["_auth_user_id"] == str(here.pk)
    assert (client.get("/admin/").status_code == 200) == (who != "emma")


def test_nothing_can_be_posted_without_one(client):
    company = make_company()
    client.force_login(company.olga)

    answer = client.post(reverse("connect_check", args=[company.unit.slug, "none", "no_access"]))

    assert answer.headers["Location"] == reverse("mfa_index")
    assert company.unit.connections.calendars().count() == 0


def test_the_page_that_sets_one_up_can_be_reached(client):
    company = make_company()
    client.force_login(company.olga)

    answer = client.get(reverse("mfa_index"))

    assert answer.status_code in {200, 302}
    assert answer.headers.get("Location", "") != reverse("mfa_index")


def test_who_set_one_up_is_led_on_to_where_they_were_going(client):
    company = make_company()
    client.force_login(company.olga)
    wanted = reverse("connections", args=[company.unit.slug]) + "?sort=name"
    client.get(wanted)
    client.post(reverse("connection", args=[company.unit.slug, "con_x"]))  # no page to come back to
    give_second_factor(company.olga)
    RecoveryCodes.activate(company.olga)

    pages = [client.get(reverse(name)).content.decode() for name in ("mfa_view_recovery_codes", "mfa_index")]

    assert [f'href="{wanted}"' in page for page in pages] == [True, True]
    client.get(wanted)
    later = client.get(reverse("mfa_view_recovery_codes")).content.decode()
    assert wanted not in later
    assert "Continue" in later


def test_an_address_elsewhere_is_never_where_they_were_going(client):
    client.force_login(make_company().olga)

    for path in ("//elsewhere.example/", "/?next=https://elsewhere.example/"):
        client.get(path)
        assert client.session.get("going_to", "/")[:2] not in {"//", "ht"}


def test_an_employee_needs_none(client):
    company = make_company()
    client.force_login(company.emma)

    answer = client.get(reverse("unit_home", args=[company.unit.slug]))

    assert answer.headers["Location"].startswith(reverse("members", args=[company.unit.slug]))


def test_a_person_with_one_comes_in(client):
    company = make_company()
    give_second_factor(company.olga)
    client.force_login(company.olga)

    assert client.get(reverse("members_export", args=[company.unit.slug])).status_code == 200


def test_who_gets_a_demanding_role_is_asked_on_the_next_request(client):
    company = make_company()
    client.force_login(company.emma)
    assert client.get(reverse("preferences")).status_code == 200

    roles.grant_role(
        company.member(company.emma), roles.COORDINATOR.code, by=company.olga, now=timezone.now()
    )

    assert client.get(reverse("preferences")).headers["Location"] == reverse("mfa_index")


def test_another_sign_in_in_the_same_browser_does_not_inherit_it(client):
    company = make_company()
    give_second_factor(company.olga)
    client.force_login(company.olga)
    client.get(reverse("members_export", args=[company.unit.slug]))

    client.force_login(company.carl)

    answer = client.get(reverse("members_export", args=[company.unit.slug]))
    assert answer.headers["Location"] == reverse("mfa_index")


def test_removing_the_second_factor_closes_the_door_again(client):
    company = make_company()
    give_second_factor(company.olga)
    client.force_login(company.olga)
    url = reverse("members_export", args=[company.unit.slug])
    assert client.get(url).status_code == 200

    Authenticator.objects.filter(user=company.olga).delete()

    assert client.get(url).headers["Location"] == reverse("mfa_index")


def test_visitors_load_balancers_and_the_sign_in_page_are_not_asked(client):
    assert client.get(reverse("live")).status_code == 200
    assert client.get(reverse("account_login")).status_code == 200


def test_an_address_that_only_begins_like_an_open_one_is_not_open(client):
    company = make_company()
    company.unit.slug = "live"
    company.unit.save()
    client.force_login(company.olga)

    assert client.get("/ou/live/").headers["Location"] == reverse("mfa_index")


@override_settings(MFA_REQUIRED=False)
def test_the_operator_can_switch_it_off(client):
    company = make_company()
    client.force_login(company.olga)

    assert client.get(reverse("members_export", args=[company.unit.slug])).status_code == 200
