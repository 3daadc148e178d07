"""Support's window shows no secret, and nothing done there goes around the portal's own verbs."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import hand_offs
from connections.attempts import Purpose, Traveller
from connections.authorization import begin
from connections.sealing import SealedTextField
from orgunits.models import OrganizationalUnit
from orgunits.support_admin import UNIT, ReadOnly, Sealed
from tests.connecting import own_google_key
from tests.guards.routes import build_house
from tests.people import make_company, make_user
from tests.support import let_in, make_staff

OURS = {"config", "orgunits", "connections", "scheduling", "provisioning"}
REGISTERED = {model._meta.label: site for model, site in admin.site._registry.items()}

# Tables that staff may change, and why. Everything else is only looked at.
CHANGED_BY_STAFF = {
    "orgunits.User": "staff make staff and switch sign-ins off",
    "account.EmailAddress": "a sign-in whose address has to be corrected",
    "sites.Site": "allauth asks for it; it names nothing here",
    "socialaccount.SocialAccount": "a link to a lost Google or Microsoft account is taken away",
}


@pytest.mark.parametrize("label", REGISTERED)
def test_a_table_is_only_looked_at_unless_it_is_listed(label):
    assert isinstance(REGISTERED[label], ReadOnly) or label in CHANGED_BY_STAFF


def test_no_exception_is_stale():
    for label in CHANGED_BY_STAFF:
        assert not isinstance(REGISTERED[label], ReadOnly), label


def test_no_timetable_is_written_there_since_it_names_code_to_run():
    assert not {"django_q.Schedule", "django_q.OrmQ"} & set(REGISTERED)


def test_of_the_jobs_only_failed_ones_are_shown_since_no_others_are_kept():
    assert settings.Q_CLUSTER["save_limit"] == -1
    assert [label for label in REGISTERED if label.startswith("django_q.")] == ["django_q.Failure"]


@pytest.mark.django_db
def test_who_is_no_staff_is_told_so_and_a_visitor_is_asked_to_sign_in_like_everybody(client):
    visitor = client.get("/admin/", follow=True)
    client.force_login(make_company().olga)
    person = client.get("/admin/", follow=True)

    assert visitor.redirect_chain[-1][0].split("?")[0] == reverse("account_login")
    assert person.status_code == 403
    assert "for the staff of this installation" in person.content.decode()


def test_no_table_of_keys_and_tokens_is_shown():
    assert not {"socialaccount.SocialApp", "socialaccount.SocialToken"} & set(REGISTERED)
    for model in admin.site._registry:
        sealed = [field.name for field in model._meta.concrete_fields if isinstance(field, SealedTextField)]
        shown = admin.site._registry[model].fields or [field.name for field in model._meta.fields]
        assert not set(sealed) & set(shown), model


def test_no_table_holds_an_act_on_many_rows_at_once():
    for model, site in admin.site._registry.items():
        if model._meta.app_label in OURS:
            assert not site.has_delete_permission(None), model


@pytest.mark.django_db
def test_no_page_shows_a_secret(providers):
    company = make_company()
    house = build_house(company)
    own_google_key(company.unit, providers, by=company.olga)
    now = timezone.now()
    hand_off, token = hand_offs.create_link(house.own.google, by=company.olga, now=now)
    begin(house.own.google, purpose=Purpose.SIGN_IN, traveller=Traveller("key", user=company.olga), now=now)
    attempt = house.own.google.attempts.get()
    Authenticator.objects.create(
        user=company.olga, type=Authenticator.Type.TOTP, data={"secret": "seed-of-a-second-factor"}
    )
    secrets = [
        token,
        hand_off.token_hash,
        attempt.state_hash,
        attempt.code_verifier,
        attempt.nonce,
        attempt.session_hash,
        "PRIVATE KEY",
        "seed-of-a-second-factor",
        company.olga.password.split("$")[-1],
    ]
    client = make_staff(is_superuser=True)
    for unit in (company.unit, company.stranger_unit):
        let_in(client, unit)
    seen = 0

    for model, site in admin.site._registry.items():
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        sealed = isinstance(site, Sealed) and model is not OrganizationalUnit
        pages = [reverse(f"{base}_changelist") + f"?{UNIT}={company.unit.public_id}" * sealed]
        pages += [
            reverse(f"{base}_{kind}", args=[row.pk])
            for row in model._default_manager.all()[:5]
            for kind in ("change", "history")
            if not (isinstance(site, Sealed) and kind == "history")
        ]
        for page in pages:
            answer = client.get(page)
            assert answer.status_code == 200, page
            found = [secret for secret in secrets if secret in answer.content.decode()]
            assert not found, (page, found)
            seen += 1
    assert seen > 20


@pytest.mark.django_db
def test_a_lost_second_factor_is_taken_away_and_none_is_made(client):
    olga = make_company().olga
    row = Authenticator.objects.create(user=olga, type=Authenticator.Type.TOTP, data={"secret": "x"})
    client.force_login(make_user("Sami", "sami@x.example", is_staff=True, is_superuser=True))

    assert client.get(reverse("admin:mfa_authenticator_add")).status_code == 403
    assert client.post(reverse("admin:mfa_authenticator_change", args=[row.pk]), {}).status_code == 403
    client.post(reverse("admin:mfa_authenticator_delete", args=[row.pk]), {"post": "yes"})

    assert not Authenticator.objects.exists()


@pytest.mark.django_db
def test_taking_a_session_away_signs_that_browser_out():
    olga, device = make_company().olga, Client()
    EmailAddress.objects.create(user=olga, email=olga.email, verified=True, primary=True)
    device.post(reverse("account_login"), {"login": olga.email, "password": "pw-of-a-test-1"})
    assert device.get(reverse("preferences")).status_code == 200
    staff = Client()
    staff.force_login(make_user("Sami", "sami@x.example", is_staff=True, is_superuser=True))

    row = UserSession.objects.get(user=olga)
    page = staff.get(reverse("admin:usersessions_usersession_change", args=[row.pk]))
    found = staff.get(reverse("admin:usersessions_usersession_changelist"), {"q": "olga@"})
    staff.post(reverse("admin:usersessions_usersession_delete", args=[row.pk]), {"post": "yes"})

    assert (page.status_code, found.status_code) == (200, 200)
    assert row.session_key not in page.content.decode()
    assert device.get(reverse("preferences")).status_code == 302


@pytest.mark.django_db
def test_every_search_there_answers():
    client = Client()
    client.force_login(make_user("Sami", "sami@x.example", is_staff=True, is_superuser=True))

    for model in admin.site._registry:
        page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert client.get(page, {"q": "x"}).status_code == 200, model


@pytest.mark.django_db
def test_nothing_of_ours_can_be_added_changed_or_deleted_there(providers):
    house = build_house(make_company())
    client = Client()
    client.force_login(make_user("Sami", "sami@x.example", is_staff=True, is_superuser=True))

    for model, site in admin.site._registry.items():
        if not isinstance(site, ReadOnly) or model in {Authenticator, UserSession}:
            continue
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._default_manager.first()
        assert client.get(reverse(f"{base}_add")).status_code == 403, model
        if row is not None:
            assert client.post(reverse(f"{base}_change", args=[row.pk]), {"name": "x"}).status_code == 403
            assert client.post(reverse(f"{base}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    house.own.unit.refresh_from_db()
    assert house.own.unit.name == "Kube"
