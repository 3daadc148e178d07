"""Signing in by the page, with a clock that can be moved; and with Google and Microsoft."""

from urllib.parse import urlencode

from django.test import Client
from django.urls import reverse

from tests.connecting import answer_provider_page

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


def sign_in_with(service: str, account: str, client: Client | None = None, *, linking: bool = False):
    """Sign in at Google's or Microsoft's page in the sandbox as `account` and come back; the answer to that.

    `linking`: from the page of linked accounts, while signed in.
    """
    client = client or Client(SERVER_NAME="localhost")
    process = {"process": "connect"} if linking else {}
    gone = client.post(f"{reverse(f'{service}_login')}?{urlencode(process)}")
    assert gone.status_code == 302, gone.content
    back = answer_provider_page(gone.headers["Location"], account)
    answer = client.get(reverse(f"{service}_callback"), back)
    answer.browser = client
    return answer
