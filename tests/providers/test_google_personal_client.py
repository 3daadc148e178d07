"""One person's own authorization at Google: agreeing, renewing, losing and withdrawing it."""

import base64
import json
import secrets
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.conf import settings

from connections.modes import scopes_for
from connections.providers.base import (
    AuthorizationLost,
    GrantLost,
    MailboxError,
    ProviderError,
    RefreshTokenMissing,
    Throttled,
    Unreachable,
    Unreadable,
)
from connections.providers.google import oauth, personal
from connections.providers.http import ProviderSession
from connections.providers.id_tokens import InvalidIdToken
from tests.connecting import answer_provider_page
from tests.contracts import Contracts
from tests.people import GOOGLE_ADMINISTRATOR, GOOGLE_EMPLOYEE

CALLBACK = "http://localhost:8000/callback/google"
SCOPES = scopes_for("google", "free_busy").organization
NOW = datetime(2026, 10, 20, 9, 17, 23, tzinfo=UTC)
VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = base64.urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def url(**changes) -> str:
    wanted = {
        "redirect_uri": CALLBACK,
        "scopes": SCOPES,
        "state": "s1",
        "nonce": "n1",
        "code_challenge": CHALLENGE,
    }
    return personal.authorization_url(**wanted | changes)


def exchange(code: str, **changes) -> personal.Personal:
    wanted = {
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "nonce": "n1",
        "session": ProviderSession(),
        "now": NOW,
    }
    return personal.exchange(code, **wanted | changes)


def agree(account: str = GOOGLE_EMPLOYEE) -> personal.Personal:
    """Everything that was asked is allowed on Google's page."""
    return exchange(answer_provider_page(url(), account)["code"])


def refresh(token: str) -> personal.Refreshed:
    return personal.refresh(token, session=ProviderSession(), now=NOW)


def revoke(token: str) -> None:
    personal.revoke(token, session=ProviderSession())


def reads(access_token: str) -> int:
    """The status of asking Google for the person's events."""
    where = f"{settings.GOOGLE_API_URL}/calendar/v3/calendars/primary/events"
    headers = {"Authorization": f"Bearer {access_token}"}
    return requests.get(where, params={"maxResults": 1}, headers=headers, timeout=10).status_code


# --- agreeing -------------------------------------------------------------------------------------------------
def test_the_person_is_asked_for_exactly_the_scopes_of_the_mode_and_for_lasting_access(providers):
    address = url(hint=GOOGLE_EMPLOYEE)

    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked == {
        "response_type": "code",
        "client_id": settings.GOOGLE_CLIENT_ID,
        "redirect_uri": CALLBACK,
        "scope": " ".join(("openid", "email", *SCOPES)),
        "state": "s1",
        "nonce": "n1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent",
        "login_hint": GOOGLE_EMPLOYEE,
    }
    assert Contracts.load().request_problems("GET", address) == []


def test_an_agreement_tells_who_it_is_and_lets_the_portal_read(providers):
    grant = agree()

    assert (grant.address, grant.hosted_domain) == (GOOGLE_EMPLOYEE, "kube.example")
    assert set(grant.granted_scopes) == {"openid", *SCOPES}
    assert grant.expires_at == NOW + timedelta(seconds=3599 - 120)
    assert reads(grant.access_token) == 200
    assert agree().subject == grant.subject
    assert agree(GOOGLE_ADMINISTRATOR).subject != grant.subject


def test_tokens_are_in_no_text_of_a_grant(providers):
    grant = agree()
    renewed = refresh(grant.refresh_token)

    shown = repr(grant) + repr(renewed)

    for token in (grant.access_token, grant.refresh_token, renewed.access_token):
        assert token not in shown


def test_what_a_person_left_out_is_not_granted(providers):
    form = {"account": GOOGLE_EMPLOYEE, "decision": "allow", "scope": [SCOPES[-1]]}
    sent_back = requests.post(url(), data=form, allow_redirects=False, timeout=10)
    code = parse_qs(urlsplit(sent_back.headers["Location"]).query)["code"][0]

    grant = exchange(code)

    assert SCOPES[-1] in grant.granted_scopes
    assert SCOPES[-2] not in grant.granted_scopes


def test_scopes_that_the_answer_does_not_name_are_asked_of_the_token(providers):
    providers.fault("no_scope_in_token")

    assert set(agree().granted_scopes) == {"openid", *SCOPES}


def test_an_agreement_without_a_refresh_token_has_a_name_of_its_own(providers):
    agree()
    again = url().replace("prompt=consent", "prompt=select_account")

    with pytest.raises(RefreshTokenMissing):
        exchange(answer_provider_page(again, GOOGLE_EMPLOYEE)["code"])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"nonce": "another"}, InvalidIdToken),
        ({"nonce": ""}, InvalidIdToken),
        ({"code_verifier": "another" * 8}, ProviderError),
        ({"redirect_uri": f"{CALLBACK}?x"}, ProviderError),
    ],
)
def test_a_code_of_another_attempt_is_worth_nothing(providers, changes, error):
    code = answer_provider_page(url(), GOOGLE_EMPLOYEE)["code"]

    with pytest.raises(error) as refused:
        exchange(code, **changes)

    assert type(refused.value) is error


