"""Many push messages at once: what a portal is tried with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import requests

from .google_client import ADMINISTRATOR, EMPLOYEE, FREE_BUSY, GoogleClient
from .receiver import Receiver

PEOPLE = (ADMINISTRATOR, EMPLOYEE, "pia.bauer11@kube.example")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def channels(google: GoogleClient, receiver: Receiver) -> list[str]:
    """One open channel for each of three people, whose first message came."""
    google.sandbox.control("POST", "push-map", map=f"https://portal.example={receiver.url}")
    for number, person in enumerate(PEOPLE):
        body = {
            "id": f"storm-{number}",
            "type": "web_hook",
            "address": "https://portal.example/hooks",
            "token": f"token-{number}",
        }
        answer = google.call("POST", "calendars/primary/events/watch", person, FREE_BUSY, json=body)
        assert answer.status_code == 200
    receiver.wait_for(3)
    receiver.messages.clear()
    return [one["id"] for one in google.sandbox.control("GET", "google/channels")["channels"]]


def test_a_storm_sends_to_every_open_channel_and_says_how_it_went(
    google: GoogleClient, receiver: Receiver, channels: list[str]
) -> None:
    answer = google.sandbox.control("POST", "pushes/storm", channels="all", each=20, workers=8)

    assert (answer["channels"], answer["sent"], answer["statuses"]) == (3, 60, {"200": 60})
    headers = [one["headers"] for one in receiver.messages]
    assert Counter(one["X-Goog-Channel-ID"] for one in headers) == dict.fromkeys(channels, 20)
    assert {(one["X-Goog-Channel-ID"], one["X-Goog-Channel-Token"]) for one in headers} == {
        (f"storm-{number}", f"token-{number}") for number in range(3)
    }
    numbers = [int(one["X-Goog-Message-Number"]) for one in headers if one["X-Goog-Channel-ID"] == "storm-0"]
    assert sorted(numbers) == list(range(2, 22))


def test_a_storm_on_some_channels_counts_refusals_and_tries_nothing_again(
    google: GoogleClient, receiver: Receiver, channels: list[str]
) -> None:
    receiver.status = 503

    answer = google.sandbox.control("POST", "pushes/storm", channels=2, each=3)

    assert (answer["channels"], answer["statuses"]) == (2, {"503": 6})
    assert len(receiver.messages) == 6


def test_a_storm_nobody_answers_is_counted_too(
    google: GoogleClient, receiver: Receiver, channels: list[str]
) -> None:
    receiver.close()

    answer = google.sandbox.control("POST", "pushes/storm", each=1, workers=2)

    assert answer["statuses"] == {"0": 3}


def test_an_ended_channel_is_no_part_of_a_storm(google: GoogleClient, channels: list[str]) -> None:
    google.sandbox.control("POST", "clock", advance_seconds=8 * 86400)

    answer = google.sandbox.control("POST", "pushes/storm")

    assert (answer["channels"], answer["sent"], answer["statuses"]) == (0, 0, {})


@pytest.mark.parametrize("wrong", [{"channels": "some"}, {"workers": 0}, {"each": 0}, {"each": 10**9}])
def test_a_storm_without_measure_is_refused(google: GoogleClient, wrong: dict) -> None:
    answer = requests.post(f"{google.sandbox.url}/control/pushes/storm", json=wrong, timeout=10)

    assert answer.status_code == 400
