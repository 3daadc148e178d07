"""Signing in at Microsoft and getting tokens, as the sandbox plays it."""

import base64
import hashlib
import uuid

import jwt
import pytest
import requests

from .microsoft_client import (
    ADMIN,
    CALLBACK,
    EMPLOYEE,
    LOGIN,
    RIVAL,
    TENANT,
    ask_token,
    call,
    client_id,
    consent,
    page_text,
    returned,
    token,
)
from .server import SandboxServer

NAME = "calendar-read-write"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-is-needed"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def sign_in(
    sandbox: SandboxServer,
    account: str = ADMIN,
    action: str = "allow",
    tenant: str = "organizations",
    checked: bool = True,
    **changes: str,
) -> requests.Response:
    """The sign-in page's form, sent."""
    query = {
        "client_id": client_id(NAME),
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid email profile",
        "state": "the-state",
        "nonce": "the-nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | changes
    url = f"{LOGIN}/{tenant}/oauth2/v2.0/authorize"
    page = call(sandbox, "GET", url, params=query, checked=False)
    if page.status_code != 200:
        return page
    return call(sandbox, "POST", url, params=query, data={"other": account, "action": action}, checked=False)


def exchange(
    sandbox: SandboxServer, code: str, tenant: str = "sigs.example", **changes: str
) -> requests.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id(NAME),
        "client_secret": f"sandbox-secret-{NAME}",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    } | changes
    return call(sandbox, "POST", f"{LOGIN}/{tenant}/oauth2/v2.0/token", data=form)


def identity(sandbox: SandboxServer, account: str, **changes: str) -> dict:
    """The verified claims of a sign-in's ID token."""
    code = returned(sign_in(sandbox, account, **changes))["code"]
    answer = exchange(sandbox, code).json()
    keys = call(sandbox, "GET", f"{LOGIN}/common/discovery/v2.0/keys", checked=False).json()
    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(answer["id_token"])["kid"]]
    return jwt.decode(answer["id_token"], key.key, algorithms=["RS256"], audience=client_id(NAME))


def test_the_sign_in_page_offers_the_administrator_first_and_lists_what_is_asked(sandbox):
    query = {
        "client_id": client_id(NAME),
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid email",
        "state": "s",
    }
    page = call(sandbox, "GET", f"{LOGIN}/{TENANT}/oauth2/v2.0/authorize", params=query, checked=False)
    assert page.status_code == 200
    assert page.text.index(ADMIN) < page.text.index(EMPLOYEE)
    assert "openid" in page_text(page)
    assert "style=" not in page.text
    assert "<script" not in page.text


def test_an_administrator_signs_in(sandbox):
    claims = identity(sandbox, ADMIN)
    assert claims["iss"] == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert claims["tid"] == TENANT
    assert uuid.UUID(claims["oid"])
    assert claims["preferred_username"] == ADMIN
    assert claims["nonce"] == "the-nonce"
    assert "62e90394-69f5-4237-9190-012177145e10" in claims["wids"]


def test_an_ordinary_employee_is_not_an_administrator(sandbox):
    assert "62e90394-69f5-4237-9190-012177145e10" not in identity(sandbox, EMPLOYEE)["wids"]


def test_some_accounts_have_no_email_claim(sandbox):
    people = [one["email"] for one in sandbox_people(sandbox)][:8]
    known = [("email" in identity(sandbox, one)) for one in people]
    assert set(known) == {True, False}


def sandbox_people(sandbox: SandboxServer) -> list[dict]:
    consent(sandbox, "directory")
    headers = {"Authorization": f"Bearer {token(sandbox, 'directory')}"}
    answer = call(sandbox, "GET", "https://graph.microsoft.com/v1.0/users?$top=8", headers=headers)
    return [{"email": one["userPrincipalName"]} for one in answer.json()["value"]]


def test_claims_of_the_id_token_can_be_made_wrong(sandbox):
    sandbox.fault("id_token_claims", claims={"nonce": "another", "email": None})
    claims = identity(sandbox, ADMIN)
    assert claims["nonce"] == "another"
    assert "email" not in claims


def test_cancelling_returns_access_denied_with_the_state(sandbox):
    back = returned(sign_in(sandbox, action="cancel"))
    assert (back["error"], back["state"]) == ("access_denied", "the-state")
    assert "AADSTS65004" in back["error_description"]


def test_a_code_works_once(sandbox):
    code = returned(sign_in(sandbox))["code"]
    assert exchange(sandbox, code).status_code == 200
    again = exchange(sandbox, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert again.json()["error_codes"] == [54005]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"code_verifier": "not-the-verifier"}, 50148),
        ({"redirect_uri": "http://localhost:9000/callback/microsoft"}, 70000),
        ({"code": "0.Anonsense"}, 70000),
        ({"client_secret": "wrong"}, 7000215),
    ],
)
def test_an_exchange_with_a_wrong_part_is_refused(sandbox, changes, code):
    good = returned(sign_in(sandbox))["code"]
    assert exchange(sandbox, **({"code": good} | changes)).json()["error_codes"] == [code]


def test_an_unregistered_redirect_address_gets_a_page_and_no_redirect(sandbox):
    answer = sign_in(sandbox, redirect_uri="http://localhost:8000/elsewhere")
    assert answer.status_code == 400
    assert "AADSTS50011" in page_text(answer)


