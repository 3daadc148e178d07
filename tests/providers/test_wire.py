"""The watch on the wire finds what breaks a contract, in both directions; else it would prove nothing."""

import pytest
import requests

from connections.providers.http import ProviderSession
from tests.providers.wire import Wire, watched

CALENDARS = "www.googleapis.com/calendar/v3/users/me/calendarList"


@pytest.fixture(autouse=True)
def calls_keep_to_the_contracts():
    """Not here: these calls break them on purpose."""


def test_a_call_with_a_parameter_that_nobody_documented_is_found(providers, monkeypatch):
    with pytest.raises(AssertionError, match="unknown query parameter colour"), watched(monkeypatch):
        ProviderSession().get(f"{providers.url}/{CALENDARS}", params={"colour": "blue"})


def test_an_answer_that_is_none_of_the_contract_is_found(providers, monkeypatch):
    providers.fault("nonsense", target="www.googleapis.com")

    with pytest.raises(AssertionError, match="the answer is text/html"), watched(monkeypatch):
        ProviderSession().get(f"{providers.url}/{CALENDARS}")


def test_half_an_answer_is_found(providers, monkeypatch):
    providers.fault("truncated", target="www.googleapis.com")

    with pytest.raises(AssertionError, match="no JSON"), watched(monkeypatch):
        ProviderSession().get(f"{providers.url}/{CALENDARS}")


def test_an_announced_break_that_never_came_is_a_failure_too():
    wire = Wire()
    wire.answers_break = True

    with pytest.raises(AssertionError, match="no answer broke a contract"):
        wire.hold()


def test_calls_of_others_than_the_portal_are_not_looked_at(providers, monkeypatch):
    with watched(monkeypatch) as wire:
        requests.get(f"{providers.url}/{CALENDARS}", params={"colour": "blue"}, timeout=10)

    assert wire.exchanges == []
