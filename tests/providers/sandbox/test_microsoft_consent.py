"""The administrator's consent: every way it can end."""

import pytest

from .microsoft_client import (
    ADMIN,
    CONSENT_CALLBACK,
    DEFAULT,
    EMPLOYEE,
    LOGIN,
    RIVAL,
    TENANT,
    ask_token,
    call,
    client_id,
    page_text,
    returned,
)
from .server import SandboxServer

NAME = "calendar-read-write"
NEWER = f"{LOGIN}/{TENANT}/v2.0/adminconsent"
OLDER = f"{LOGIN}/common/adminconsent"


def answer_page(
    sandbox: SandboxServer, url: str = NEWER, account: str = ADMIN, action: str = "accept", **changes
):
    """Open the consent page and press a button."""
    query = {"client_id": client_id(NAME), "redirect_uri": CONSENT_CALLBACK, "state": "the-state"}
    if url == NEWER:
        query["scope"] = DEFAULT
    query |= changes
    page = call(sandbox, "GET", url, params=query, checked=False)
    if page.status_code != 200:
        return page
    return call(sandbox, "POST", url, params=query, data={"other": account, "action": action}, checked=False)


def test_the_page_lists_the_application_permissions(sandbox):
    query = {
        "client_id": client_id("directory"),
        "redirect_uri": CONSENT_CALLBACK,
        "state": "s",
        "scope": DEFAULT,
    }
    text = page_text(call(sandbox, "GET", NEWER, params=query, checked=False))
    assert all(role in text for role in ("User.Read.All", "Organization.Read.All", "Place.Read.All"))


@pytest.mark.parametrize("url", [NEWER, OLDER])
def test_granting_makes_tokens_possible(sandbox, url):
    assert ask_token(sandbox, NAME).status_code == 400
    back = returned(answer_page(sandbox, url))
    assert (back["admin_consent"], back["tenant"], back["state"]) == ("True", TENANT, "the-state")
    assert back.get("scope") == (DEFAULT if url == NEWER else None)
    assert "error" not in back
    assert ask_token(sandbox, NAME).status_code == 200


@pytest.mark.parametrize("url", [NEWER, OLDER])
def test_declining_says_admin_consent_true_and_an_error(sandbox, url):
    back = returned(answer_page(sandbox, url, action="cancel"))
    assert (back["admin_consent"], back["error"], back["state"]) == ("True", "consent_required", "the-state")
    assert "AADSTS65004" in back["error_description"]
    assert ask_token(sandbox, NAME).json()["error_codes"] == [700016]


def test_somebody_who_is_not_an_administrator_needs_approval(sandbox):
    page = answer_page(sandbox, account=EMPLOYEE)
    assert page.status_code == 200
    assert "Need admin approval" in page_text(page)
    back = returned(answer_page(sandbox, account=EMPLOYEE, action="back"))
    assert back["error"] == "permission_denied"
    assert "AADSTS90094" in back["error_description"]
    assert ask_token(sandbox, NAME).json()["error_codes"] == [700016]


def test_an_administrator_of_another_tenant_cannot_consent_for_this_one(sandbox):
    page = answer_page(sandbox, account="rosa.rival@rival-ms.example")
    assert "AADSTS50020" in page_text(page)


def test_consent_at_organizations_is_for_the_tenant_of_who_signed_in(sandbox):
    url = f"{LOGIN}/organizations/v2.0/adminconsent"
    back = returned(answer_page(sandbox, url, "rosa.rival@rival-ms.example", scope=DEFAULT))
    assert back["tenant"] == RIVAL
    assert ask_token(sandbox, NAME).status_code == 400
    assert ask_token(sandbox, NAME, RIVAL).status_code == 200


def test_common_is_not_allowed_at_the_newer_address(sandbox):
    answer = answer_page(sandbox, f"{LOGIN}/common/v2.0/adminconsent", scope=DEFAULT)
    assert answer.status_code == 400


def test_another_scope_than_default_is_refused(sandbox):
    back = returned(answer_page(sandbox, scope="https://graph.microsoft.com/Calendars.ReadWrite"))
    assert back["error"] == "invalid_scope"


@pytest.mark.parametrize(
    ("fault", "params", "expected"),
    [
        ("consent_forged_tenant", {}, {"tenant": RIVAL, "state": "the-state"}),
        ("consent_state_missing", {}, {"state": None, "tenant": TENANT}),
        ("consent_forged_state", {"state": "made up"}, {"state": "made up"}),
        (
            "consent_error",
            {"error": "access_denied"},
            {"error": "access_denied", "admin_consent": "True", "tenant": None},
        ),
    ],
)
def test_answers_that_must_not_be_trusted(sandbox, fault, params, expected):
    sandbox.fault(fault, **params)
    back = returned(answer_page(sandbox))
    assert {name: back.get(name) for name in expected} == expected


def test_removing_the_consent_makes_the_application_unknown_again(sandbox):
    answer_page(sandbox)
    sandbox.control("DELETE", "consents", tenant="sigs.example", client_id=client_id(NAME))
    assert ask_token(sandbox, NAME).json()["error_codes"] == [700016]
