"""The sample installation: a real organization, ready to sign in to, built once."""

import io
from collections import Counter

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from connections.models import Mailbox
from orgunits.access import access_to
from orgunits.models import AuditEvent, Member, OrganizationalUnit, RoleGrant, User
from provisioning import sample

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider_process")]


def build() -> OrganizationalUnit:
    assert sample.build(now=timezone.now())
    return OrganizationalUnit.objects.get(name=sample.UNIT_NAME)


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


@pytest.mark.parametrize("number", range(7))
def test_everybody_shown_on_the_sign_in_page_can_sign_in(client, number):
    build()

    with override_settings(SAMPLE_INSTALLATION=True):
        person = sample.sign_ins()[number]
        page = client.get(reverse("account_login")).content.decode()
        client.post(reverse("account_login"), {"login": person.email, "password": person.password})

    assert person.email in page
    assert int(client.session["_auth_user_id"]) == User.objects.get(email=person.email).pk


def test_the_roles_are_those_that_are_shown():
    unit = build()
    other = OrganizationalUnit.objects.get(name=sample.OTHER_UNIT_NAME)

    people = {person.role: User.objects.get(email=person.email) for person in sample.sign_ins()}

    assert access_to(people["Ops Admin"], unit.slug).may("manage_connections")
    assert access_to(people["Scheduling Coordinator"], unit.slug).may("see_members")
    assert not access_to(people["Scheduling Coordinator"], unit.slug).may("manage_connections")
    assert not access_to(people["Employee"], unit.slug).may("see_members")
    assert people["Support staff (Django admin)"].is_staff
    assert access_to(people["Support staff (Django admin)"], unit.slug) is None
    assert access_to(people["Ops Admin of another unit"], other.slug).may("manage_connections")


def test_the_stranger_works_at_the_same_company_and_still_has_no_sign_in_to_its_unit():
    unit = build()
    stranger = User.objects.get(email=sample.sign_ins()[-1].email)

    assert stranger.email.endswith("@kube.example")
    assert access_to(stranger, unit.slug) is None
    assert unit.members.get(email=stranger.email).user is None


def test_the_unit_has_a_google_key_of_its_own_and_the_other_unit_has_none():
    unit = build()

    assert unit.credentials.get().provider == "google"
    assert OrganizationalUnit.objects.get(name=sample.OTHER_UNIT_NAME).credentials.count() == 0


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
