"""Push of the sandbox's Microsoft: handshake, notifications, lifecycle."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from jsonschema import Draft202012Validator

from tests.contracts.check import Document

from .microsoft_client import ADMIN, EMPLOYEE, TENANT, Graph, at

SECRET = "a-client-state-nobody-guesses"
SECONDS = 8


class Portal:
    """An endpoint like the portal's: echoes validation tokens, keeps what else it is sent."""

    def __init__(self) -> None:
        self.messages: list[dict] = []
        self.posts = 0
        self.validations: list[str] = []
        self.echo = True
        self.statuses: list[int] = []
        self.slow: list[float] = []
        portal = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                token = parse_qs(urlsplit(self.path).query).get("validationToken")
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                portal.take(self, token[0] if token else None, content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, handler: BaseHTTPRequestHandler, token: str | None, content: bytes) -> None:
        answer, status = b"", 202
        if token is not None:
            self.validations.append(token)
            answer, status = (token.encode() if self.echo else b"something else"), 200
            if "<" in token:
                answer, status = b"", 400
        else:
            self.posts += 1
            if self.slow:
                time.sleep(self.slow.pop(0))
            status = self.statuses.pop(0) if self.statuses else 202
            if status == 202:
                self.messages += json.loads(content)["value"]
        handler.send_response(status)
        handler.send_header("Content-Type", "text/plain")
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)

    def wait(self, count: int) -> list[dict]:
        """The messages once there are so many of them."""
        until = time.monotonic() + SECONDS
        while len(self.messages) < count and time.monotonic() < until:
            time.sleep(0.02)
        assert len(self.messages) == count
        return self.messages


@pytest.fixture
def portal() -> Iterator[Portal]:
    made = Portal()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def graph(sandbox):
    return Graph(sandbox, "calendar-read-write")


def in_minutes(count: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=count)).isoformat().replace("+00:00", "Z")


def wanted(portal, **changes):
    return {
        "changeType": "created,updated,deleted",
        "notificationUrl": f"{portal.url}/push",
        "lifecycleNotificationUrl": f"{portal.url}/lifecycle",
        "resource": f"users/{ADMIN}/events",
        "expirationDateTime": in_minutes(4230),
        "clientState": SECRET,
    } | changes


def subscribe(graph, portal, **changes):
    # http on this machine is not in the contract, so the request is not checked.
    return graph.post("/subscriptions", wanted(portal, **changes), checked=False)


def add(sandbox, address=ADMIN, day=5):
    times = {"start": f"2026-08-{day:02}T10:00:00+00:00", "end": f"2026-08-{day:02}T11:00:00+00:00"}
    return sandbox.control("POST", f"mailboxes/{address}/events", **times)


def test_both_addresses_are_validated_while_the_call_is_open(graph, portal):
    made = subscribe(graph, portal)
    assert len(portal.validations) == 2
    assert portal.validations[0].startswith("Validation: Testing client application reachability")
    assert made["clientState"] == SECRET
    assert graph.get(f"/subscriptions/{made['id']}")["resource"] == f"users/{ADMIN}/events"
    assert [one["id"] for one in graph.get("/subscriptions")["value"]] == [made["id"]]


def test_an_endpoint_that_does_not_echo_gets_no_subscription(graph, portal):
    portal.echo = False
    sent = wanted(portal)
    assert graph.refused("POST", "/subscriptions", json=sent, checked=False) == (400, "ValidationError")
    portal.echo = True
    graph.sandbox.fault("validation_wrong")
    assert graph.refused("POST", "/subscriptions", json=sent, checked=False) == (400, "ValidationError")
    assert graph.get("/subscriptions")["value"] == []


def test_an_endpoint_that_is_not_there_gets_no_subscription(graph, portal):
    sent = wanted(portal, notificationUrl="http://127.0.0.1:9/push")
    assert graph.refused("POST", "/subscriptions", json=sent, checked=False) == (400, "ValidationError")


