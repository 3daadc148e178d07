"""A portal tried on this machine asks for its public https address, and push still reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests

from .google_client import EMPLOYEE as GOOGLE_EMPLOYEE
from .google_client import FREE_BUSY, GoogleClient
from .microsoft_client import EMPLOYEE, Graph, add_event
from .receiver import PUBLIC, Receiver
from .server import SandboxServer
from .test_microsoft_subscriptions import Portal


@pytest.fixture
def portal() -> Iterator[Portal]:
    made = Portal()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def test_messages_of_a_google_channel_reach_the_portal_on_this_machine(
    google: GoogleClient, receiver: Receiver
) -> None:
    google.sandbox.control("POST", "push-map", map=f"{PUBLIC}={receiver.url}")
    body = {"id": "mapped", "type": "web_hook", "address": f"{PUBLIC}/hooks/google?a=b", "token": "secret"}

    google.call("POST", "calendars/primary/events/watch", scope=FREE_BUSY, json=body)
    receiver.wait_for(1)
    google.sandbox.control(
        "POST",
        f"mailboxes/{GOOGLE_EMPLOYEE}/events",
        start="2026-09-01T10:00:00+00:00",
        end="2026-09-01T11:00:00+00:00",
    )

    assert [one["path"] for one in receiver.wait_for(2)] == ["/hooks/google?a=b"] * 2
    assert google.sandbox.control("GET", "pushes")["pushes"][-1]["address"] == f"{PUBLIC}/hooks/google?a=b"


def test_handshakes_notifications_and_lifecycle_of_graph_reach_the_portal_on_this_machine(
    sandbox: SandboxServer, portal: Portal
) -> None:
    sandbox.control("POST", "push-map", map=f"https://other.example=http://localhost:1,{PUBLIC}={portal.url}")
    graph = Graph(sandbox, "calendar-read-write")
    end = datetime.now(UTC) + timedelta(hours=2)
    made = graph.post(
        "/subscriptions",
        {
            "changeType": "created,updated,deleted",
            "notificationUrl": f"{PUBLIC}/hooks/microsoft",
            "lifecycleNotificationUrl": f"{PUBLIC}/hooks/microsoft/lifecycle",
            "resource": f"users/{EMPLOYEE}/events",
            "expirationDateTime": end.isoformat(),
            "clientState": "a-client-state-nobody-guesses",
        },
    )
    add_event(sandbox, EMPLOYEE)
    portal.wait(1)
    sandbox.control("POST", "microsoft/lifecycle", event="missed")

    messages = portal.wait(2)

    assert len(portal.validations) == 2
    assert made["notificationUrl"] == f"{PUBLIC}/hooks/microsoft"
    assert [one.get("changeType") or one["lifecycleEvent"] for one in messages] == ["created", "missed"]


@pytest.mark.parametrize(
    "text", ["https://portal.example", "https://portal.example=http://elsewhere.example"]
)
def test_a_map_that_names_no_address_of_this_machine_is_refused(sandbox: SandboxServer, text: str) -> None:
    answer = requests.post(f"{sandbox.url}/control/push-map", json={"map": text}, timeout=10)

    assert answer.status_code == 400
    assert sandbox.control("GET", "state")["push_map"] == ""


def test_the_contract_still_wants_https_or_this_machine(google: GoogleClient, receiver: Receiver) -> None:
    google.sandbox.control("POST", "push-map", map=f"http://portal.example={receiver.url}")
    body = {"id": "plain", "type": "web_hook", "address": "http://portal.example/hooks/google"}

    answer = google.call("POST", "calendars/primary/events/watch", scope=FREE_BUSY, json=body, checked=False)

    assert answer.status_code == 400
    assert receiver.messages == []


def test_a_reset_brings_back_the_map_the_server_was_started_with(sandbox: SandboxServer) -> None:
    sandbox.control("POST", "push-map", map=f"{PUBLIC}=http://localhost:1")

    sandbox.control("POST", "reset")

    assert sandbox.control("GET", "state")["push_map"] == ""
