"""Writing events as the organizer at the sandbox's Microsoft."""

import time

import pytest

from .microsoft_client import ADMIN, EMPLOYEE, Graph, at, window

EVENTS = f"/users/{ADMIN}/events"
ROOM = "room-anchor@sigs.example"
ROOM_SECONDS = 5


@pytest.fixture
def graph(sandbox):
    return Graph(sandbox, "calendar-read-write")


def body(**changes):
    """A meeting of the administrator and an employee."""
    return {
        "subject": "Interview",
        "body": {"contentType": "html", "content": "<p>See you.</p>"},
        "start": at("2026-08-05T09:00:00", "Pacific Standard Time"),
        "end": at("2026-08-05T09:30:00", "Pacific Standard Time"),
        "attendees": [invited(EMPLOYEE)],
    } | changes


def invited(address, kind="required"):
    return {"emailAddress": {"address": address, "name": address.partition("@")[0]}, "type": kind}


def same_event(graph, address, subject):
    """The event with this subject in another mailbox, None when it is not there."""
    query = window("2026-08-05", "2026-08-06") | {"$filter": f"subject eq '{subject}'"}
    found = graph.get(f"/users/{address}/calendarView", params=query)["value"]
    return found[0] if found else None


def response_of(graph, event, address):
    shown = graph.get(f"{EVENTS}/{event['id']}")
    answers = {one["emailAddress"]["address"]: one["status"]["response"] for one in shown["attendees"]}
    return answers[address]


def wait_for(check, wanted):
    """Wait until a check gives what is wanted; what it gave in the end."""
    until = time.monotonic() + ROOM_SECONDS
    while (found := check()) != wanted and time.monotonic() < until:
        time.sleep(0.05)
    return found


def test_an_event_is_created_with_zone_and_attendees(graph):
    event = graph.post(EVENTS, body())
    assert event["start"] == {"dateTime": "2026-08-05T16:00:00.0000000", "timeZone": "UTC"}
    assert event["originalStartTimeZone"] == "Pacific Standard Time"
    assert event["organizer"]["emailAddress"]["address"] == ADMIN
    assert (event["isOrganizer"], event["type"]) == (True, "singleInstance")
    copy = same_event(graph, EMPLOYEE, "Interview")
    assert (copy["isOrganizer"], copy["responseStatus"]["response"]) == (False, "notResponded")
    assert copy["showAs"] == "tentative"


def test_a_repeated_transaction_gives_the_first_event_back(graph):
    first = graph.post(EVENTS, body(transactionId="booking-1"))
    again = graph.post(EVENTS, body(transactionId="booking-1"))
    assert again["id"] == first["id"]
    assert again["transactionId"] == "booking-1"
    assert graph.post(EVENTS, body(transactionId="booking-2"))["id"] != first["id"]


def test_a_lost_answer_leaves_the_event_to_be_found(graph):
    graph.sandbox.fault("lost_answer", target="events.create", times=1)
    answer = graph.call("POST", EVENTS, json=body(transactionId="booking-9"), checked=False)
    assert answer.status_code == 504
    found = same_event(graph, ADMIN, "Interview")
    assert found["transactionId"] == "booking-9"
    assert graph.post(EVENTS, body(transactionId="booking-9"))["id"] == found["id"]


def test_a_repeated_transaction_can_be_refused_instead(graph):
    graph.post(EVENTS, body(transactionId="booking-1"))
    graph.sandbox.fault("duplicate_transaction_refused")
    answer = graph.refused("POST", EVENTS, json=body(transactionId="booking-1"))
    assert answer == (409, "ErrorDuplicateTransactionId")


def test_a_series_is_created_from_a_pattern(graph):
    recurrence = {
        "pattern": {"type": "weekly", "interval": 2, "daysOfWeek": ["wednesday"]},
        "range": {"type": "numbered", "startDate": "2026-08-05", "numberOfOccurrences": 3},
    }
    master = graph.post(EVENTS, body(recurrence=recurrence))
    assert master["type"] == "seriesMaster"
    assert master["recurrence"]["pattern"]["interval"] == 2
    query = window("2026-08-01", "2026-12-01")
    found = graph.get(f"{EVENTS}/{master['id']}/instances", params=query)["value"]
    assert [one["start"]["dateTime"][:16] for one in found] == [
        "2026-08-05T16:00",
        "2026-08-19T16:00",
        "2026-09-02T16:00",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"end": at("2026-08-05T08:00:00", "Pacific Standard Time")},
        {"start": at("2026-08-05T09:00:00", "Nowhere Standard Time")},
        {"isAllDay": True},
        {"attendees": [invited(f"guest{number}@guests.example") for number in range(501)]},
        {"recurrence": {"pattern": {"type": "weekly", "interval": 1}, "range": {"type": "noEnd"}}},
    ],
)
def test_what_cannot_be_an_event_is_refused(graph, changes):
    assert graph.refused("POST", EVENTS, json=body(**changes))[0] == 400


@pytest.mark.parametrize(
    "changes",
    [{"subjekt": "x"}, {"showAs": "sleeping"}, {"end": None}, {"location": "here"}, {"attendees": "all"}],
)
def test_what_the_contract_forbids_is_refused_too(graph, changes):
    assert graph.refused("POST", EVENTS, json=body(**changes), checked=False)[0] == 400


