"""Delegation, tokens and sign-in, with every refusal a caller meets."""

from __future__ import annotations

import re

import jwt
import pytest
import requests

from .google_client import (
    ADMINISTRATOR,
    CALENDAR,
    CALENDAR_LIST,
    EMAIL,
    EMPLOYEE,
    FREE_BUSY,
    GoogleClient,
    reason,
    refusal,
)

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
