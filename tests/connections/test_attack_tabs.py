"""Two people, or two tabs of one, who decide about the same thing at the same moment: nobody gets an error page."""

import threading
from collections.abc import Callable
from contextlib import suppress
from time import sleep

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, domains, health, life, mailboxes, states
from connections.models import CalendarConnection, ConnectionDomain, Mailbox, MemberCalendar
from connections.states import State
from orgunits.models import AuditEvent, Member
from tests.builders import make_members
from tests.connecting import connect
from tests.connections.test_attack_races import apart
from tests.people import Company, make_company

pytestmark = pytest.mark.django_db(transaction=True)
PIA = "pia.bauer11@kube.example"


class Office:
    """A working Google connection that serves Pia, and a No Access connection."""

    def __init__(self) -> None:
        self.company: Company = make_company()
        (self.pia,) = make_members(self.company.unit, [PIA])
        by, now = self.company.olga, timezone.now()
        self.google = calendar_connections.create_connection(
            self.company.unit, "google", "free_busy", by=by, now=now
        )
        states.move(self.google, State.ACTIVE, now=now, connected_at=now)
        domains.add_domain(
            self.google, "kube.example", by=by, now=now, verified=ConnectionDomain.Verified.DNS
        )
        self.elsewhere = calendar_connections.create_connection(
            self.company.unit, "none", "no_access", by=by, now=now
        )
        box = Mailbox.objects.get(member=self.pia)
        assert box.connection == self.google
        MemberCalendar.objects.create(
            unit=self.company.unit, mailbox=box, provider="google", provider_id=PIA, primary=True, counts=True
        )

    @property
    def row(self) -> CalendarConnection:
        """The Google connection as it is now."""
        return CalendarConnection.objects.get(pk=self.google.pk)

    def press(self, name: str):
        """The page after pressing this button, in a tab of its own."""
        client = Client()
        client.force_login(self.company.olga)
        return client.post(reverse(name, args=[self.company.unit.slug, self.google.public_id]), follow=True)

    # --- what others do meanwhile
    def pause(self) -> None:
        calendar_connections.pause(self.row, by=self.company.olga, now=timezone.now())

    def disconnect(self) -> None:
        calendar_connections.disconnect(self.row, by=self.company.olga, now=timezone.now())

    def remove_the_domain(self) -> None:
        domains.remove_domain(self.row.domains.get(), by=self.company.olga, now=timezone.now())

    def keep_pia_here(self) -> None:
        pia = Member.objects.get(pk=self.pia.pk)
        mailboxes.set_override(pia, self.elsewhere, by=self.company.olga, now=timezone.now())

    def choose_google_for_pia(self) -> None:
        pia = Member.objects.get(pk=self.pia.pk)
        mailboxes.set_override(pia, self.row, by=self.company.olga, now=timezone.now())


