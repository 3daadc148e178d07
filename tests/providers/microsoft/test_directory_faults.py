"""Entra's directory fails, refuses, lies or stops half-way: never does a short listing look like a whole one."""

import pytest

from connections.providers.base import AuthorizationLost, FeedExpired, Throttled, Unreachable, Unreadable
from connections.providers.microsoft import directory, graph
from connections.providers.microsoft.directory import ORGANIZATION, PLACES, ROUNDS, USERS
from tests.providers.directories import (
    MICROSOFT_ALL,
    everybody,
    failing,
    open_microsoft,
    removed,
    whole,
)

DELTA = "users.delta"
PAULO = "paulo.dubois73@sigs.example"


@pytest.fixture(autouse=True)
def small_pages(monkeypatch) -> None:
    """Pages of fifty, so that a tenant of 223 accounts has five."""
    monkeypatch.setattr(graph, "PAGE", "odata.maxpagesize=50")


def read(service, error: type[Exception]) -> tuple[int, Exception]:
    return failing(service.people(), error)


@pytest.mark.parametrize(
    ("fault", "params", "error", "code"),
    [
        ("server_error", {"status": 500}, Unreachable, "InternalServerError"),
        ("server_error", {"status": 502}, Unreachable, "InternalServerError"),
        ("lost_answer", {}, Unreachable, "server error"),
        ("rate_limited", {"retry_after": 90}, Throttled, "TooManyRequests"),
        ("rate_limited", {}, Throttled, "TooManyRequests"),
        ("rate_limited", {"status": 503, "retry_after": 30}, Throttled, "TooManyRequests"),
        ("nonsense", {}, Unreadable, "not JSON"),
        ("truncated", {}, Unreadable, "not JSON"),
        ("token_revoked", {}, AuthorizationLost, "InvalidAuthenticationToken"),
        ("role_missing", {}, AuthorizationLost, "Authorization_RequestDenied"),
    ],
)
def test_a_listing_that_is_refused_raises_what_it_is(providers, wire, fault, params, error, code):
    wire.answers_break = fault in {"nonsense", "truncated", "lost_answer"}
    service = open_microsoft(providers)
    providers.fault(fault, target=DELTA, **params)

    pages, raised = read(service, error)

    assert (pages, raised.code) == (0, code)
    assert getattr(raised, "retry_after", None) == params.get("retry_after")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (7000222, "secret_expired"),
        (700016, "revoked"),
        (7000112, "app_disabled"),
        (53003, "blocked_by_policy"),
    ],
)
def test_a_token_that_is_refused_ends_the_authorization(providers, code, reason):
    service = open_microsoft(providers)
    providers.fault("entra_error", code=code)

    assert read(service, AuthorizationLost)[1].reason == reason


@pytest.mark.parametrize("page", [1, 2, 5])
def test_a_page_that_fails_fails_the_listing(providers, page):
    service = open_microsoft(providers)
    providers.fault("failing_page", page=page, target=DELTA)

    assert read(service, Unreachable)[0] == page - 1
    providers.control("DELETE", "faults")
    assert len(everybody(service.people())) == 223


def test_an_answer_that_does_not_come_in_time_fails_the_listing(providers, settings):
    service = open_microsoft(providers)
    service.probe_directory()  # its token is there
    settings.PROVIDER_TIMEOUT_SECONDS = 0.3
    providers.fault("latency", ms=900)

    assert read(service, Unreachable)[0] == 0


def test_a_page_named_again_is_no_end(providers):
    service = open_microsoft(providers)
    providers.fault("directory_page_repeats", target=DELTA)

    pages, raised = read(service, Unreadable)

    assert (pages, raised.code) == (2, "pages without end")


def test_more_pages_than_any_directory_has_are_no_end(providers, monkeypatch):
    monkeypatch.setattr(directory, "MOST_PAGES", 2)

    assert read(open_microsoft(providers), Unreadable)[1].code == "pages without end"


