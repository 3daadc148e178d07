"""What can be made to go wrong at the sandbox's Microsoft, and how it then looks."""

from pathlib import Path

import jwt
import pytest
import requests

from connections.sandbox.microsoft.faults import FAULTS

from .microsoft_client import ADMIN, EMPLOYEE, Graph, ask_token, window

MONTH = window("2026-08-01", "2026-09-01")
VIEW = f"/users/{ADMIN}/calendarView"
DELTA = f"{VIEW}/delta"


@pytest.fixture
def graph(sandbox):
    return Graph(sandbox, "calendar-read-write")


@pytest.fixture
def narrow(sandbox):
    return Graph(sandbox, "calendar-free-busy")


def roles(graph):
    return jwt.decode(graph.token, options={"verify_signature": False}).get("roles")


def test_a_token_without_roles_is_issued_and_good_for_nothing(graph):
    graph.sandbox.fault("token_without_roles")
    graph.renew()
    assert roles(graph) is None
    assert graph.refused("GET", VIEW, params=MONTH) == (403, "ErrorAccessDenied")


def test_roles_come_late_after_the_consent(graph):
    graph.sandbox.fault("consent_late", seconds=60, times=1)
    graph.renew()
    assert roles(graph) is None
    graph.renew()
    assert roles(graph) == ["Calendars.ReadWrite"]


def test_partial_consent_leaves_roles_out(sandbox):
    directory = Graph(sandbox, "directory")
    sandbox.control(
        "POST", "consents", tenant="sigs.example", client_id=directory.app_id, roles=["Place.Read.All"]
    )
    directory.renew()
    assert roles(directory) == ["Place.Read.All"]
    assert directory.refused("GET", "/users")[0] == 403
    assert directory.get("/places/microsoft.graph.room")["value"]


def test_consent_withdrawn_in_the_middle_of_a_sync(graph):
    page = graph.get(DELTA, params=MONTH, prefer="odata.maxpagesize=5")
    graph.sandbox.control("DELETE", "consents", tenant="sigs.example")
    # The token out there lives on; the next one is refused.
    page = graph.get(page["@odata.nextLink"])
    assert ask_token(graph.sandbox, "calendar-read-write").json()["error_codes"] == [700016]
    graph.sandbox.fault("token_revoked", target="graph.microsoft.com")
    assert graph.refused("GET", page["@odata.nextLink"]) == (401, "InvalidAuthenticationToken")


def test_the_permission_can_go_while_the_token_still_names_it(graph):
    graph.sandbox.fault("role_missing", target="calendarView.delta")
    assert graph.refused("GET", DELTA, params=MONTH) == (403, "ErrorAccessDenied")
    assert graph.get(VIEW, params=MONTH)


@pytest.mark.parametrize("secret", [7000215, 7000222])
def test_the_secret_can_be_wrong_or_expired(graph, secret):
    graph.sandbox.fault("entra_error", code=secret)
    answer = ask_token(graph.sandbox, "calendar-read-write")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_middle_page_can_fail(graph):
    graph.sandbox.fault("failing_page", page=2, times=1)
    page = graph.get(DELTA, params=MONTH, prefer="odata.maxpagesize=5")
    assert graph.refused("GET", page["@odata.nextLink"]) == (500, "InternalServerError")
    assert graph.get(page["@odata.nextLink"])["value"]

    graph.sandbox.fault("failing_page", page=2, times=1)
    page = graph.get(VIEW, params=MONTH)
    assert graph.refused("GET", page["@odata.nextLink"])[0] == 500


def test_a_middle_page_of_the_directory_can_fail(sandbox):
    directory = Graph(sandbox, "directory")
    sandbox.fault("failing_page", target="users.list")
    page = directory.get("/users?$top=100")
    assert directory.refused("GET", page["@odata.nextLink"])[0] == 500
    assert directory.all_pages("/users/delta")


@pytest.mark.parametrize("code", ["SyncStateNotFound", "syncStateInvalid", "resyncRequired"])
def test_the_state_of_a_round_can_be_gone(graph, code):
    _, page = graph.all_pages(DELTA, params=MONTH)
    graph.sandbox.fault("delta_gone", target=ADMIN, code=code)
    assert graph.refused("GET", page["@odata.deltaLink"]) == (410, code)
    # A full round is always possible.
    assert graph.all_pages(DELTA, params=MONTH)


