"""Delta rounds over a calendar view at the sandbox's Microsoft."""

import pytest

from .microsoft_client import ADMIN, EMPLOYEE, MONTH, Graph, add_event, in_series, start_of

DELTA = f"/users/{ADMIN}/calendarView/delta"


@pytest.fixture
def graph(sandbox):
    return Graph(sandbox, "calendar-read-write")


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
    add_event(graph.sandbox, rrule="FREQ=WEEKLY")
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
    kept = add_event(graph.sandbox)
    doomed = add_event(graph.sandbox, summary="doomed")
    _, page = graph.all_pages(DELTA, params=MONTH)
    nothing = graph.get(page["@odata.deltaLink"])
    assert nothing["value"] == []

    new = add_event(graph.sandbox, summary="new")
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
    add_event(graph.sandbox, start="2026-10-05T10:00:00+00:00", end="2026-10-05T11:00:00+00:00")
    items, _ = graph.all_pages(page["@odata.deltaLink"])
    # Outside the window: told as removed, although it was never inside.
    assert [one.get("@removed") for one in items] == [{"reason": "deleted"}]


def test_an_event_that_leaves_the_window_is_removed(graph):
    event = add_event(graph.sandbox)
    _, page = graph.all_pages(DELTA, params=MONTH)
    path = f"mailboxes/{ADMIN}/events/{event['id']}"
    graph.sandbox.control("PATCH", path, start="2026-11-05T10:00:00+00:00", end="2026-11-05T11:00:00+00:00")
    items, _ = graph.all_pages(page["@odata.deltaLink"])
    assert [one.get("@removed") for one in items] == [{"reason": "deleted"}]


def test_one_changed_occurrence_comes_whole_as_an_exception(graph):
    series = add_event(graph.sandbox, rrule="FREQ=WEEKLY;COUNT=3")
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
    series = add_event(graph.sandbox, rrule="FREQ=WEEKLY;COUNT=3")
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
