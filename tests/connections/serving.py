"""Connections that serve mail domains without being asked anything, and the mailboxes of single members."""

from datetime import UTC, datetime, timedelta

from connections import domains, mailboxes
from connections.calendar_connections import create_connection
from connections.mailboxes import assign
from connections.models import BusyPeriod, ConnectionDomain, Mailbox, MemberCalendar
from connections.states import State, move
from orgunits.models import Member
from tests.builders import make_members
from tests.people import Company

NOW = datetime(2026, 10, 20, 9, 17, 23, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
KUBE, SIGS = "pia@kube.example", "paulo@sigs.example"


def working(company: Company, *names: str, provider: str = "google", mode: str = "free_busy"):
    """An active connection that serves these domains; nothing of it is asked in these tests."""
    connection = create_connection(company.unit, provider, mode, by=company.olga, now=NOW)
    move(connection, State.ACTIVE, now=NOW, connected_at=NOW)
    for name in names:
        domains.add_domain(connection, name, by=company.olga, now=NOW, verified=ConnectionDomain.Verified.DNS)
    assign(company.unit, now=NOW)
    return connection


def member(company: Company, address: str = KUBE, **fields) -> Member:
    (one,) = make_members(company.unit, [address], **fields)
    assign(company.unit, now=NOW)
    return one


def box(one: Member) -> Mailbox:
    return Mailbox.objects.get(member=one)


def served(one: Member) -> tuple[int | None, str, str]:
    row = box(one)
    return row.connection_id, row.decided_by, row.state


def read_something(one: Member) -> MemberCalendar:
    """As if the mailbox had been read: a calendar with a place in the feed, and an hour of busy time."""
    calendar = MemberCalendar.objects.create(
        unit=one.unit, mailbox=box(one), provider="google", provider_id="c", counts=True, primary=True,
        feed_token="place", time_zone="Europe/Berlin",
    )  # fmt: skip
    BusyPeriod.objects.create(calendar=calendar, member=one, provider_id="e", starts=0, ends=60, kind=1)
    mailboxes.mark_synced(box(one), now=NOW, next_sync_at=LATER)
    return calendar
