"""Microsoft Entra's directory, as the portal reads it."""

import pytest

from connections.providers.base import AuthorizationLost
from connections.providers.directory import Kind, Removed
from connections.providers.microsoft import graph
from connections.providers.microsoft.directory import PLACES, USERS, page_of, person_of
from connections.sandbox import people as data
from connections.sandbox.microsoft.people import group_object_id, object_id
from tests.people import MICROSOFT_TENANT
from tests.providers.directories import (
    MICROSOFT_ALL,
    MICROSOFT_SCOPES,
    everybody,
    facts,
    in_the_data,
    open_microsoft,
    removed,
    whole,
)

HERE = [one for one in data.people() if one.domain == "sigs.example"]
ROOMS = [one for one in data.rooms() if one.domain == "sigs.example"]
PAULO = next(one for one in HERE if one.email == "paulo.dubois73@sigs.example")


def of_kind(people, kind: str) -> list:
    return [one for one in people.values() if one.kind == kind]


@pytest.fixture
def small_pages(monkeypatch) -> None:
    """Pages of fifty, so that a tenant of 223 accounts has five."""
    monkeypatch.setattr(graph, "PAGE", "odata.maxpagesize=50")


# --- the whole listing --------------------------------------------------------------------------------------------
def test_a_whole_listing_is_everybody_of_the_data(providers, small_pages):
    pages, cursor = whole(open_microsoft(providers))

    people = everybody(pages)
    assert [len(page.people) for page in pages] == [50, 50, 50, 50, 23]
    persons = of_kind(people, Kind.PERSON)
    assert {facts(person) for person in persons} == in_the_data("sigs.example")
    assert {one.address: one.external_id for one in persons} == {one.email: object_id(one.id) for one in HERE}
    assert all(person.enabled for person in persons)
    assert [bool(page.cursor) for page in pages] == [False] * 4 + [True]
    assert cursor
    assert removed(pages) == []


def test_rooms_guests_and_shared_mailboxes_are_told_apart(providers):
    people = everybody(open_microsoft(providers).people())

    assert {one.address for one in of_kind(people, Kind.ROOM)} == {one.email for one in ROOMS}
    (shared,) = of_kind(people, Kind.SHARED)
    (guest,) = of_kind(people, Kind.GUEST)
    assert (shared.address, shared.name, shared.enabled) == ("help@sigs.example", "Help Desk", False)
    assert (guest.address, guest.name, guest.enabled) == ("gita@guests.example", "Gita Guest", True)


def test_a_disabled_person_is_a_person_who_is_not_enabled(providers):
    providers.control("PATCH", f"people/{PAULO.email}", suspended=True)

    paulo = everybody(open_microsoft(providers).people())[PAULO.email]

    assert (paulo.kind, paulo.enabled) == (Kind.PERSON, False)


def test_only_what_is_kept_is_asked_for(providers, wire):
    whole(open_microsoft(providers))

    (listing,) = wire.of("users.delta")
    assert listing.answer.json()["value"][0].keys() == set(listing.query["$select"].split(","))


def test_rooms_are_told(providers):
    rooms = list(open_microsoft(providers).rooms())

    assert {(one.address, one.name, one.capacity, one.building, one.floor) for one in rooms} == {
        (one.email, one.name, one.capacity, one.building, one.floor) for one in ROOMS
    }


def test_the_verified_domains_are_told(providers):
    assert open_microsoft(providers).domains() == ["sigs.example", "sigs.onmicrosoft.com"]


def test_one_live_call_looks_at_one_person(providers, wire):
    open_microsoft(providers).probe_directory()

    (call,) = wire.of("users.list")
    assert len(call.answer.json()["value"]) == 1


def test_each_scope_is_looked_for_in_a_fresh_token(providers):
    service = open_microsoft(providers, roles=(USERS, "Mail.Read"))

    answers = {answer.name: (answer.granted, answer.requested) for answer in service.probe_scopes()}

    assert answers == {
        **{scope: (scope == USERS, True) for scope in MICROSOFT_SCOPES},
        "Mail.Read": (True, False),
    }


def test_each_call_is_taken_from_the_budget(providers, small_pages):
    spent = []
    whole(open_microsoft(providers, spend=spent.append))

    assert spent == [1] * 6  # the rooms, and five pages


# --- changes ------------------------------------------------------------------------------------------------------
def test_nothing_new_is_an_empty_round_that_goes_on(providers):
    service = open_microsoft(providers)
    _pages, cursor = whole(service)

    (page,) = service.changes(cursor)

    assert (page.people, page.removed) == ((), ())
    (again,) = service.changes(page.cursor)
    assert again.people == ()


def test_a_round_tells_who_came_changed_and_went(providers):
    service = open_microsoft(providers)
    pages, cursor = whole(service)
    before = everybody(pages)
    new = {"email": "Paulo.New@sigs.example", "family_name": "New", "aliases": [PAULO.email]}
    providers.control("PATCH", f"people/{PAULO.email}", **new)
    providers.control("PATCH", "people/gabriel.ramos60@sigs.example", suspended=True)
    providers.control("DELETE", f"people/{HERE[-1].email}")
    providers.control("POST", "people", email="ada.new@sigs.example", given_name="Ada", family_name="New")

    round_ = list(service.changes(cursor))

    people = everybody(round_)
    assert people.keys() == {"paulo.new@sigs.example", "gabriel.ramos60@sigs.example", "ada.new@sigs.example"}
    paulo, gabriel = people["paulo.new@sigs.example"], people["gabriel.ramos60@sigs.example"]
    assert (paulo.external_id, paulo.aliases) == (before[PAULO.email].external_id, (PAULO.email,))
    assert paulo.digest != before[PAULO.email].digest
    assert paulo.department == PAULO.department  # what did not change is told too
    assert (gabriel.enabled, gabriel.kind) == (False, Kind.PERSON)
    assert removed(round_) == [Removed(object_id(HERE[-1].id))]
    assert [page.cursor for page in service.changes(round_[-1].cursor)] != [""]


