"""Giving roles by page: at or below one's own, with a reason and a last day."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from orgunits import grants, roles
from orgunits.access import access_to
from orgunits.members import add_member
from orgunits.models import AuditEvent, AuditReason, RoleGrant
from orgunits.roles import (
    APPLICATION_SUPPORT,
    COORDINATOR,
    DEVELOPER,
    EMPLOYEE,
    ENGINEERING_MANAGER,
    OPS_ADMIN,
)
from tests.orgunits.role_pages import held, roles_page
from tests.people import make_company, make_integrator, make_user, signed_in

pytestmark = pytest.mark.django_db


# --- giving


def test_an_ops_admin_gives_a_role_with_a_reason_and_a_last_day():
    company = make_company()
    emma = company.member(company.emma)
    company.olga.time_zone = "America/New_York"
    company.olga.save()
    day = (timezone.now() + timedelta(days=30)).date()

    answer = signed_in(company.olga).post(
        roles_page(company, emma),
        {"role": "coordinator", "why": "Stands in for Carl", "until": day.isoformat()},
    )

    assert answer.status_code == 302
    grant = emma.role_grants.get(role="coordinator")
    local = grant.until.astimezone(ZoneInfo("America/New_York"))
    assert (local.date(), local.hour) == (day + timedelta(days=1), 0)
    assert (grant.granted_by, grant.why) == (company.olga, "Stands in for Carl")
    event = AuditEvent.objects.get(verb="role.granted", subject=emma.public_id, facts__role="coordinator")
    assert event.actor == company.olga.public_id
    assert "Carl" not in str(event.facts)
    assert AuditReason.objects.get(event=event.public_id).text == "Stands in for Carl"


def test_the_page_shows_each_role_with_who_gave_it_why_and_until_when():
    tools = make_integrator()
    dora, until = tools.member(tools.dora), timezone.now() + timedelta(days=3)
    roles.grant_role(
        dora,
        "developer",
        by=tools.ethan,
        now=timezone.now(),
        application=tools.production,
        why="Release",
        until=until,
    )

    page = signed_in(tools.irma).get(roles_page(tools, dora)).content.decode()

    for words in (
        "on Tools Production (Production)",
        "by Ethan",
        "Release",
        until.strftime("%Y-%m-%dT%H:%M"),
    ):
        assert words in page


def test_a_role_shows_the_day_that_was_entered_and_not_the_midnight_that_follows_it():
    company = make_company()
    company.olga.time_zone = "America/New_York"
    company.olga.save()
    emma, client = company.member(company.emma), signed_in(company.olga)
    year = timezone.now().year + 1

    client.post(roles_page(company, emma), {"role": "coordinator", "until": f"{year}-03-31"})

    page = client.get(roles_page(company, emma)).content.decode()
    assert f">31 Mar {year}</time>" in page
    assert f"1 Apr {year}" not in page


def test_an_engineering_manager_gives_roles_on_applications_and_no_others():
    tools = make_integrator()
    dora, client = tools.member(tools.dora), signed_in(tools.ethan)

    given = client.post(
        roles_page(tools, dora), {"role": "developer", "application": tools.production.public_id}
    )
    refused = client.post(roles_page(tools, dora), {"role": "engineering_manager"})

    assert (given.status_code, refused.status_code) == (302, 422)
    assert held(dora) == ["developer", "developer", "developer", "employee"]
    assert tools.production in {grant.application for grant in dora.role_grants.all()}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"role": "ops_admin"}, "role"),
        ({"role": "emperor"}, "role"),
        ({}, "role"),
        ({"role": "developer"}, "application"),
        ({"role": "developer", "application": "app_" + "0" * 24}, "application"),
        ({"role": "coordinator", "application": "production"}, "application"),
        ({"role": "coordinator", "until": "yesterday"}, "until"),
        ({"role": "coordinator", "until": "2020-01-01"}, "until"),
        ({"role": "coordinator", "until": "9999-12-31"}, "until"),
        ({"role": "coordinator", "why": "x" * 301}, "why"),
    ],
    ids=str,
)
def test_what_cannot_be_given_is_told_at_the_field_and_nothing_is_saved(asked, field):
    tools = make_integrator()
    ethan = tools.member(tools.ethan)
    if asked.get("application") == "production":
        asked = {**asked, "application": tools.production.public_id}

    answer = signed_in(tools.irma).post(roles_page(tools, ethan), asked)

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert held(ethan) == ["engineering_manager"]


def test_an_application_of_another_unit_cannot_be_chosen():
    company, tools = make_company(), make_integrator()
    dora = tools.member(tools.dora)
    theirs = type(tools.staging).objects.create(
        unit=company.unit, name="Theirs", environment="staging", redirect_uris="https://x.example/",
        client_type="confidential", authorization_grant_type="authorization-code",
    )  # fmt: skip

    answer = signed_in(tools.irma).post(
        roles_page(tools, dora), {"role": "developer", "application": theirs.public_id}
    )

    assert answer.status_code == 422
    assert not RoleGrant.objects.filter(application=theirs).exists()


def test_a_customer_unit_without_applications_offers_no_role_of_integrators():
    company = make_company()

    page = signed_in(company.olga).get(roles_page(company, company.member(company.emma)))

    offered = [code for code, _name in page.context["form"].fields["role"].choices]
    assert offered == ["coordinator", "employee"]


@pytest.mark.parametrize("who", ["carl", "emma"])
def test_who_gives_no_roles_is_refused_by_page_and_by_post(who):
    company = make_company()
    emma, client = company.member(company.emma), signed_in(getattr(company, who))

    for answer in (
        client.get(roles_page(company, emma)),
        client.post(roles_page(company, emma), {"role": "coordinator"}),
        client.post(reverse("role_ops_admin", args=[company.unit.slug, emma.public_id])),
        client.post(
            reverse("role_revoke", args=[company.unit.slug, emma.public_id])
            + f"?grant={emma.role_grants.get().public_id}"
        ),
    ):
        assert answer.status_code == 403
    assert held(emma) == ["employee"]


def test_nobody_gives_more_than_they_hold_whatever_they_post():
    tools = make_integrator()
    access, dora = access_to(tools.ethan, tools.unit.slug), tools.member(tools.dora)
    page = reverse("role_ops_admin", args=[tools.unit.slug, dora.public_id])

    assert signed_in(tools.ethan).post(page).status_code == 403
    for role in (OPS_ADMIN, COORDINATOR, EMPLOYEE, ENGINEERING_MANAGER):
        with pytest.raises(roles.AboveOwnRole):
            grants.give(access, dora, role, now=timezone.now())
    for role in (DEVELOPER, APPLICATION_SUPPORT):
        assert grants.give(access, dora, role, now=timezone.now(), application=tools.production)


def test_giving_a_role_again_says_that_it_was_held_already():
    company = make_company()
    carl = company.member(company.carl)

    page = signed_in(company.olga).post(roles_page(company, carl), {"role": "coordinator"}, follow=True)

    assert "Carl was Scheduling Coordinator already." in page.content.decode()
    assert held(carl) == ["coordinator"]


def test_who_gives_no_roles_sees_of_others_neither_applications_nor_reasons():
    tools, now = make_integrator(), timezone.now()
    dora, user = tools.member(tools.dora), make_user("Cora", "cora@tools.example")
    roles.grant_role(dora, "coordinator", by=tools.irma, now=now, why="While Cora is away")
    cora = add_member(tools.unit, user.email, by=tools.irma, now=now, user=user, role="coordinator")

    def seen(user) -> list[tuple]:
        held = grants.held_by(dora, access_to(user, tools.unit.slug))
        return [(one.role.code, one.why) for one in held]

    assert seen(cora.user) == [("coordinator", ""), ("employee", "")]
    assert seen(tools.dora) == seen(tools.irma)
    assert len(seen(tools.irma)) == 4
    assert ("coordinator", "While Cora is away") in seen(tools.irma)


# --- Ops Admin


def test_making_somebody_ops_admin_has_a_page_of_its_own_that_names_what_they_gain():
    company = make_company()
    carl, client = company.member(company.carl), signed_in(company.olga)
    url = reverse("role_ops_admin", args=[company.unit.slug, carl.public_id])

    assert url in client.get(roles_page(company, carl)).content.decode()
    assert "pause, archive and restore the unit" in client.get(url).content.decode()
    assert client.post(url, {"why": "Second one"}).status_code == 302

    assert held(carl) == ["coordinator", "ops_admin"]
    assert url not in client.get(roles_page(company, carl)).content.decode()


@override_settings(REAUTHENTICATION=True)
@pytest.mark.parametrize("method", ["get", "post"])
def test_making_somebody_ops_admin_asks_again_who_one_is(method):
    company = make_company()
    carl, client = company.member(company.carl), signed_in(company.olga)

    answer = getattr(client, method)(reverse("role_ops_admin", args=[company.unit.slug, carl.public_id]))

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert held(carl) == ["coordinator"]


def test_the_only_ops_admin_gets_no_last_day():
    company = make_company()
    olga, day = company.member(company.olga), timezone.now().date() + timedelta(days=5)
    url = reverse("role_ops_admin", args=[company.unit.slug, olga.public_id])

    answer = signed_in(company.olga).post(url, {"until": day.isoformat()})

    assert answer.status_code == 422
    assert "until" in answer.context["form"].errors
    assert olga.role_grants.get().until is None
