"""Delegation, tokens and sign-in, with every refusal a caller meets."""

from __future__ import annotations

import base64
import re
import secrets
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

from tests.contracts import Contracts

from .google_client import (
    ADMINISTRATOR,
    CALENDAR,
    CALENDAR_LIST,
    EMAIL,
    EMPLOYEE,
    FREE_BUSY,
    PROFILE,
    USERS,
    GoogleClient,
    reason,
)
from .server import SandboxServer

CLIENT_ID = "convoke-sandbox.apps.googleusercontent.com"
SECRET = "sandbox-google-secret"
REDIRECT = "http://localhost:8000/connections/callback/google"


def refusal(answer: requests.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["error"], body["error_description"]


# Service accounts


def test_a_delegated_scope_gives_a_token_for_one_person(google: GoogleClient) -> None:
    answer = google.exchange(google.assertion(EMPLOYEE, f"{FREE_BUSY} {EMAIL}")).json()

    assert answer["expires_in"] == 3599
    assert set(answer["scope"].split()) == {FREE_BUSY, EMAIL}
    info = requests.post(
        google.sandbox.host("www.googleapis.com") + "/oauth2/v2/tokeninfo",
        params={"access_token": answer["access_token"]},
    )
    assert google.contracts.problems(info) == []
    assert info.json()["email"] == EMPLOYEE
    assert set(info.json()["scope"].split()) == {FREE_BUSY, EMAIL}


def test_token_information_names_nobody_without_the_email_scope(google: GoogleClient) -> None:
    token = google.token(EMPLOYEE, FREE_BUSY)
    url = google.sandbox.host("www.googleapis.com") + "/oauth2/v2/tokeninfo"

    assert "email" not in requests.post(url, params={"access_token": token}).json()
    assert requests.post(url, params={"access_token": "nonsense"}).status_code == 400


def test_one_scope_that_is_not_delegated_refuses_all(google: GoogleClient) -> None:
    google.sandbox.control("DELETE", "delegation")
    google.delegate(CALENDAR)

    assert google.exchange(google.assertion(EMPLOYEE, CALENDAR)).status_code == 200
    both = google.exchange(google.assertion(EMPLOYEE, f"{CALENDAR} {EMAIL}"))
    assert refusal(both)[:2] == (401, "unauthorized_client")
    narrower = google.exchange(google.assertion(EMPLOYEE, CALENDAR + ".readonly"))
    assert refusal(narrower)[:2] == (401, "unauthorized_client")


def test_fault_delegation_scope_missing(google: GoogleClient) -> None:
    google.sandbox.fault("delegation_scope_missing", scope=FREE_BUSY)

    assert google.exchange(google.assertion(EMPLOYEE, FREE_BUSY)).status_code == 401
    assert google.exchange(google.assertion(EMPLOYEE, CALENDAR_LIST)).status_code == 200


def test_a_delegation_may_spread_late(google: GoogleClient) -> None:
    google.delegate(spread_seconds=600)
    assert google.exchange(google.assertion(EMPLOYEE, CALENDAR)).status_code == 401

    google.delegate()
    google.sandbox.fault("delegation_pending", times=1)
    assert google.exchange(google.assertion(EMPLOYEE, CALENDAR)).status_code == 401
    assert google.exchange(google.assertion(EMPLOYEE, CALENDAR)).status_code == 200


def test_a_delegation_ends_at_the_organization(google: GoogleClient) -> None:
    answer = google.exchange(google.assertion("ravi.rival@rival.example", CALENDAR))

    assert refusal(answer)[:2] == (401, "unauthorized_client")


@pytest.mark.parametrize(
    ("subject", "description"),
    [
        ("nobody@kube.example", "Invalid email or User ID"),
        ("lucas.hansen68@sigs.example", "Invalid email or User ID"),
        ("nobody", "Not a valid email or user ID."),
    ],
)
def test_a_wrong_subject_is_an_invalid_grant(google: GoogleClient, subject: str, description: str) -> None:
    assertion = google.assertion(subject, CALENDAR)
    assert refusal(google.exchange(assertion)) == (400, "invalid_grant", description)


def test_deleted_and_suspended_people_get_no_token(google: GoogleClient) -> None:
    google.sandbox.control("PATCH", f"people/{EMPLOYEE}", suspended=True)
    assert refusal(google.exchange(google.assertion(EMPLOYEE, CALENDAR)))[1] == "access_denied"

    google.sandbox.control("DELETE", f"people/{EMPLOYEE}")
    gone = google.exchange(google.assertion(EMPLOYEE, CALENDAR))
    assert refusal(gone) == (400, "invalid_grant", "The account has been deleted")


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 4_000_000_000},
        {"iat": 4_000_000_000, "exp": 4_000_003_600},
        {"iat": 1_000_000_000, "exp": 1_000_003_600},
        {"aud": "https://accounts.google.com"},
        {"iss": "stranger@convoke-sandbox.iam.gserviceaccount.com"},
    ],
)
def test_a_flawed_assertion_is_an_invalid_grant(google: GoogleClient, claims: dict) -> None:
    answer = google.exchange(google.assertion(EMPLOYEE, CALENDAR, **claims))
    assert refusal(answer)[:2] == (400, "invalid_grant")


