"""Users, groups, organization and places of the sandbox's Microsoft."""

import pytest

from .microsoft_client import ADMIN, EMPLOYEE, TENANT, Graph, other_graph

SELECT = "id,displayName,mail,userPrincipalName,accountEnabled,userType,department,proxyAddresses"
EVENTUAL = {"ConsistencyLevel": "eventual"}


@pytest.fixture
def graph(sandbox):
    return Graph(sandbox, "directory")


@pytest.fixture
def groups(sandbox):
    return other_graph(sandbox, "groups", ["User.Read.All", "GroupMember.Read.All"])


def people(users):
    """The accounts that are enabled members."""
    return [one for one in users if one["accountEnabled"] and one["userType"] == "Member"]


def test_the_organization_has_its_verified_domains(graph):
    found = graph.get("/organization")["value"]
    assert [one["id"] for one in found] == [TENANT]
    domains = {one["name"]: (one["isDefault"], one["isInitial"]) for one in found[0]["verifiedDomains"]}
    assert domains == {"sigs.example": (True, False), "sigs.onmicrosoft.com": (False, True)}


def test_all_users_are_listed_page_by_page(graph):
    first = graph.get("/users", params={"$select": SELECT})
    assert len(first["value"]) == 100
    users, _ = graph.all_pages("/users", params={"$select": SELECT})
    assert len(people(users)) == 217
    assert len({one["id"] for one in users}) == len(users)


def test_rooms_shared_mailboxes_and_guests_are_users_too(graph):
    users = graph.get("/users", params={"$select": SELECT, "$top": "999"})["value"]
    disabled = [one["mail"] for one in users if not one["accountEnabled"]]
    assert sorted(disabled) == [
        "help@sigs.example",
        "room-anchor@sigs.example",
        "room-compass@sigs.example",
        "room-crows-nest@sigs.example",
        "room-lighthouse@sigs.example",
    ]
    guests = [one for one in users if one["userType"] == "Guest"]
    assert [one["mail"] for one in guests] == ["gita@guests.example"]
    assert "#EXT#" in guests[0]["userPrincipalName"]


def test_without_select_some_properties_are_missing(graph):
    user = graph.get(f"/users/{ADMIN}")
    assert not {"accountEnabled", "department", "userType"} & set(user)
    assert user["userPrincipalName"] == ADMIN
    assert set(graph.get(f"/users/{ADMIN}", params={"$select": "department"})) == {
        "@odata.context",
        "id",
        "department",
    }
    assert graph.refused("GET", f"/users/{ADMIN}", params={"$select": "wages"})[0] == 400


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        ("accountEnabled eq true and userType eq 'Member'", 217),
        (f"userPrincipalName eq '{ADMIN}'", 1),
        (f"proxyAddresses/any(p:p eq 'smtp:{ADMIN}')", 1),
        ("userType eq 'Guest' or accountEnabled eq false", 6),
        ("not(accountEnabled eq true)", 5),
        ("startsWith(mail,'room-')", 4),
        (f"mail in ('{ADMIN}','{EMPLOYEE}')", 2),
    ],
)
def test_users_can_be_filtered(graph, expression, count):
    query = {"$filter": expression, "$count": "true", "$top": "999"}
    found = graph.get("/users", params=query)
    assert (found["@odata.count"], len(found["value"])) == (count, count)


def test_searching_needs_the_consistency_header(graph):
    query = {"$search": '"displayName:hansen"'}
    assert graph.refused("GET", "/users", params=query)[0] == 400
    found = graph.get("/users", params=query, headers=EVENTUAL)["value"]
    assert ADMIN in {one["userPrincipalName"] for one in found}


def test_an_account_that_is_not_there(graph):
    assert graph.refused("GET", "/users/nobody@sigs.example") == (404, "Request_ResourceNotFound")


def test_domains_and_groups_are_outside_the_directory_registration(graph):
    refusal = (403, "Authorization_RequestDenied")
    assert graph.refused("GET", "/domains") == refusal
    assert graph.refused("GET", "/groups") == refusal
    assert graph.refused("GET", "/groups/delta") == refusal
    one_id = graph.get(f"/users/{ADMIN}")["id"]
    checked = graph.refused("POST", f"/users/{ADMIN}/checkMemberGroups", json={"groupIds": [one_id]})
    assert checked == refusal


