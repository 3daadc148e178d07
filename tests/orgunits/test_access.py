"""The door of a unit: what it costs, and that nothing outside the unit's own roles opens it."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.urls import reverse
from django.utils import timezone

from orgunits.access import access_to, open_to, units_of
from orgunits.members import add_member
from orgunits.models import Member, UnitGroupPermission
from orgunits.roles import EMPLOYEE
from orgunits.units import create_unit
from tests.builders import make_members
from tests.people import make_company, make_user

pytestmark = pytest.mark.django_db


def test_who_the_viewer_is_and_what_they_may_do_costs_one_query(django_assert_num_queries):
    company = make_company()

    with django_assert_num_queries(1):
        access = access_to(company.olga, company.unit.slug)
        assert access.member.unit.name == "Kube"
        assert access.member.user == company.olga
        assert access.may("manage_connections")


def test_a_stranger_costs_one_query_whether_the_unit_exists_or_not(django_assert_num_queries):
    company = make_company()

    with django_assert_num_queries(2):
        assert access_to(company.sven, company.unit.slug) is None
        assert access_to(company.sven, "no-such-unit") is None


def test_nobody_signed_in_is_none_of_the_members_without_a_sign_in():
    company = make_company()
    make_members(company.unit, ["nora@kube.example"])

    assert access_to(AnonymousUser(), company.unit.slug) is None
    assert units_of(AnonymousUser()) == []


@pytest.mark.parametrize("state", [Member.State.INVITED, Member.State.SUSPENDED, Member.State.REMOVED])
def test_a_member_who_is_not_active_is_a_stranger(state):
    company = make_company()
    Member.objects.filter(user=company.olga).update(state=state)

    assert access_to(company.olga, company.unit.slug) is None
    assert units_of(company.olga) == []


def test_a_superuser_is_a_stranger_to_units(client):
    company = make_company()
    staff = make_user("Sami", "sami@x.example", is_staff=True, is_superuser=True)
    client.force_login(staff)

    assert access_to(staff, company.unit.slug) is None
    assert client.get(reverse("unit_home", args=[company.unit.slug])).status_code == 404


def test_a_right_held_for_all_units_opens_none():
    company = make_company()
    company.emma.user_permissions.add(Permission.objects.get(codename="manage_connections"))
    everywhere = Group.objects.create(name="everywhere")
    everywhere.permissions.add(Permission.objects.get(codename="manage_members"))
    company.emma.groups.add(everywhere)

    access = access_to(company.emma, company.unit.slug)

    assert access.rights == frozenset(EMPLOYEE.rights)


def test_a_right_on_another_unit_is_worth_nothing_here():
    company = make_company()
    theirs = company.stranger_unit.role_groups.get(role="ops_admin").group
    company.emma.groups.add(theirs)

    assert access_to(company.emma, company.unit.slug).rights == frozenset(EMPLOYEE.rights)
    assert access_to(company.emma, company.stranger_unit.slug) is None


def test_one_person_is_different_things_in_two_units():
    company = make_company()
    add_member(
        company.stranger_unit, company.olga.email, by=company.sven, now=timezone.now(), user=company.olga
    )

    here, there = (access_to(company.olga, u.slug) for u in (company.unit, company.stranger_unit))

    assert here.may("manage_connections")
    assert not there.may("manage_connections")
    assert [unit.name for unit in units_of(company.olga)] == ["Kube", "Stranger"]


def test_a_group_without_rights_gives_a_page_that_names_who_has_them(client):
    company = make_company()
    UnitGroupPermission.objects.filter(group__role_group__role=EMPLOYEE.code).delete()
    client.force_login(company.emma)

    answer = client.get(reverse("unit_home", args=[company.unit.slug]))

    assert answer.status_code == 403
    assert "Employee" in answer.content.decode()


def test_a_page_open_to_an_unknown_audience_cannot_be_declared():
    with pytest.raises(ValueError, match="friends"):
        open_to("friends")


@pytest.mark.parametrize(
    ("sample", "debug", "staff", "shown"),
    [
        (False, False, True, False),
        (True, False, False, True),
        (False, True, True, True),
        (False, True, False, False),
    ],
)
def test_the_footer_leads_to_the_gallery_only_where_pages_are_built(
    client, settings, sample, debug, staff, shown
):
    settings.SAMPLE_INSTALLATION, settings.DEBUG = sample, debug
    client.force_login(make_user("Frieda", "frieda@x.example", is_staff=staff))

    assert (reverse("gallery") in client.get(reverse("preferences")).content.decode()) == shown


def test_the_gallery_is_for_the_staff(client):
    client.force_login(make_user("A", "a@x.example"))

    assert client.get(reverse("gallery")).status_code == 403


# --- the way in


def test_who_is_in_one_unit_is_led_to_it(client):
    company = make_company()
    client.force_login(company.emma)

    answer = client.get(reverse("front_door"))

    assert answer.headers["Location"] == reverse("unit_home", args=[company.unit.slug])


def test_who_is_in_several_units_chooses_and_sees_no_others(client):
    company = make_company()
    create_unit("Second", by=company.emma, now=timezone.now())
    client.force_login(company.emma)

    page = client.get(reverse("front_door")).content.decode()

    assert reverse("unit_home", args=["second"]) in page
    assert reverse("unit_home", args=[company.unit.slug]) in page
    assert "Stranger" not in page


def test_who_is_in_no_unit_is_told_so(client):
    client.force_login(make_user("A", "a@x.example"))

    answer = client.get(reverse("front_door"))

    assert answer.status_code == 200
    assert "/ou/" not in answer.content.decode()


def test_an_employee_is_led_from_the_units_home_to_their_own_calendar(client):
    company = make_company()
    client.force_login(company.emma)

    answer = client.get(reverse("unit_home", args=[company.unit.slug]))

    own = company.member(company.emma).public_id
    assert answer.headers["Location"] == reverse("member", args=[company.unit.slug, own])
