"""Google Workspace's directory, as the portal reads it."""

from itertools import islice

import pytest

from connections.providers.base import AuthorizationLost, FeedExpired
from connections.providers.directory import Kind
from connections.providers.google.directory import DOMAINS, GROUPS, USERS, person_of
from connections.sandbox import people as data
from connections.sandbox.google.tokens import google_id
from tests.people import GOOGLE_ADMINISTRATOR
from tests.providers.directories import (
    GOOGLE_ALL,
    GOOGLE_SCOPES,
    everybody,
    facts,
    in_the_data,
    open_google,
)

DOCS = next(one for one in data.people() if one.domain == "kube.example" and one.department == "sig-docs")


def test_a_whole_listing_is_everybody_of_the_data(providers):
    pages = list(open_google(providers).people())

    people = everybody(pages)
    assert [len(page.people) for page in pages] == [500, 500, 260]
    assert {facts(person) for person in people.values()} == in_the_data("kube.example")
    ids = {one.email: google_id(one.id) for one in data.people()}
    assert {one.address: one.external_id for one in people.values()}.items() <= ids.items()
    assert {person.kind for person in people.values()} == {Kind.PERSON}
    assert all(person.enabled for person in people.values())
    assert people[DOCS.email].path == "/sig-docs"
    assert not any(page.cursor or page.removed for page in pages)


def test_only_what_is_kept_crosses_the_wire(providers, wire):
    next(open_google(providers).people())

    (listing,) = wire.of("directory.users.list")
    assert set(listing.answer.json()["users"][0]) <= {
        "id", "primaryEmail", "aliases", "name", "suspended", "archived", "orgUnitPath", "externalIds",
        "organizations",
    }  # fmt: skip


def test_suspended_and_archived_people_stay_and_are_not_enabled(providers):
    providers.control("PATCH", f"people/{DOCS.email}", suspended=True)
    providers.control("PATCH", "people/pia.bauer11@kube.example", archived=True)

    people = everybody(open_google(providers).people())

    assert {person.address for person in people.values() if not person.enabled} == {
        DOCS.email,
        "pia.bauer11@kube.example",
    }
    assert len(people) == 1260


def test_deleted_people_are_missing(providers):
    providers.control("DELETE", f"people/{DOCS.email}")

    people = everybody(open_google(providers).people())

    assert DOCS.email not in people
    assert len(people) == 1259


def test_a_new_name_and_address_keep_the_id_and_change_the_digest(providers):
    service = open_google(providers)
    before = everybody(service.people())[DOCS.email]
    new = {"email": "New.Name@kube.example", "family_name": "Name", "aliases": [DOCS.email.upper()]}
    providers.control("PATCH", f"people/{DOCS.email}", **new)

    people = everybody(service.people())
    after = people["new.name@kube.example"]

    assert (after.external_id, after.family_name) == (before.external_id, "Name")
    assert after.aliases == (DOCS.email,)
    assert after.digest != before.digest
    assert DOCS.email not in people


def test_who_did_not_change_has_the_same_digest_every_time(providers):
    service = open_google(providers)

    first, second = everybody(service.people()), everybody(service.people())

    assert {one.digest for one in first.values()} == {one.digest for one in second.values()}
    assert len({one.digest for one in first.values()}) == 1260
    assert all(len(one.digest) == 32 for one in first.values())


def test_the_verified_domains_are_told(providers):
    assert open_google(providers).domains() == ["kube.example"]


def test_google_tells_no_changes(providers):
    service = open_google(providers)

    with pytest.raises(FeedExpired):
        service.changes("anything")


def test_one_live_call_looks_at_one_person_of_the_whole_tenant(providers, wire):
    open_google(providers).probe_directory()

    (call,) = wire.of("directory.users.list")
    assert (call.query["customer"], call.query["maxResults"]) == ("my_customer", "1")
    assert len(call.answer.json()["users"]) == 1


def test_each_scope_is_probed_alone_as_the_administrator(providers):
    service = open_google(providers, GOOGLE_ALL, delegated=GOOGLE_SCOPES)

    granted = {answer.name: answer.granted for answer in service.probe_scopes()}

    assert granted == {scope: scope in GOOGLE_SCOPES for scope in GOOGLE_ALL}


