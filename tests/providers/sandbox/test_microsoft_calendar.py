"""Calendars, views and delta rounds of the sandbox's Microsoft."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from .microsoft_client import ADMIN, EMPLOYEE, GRAPH, MONTH, Graph, add_event, in_series, start_of, window

VIEW = f"/users/{ADMIN}/calendarView"
DELTA = f"{VIEW}/delta"


@pytest.fixture
def graph(sandbox):
    return Graph(sandbox, "calendar-read-write")


@pytest.fixture
def narrow(sandbox):
    """The Free/Busy registration."""
    return Graph(sandbox, "calendar-free-busy")


# Calendars


def test_the_default_calendar_says_which_meetings_can_be_online(graph):
    calendar = graph.get(f"/users/{ADMIN}/calendar")
    assert calendar["isDefaultCalendar"] is True
    assert calendar["allowedOnlineMeetingProviders"] == ["teamsForBusiness"]
    assert calendar["owner"]["address"] == ADMIN


def test_some_people_have_a_second_calendar_that_is_not_the_default(graph):
    people = Graph(graph.sandbox, "directory").get("/users?$top=40&$filter=accountEnabled eq true")["value"]
    found = [graph.get(f"/users/{one['userPrincipalName']}/calendars")["value"] for one in people]
    assert {len(one) for one in found} == {1, 2}
    second = next(one for one in found if len(one) == 2)
    assert [one["isDefaultCalendar"] for one in second] == [True, False]
    user = second[1]["owner"]["address"]
    path = f"/users/{user}/calendars/{second[1]['id']}/calendarView/delta"
    items, _ = graph.all_pages(path, params=MONTH)
    assert {item["type"] for item in items} == {"occurrence"}
    assert len(items) == 4


def test_a_person_is_found_by_object_id_too(graph):
    oid = Graph(graph.sandbox, "directory").get(f"/users/{ADMIN}")["id"]
    assert graph.get(f"/users/{oid}/calendar") == graph.get(f"/users/{ADMIN}/calendar")


def test_people_of_other_tenants_do_not_exist(graph):
    assert graph.refused("GET", "/users/rosa.rival@rival-ms.example/calendar") == (404, "ErrorInvalidUser")
    assert graph.refused("GET", "/users/lukas.martin38@kube.example/calendar") == (404, "ErrorInvalidUser")


# Views


def test_a_view_expands_series_and_is_paged(graph):
    address, _ = in_series(graph)
    path = f"/users/{address}/calendarView"
    first = graph.get(path, params=MONTH)
    assert len(first["value"]) == 10
    items, _ = graph.all_pages(path, params=MONTH)
    assert {item["type"] for item in items} >= {"singleInstance", "occurrence", "exception"}
    assert [item["start"]["dateTime"] for item in items] == sorted(
        item["start"]["dateTime"] for item in items
    )
    assert len({item["id"] for item in items}) == len(items)
    whole = graph.get(path, params=MONTH | {"$top": "999", "$count": "true"})
    assert whole["@odata.count"] == len(whole["value"]) == len(items)


def test_a_view_agrees_with_the_rule_on_what_blocks(graph):
    path = f"mailboxes/{EMPLOYEE}/events?from=2026-08-01T00:00:00Z&to=2026-09-01T00:00:00Z"
    by_rule = graph.sandbox.control("GET", path)["events"]
    items = graph.get(f"/users/{EMPLOYEE}/calendarView", params=MONTH | {"$top": "500"})["value"]
    assert len(by_rule) == len(items)
    blocking = sum(one["blocks"] for one in by_rule)
    busy = ("busy", "oof", "tentative")
    assert sum(one["showAs"] in busy and not one["isCancelled"] for one in items) == blocking


def test_select_filter_and_order_are_obeyed(graph):
    query = MONTH | {
        "$select": "subject,start",
        "$filter": "isAllDay eq true",
        "$orderby": "start/dateTime desc",
    }
    items = graph.get(VIEW, params=query)["value"]
    assert items
    assert all(set(one) == {"id", "subject", "start", "@odata.etag"} for one in items)
    starts = [one["start"]["dateTime"] for one in items]
    assert starts == sorted(starts, reverse=True)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"startDateTime": "2026-08-01T00:00:00Z"},
        {"startDateTime": "soon", "endDateTime": "2026-08-01T00:00:00Z"},
        window("2026-08-02", "2026-08-01"),
        window("2020-01-01", "2026-08-01"),
        MONTH | {"$top": "5000"},
        MONTH | {"$filter": "nonsense"},
        MONTH | {"$select": "subjekt"},
        MONTH | {"$expand": "attachments"},
    ],
)
def test_a_view_without_a_proper_window_or_with_wrong_options_is_refused(graph, query):
    assert graph.refused("GET", VIEW, params=query, checked=False)[0] == 400


def test_undocumented_parameters_are_refused(graph):
    answer = graph.call("GET", DELTA, params=MONTH | {"$select": "subject"}, checked=False)
    assert answer.status_code == 400
    answer = graph.call("GET", VIEW, params=MONTH | {"timezone": "UTC"}, checked=False)
    assert answer.status_code == 400


def test_times_are_utc_unless_another_zone_is_preferred(graph):
    add_event(graph.sandbox)
    query = window("2026-08-05", "2026-08-06") | {
        "$filter": "start/dateTime eq '2026-08-05T10:00:00.0000000'"
    }
    event = graph.get(VIEW, params=query)["value"][0]
    assert event["start"] == {"dateTime": "2026-08-05T10:00:00.0000000", "timeZone": "UTC"}
    path = f"/users/{ADMIN}/events/{event['id']}"
    for zone in ("Pacific Standard Time", "America/Los_Angeles"):
        shown = graph.get(path, prefer=f'outlook.timezone="{zone}"')
        assert shown["start"] == {"dateTime": "2026-08-05T03:00:00.0000000", "timeZone": zone}
    assert event["originalStartTimeZone"] == "W. Europe Standard Time"
    assert graph.refused("GET", path, prefer='outlook.timezone="Middle Earth"')[0] == 400


def test_all_day_events_are_floating_dates_in_every_zone(graph):
    # 29 March 2026: the clocks of Berlin go forward, the day has 23 hours.
    add_event(graph.sandbox, date="2026-03-29", start=None, end=None)
    query = window("2026-03-28", "2026-03-31") | {"$top": "100"}
    for zone in ("UTC", "Pacific Standard Time", "W. Europe Standard Time"):
        items = graph.get(VIEW, params=query, prefer=f'outlook.timezone="{zone}"')["value"]
        days = [(one["start"], one["end"]) for one in items if one["isAllDay"]]
        start, end = "2026-03-29T00:00:00.0000000", "2026-03-30T00:00:00.0000000"
        assert ({"dateTime": start, "timeZone": zone}, {"dateTime": end, "timeZone": zone}) in days


def test_a_series_keeps_its_wall_time_over_a_clock_change(graph):
    add_event(
        graph.sandbox,
        start="2026-03-16T09:00:00+01:00",
        end="2026-03-16T10:00:00+01:00",
        rrule="FREQ=WEEKLY;COUNT=3",
        time_zone="Europe/Berlin",
        summary="Standing canary-x",
    )
    query = window("2026-03-15", "2026-04-05") | {"$filter": "subject eq 'Standing canary-x'"}
    starts = [start_of(one) for one in graph.get(VIEW, params=query)["value"]]
    assert starts == ["2026-03-16T08:00", "2026-03-23T08:00", "2026-03-30T07:00"]


def test_immutable_ids_are_other_ids_and_both_kinds_work(graph):
    plain = graph.get(VIEW, params=MONTH)["value"][0]
    lasting = graph.get(VIEW, params=MONTH, prefer='IdType="ImmutableId"')["value"][0]
    assert plain["id"] != lasting["id"]
    for one in (plain, lasting):
        assert graph.get(f"/users/{ADMIN}/events/{one['id']}")["subject"] == plain["subject"]


def test_an_id_of_one_mailbox_means_nothing_in_another(graph):
    event = graph.get(VIEW, params=MONTH)["value"][0]
    assert graph.refused("GET", f"/users/{EMPLOYEE}/events/{event['id']}") == (404, "ErrorItemNotFound")


def test_a_master_carries_pattern_and_zone_and_its_instances_can_be_listed(graph):
    address, items = in_series(graph)
    path = f"/users/{address}/events/{next(one for one in items if one['type'] == 'occurrence')['seriesMasterId']}"
    master = graph.get(path)
    assert master["type"] == "seriesMaster"
    assert master["recurrence"]["pattern"]["type"] in ("weekly", "relativeMonthly")
    assert master["recurrence"]["range"]["type"] == "noEnd"
    assert "/" not in master["recurrence"]["range"]["recurrenceTimeZone"]
    instances = graph.get(f"{path}/instances", params=MONTH | {"$top": "100"})["value"]
    wanted = [one for one in items if one.get("seriesMasterId") == master["id"]]
    assert {one["id"] for one in instances} == {one["id"] for one in wanted}


def test_the_event_list_shows_masters_and_no_occurrences(graph):
    address, _ = in_series(graph)
    items = graph.get(f"/users/{address}/events", params={"$top": "999"})["value"]
    assert {one["type"] for one in items} == {"singleInstance", "seriesMaster"}


# Permissions


def test_free_busy_access_reads_calendars_without_bodies_and_writes_nothing(narrow):
    event = narrow.get(VIEW, params=MONTH)["value"][0]
    assert "body" not in event
    assert "bodyPreview" not in event
    assert event["subject"]
    path = f"/users/{ADMIN}/events"
    sent = {
        "subject": "x",
        "start": {"dateTime": "2026-08-05T10:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-08-05T11:00:00", "timeZone": "UTC"},
    }
    refusal = (403, "ErrorAccessDenied")
    assert narrow.refused("POST", path, json=sent) == refusal
    assert narrow.refused("PATCH", f"{path}/{event['id']}", json={"subject": "y"}) == refusal
    assert narrow.refused("DELETE", f"{path}/{event['id']}") == refusal
    assert narrow.refused("POST", f"{path}/{event['id']}/cancel", json={}) == refusal


def test_without_a_token_or_with_a_made_up_one_nothing_is_answered(sandbox):
    url = sandbox.host(f"graph.microsoft.com/v1.0/users/{ADMIN}/calendar")
    for headers in ({}, {"Authorization": "Bearer abc"}, {"Authorization": "Basic abc"}):
        answer = requests.get(url, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


# More than four calls at a time


def test_the_fifth_call_at_the_same_time_is_throttled(graph):
    graph.sandbox.control("POST", "latency", ms=400)

    def ask(_):
        answer = requests.get(
            graph.sandbox.host(f"graph.microsoft.com/v1.0/users/{ADMIN}/calendar"),
            headers={"Authorization": f"Bearer {graph.token}"},
        )
        return answer.status_code, answer.headers.get("Retry-After")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert sorted(status for status, _ in answers) == [200] * 4 + [429] * 4
    assert {after for status, after in answers if status == 429} == {"1"}
    graph.sandbox.control("POST", "latency", ms=0)
    assert graph.call("GET", f"{GRAPH}/users/{ADMIN}/calendar").status_code == 200