def test_an_all_day_event_needs_midnights(graph):
    zone = "W. Europe Standard Time"
    sent = body(isAllDay=True, start=at("2026-08-05T00:00:00", zone), end=at("2026-08-06T00:00:00", zone))
    event = graph.post(EVENTS, sent)
    assert (event["isAllDay"], event["start"]["dateTime"]) == (True, "2026-08-05T00:00:00.0000000")


def test_a_patch_replaces_attendees_whole_and_keeps_the_rest(graph):
    event = graph.post(EVENTS, body())
    path = f"{EVENTS}/{event['id']}"
    changed = graph.call(
        "PATCH", path, json={"attendees": [invited("guest@guests.example", "optional")]}
    ).json()
    assert [one["emailAddress"]["address"] for one in changed["attendees"]] == ["guest@guests.example"]
    assert changed["subject"] == "Interview"
    assert same_event(graph, EMPLOYEE, "Interview") is None


def test_moving_an_event_moves_every_copy(graph):
    event = graph.post(EVENTS, body())
    times = {"start": at("2026-08-05T20:00:00"), "end": at("2026-08-05T21:00:00")}
    graph.call("PATCH", f"{EVENTS}/{event['id']}", json=times)
    assert same_event(graph, EMPLOYEE, "Interview")["start"]["dateTime"] == "2026-08-05T20:00:00.0000000"


def test_one_occurrence_can_be_changed_alone(graph):
    recurrence = {
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "numbered", "startDate": "2026-08-05", "numberOfOccurrences": 3},
    }
    master = graph.post(EVENTS, body(recurrence=recurrence))
    path = f"{EVENTS}/{master['id']}/instances"
    query = window("2026-08-01", "2026-12-01")
    second = graph.get(path, params=query)["value"][1]
    graph.call("PATCH", f"{EVENTS}/{second['id']}", json={"subject": "Elsewhere"})
    found = graph.get(path, params=query)["value"]
    assert [(one["type"], one["subject"]) for one in found] == [
        ("occurrence", "Interview"),
        ("exception", "Elsewhere"),
        ("occurrence", "Interview"),
    ]


def test_deleting_takes_the_event_from_every_mailbox_and_a_second_time_is_404(graph):
    event = graph.post(EVENTS, body())
    path = f"{EVENTS}/{event['id']}"
    assert graph.call("DELETE", path).status_code == 204
    assert graph.refused("DELETE", path) == (404, "ErrorItemNotFound")
    assert same_event(graph, EMPLOYEE, "Interview") is None


def test_only_the_organizer_can_cancel(graph):
    event = graph.post(EVENTS, body())
    copy = same_event(graph, EMPLOYEE, "Interview")
    assert graph.refused("POST", f"/users/{EMPLOYEE}/events/{copy['id']}/cancel", json={})[0] == 400
    answer = graph.call("POST", f"{EVENTS}/{event['id']}/cancel", json={"comment": "Sorry"})
    assert (answer.status_code, answer.content) == (202, b"")
    assert same_event(graph, EMPLOYEE, "Interview") is None


# Teams on the event


def test_an_online_event_gets_a_teams_link_that_stays(graph):
    event = graph.post(EVENTS, body(isOnlineMeeting=True, onlineMeetingProvider="teamsForBusiness"))
    link = event["onlineMeeting"]["joinUrl"]
    assert (event["isOnlineMeeting"], event["onlineMeetingUrl"]) == (True, None)
    path = f"{EVENTS}/{event['id']}"
    offline = graph.call("PATCH", path, json={"isOnlineMeeting": False}).json()
    assert offline["onlineMeeting"]["joinUrl"] == link
    lost = graph.call("PATCH", path, json={"body": {"contentType": "text", "content": "New text"}}).json()
    assert (lost["isOnlineMeeting"], lost["onlineMeeting"]) == (False, None)


@pytest.mark.parametrize(("silent", "allowed"), [(False, []), (True, ["teamsForBusiness"])])
def test_teams_can_be_silently_off(graph, silent, allowed):
    graph.sandbox.fault("teams_off", target=ADMIN, silent=silent)
    assert graph.get(f"/users/{ADMIN}/calendar")["allowedOnlineMeetingProviders"] == allowed
    event = graph.post(EVENTS, body(isOnlineMeeting=True, onlineMeetingProvider="teamsForBusiness"))
    assert (event["isOnlineMeeting"], event["onlineMeetingProvider"]) == (False, "unknown")
    assert event["onlineMeeting"] is None


# Rooms


def test_a_free_room_accepts_a_little_later_and_a_taken_one_declines(graph):
    event = graph.post(EVENTS, body(attendees=[invited(ROOM, "resource")]))
    assert event["attendees"][0]["status"]["response"] == "none"
    assert wait_for(lambda: response_of(graph, event, ROOM), "accepted") == "accepted"
    second = graph.post(EVENTS, body(subject="Clash", attendees=[invited(ROOM, "resource")]))
    assert wait_for(lambda: response_of(graph, second, ROOM), "declined") == "declined"


def test_a_room_can_be_made_to_decline(graph):
    graph.sandbox.fault("room_declines", target=ROOM, seconds=0.2)
    event = graph.post(EVENTS, body(attendees=[invited(ROOM, "resource")]))
    assert wait_for(lambda: response_of(graph, event, ROOM), "declined") == "declined"
