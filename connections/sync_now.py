"""Reading at once what somebody looks at, and what came of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q

from orgunits import audit
from orgunits.models import Member, User

from . import circuits, jobs, mailboxes
from .models import CalendarConnection, Mailbox
from .states import NotNow, State

PATIENCE = timedelta(seconds=60)  # how long somebody waits for a result; reading goes on without them
REMEMBERED = timedelta(minutes=30)  # how long what somebody asked for is told on pages


@transaction.atomic
def ask_for_member(member: Member, *, now: datetime) -> None:
    """Have the member's mailbox read at once, ahead of what waits its turn. Raises NotNow.

    A second asking reads once more; that is harmless.
    """
    mailbox = Mailbox.objects.select_related("connection__unit").filter(member=member).first()
    connection = mailbox.connection if mailbox else None
    if connection is None:
        raise NotNow
    _may_be_read(connection, now=now)
    due = Mailbox.objects.filter(pk=mailbox.pk, connection=connection, next_sync_at__isnull=False)
    if not due.update(next_sync_at=now):
        raise NotNow
    jobs.enqueue_slice(connection, [mailbox.pk], now=now, urgent=True)


@transaction.atomic
def ask_for_connection(connection: CalendarConnection, *, by: User, now: datetime) -> int:
    """Have every mailbox of the connection read as soon as its turn comes. Answers how many. Raises NotNow."""
    _may_be_read(connection, now=now)
    mailboxes.one_decision_at_a_time(connection.unit_id)
    rows = connection.mailboxes.filter(next_sync_at__isnull=False)
    number = rows.count()
    mailboxes.update_in_order(rows, next_sync_at=now)
    audit.record(connection.unit, "connection.sync_asked", connection, by=by, now=now, count=number)
    jobs.enqueue_start_reading(connection)
    return number


def _may_be_read(connection: CalendarConnection, *, now: datetime) -> None:
    if connection.state != State.ACTIVE or not connection.unit.works:
        raise NotNow
    if circuits.is_open(connection, now=now):
        raise NotNow(connection.slowed_until)


@dataclass(frozen=True)
class Outcome:
    """What came of asking for one mailbox: `waiting`, `late`, `read`, `failed`, or `held`."""

    code: str
    asked_at: datetime

    @property
    def waits(self) -> bool:
        return self.code == "waiting"


def outcome(mailbox: Mailbox | None, *, asked_at: datetime, now: datetime) -> Outcome | None:
    """How it stands with what was asked for at `asked_at`; None when that is long ago."""
    if mailbox is None or now - asked_at > REMEMBERED:
        return None
    attempted = mailbox.last_attempt_at is not None and mailbox.last_attempt_at >= asked_at
    if mailbox.state in mailboxes.HELD or mailbox.next_sync_at is None:
        code = "held"
    elif not attempted:
        code = "waiting" if now - asked_at < PATIENCE else "late"
    else:
        code = "failed" if mailbox.state == Mailbox.State.FAILING else "read"
    return Outcome(code, asked_at)


@dataclass(frozen=True)
class Round:
    """How far reading a whole connection is since somebody asked for it."""

    asked_at: datetime
    total: int
    done: int
    failing: int
    over: bool  # done, or nobody waits any more


def round_of(connection: CalendarConnection, *, asked_at: datetime, now: datetime) -> Round | None:
    """Counted from the mailboxes; None when that is long ago. One query."""
    if now - asked_at > REMEMBERED:
        return None
    asked = Q(last_attempt_at__gte=asked_at)
    numbers = connection.mailboxes.filter(next_sync_at__isnull=False).aggregate(
        total=Count("pk"),
        done=Count("pk", filter=asked),
        failing=Count("pk", filter=asked & Q(state=Mailbox.State.FAILING)),
    )
    over = numbers["done"] >= numbers["total"] or connection.state != State.ACTIVE
    return Round(asked_at, **numbers, over=over)
