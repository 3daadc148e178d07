"""Calendar lists, events and free/busy as Google answers them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from connections.sandbox.mailboxes import has_second_calendar
from connections.sandbox.people import people

from .google_client import (
    ADMINISTRATOR,
    CALENDAR_LIST,
    EMPLOYEE,
    FREE_BUSY,
    GoogleClient,
    reason,
)

EVENTS = "calendars/primary/events"
WINDOW = {"timeMin": "2026-08-01T00:00:00Z", "timeMax": "2026-11-01T00:00:00Z"}
EXPANDED = {"singleEvents": True, **WINDOW}
MEETER = next(one for one in people() if one.id == "8c20cfa59c9d1b6e6a83").email  # 27 meetings


def event_at(google: GoogleClient, **more: Any) -> str:
    """An event somebody else put into the employee's calendar; its id."""
    values = {"start": "2026-09-01T10:00:00+00:00", "end": "2026-09-01T11:00:00+00:00", **more}
    return google.sandbox.control("POST", f"mailboxes/{EMPLOYEE}/events", **values)["id"]


def whole_round(google: GoogleClient, **query: Any) -> tuple[list[dict], str]:
    """Every item of a listing and the sync token of its last page."""
    items, pages = [], 0
    while True:
        answer = google.call("GET", EVENTS, **query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        pages += 1
        assert pages < 50
        if "nextPageToken" not in page:
            return items, page["nextSyncToken"]
        assert "nextSyncToken" not in page
        query["pageToken"] = page["nextPageToken"]


# Calendar lists


def test_the_calendar_list_has_the_primary_and_for_some_a_second_calendar(google: GoogleClient) -> None:
    person = next(one for one in people() if one.domain == "kube.example" and has_second_calendar(one.id))
    answer = google.call("GET", "users/me/calendarList", person.email, CALENDAR_LIST).json()

    first, second = answer["items"]
    assert (first["id"], first["primary"], first["timeZone"]) == (person.email, True, person.time_zone)
    assert second["summary"].startswith("Private plans")
    assert "primary" not in second
    again = google.call(
        "GET", "users/me/calendarList", person.email, CALENDAR_LIST, syncToken=answer["nextSyncToken"]
    )
    assert again.json()["items"] == []
    entry = google.call("GET", f"users/me/calendarList/{second['id']}", person.email, CALENDAR_LIST)
    assert entry.json()["id"] == second["id"]
    plans = google.call(
        "GET",
        f"calendars/{second['id']}/events",
        person.email,
        singleEvents=True,
        timeMin="2025-07-01T00:00:00Z",
        timeMax="2025-07-20T00:00:00Z",
    ).json()["items"]
    assert len(plans) == 3


def test_the_list_is_paged_and_its_sync_token_takes_no_other_filter(google: GoogleClient) -> None:
    person = next(one for one in people() if one.domain == "kube.example" and has_second_calendar(one.id))
    page = google.call("GET", "users/me/calendarList", person.email, maxResults=1).json()
    last = google.call(
        "GET", "users/me/calendarList", person.email, maxResults=1, pageToken=page["nextPageToken"]
    ).json()

    assert "nextSyncToken" not in page
    wrong = google.call(
        "GET",
        "users/me/calendarList",
        person.email,
        syncToken=last["nextSyncToken"],
        minAccessRole="owner",
    )
    assert wrong.status_code == 400


def test_zone_and_settings_need_the_wide_scope(google: GoogleClient) -> None:
    assert google.call("GET", "calendars/primary").json()["timeZone"] == "America/Los_Angeles"
    assert google.call("GET", "users/me/settings/timezone").json()["value"] == "America/Los_Angeles"
    for path in ("calendars/primary", "users/me/settings/timezone"):
        assert reason(google.call("GET", path, scope=FREE_BUSY)) == (403, "insufficientPermissions")


# Events


def test_times_bound_the_end_and_the_start_exclusively(google: GoogleClient) -> None:
    event_at(google, summary="Edge")
    for low, high, seen in (
        ("2026-09-01T10:59:59Z", "2026-09-01T12:00:00Z", True),
        ("2026-09-01T11:00:00Z", "2026-09-01T12:00:00Z", False),
        ("2026-09-01T09:00:00Z", "2026-09-01T10:00:01Z", True),
        ("2026-09-01T09:00:00Z", "2026-09-01T10:00:00Z", False),
    ):
        items = google.call("GET", EVENTS, singleEvents=True, timeMin=low, timeMax=high).json()["items"]
        assert any(one["summary"] == "Edge" for one in items) is seen


@pytest.mark.parametrize(
    "query",
    [
        {"timeMin": "2026-09-01T11:00:00"},
        {"timeMin": "2026-09-02T00:00:00Z", "timeMax": "2026-09-01T00:00:00Z"},
        {"orderBy": "startTime"},
        {"pageToken": "nonsense"},
        {"timeZone": "Mars/Olympus"},
        {"maxResults": "2501"},
        {"singleEvents": "yes"},
        {"colour": "blue"},
    ],
)
def test_a_wrong_query_is_refused(google: GoogleClient, query: dict) -> None:
    assert google.call("GET", EVENTS, checked=False, **query).status_code == 400


def test_pages_hold_250_and_the_sync_token_stands_on_the_last(google: GoogleClient) -> None:
    window = {"singleEvents": True, "timeMin": "2025-08-01T00:00:00Z", "timeMax": "2026-08-01T00:00:00Z"}
    first = google.call("GET", EVENTS, MEETER, **window).json()
    all_at_once = google.call("GET", EVENTS, MEETER, maxResults=2500, **window).json()

    assert len(first["items"]) == 250
    assert "nextSyncToken" not in first
    assert "nextSyncToken" in all_at_once
    second = google.call("GET", EVENTS, MEETER, pageToken=first["nextPageToken"], **window).json()
    ids = [one["id"] for one in all_at_once["items"]]
    assert [one["id"] for one in first["items"] + second["items"]] == ids[:500]
    moved = google.call(
        "GET", EVENTS, MEETER, checked=True, pageToken=first["nextPageToken"], singleEvents=True
    )
    assert moved.status_code == 400


def test_series_come_as_master_and_exceptions_or_expanded(google: GoogleClient) -> None:
    stored = google.call("GET", EVENTS, MEETER, maxResults=2500, **WINDOW).json()["items"]
    expanded = google.call("GET", EVENTS, MEETER, maxResults=2500, **EXPANDED).json()["items"]

    masters = {one["id"]: one for one in stored if "recurrence" in one}
    exceptions = [one for one in stored if "recurringEventId" in one]
    cancelled = [one for one in exceptions if one["status"] == "cancelled"]
    moved = [one for one in exceptions if one["status"] != "cancelled"]
    assert masters
    assert cancelled
    assert moved
    assert all(
        set(one) == {"kind", "etag", "id", "status", "recurringEventId", "originalStartTime"}
        for one in cancelled
    )
    for one in moved:
        planned = datetime.fromisoformat(one["originalStartTime"]["dateTime"])
        assert datetime.fromisoformat(one["start"]["dateTime"]) - planned == timedelta(hours=1)
    assert all("recurrence" not in one and one["status"] != "cancelled" for one in expanded)
    shown = {one["id"] for one in expanded}
    assert not shown & {one["id"] for one in cancelled}
    with_deleted = google.call("GET", EVENTS, MEETER, maxResults=2500, showDeleted=True, **EXPANDED)
    assert {one["id"] for one in cancelled} <= {one["id"] for one in with_deleted.json()["items"]}
    master = next(iter(masters.values()))
    instances = google.call(
        "GET", f"{EVENTS}/{master['id']}/instances", MEETER, maxResults=2500, **WINDOW
    ).json()["items"]
    assert {one["id"] for one in instances} == {
        one["id"] for one in expanded if one.get("recurringEventId") == master["id"]
    }
    one = google.call("GET", f"{EVENTS}/{instances[0]['id']}", MEETER).json()
    assert one == instances[0]


def test_the_kinds_of_the_rule_in_googles_words(google: GoogleClient) -> None:
    found: dict[str, dict] = {}
    for kind in ("free", "declined", "private", "out_of_office", "elsewhere", "unanswered"):
        event_id = event_at(google, busy=kind)
        found[kind] = google.call("GET", f"{EVENTS}/{event_id}").json()
    day = google.sandbox.control(
        "POST", f"mailboxes/{EMPLOYEE}/events", date="2026-03-08", busy="all_day_busy"
    )["id"]

    assert found["free"]["transparency"] == "transparent"
    assert found["private"]["visibility"] == "private"
    assert found["out_of_office"]["eventType"] == "outOfOffice"
    assert (found["elsewhere"]["eventType"], found["elsewhere"]["transparency"]) == (
        "workingLocation",
        "transparent",
    )
    whole_day = google.call("GET", f"{EVENTS}/{day}").json()
    assert (whole_day["start"], whole_day["end"]) == ({"date": "2026-03-08"}, {"date": "2026-03-09"})
    # The clock goes forward that day in Los Angeles: the day has 23 hours.
    busy = google.call(
        "POST",
        "freeBusy",
        json={
            "timeMin": "2026-03-08T00:00:00Z",
            "timeMax": "2026-03-10T00:00:00Z",
            "items": [{"id": EMPLOYEE}],
        },
    ).json()["calendars"][EMPLOYEE]["busy"]
    assert {"start": "2026-03-08T08:00:00Z", "end": "2026-03-09T07:00:00Z"} in busy


def test_own_answers_stand_at_the_own_attendee(google: GoogleClient) -> None:
    items = google.call("GET", EVENTS, maxResults=2500, **EXPANDED).json()["items"]
    answers = {
        attendee["responseStatus"]
        for event in items
        for attendee in event["attendees"]
        if attendee.get("self")
    }
    assert answers == {"accepted", "declined", "needsAction"}


def test_free_busy_tokens_get_times_only(google: GoogleClient) -> None:
    text = google.call("GET", EVENTS, scope=FREE_BUSY, maxResults=2500, **EXPANDED)

    assert "canary-" not in text.text
    for event in text.json()["items"]:
        assert not {"summary", "description", "location", "attendees", "organizer"} & set(event)
        assert {"id", "status", "start", "end"} <= set(event)


def test_partial_answers_hold_the_named_members(google: GoogleClient) -> None:
    answer = google.call(
        "GET", EVENTS, fields="items(id,start/dateTime),nextPageToken", maxResults=2, **EXPANDED
    ).json()

    assert set(answer) == {"items", "nextPageToken"}
    assert all(set(one) <= {"id", "start"} for one in answer["items"])
    assert google.call("GET", EVENTS, fields="items(id").status_code == 400


def test_nobody_reads_another_persons_events(google: GoogleClient) -> None:
    assert reason(google.call("GET", f"calendars/{ADMINISTRATOR}/events")) == (404, "notFound")
    assert google.call("GET", f"calendars/{EMPLOYEE}/events", maxResults=1).status_code == 200
    assert google.call("GET", "calendars/room-anchor@kube.example/events").json()["items"] == []


# Sync tokens


def test_an_incremental_round_brings_changes_and_deletions(google: GoogleClient) -> None:
    changed, gone = event_at(google), event_at(google)
    _, token = whole_round(google, **EXPANDED)
    assert whole_round(google, singleEvents=True, syncToken=token)[0] == []

    new = event_at(google, summary="New")
    path = f"mailboxes/{EMPLOYEE}/events"
    google.sandbox.control(
        "PATCH", f"{path}/{changed}", start="2026-09-02T10:00:00+00:00", end="2026-09-02T11:00:00+00:00"
    )
    google.sandbox.control("DELETE", f"{path}/{gone}")

    items, after = whole_round(google, singleEvents=True, syncToken=token)
    found = {one["id"]: one for one in items}
    assert set(found) == {new, changed, gone}
    assert set(found[gone]) == {"kind", "etag", "id", "status"}
    assert found[gone]["status"] == "cancelled"
    assert found[changed]["start"]["dateTime"] == "2026-09-02T03:00:00-07:00"
    assert whole_round(google, singleEvents=True, syncToken=after)[0] == []
    paged, _ = whole_round(google, singleEvents=True, syncToken=token, maxResults=1)
    assert [one["id"] for one in paged] == [one["id"] for one in items]


def test_changes_between_pages_come_with_the_next_round(google: GoogleClient) -> None:
    first = google.call("GET", EVENTS, maxResults=10, **EXPANDED).json()
    new = event_at(google)
    rest = {"pageToken": first["nextPageToken"], **EXPANDED}
    _, token = whole_round(google, **rest)

    assert [one["id"] for one in whole_round(google, singleEvents=True, syncToken=token)[0]] == [new]


def test_a_changed_series_brings_its_occurrences(google: GoogleClient) -> None:
    series = event_at(google, rrule="FREQ=WEEKLY;BYDAY=TU;COUNT=4", time_zone="UTC")
    items, token = whole_round(google, **EXPANDED)
    ids = [one["id"] for one in items if one.get("recurringEventId") == series]
    assert len(ids) == 4

    path = f"mailboxes/{EMPLOYEE}/events"
    google.sandbox.control("DELETE", f"{path}/{ids[1]}")
    items, token = whole_round(google, singleEvents=True, syncToken=token)
    assert [(one["id"], one["status"], one["recurringEventId"]) for one in items] == [
        (ids[1], "cancelled", series)
    ]

    google.sandbox.control(
        "PATCH", f"{path}/{series}", start="2026-09-01T12:00:00+00:00", end="2026-09-01T13:00:00+00:00"
    )
    items, token = whole_round(google, singleEvents=True, syncToken=token)
    gone = {one["id"] for one in items if one["status"] == "cancelled"}
    assert {ids[0], ids[2], ids[3]} <= gone
    assert len([one for one in items if one["status"] == "confirmed"]) == 4

    google.sandbox.control("DELETE", f"{path}/{series}")
    items, _ = whole_round(google, singleEvents=True, syncToken=token)
    assert {one["status"] for one in items} == {"cancelled"}
    assert len(items) >= 4


@pytest.mark.parametrize(
    "query",
    [
        {"singleEvents": True, "timeMin": "2026-08-01T00:00:00Z"},
        {"singleEvents": True, "timeMax": "2026-08-01T00:00:00Z"},
        {"singleEvents": True, "q": "plan"},
        {"singleEvents": True, "orderBy": "updated"},
        {"singleEvents": True, "updatedMin": "2026-08-01T00:00:00Z"},
        {"singleEvents": True, "showDeleted": False},
        {"singleEvents": False},
        {},
    ],
)
def test_a_sync_token_is_bound_to_the_parameters_of_its_round(google: GoogleClient, query: dict) -> None:
    _, token = whole_round(google, **EXPANDED)

    assert google.call("GET", EVENTS, syncToken=token, **query).status_code == 400


def test_a_sync_token_belongs_to_one_calendar(google: GoogleClient) -> None:
    _, token = whole_round(google, **EXPANDED)

    answer = google.call("GET", EVENTS, ADMINISTRATOR, singleEvents=True, syncToken=token)
    assert reason(answer) == (410, "fullSyncRequired")


def test_fault_sync_token_expired(google: GoogleClient) -> None:
    _, token = whole_round(google, **EXPANDED)
    google.sandbox.fault("sync_token_expired", target=EMPLOYEE, times=1)

    answer = google.call("GET", EVENTS, singleEvents=True, syncToken=token)
    assert reason(answer) == (410, "fullSyncRequired")
    assert google.call("GET", EVENTS, singleEvents=True, syncToken=token).status_code == 200


def test_a_page_of_an_incremental_round_needs_its_sync_token(google: GoogleClient) -> None:
    _, token = whole_round(google, **EXPANDED)
    event_at(google)
    event_at(google)
    page = google.call("GET", EVENTS, singleEvents=True, syncToken=token, maxResults=1).json()

    wrong = google.call("GET", EVENTS, singleEvents=True, pageToken=page["nextPageToken"])
    assert wrong.status_code == 400


def test_no_sync_token_after_an_ordered_or_filtered_listing(google: GoogleClient) -> None:
    for query in ({"orderBy": "startTime"}, {"q": "canary"}):
        page = google.call("GET", EVENTS, maxResults=2500, **query, **EXPANDED).json()
        assert page["items"]
        assert "nextSyncToken" not in page
