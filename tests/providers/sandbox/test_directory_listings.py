"""What the sandbox's directories answer to whoever brings people on board: employee ids, and listings that lie."""

import pytest

from connections.sandbox.people import people

from .google_client import GROUPS, GoogleClient
from .microsoft_client import EMPLOYEE, Graph

CHIARA = next(one for one in people() if one.email == "chiara.castro85@kube.example")
PAULO = next(one for one in people() if one.email == EMPLOYEE)
EVERYBODY = {"customer": "my_customer", "maxResults": 500}


@pytest.fixture
def graph(sandbox):
    return Graph(sandbox, "directory-groups")


def pages(google: GoogleClient, path: str, most: int = 6, **query) -> list[dict]:
    """Pages of a listing as far as it goes, at most `most`."""
    found = [google.directory(path, **query).json()]
    while "nextPageToken" in found[-1] and len(found) < most:
        found.append(google.directory(path, pageToken=found[-1]["nextPageToken"], **query).json())
    return found


def users(google: GoogleClient) -> int:
    return sum(len(page.get("users", [])) for page in pages(google, "users", **EVERYBODY))


def round_of_users(graph: Graph, **kwargs) -> int:
    return len(graph.all_pages("/users/delta", params={"$select": "id"}, **kwargs)[0])


# --- employee ids ---------------------------------------------------------------------------------------------------
def test_google_tells_employee_ids_with_the_full_projection_only(google):
    full = google.directory(f"users/{CHIARA.email}", projection="full").json()
    basic = google.directory(f"users/{CHIARA.email}").json()
    (listed,) = google.directory(
        "users", customer="my_customer", query=f"email={CHIARA.email}", projection="full"
    ).json()["users"]

    assert full["externalIds"] == [{"type": "organization", "value": CHIARA.id}] == listed["externalIds"]
    assert "externalIds" not in basic


def test_graph_tells_employee_ids_of_people_when_they_are_selected(graph):
    selected = graph.get(f"/users/{EMPLOYEE}", params={"$select": "employeeId"})
    everybody = graph.all_pages("/users/delta", params={"$select": "employeeId"})[0]

    assert selected["employeeId"] == PAULO.id
    assert "employeeId" not in graph.get(f"/users/{EMPLOYEE}")
    assert sum(one["employeeId"] is None for one in everybody) == 6


# --- listings that lie ----------------------------------------------------------------------------------------------
def test_a_part_of_the_people_is_all_there_is(google, graph):
    google.sandbox.fault("directory_partial", share=0.5)

    assert users(google) == 630
    assert round_of_users(graph) == 111
    assert len(graph.all_pages("/users", params={"$select": "id"})[0]) == 111


def test_nobody_is_all_there_is(google, graph):
    google.sandbox.fault("directory_empty")

    assert users(google) == 0
    assert round_of_users(graph) == 0


def test_a_listing_that_lies_for_a_while_heals(google, graph):
    google.sandbox.fault("directory_empty", times=1, target="directory.users.list")
    google.sandbox.fault("directory_empty", times=1, target="users.delta")

    assert (users(google), users(google)) == (0, 1260)
    assert (round_of_users(graph), round_of_users(graph)) == (0, 223)


def test_later_rounds_still_tell_what_changed(graph):
    graph.sandbox.fault("directory_empty")
    last = graph.all_pages("/users/delta", params={"$select": "id"})[1]
    graph.sandbox.control("PATCH", f"people/{EMPLOYEE}", department="New")

    assert len(graph.get(last["@odata.deltaLink"])["value"]) == 1


def test_groups_are_not_people(google):
    google.sandbox.fault("directory_empty")

    first = google.directory("groups", scope=GROUPS, customer="my_customer").json()

    assert len(first["groups"]) == 200


@pytest.mark.parametrize(
    ("path", "query"), [("users", EVERYBODY), ("groups", {"customer": "my_customer", "scope": GROUPS})]
)
def test_googles_second_page_names_itself_as_the_next(google, path, query):
    google.sandbox.fault("directory_page_repeats")

    found = pages(google, path, **query)

    assert len(found) == 6
    assert len({page["nextPageToken"] for page in found}) == 1
    assert found[1] == found[2] != found[0]


@pytest.mark.parametrize("path", ["/users", "/users/delta"])
def test_graphs_second_page_names_itself_as_the_next(graph, path):
    graph.sandbox.fault("directory_page_repeats")

    second = graph.get(graph.get(path, params={"$select": "id"})["@odata.nextLink"])
    third = graph.get(second["@odata.nextLink"])

    assert second["@odata.nextLink"] == third["@odata.nextLink"]
    assert [one["id"] for one in second["value"]] == [one["id"] for one in third["value"]]