def test_a_wrong_signature_is_an_invalid_grant(google: GoogleClient) -> None:
    other = google.sandbox.control("POST", "service-accounts", name="other")
    forged = jwt.encode(
        jwt.decode(google.assertion(EMPLOYEE, CALENDAR), options={"verify_signature": False}),
        other["private_key"],
        algorithm="RS256",
    )

    assert refusal(google.exchange(forged)) == (400, "invalid_grant", "Invalid JWT Signature.")


def test_a_new_service_account_has_no_delegation(google: GoogleClient) -> None:
    google.account = google.sandbox.control("POST", "service-accounts", name="fresh")

    assert re.fullmatch(r"\d{21}", google.account["client_id"])
    assert google.account["token_uri"] == "https://oauth2.googleapis.com/token"
    assert refusal(google.exchange(google.assertion(EMPLOYEE, CALENDAR)))[1] == "unauthorized_client"


@pytest.mark.parametrize(
    ("fault", "params", "expected"),
    [
        ("invalid_grant", {}, (400, "invalid_grant", "Invalid email or User ID")),
        ("access_denied", {}, (403, "access_denied", "Account restricted")),
        ("service_key_removed", {}, (400, "invalid_grant", "Invalid JWT Signature.")),
        ("token_unavailable", {}, (500, "internal_failure", "Try again.")),
        (
            "token_unavailable",
            {"error": "temporarily_unavailable", "status": 503},
            (503, "temporarily_unavailable", "Try again."),
        ),
    ],
)
def test_token_faults(google: GoogleClient, fault: str, params: dict, expected: tuple) -> None:
    google.sandbox.fault(fault, times=1, **params)

    assert refusal(google.exchange(google.assertion(EMPLOYEE, CALENDAR))) == expected
    assert google.exchange(google.assertion(EMPLOYEE, CALENDAR)).status_code == 200


def test_fault_clock_skew(google: GoogleClient) -> None:
    google.sandbox.fault("clock_skew", seconds=-3600)

    answer = refusal(google.exchange(google.assertion(EMPLOYEE, CALENDAR)))
    assert answer[:2] == (400, "invalid_grant")
    assert "short-lived" in answer[2]


def test_fault_no_scope_in_token(google: GoogleClient) -> None:
    google.sandbox.fault("no_scope_in_token")

    assert "scope" not in google.exchange(google.assertion(EMPLOYEE, CALENDAR)).json()


def test_fault_token_revoked_in_the_middle(google: GoogleClient) -> None:
    google.token(EMPLOYEE, CALENDAR)
    google.sandbox.fault("token_revoked", target=EMPLOYEE, times=1)

    answer = google.call("GET", "users/me/calendarList")
    assert reason(answer) == (401, "authError")
    assert google.call("GET", "users/me/calendarList").status_code == 200


def test_tokens_already_out_live_on_after_the_delegation_was_deleted(google: GoogleClient) -> None:
    google.token(EMPLOYEE, CALENDAR)
    google.sandbox.control("DELETE", "delegation", client_id=google.account["client_id"])

    assert google.call("GET", "users/me/calendarList").status_code == 200
    assert google.exchange(google.assertion(EMPLOYEE, CALENDAR)).status_code == 401


# The Admin console


def test_a_super_administrator_delegates_on_the_console_page(google: GoogleClient) -> None:
    google.sandbox.control("DELETE", "delegation")
    page = google.sandbox.host("admin.google.com") + "/ac/owl/domainwidedelegation"
    client_id = google.account["client_id"]
    form = {"administrator": ADMINISTRATOR, "client_id": client_id}

    assert ADMINISTRATOR in requests.get(page).text
    shown = requests.post(page, data={**form, "scopes": f"{CALENDAR}, {EMAIL}", "decision": "authorize"})
    assert client_id in shown.text
    assert google.exchange(google.assertion(EMPLOYEE, f"{CALENDAR} {EMAIL}")).status_code == 200

    requests.post(page, data={**form, "decision": "delete"})
    assert google.exchange(google.assertion(EMPLOYEE, CALENDAR)).status_code == 401


def test_the_console_page_refuses_what_is_no_client_or_scope(google: GoogleClient) -> None:
    page = google.sandbox.host("admin.google.com") + "/ac/owl/domainwidedelegation"
    form = {"administrator": ADMINISTRATOR, "client_id": "123456789", "scopes": "calendar"}

    assert requests.post(page, data=form).status_code == 400
    assert requests.post(page, data={**form, "client_id": "me"}).status_code == 400
    assert requests.post(page, data={**form, "administrator": EMPLOYEE}).status_code == 400


# The browser


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