# --- groups and rooms, where somebody agreed to them ----------------------------------------------------------------
def test_rooms_are_told(providers):
    rooms = list(open_google(providers, GOOGLE_ALL).rooms())

    expected = {
        (one.id, one.email, one.name, one.capacity, one.building, one.floor)
        for one in data.rooms()
        if one.domain == "kube.example"
    }
    told = {(one.external_id, one.address, one.name, one.capacity, one.building, one.floor) for one in rooms}
    assert told == expected


def test_groups_are_told_with_direct_members_and_the_groups_inside(providers):
    groups = list(islice(open_google(providers, GOOGLE_ALL).groups(), 48))  # the last one has groups inside

    known = {google_id(one.id): one for one in data.groups()}
    here = {one.id for one in data.people() if one.domain == "kube.example"}
    assert any(group.children for group in groups)
    for group in groups:
        source = known[group.external_id]
        inside = {google_id(one.id) for one in data.groups() if one.parent == source.id}
        assert (group.name, group.address) == (source.name, source.email)
        assert set(group.members) == {google_id(one) for one in source.members if one in here}
        assert set(group.children) == inside
        assert not group.everybody
        assert not group.hidden


def test_the_whole_list_of_groups_is_read_page_by_page(providers, monkeypatch):
    service = open_google(providers, GOOGLE_ALL)
    monkeypatch.setattr(service, "_group_of", lambda row: row["id"])  # 798 further calls add nothing here

    assert set(service.groups()) == {google_id(one.id) for one in data.groups()}


@pytest.mark.parametrize("listing", ["groups", "rooms"])
def test_nothing_is_called_for_a_scope_that_was_not_asked_for(providers, wire, listing):
    service = open_google(providers)

    with pytest.raises(AuthorizationLost) as lost:
        list(getattr(service, listing)())

    assert lost.value.reason == "incomplete"
    assert not wire.exchanges


def test_each_token_holds_the_one_scope_that_its_call_needs(providers, wire):
    service = open_google(providers, GOOGLE_ALL)
    service.probe_directory()
    service.domains()
    next(service.groups())

    calls = providers.control("GET", "calls")["calls"]
    asked = [(one["operation"], one["scopes"]) for one in calls if one["operation"] != "google.token"]
    assert asked[:3] == [
        ("directory.users.list", [USERS]),
        ("directory.domains.list", [DOMAINS]),
        ("directory.groups.list", [GROUPS]),
    ]
    assert {one["who"] for one in calls if one["operation"] == "directory.users.list"} == {
        GOOGLE_ADMINISTRATOR
    }


def test_each_call_is_taken_from_the_budget(providers):
    spent = []
    list(open_google(providers, spend=spent.append).people())

    assert spent == [1, 1, 1]


# --- what the sandbox's people do not show --------------------------------------------------------------------------
def test_a_user_is_read_as_googles_reference_has_one():
    person = person_of(
        {
            "id": "101",
            "primaryEmail": "Ana.Diaz@Kube.Example",
            "aliases": ["ana@kube.example"],
            "nonEditableAliases": ["ana.diaz@kube.example.test-google-a.com"],
            "name": {"givenName": "Ana\u00a0María", "familyName": "D\u200ciaz"},
            "isGuestUser": True,
            "externalIds": [{"type": "custom", "value": "x"}, {"type": "organization", "value": "E-7"}],
            "organizations": [
                {"department": "Old"},
                {"department": "Sales", "title": "Lead", "location": "Bonn", "primary": True},
            ],
        }
    )

    assert (person.address, person.given_name, person.family_name) == (
        "ana.diaz@kube.example",
        "Ana María",
        "Diaz",
    )
    assert person.aliases == ("ana.diaz@kube.example.test-google-a.com", "ana@kube.example")
    assert (person.employee_id, person.department, person.kind) == ("E-7", "Sales", Kind.GUEST)
    assert person.attributes == (("job_title", "Lead"), ("office", "Bonn"))
