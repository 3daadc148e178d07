"""getSchedule at the sandbox's Microsoft."""

import pytest

from .microsoft_client import ADMIN, EMPLOYEE, Graph, at, other_graph

PATH = f"/users/{ADMIN}/calendar/getSchedule"


@pytest.fixture
def graph(sandbox):
    return Graph(sandbox, "calendar-free-busy")


def asked(*schedules, start="2026-08-03T00:00:00", end="2026-08-08T00:00:00", **more):
    return {"schedules": list(schedules), "startTime": at(start), "endTime": at(end)} | more


def one(graph, *schedules, **more):
    return graph.post(PATH, asked(*schedules, **more), 200)["value"]


def test_busy_times_come_with_working_hours_in_a_windows_zone(graph):
    found = one(graph, ADMIN, EMPLOYEE)
    assert [schedule["scheduleId"] for schedule in found] == [ADMIN, EMPLOYEE]
    assert found[0]["workingHours"]["timeZone"]["name"] == "W. Europe Standard Time"
    assert found[1]["workingHours"]["timeZone"]["name"] == "Tokyo Standard Time"
    assert all("error" not in schedule for schedule in found)


def test_items_agree_with_the_written_rule(graph):
    path = f"mailboxes/{EMPLOYEE}/events?from=2026-08-03T00:00:00Z&to=2026-08-08T00:00:00Z"
    by_rule = [event for event in graph.sandbox.control("GET", path)["events"] if event["blocks"]]
    items = one(graph, EMPLOYEE)[0]["scheduleItems"]
    busy = [item for item in items if item["status"] in ("busy", "oof", "tentative")]
    assert sorted(item["start"]["dateTime"][:19] for item in busy) == sorted(
        event["start"][:19] for event in by_rule
    )


def test_the_view_has_a_digit_for_each_interval(graph):
    event = {
        "start": "2026-08-08T10:00:00+00:00",
        "end": "2026-08-08T11:15:00+00:00",
        "busy": "out_of_office",
    }
    graph.sandbox.control("POST", f"mailboxes/{ADMIN}/events", **event)
    day = {"start": "2026-08-08T09:00:00", "end": "2026-08-08T12:00:00"}
    assert one(graph, ADMIN, **day)[0]["availabilityView"] == "003330"
    hourly = one(graph, ADMIN, **day, availabilityViewInterval=60)[0]
    assert hourly["availabilityView"] == "033"


def test_an_address_nobody_has_is_an_error_inside_a_200(graph):
    found = one(graph, ADMIN, "nobody@sigs.example", "lukas.martin38@kube.example")
    assert "error" not in found[0]
    for schedule in found[1:]:
        assert schedule["error"]["responseCode"] == "ErrorMailRecipientNotFound"
        assert (schedule["scheduleItems"], schedule["availabilityView"]) == ([], "")


def test_a_schedule_can_be_made_to_fail(graph):
    graph.sandbox.fault("schedule_error", target=EMPLOYEE, code="ErrorNoFreeBusyAccess")
    found = one(graph, ADMIN, EMPLOYEE)
    assert "error" not in found[0]
    assert found[1]["error"]["responseCode"] == "ErrorNoFreeBusyAccess"


def test_times_follow_the_preferred_zone(graph):
    sent = asked(ADMIN)
    utc = graph.post(PATH, sent, 200)["value"][0]["scheduleItems"]
    zone = "Tokyo Standard Time"
    tokyo = graph.post(PATH, sent, 200, prefer=f'outlook.timezone="{zone}"')["value"][0]["scheduleItems"]
    assert {item["start"]["timeZone"] for item in tokyo} == {zone}
    assert [item["start"]["dateTime"] for item in utc] != [item["start"]["dateTime"] for item in tokyo]


def test_rooms_have_schedules(graph):
    room = one(graph, "room-anchor@sigs.example")[0]
    assert room["scheduleItems"] == []


def test_a_list_counts_its_members_and_has_only_a_view(graph):
    reader = other_graph(graph.sandbox, "groups", ["GroupMember.Read.All", "User.Read.All"])
    for group in reader.get("/groups?$top=999")["value"]:
        members = f"/groups/{group['id']}/transitiveMembers/microsoft.graph.user?$count=true"
        count = reader.get(members, headers={"ConsistencyLevel": "eventual"})["@odata.count"]
        if 1 < count < 20:
            break
    found = one(graph, group["mail"])[0]
    assert found["scheduleItems"] == []
    assert set(found["availabilityView"]) > {"0"}
    others = [f"person{number}@sigs.example" for number in range(21 - count)]
    answer = graph.refused("POST", PATH, json=asked(group["mail"], *others), checked=False)
    assert answer == (400, "ErrorMailboxDataArrayTooBig")
    assert one(graph, group["mail"], *others[1:])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"end": "2026-10-05T00:00:00"}, "ErrorTimeIntervalTooBig"),
        ({"end": "2026-08-03T00:00:00"}, "ErrorInvalidTimeInterval"),
        ({"availabilityViewInterval": 4}, "ErrorInvalidMergedFreeBusyInterval"),
    ],
)
def test_limits_of_the_window(graph, changes, code):
    answer = graph.refused("POST", PATH, json=asked(ADMIN, **changes), checked=False)
    assert answer == (400, code)


def test_sixty_two_days_are_allowed(graph):
    assert one(graph, ADMIN, end="2026-10-04T00:00:00")


def test_at_most_twenty_schedules(graph):
    many = [f"person{number}@sigs.example" for number in range(21)]
    assert len(one(graph, *many[:20])) == 20
    assert graph.refused("POST", PATH, json=asked(*many), checked=False)[0] == 400
