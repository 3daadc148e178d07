"""Google's own client libraries get along with the sandbox."""

from __future__ import annotations

from typing import Any

import pytest
from google.auth.exceptions import RefreshError
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from .google_client import ADMINISTRATOR, CALENDAR, EMPLOYEE, FREE_BUSY, USERS, GoogleClient

WINDOW = {"timeMin": "2026-08-01T00:00:00Z", "timeMax": "2026-08-20T00:00:00Z"}
PATHS = {
    "calendar": "www.googleapis.com/calendar/v3/",
    "admin": "admin.googleapis.com/",
    "meet": "meet.googleapis.com/",
}


def credentials(google: GoogleClient, subject: str, scope: str) -> Any:
    info = {**google.account, "token_uri": google.sandbox.host("oauth2.googleapis.com") + "/token"}
    return service_account.Credentials.from_service_account_info(info, scopes=[scope], subject=subject)


def service(google: GoogleClient, name: str, version: str, subject: str, scope: str) -> Any:
    return build(
        name,
        version,
        credentials=credentials(google, subject, scope),
        static_discovery=True,
        client_options={"api_endpoint": google.sandbox.host(PATHS[name])},
    )


def test_the_client_reads_calendars_with_pages_and_sync_tokens(google: GoogleClient) -> None:
    calendar = service(google, "calendar", "v3", EMPLOYEE, CALENDAR)

    assert calendar.calendarList().list().execute()["items"][0]["id"] == EMPLOYEE
    request = calendar.events().list(calendarId="primary", singleEvents=True, maxResults=5, **WINDOW)
    items: list[dict] = []
    while request is not None:
        page = request.execute()
        items += page["items"]
        request = calendar.events().list_next(request, page)
    assert len(items) > 5
    later = calendar.events().list(calendarId="primary", singleEvents=True, syncToken=page["nextSyncToken"])
    assert later.execute()["items"] == []


def test_the_client_asks_for_free_busy_in_the_narrow_mode(google: GoogleClient) -> None:
    calendar = service(google, "calendar", "v3", EMPLOYEE, FREE_BUSY)
    body = {**WINDOW, "items": [{"id": EMPLOYEE}]}

    assert calendar.freebusy().query(body=body).execute()["calendars"][EMPLOYEE]["busy"]
    with pytest.raises(HttpError) as refused:
        calendar.events().insert(calendarId="primary", body={}).execute()
    assert refused.value.resp.status == 403


def test_the_client_writes_an_event_with_a_conference(google: GoogleClient) -> None:
    events = service(google, "calendar", "v3", EMPLOYEE, CALENDAR).events()
    body = {
        "summary": "Interview",
        "start": {"dateTime": "2026-09-01T10:00:00Z"},
        "end": {"dateTime": "2026-09-01T11:00:00Z"},
        "attendees": [{"email": ADMINISTRATOR}],
        "conferenceData": {
            "createRequest": {"requestId": "r", "conferenceSolutionKey": {"type": "hangoutsMeet"}}
        },
    }
    made = events.insert(
        calendarId="primary", conferenceDataVersion=1, sendUpdates="all", body=body
    ).execute()
    events.patch(calendarId="primary", eventId=made["id"], body={"summary": "Talk"}).execute()

    assert events.get(calendarId="primary", eventId=made["id"]).execute()["summary"] == "Talk"
    assert events.delete(calendarId="primary", eventId=made["id"]).execute() == ""


def test_the_client_lists_users(google: GoogleClient) -> None:
    users = service(google, "admin", "directory_v1", ADMINISTRATOR, USERS).users()
    request, count = users.list(customer="my_customer", maxResults=500), 0
    while request is not None:
        page = request.execute()
        count += len(page["users"])
        request = users.list_next(request, page)

    assert count == 1260


def test_the_client_says_why_it_got_no_token(google: GoogleClient) -> None:
    google.sandbox.control("DELETE", "delegation")
    calendar = service(google, "calendar", "v3", EMPLOYEE, CALENDAR)

    with pytest.raises(RefreshError, match="unauthorized_client"):
        calendar.calendarList().list().execute()