def test_an_account_of_another_tenant_cannot_sign_in_to_this_one(sandbox):
    answer = sign_in(sandbox, "rosa.rival@rival-ms.example", tenant=TENANT)
    assert answer.status_code == 400
    assert "AADSTS50020" in page_text(answer)


def test_an_application_permission_asked_for_as_a_scope_does_not_exist(sandbox):
    back = returned(sign_in(sandbox, scope="openid OnlineMeetings.ReadWrite.All"))
    assert "doesn't exist on the resource" in back["error_description"]


def test_app_only_tokens_carry_roles_tenant_and_application(sandbox):
    consent(sandbox, NAME)
    answer = ask_token(sandbox, NAME)
    assert "scope" not in answer.json()
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert claims["roles"] == ["Calendars.ReadWrite"]
    assert (claims["tid"], claims["appid"]) == (TENANT, client_id(NAME))


def test_the_tenant_can_be_named_by_its_domain(sandbox):
    consent(sandbox, NAME)
    assert ask_token(sandbox, NAME, "sigs.example").status_code == 200


@pytest.mark.parametrize("tenant", ["common"])
def test_no_app_only_token_without_a_tenant(sandbox, tenant):
    consent(sandbox, NAME)
    # The contract forbids the request itself, so it is not checked.
    answer = ask_token(sandbox, NAME, tenant, checked=False)
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [9001023])


def test_an_application_nobody_consented_to_is_not_in_the_directory(sandbox):
    answer = ask_token(sandbox, NAME).json()
    assert (answer["error"], answer["error_codes"]) == ("unauthorized_client", [700016])
    assert set(answer) >= {"timestamp", "trace_id", "correlation_id", "error_uri", "error_description"}


def test_consent_of_one_tenant_is_not_that_of_another(sandbox):
    consent(sandbox, NAME)
    assert ask_token(sandbox, NAME, RIVAL).json()["error_codes"] == [700016]


def test_a_wrong_secret_an_unknown_tenant_and_a_wrong_scope_are_told_apart(sandbox):
    consent(sandbox, NAME)
    wrong_secret = ask_token(sandbox, NAME, client_secret="guessed")
    assert (wrong_secret.status_code, wrong_secret.json()["error"]) == (401, "invalid_client")
    assert wrong_secret.json()["error_codes"] == [7000215]
    assert ask_token(sandbox, NAME, str(uuid.uuid4())).json()["error_codes"] == [90002]
    scope = ask_token(sandbox, NAME, scope="https://graph.microsoft.com/Calendars.Read", checked=False)
    assert (scope.json()["error"], scope.json()["error_codes"]) == ("invalid_scope", [70011])


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (7000215, "invalid_client"),
        (7000222, "invalid_client"),
        (700027, "invalid_client"),
        (700016, "unauthorized_client"),
        (7000112, "unauthorized_client"),
        (70001, "unauthorized_client"),
        (90002, "invalid_request"),
        (65001, "invalid_grant"),
        (65004, "consent_required"),
        (90094, "access_denied"),
        (53003, "interaction_required"),
        (70011, "invalid_scope"),
        (28002, "invalid_scope"),
        (90055, "temporarily_unavailable"),
    ],
)
def test_every_documented_token_error_can_be_switched_on(sandbox, code, error):
    consent(sandbox, NAME)
    sandbox.fault("entra_error", code=code, times=1)
    answer = ask_token(sandbox, NAME)
    assert (answer.json()["error"], answer.json()["error_codes"]) == (error, [code])
    assert answer.json()["error_description"].startswith(f"AADSTS{code}: ")
    assert ask_token(sandbox, NAME).status_code == 200


def test_tokens_end_by_the_clock_of_the_provider(sandbox):
    consent(sandbox, "directory")
    headers = {"Authorization": f"Bearer {token(sandbox, 'directory')}"}
    url = "https://graph.microsoft.com/v1.0/organization"
    assert call(sandbox, "GET", url, headers=headers).status_code == 200
    sandbox.fault("clock_skew", seconds=7200)
    answer = call(sandbox, "GET", url, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
    assert "WWW-Authenticate" in answer.headers


def test_the_answer_can_come_as_a_form(sandbox):
    page = sign_in(sandbox, response_mode="form_post")
    assert f'action="{CALLBACK}"' in page.text
    assert 'name="state" value="the-state"' in page.text


def test_a_client_may_name_itself_in_the_header(sandbox):
    consent(sandbox, NAME)
    form = {"grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default"}
    url = f"{LOGIN}/{TENANT}/oauth2/v2.0/token"
    for secret, status in ((f"sandbox-secret-{NAME}", 200), ("wrong", 401)):
        answer = call(sandbox, "POST", url, data=form, auth=(client_id(NAME), secret), checked=False)
        assert answer.status_code == status


def test_metadata_names_the_real_issuer_and_addresses_that_can_be_reached(sandbox):
    url = f"{LOGIN}/{TENANT}/v2.0/.well-known/openid-configuration"
    metadata = call(sandbox, "GET", url, checked=False).json()
    assert metadata["issuer"] == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert requests.get(metadata["jwks_uri"]).json()["keys"][0]["kty"] == "RSA"
    assert metadata["token_endpoint"].startswith(sandbox.url)
