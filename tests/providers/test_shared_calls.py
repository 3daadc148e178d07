"""What the clients of calendars and directories share: pages to a true end, and links that stay at home."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import requests

from connections.providers.base import Unreadable
from connections.providers.microsoft.graph import BASE
from tests.providers import clients
from tests.providers.wire import wire

__all__ = ["wire"]

NOW = datetime(2026, 10, 19, 8, tzinfo=UTC)
PEOPLE = {"google": "chiara.castro85@kube.example", "microsoft": "paulo.dubois73@sigs.example"}
OPEN = {"google": clients.open_google, "microsoft": clients.open_microsoft}


@pytest.mark.parametrize("provider", OPEN)
@pytest.mark.parametrize("mode", ["free_busy", "read_write"])
def test_calendars_are_listed_and_read_to_their_end(providers, provider, mode):
    service, address = OPEN[provider](providers, mode), PEOPLE[provider]

    primary = next(one for one in service.calendars(address) if one.primary)
    feed = service.feed(address, primary.provider_id, starts=NOW, ends=NOW + timedelta(days=14))
    again = service.changes(address, primary.provider_id, token=feed.token)

    assert feed.spans
    assert again.token
    service.probe_mailbox(address)
    assert all(answer.granted for answer in service.probe_scopes())
    assert service.clock_skew is not None


def test_the_free_busy_answer_is_asked_with_the_shared_call(providers):
    service, address = clients.open_google(providers), PEOPLE["google"]

    answer = service.free_busy(address, [address], starts=NOW, ends=NOW + timedelta(days=7))

    assert answer[address].periods


def test_hours_are_asked_with_the_shared_call(providers):
    service = clients.open_microsoft(providers, "free_busy")

    ((address, preferences),) = service.preferences([PEOPLE["microsoft"]])

    assert (address, bool(preferences.time_zone)) == (PEOPLE["microsoft"], True)


@pytest.mark.parametrize(
    ("provider", "body", "code"),
    [
        ("google", {"items": [], "nextPageToken": "same"}, "pages without end"),
        ("google", {"items": [], "nextPageToken": 7}, "pages without end"),
        (
            "microsoft",
            {"value": [], "@odata.nextLink": f"{BASE}/users/x/calendars?$skip=1"},
            "pages without end",
        ),
        ("microsoft", {"value": [], "@odata.nextLink": "https://elsewhere.example/"}, "link of another host"),
        ("microsoft", {"value": [], "@odata.nextLink": 7}, "link of another host"),
    ],
)
def test_a_listing_that_turns_in_a_circle_or_leads_elsewhere_is_unreadable(
    providers, monkeypatch, provider, body, code
):
    service, send = OPEN[provider](providers), requests.Session.send

    def turned(session, request, **kwargs):
        answer = send(session, request, **kwargs)
        if "calendar" in request.url.lower() and request.method == "GET":
            answer.status_code, answer._content = 200, json.dumps(body).encode()
        return answer

    monkeypatch.setattr(requests.Session, "send", turned)

    with pytest.raises(Unreadable) as raised:
        service.calendars(PEOPLE[provider])

    assert raised.value.code == code
