"""Events written as the organizer: ids, locks, guests, rooms and conferences."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests

from .google_client import ADMINISTRATOR, CALENDAR, EMPLOYEE, GoogleClient, reason

EVENTS = "calendars/primary/events"
ROOM = "room-anchor@kube.example"
HOUR = {
    "start": {"dateTime": "2026-09-01T10:00:00Z", "timeZone": "Europe/Berlin"},
    "end": {"dateTime": "2026-09-01T11:00:00Z", "timeZone": "Europe/Berlin"},
}
LATER = {
    "start": {"dateTime": "2026-09-01T14:00:00Z"},
    "end": {"dateTime": "2026-09-01T15:00:00Z"},
}


def new_id() -> str:
    return uuid.uuid4().hex


def insert(google: GoogleClient, subject: str = EMPLOYEE, **members: Any) -> requests.Response:
    query = {"conferenceDataVersion": 1} if "conferenceData" in members else {}
    body = {"summary": "Interview", **HOUR, **members}
    return google.call("POST", EVENTS, subject, json=body, sendUpdates="all", **query)


def wait_until(read: Callable[[], Any], seconds: float = 5) -> Any:
    """What `read` gives once it gives something."""
    until = time.monotonic() + seconds
    while not (found := read()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
    return found


def busy(google: GoogleClient, address: str) -> list[dict]:
    body = {"timeMin": "2026-09-01T09:00:00Z", "timeMax": "2026-09-01T16:00:00Z", "items": [{"id": address}]}
    return google.call("POST", "freeBusy", json=body).json()["calendars"][address]["busy"]


def test_an_event_is_written_changed_and_deleted(google: GoogleClient) -> None:
    event_id = new_id()
    made = insert(google, id=event_id, location="Here", extendedProperties={"private": {"booking": "bkg_1"}})
    assert made.json()["id"] == event_id
    assert made.json()["organizer"] == {"email": EMPLOYEE, "self": True}
    found = google.call("GET", EVENTS, privateExtendedProperty="booking=bkg_1").json()["items"]
    assert [one["id"] for one in found] == [event_id]

    moved = google.call("PATCH", f"{EVENTS}/{event_id}", json=LATER, sendUpdates="none").json()
    assert (moved["sequence"], moved["location"]) == (1, "Here")
    assert moved["start"]["dateTime"].startswith("2026-09-01T07:00:00")
    replaced = google.call("PUT", f"{EVENTS}/{event_id}", json={"summary": "Talk", **HOUR}).json()
    assert (replaced["summary"], replaced.get("location")) == ("Talk", None)

    assert google.call("DELETE", f"{EVENTS}/{event_id}", sendUpdates="all").status_code == 204
    assert reason(google.call("DELETE", f"{EVENTS}/{event_id}")) == (410, "deleted")
    assert google.call("GET", f"{EVENTS}/{event_id}").json()["status"] == "cancelled"


def test_an_id_stays_taken_even_after_the_event_was_deleted(google: GoogleClient) -> None:
    event_id = new_id()
    insert(google, id=event_id)
    assert reason(insert(google, id=event_id)) == (409, "duplicate")

    google.call("DELETE", f"{EVENTS}/{event_id}")
    assert reason(insert(google, id=event_id)) == (409, "duplicate")
    assert google.call("PUT", f"{EVENTS}/{event_id}", json=HOUR).status_code == 403


def test_a_lost_answer_is_found_by_its_id(google: GoogleClient) -> None:
    event_id = new_id()
    google.token(EMPLOYEE, CALENDAR)
    google.sandbox.fault("lost_answer", target="calendar.events.insert", times=1)

    body = {"id": event_id, **HOUR}
    assert google.call("POST", EVENTS, json=body, checked=False).status_code == 504
    assert reason(insert(google, id=event_id)) == (409, "duplicate")
    assert google.call("GET", f"{EVENTS}/{event_id}").json()["id"] == event_id


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "UPPER-CASE"},
        {"id": "abcd"},
        {"id": "abcde", "iCalUID": "x@y.example"},
        {"start": {"dateTime": "2026-09-01T12:00:00Z"}},
        {"start": {"dateTime": "2026-09-01T10:00:00"}},
        {"start": {"date": "2026-09-01"}},
        {"start": {"dateTime": "2026-09-01T10:00:00Z"}, "recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]},
        {"start": {"dateTime": "2026-09-01T10:00:00Z", "timeZone": "Mars/Olympus"}},
        {"recurrence": ["RRULE:FREQ=SOMETIMES"]},
        {"attendees": [{"displayName": "Nobody"}]},
        {"attendees": [{"email": "not an address"}]},
        {"colour": "blue"},
    ],
)
def test_a_wrong_event_is_refused(google: GoogleClient, wrong: dict) -> None:
    answer = google.call("POST", EVENTS, json={**HOUR, **wrong}, checked=False)
    assert answer.status_code == 400


def test_an_old_etag_is_refused(google: GoogleClient) -> None:
    event_id = new_id()
    tag = insert(google, id=event_id).json()["etag"]
    path = f"{EVENTS}/{event_id}"

    first = google.call("PATCH", path, json={"summary": "One"}, headers={"If-Match": tag})
    second = google.call("PATCH", path, json={"summary": "Two"}, headers={"If-Match": tag})
    assert first.status_code == 200
    assert reason(second) == (412, "conditionNotMet")


def test_guests_have_a_copy_and_their_answers_come_back(google: GoogleClient) -> None:
    event_id = new_id()
    guests = [{"email": ADMINISTRATOR}, {"email": "someone@elsewhere.example"}]
    insert(google, id=event_id, attendees=guests)

    path = f"{EVENTS}/{event_id}"
    theirs = google.call("GET", path, ADMINISTRATOR).json()
    assert theirs["organizer"] == {"email": EMPLOYEE}
    assert busy(google, ADMINISTRATOR)
    refused = google.call("PATCH", path, ADMINISTRATOR, json=LATER)
    assert reason(refused) == (403, "forbiddenForNonOrganizer")
    answer = [{"email": ADMINISTRATOR, "responseStatus": "declined"}]
    google.call("PATCH", path, ADMINISTRATOR, json={"attendees": answer})
    mine = {one["email"]: one["responseStatus"] for one in google.call("GET", path).json()["attendees"]}
    assert mine == {ADMINISTRATOR: "declined", "someone@elsewhere.example": "needsAction"}

    google.call("PATCH", path, json=LATER)
    again = {one["email"]: one["responseStatus"] for one in google.call("GET", path).json()["attendees"]}
    assert set(again.values()) == {"needsAction"}
    google.call("PATCH", path, json={"attendees": [{"email": "someone@elsewhere.example"}]})
    assert google.call("GET", path, ADMINISTRATOR).json()["status"] == "cancelled"


def test_an_invitation_reaches_the_other_provider(google: GoogleClient) -> None:
    guest = "lucas.hansen68@sigs.example"
    event_id = new_id()
    insert(google, id=event_id, attendees=[{"email": guest}])

    hour = "?from=2026-09-01T10:00:00%2B00:00&to=2026-09-01T11:00:00%2B00:00"
    events = google.sandbox.control("GET", f"mailboxes/{guest}/events{hour}")["events"]
    copy = next(one for one in events if one["id"] == event_id)
    assert (copy["response"], copy["blocks"]) == ("unanswered", True)


def test_a_room_accepts_when_free_and_declines_when_taken(google: GoogleClient) -> None:
    first, second = new_id(), new_id()
    room = [{"email": ROOM, "resource": True}]

    def answer_of(event_id: str, subject: str) -> str | None:
        row = google.call("GET", f"{EVENTS}/{event_id}", subject).json()["attendees"][0]
        assert row["resource"] is True
        return row["responseStatus"] if row["responseStatus"] != "needsAction" else None

    made = insert(google, id=first, attendees=room).json()
    assert made["attendees"][0]["responseStatus"] == "needsAction"
    assert wait_until(lambda: answer_of(first, EMPLOYEE)) == "accepted"
    insert(google, ADMINISTRATOR, id=second, attendees=room)
    assert wait_until(lambda: answer_of(second, ADMINISTRATOR)) == "declined"
    assert len(busy(google, ROOM)) == 1


def test_fault_room_declines(google: GoogleClient) -> None:
    google.sandbox.fault("room_declines", target=ROOM, seconds=0.1)
    event_id = new_id()
    insert(google, id=event_id, attendees=[{"email": ROOM}])

    def declined() -> bool:
        row = google.call("GET", f"{EVENTS}/{event_id}").json()["attendees"][0]
        return row["responseStatus"] == "declined"

    assert wait_until(declined)


def meet(request_id: str) -> dict:
    key = {"type": "hangoutsMeet"}
    return {"createRequest": {"requestId": request_id, "conferenceSolutionKey": key}}


def conference_status(google: GoogleClient, event_id: str) -> str:
    event = google.call("GET", f"{EVENTS}/{event_id}").json()
    return event["conferenceData"]["createRequest"]["status"]["statusCode"]


def test_a_conference_is_pending_and_then_there(google: GoogleClient) -> None:
    event_id = new_id()
    made = insert(google, id=event_id, conferenceData=meet("r1")).json()
    assert made["conferenceData"]["createRequest"]["status"] == {"statusCode": "pending"}
    assert "hangoutLink" not in made

    wait_until(lambda: conference_status(google, event_id) == "success")
    event = google.call("GET", f"{EVENTS}/{event_id}").json()
    entry = event["conferenceData"]["entryPoints"][0]
    assert (entry["entryPointType"], entry["uri"]) == ("video", event["hangoutLink"])
    same = google.call(
        "PATCH", f"{EVENTS}/{event_id}", json={"conferenceData": meet("r1")}, conferenceDataVersion=1
    ).json()
    assert same["hangoutLink"] == event["hangoutLink"]


def test_without_the_version_the_conference_is_silently_ignored(google: GoogleClient) -> None:
    answer = google.call("POST", EVENTS, json={**HOUR, "conferenceData": meet("r1")})

    assert answer.status_code == 200
    assert "conferenceData" not in answer.json()


def test_conference_faults(google: GoogleClient) -> None:
    google.sandbox.fault("conference_type_refused", times=1)
    assert "Invalid conference type value" in insert(google, conferenceData=meet("r1")).text

    google.sandbox.fault("meet_pending", seconds=30, times=1)
    slow = insert(google, conferenceData=meet("r2")).json()["id"]
    google.sandbox.fault("meet_fails", times=1)
    fails = insert(google, conferenceData=meet("r3")).json()["id"]
    wait_until(lambda: conference_status(google, fails) == "failure")
    assert conference_status(google, slow) == "pending"


def test_one_occurrence_is_moved_and_another_deleted(google: GoogleClient) -> None:
    series = new_id()
    insert(google, id=series, recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"])
    path = f"{EVENTS}/{series}/instances"
    ids = [one["id"] for one in google.call("GET", path).json()["items"]]
    assert len(ids) == 4
    assert ids[0] == f"{series}_20260901T100000Z"

    later = {
        "start": {"dateTime": "2026-09-08T14:00:00Z"},
        "end": {"dateTime": "2026-09-08T15:00:00Z"},
    }
    moved = google.call("PATCH", f"{EVENTS}/{ids[1]}", json=later).json()
    assert moved["recurringEventId"] == series
    assert moved["originalStartTime"]["dateTime"] == "2026-09-08T03:00:00-07:00"
    assert google.call("DELETE", f"{EVENTS}/{ids[2]}").status_code == 204
    left = [one["id"] for one in google.call("GET", path).json()["items"]]
    assert left == [ids[0], ids[1], ids[3]]


def test_weekly_wall_time_stays_when_the_clock_changes(google: GoogleClient) -> None:
    start = {"dateTime": "2026-10-20T09:00:00", "timeZone": "Europe/Berlin"}
    end = {"dateTime": "2026-10-20T10:00:00", "timeZone": "Europe/Berlin"}
    made = insert(google, start=start, end=end, recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"]).json()

    items = google.call("GET", f"{EVENTS}/{made['id']}/instances", timeZone="UTC").json()["items"]
    assert [one["start"]["dateTime"] for one in items] == ["2026-10-20T07:00:00Z", "2026-10-27T08:00:00Z"]


def test_a_service_account_without_delegation_cannot_invite(google: GoogleClient) -> None:
    token = google.exchange(google.assertion(None, CALENDAR)).json()["access_token"]
    answer = google.call(
        "POST",
        EVENTS,
        json={**HOUR, "attendees": [{"email": EMPLOYEE}]},
        headers={"Authorization": f"Bearer {token}"},
    )

    assert reason(answer) == (403, "forbiddenForServiceAccounts")


def test_rooms_calendars_cannot_be_written(google: GoogleClient) -> None:
    answer = google.call("POST", f"calendars/{ROOM}/events", json=HOUR)
    assert reason(answer) == (403, "requiredAccessLevel")
