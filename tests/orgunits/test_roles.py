"""Roles: what each may do, how it is given and taken, and that a unit never loses its last Ops Admin."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from orgunits import rights, roles
from orgunits.access import access_to, applications_of, rights_of
from orgunits.members import add_member
from orgunits.models import (
    Application,
    AuditEvent,
    Member,
    OrganizationalUnit,
    RoleGrant,
    UnitGroupPermission,
    UnitUserPermission,
)
from orgunits.roles import COORDINATOR, EMPLOYEE, OPS_ADMIN, LastOpsAdmin
from tests.people import make_company, make_integrator, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("who", "role"), [("olga", OPS_ADMIN), ("carl", COORDINATOR), ("emma", EMPLOYEE)], ids=lambda v: str(v)
)
def test_a_member_holds_exactly_the_rights_of_their_role(who, role):
    company = make_company()

    held = rights_of(company.member(getattr(company, who)))

    assert held == frozenset(role.rights)


def test_every_right_is_held_by_some_role_and_the_least_powerful_is_named_first():
    every = Permission.objects.filter(
        content_type__app_label="orgunits", content_type__model="organizationalunit"
    )
    own = set(every.values_list("codename", flat=True)) - {
        f"{verb}_organizationalunit" for verb in ("add", "change", "delete", "view")
    }

    assert own == {right for role in roles.ROLES.values() for right in role.rights}
    assert roles.roles_with("book_for_members") == [COORDINATOR, OPS_ADMIN]
    assert roles.roles_with("see_application") == [roles.ENGINEERING_MANAGER, roles.DEVELOPER, OPS_ADMIN]
    assert roles.roles_with("manage_connections") == [OPS_ADMIN]


def test_rights_are_held_by_the_roles_group_and_by_no_single_person():
    company = make_company()

    assert UnitUserPermission.objects.count() == 0
    assert UnitGroupPermission.objects.filter(content_object=company.unit).count() == sum(
        len(role.rights) for role in roles.ROLES.values()
    )


def test_onboarding_a_person_writes_no_permission_rows():
    company = make_company()
    before = UnitGroupPermission.objects.count()

    user = make_user("Nora", "nora@kube.example")
    add_member(company.unit, user.email, by=company.olga, now=timezone.now(), user=user)

    assert UnitGroupPermission.objects.count() == before


def test_the_last_ops_admin_keeps_the_role():
    company = make_company()
    olga = company.member(company.olga)

    with pytest.raises(LastOpsAdmin):
        roles.revoke_role(olga, OPS_ADMIN.code, by=company.olga, now=timezone.now())

    assert rights_of(olga) == frozenset(OPS_ADMIN.rights)
    assert not AuditEvent.objects.filter(verb="role.revoked").exists()


@pytest.mark.parametrize("why", ["suspended", "without a sign-in", "sign-in switched off"])
def test_an_ops_admin_who_cannot_act_does_not_count_as_another_one(why):
    company = make_company()
    now = timezone.now()
    user = None if why == "without a sign-in" else make_user("Otto", "otto@kube.example")
    otto = add_member(
        company.unit, "otto@kube.example", by=company.olga, now=now, user=user, role=OPS_ADMIN.code
    )
    if why == "suspended":
        Member.objects.filter(pk=otto.pk).update(state=Member.State.SUSPENDED)
    if why == "sign-in switched off":
        user.is_active = False
        user.save()

    with pytest.raises(LastOpsAdmin):
        roles.revoke_role(company.member(company.olga), OPS_ADMIN.code, by=company.olga, now=now)


def test_an_ops_admin_of_another_unit_does_not_count():
    company = make_company()

    with pytest.raises(LastOpsAdmin):
        roles.revoke_role(company.member(company.olga), OPS_ADMIN.code, by=company.olga, now=timezone.now())

    assert roles.other_ops_admins(company.member(company.olga)).count() == 0
    assert company.sven.memberships.get().role_grants.get().role == OPS_ADMIN.code


def test_one_of_two_ops_admins_can_step_down():
    company = make_company()
    now = timezone.now()
    roles.grant_role(company.member(company.carl), OPS_ADMIN.code, by=company.olga, now=now)

    roles.revoke_role(company.member(company.olga), OPS_ADMIN.code, by=company.olga, now=now)

    assert rights_of(company.member(company.olga)) == frozenset()


def test_a_role_given_twice_is_one_grant_and_one_line_in_the_audit_log():
    company = make_company()
    carl, now = company.member(company.carl), timezone.now()

    first = roles.grant_role(carl, OPS_ADMIN.code, by=company.olga, now=now)
    second = roles.grant_role(carl, OPS_ADMIN.code, by=company.olga, now=now)

    assert first == second
    assert RoleGrant.objects.filter(member=carl, role=OPS_ADMIN.code).count() == 1
    told = AuditEvent.objects.filter(verb="role.granted", subject=carl.public_id, facts__role=OPS_ADMIN.code)
    assert told.count() == 1


def test_taking_a_role_that_was_not_held_changes_and_tells_nothing():
    company = make_company()
    emma = company.member(company.emma)

    roles.revoke_role(emma, COORDINATOR.code, by=company.olga, now=timezone.now())

    assert rights_of(emma) == frozenset(EMPLOYEE.rights)
    assert not AuditEvent.objects.filter(verb="role.revoked").exists()


def test_an_unknown_role_cannot_be_given():
    company = make_company()

    with pytest.raises(KeyError):
        roles.grant_role(company.member(company.emma), "emperor", by=company.olga, now=timezone.now())


def test_a_role_taken_away_is_gone_on_the_next_request(client):
    company = make_company()
    client.force_login(company.carl)
    url = reverse("members_export", args=[company.unit.slug])
    assert client.get(url).status_code == 200

    roles.revoke_role(company.member(company.carl), COORDINATOR.code, by=company.olga, now=timezone.now())

    assert client.get(url).status_code == 403


def test_a_suspended_member_is_a_stranger_on_the_next_request(client):
    company = make_company()
    client.force_login(company.carl)
    url = reverse("members_export", args=[company.unit.slug])

    Member.objects.filter(user=company.carl).update(state=Member.State.SUSPENDED)

    assert client.get(url).status_code == 404


def test_applying_the_grants_of_a_suspended_member_takes_them_out_of_every_group_of_the_unit():
    company = make_company()
    carl = company.member(company.carl)
    carl.state = Member.State.SUSPENDED
    carl.save()

    roles.apply_grants(carl)

    assert company.carl.groups.count() == 0


def test_applying_grants_leaves_groups_of_other_units_and_of_staff_alone():
    company = make_company()
    now = timezone.now()
    staff = Group.objects.create(name="support readers")
    company.carl.groups.add(staff)
    there = add_member(company.stranger_unit, company.carl.email, by=company.sven, now=now, user=company.carl)

    roles.revoke_role(company.unit.members.get(user=company.carl), COORDINATOR.code, by=None, now=now)

    assert rights_of(there) == frozenset(EMPLOYEE.rights)
    assert staff in company.carl.groups.all()


def test_a_right_added_by_hand_is_removed_by_the_table_and_a_lost_one_comes_back():
    company = make_company()
    group = company.unit.role_groups.get(role=EMPLOYEE.code).group
    rows = UnitGroupPermission.objects.filter(content_object=company.unit, group=group)
    rows.delete()
    extra = Permission.objects.get(codename="manage_connections")
    UnitGroupPermission.objects.create(content_object=company.unit, group=group, permission=extra)

    roles.sync_unit_groups(company.unit)
    roles.sync_unit_groups(company.unit)

    assert sorted(rows.values_list("permission__codename", flat=True)) == sorted(EMPLOYEE.rights)


# --- roles on single applications


def test_an_integrators_people_hold_what_the_table_says_on_the_applications_they_are_chosen_for():
    tools = make_integrator()

    access = {name: access_to(getattr(tools, name), tools.unit.slug) for name in ("ethan", "dora", "abel")}
    seen = {name: {app.environment for app in applications_of(held)} for name, held in access.items()}

    assert seen == {
        "ethan": {"production", "staging", "development"},
        "dora": {"staging", "development"},
        "abel": {"production"},
    }
    assert access["ethan"].rights == frozenset(roles.ENGINEERING_MANAGER.rights)
    assert access["dora"].rights == access["abel"].rights == frozenset(EMPLOYEE.rights)


# --- the page of roles


def test_rights_have_the_words_that_their_models_give_them():
    on_unit = dict(OrganizationalUnit._meta.permissions)
    on_application = dict(Application._meta.permissions)

    assert {right: str(words) for right, words in rights.ON_UNIT.items()} == on_unit
    assert {right: str(words) for right, words in rights.ON_APPLICATION.items()} == on_application
    assert set(roles.UNIT_RIGHT_FOR) == set(on_application)


@pytest.mark.parametrize("who", ["olga", "carl", "emma"])
def test_everybody_in_the_unit_reads_what_each_role_may_do(client, who):
    company = make_company()
    client.force_login(getattr(company, who))

    answer = client.get(reverse("roles", args=[company.unit.slug]))

    page = answer.content.decode()
    assert answer.status_code == 200
    for role in roles.ROLES.values():
        assert str(role.name) in page
        assert escape(str(role.sentence)) in page
    assert [row["role"].code for row in answer.context["roles"] if row["held"]] == [
        company.member(getattr(company, who)).role_grants.get().role
    ]


def test_the_page_of_roles_says_what_the_table_says(client):
    tools = make_integrator()
    client.force_login(tools.dora)

    parts = client.get(reverse("roles", args=[tools.unit.slug])).context["parts"]

    told = {
        str(words): {role.code: value for role, value in cells}
        for _part, lines in parts
        for words, cells in lines
    }
    for right, words in rights.ON_UNIT.items():
        assert told[str(words)] == {role.code: right in role.rights for role in roles.ROLES.values()}
    assert told[str(rights.ON_APPLICATION["rotate_secret"])] == {
        "ops_admin": "All",
        "coordinator": False,
        "employee": False,
        "engineering_manager": "All",
        "developer": "Chosen ones",
        "application_support": False,
    }