def test_the_state_can_be_gone_with_another_status(graph):
    _, page = graph.all_pages(DELTA, params=MONTH)
    graph.sandbox.fault("delta_gone", status=400, code="syncStateNotFound")
    assert graph.refused("GET", page["@odata.deltaLink"]) == (400, "syncStateNotFound")


def test_a_mailbox_can_be_missing(graph):
    graph.sandbox.fault("mailbox_missing", target=EMPLOYEE)
    answer = graph.refused("GET", f"/users/{EMPLOYEE}/calendar")
    assert answer == (404, "MailboxNotEnabledForRESTAPI")
    assert graph.get(f"/users/{ADMIN}/calendar")


def test_accounts_without_a_mailbox_have_no_calendar(graph):
    assert graph.refused("GET", "/users/help@sigs.example/calendar") == (404, "MailboxNotEnabledForRESTAPI")


def test_an_access_policy_blocks_a_mailbox_but_not_for_free_busy(graph, narrow):
    graph.sandbox.fault("mailbox_policy", target=EMPLOYEE)
    answer = graph.call("GET", f"/users/{EMPLOYEE}/calendar")
    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == "Access to OData is disabled."
    assert graph.get(f"/users/{ADMIN}/calendar")
    assert narrow.get(f"/users/{EMPLOYEE}/calendar")


@pytest.mark.parametrize(
    ("params", "status", "after"),
    [({"retry_after": 7}, 429, "7"), ({}, 429, None), ({"status": 503, "retry_after": 3}, 503, "3")],
)
def test_throttling_with_and_without_retry_after(graph, params, status, after):
    graph.sandbox.fault("rate_limited", target=ADMIN, times=1, **params)
    answer = graph.call("GET", VIEW, params=MONTH)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, after)
    assert graph.get(VIEW, params=MONTH)


def test_throttling_can_be_for_one_application(graph, narrow):
    graph.sandbox.fault("rate_limited", target=graph.app_id)
    assert graph.refused("GET", VIEW, params=MONTH)[0] == 429
    assert narrow.get(VIEW, params=MONTH)


def test_the_server_can_fail_and_talk_nonsense(graph):
    graph.sandbox.fault("server_error", status=502, times=1)
    assert graph.refused("GET", VIEW, params=MONTH)[0] == 502
    graph.sandbox.fault("nonsense", target="calendarView.list", times=1)
    answer = graph.call("GET", VIEW, params=MONTH, checked=False)
    assert answer.headers["Content-Type"].startswith("text/html")
    graph.sandbox.fault("truncated", target="calendarView.list", times=1)
    with pytest.raises(requests.JSONDecodeError):
        graph.call("GET", VIEW, params=MONTH, checked=False).json()


def test_the_token_address_can_be_down_and_one_api_can_be(sandbox, graph):
    sandbox.fault("server_error", target="microsoft.token", status=503, times=1)
    answer = ask_token(sandbox, "calendar-read-write")
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    sandbox.fault("server_error", target="calendar")
    assert graph.refused("GET", VIEW, params=MONTH)[0] == 500
    assert Graph(sandbox, "directory").get("/organization")


def test_cancelled_and_moved_occurrences_are_in_the_mailboxes(sandbox, graph):
    users = Graph(sandbox, "directory").get("/users?$top=999&$select=userPrincipalName,accountEnabled")[
        "value"
    ]
    seen = set()
    for one in users:
        if not one["accountEnabled"] or "#EXT#" in one["userPrincipalName"]:
            continue
        path = f"/users/{one['userPrincipalName']}/calendarView/delta"
        items, _ = graph.all_pages(path, params=MONTH, prefer="odata.maxpagesize=500")
        for item in items:
            if item["type"] == "exception":
                seen.add("cancelled" if item["isCancelled"] else "moved")
            if item["type"] == "singleInstance":
                seen.add(item["showAs"])
                seen.add(item["sensitivity"])
                seen.add(item["responseStatus"]["response"])
        if len(seen) >= 12:
            break
    wanted = {"cancelled", "moved", "busy", "free", "tentative", "oof", "workingElsewhere", "private"}
    assert seen >= wanted | {"normal", "organizer", "declined", "notResponded"}


def test_every_fault_is_described_in_the_readme():
    readme = (Path(__file__).parents[3] / "connections" / "sandbox" / "README.md").read_text()
    assert [name for name in FAULTS if f"`{name}`" not in readme] == []