def test_created_updated_and_deleted_events_are_told(graph, portal):
    made = subscribe(graph, portal)
    event = add(graph.sandbox)
    add(graph.sandbox, EMPLOYEE)
    created = portal.wait(1)[0]
    shown = graph.get(f"/users/{ADMIN}/events/{created['resourceData']['id']}")
    assert shown["start"]["dateTime"] == "2026-08-05T10:00:00.0000000"
    assert (created["changeType"], created["subscriptionId"]) == ("created", made["id"])
    assert (created["clientState"], created["tenantId"]) == (SECRET, TENANT)
    path = f"mailboxes/{ADMIN}/events/{event['id']}"
    graph.sandbox.control("PATCH", path, end="2026-08-05T12:00:00+00:00")
    assert portal.wait(2)[1]["changeType"] == "updated"
    graph.sandbox.control("DELETE", path)
    assert portal.wait(3)[2]["changeType"] == "deleted"
    assert all(portal_problems("GraphNotifications", one) == [] for one in portal.messages)


def portal_problems(schema: str, message: dict) -> list[str]:
    document = Document("oauth_webhooks.openapi.json")
    wanted = document.tree["components"]["schemas"][schema]
    return [one.message for one in Draft202012Validator(wanted).iter_errors({"value": [message]})]


def test_many_changes_travel_in_one_post(graph, portal):
    subscribe(graph, portal)
    for day in range(3, 8):
        add(graph.sandbox, day=day)
    portal.wait(5)
    assert portal.posts < 5


def test_a_meeting_created_by_graph_reaches_subscribers_of_the_guest(graph, portal):
    subscribe(graph, portal, resource=f"users/{EMPLOYEE}/events")
    guests = [{"emailAddress": {"address": EMPLOYEE}, "type": "required"}]
    meeting = {"subject": "x", "start": at("2026-08-05T10:00:00"), "end": at("2026-08-05T11:00:00")}
    graph.post(f"/users/{ADMIN}/events", meeting | {"attendees": guests})
    assert portal.wait(1)[0]["changeType"] == "created"


def test_an_endpoint_that_fails_is_told_again(graph, portal):
    subscribe(graph, portal)
    portal.statuses = [503]
    add(graph.sandbox)
    portal.wait(1)
    assert portal.posts == 2


def test_messages_can_be_lost_doubled_and_late(graph, portal):
    subscribe(graph, portal)
    graph.sandbox.fault("push_lost", times=1)
    add(graph.sandbox, day=3)
    graph.sandbox.fault("push_duplicate", times=1)
    add(graph.sandbox, day=4)
    first, second = portal.wait(2)
    assert first == second
    graph.sandbox.fault("push_delay", seconds=0.5, times=1)
    began = time.monotonic()
    add(graph.sandbox, day=5)
    portal.wait(3)
    assert time.monotonic() - began > 0.5


def test_a_wrong_client_state_can_be_sent(graph, portal):
    subscribe(graph, portal)
    graph.sandbox.fault("client_state_wrong", times=1)
    add(graph.sandbox)
    assert portal.wait(1)[0]["clientState"] != SECRET


@pytest.mark.parametrize("event", ["missed", "reauthorizationRequired", "subscriptionRemoved"])
def test_each_lifecycle_event_can_be_sent(graph, portal, event):
    made = subscribe(graph, portal)
    graph.sandbox.control("POST", "microsoft/lifecycle", event=event, subscription_id=made["id"])
    message = portal.wait(1)[0]
    assert (message["lifecycleEvent"], message["clientState"]) == (event, SECRET)
    assert portal_problems("GraphLifecycle", message) == []
    again = graph.call("POST", f"/subscriptions/{made['id']}/reauthorize")
    assert again.status_code == (404 if event == "subscriptionRemoved" else 200)


@pytest.mark.parametrize("answer", ["reauthorize", "renew"])
def test_a_subscription_needs_reauthorization_until_it_is_reauthorized_or_renewed(graph, portal, answer):
    made, other = subscribe(graph, portal), subscribe(graph, portal)
    graph.sandbox.control(
        "POST", "microsoft/lifecycle", event="reauthorizationRequired", subscription_id=made["id"]
    )
    assert needs_reauthorization(graph.sandbox) == {made["id"]: True, other["id"]: False}

    path = f"/subscriptions/{made['id']}"
    if answer == "reauthorize":
        assert graph.call("POST", f"{path}/reauthorize").status_code == 200
    else:
        assert graph.call("PATCH", path, json={"expirationDateTime": in_minutes(60)}).status_code == 200

    assert needs_reauthorization(graph.sandbox) == {made["id"]: False, other["id"]: False}
    assert "reauthorization_required" not in graph.get(path)


def needs_reauthorization(sandbox) -> dict[str, bool]:
    found = sandbox.control("GET", "microsoft/subscriptions")["subscriptions"]
    return {one["id"]: one["reauthorization_required"] for one in found}


