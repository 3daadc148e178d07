"""How roles end: taken away by page or by themselves, and never the last Ops Admin's."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orgunits import grants, roles
from orgunits.access import access_to, rights_of
from orgunits.members import add_member
from orgunits.models import AuditEvent, AuditReason, Member, RoleGrant
from orgunits.roles import EMPLOYEE, OPS_ADMIN
from tests.orgunits.role_pages import held, roles_page
from tests.people import Company, Integrator, make_company, make_integrator, make_user, signed_in

pytestmark = pytest.mark.django_db


def make_ops_admin(where: Company | Integrator, name: str, by) -> Member:
    user = make_user(name, f"{name.lower()}@kube.example")
    return add_member(
        where.unit, user.email, by=by, now=timezone.now(), user=user, given_name=name, role=OPS_ADMIN.code
    )


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
