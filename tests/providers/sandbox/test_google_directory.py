"""Users, domains, groups, rooms and Meet spaces as Google answers them."""

from __future__ import annotations

from typing import Any

import pytest

from connections.sandbox.people import groups, people

from .google_client import (
    ADMINISTRATOR,
    CUSTOMER,
    DOMAINS,
    EMPLOYEE,
    GROUPS,
    MEET,
    ROOMS,
    UNITS,
    USERS,
    GoogleClient,
    reason,
)

EVERYBODY = {"customer": "my_customer", "maxResults": 500}
SPACES = "meet.googleapis.com/v2/spaces"
HERE = [one for one in people() if one.domain == "kube.example"]


def everybody(google: GoogleClient, **more: Any) -> list[dict]:
    found, query = [], {**EVERYBODY, **more}
    while True:
        page = google.directory("users", **query).json()
        found += page.get("users", [])
        if "nextPageToken" not in page:
            return found
        query["pageToken"] = page["nextPageToken"]


def test_a_whole_listing_has_everybody_once(google: GoogleClient) -> None:
    users = everybody(google)

    assert len(users) == 1260
    assert {one["primaryEmail"] for one in users} == {one.email for one in HERE}
    assert len({one["id"] for one in users}) == 1260
    assert [one["primaryEmail"] for one in users if one["isAdmin"]] == [ADMINISTRATOR]
    assert len(google.directory("users", customer="my_customer").json()["users"]) == 100


def test_listings_can_be_narrowed_and_ordered(google: GoogleClient) -> None:
    docs = everybody(google, query="orgUnitPath='/sig-docs'")
    assert {one["orgUnitPath"] for one in docs} == {"/sig-docs"}
    assert len(docs) == sum(one.department == "sig-docs" for one in HERE)

    one = everybody(google, query=f"email:{EMPLOYEE}")
    assert [found["name"]["fullName"] for found in one] == ["Chiara Castro"]
    by_family = everybody(google, orderBy="familyName")
    families = [one["name"]["familyName"].lower() for one in by_family]
    assert families == sorted(families)
    assert google.directory("users", customer="my_customer", query="colour=blue").status_code == 400


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"customer": "my_customer", "maxResults": 501}, 400),
        ({"customer": "my_customer", "pageToken": "nonsense"}, 400),
        ({"customer": "C0rival1"}, 403),
        ({"domain": "rival.example"}, 403),
        ({"domain": "kube.example"}, 200),
    ],
)
def test_which_listings_are_allowed(google: GoogleClient, query: dict, status: int) -> None:
    assert google.directory("users", checked=False, **query).status_code == status


def test_delegation_alone_is_not_enough(google: GoogleClient) -> None:
    answer = google.directory("users", subject=EMPLOYEE, **EVERYBODY)
    assert reason(answer) == (403, "forbidden")
    assert answer.json()["error"]["message"] == "Not Authorized to access this resource/api"

    public = google.directory("users", subject=EMPLOYEE, viewType="domain_public", **EVERYBODY)
    assert "orgUnitPath" not in public.json()["users"][0]


def test_leavers_leave_the_list_and_suspended_people_stay(google: GoogleClient) -> None:
    gone, away = HERE[5].email, HERE[6].email
    user = google.directory(f"users/{gone}").json()
    google.sandbox.control("DELETE", f"people/{gone}")
    google.sandbox.control("PATCH", f"people/{away}", suspended=True)

    users = {one["primaryEmail"]: one for one in everybody(google)}
    assert gone not in users
    assert users[away]["suspended"] is True
    deleted = everybody(google, showDeleted="true")
    assert [one["id"] for one in deleted] == [user["id"]]
    assert "deletionTime" in deleted[0]
    assert reason(google.directory(f"users/{gone}")) == (404, "notFound")


def test_an_id_outlives_a_change_of_address(google: GoogleClient) -> None:
    before = google.directory(f"users/{EMPLOYEE}").json()
    google.sandbox.control("PATCH", f"people/{EMPLOYEE}", email="chiara.new@kube.example", aliases=[EMPLOYEE])

    after = google.directory(f"users/{before['id']}").json()
    assert (after["id"], after["primaryEmail"]) == (before["id"], "chiara.new@kube.example")
    assert after["aliases"] == [EMPLOYEE]


def test_the_directory_of_another_date(google: GoogleClient) -> None:
    google.sandbox.control("POST", "directory", snapshot="2025-07-01")

    expected = [one for one in people("2025-07-01") if one.domain == "kube.example"]
    administrator = expected[0].email
    users = google.directory("users", subject=administrator, **EVERYBODY).json()["users"]
    assert len(users) == 500
    page = google.directory("users", subject=administrator, customer="my_customer", maxResults=1)
    assert page.json()["users"][0]["primaryEmail"] == min(one.email for one in expected)