def test_a_code_is_worth_something_once(providers):
    code = answer_provider_page(url(), GOOGLE_EMPLOYEE)["code"]
    exchange(code)

    with pytest.raises(ProviderError) as refused:
        exchange(code)

    assert refused.value.code == "invalid_grant"


@pytest.mark.parametrize(("fault", "error"), [("nonsense", Unreadable), ("lost_answer", Unreachable)])
def test_an_exchange_that_fails_says_how(providers, fault, error):
    code = answer_provider_page(url(), GOOGLE_EMPLOYEE)["code"]
    providers.fault(fault)

    with pytest.raises(error):
        exchange(code)


# --- renewing and losing --------------------------------------------------------------------------------------
def test_a_renewed_token_reads_and_ends_a_while_from_now(providers):
    renewed = refresh(agree().refresh_token)

    assert reads(renewed.access_token) == 200
    assert renewed.expires_at == NOW + timedelta(seconds=3599 - 120)
    assert renewed.refresh_token == ""


def test_a_replaced_refresh_token_is_handed_over_and_the_old_one_dies_with_its_use(providers):
    providers.fault("refresh_rotates")
    old = agree().refresh_token

    new = refresh(old).refresh_token

    assert new not in {"", old}
    refresh(new)
    with pytest.raises(GrantLost):
        refresh(old)


def gone_from_account(providers, grant):
    providers.control("DELETE", "google/grants", address=grant.address)


def suspended(providers, grant):
    providers.control("PATCH", f"people/{grant.address}", suspended=True)


def revoked_by_fault(providers, grant):
    providers.fault("refresh_revoked")


def pushed_out(providers, grant):
    providers.fault("refresh_tokens_limited", most=1)
    agree(grant.address)


@pytest.mark.parametrize("end", [gone_from_account, suspended, revoked_by_fault, pushed_out])
def test_a_grant_that_is_over_has_to_be_given_anew(providers, end):
    grant = agree()
    end(providers, grant)

    with pytest.raises(GrantLost) as lost:
        refresh(grant.refresh_token)

    assert (lost.value.code, lost.value.status) == ("invalid_grant", 400)


@pytest.mark.parametrize(
    ("fault", "params", "error"),
    [
        ("token_unavailable", {}, Unreachable),
        ("token_unavailable", {"error": "temporarily_unavailable", "status": 400}, Unreachable),
        ("token_unavailable", {"error": "rate_limit_exceeded", "status": 429}, Throttled),
        ("admin_policy_enforced", {}, MailboxError),
        ("nonsense", {}, Unreadable),
        ("truncated", {}, Unreadable),
        ("lost_answer", {}, Unreachable),
    ],
)
def test_trouble_while_renewing_is_no_lost_grant(providers, fault, params, error):
    grant = agree()
    providers.fault(fault, **params)

    with pytest.raises(error) as trouble:
        refresh(grant.refresh_token)

    assert type(trouble.value) is error
    providers.control("DELETE", "faults")
    assert reads(refresh(grant.refresh_token).access_token) == 200


def test_a_wrong_secret_of_the_installation_is_nobodys_lost_grant(providers, settings):
    grant = agree()
    settings.GOOGLE_CLIENT_SECRET = "rotated away"

    with pytest.raises(AuthorizationLost) as lost:
        refresh(grant.refresh_token)

    assert lost.value.reason == "key_rejected"


@pytest.mark.parametrize("lives", ["soon", float("inf"), None, {}])
def test_an_end_that_is_no_number_is_unreadable(lives):
    with pytest.raises(Unreadable):
        personal._end(json.loads(json.dumps({"expires_in": lives})), NOW)


# --- withdrawing ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
def test_a_withdrawn_grant_is_over_at_once_and_may_be_withdrawn_again(providers, which):
    grant, colleague = agree(), agree(GOOGLE_ADMINISTRATOR)

    for _ in range(2):
        revoke(getattr(grant, which))

    assert reads(grant.access_token) == 401
    with pytest.raises(GrantLost):
        refresh(grant.refresh_token)
    assert reads(refresh(colleague.refresh_token).access_token) == 200


def test_a_grant_that_could_not_be_withdrawn_says_so(providers):
    grant = agree()
    providers.fault("lost_answer", times=1)

    with pytest.raises(Unreachable):
        revoke(grant.refresh_token)

    revoke(grant.refresh_token)  # it was over already: the answer was lost, not the request


def test_the_shared_sign_in_asks_for_no_lasting_access(providers):
    address = oauth.authorization_url(
        redirect_uri=CALLBACK, scopes=["openid"], state="s1", nonce="n1", code_challenge=CHALLENGE
    )

    asked = parse_qs(urlsplit(address).query)
    assert asked["prompt"] == ["select_account"]
    assert "access_type" not in asked
