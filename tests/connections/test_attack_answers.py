"""Answers that a hostile or broken provider could give: one mailbox may suffer, never the others beside it."""

import json
from datetime import timedelta
from hashlib import sha256
from urllib.parse import quote

import pytest
import requests
from django.test import Client

from connections import mailboxes
from connections.models import BusyPeriod, Mailbox, MemberCalendar
from connections.providers.http import ProviderSession
from tests.builders import make_members
from tests.connections.reading import read_now
from tests.connections.scene import (
    GOOGLE_FREE_BUSY,
    GOOGLE_READ_WRITE,
    MICROSOFT_FREE_BUSY,
    NOW,
    PEOPLE,
)

pytestmark = pytest.mark.django_db

COLLEAGUES = {"google": "pia.bauer11@kube.example", "microsoft": "gabriel.ramos60@sigs.example"}
SOON, LATER = {"dateTime": "2026-10-21T10:00:00Z"}, {"dateTime": "2026-10-21T11:00:00Z"}


@pytest.fixture
def answers(monkeypatch) -> dict[str, object]:
    """By the end of an address: the body, or the function that changes the answer on the wire.

    Colleagues are answered as always.
    """
    changes, send = {}, requests.Session.send
    others = [sha256(address.encode()).hexdigest()[:40] for address in COLLEAGUES.values()]
    others += [quote(address) for address in COLLEAGUES.values()]

    def changed(session, request, **kwargs):
        answer = send(session, request, **kwargs)
        path = request.url.split("?")[0]
        for ending, change in changes.items():
            if not isinstance(session, ProviderSession) or not path.endswith(ending):
                continue
            if any(mark in request.url for mark in others):
                continue
            if callable(change):
                change(answer)
            else:
                answer._content = change if isinstance(change, bytes) else json.dumps(change).encode()
        return answer

    monkeypatch.setattr(requests.Session, "send", changed)
    return changes


def events(**changed) -> dict:
    event = {"id": "e", "status": "confirmed", "start": SOON, "end": LATER, **changed}
    return {"items": [event], "nextSyncToken": "t"}


def calendars(**changed) -> dict:
    mine = {"id": PEOPLE["google"], "summary": "x", "primary": True, "timeZone": "UTC", **changed}
    return {"items": [mine]}


def graph_events(**changed) -> dict:
    times = {
        name: {"dateTime": f"2026-10-21T{hour}", "timeZone": "UTC"}
        for name, hour in (("start", "10:00:00"), ("end", "11:00:00"))
    }
    return {
        "value": [{"id": "e", "showAs": "busy", "isAllDay": False, **times, **changed}],
        "@odata.deltaLink": "x",
    }


BEFORE_ALL = {"dateTime": "0001-01-01T00:00:00", "timeZone": "Asia/Tokyo"}
AFTER_ALL = {"dateTime": "9999-12-31T23:59:59.0000000", "timeZone": "UTC"}
HOSTILE = [
    (GOOGLE_READ_WRITE, "/events", events(end={"dateTime": "9999-12-31T23:59:59Z"}), "synced"),
    (GOOGLE_READ_WRITE, "/events", events(start={"date": "2026-10-21"}, end={"date": "9999-12-31"}), "synced"),
    (GOOGLE_READ_WRITE, "/events", events(start={"date": "0001-01-01"}, end={"date": "9999-12-31"}), "synced"),
    (GOOGLE_READ_WRITE, "/events", events(end={"dateTime": "2020-01-01T00:00:00Z"}), "synced"),
    (GOOGLE_READ_WRITE, "/events", events(start={"dateTime": "0001-01-01T00:00:00+14:00"}), "failing"),
    (GOOGLE_READ_WRITE, "/events", events(id="a\0b"), "failing"),
    (GOOGLE_READ_WRITE, "/events", events(id="x" * 5000), "failing"),
    (GOOGLE_READ_WRITE, "/events", events(id=None), "failing"),
    (GOOGLE_READ_WRITE, "/events", {"items": [], "nextSyncToken": "t\0"}, "failing"),
    (GOOGLE_READ_WRITE, "/events", b'{"items": [], "nextSyncToken": "\\ud800"}', "failing"),
    (GOOGLE_READ_WRITE, "/events", b"[" * 200_000, "failing"),
    (GOOGLE_FREE_BUSY, "/events", events(end={"dateTime": "9999-12-31T23:59:59Z"}), "synced"),
    (GOOGLE_READ_WRITE, "/calendarList", calendars(summary="a\0b"), "failing"),
    (GOOGLE_READ_WRITE, "/calendarList", calendars(summary=None), "failing"),
    (GOOGLE_READ_WRITE, "/calendarList", calendars(primary="yes"), "synced"),
    (GOOGLE_READ_WRITE, "/calendarList", calendars(timeZone=["UTC"]), "failing"),
    (MICROSOFT_FREE_BUSY, "/delta", graph_events(start=BEFORE_ALL), "failing"),
    (MICROSOFT_FREE_BUSY, "/delta", graph_events(end=AFTER_ALL), "synced"),
]  # fmt: skip


@pytest.mark.parametrize(("scene", "ending", "body", "state"), HOSTILE, indirect=["scene"])
def test_a_hostile_answer_harms_its_own_mailbox_at_most(scene, answers, ending, body, state):
    (colleague,) = make_members(scene.company.unit, [COLLEAGUES[scene.connection.provider]])
    mailboxes.assign(scene.company.unit, now=NOW)
    before = sorted(BusyPeriod.objects.filter(member=scene.member).values_list())
    MemberCalendar.objects.update(feed_token="")
    Mailbox.objects.update(calendars_listed_at=None)
    answers[ending] = body
    olga = Client()
    olga.force_login(scene.company.olga)

    read_now(scene.connection, [scene.member], now=scene.now)
    read_now(scene.connection, [scene.member, colleague], now=scene.now + timedelta(minutes=9))

    assert Mailbox.objects.get(member=scene.member).state == state
    assert Mailbox.objects.get(member=colleague).state == Mailbox.State.SYNCED
    if state == "failing":
        assert sorted(BusyPeriod.objects.filter(member=scene.member).values_list()) == before
    address = f"/ou/{scene.company.unit.slug}/members/{scene.member.public_id}/?week=2026-10-19"
    assert olga.get(address).status_code == 200
