"""Giving and taking roles by page: at or below one's own, with an end, and never the last Ops Admin's."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from orgunits import grants, roles
from orgunits.access import access_to, rights_of
from orgunits.members import add_member
from orgunits.models import AuditEvent, AuditReason, Member, RoleGrant
from orgunits.roles import (
    APPLICATION_SUPPORT,
    COORDINATOR,
    DEVELOPER,
    EMPLOYEE,
    ENGINEERING_MANAGER,
    OPS_ADMIN,
)
from tests.builders import make_members
from tests.people import Company, Integrator, make_company, make_integrator, make_user, signed_in

pytestmark = pytest.mark.django_db


def roles_page(where: Company | Integrator, member: Member) -> str:
    return reverse("member_roles", args=[where.unit.slug, member.public_id])


def held(member: Member) -> list[str]:
    return sorted(member.role_grants.values_list("role", flat=True))


def make_ops_admin(where: Company | Integrator, name: str, by) -> Member:
    user = make_user(name, f"{name.lower()}@kube.example")
    return add_member(
        where.unit, user.email, by=by, now=timezone.now(), user=user, given_name=name, role=OPS_ADMIN.code
    )


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


# --- taking


def revoke_url(where: Company | Integrator, member: Member, role: str) -> str:
    grant = member.role_grants.filter(role=role).first()
    return reverse("role_revoke", args=[where.unit.slug, member.public_id]) + f"?grant={grant.public_id}"


def test_taking_a_role_names_what_ends_and_what_stays():
    company = make_company()
    carl, client = company.member(company.carl), signed_in(company.olga)
    roles.grant_role(carl, EMPLOYEE.code, by=company.olga, now=timezone.now())

    page = client.get(revoke_url(company, carl, "coordinator"))

    assert [str(words) for words in page.context["stops"]] == [
        "See members and how their calendars are reached",
        "See connections and their state",
        "Manage scheduling groups and rules",
        "Book on behalf of members",
    ]
    assert "Their other roles: Employee." in page.context["keeps"]


def test_a_role_is_taken_with_a_reason_and_is_gone_on_the_next_request():
    company = make_company()
    carl, his = company.member(company.carl), signed_in(company.carl)
    members = reverse("members", args=[company.unit.slug])
    assert his.get(members).status_code == 200

    answer = signed_in(company.olga).post(revoke_url(company, carl, "coordinator"), {"why": "Moved on"})

    assert answer.headers["Location"] == roles_page(company, carl)
    assert his.get(members).status_code == 403
    event = AuditEvent.objects.get(verb="role.revoked")
    assert (event.subject, event.actor) == (carl.public_id, company.olga.public_id)
    assert AuditReason.objects.get(event=event.public_id).text == "Moved on"


def test_taking_a_role_in_two_tabs_takes_it_once_and_says_so():
    company = make_company()
    carl, client = company.member(company.carl), signed_in(company.olga)
    url = revoke_url(company, carl, "coordinator")

    client.post(url)
    second = client.post(url, follow=True)

    assert "This role has already ended." in second.content.decode()
    assert AuditEvent.objects.filter(verb="role.revoked").count() == 1


def test_the_last_ops_admin_keeps_the_role_by_page():
    company = make_company()
    olga = company.member(company.olga)

    answer = signed_in(company.olga).post(revoke_url(company, olga, "ops_admin"))

    assert answer.status_code == 422
    assert "A unit always keeps one Ops Admin." in answer.content.decode()
    assert held(olga) == ["ops_admin"]


def test_one_of_two_ops_admins_steps_down_and_is_led_to_what_is_still_theirs():
    company = make_company()
    make_ops_admin(company, "Otto", company.olga)
    olga = company.member(company.olga)

    answer = signed_in(company.olga).post(revoke_url(company, olga, "ops_admin"))

    assert answer.headers["Location"] == reverse("unit_home", args=[company.unit.slug])
    assert rights_of(olga) == frozenset()


def test_an_engineering_manager_takes_roles_on_applications_and_no_others():
    tools = make_integrator()
    dora, irma, client = tools.member(tools.dora), tools.member(tools.irma), signed_in(tools.ethan)

    assert client.post(revoke_url(tools, dora, "developer")).status_code == 302
    assert client.post(revoke_url(tools, dora, "employee")).status_code == 403
    assert client.post(revoke_url(tools, irma, "ops_admin")).status_code == 403

    assert held(dora) == ["developer", "employee"]
    assert held(irma) == ["ops_admin"]


def test_a_role_of_another_member_or_unit_is_not_taken_under_this_members_address():
    company, tools = make_company(), make_integrator()
    carl, emma = company.member(company.carl), company.member(company.emma)
    address = reverse("role_revoke", args=[company.unit.slug, carl.public_id])

    for grant in (emma.role_grants.get(), tools.member(tools.ethan).role_grants.get()):
        signed_in(company.olga).post(f"{address}?grant={grant.public_id}")

    assert RoleGrant.objects.count() == 4 + 1 + 6
    assert signed_in(company.olga).post(f"{address}?grant=%00").status_code == 302


# --- the people of an application


def people_page(tools: Integrator, environment: str = "production") -> str:
    return reverse("application_people", args=[tools.unit.slug, getattr(tools, environment).public_id])


def test_somebody_is_searched_for_and_added_to_an_application():
    tools = make_integrator()
    client, url = signed_in(tools.ethan), people_page(tools)
    dora = tools.member(tools.dora)

    found = client.get(url, {"q": "dor"})
    chosen = client.get(url, {"member": dora.public_id})
    added = client.post(url, {"member": dora.public_id, "role": "developer", "why": "Release"})

    assert found.context["found"] == [dora]
    assert f"?member={dora.public_id}" in found.content.decode()
    assert chosen.context["chosen"] == dora
    assert added.status_code == 302
    assert dora.role_grants.get(application=tools.production).why == "Release"
    assert "Dora" in client.get(url).content.decode()


def test_the_people_of_an_application_are_those_who_were_chosen_for_it():
    tools = make_integrator()

    pages = {name: signed_in(tools.irma).get(people_page(tools, name)) for name in ("production", "staging")}

    listed = {
        name: [grant.member.name for grant, _role in page.context["people"]] for name, page in pages.items()
    }
    assert listed == {"production": ["Abel"], "staging": ["Dora"]}


@pytest.mark.parametrize("who", ["dora", "abel"])
def test_who_only_works_on_an_application_chooses_nobody(who):
    tools = make_integrator()
    client, abel = signed_in(getattr(tools, who)), tools.member(tools.abel)
    url = people_page(tools, "staging")

    assert client.get(url).status_code == 403
    assert client.post(url, {"member": abel.public_id, "role": "developer"}).status_code == 403
    assert not abel.role_grants.filter(application=tools.staging).exists()


def test_a_search_shows_a_handful_and_says_that_there_are_more():
    tools = make_integrator()
    make_members(tools.unit, [f"nora{n}@tools.example" for n in range(30)])

    page = signed_in(tools.irma).get(people_page(tools), {"q": "nora"})

    assert page.content.decode().count("@tools.example") < 12
    assert page.context["more"]


@pytest.mark.parametrize("q", ["nobody at all", "%", "'", "\u0000", "x" * 500, "😀"])
def test_a_search_for_nobody_finds_nobody(q):
    tools = make_integrator()

    page = signed_in(tools.irma).get(people_page(tools), {"q": q})

    assert page.status_code == 200
    assert page.context["found"] == []


def test_a_stranger_is_neither_found_nor_added():
    company, tools = make_company(), make_integrator()
    sven, client = company.stranger_unit.members.get(), signed_in(tools.irma)
    url = people_page(tools)

    found = client.get(url, {"q": "sven", "member": sven.public_id})
    added = client.post(url, {"member": sven.public_id, "role": "developer"})

    assert (found.context["found"], found.context["chosen"]) == ([], None)
    assert added.status_code == 422
    assert held(sven) == ["ops_admin"]


def test_nobody_is_added_to_an_archived_application():
    tools = make_integrator()
    tools.production.state = "archived"
    tools.production.save()
    dora = tools.member(tools.dora)

    answer = signed_in(tools.irma).post(people_page(tools), {"member": dora.public_id, "role": "developer"})

    assert answer.status_code == 422
    assert not dora.role_grants.filter(application=tools.production).exists()


# --- roles that end by themselves


def give_until(member: Member, role: str, until, **more) -> RoleGrant:
    return roles.grant_role(member, role, by=None, now=timezone.now(), until=until, **more)


def test_a_role_ends_when_its_time_is_over_and_the_portal_says_that_it_did_it():
    tools = make_integrator()
    dora, now = tools.member(tools.dora), timezone.now()
    give_until(dora, "developer", now + timedelta(hours=1), application=tools.production)
    give_until(dora, "coordinator", now + timedelta(hours=3))

    grants.end_what_is_over(now=now)
    assert "coordinator" in held(dora)
    grants.end_what_is_over(now=now + timedelta(hours=2))
    grants.end_what_is_over(now=now + timedelta(hours=2))

    access = access_to(tools.dora, tools.unit.slug)
    assert access.may("manage_scheduling")
    assert held(dora) == ["coordinator", "developer", "developer", "employee"]
    event = AuditEvent.objects.get(verb="role.revoked")
    assert (event.actor, event.facts["application"]) == ("system", tools.production.public_id)


def test_the_last_ops_admin_keeps_a_role_whose_time_is_over():
    company = make_company()
    now, otto = timezone.now(), make_ops_admin(company, "Otto", company.olga)
    give_until(otto, "ops_admin", now + timedelta(hours=1))
    company.olga.is_active = False  # the installation's staff switched her sign-in off
    company.olga.save()

    for _ in range(2):
        grants.end_what_is_over(now=now + timedelta(hours=2))

    assert rights_of(otto) == frozenset(OPS_ADMIN.rights)
    assert otto.role_grants.get().until is None
    assert AuditEvent.objects.get(verb="role.kept").subject == otto.public_id


def test_an_ops_admin_with_a_last_day_does_not_count_as_another_one():
    company = make_company()
    otto = make_ops_admin(company, "Otto", company.olga)
    give_until(otto, "ops_admin", timezone.now() + timedelta(days=1))

    answer = signed_in(company.olga).post(revoke_url(company, company.member(company.olga), "ops_admin"))

    assert answer.status_code == 422
