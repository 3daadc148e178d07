"""What a person grants in the browser, the refresh tokens that come of it, and how they end."""

from __future__ import annotations

import pytest
import requests

from tests.contracts import Contracts

from .google_client import ADMINISTRATOR, CALENDAR, EMPLOYEE, FREE_BUSY, refusal
from .server import SandboxServer
from .test_google_sign_in import CLIENT_ID, SECRET, Browser

GONE = (400, "invalid_grant", "Token has been expired or revoked.")


class Member(Browser):
    """One person who lets the client read their calendar."""

    def agree(self, account: str = EMPLOYEE, *scopes: str, **more: str) -> dict:
        """The token answer after the person allowed all that was asked."""
        wanted = scopes or (FREE_BUSY,)
        asked = {"scope": " ".join(("openid", "email", *wanted)), "access_type": "offline", **more}
        return self.exchange(self.decide(account, scopes=wanted, **asked)["code"]).json()

    def refresh(self, token: str) -> requests.Response:
        return self.post(
            {
                "grant_type": "refresh_token",
                "refresh_token": token,
                "client_id": CLIENT_ID,
                "client_secret": SECRET,
            }
        )

    def revoke(self, token: str) -> requests.Response:
        answer = requests.post(self.sandbox.host("oauth2.googleapis.com") + "/revoke", data={"token": token})
        assert self.contracts.problems(answer) == []
        return answer

    def reads(self, access_token: str) -> int:
        """The status of reading the person's calendar."""
        url = self.sandbox.host("www.googleapis.com") + "/calendar/v3/calendars/primary/events"
        headers = {"Authorization": f"Bearer {access_token}"}
        return requests.get(url, params={"maxResults": 1}, headers=headers, timeout=10).status_code

    def grants(self) -> list[dict]:
        return self.sandbox.control("GET", "google/grants")["grants"]


@pytest.fixture
def member(sandbox: SandboxServer, contracts: Contracts) -> Member:
    return Member(sandbox, contracts)


def test_one_person_lets_the_client_read_their_calendar_for_long(member: Member) -> None:
    answer = member.agree(prompt="consent")

    later = member.refresh(answer["refresh_token"]).json()

    assert member.reads(answer["access_token"]) == 200
    assert member.reads(later["access_token"]) == 200
    assert "refresh_token" not in later
    assert member.grants() == [
        {
            "address": EMPLOYEE,
            "client_id": CLIENT_ID,
            "scopes": sorted(["openid", "https://www.googleapis.com/auth/userinfo.email", FREE_BUSY]),
            "offline": True,
            "refresh_tokens": 1,
        }
    ]


def test_nothing_that_lasts_comes_without_offline_access(member: Member) -> None:
    assert "refresh_token" not in member.agree(access_type="online", prompt="consent")


def test_a_second_consent_gives_a_refresh_token_only_when_google_asks_again(member: Member) -> None:
    first = member.agree()

    second = member.agree()
    third = member.agree(prompt="consent")
    wider = member.agree(EMPLOYEE, FREE_BUSY, CALENDAR)

    assert "refresh_token" in first
    assert "refresh_token" not in second
    assert "refresh_token" in third
    assert "refresh_token" in wider, "more scopes are a new consent"
    assert member.refresh(first["refresh_token"]).status_code == 200


def test_withdrawing_any_token_ends_all_that_the_person_granted(member: Member) -> None:
    older, newer = member.agree(), member.agree(prompt="consent")
    colleague = member.agree(ADMINISTRATOR)
    sign_in = member.agree(access_type="online")

    assert member.revoke(sign_in["access_token"]).status_code == 200

    for answer in (older, newer):
        assert refusal(member.refresh(answer["refresh_token"])) == GONE
        assert member.reads(answer["access_token"]) == 401
    assert member.refresh(colleague["refresh_token"]).status_code == 200
    assert member.revoke(older["refresh_token"]).status_code == 400
    assert "refresh_token" in member.agree(), "the next consent is a first one again"


def test_a_person_takes_the_application_off_their_account(member: Member) -> None:
    answer = member.agree()

    member.sandbox.control("DELETE", "google/grants", address=EMPLOYEE)

    assert refusal(member.refresh(answer["refresh_token"])) == GONE
    assert member.reads(answer["access_token"]) == 401
    assert member.grants() == []


def test_fault_refresh_rotates_replaces_the_token_once_the_new_one_was_used(member: Member) -> None:
    member.sandbox.fault("refresh_rotates")
    old = member.agree()["refresh_token"]

    lost = member.refresh(old).json()["refresh_token"]
    new = member.refresh(old).json()["refresh_token"]

    assert len({old, lost, new}) == 3, "the old one still works while an answer may have been lost"
    newest = member.refresh(new).json()["refresh_token"]
    assert refusal(member.refresh(old)) == GONE
    assert member.refresh(newest).status_code == 200


def test_the_oldest_refresh_token_dies_when_there_are_too_many(member: Member) -> None:
    member.sandbox.fault("refresh_tokens_limited", most=2)
    tokens = [member.agree(prompt="consent")["refresh_token"] for _ in range(3)]
    other = member.agree(ADMINISTRATOR)["refresh_token"]

    assert refusal(member.refresh(tokens[0])) == GONE
    assert [member.refresh(one).status_code for one in (*tokens[1:], other)] == [200, 200, 200]


def test_a_person_who_left_has_no_tokens(member: Member) -> None:
    token = member.agree()["refresh_token"]

    member.sandbox.control("PATCH", f"people/{EMPLOYEE}", suspended=True)

    assert refusal(member.refresh(token)) == GONE