def somebody_in_a_group(groups) -> str:
    """The address of a person who is a member of a group."""
    group = groups.get("/groups")["value"][0]
    users = f"/groups/{group['id']}/transitiveMembers/microsoft.graph.user?$count=true"
    return groups.get(users, headers=EVENTUAL)["value"][0]["userPrincipalName"]


def test_a_calendar_registration_gets_no_directory(sandbox):
    calendar = Graph(sandbox, "calendar-read-write")
    for path in (
        "/organization",
        "/users",
        f"/users/{ADMIN}",
        "/users/delta",
        "/places/microsoft.graph.room",
    ):
        assert calendar.refused("GET", path) == (403, "Authorization_RequestDenied")


# Groups


def test_groups_have_direct_and_nested_members(groups):
    found, _ = groups.all_pages("/groups", params={"$top": "500"})
    members = {}
    for one in found:
        direct, _ = groups.all_pages(f"/groups/{one['id']}/members", params={"$top": "999"})
        members[one["id"]] = {item["id"] for item in direct if item["@odata.type"].endswith("group")}
    parent = next(key for key, children in members.items() if children)
    everybody, _ = groups.all_pages(f"/groups/{parent}/transitiveMembers", params={"$top": "999"})
    direct = groups.get(f"/groups/{parent}/members", params={"$top": "999"})["value"]
    assert {one["id"] for one in direct} < {one["id"] for one in everybody}

    cast = f"/groups/{parent}/transitiveMembers/microsoft.graph.user"
    assert groups.refused("GET", cast)[0] == 400
    users = groups.get(cast, params={"$count": "true", "$top": "999"}, headers=EVENTUAL)
    assert users["@odata.count"] == len([one for one in everybody if one["@odata.type"].endswith("user")])
    assert groups.get(f"/groups/{parent}")["id"] == parent


def test_membership_of_a_user(graph, groups):
    user = somebody_in_a_group(groups)
    mine, _ = groups.all_pages(f"/users/{user}/transitiveMemberOf")
    assert mine
    assert all(one["displayName"] for one in mine)
    asked = [mine[0]["id"], "00000000-0000-4000-8000-000000000000"]
    answer = groups.post(f"/users/{user}/checkMemberGroups", {"groupIds": asked}, 200)
    assert answer["value"] == [mine[0]["id"]]
    # With User.Read.All alone the names are withheld.
    narrow, _ = graph.all_pages(f"/users/{user}/transitiveMemberOf")
    assert {one["id"] for one in narrow} == {one["id"] for one in mine}
    assert {one["displayName"] for one in narrow} == {None}


# Delta rounds


def test_users_delta_tells_changes_disabling_and_deletion(graph):
    path = "/users/delta?$select=displayName,accountEnabled,userPrincipalName"
    users, page = graph.all_pages(path)
    assert len([one for one in users if one["accountEnabled"]]) == 218
    assert graph.get(page["@odata.deltaLink"])["value"] == []

    graph.sandbox.control("PATCH", f"people/{EMPLOYEE}", suspended=True)
    graph.sandbox.control("POST", "people", email="new.one@sigs.example", given_name="New", family_name="One")
    changed, page = graph.all_pages(page["@odata.deltaLink"])
    shown = {one["userPrincipalName"]: one["accountEnabled"] for one in changed}
    assert shown == {EMPLOYEE: False, "new.one@sigs.example": True}

    oid = next(one["id"] for one in users if one["userPrincipalName"] == EMPLOYEE)
    graph.sandbox.control("DELETE", f"people/{EMPLOYEE}")
    removed, _ = graph.all_pages(page["@odata.deltaLink"])
    assert removed == [{"id": oid, "@removed": {"reason": "changed"}}]


