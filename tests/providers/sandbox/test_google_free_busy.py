"""freeBusy.query: bounds, groups, and errors of single calendars."""

from __future__ import annotations

from typing import Any

import pytest

from connections.sandbox.people import people

from .google_client import ADMINISTRATOR, EMPLOYEE, FREE_BUSY, GoogleClient


def ask(google: GoogleClient, items: list[str], **more: Any) -> Any:
    body = {
        "timeMin": "2026-08-03T00:00:00Z",
        "timeMax": "2026-08-17T00:00:00Z",
        "items": [{"id": one} for one in items],
        **more,
    }
    return google.call("POST", "freeBusy", scope=FREE_BUSY, json=body)


def test_an_error_of_one_calendar_stands_inside_a_200(google: GoogleClient) -> None:
    calendars = ask(google, [EMPLOYEE, ADMINISTRATOR, "nobody@kube.example", "rosa.rival@rival.example"])

    assert calendars.status_code == 200
    answer = calendars.json()["calendars"]
    assert answer[ADMINISTRATOR]["busy"]
    assert "errors" not in answer[EMPLOYEE]
    for stranger in ("nobody@kube.example", "rosa.rival@rival.example"):
        assert answer[stranger]["errors"] == [{"domain": "global", "reason": "notFound"}]


@pytest.mark.parametrize(
    ("fault", "expected"), [("calendar_error", "internalError"), ("not_shared", "notFound")]
)
def test_faults_of_one_calendar(google: GoogleClient, fault: str, expected: str) -> None:
    google.sandbox.fault(fault, target=ADMINISTRATOR)
    answer = ask(google, [EMPLOYEE, ADMINISTRATOR]).json()["calendars"]

    assert answer[ADMINISTRATOR]["errors"][0]["reason"] == expected
    assert "errors" not in answer[EMPLOYEE]


def test_the_window_of_free_busy_is_bounded(google: GoogleClient) -> None:
    too_long = ask(google, [EMPLOYEE], timeMax="2026-11-10T00:00:00Z")
    assert too_long.status_code == 400
    assert "The requested time range is too long" in too_long.json()["error"]["message"]
    assert ask(google, [EMPLOYEE], timeMax="2026-10-30T00:00:00Z").status_code == 200
    assert ask(google, [EMPLOYEE], timeMax="2026-08-01T00:00:00Z").status_code == 400


def test_groups_are_opened_up_to_their_bound(google: GoogleClient) -> None:
    small, large = "all-provider-aws@kube.example", "all-sig-docs@kube.example"
    answer = ask(google, [small, large]).json()

    assert len(answer["groups"][small]["calendars"]) == 5
    assert set(answer["groups"][small]["calendars"]) <= set(answer["calendars"])
    too_big = ask(google, [small], groupExpansionMax=2).json()["groups"][small]
    assert too_big["errors"][0]["reason"] == "groupTooBig"


def test_more_than_fifty_calendars_are_told_one_by_one(google: GoogleClient) -> None:
    asked = [one.email for one in people() if one.domain == "kube.example"][:55]
    body = {
        "timeMin": "2026-08-03T00:00:00Z",
        "timeMax": "2026-08-04T00:00:00Z",
        "items": [{"id": one} for one in asked],
    }
    answer = google.call("POST", "freeBusy", json=body, checked=False).json()["calendars"]
    refused = [one for one in answer.values() if "errors" in one]

    assert len(refused) == 5
    assert refused[0]["errors"][0]["reason"] == "tooManyCalendarsRequested"
