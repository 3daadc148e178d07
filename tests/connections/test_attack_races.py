"""Whatever happens while a reading is under way: nothing is kept that somebody has just had forgotten."""

import threading
import time

import pytest
import requests
from django.db import connection as database

from connections import busy_store, calendar_connections, calendars, domains, mailboxes
from connections.models import BusyPeriod, CalendarConnection, EventPosition, Mailbox, MemberCalendar
from connections.providers.http import ProviderSession
from tests.connections.scene import (
    GOOGLE_FREE_BUSY,
    GOOGLE_READ_WRITE,
    MICROSOFT_FREE_BUSY,
    NOW,
    Scene,
)

pytestmark = pytest.mark.django_db(transaction=True)


def apart(act) -> threading.Thread:
    """`act` in a thread with a database connection of its own, as another process would."""

    def run() -> None:
        act()
        database.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def first_answer(monkeypatch, ending: str, act) -> list:
    """Carry out `act` when the provider has answered at an address that ends so; what is returned says it was."""
    send, done = requests.Session.send, []

    def hooked(session, request, **kwargs):
        answer = send(session, request, **kwargs)
        if isinstance(session, ProviderSession) and request.url.split("?")[0].endswith(ending) and not done:
            done.append(ending)
            apart(act).join()
        return answer

    monkeypatch.setattr(requests.Session, "send", hooked)
    return done


def disconnect(scene: Scene) -> None:
    connection = CalendarConnection.objects.get(pk=scene.connection.pk)
    calendar_connections.disconnect(connection, by=scene.company.olga, now=NOW)


def pause(scene: Scene) -> None:
    connection = CalendarConnection.objects.get(pk=scene.connection.pk)
    calendar_connections.pause(connection, by=scene.company.olga, now=NOW)


def keep_here(scene: Scene) -> None:
    other = calendar_connections.create_connection(
        scene.company.unit, "none", "no_access", by=scene.company.olga, now=NOW
    )
    mailboxes.set_override(scene.member, other, by=scene.company.olga, now=NOW)


def drop_the_domain(scene: Scene) -> None:
    row = scene.connection.domains.get(domain=scene.member.mail_domain)
    domains.remove_domain(row, by=scene.company.olga, now=NOW)


def count_none(scene: Scene) -> None:
    calendars.choose_calendars(scene.member, set(), by=scene.company.olga, now=NOW)


MIDDLES = [
    (GOOGLE_READ_WRITE, "/calendarList"),
    (GOOGLE_READ_WRITE, "/events"),
    (GOOGLE_FREE_BUSY, "/freeBusy"),
    (MICROSOFT_FREE_BUSY, "/delta"),
]


@pytest.mark.parametrize("act", [disconnect, pause, keep_here, drop_the_domain])
@pytest.mark.parametrize(("how", "ending"), MIDDLES)
def test_who_is_taken_from_a_connection_during_a_reading_has_nothing_kept(
    providers, monkeypatch, how, ending, act
):
    scene = Scene(providers, *how)
    happened = first_answer(monkeypatch, ending, lambda: act(scene))

    scene.read()

    assert happened
    assert not BusyPeriod.objects.exists()
    assert not EventPosition.objects.exists()
    assert not MemberCalendar.objects.exclude(feed_token="").exists()
    box = Mailbox.objects.get(member=scene.member)
    assert box.next_sync_at is None
    assert box.state == {pause: "paused", keep_here: "kept_here"}.get(act, "not_served")
    if act is not pause:
        assert box.calendars_listed_at is None


def test_a_throttled_reading_makes_nobody_due_who_was_taken_away(providers, monkeypatch, settings):
    settings.GOOGLE_REQUESTS_PER_MINUTE = 2
    scene = Scene(providers, *GOOGLE_READ_WRITE)
    happened = first_answer(monkeypatch, "/calendarList", lambda: keep_here(scene))

    scene.read()

    assert happened
    assert Mailbox.objects.get(member=scene.member).next_sync_at is None


@pytest.mark.parametrize("act", [disconnect, keep_here, drop_the_domain, count_none])
def test_what_is_forgotten_waits_for_a_reading_that_is_just_being_stored(providers, monkeypatch, act):
    scene = Scene(providers, *GOOGLE_READ_WRITE)
    others, write = [], busy_store.write_difference

    def then_wait(*args, **kwargs):
        written = write(*args, **kwargs)
        others.append(apart(lambda: act(scene)))
        time.sleep(0.7)  # the other one has come as far as it can by now
        return written

    monkeypatch.setattr(busy_store, "write_difference", then_wait)

    scene.read()
    for other in others:
        other.join()

    assert others
    assert not BusyPeriod.objects.exists()