def at_once(*acts: Callable) -> list:
    """What each act answers, or the exception it ended with, when all begin together."""
    ready, answers = threading.Barrier(len(acts)), [None] * len(acts)

    def run(place: int, act: Callable) -> None:
        ready.wait(10)
        try:
            answers[place] = act()
        except Exception as error:  # noqa: BLE001 it is the answer
            answers[place] = error

    threads = [apart(lambda place=place, act=act: run(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.join()
    return answers


def both_have_looked(monkeypatch) -> None:
    """Nobody changes a state before both have read it."""
    looked, move = threading.Barrier(2), life.move

    def moved(*args, **kwargs):
        with suppress(threading.BrokenBarrierError):
            looked.wait(2)
        return move(*args, **kwargs)

    monkeypatch.setattr(life, "move", moved)


SAME = [
    ("connection_pause", "Only an active connection can be paused."),
    ("connection_resume", "Somebody changed this connection in the meantime."),
    ("connection_disconnect", "Somebody changed this connection in the meantime."),
]


@pytest.mark.parametrize(("name", "told"), SAME)
def test_of_two_tabs_that_do_the_same_one_wins_and_the_other_is_told(monkeypatch, name, told):
    office = Office()
    if name == "connection_resume":
        office.pause()
    both_have_looked(monkeypatch)
    before = AuditEvent.objects.count()

    pages = at_once(lambda: office.press(name), lambda: office.press(name))

    assert [page.status_code for page in pages] == [200, 200]
    assert sum(told in page.content.decode() for page in pages) == 1
    assert AuditEvent.objects.count() == before + 1


@pytest.mark.parametrize("first", ["connection_pause", "connection_resume"])
def test_a_tab_that_disconnects_wins_over_one_that_pauses_or_resumes(monkeypatch, first):
    office = Office()
    if first == "connection_resume":
        office.pause()
    both_have_looked(monkeypatch)

    pages = at_once(lambda: office.press(first), lambda: office.press("connection_disconnect"))

    assert [page.status_code for page in pages] == [200, 200]
    assert office.row.state == State.DISCONNECTED
    assert Mailbox.objects.get(member=office.pia).state == Mailbox.State.NOT_SERVED
    assert AuditEvent.objects.filter(verb__endswith="disconnected").count() == 1


def test_a_domain_that_two_tabs_remove_is_removed_once():
    office = Office()
    row, same = office.row.domains.get(), office.row.domains.get()
    before = AuditEvent.objects.count()

    for one in (row, same):
        domains.remove_domain(one, by=office.company.olga, now=timezone.now())

    assert not office.row.domains.exists()
    assert AuditEvent.objects.count() == before + 1


def test_two_tabs_that_check_a_lost_connection_bring_it_back_once(providers):
    company = make_company()
    make_members(company.unit, [PIA])
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    calendar_connections.mark_lost(connection, "revoked", now=timezone.now())
    before = AuditEvent.objects.count()

    def check() -> bool:
        row = CalendarConnection.objects.get(pk=connection.pk)
        return health.check_connection(row, by=company.olga, now=timezone.now()).works

    assert at_once(check, check) == [True, True]
    connection.refresh_from_db()
    assert connection.state == State.ACTIVE
    assert AuditEvent.objects.count() == before + 3  # two looked, one brought it back


# --- locks that wait for each other -------------------------------------------------------------------------------
class Meanwhile:
    """Begins `act` in another transaction when `name` of `module` is called, and lets it go as far as it can."""

    def __init__(self, monkeypatch, module, name: str, act: Callable):
        self.act, self.ends, self.thread = act, [], None
        call = getattr(module, name)

        def then(*args, **kwargs):
            if self.thread is None:
                self.thread = apart(self._run)
                sleep(0.7)
            return call(*args, **kwargs)

        monkeypatch.setattr(module, name, then)

    def _run(self) -> None:
        try:
            self.act()
        except Exception as error:  # noqa: BLE001 it is what we look at
            self.ends.append(error)
        else:
            self.ends.append("done")

    def end(self) -> list:
        self.thread.join()
        return self.ends


def test_choosing_for_a_member_waits_for_who_decides_about_the_whole_unit(monkeypatch):
    office = Office()
    other = Meanwhile(monkeypatch, mailboxes.audit, "record", office.remove_the_domain)

    office.keep_pia_here()

    assert other.end() == ["done"]
    box = Mailbox.objects.get(member=office.pia)
    assert (box.connection, box.state) == (office.elsewhere, Mailbox.State.KEPT_HERE)


def test_disconnecting_waits_for_who_takes_a_member_away(monkeypatch):
    office = Office()
    other = Meanwhile(monkeypatch, life, "forget_unused", office.keep_pia_here)

    office.disconnect()

    assert other.end() == ["done"]
    assert office.row.state == State.DISCONNECTED
    assert Mailbox.objects.get(member=office.pia).connection == office.elsewhere


def test_coming_back_waits_for_who_is_given_a_member(providers, monkeypatch):
    company = make_company()
    (pia,) = make_members(company.unit, [PIA])
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    elsewhere = calendar_connections.create_connection(
        company.unit, "none", "no_access", by=company.olga, now=timezone.now()
    )
    mailboxes.set_override(pia, elsewhere, by=company.olga, now=timezone.now())
    calendar_connections.mark_lost(connection, "revoked", now=timezone.now())
    row = CalendarConnection.objects.get(pk=connection.pk)

    def give_pia_back() -> None:
        with transaction.atomic():
            mailboxes.set_override(pia, row, by=company.olga, now=timezone.now())
            sleep(1)

    other = Meanwhile(monkeypatch, health, "_write_down", give_pia_back)

    verdict = health.check_connection(row, by=company.olga, now=timezone.now())

    assert other.end() == ["done"]
    assert verdict.works
    assert CalendarConnection.objects.get(pk=connection.pk).state == State.ACTIVE
