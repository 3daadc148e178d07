"""Teams meetings without a calendar at the sandbox's Microsoft."""

import pytest

from .microsoft_client import ADMIN, EMPLOYEE, Graph

MEETING = {
    "subject": "Interview",
    "startDateTime": "2026-08-05T10:00:00Z",
    "endDateTime": "2026-08-05T11:00:00Z",
}


@pytest.fixture
def graph(sandbox):
    return Graph(sandbox, "conferencing")


@pytest.fixture
def path(sandbox):
    oid = Graph(sandbox, "directory").get(f"/users/{ADMIN}")["id"]
    return f"/users/{oid}/onlineMeetings"


def test_a_meeting_is_created_read_moved_and_deleted(graph, path):
    meeting = graph.post(path, MEETING)
    assert meeting["joinWebUrl"].startswith("https://teams.microsoft.com/l/meetup-join/")
    one = f"{path}/{meeting['id']}"
    assert graph.get(one)["subject"] == "Interview"
    moved = graph.call("PATCH", one, json={"startDateTime": "2026-08-05T10:30:00+00:00"}).json()
    assert moved["startDateTime"] == "2026-08-05T10:30:00+00:00"
    assert moved["joinWebUrl"] == meeting["joinWebUrl"]
    assert graph.call("DELETE", one).status_code == 204
    assert graph.refused("GET", one)[0] == 404


def test_create_or_get_is_idempotent(graph, path):
    sent = MEETING | {"externalId": "booking-1"}
    first = graph.post(f"{path}/createOrGet", sent, 201)
    again = graph.post(f"{path}/createOrGet", sent, 200)
    assert again["id"] == first["id"]
    assert graph.post(f"{path}/createOrGet", sent | {"externalId": "booking-2"}, 201)["id"] != first["id"]


def test_two_plain_creates_make_two_meetings(graph, path):
    assert graph.post(path, MEETING)["id"] != graph.post(path, MEETING)["id"]


def test_the_address_will_not_do_for_the_object_id(graph):
    assert graph.refused("POST", f"/users/{ADMIN}/onlineMeetings", json=MEETING)[0] == 404


def test_without_the_access_policy_every_call_is_refused(graph, path):
    meeting = graph.post(path, MEETING)
    graph.sandbox.fault("teams_policy_missing")
    answer = graph.call("POST", path, json=MEETING)
    assert answer.status_code == 403
    assert "is not authorized to Create meeting on behalf of user" in answer.json()["error"]["message"]
    assert graph.refused("POST", f"{path}/createOrGet", json={"externalId": "x"})[0] == 403
    assert graph.refused("GET", f"{path}/{meeting['id']}")[0] == 403


def test_the_policy_can_be_missing_for_one_person_only(graph, path, sandbox):
    sandbox.fault("teams_policy_missing", target=EMPLOYEE)
    assert graph.post(path, MEETING)
    oid = Graph(sandbox, "directory").get(f"/users/{EMPLOYEE}")["id"]
    assert graph.refused("POST", f"/users/{oid}/onlineMeetings", json=MEETING)[0] == 403


def test_times_need_an_offset_and_an_order(graph, path):
    for changes in ({"startDateTime": "2026-08-05T10:00:00"}, {"endDateTime": "2026-08-05T09:00:00Z"}):
        assert graph.refused("POST", path, json=MEETING | changes, checked=False)[0] == 400


def test_no_other_registration_may_make_meetings(sandbox, path):
    for name in ("calendar-read-write", "directory"):
        assert Graph(sandbox, name).refused("POST", path, json=MEETING)[0] == 403


def test_a_teams_registration_gets_no_directory_and_no_calendar(graph):
    assert graph.refused("GET", "/organization")[0] == 403
    assert graph.refused("GET", f"/users/{ADMIN}/calendar")[0] == 403