def test_fault_failing_page_of_the_directory(google: GoogleClient) -> None:
    google.sandbox.fault("failing_page", page=2, target="directory.users.list")
    page = google.directory("users", **EVERYBODY).json()

    assert google.directory("users", pageToken=page["nextPageToken"], **EVERYBODY).status_code == 500


def test_domains_customer_and_units(google: GoogleClient) -> None:
    domains = google.directory("customer/my_customer/domains", scope=DOMAINS).json()["domains"]
    assert [(one["domainName"], one["isPrimary"], one["verified"]) for one in domains] == [
        ("kube.example", True, True)
    ]
    aliases = google.directory("customer/my_customer/domainaliases", scope=DOMAINS)
    assert aliases.status_code == 200
    customer = google.directory("customers/my_customer", scope=CUSTOMER).json()
    assert (customer["id"], customer["customerDomain"]) == ("C0kube01", "kube.example")
    units = google.directory("customer/my_customer/orgunits", scope=UNITS).json()["organizationUnits"]
    assert {"/sig-docs", "/sig-node"} <= {one["orgUnitPath"] for one in units}


@pytest.mark.parametrize(
    "path",
    ["groups?customer=my_customer", "customer/my_customer/resources/calendars", "customers/my_customer"],
)
def test_what_the_directory_scopes_do_not_cover(google: GoogleClient, path: str) -> None:
    answer = google.directory(path, scope=f"{USERS} {DOMAINS}")
    assert reason(answer) == (403, "insufficientPermissions")


def test_groups_and_their_members_flat_or_nested(google: GoogleClient) -> None:
    listed, query = [], {"customer": "my_customer", "maxResults": 200}
    while True:
        page = google.directory("groups", scope=GROUPS, **query).json()
        listed += page["groups"]
        if "nextPageToken" not in page:
            break
        query["pageToken"] = page["nextPageToken"]
    assert len(listed) == 798

    parents = {one.parent for one in groups() if one.parent}
    parent = next(one for one in groups() if one.id in parents)
    children = [one for one in groups() if one.parent == parent.id]
    direct = google.directory(f"groups/{parent.email}/members", scope=GROUPS).json()["members"]
    inside = {one["email"] for one in direct if one["type"] == "GROUP"}
    assert inside == {one.email for one in children}
    flat = google.directory(
        f"groups/{parent.email}/members", scope=GROUPS, includeDerivedMembership=True
    ).json()["members"]
    assert "GROUP" not in {one["type"] for one in flat}
    assert len(flat) >= len(direct) - len(inside)
    member = next(one for one in flat if one["type"] == "USER")["email"]
    has = google.directory(f"groups/{parent.email}/hasMember/{member}", scope=GROUPS).json()
    assert has == {"isMember": True}
    mine = google.directory("groups", scope=GROUPS, userKey=member).json()["groups"]
    assert mine
    assert google.directory(f"groups/{parent.email}", scope=GROUPS).json()["name"] == parent.name


def test_rooms_and_buildings(google: GoogleClient) -> None:
    rooms = google.directory("customer/my_customer/resources/calendars", scope=ROOMS).json()["items"]
    assert {one["resourceEmail"] for one in rooms} >= {"room-anchor@kube.example"}
    buildings = google.directory("customer/my_customer/resources/buildings", scope=ROOMS).json()
    assert {one["buildingId"] for one in rooms} == {one["buildingId"] for one in buildings["buildings"]}


def test_a_meet_space_without_a_calendar(google: GoogleClient) -> None:
    made = google.call("POST", SPACES, EMPLOYEE, MEET, json={"config": {"accessType": "OPEN"}})
    space = made.json()
    assert space["meetingUri"].endswith(space["meetingCode"])

    path = f"meet.googleapis.com/v2/{space['name']}"
    assert google.call("GET", path, ADMINISTRATOR, MEET).json() == space
    changed = google.call(
        "PATCH",
        path,
        EMPLOYEE,
        MEET,
        json={"config": {"accessType": "RESTRICTED"}},
        updateMask="config.accessType",
    )
    assert changed.json()["config"]["accessType"] == "RESTRICTED"
    assert google.call("PATCH", path, ADMINISTRATOR, MEET, json={"config": {}}).status_code == 403
    assert google.call("POST", f"{path}:endActiveConference", EMPLOYEE, MEET).json() == {}
    assert google.call("GET", f"{SPACES}/none", EMPLOYEE, MEET).status_code == 404
    wrong = google.call("POST", SPACES, EMPLOYEE, MEET, json={"config": {"accessType": "X"}}, checked=False)
    assert wrong.status_code == 400


def test_meet_needs_its_scope(google: GoogleClient) -> None:
    assert reason(google.call("POST", SPACES, EMPLOYEE, USERS, json={})) == (403, "insufficientPermissions")
