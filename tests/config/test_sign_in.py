"""Signing in and proving it again: no guess is cheap, no act is done twice, no password is everybody's."""

import re

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.usersessions.models import UserSession
from django.contrib.auth.password_validation import validate_password
from django.core import mail
from django.core.exceptions import ValidationError
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections
from connections.models import CalendarConnection
from orgunits.models import RoleGrant
from tests.config.signing_in import PASSWORD, confirm, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_counts_from_before")]


# --- proving it again


def test_who_has_just_signed_in_is_not_asked_again(company, demanding):
    client = sign_in(company.olga)

    assert client.get(reverse("connect_start", args=[company.unit.slug])).status_code == 200


def test_a_stale_session_connects_after_the_challenge_and_once(company, demanding, clock):
    client = sign_in(company.olga)
    clock(301)
    url = reverse("connect_check", args=[company.unit.slug, "none", "no_access"])

    challenged = client.post(url, {"domains": "kube.example", "administrator": "yes"})
    assert CalendarConnection.objects.count() == 0
    done = confirm(client, challenged)
    again = client.get(reverse("account_reauthenticate"))

    assert done.status_code in {200, 302}
    assert again.status_code in {200, 302}
    assert CalendarConnection.objects.count() == 1


def test_a_wrong_password_leads_nowhere(company, demanding, clock):
    client = sign_in(company.olga)
    clock(301)
    url = reverse("connect_check", args=[company.unit.slug, "none", "no_access"])
    client.post(url, {"domains": "kube.example", "administrator": "yes"})

    answer = client.post(reverse("account_reauthenticate"), {"password": "wrong", "next": url})

    assert answer.status_code == 200
    assert CalendarConnection.objects.count() == 0


def test_what_was_entered_before_the_challenge_is_kept(company, demanding, clock):
    client = sign_in(company.olga)
    emma = company.member(company.emma)
    url = reverse("role_ops_admin", args=[company.unit.slug, emma.public_id])
    clock(301)

    challenged = client.post(url, {"why": "Olga is on leave", "role": "ops_admin"})
    before = RoleGrant.objects.filter(member=emma, role="ops_admin").count()
    confirm(client, challenged)

    grant = RoleGrant.objects.filter(member=emma, role="ops_admin").get()
    assert before == 0
    assert grant.why == "Olga is on leave"


def test_a_key_pasted_by_a_stale_session_is_never_written_into_the_session(company, demanding, clock):
    row = calendar_connections.create_connection(
        company.unit, "google", "free_busy", by=company.olga, now=timezone.now()
    )
    client = sign_in(company.olga)
    clock(301)

    client.post(reverse("key_add", args=[company.unit.slug, row.public_id]), {"key_json": "SECRET-KEY"})

    assert "SECRET-KEY" not in str(dict(client.session))
    page = client.get(reverse("account_reauthenticate")).content.decode()
    assert "Enter it again" in page


@pytest.mark.parametrize(
    "name", ["connect_start", "connection_disconnect", "key_add", "unit_archive", "review_export"]
)
def test_dangerous_pages_ask_a_stale_session(company, demanding, clock, name):
    row = calendar_connections.create_connection(
        company.unit, "google", "free_busy", by=company.olga, now=timezone.now()
    )
    client = sign_in(company.olga)
    clock(301)
    arguments = [company.unit.slug]
    if name in {"connection_disconnect", "key_add"}:
        arguments.append(row.public_id)
    if name == "review_export":
        arguments.append("rev_" + "0" * 24)

    answer = client.get(reverse(name, args=arguments))

    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))


# --- limits


def attempts(client: Client, number: int, email: str, **headers) -> list[int]:
    return [
        client.post(
            reverse("account_login"), {"login": email, "password": f"guess {n}"}, headers=headers
        ).status_code
        for n in range(number)
    ]


def test_guessing_a_password_ends_soon_and_the_right_one_does_not_help_then(company):
    client = Client()

    attempts(client, 5, company.olga.email)
    answer = client.post(reverse("account_login"), {"login": company.olga.email, "password": PASSWORD})

    assert answer.status_code in {200, 429}
    assert "_auth_user_id" not in client.session


def test_an_address_that_is_made_up_does_not_change_whom_limits_count_for(company):
    client = Client()

    for number in range(12):
        made_up = {"x-forwarded-for": f"203.0.113.{number}"}
        client.post(
            reverse("account_login"), {"login": f"no{number}@x.example", "password": "x"}, headers=made_up
        )
    answer = client.post(
        reverse("account_login"),
        {"login": company.olga.email, "password": PASSWORD},
        headers={"x-forwarded-for": "203.0.113.99"},
    )

    assert "_auth_user_id" not in client.session
    assert answer.status_code in {200, 429}


@override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=1)
def test_behind_one_proxy_only_what_that_proxy_wrote_counts(company):
    client = sign_in(company.emma, **{"x-forwarded-for": "198.51.100.7, 203.0.113.5"})

    assert UserSession.objects.get(user=company.emma).ip == "203.0.113.5"
    assert client.get("/preferences/").status_code == 200


def test_an_unknown_address_is_answered_like_a_wrong_password(company):
    answers = [
        Client().post(reverse("account_login"), {"login": email, "password": "wrong"}).content.decode()
        for email in (company.olga.email, "nobody@x.example")
    ]

    said = [
        re.sub(r"olga@kube.example|nobody@x.example|[A-Za-z0-9]{64}|id=\"\w+\"", "", text) for text in answers
    ]
    assert said[0] == said[1]


# --- passwords


@pytest.mark.parametrize(
    "password", ["password123", "iloveyou1", "12345678901", "qwertyuiop", "olga@kube.example"]
)
def test_a_password_that_many_have_or_that_names_its_owner_is_refused(company, password):
    with pytest.raises(ValidationError):
        validate_password(password, company.olga)


def reset_link(email: str) -> str:
    Client().post(reverse("account_reset_password"), {"email": email})
    return re.search(r"https?://\S+", mail.outbox[-1].body).group()


def test_a_new_password_is_asked_for_by_mail(company):
    url = reset_link(company.emma.email)
    client = Client()
    page = client.get(url, follow=True)
    new = "a-completely-new-1"

    client.post(page.request["PATH_INFO"], {"password1": new, "password2": new})

    assert mail.outbox[0].subject == "A new password for Convoke"
    assert "example.com" not in mail.outbox[0].body.replace(url, "")
    assert "_auth_user_id" not in client.session
    company.emma.refresh_from_db()
    assert company.emma.check_password(new)


def test_a_new_password_by_mail_does_not_replace_the_second_factor(company):
    TOTP.activate(company.olga, generate_totp_secret())
    url = reset_link(company.olga.email)
    client = Client()
    page = client.get(url, follow=True)
    new = "a-completely-new-1"
    client.post(page.request["PATH_INFO"], {"password1": new, "password2": new})

    answer = client.post(reverse("account_login"), {"login": company.olga.email, "password": new})

    assert answer.headers["Location"].startswith(reverse("mfa_authenticate"))
    assert "_auth_user_id" not in client.session


def test_asking_for_an_unknown_address_says_the_same_on_the_page(company):
    pages = [
        Client().post(reverse("account_reset_password"), {"email": email})
        for email in (company.emma.email, "nobody@x.example")
    ]

    assert [page.status_code for page in pages] == [302, 302]
    assert pages[0].headers["Location"] == pages[1].headers["Location"]
    assert [letter.to for letter in mail.outbox] == [[company.emma.email], ["nobody@x.example"]]
