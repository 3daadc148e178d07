"""Google's sign-in page, and what a code or a refresh token is exchanged for."""

from __future__ import annotations

import base64
import secrets
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

from tests.contracts import Contracts

from .google_client import ADMINISTRATOR, CALENDAR, EMAIL, EMPLOYEE, PROFILE, USERS, refusal
from .server import SandboxServer

CLIENT_ID = "convoke-sandbox.apps.googleusercontent.com"
SECRET = "sandbox-google-secret"
REDIRECT = "http://localhost:8000/connections/callback/google"


class Browser:
    """Somebody at Google's sign-in page, and the client waiting for the answer."""

    def __init__(self, sandbox: SandboxServer, contracts: Contracts) -> None:
        self.sandbox, self.contracts = sandbox, contracts
        self.verifier = secrets.token_urlsafe(48)

    def address(self, **more: str) -> str:
        challenge = base64.urlsafe_b64encode(sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": "openid email profile",
            "state": "s1",
            "nonce": "n1",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **more,
        }
        url = self.sandbox.host("accounts.google.com") + "/o/oauth2/v2/auth"
        return requests.Request("GET", url, params=query).prepare().url or ""

    def decide(self, account: str, decision: str = "allow", scopes: tuple = (), **more: str) -> dict:
        form = {"account": account, "decision": decision, "scope": list(scopes)}
        answer = requests.post(self.address(**more), data=form, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        assert answer.headers["Location"].startswith(REDIRECT)
        return {
            name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()
        }

    def exchange(self, code: str, **more: str) -> requests.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
            "code_verifier": self.verifier,
            **more,
        }
        return self.post(form)

    def post(self, form: dict) -> requests.Response:
        answer = requests.post(self.sandbox.host("oauth2.googleapis.com") + "/token", data=form)
        assert self.contracts.problems(answer) == []
        return answer


@pytest.fixture
def browser(sandbox: SandboxServer, contracts: Contracts) -> Browser:
    return Browser(sandbox, contracts)


def test_sign_in_tells_who_it_is(browser: Browser) -> None:
    page = requests.get(browser.address(login_hint=EMPLOYEE))
    back = browser.decide(EMPLOYEE)
    answer = browser.exchange(back["code"]).json()

    assert f'value="{EMPLOYEE}" checked' in page.text
    assert back["state"] == "s1"
    assert set(answer["scope"].split()) == {"openid", EMAIL, PROFILE}
    assert "refresh_token" not in answer
    certs = requests.get(browser.sandbox.host("www.googleapis.com") + "/oauth2/v3/certs").json()
    claims = jwt.decode(
        answer["id_token"],
        jwt.PyJWKSet.from_dict(certs).keys[0].key,
        algorithms=["RS256"],
        audience=CLIENT_ID,
        issuer="https://accounts.google.com",
    )
    assert (claims["email"], claims["hd"], claims["nonce"]) == (EMPLOYEE, "kube.example", "n1")
    who = requests.get(
        browser.sandbox.host("www.googleapis.com") + "/oauth2/v2/userinfo",
        headers={"Authorization": f"Bearer {answer['access_token']}"},
    )
    assert browser.contracts.problems(who) == []
    assert (who.json()["email"], who.json()["id"]) == (EMPLOYEE, claims["sub"])


def test_a_code_works_once_and_only_with_its_verifier_and_address(browser: Browser) -> None:
    code = browser.decide(EMPLOYEE)["code"]
    assert browser.exchange(code).status_code == 200
    assert refusal(browser.exchange(code))[:2] == (400, "invalid_grant")

    for wrong in ({"code_verifier": "x" * 50}, {"redirect_uri": REDIRECT + "x"}):
        code = browser.decide(EMPLOYEE)["code"]
        assert browser.exchange(code, **wrong).status_code == 400
    assert browser.exchange(code, client_secret="wrong").json()["error"] == "invalid_client"


def test_cancel_and_the_fault_consent_denied_come_back_as_access_denied(browser: Browser) -> None:
    assert browser.decide(EMPLOYEE, "cancel") == {"error": "access_denied", "state": "s1"}

    browser.sandbox.fault("consent_denied")
    assert browser.decide(EMPLOYEE) == {"error": "access_denied", "state": "s1"}


def test_fault_admin_policy_enforced_is_an_error_page_and_no_redirect(browser: Browser) -> None:
    browser.sandbox.fault("admin_policy_enforced", target="kube.example")
    answer = requests.post(
        browser.address(), data={"account": EMPLOYEE, "decision": "allow"}, allow_redirects=False
    )

    assert answer.status_code == 400
    assert "admin_policy_enforced" in answer.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uri": "https://evil.example/callback/google"},
        {"redirect_uri": "http://localhost:8000/elsewhere"},
        {"client_id": "stranger"},
        {"response_type": "token"},
        {"colour": "blue"},
    ],
)
def test_a_wrong_request_is_an_error_page_and_no_redirect(browser: Browser, wrong: dict) -> None:
    answer = requests.get(browser.address(**wrong), allow_redirects=False)

    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_an_unknown_account_stays_on_the_page(browser: Browser) -> None:
    form = {"other": "nobody@kube.example", "decision": "allow"}
    answer = requests.post(browser.address(), data=form, allow_redirects=False)

    assert answer.status_code == 400
    assert "find your Google Account" in answer.text


def test_a_person_may_allow_less_than_was_asked(browser: Browser) -> None:
    asked = f"openid {CALENDAR} {USERS}"
    back = browser.decide(ADMINISTRATOR, scopes=(USERS,), scope=asked, access_type="offline")
    answer = browser.exchange(back["code"]).json()

    assert set(answer["scope"].split()) == {"openid", USERS}


def test_a_refresh_token_lives_until_it_is_revoked(browser: Browser) -> None:
    back = browser.decide(ADMINISTRATOR, scopes=(USERS,), scope=f"openid {USERS}", access_type="offline")
    refresh = browser.exchange(back["code"]).json()["refresh_token"]
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh,
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
    }
    assert browser.post(form).status_code == 200

    browser.sandbox.fault("refresh_revoked", times=1)
    assert refusal(browser.post(form)) == (400, "invalid_grant", "Token has been expired or revoked.")
    token = browser.post(form).json()["access_token"]
    ended = requests.post(browser.sandbox.host("oauth2.googleapis.com") + "/revoke", data={"token": refresh})
    assert browser.contracts.problems(ended) == []
    assert ended.status_code == 200
    assert browser.post(form).status_code == 400
    users = browser.sandbox.host("admin.googleapis.com") + "/admin/directory/v1/users?customer=my_customer"
    assert requests.get(users, headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_the_administrator_is_told_from_employees(browser: Browser) -> None:
    for person, status in ((ADMINISTRATOR, 200), (EMPLOYEE, 403)):
        back = browser.decide(person, scopes=(USERS,), scope=f"openid {USERS}")
        token = browser.exchange(back["code"]).json()["access_token"]
        url = browser.sandbox.host("admin.googleapis.com") + f"/admin/directory/v1/users/{person}"
        answer = requests.get(url, headers={"Authorization": f"Bearer {token}"})
        assert browser.contracts.problems(answer) == []
        assert answer.status_code == status
        if status == 200:
            assert answer.json()["isAdmin"] is True
