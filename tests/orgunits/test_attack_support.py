"""Support's window: no hidden column is read by asking, no odd address stumbles, no sign-in changes unseen."""

from copy import deepcopy

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.sites.models import Site
from django.db import transaction
from django.test import Client
from django.urls import reverse

from orgunits.models import OrganizationalUnit
from orgunits.support_admin import UNIT, Sealed
from tests.people import make_user
from tests.support import let_in, make_staff

pytestmark = pytest.mark.django_db

TABLES = {
    model: site for model, site in admin.site._registry.items() if model is not Site
}  # a name and a host


@pytest.fixture
def house(standing_house, providers, db):
    return deepcopy(standing_house)


def list_of(model) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def status(client: Client, path: str) -> int:
    """The status of one look, whose trace is taken back."""
    client.raise_request_exception = False
    with transaction.atomic():
        answer = client.get(path)
        transaction.set_rollback(True)
    return answer.status_code


def chief_in(unit: OrganizationalUnit) -> Client:
    client = make_staff("Sofia", is_superuser=True)
    let_in(client, unit)
    return client


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model._meta.label)
def test_no_column_is_read_letter_by_letter_through_the_address_of_a_list(house, model):
    client, site = chief_in(house.company.unit), TABLES[model]
    inside = f"{UNIT}={house.company.unit.public_id}&" if isinstance(site, Sealed) else ""
    searched = "q=olga@kube.example&"
    hidden = [field.name for field in model._meta.concrete_fields if field.name not in site.list_filter]

    answers = {
        lookup: status(client, f"{list_of(model)}?{inside}{searched}{lookup}")
        for name in hidden
        for lookup in (f"{name}__startswith=a", f"{name}__regex=[")
    }

    assert set(answers.values()) == {400}, answers


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model._meta.label)
def test_no_odd_filter_and_no_odd_number_makes_support_stumble(house, model):
    client, site = chief_in(house.company.unit), TABLES[model]
    page, unit = list_of(model), house.company.unit.public_id
    asked = [
        f"{page}?{query}" for query in (f"{UNIT}={unit}%00", f"{UNIT}=%00", "q=a%00", "o=99", "id__exact=%00")
    ]
    for name in site.list_filter:
        asked += [f"{page}?{UNIT}={unit}&{name}{how}=%00" for how in ("", "__exact", "__in", "__isnull")]
        asked += [f"{page}?{UNIT}={unit}&{name}__exact=nonsense"]
    for number in ("%00", "a%00b", "9" * 30, "_3F", "x"):
        asked += [f"{page}{number}/{kind}/" for kind in ("change", "history", "delete")]

    assert [path for path in asked if status(client, path) >= 500] == []


def told(house) -> list[tuple]:
    events = house.company.unit.audit_events.filter(verb="support.changed_sign_in").order_by("pk")
    return [(event.subject, event.facts["what"], event.origin) for event in events]


def test_whatever_is_changed_of_a_sign_in_is_told_to_its_units(house):
    client, emma = make_staff("Sofia", is_superuser=True), house.company.emma
    member = house.company.member(emma)
    factor = Authenticator.objects.create(user=emma, type=Authenticator.Type.TOTP, data={"secret": "x"})
    address = EmailAddress.objects.create(user=emma, email=emma.email, verified=True, primary=True)

    client.post(reverse("admin:mfa_authenticator_delete", args=[factor.pk]), {"post": "yes"})
    entered = {"user": emma.pk, "email": "emma@new.example", "verified": "on", "primary": "on"}
    client.post(reverse("admin:account_emailaddress_change", args=[address.pk]), entered)
    person = {"email": emma.email, "first_name": "Emma", "last_name": "", "time_zone": ""}
    client.post(reverse("admin:orgunits_user_change", args=[emma.pk]), person)

    emma.refresh_from_db()
    assert not emma.is_active
    codes = ("authenticator", "emailaddress", "user")
    assert told(house) == [(member.public_id, code, "support") for code in codes]
    house_page = Client()
    house_page.force_login(house.company.olga)
    read = house_page.get(reverse("audit_log", args=[house.company.unit.slug]), {"action": "support"})
    assert "Support changed a sign-in" in read.content.decode()
    stranger = house.company.stranger_unit
    assert not stranger.audit_events.filter(verb="support.changed_sign_in").exists()


def test_support_gives_nobody_a_password_but_staff(house):
    client, emma = make_staff("Sofia", is_superuser=True), house.company.emma
    colleague = make_user("Cleo", "cleo@portal.example", is_staff=True)
    new = {"password1": "of-somebody-else-1", "password2": "of-somebody-else-1", "usable_password": "true"}

    def give(user) -> int:
        page = reverse("admin:auth_user_password_change", args=[user.pk])
        return client.post(page, new).status_code

    assert (give(emma), give(colleague)) == (403, 302)
    emma.refresh_from_db()
    assert emma.check_password("pw-of-a-test-1")
    page = client.get(reverse("admin:orgunits_user_change", args=[emma.pk])).content.decode()
    assert "md5" not in page
    assert emma.email in page