@pytest.mark.parametrize("name", ["@odata.nextLink", "@odata.deltaLink"])
@pytest.mark.parametrize(
    "link",
    ["https://elsewhere.example/v1.0/users/delta?x", 7, f"{ROUNDS[:-12]}.elsewhere"],
    ids=["another host", "no text", "a host like ours"],
)
def test_a_link_that_leads_elsewhere_is_not_followed_and_not_kept(providers, instead, wire, name, link):
    instead["/users/delta"] = {"value": [], name: link}

    read(open_microsoft(providers), Unreadable)

    assert len(wire.of(DELTA)) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"value": []},
        {"value": {}, "@odata.deltaLink": ROUNDS},
        {"value": ["x"], "@odata.deltaLink": ROUNDS},
        {"value": [{"mail": "a@sigs.example"}], "@odata.deltaLink": ROUNDS},
        {"value": [{"id": 7}], "@odata.deltaLink": ROUNDS},
        {"value": [{"id": ""}], "@odata.deltaLink": ROUNDS},
        {"value": [{"id": "1", "department": {}}], "@odata.deltaLink": ROUNDS},
        {"value": [{"id": "1", "proxyAddresses": [7]}], "@odata.deltaLink": ROUNDS},
        {"value": [{"id": "1", "@removed": "yes"}], "@odata.deltaLink": ROUNDS},
    ],
    ids=lambda body: str(body).replace(ROUNDS, "…"),
)
def test_an_answer_of_another_shape_is_not_nobody(providers, instead, body):
    instead["/users/delta"] = body

    read(open_microsoft(providers), Unreadable)


# --- what is not allowed --------------------------------------------------------------------------------------------
def test_a_token_without_permissions_lists_nobody_and_says_so(providers):
    service = open_microsoft(providers)
    providers.fault("token_without_roles")

    pages, raised = read(service, AuthorizationLost)

    assert (pages, raised.reason, raised.status) == (0, "incomplete", 403)


@pytest.mark.parametrize("missing", [USERS, PLACES])
def test_a_part_of_the_permissions_lists_nobody_and_says_so(providers, missing):
    service = open_microsoft(providers, roles=tuple({USERS, ORGANIZATION, PLACES} - {missing}))

    assert read(service, AuthorizationLost)[1].reason == "incomplete"
    assert service.domains() == ["sigs.example", "sigs.onmicrosoft.com"]


def test_an_access_that_exchange_refuses_is_a_missing_permission_too(providers, instead):
    refused = {"error": {"code": "ErrorAccessDenied", "message": "Access is denied."}}
    instead["/microsoft.graph.room"] = refused
    service = open_microsoft(providers, roles=(USERS,))

    assert read(service, AuthorizationLost)[1].code == "ErrorAccessDenied"


def test_groups_without_their_permission_are_no_empty_list(providers):
    service = open_microsoft(providers, MICROSOFT_ALL, roles=(USERS, ORGANIZATION, PLACES))

    assert failing(service.groups(), AuthorizationLost)[1].reason == "incomplete"


def test_a_consent_that_ends_between_two_pages_fails_the_listing(providers):
    service = open_microsoft(providers)
    listing = service.people()
    next(listing)
    providers.fault("token_revoked")

    assert failing(listing, AuthorizationLost)[1].reason == "revoked"


def test_a_token_that_ended_early_is_asked_for_once_more(providers):
    service = open_microsoft(providers)
    providers.fault("token_revoked", target=DELTA, times=1)

    assert len(everybody(service.people())) == 223


def test_the_organization_of_another_tenant_is_not_taken(providers, instead):
    instead["/organization"] = {"value": [{"id": "another", "verifiedDomains": [{"name": "x.example"}]}]}

    with pytest.raises(Unreadable):
        open_microsoft(providers).domains()


# --- rounds of changes ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "status"),
    [("SyncStateNotFound", 410), ("syncStateInvalid", 400), ("resyncRequired", 410)],
)
def test_a_place_that_is_lost_asks_for_everything_again(providers, code, status):
    service = open_microsoft(providers)
    _pages, cursor = whole(service)
    providers.fault("delta_gone", code=code, status=status, times=1)

    assert failing(service.changes(cursor), FeedExpired)[0] == 0
    assert len(everybody(service.people())) == 223