def test_who_is_gone_for_good_is_told_so(providers):
    service = open_microsoft(providers)
    _pages, cursor = whole(service)
    providers.control("POST", "directory", snapshot="2025-07-01")

    gone = removed(service.changes(cursor))

    then = {one.id for one in data.people("2025-07-01") if one.domain == "sigs.example"}
    left = {one.id for one in HERE} - then
    assert left
    assert {one.external_id for one in gone} == {object_id(one) for one in left}


@pytest.mark.parametrize("there_at_last", [True, False])
def test_who_comes_twice_on_a_page_is_what_is_told_later(there_at_last):
    told, gone = {"id": "1", "displayName": "Ana"}, {"id": "1", "@removed": {"reason": "changed"}}

    page = page_of([gone, told] if there_at_last else [told, gone], frozenset(), "")

    assert (len(page.people), len(page.removed)) == ((1, 0) if there_at_last else (0, 1))


def test_who_did_not_change_has_the_same_digest_every_time(providers):
    service = open_microsoft(providers)

    first, second = everybody(service.people()), everybody(service.people())

    assert {one.digest for one in first.values()} == {one.digest for one in second.values()}
    assert len({one.digest for one in first.values()}) == len(first) == 223


# --- groups, where somebody agreed to them --------------------------------------------------------------------------
def test_groups_are_told_with_direct_members_and_the_groups_inside(providers):
    told = {group.external_id: group for group in open_microsoft(providers, MICROSOFT_ALL).groups()}

    here = {one.id for one in HERE}
    by_id = {group_object_id(MICROSOFT_TENANT, one.id): one for one in data.groups()}
    assert len(told) == 73
    assert any(group.children for group in told.values())
    for external_id, group in told.items():
        source = by_id[external_id]
        inside = {id_ for id_ in told if by_id[id_].parent == source.id}
        assert group.name == source.name
        assert set(group.members) == {object_id(one) for one in source.members if one in here}
        assert set(group.children) == inside
        assert not group.hidden


def test_nothing_is_called_for_groups_that_were_not_asked_for(providers, wire):
    service = open_microsoft(providers)

    with pytest.raises(AuthorizationLost) as lost:
        list(service.groups())

    assert (lost.value.reason, wire.exchanges) == ("incomplete", [])


# --- what the sandbox's accounts do not show ------------------------------------------------------------------------
ACCOUNT = {"id": "1", "accountEnabled": True, "userType": "Member", "userPrincipalName": "ana@sigs.example"}


@pytest.mark.parametrize(
    ("account", "address", "aliases"),
    [
        ({"mail": None}, "", ()),
        ({"mail": None, "proxyAddresses": []}, "", ()),
        ({"mail": "none"}, "", ()),
        ({"mail": "A@X.example", "proxyAddresses": ["SMTP:a@x.example", "x500:/o=x", "sip:a@x.example"]},
         "a@x.example", ()),
        ({"mail": None, "proxyAddresses": ["smtp:b@x.example", "SMTP:A@x.example"]},
         "a@x.example", ("b@x.example",)),
        ({"mail": "c@x.example", "proxyAddresses": ["smtp:b@x.example", "SMTP:a@x.example"]},
         "c@x.example", ("a@x.example", "b@x.example")),
    ],
)  # fmt: skip
def test_addresses_are_mail_and_proxy_addresses_and_never_the_name_to_sign_in_with(account, address, aliases):
    person = person_of(ACCOUNT | account, frozenset())

    assert (person.address, person.aliases) == (address, aliases)


@pytest.mark.parametrize(
    ("account", "kind"),
    [
        ({}, Kind.PERSON),
        ({"userType": None}, Kind.PERSON),
        ({"userType": "Guest"}, Kind.GUEST),
        ({"userType": "Guest", "accountEnabled": False}, Kind.GUEST),
        ({"accountEnabled": False}, Kind.SHARED),
        ({"accountEnabled": False, "givenName": "Info"}, Kind.SHARED),
        ({"accountEnabled": False, "givenName": "Ana", "surname": "Diaz"}, Kind.PERSON),
        ({"accountEnabled": False, "mail": "Room@x.example"}, Kind.ROOM),
        ({"accountEnabled": True, "proxyAddresses": ["smtp:room@x.example"]}, Kind.ROOM),
    ],
)
def test_what_an_account_is(account, kind):
    assert person_of(ACCOUNT | account, frozenset({"room@x.example"})).kind == kind


def test_an_account_of_which_it_is_not_told_whether_it_is_enabled_is_not_taken_for_disabled():
    assert person_of({"id": "1", "accountEnabled": None}, frozenset()).enabled


def test_what_a_row_keeps_beside_names():
    row = ACCOUNT | {
        "displayName": "Ana Diaz",
        "jobTitle": "Lead",
        "officeLocation": "Bonn 4",
        "employeeId": "E-7",
        "department": "Sales",
    }

    ana = person_of(row, frozenset())

    assert (ana.name, ana.employee_id, ana.department) == ("Ana Diaz", "E-7", "Sales")
    assert ana.attributes == (("display_name", "Ana Diaz"), ("job_title", "Lead"), ("office", "Bonn 4"))


def test_places_need_a_permission_of_their_own(providers):
    service = open_microsoft(providers, roles=(USERS,))

    with pytest.raises(AuthorizationLost) as lost:
        list(service.people())

    assert (lost.value.reason, PLACES in MICROSOFT_SCOPES) == ("incomplete", True)
