"""The sample installation: a real organization, ready to sign in to, built once."""

import io
from collections import Counter

import pytest
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from connections.models import Mailbox
from connections.sandbox import people as sandbox
from orgunits.access import access_to, applications_of
from orgunits.models import AuditEvent, Member, OrganizationalUnit, RoleGrant, User
from orgunits.roles import DEVELOPER
from provisioning import sample, sample_kube, sample_lumen, sample_relay

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider_process")]


def build() -> OrganizationalUnit:
    assert sample.build(now=timezone.now())
    return unit_named(sample_kube.UNIT_NAME)


def unit_named(name: str) -> OrganizationalUnit:
    return OrganizationalUnit.objects.get(name=name)


def user_of(person) -> User:
    return User.objects.get(email=person.email)


def test_everybody_of_the_directory_is_a_member_of_one_unit():
    unit = build()

    hosts = Counter(unit.members.active().values_list("mail_domain", flat=True))
    assert hosts == {"kube.example": 1260, "sigs.example": 217, "etcd.example": 12}
    assert unit.members.count() == 1489
    assert RoleGrant.objects.filter(unit=unit).count() == 1489
    assert Mailbox.objects.filter(unit=unit, state=Mailbox.State.NOT_SERVED).count() == 1489


def test_members_are_as_a_save_would_have_made_them():
    unit = build()

    for member in unit.members.order_by("?")[:25]:
        before = (member.email, member.mail_domain, member.sort_key)
        member.set_derived()
        assert (member.email, member.mail_domain, member.sort_key) == before


def test_building_again_changes_nothing():
    build()
    models = (OrganizationalUnit, User, Member, RoleGrant, Mailbox, AuditEvent)
    before = [model.objects.count() for model in models]

    assert not sample.build(now=timezone.now())

    assert [model.objects.count() for model in models] == before


def test_everybody_shown_on_the_sign_in_page_can_sign_in():
    build()

    with override_settings(SAMPLE_INSTALLATION=True):
        shown = sample.sign_ins()
        page = Client().get(reverse("account_login")).content.decode()
        for person in shown:
            client = Client()
            client.post(reverse("account_login"), {"login": person.email, "password": person.password})
            assert int(client.session["_auth_user_id"]) == user_of(person).pk
            assert person.email in page

    assert len(shown) == len(sample.cast()) == 17


def test_the_roles_are_those_that_are_shown():
    unit = build()
    other = unit_named(sample_kube.OTHER_UNIT_NAME)

    here = {person.role: user_of(person) for person in sample.sign_ins() if person.unit == unit.name}

    assert access_to(here["Ops Admin"], unit.slug).may("manage_connections")
    assert access_to(here["Scheduling Coordinator"], unit.slug).may("see_members")
    assert not access_to(here["Scheduling Coordinator"], unit.slug).may("manage_connections")
    assert not access_to(here["Employee, sigs.example"], unit.slug).may("see_members")
    support = User.objects.get(email=sample.SUPPORT_ADDRESS)
    assert support.is_staff
    assert access_to(support, unit.slug) is None
    assert access_to(user_of(sample_kube.cast_elsewhere()[0]), other.slug).may("manage_connections")


def test_the_stranger_works_at_the_same_company_and_still_has_no_sign_in_to_its_unit():
    unit = build()
    stranger = user_of(sample_kube.cast_elsewhere()[0])

    assert stranger.email.endswith("@kube.example")
    assert access_to(stranger, unit.slug) is None
    assert unit.members.get(email=stranger.email).user is None


def test_one_company_has_two_units_and_somebody_with_a_role_in_each():
    build()
    sales, support = unit_named(sample_lumen.SALES), unit_named(sample_lumen.SUPPORT)

    ines, rania = user_of(sample_lumen.ADMINISTRATOR), user_of(sample_lumen.SUPPORT_PEOPLE[0])

    assert (sales.members.count(), support.members.count()) == (7, 6)
    assert access_to(ines, sales.slug).may("manage_connections")
    assert access_to(ines, support.slug).may("manage_scheduling")
    assert not access_to(ines, support.slug).may("manage_connections")
    assert access_to(rania, sales.slug) is None
    assert not sales.connections.calendars().exists()


def test_the_people_of_the_two_units_are_those_of_the_sandboxs_tenant():
    build()

    there = [one for one in sandbox.people() if one.domain == sample_lumen.HOST]

    fields = ("given_name", "family_name", "email", "department", "time_zone")
    known, ours = (
        [tuple(getattr(one, name) for name in fields) for one in people]
        for people in (there, sample_lumen.EVERYBODY)
    )
    assert known == ours


def test_the_integrators_people_see_the_applications_they_are_shown_with():
    build()
    unit = unit_named(sample_relay.UNIT_NAME)

    def seen(person) -> set[str]:
        access = access_to(user_of(person), unit.slug)
        return {application.environment for application in applications_of(access)}

    assert unit.shape == "integrator"
    assert (
        seen(sample_relay.OPS_ADMIN)
        == seen(sample_relay.ENGINEERING_MANAGER)
        == set(sample_relay.ENVIRONMENTS)
    )
    for person, _role, chosen in sample_relay.CHOSEN:
        assert seen(person) == set(chosen)
    developer = next(person for person, role, _chosen in sample_relay.CHOSEN if role == DEVELOPER)
    assert not access_to(user_of(developer), unit.slug).may("see_members")


def test_the_sign_in_page_lists_people_under_their_units(client):
    build()

    with override_settings(SAMPLE_INSTALLATION=True):
        page = client.get(reverse("account_login")).content.decode()

    places = [page.index(f"<h3>{unit}</h3>") for unit in dict.fromkeys(part.unit for part in sample.cast())]
    assert places == sorted(places)
    for part in sample.cast():
        assert part.email in page


def test_the_unit_has_a_google_key_of_its_own_and_the_other_unit_has_none():
    unit = build()

    assert unit.credentials.get().provider == "google"
    assert unit_named(sample_kube.OTHER_UNIT_NAME).credentials.count() == 0


def test_a_portal_in_use_is_left_alone():
    OrganizationalUnit.objects.create(name="Real", slug="real")

    assert not sample.build(now=timezone.now())
    assert User.objects.count() == 0


def test_outside_a_sample_installation_the_command_refuses():
    with pytest.raises(CommandError, match="SAMPLE_INSTALLATION"):
        call_command("sample_installation")

    assert OrganizationalUnit.objects.count() == 0


def test_the_command_says_whom_to_sign_in_as():
    said = io.StringIO()

    with override_settings(SAMPLE_INSTALLATION=True):
        call_command("sample_installation", stdout=said)

    for person in sample.sign_ins():
        assert person.email in said.getvalue()


def test_the_sign_in_page_of_a_real_installation_names_nobody(client):
    build()

    page = client.get(reverse("account_login")).content.decode()

    assert sample.PASSWORD not in page
    assert "kube.example" not in page
