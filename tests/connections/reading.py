"""Reading mailboxes at a chosen time, and looking at what was stored."""

from datetime import datetime, timedelta

from django.conf import settings

from connections import slices
from connections.models import BusyPeriod, CalendarConnection, Mailbox, MemberCalendar
from connections.periods import Span, merged, minute_of, moment_of, window_of
from orgunits.models import Member
from tests.providers.sandbox.server import SandboxServer

READING_MODES = [(p, m) for p in ("google", "microsoft") for m in ("read_write", "free_busy")]
ROUNDS = 10


def set_clock(providers: SandboxServer, now: datetime) -> None:
    """Let the sandbox's calendar clock stand still at `now`."""
    providers.control("POST", "clock", now=now.isoformat(), frozen=True)


def window(now: datetime) -> tuple[datetime, datetime]:
    """What the portal keeps at `now`."""
    return window_of(now, back=settings.WINDOW_DAYS_BACK, ahead=settings.WINDOW_DAYS_AHEAD)


def read_now(connection: CalendarConnection, members: list[Member], *, now: datetime) -> None:
    """One job's reading of these members, due or not."""
    ids = list(Mailbox.objects.filter(member__in=members).values_list("pk", flat=True))
    connection = CalendarConnection.objects.get(pk=connection.pk)
    slices.read_slice(connection, ids, asked_at=now, now=now)


def read_until_synced(connection: CalendarConnection, members: list[Member], *, now: datetime) -> datetime:
    """As the minutes go by, until everybody was read; the budget of one minute may be too small for all.

    Answers the minute of the last reading.
    """
    for _ in range(ROUNDS):
        left = members_not_synced(members)
        if not left:
            return now
        read_now(connection, left, now=now)
        now += timedelta(minutes=1)
    raise AssertionError(list(Mailbox.objects.filter(member__in=left).values()))


def members_not_synced(members: list[Member]) -> list[Member]:
    return list(
        Member.objects.filter(pk__in=[m.pk for m in members]).exclude(mailbox__state=Mailbox.State.SYNCED)
    )


def read_everything_anew(connection: CalendarConnection, members: list[Member], *, now: datetime) -> None:
    """A full round, as if nothing had ever been read."""
    calendars = MemberCalendar.objects.filter(mailbox__member__in=members)
    BusyPeriod.objects.filter(calendar__in=calendars).delete()
    calendars.update(feed_token="")
    read_now(connection, members, now=now)


def stored(member: Member, *, kind: int = BusyPeriod.Kind.BUSY) -> list[Span]:
    """The member's stored time of one kind, in calendars that count, merged; minutes since 1970."""
    rows = BusyPeriod.objects.filter(member=member, kind=kind, calendar__counts=True)
    return merged(rows.values_list("starts", "ends"))


def in_window(member: Member, low: datetime, high: datetime) -> list[Span]:
    """The member's stored busy time, cut to a window."""
    first, last = minute_of(low), minute_of(high)
    return [(max(s, first), min(e, last)) for s, e in stored(member) if s < last and e > first]


def stored_in(member: Member, low: datetime, high: datetime) -> list[tuple[datetime, datetime]]:
    """The same as instants."""
    return [(moment_of(starts), moment_of(ends)) for starts, ends in in_window(member, low, high)]
