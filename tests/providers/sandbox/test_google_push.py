"""Push channels: the first message, one per change, and what goes wrong with them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from .google_client import ADMINISTRATOR, CALENDAR, EMPLOYEE, FREE_BUSY, USERS, GoogleClient, reason
from .receiver import Receiver

WATCH = "calendars/primary/events/watch"
PUSH_HEADERS = (
    "X-Goog-Channel-ID",
    "X-Goog-Message-Number",
    "X-Goog-Resource-ID",
    "X-Goog-Resource-State",
    "X-Goog-Resource-URI",
    "X-Goog-Channel-Expiration",
    "X-Goog-Channel-Token",
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


def open_channel(google: GoogleClient, receiver: Receiver, **more: Any) -> requests.Response:
    """A channel on the employee's events. Its address is http on this machine, which the contract forbids."""
    body = {
        "id": uuid.uuid4().hex,
        "type": "web_hook",
        "address": f"{receiver.url}/hooks/google",
        "token": "secret-token",
        **more,
    }
    return google.call("POST", WATCH, scope=FREE_BUSY, json=body, checked=False)


def change_something(google: GoogleClient) -> None:
    google.sandbox.control(
        "POST",
        f"mailboxes/{EMPLOYEE}/events",
        start="2026-09-01T10:00:00+00:00",
        end="2026-09-01T11:00:00+00:00",
    )


def states(messages: list[dict]) -> list[str]:
    return [one["headers"]["X-Goog-Resource-State"] for one in messages]


def test_a_channel_begins_with_sync_and_tells_each_change(google: GoogleClient, receiver: Receiver) -> None:
    channel = open_channel(google, receiver).json()
    receiver.wait_for(1)
    change_something(google)
    messages = receiver.wait_for(2)

    assert states(messages) == ["sync", "exists"]
    assert channel["kind"] == "api#channel"
    assert int(channel["expiration"]) > time.time() * 1000
    for number, message in enumerate(messages, start=1):
        headers = message["headers"]
        assert set(PUSH_HEADERS) <= set(headers)
        assert headers["X-Goog-Channel-Token"] == "secret-token"
        assert headers["X-Goog-Resource-ID"] == channel["resourceId"]
        assert headers["X-Goog-Message-Number"] == str(number)
        assert headers["X-Goog-Channel-Expiration"].endswith("GMT")
        assert message["body"] == b""


def test_a_stopped_channel_is_silent(google: GoogleClient, receiver: Receiver) -> None:
    channel = open_channel(google, receiver).json()
    receiver.wait_for(1)
    name = {"id": channel["id"], "resourceId": channel["resourceId"]}

    stranger = google.call("POST", "channels/stop", ADMINISTRATOR, FREE_BUSY, json=name)
    assert stranger.status_code == 404
    assert google.call("POST", "channels/stop", scope=FREE_BUSY, json=name).status_code == 204
    change_something(google)
    time.sleep(0.3)
    assert len(receiver.messages) == 1
    assert google.call("POST", "channels/stop", scope=FREE_BUSY, json=name).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "with spaces"},
        {"id": "x" * 65},
        {"type": "pigeon"},
        {"address": "http://portal.example/hooks"},
        {"token": "x" * 257},
        {"expiration": "tomorrow"},
    ],
)
def test_a_wrong_channel_is_refused(google: GoogleClient, receiver: Receiver, wrong: dict) -> None:
    assert open_channel(google, receiver, **wrong).status_code == 400


def test_a_channel_id_is_used_once(google: GoogleClient, receiver: Receiver) -> None:
    assert open_channel(google, receiver, id="once").status_code == 200
    assert reason(open_channel(google, receiver, id="once")) == (400, "channelIdNotUnique")


def test_channel_faults(google: GoogleClient, receiver: Receiver) -> None:
    google.sandbox.fault("channel_refused", times=1)
    assert open_channel(google, receiver).status_code == 401

    google.sandbox.fault("channel_short", seconds=60, times=1)
    expiration = int(open_channel(google, receiver).json()["expiration"])
    assert 50_000 < expiration - time.time() * 1000 < 70_000
    receiver.wait_for(1)

    google.sandbox.fault("push_lost", times=1)
    change_something(google)
    google.sandbox.fault("push_duplicate", times=1)
    change_something(google)
    messages = receiver.wait_for(3)
    time.sleep(0.2)
    assert states(messages) == ["sync", "exists", "exists"]
    assert [one["headers"]["X-Goog-Message-Number"] for one in receiver.messages] == ["1", "3", "3"]

    google.sandbox.fault("push_delay", seconds=0.4, times=1)
    change_something(google)
    time.sleep(0.2)
    assert len(receiver.messages) == 3
    receiver.wait_for(4)


def test_an_expired_channel_is_silent(google: GoogleClient, receiver: Receiver) -> None:
    open_channel(google, receiver)
    receiver.wait_for(1)
    google.sandbox.control("POST", "clock", advance_seconds=8 * 86400)
    change_something(google)

    time.sleep(0.3)
    assert len(receiver.messages) == 1


def test_a_failing_receiver_is_tried_again(google: GoogleClient, receiver: Receiver) -> None:
    receiver.status = 503
    open_channel(google, receiver)
    receiver.wait_for(1)
    receiver.status = 200

    assert states(receiver.wait_for(2)) == ["sync", "sync"]
    pushes = google.sandbox.control("GET", "pushes")["pushes"]
    assert [one["status"] for one in pushes if one["address"].startswith(receiver.url)] == [503, 200]


def test_a_refusal_that_is_no_failure_loses_the_message(google: GoogleClient, receiver: Receiver) -> None:
    receiver.status = 404
    open_channel(google, receiver)
    receiver.wait_for(1)

    time.sleep(1.3)

    assert len(receiver.messages) == 1


def test_the_directory_tells_who_left(google: GoogleClient, receiver: Receiver) -> None:
    body = {"id": "leavers", "type": "web_hook", "address": receiver.url, "params": {"ttl": "3600"}}
    base = "admin.googleapis.com/admin/directory"
    answer = google.call(
        "POST",
        f"{base}/v1/users/watch",
        ADMINISTRATOR,
        USERS,
        checked=False,
        json=body,
        customer="my_customer",
        event="delete",
    )
    assert answer.status_code == 200
    receiver.wait_for(1)
    google.sandbox.control("PATCH", f"people/{EMPLOYEE}", suspended=True)
    google.sandbox.control("DELETE", f"people/{EMPLOYEE}")

    assert states(receiver.wait_for(2)) == ["sync", "delete"]
    name = {"id": "leavers", "resourceId": answer.json()["resourceId"]}
    stopped = google.call("POST", f"{base}_v1/channels/stop", ADMINISTRATOR, USERS, json=name)
    assert stopped.status_code == 204


def test_the_calendar_list_can_be_watched(google: GoogleClient, receiver: Receiver) -> None:
    body = {"id": "lists", "type": "web_hook", "address": receiver.url}
    path = "users/me/calendarList/watch"

    assert google.call("POST", path, scope=CALENDAR, json=body, checked=False).status_code == 200
    receiver.wait_for(1)