def test_a_renewal_reaches_no_further_than_a_new_subscription(graph, portal):
    made = subscribe(graph, portal)
    path = f"/subscriptions/{made['id']}"

    too_long = {"expirationDateTime": in_minutes(4300)}

    assert graph.refused("PATCH", path, json=too_long) == (400, "ExtensionError")
    assert graph.get(path)["expirationDateTime"] == made["expirationDateTime"]
    assert graph.call("PATCH", path, json={"expirationDateTime": in_minutes(4230)}).status_code == 200


def test_an_endpoint_that_refuses_is_not_told_again(graph, portal):
    subscribe(graph, portal)
    portal.statuses = [404]
    add(graph.sandbox)

    time.sleep(1.5)

    assert portal.posts == 1
    assert portal.messages == []


def test_an_endpoint_that_answers_too_late_is_told_again(graph, portal):
    subscribe(graph, portal)
    portal.slow = [3.5]
    add(graph.sandbox)

    portal.wait(2)

    assert portal.messages[0] == portal.messages[1]


def test_renewing_ending_and_expiring(graph, portal):
    made = subscribe(graph, portal, expirationDateTime=in_minutes(60))
    path = f"/subscriptions/{made['id']}"
    renewed = graph.call("PATCH", path, json={"expirationDateTime": in_minutes(4000)}).json()
    assert renewed["expirationDateTime"] > made["expirationDateTime"]
    graph.sandbox.control("POST", "clock", advance_seconds=4001 * 60)
    assert graph.refused("GET", path)[0] == 404
    graph.sandbox.control("POST", "clock", real=True)
    other = subscribe(graph, portal)
    assert graph.call("DELETE", f"/subscriptions/{other['id']}").status_code == 204
    add(graph.sandbox)
    time.sleep(0.4)
    assert portal.messages == []


def test_limits_of_a_subscription(graph, portal):
    for changes in (
        {"expirationDateTime": in_minutes(4300)},
        {"expirationDateTime": in_minutes(-1)},
        {"notificationUrl": "http://portal.example/push"},
        {"resource": "me/messages"},
        {"changeType": "read"},
        {"colour": "blue"},
    ):
        sent = wanted(portal, **changes)
        assert graph.refused("POST", "/subscriptions", json=sent, checked=False)[0] == 400


def test_an_access_policy_keeps_subscriptions_to_a_mailbox_away(graph, portal):
    graph.sandbox.fault("mailbox_policy", target=EMPLOYEE)

    sent = wanted(portal, resource=f"users/{EMPLOYEE}/events")

    assert graph.refused("POST", "/subscriptions", json=sent, checked=False) == (403, "ErrorAccessDenied")
    subscribe(graph, portal)


def test_free_busy_access_is_not_enough(sandbox, portal):
    narrow = Graph(sandbox, "calendar-free-busy")
    answer = narrow.refused("POST", "/subscriptions", json=wanted(portal), checked=False)
    assert answer == (403, "ErrorAccessDenied")
    assert portal.validations == []


def test_a_subscription_belongs_to_its_application(graph, portal, sandbox):
    made = subscribe(graph, portal)
    directory = Graph(sandbox, "directory")
    assert directory.get("/subscriptions")["value"] == []
    assert directory.refused("GET", f"/subscriptions/{made['id']}")[0] == 404


def test_users_can_be_subscribed_to_for_a_month(sandbox, portal):
    directory = Graph(sandbox, "directory")
    changes = {"resource": "users", "changeType": "updated,deleted"}
    subscribe(directory, portal, expirationDateTime=in_minutes(41000), **changes)
    sandbox.control("PATCH", f"people/{EMPLOYEE}", suspended=True)
    assert portal.wait(1)[0]["changeType"] == "updated"
    sandbox.control("DELETE", f"people/{EMPLOYEE}")
    assert portal.wait(2)[1]["changeType"] == "deleted"
    sent = wanted(portal, **changes | {"changeType": "created"})
    assert directory.refused("POST", "/subscriptions", json=sent, checked=False)[0] == 400


def test_nothing_is_sent_after_the_consent_was_withdrawn(graph, portal):
    subscribe(graph, portal)
    graph.sandbox.control("DELETE", "consents", tenant="sigs.example")
    add(graph.sandbox)
    time.sleep(0.4)
    assert portal.messages == []
