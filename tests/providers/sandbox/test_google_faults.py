"""Calls outside the scopes, and calls that are refused, broken or slow because a fault says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from .google_client import (
    ADMINISTRATOR,
    CALENDAR,
    CALENDAR_LIST,
    EMAIL,
    EMPLOYEE,
    FREE_BUSY,
    GoogleClient,
    reason,
)

EVENTS = "calendars/primary/events"
WINDOW = {"timeMin": "2026-08-01T00:00:00Z", "timeMax": "2026-10-30T00:00:00Z"}
EXPANDED = {"singleEvents": True, **WINDOW}


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", "users/me/calendarList", {}),
        ("GET", EVENTS, {}),
        ("POST", "freeBusy", {"json": {**WINDOW, "items": [{"id": EMPLOYEE}]}}),
    ],
)
def test_a_call_outside_the_scopes_is_403(google: GoogleClient, method: str, path: str, more: dict) -> None:
    assert reason(google.call(method, path, scope=EMAIL, **more)) == (403, "insufficientPermissions")


def test_free_busy_scopes_read_but_do_not_write(google: GoogleClient) -> None:
    hour = {"start": {"dateTime": "2026-09-01T10:00:00Z"}, "end": {"dateTime": "2026-09-01T11:00:00Z"}}
    answer = google.call("POST", EVENTS, scope=f"{FREE_BUSY} {CALENDAR_LIST}", json=hour)
    assert reason(answer) == (403, "insufficientPermissions")
    assert google.call("POST", EVENTS, scope=CALENDAR, json=hour).status_code == 200


@pytest.mark.parametrize(
    ("fault", "params", "expected"),
    [
        ("rate_limited", {}, (429, "rateLimitExceeded")),
        ("rate_limited", {"status": 403, "reason": "userRateLimitExceeded"}, (403, "userRateLimitExceeded")),
        ("rate_limited", {"status": 403, "reason": "quotaExceeded"}, (403, "quotaExceeded")),
        ("server_error", {"status": 503}, (503, "backendError")),
        ("access_not_configured", {}, (403, "accessNotConfigured")),
        ("not_a_calendar_user", {}, (403, "notACalendarUser")),
    ],
)
def test_refusals_that_can_be_switched_on(
    google: GoogleClient, fault: str, params: dict, expected: tuple
) -> None:
    google.sandbox.fault(fault, target=EMPLOYEE, times=1, **params)

    assert google.call("GET", EVENTS, ADMINISTRATOR).status_code == 200
    assert reason(google.call("GET", EVENTS)) == expected
    assert google.call("GET", EVENTS).status_code == 200


def test_retry_after_stands_only_when_asked_for(google: GoogleClient) -> None:
    google.sandbox.fault("rate_limited", retry_after=7, times=1)
    assert google.call("GET", EVENTS).headers["Retry-After"] == "7"

    google.sandbox.fault("rate_limited", times=1)
    assert "Retry-After" not in google.call("GET", EVENTS).headers


def test_fault_failing_page(google: GoogleClient) -> None:
    google.sandbox.fault("failing_page", page=2, target="calendar.events.list", times=1)
    first = google.call("GET", EVENTS, maxResults=5, **EXPANDED).json()
    rest = {"maxResults": 5, "pageToken": first["nextPageToken"], **EXPANDED}

    assert google.call("GET", EVENTS, **rest).status_code == 500
    assert google.call("GET", EVENTS, **rest).status_code == 200


def test_nonsense_half_answers_and_slow_ones(google: GoogleClient) -> None:
    google.sandbox.fault("nonsense", target="calendar.events.list", times=1)
    assert google.call("GET", EVENTS, checked=False).text.startswith("<!doctype html>")

    google.sandbox.fault("truncated", target="calendar.events.list", times=1)
    with pytest.raises(ValueError, match=r"."):
        google.call("GET", EVENTS, checked=False).json()

    google.sandbox.fault("latency", ms=300, target="www.googleapis.com", times=1)
    began = datetime.now(UTC)
    google.call("GET", EVENTS, maxResults=1)
    assert datetime.now(UTC) - began > timedelta(milliseconds=290)


def test_no_token_is_401(google: GoogleClient) -> None:
    answer = google.call("GET", EVENTS, headers={"Authorization": "Bearer nonsense"})
    assert reason(answer) == (401, "authError")
    assert google.call("GET", "nothing/here", checked=False).status_code == 404
