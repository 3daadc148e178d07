"""The providers' clock, as the portal measures it by the `Date` of their answers."""

import pytest
import requests

from connections.providers.http import ProviderSession

ANSWERS = {
    "google": "www.googleapis.com/calendar/v3/users/me/calendarList",
    "microsoft": "graph.microsoft.com/v1.0/users",
}


def ask(providers, provider: str, times: int = 1, session: ProviderSession | None = None) -> ProviderSession:
    session = session or ProviderSession()
    for _ in range(times):
        assert session.get(f"{providers.url}/{ANSWERS[provider]}").status_code == 401
    return session


@pytest.mark.parametrize("provider", ANSWERS)
@pytest.mark.parametrize("seconds", [0, 90, -90])
def test_a_portal_measures_how_far_the_provider_is_ahead(providers, provider, seconds):
    providers.fault("clock_skew", seconds=seconds)

    session = ask(providers, provider, times=3)

    assert session.clock_skew == pytest.approx(seconds, abs=1.5)


def test_nothing_is_known_before_the_first_answer_and_after_none():
    session = ProviderSession()
    assert session.clock_skew is None

    with pytest.raises(Exception, match="ConnectionError"):
        session.get("http://127.0.0.1:9/")

    assert session.clock_skew is None


def test_one_odd_answer_does_not_change_the_measure(providers):
    session = ask(providers, "google", times=4)
    providers.fault("clock_skew", seconds=4000)

    ask(providers, "google", session=session)

    assert session.clock_skew == pytest.approx(0, abs=1.5)


def test_the_measure_follows_a_clock_that_was_set_right(providers):
    providers.fault("clock_skew", seconds=4000)
    session = ask(providers, "google", times=9)
    providers.control("DELETE", "faults")

    ask(providers, "google", times=9, session=session)

    assert session.clock_skew == pytest.approx(0, abs=1.5)


@pytest.mark.parametrize("provider", ANSWERS)
def test_every_answer_of_a_provider_carries_one_date(providers, provider):
    providers.fault("clock_skew", seconds=86400)
    plain = requests.get(f"{providers.url}/{ANSWERS[provider]}", timeout=10)
    providers.fault("nonsense")
    page = requests.get(f"{providers.url}/{ANSWERS[provider]}", timeout=10)

    assert "," not in plain.headers["Date"][5:]
    assert page.headers["Date"][:16] == plain.headers["Date"][:16]
    assert providers.control("GET", "faults")["active"][0]["hits"] == 0, "a Date is no hit"
