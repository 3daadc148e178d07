"""Google's directory fails, refuses, lies or stops half-way: never does a short listing look like a whole one."""

from itertools import islice

import pytest

from connections.providers import directory
from connections.providers.base import AuthorizationLost, Throttled, Unreachable, Unreadable
from connections.providers.google import api
from connections.providers.google import directory as google
from connections.providers.google.directory import USERS
from tests.providers.directories import GOOGLE_ALL, GOOGLE_SCOPES, everybody, failing, open_google

LIST = "directory.users.list"


def read(service, error: type[Exception]) -> tuple[int, Exception]:
    return failing(service.people(), error)


@pytest.mark.parametrize(
    ("fault", "params", "error", "code"),
    [
        ("server_error", {"status": 500}, Unreachable, "backendError"),
        ("server_error", {"status": 502}, Unreachable, "backendError"),
        ("lost_answer", {}, Unreachable, "server error"),
        ("rate_limited", {"retry_after": 90}, Throttled, "rateLimitExceeded"),
        ("rate_limited", {"status": 403, "reason": "quotaExceeded"}, Throttled, "quotaExceeded"),
        ("rate_limited", {"status": 403, "reason": "userRateLimitExceeded"}, Throttled, "userRateLimitExceeded"),
        ("nonsense", {}, Unreadable, "not JSON"),
        ("truncated", {}, Unreadable, "not JSON"),
        ("token_revoked", {}, AuthorizationLost, "authError"),
        ("access_not_configured", {}, AuthorizationLost, "accessNotConfigured"),
    ],
)  # fmt: skip
def test_a_listing_that_is_refused_raises_what_it_is(providers, wire, fault, params, error, code):
    wire.answers_break = fault in {"nonsense", "truncated", "lost_answer"}
    service = open_google(providers)
    providers.fault(fault, target=LIST, **params)

    pages, raised = read(service, error)

    assert (pages, raised.code) == (0, code)
    assert getattr(raised, "retry_after", None) == params.get("retry_after")


@pytest.mark.parametrize(("page", "before"), [(1, 0), (2, 1), (3, 2)])
def test_a_page_that_fails_fails_the_listing(providers, page, before):
    service = open_google(providers)
    providers.fault("failing_page", page=page)

    assert read(service, Unreachable)[0] == before
    providers.control("DELETE", "faults")
    assert len(everybody(service.people())) == 1260


def test_an_answer_that_does_not_come_in_time_fails_the_listing(providers, settings):
    service = open_google(providers)
    next(service.people())  # its token is there
    settings.PROVIDER_TIMEOUT_SECONDS = 0.3
    providers.fault("latency", ms=900)

    assert read(service, Unreachable)[0] == 0


def test_a_page_named_again_is_no_end(providers):
    service = open_google(providers)
    providers.fault("directory_page_repeats")

    pages, raised = read(service, Unreadable)

    assert (pages, raised.code) == (2, "pages without end")


def test_more_pages_than_any_directory_has_are_no_end(providers, monkeypatch):
    monkeypatch.setattr(google, "MOST_PAGES", 2)

    assert read(open_google(providers), Unreadable)[1].code == "pages without end"
    assert directory.MOST_PAGES * 100 >= 100_000 > api.MOST_PAGES * 100


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"users": [{"id": "1"}]},
        {"kind": "admin#directory#groups"},
        {"kind": "admin#directory#users", "users": {}},
        {"kind": "admin#directory#users", "users": ["x"]},
        {"kind": "admin#directory#users", "users": [{"primaryEmail": "a@kube.example"}]},
        {"kind": "admin#directory#users", "users": [{"id": 7}]},
        {"kind": "admin#directory#users", "users": [{"id": "x" * 300}]},
        {"kind": "admin#directory#users", "users": [{"id": "1", "name": ["x"]}]},
        {"kind": "admin#directory#users", "users": [{"id": "1", "organizations": "x"}]},
        {"kind": "admin#directory#users", "users": [{"id": "1", "orgUnitPath": 7}]},
        {"kind": "admin#directory#users", "nextPageToken": 7},
    ],
    ids=str,
)
def test_an_answer_of_another_shape_is_not_nobody(providers, instead, body):
    instead["/users"] = body
    service = open_google(providers)

    with pytest.raises(Unreadable):
        list(service.people())


def test_one_odd_address_or_name_does_not_spoil_the_listing(providers, instead):
    odd = {"id": "1", "primaryEmail": "no address", "name": {"givenName": "A\x00" + "a" * 300}}
    instead["/users"] = {"kind": "admin#directory#users", "users": [odd]}

    (page,) = open_google(providers).people()

    assert (page.people[0].address, page.people[0].given_name) == ("", "A" + "a" * 253)


