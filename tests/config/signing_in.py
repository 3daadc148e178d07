"""Signing in by the page, with a clock that can be moved."""

from django.test import Client
from django.urls import reverse

PASSWORD = "pw-of-a-test-1"


def sign_in(user, client: Client | None = None, **headers) -> Client:
    client = client or Client()
    answer = client.post(
        reverse("account_login"), {"login": user.email, "password": PASSWORD}, headers=headers
    )
    assert answer.status_code == 302
    return client


def confirm(client: Client, answer):
    """Enter the password on the page that a stale session was sent to."""
    assert answer.headers["Location"].startswith(reverse("account_reauthenticate")), answer.headers
    after = answer.headers["Location"].partition("next=")[2].replace("%2F", "/")
    return client.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": after})
