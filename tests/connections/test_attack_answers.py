"""Answers that a hostile or broken provider could give: one mailbox may suffer, never the others beside it."""

import json
from datetime import timedelta
from hashlib import sha256
from urllib.parse import quote

import pytest
import requests
from django.test import Client

from connections import health, mailboxes
from connections.budgets import of_a_self_test
from connections.models import BusyPeriod, Mailbox, MemberCalendar
from connections.providers.base import MOST_PAGES, Unreachable
from connections.providers.http import ProviderSession
from connections.providers.microsoft.calendar import BASE, preferences_of
from tests.builders import make_members
from tests.connections.reading import read_now
from tests.connections.scene import (
    GOOGLE_FREE_BUSY,
    GOOGLE_READ_WRITE,
    MICROSOFT_FREE_BUSY,
    NOW,
    PEOPLE,
    in_modes,
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


# --- listings without an end --------------------------------------------------------------------------------------
def endless(kind: str, link: str):
    """Each page names a further one, with a new token."""
    pages = iter(range(10_000))

    def page(answer) -> None:
        number = next(pages)
        assert number < MOST_PAGES + 2, "it goes on and on"
        answer.status_code = 200
        answer._content = json.dumps(
            {kind: [], "nextPageToken": f"p{number}", "@odata.nextLink": link}
        ).encode()

    return page


@in_modes(GOOGLE_READ_WRITE, MICROSOFT_FREE_BUSY)
def test_a_listing_without_an_end_is_unreadable(scene, answers):
    MemberCalendar.objects.update(feed_token="")
    link = f"{BASE}/users/{quote(scene.member.email, safe='')}/calendarView/delta?$skiptoken=x"
    answers["/events"], answers["/delta"] = endless("items", link), endless("value", link)

    scene.read()

    box = Mailbox.objects.get(member=scene.member)
    assert (box.state, box.failure, box.failure_code) == ("failing", "unreadable", "pages without end")


@in_modes(GOOGLE_READ_WRITE)
def test_a_self_test_ends_although_the_listing_does_not(scene, answers):
    answers["/calendarList"] = endless("items", "")

    health.check_connection(scene.connection, by=None, now=NOW)

    scene.connection.refresh_from_db()
    assert scene.connection.state_reason == "failed_at_provider"


def test_a_self_test_begins_no_call_after_its_time():
    of_a_self_test(seconds=1)(1)

    with pytest.raises(Unreachable):
        of_a_self_test(seconds=-1)(1)


# --- links and addresses ------------------------------------------------------------------------------------------
@in_modes(MICROSOFT_FREE_BUSY)
def test_our_token_goes_neither_over_an_open_line_nor_to_another_place_of_the_host(scene, monkeypatch):
    sent, send = [], requests.Session.send

    def watched(session, request, **kwargs):
        sent.append(request.url)
        return send(session, request, **kwargs)

    monkeypatch.setattr(requests.Session, "send", watched)
    for wrong in (BASE.replace("http://", "HTTP://x@"), BASE.replace("/v1.0", "/beta"), f"{BASE}.evil"):
        MemberCalendar.objects.update(feed_token=f"{wrong}/users/x/calendarView/delta?$deltatoken=1")
        scene.read()
        assert not [url for url in sent if url.startswith(f"{wrong}/")]
        assert scene.is_true()


@in_modes(MICROSOFT_FREE_BUSY)
def test_an_address_with_slashes_stays_one_part_of_the_path(scene, monkeypatch):
    (odd,) = make_members(scene.company.unit, ["a/../../me@sigs.example"])
    mailboxes.assign(scene.company.unit, now=NOW)
    sent, send = [], requests.Session.send

    def watched(session, request, **kwargs):
        sent.append(request.url)
        return send(session, request, **kwargs)

    monkeypatch.setattr(requests.Session, "send", watched)

    read_now(scene.connection, [odd], now=scene.now)

    mine = [url for url in sent if "/v1.0/" in url]
    assert mine
    assert all("/v1.0/users/a%2F..%2F..%2Fme%40sigs.example/" in url for url in mine)
    assert Mailbox.objects.get(member=odd).state == Mailbox.State.FAILING


# --- wishes and hours ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "wish", ["99999999999", "9" * 400, "31536000", "Fri, 31 Dec 9999 23:59:59 GMT", "\xb2", "-5"]
)
@in_modes(GOOGLE_READ_WRITE)
def test_no_wish_for_patience_silences_a_mailbox_for_more_than_a_day(scene, answers, wish):
    def busy(answer) -> None:
        answer.status_code, answer.headers["Retry-After"] = 429, wish

    answers["/events"] = busy

    scene.read()

    box = Mailbox.objects.get(member=scene.member)
    scene.connection.refresh_from_db()
    assert (box.state, box.failure) == ("failing", "throttled")
    assert box.next_sync_at <= scene.now + timedelta(days=1)
    assert scene.connection.slowed_until <= scene.now + timedelta(days=1)


@pytest.mark.parametrize(
    ("starts", "ends", "kept"),
    [
        ("08:00:00.0000000", "16:30:00.0000000", [["08:00", "16:30"]]),
        ("08:00:00.0000000", "24:00:00.0000000", None),
        ("ab:cd", "xx:yy", None),
        ("25:00:00", "26:00:00", None),
        (None, 7, None),
    ],
)
def test_hours_that_no_clock_shows_are_left_out(starts, ends, kept):
    told = preferences_of({"daysOfWeek": ["monday"], "startTime": starts, "endTime": ends})

    assert told.working_hours.get("mon") == kept