# --- who may not --------------------------------------------------------------------------------------------------
def test_who_is_no_administrator_sees_no_empty_directory_but_a_refusal(providers):
    service = open_google(providers, administrator="pia.bauer11@kube.example")

    raised = read(service, AuthorizationLost)[1]

    assert (raised.reason, raised.code, raised.status) == ("not_an_administrator", "forbidden", 403)


@pytest.mark.parametrize("description", ["Invalid email or User ID", "The account has been deleted"])
def test_an_administrator_who_left_ends_the_authorization(providers, description):
    service = open_google(providers)
    providers.fault("invalid_grant", description=description)

    assert read(service, AuthorizationLost)[1].reason == "not_an_administrator"


def test_a_restricted_administrator_ends_the_authorization(providers):
    service = open_google(providers)
    providers.fault("access_denied")

    assert read(service, AuthorizationLost)[1].reason == "not_an_administrator"
    with pytest.raises(AuthorizationLost):
        service.probe_scopes()


def test_a_scope_that_is_not_delegated_refuses_and_lists_nobody(providers):
    service = open_google(providers, delegated=GOOGLE_SCOPES[1:])

    assert read(service, AuthorizationLost)[1].reason == "not_delegated"
    assert service.domains() == ["kube.example"]


def test_a_delegation_that_ends_between_two_pages_fails_the_listing(providers):
    service = open_google(providers)
    listing = service.people()
    next(listing)
    providers.fault("token_revoked", target=LIST)

    with pytest.raises(AuthorizationLost) as lost:
        next(listing)

    assert lost.value.reason == "revoked"


def test_a_token_that_ended_early_is_minted_once_more(providers):
    service = open_google(providers)
    providers.fault("token_revoked", target=LIST, times=1)

    assert len(everybody(service.people())) == 1260


def test_a_key_for_several_tenants_is_not_used_beyond_the_domains_that_are_proven(providers, wire):
    service = open_google(providers, only_domains=frozenset({"sigs.example"}))

    raised = read(service, AuthorizationLost)[1]

    assert (raised.reason, wire.exchanges) == ("not_bound", [])


def test_only_verified_domains_and_their_verified_aliases_are_the_tenants(providers, instead):
    rows = [
        {
            "domainName": "Kube.Example",
            "verified": True,
            "domainAliases": [
                {"domainAliasName": "kube.test", "verified": True},
                {"domainAliasName": "not-yet.test", "verified": False},
            ],
        },
        {"domainName": "rival.example", "verified": False},
    ]
    instead["/domains"] = {"kind": "admin#directory#domains", "domains": rows}

    assert open_google(providers).domains() == ["kube.example", "kube.test"]


# --- answers that lie: what the guard above has to judge ------------------------------------------------------------
def test_a_part_that_the_provider_calls_everybody_is_told_as_it_is(providers):
    service = open_google(providers)
    providers.fault("directory_partial", share=0.25)

    assert len(everybody(service.people())) == 315


def test_nobody_is_told_as_nobody(providers):
    service = open_google(providers)
    providers.fault("directory_empty", target=LIST)

    (page,) = service.people()

    assert page.people == ()


# --- groups -------------------------------------------------------------------------------------------------------
def test_a_group_whose_members_google_does_not_find_is_hidden_and_not_empty(providers):
    service = open_google(providers, GOOGLE_ALL)
    providers.fault("server_error", status=404, target="directory.members.list", times=1)

    first, second = islice(service.groups(), 2)

    assert (first.hidden, first.members) == (True, ())
    assert not second.hidden


def test_members_that_cannot_be_read_fail_the_listing_of_groups(providers):
    service = open_google(providers, GOOGLE_ALL)
    providers.fault("server_error", target="directory.members.list")

    with pytest.raises(Unreachable):
        list(service.groups())


def test_a_group_of_the_whole_organization_says_so_and_strangers_are_left_out(providers, instead):
    rows = [
        {"id": "C0kube01", "type": "CUSTOMER"},
        {"type": "EXTERNAL"},
        {"id": "1", "type": "USER"},
        {"id": "2", "type": "GROUP"},
    ]
    instead["/members"] = {"kind": "admin#directory#members", "members": rows}

    group = next(open_google(providers, GOOGLE_ALL).groups())

    assert (group.everybody, group.members, group.children) == (True, ("1",), ("2",))


def test_a_scope_of_groups_that_is_not_delegated_is_no_empty_list(providers):
    service = open_google(providers, GOOGLE_ALL, delegated=(USERS,))

    for listing in (service.groups, service.rooms):
        with pytest.raises(AuthorizationLost) as lost:
            list(listing())
        assert lost.value.reason == "not_delegated"