def test_a_place_is_kept_for_seven_days(providers):
    service = open_microsoft(providers)
    _pages, cursor = whole(service)
    providers.control("POST", "clock", advance_seconds=8 * 24 * 3600)

    assert failing(service.changes(cursor), FeedExpired)[1].status == 410


@pytest.mark.parametrize("cursor", ["", "https://elsewhere.example/v1.0/users/delta?$deltatoken=x"])
def test_a_cursor_of_another_host_is_not_followed(providers, wire, cursor):
    service = open_microsoft(providers)

    with pytest.raises(FeedExpired):
        list(service.changes(cursor))

    assert wire.exchanges == []


def test_a_cursor_that_graph_cannot_read_asks_for_everything_again(providers):
    service = open_microsoft(providers)

    assert failing(service.changes(f"{ROUNDS}?$deltatoken=none"), FeedExpired)[1].status == 400


def test_a_round_that_fails_in_its_middle_tells_no_place_to_go_on(providers):
    service = open_microsoft(providers)
    _pages, cursor = whole(service)
    providers.control("POST", "directory", snapshot="2025-07-01")
    providers.fault("failing_page", page=2, target=DELTA)
    parts = []

    with pytest.raises(Unreachable):
        parts.extend(page.cursor for page in service.changes(cursor))
    providers.control("DELETE", "faults")

    assert not any(parts)
    again = list(service.changes(cursor))
    assert len(again) > 1
    assert removed(again)


def test_who_is_told_twice_on_a_page_is_handed_on_once(providers):
    service = open_microsoft(providers)
    _pages, cursor = whole(service)
    providers.control("PATCH", f"people/{PAULO}", department="New")
    providers.fault("delta_replay")

    (page,) = service.changes(cursor)

    (one,) = page.people
    assert (one.address, one.department) == (PAULO, "New")


# --- answers that lie: what the guard above has to judge ------------------------------------------------------------
def test_a_part_that_the_provider_calls_everybody_is_told_as_it_is(providers):
    service = open_microsoft(providers)
    providers.fault("directory_partial", share=0.5)

    pages, cursor = whole(service)

    assert len(everybody(pages)) == 111
    assert cursor


def test_nobody_is_told_as_nobody(providers):
    service = open_microsoft(providers)
    providers.fault("directory_empty")

    (page,) = service.people()

    assert page.people == ()
    assert page.cursor


# --- groups -------------------------------------------------------------------------------------------------------
def test_a_group_whose_members_are_hidden_is_not_empty(providers, instead, wire):
    row = {"id": "g", "displayName": "Board", "mail": None, "visibility": "HiddenMembership"}
    instead["/groups"] = {"value": [row]}

    (group,) = open_microsoft(providers, MICROSOFT_ALL).groups()

    assert (group.hidden, group.name, group.address) == (True, "Board", "")
    assert not wire.of("groups.members")


def test_a_group_that_graph_no_longer_finds_is_hidden_too(providers, instead):
    instead["/groups"] = {"value": [{"id": "gone", "displayName": "Gone"}]}

    (group,) = open_microsoft(providers, MICROSOFT_ALL).groups()

    assert group.hidden


def test_devices_and_contacts_in_a_group_are_nobody(providers, instead):
    types = {"u": "user", "g": "group", "d": "device", "c": "orgContact"}
    members = [{"@odata.type": f"#microsoft.graph.{kind}", "id": one} for one, kind in types.items()]
    instead["/members"] = {"value": members}

    group = next(open_microsoft(providers, MICROSOFT_ALL).groups())

    assert (group.members, group.children) == (("u",), ("g",))


def test_members_that_cannot_be_read_fail_the_listing_of_groups(providers):
    service = open_microsoft(providers, MICROSOFT_ALL)
    providers.fault("server_error", target="groups.members")

    assert failing(service.groups(), Unreachable)[0] == 0