def test_a_person_who_vanishes_with_a_snapshot_is_removed_for_good(graph):
    graph.sandbox.control("POST", "directory", snapshot="2025-07-01")
    users, page = graph.all_pages("/users/delta?$select=id")
    graph.sandbox.control("POST", "directory", snapshot="2025-08-01")
    changes, _ = graph.all_pages(page["@odata.deltaLink"])
    removed = [one for one in changes if "@removed" in one]
    assert len(removed) == 75
    assert {one["@removed"]["reason"] for one in removed} == {"deleted"}
    assert {one["id"] for one in removed} <= {one["id"] for one in users}


def test_a_round_can_start_from_now(graph):
    page = graph.get("/users/delta?$deltatoken=latest")
    assert page["value"] == []
    graph.sandbox.control("PATCH", f"people/{EMPLOYEE}", department="sig-docs")
    assert len(graph.get(page["@odata.deltaLink"])["value"]) == 1


def test_a_round_can_be_kept_to_some_ids_and_to_pages(graph):
    oid = graph.get(f"/users/{ADMIN}")["id"]
    only, _ = graph.all_pages(f"/users/delta?$filter=id eq '{oid}'")
    assert [one["id"] for one in only] == [oid]
    page = graph.get("/users/delta", prefer="odata.maxpagesize=50")
    assert len(page["value"]) == 50
    assert graph.refused("GET", "/users/delta?$filter=department eq 'x'")[0] == 400
    for wrong in ("$top=5", "$orderby=displayName"):
        assert graph.refused("GET", f"/users/delta?{wrong}", checked=False)[0] == 400


def test_a_token_older_than_seven_days_is_gone_with_the_way_to_a_full_round(graph):
    _, page = graph.all_pages("/users/delta?$select=displayName")
    graph.sandbox.control("POST", "clock", advance_seconds=8 * 86400)
    answer = graph.call("GET", page["@odata.deltaLink"])
    assert answer.status_code == 410
    users, _ = graph.all_pages(answer.headers["Location"])
    assert len(users) > 217


def test_replays_happen(graph):
    graph.sandbox.fault("delta_replay")
    users, _ = graph.all_pages("/users/delta?$select=id")
    assert len({one["id"] for one in users}) == len(users) - 1


def test_groups_delta_carries_members(groups):
    found, page = groups.all_pages("/groups/delta")
    members = {one["id"]: {item["id"] for item in one.get("members@delta", [])} for one in found}
    user = somebody_in_a_group(groups)
    oid = groups.get(f"/users/{user}")["id"]
    mine = {key for key, ids in members.items() if oid in ids}
    assert mine
    groups.sandbox.control("DELETE", f"people/{user}")
    changed, _ = groups.all_pages(page["@odata.deltaLink"])
    gone = {
        one["id"]
        for one in changed
        for item in one.get("members@delta", [])
        if item["id"] == oid and item["@removed"]["reason"] == "deleted"
    }
    left = {one["id"] for one in changed if "@removed" in one}
    assert gone | left == mine


# Places


def test_rooms_and_room_lists(graph):
    rooms = graph.get("/places/microsoft.graph.room")["value"]
    assert {one["emailAddress"] for one in rooms} == {
        f"room-{name}@sigs.example" for name in ("anchor", "compass", "lighthouse", "crows-nest")
    }
    assert {one["capacity"] for one in rooms} == {2, 4, 8, 12}
    lists = graph.get("/places/microsoft.graph.roomlist")["value"]
    assert {one["displayName"] for one in lists} == {"Harbour", "Tower"}
    tower = next(one for one in lists if one["displayName"] == "Tower")
    inside = graph.get(f"/places/{tower['emailAddress']}/microsoft.graph.roomlist/rooms")["value"]
    assert {one["building"] for one in inside} == {"Tower"}
    page = graph.get("/places/microsoft.graph.room?$top=3")
    assert len(page["value"]) == 3
    assert len(graph.get(page["@odata.nextLink"])["value"]) == 1
    filtered = graph.get("/places/microsoft.graph.room?$filter=capacity ge 8")["value"]
    assert {one["displayName"] for one in filtered} == {"Compass", "Lighthouse"}
