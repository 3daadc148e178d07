"""Calendars, views and delta rounds of the sandbox's Microsoft."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from .microsoft_client import ADMIN, EMPLOYEE, GRAPH, Graph, window

MONTH = window("2026-08-01", "2026-09-01")
VIEW = f"/users/{ADMIN}/calendarView"
DELTA = f"{VIEW}/delta"


@pytest.fixture
def graph(sandbox):
    return Graph(sandbox, "calendar-read-write")


@pytest.fixture
def narrow(sandbox):
    """The Free/Busy registration."""
    return Graph(sandbox, "calendar-free-busy")


def in_series(graph) -> tuple[str, list[dict]]:
    """Somebody with recurring meetings, and what a full round over the month gives for them."""
    people = Graph(graph.sandbox, "directory").get("/users?$top=200&$select=userPrincipalName,accountEnabled")
    for one in people["value"]:
        address = one["userPrincipalName"]
        items, _ = graph.all_pages(
            f"/users/{address}/calendarView/delta", params=MONTH, prefer="odata.maxpagesize=500"
        )
        if {"occurrence", "exception"} <= {item["type"] for item in items}:
            return address, items
    raise AssertionError("nobody has a series with an exception")


def add(sandbox, address=ADMIN, **event):
    times = {"start": "2026-08-05T10:00:00+00:00", "end": "2026-08-05T11:00:00+00:00"}
    return sandbox.control("POST", f"mailboxes/{address}/events", **(times | event))


def start_of(item):
    return item["start"]["dateTime"][:16]


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
    add(graph.sandbox)
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
    add(graph.sandbox, date="2026-03-29", start=None, end=None)
    query = window("2026-03-28", "2026-03-31") | {"$top": "100"}
    for zone in ("UTC", "Pacific Standard Time", "W. Europe Standard Time"):
        items = graph.get(VIEW, params=query, prefer=f'outlook.timezone="{zone}"')["value"]
        days = [(one["start"], one["end"]) for one in items if one["isAllDay"]]
        start, end = "2026-03-29T00:00:00.0000000", "2026-03-30T00:00:00.0000000"
        assert ({"dateTime": start, "timeZone": zone}, {"dateTime": end, "timeZone": zone}) in days


def test_a_series_keeps_its_wall_time_over_a_clock_change(graph):
    add(
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


# Delta rounds


def test_a_full_round_gives_stubs_for_occurrences_and_whole_singles(graph):
    _, items = in_series(graph)
    stubs = [one for one in items if one["type"] == "occurrence"]
    assert stubs
    assert all(
        set(one) == {"@odata.type", "@odata.etag", "id", "type", "seriesMasterId", "start", "end"}
        for one in stubs
    )
    assert all("showAs" in one for one in items if one["type"] in ("singleInstance", "exception"))
    # Every series is older than the window, so no master is among them: it has to be read by its id.
    assert not [one for one in items if one["type"] == "seriesMaster"]


def test_a_master_that_starts_in_the_window_comes_along(graph):
    add(graph.sandbox, rrule="FREQ=WEEKLY")
    items, _ = graph.all_pages(DELTA, params=MONTH)
    masters = [one for one in items if one["type"] == "seriesMaster"]
    assert len(masters) == 1
    stubs = [one for one in items if one.get("seriesMasterId") == masters[0]["id"]]
    assert [start_of(one) for one in stubs] == [f"2026-08-{day:02}T10:00" for day in (5, 12, 19, 26)]


def test_a_round_has_the_pages_the_caller_prefers_and_loses_nothing(graph):
    at_once, _ = graph.all_pages(DELTA, params=MONTH, prefer="odata.maxpagesize=500")
    page = graph.get(DELTA, params=MONTH, prefer="odata.maxpagesize=3")
    assert len(page["value"]) == 3
    assert "@odata.deltaLink" not in page
    in_parts, _ = graph.all_pages(DELTA, params=MONTH, prefer="odata.maxpagesize=3")
    assert [one["id"] for one in in_parts] == [one["id"] for one in at_once]


def test_a_later_round_tells_what_was_created_changed_and_deleted(graph):
    kept = add(graph.sandbox)
    doomed = add(graph.sandbox, summary="doomed")
    _, page = graph.all_pages(DELTA, params=MONTH)
    nothing = graph.get(page["@odata.deltaLink"])
    assert nothing["value"] == []

    new = add(graph.sandbox, summary="new")
    path = f"mailboxes/{ADMIN}/events"
    graph.sandbox.control("PATCH", f"{path}/{kept['id']}", end="2026-08-05T12:30:00+00:00")
    graph.sandbox.control("DELETE", f"{path}/{doomed['id']}")
    items, page = graph.all_pages(nothing["@odata.deltaLink"])
    assert len(items) == 3
    removed = [one for one in items if "@removed" in one]
    assert [one["@removed"]["reason"] for one in removed] == ["deleted"]
    assert {one["end"]["dateTime"][:16] for one in items if "end" in one} == {
        "2026-08-05T11:00",
        "2026-08-05T12:30",
    }
    assert new["summary"] in {one.get("subject") for one in items}
    assert graph.get(page["@odata.deltaLink"])["value"] == []
    # The old link can be asked again and says the same.
    assert len(graph.all_pages(nothing["@odata.deltaLink"])[0]) == 3


def test_the_window_is_frozen_in_the_link(graph):
    _, page = graph.all_pages(DELTA, params=MONTH)
    add(graph.sandbox, start="2026-10-05T10:00:00+00:00", end="2026-10-05T11:00:00+00:00")
    items, _ = graph.all_pages(page["@odata.deltaLink"])
    # Outside the window: told as removed, although it was never inside.
    assert [one.get("@removed") for one in items] == [{"reason": "deleted"}]


def test_an_event_that_leaves_the_window_is_removed(graph):
    event = add(graph.sandbox)
    _, page = graph.all_pages(DELTA, params=MONTH)
    path = f"mailboxes/{ADMIN}/events/{event['id']}"
    graph.sandbox.control("PATCH", path, start="2026-11-05T10:00:00+00:00", end="2026-11-05T11:00:00+00:00")
    items, _ = graph.all_pages(page["@odata.deltaLink"])
    assert [one.get("@removed") for one in items] == [{"reason": "deleted"}]


def test_one_changed_occurrence_comes_whole_as_an_exception(graph):
    series = add(graph.sandbox, rrule="FREQ=WEEKLY;COUNT=3")
    items, page = graph.all_pages(DELTA, params=MONTH)
    occurrence = next(
        one for one in items if one["type"] == "occurrence" and start_of(one) == "2026-08-12T10:00"
    )
    instance = f"{series['id']}_20260812T100000Z"
    path = f"mailboxes/{ADMIN}/events/{instance}"
    graph.sandbox.control("PATCH", path, start="2026-08-12T15:00:00+00:00", end="2026-08-12T16:00:00+00:00")
    changed, page = graph.all_pages(page["@odata.deltaLink"])
    assert [(one["type"], one["id"]) for one in changed] == [("exception", occurrence["id"])]
    assert start_of(changed[0]) == "2026-08-12T15:00"
    graph.sandbox.control("DELETE", path)
    gone, _ = graph.all_pages(page["@odata.deltaLink"])
    assert [(one["id"], one["@removed"]["reason"]) for one in gone] == [(occurrence["id"], "deleted")]


def test_a_series_moved_to_another_day_names_the_occurrences_that_are_gone(graph):
    series = add(graph.sandbox, rrule="FREQ=WEEKLY;COUNT=3")
    before, page = graph.all_pages(DELTA, params=MONTH)
    old = {one["id"] for one in before if one["type"] == "occurrence"}
    path = f"mailboxes/{ADMIN}/events/{series['id']}"
    graph.sandbox.control("PATCH", path, start="2026-08-06T10:00:00+00:00", end="2026-08-06T11:00:00+00:00")
    items, page = graph.all_pages(page["@odata.deltaLink"])
    removed = {one["id"] for one in items if "@removed" in one}
    mine = {one["id"] for one in before if one.get("seriesMasterId") and one["id"] in old}
    assert removed == mine
    assert [start_of(one) for one in items if one.get("type") == "occurrence"] == [
        "2026-08-06T10:00",
        "2026-08-13T10:00",
        "2026-08-20T10:00",
    ]
    assert [one["type"] for one in items if one.get("type") == "seriesMaster"] == ["seriesMaster"]

    graph.sandbox.control("DELETE", path)
    gone, _ = graph.all_pages(page["@odata.deltaLink"])
    assert all("@removed" in one for one in gone)
    assert len(gone) == 4  # the master and its three occurrences


def test_a_change_in_the_middle_of_a_round_is_not_lost(graph):
    page = graph.get(DELTA, params=MONTH, prefer="odata.maxpagesize=2")
    first = page["value"][0]
    core = graph.sandbox.control(
        "GET", f"mailboxes/{ADMIN}/events?from=2026-08-01T00:00:00Z&to=2026-08-10T00:00:00Z"
    )
    graph.sandbox.control("DELETE", f"mailboxes/{ADMIN}/events/{core['events'][0]['id']}")
    items = list(page["value"])
    while "@odata.nextLink" in page:
        page = graph.get(page["@odata.nextLink"], prefer="odata.maxpagesize=2")
        items += page["value"]
    everything, _ = graph.all_pages(DELTA, params=MONTH)
    assert {one["id"] for one in everything} <= {one["id"] for one in items}
    later, _ = graph.all_pages(page["@odata.deltaLink"])
    assert [one["id"] for one in later if "@removed" in one] == [first["id"]]


def test_a_made_up_token_is_refused_and_one_of_another_mailbox_too(graph):
    _, page = graph.all_pages(DELTA, params=MONTH)
    assert graph.refused("GET", f"{DELTA}?$deltatoken=nonsense")[0] == 400
    other = page["@odata.deltaLink"].replace(ADMIN, EMPLOYEE)
    assert graph.refused("GET", other)[0] == 400


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
