"""The circuit breaker of a connection: a provider that is down is asked less and less, and others go on.

A connection is one provider, one tenant and one unit, so one broken tenant never slows another one.
Closed: calls as usual. Open (`failures_in_row` reached, `slowed_until` ahead): no calls. Half open
(`slowed_until` is over): a few mailboxes are tried; the first answer closes it.
"""

from datetime import datetime, timedelta

from django.db.models import F, Q
from django.db.models.functions import Greatest

from . import mailboxes
from .models import Connection, Mailbox
from .states import explain

OPENS_AFTER = 5  # mailboxes in a row that found nobody at home
TRIED = 3  # mailboxes, when it is half open
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=15)
DOWN = "provider_down"


def is_open(connection: Connection, *, now: datetime) -> bool:
    """Whether no calls are made now: the provider is down, or asked for patience."""
    return bool(connection.slowed_until and connection.slowed_until > now)


def is_half_open(connection: Connection) -> bool:
    """Whether the provider was down the last time anybody asked."""
    return connection.failures_in_row >= OPENS_AFTER


def wait_after(failures: int) -> timedelta:
    """How long nobody asks after so many failures in a row: doubled by each one more."""
    return min(FIRST_WAIT * 2 ** min(max(failures - OPENS_AFTER, 0), 10), LONGEST_WAIT)


def failed(connection: Connection, *, now: datetime) -> bool:
    """One mailbox found nobody at home. Answers whether the circuit is open now.

    While it is open nothing is counted: calls that were under way when it opened say nothing new, and would
    turn half a minute into a quarter of an hour.
    """
    rows = Connection.objects.filter(pk=connection.pk)
    closed = Q(slowed_until=None) | Q(slowed_until__lte=now)
    counted = rows.filter(closed).update(failures_in_row=F("failures_in_row") + 1)
    connection.failures_in_row, connection.slowed_until = rows.values_list(
        "failures_in_row", "slowed_until"
    ).get()
    if not counted or connection.failures_in_row < OPENS_AFTER:
        return not counted
    until = now + wait_after(connection.failures_in_row)
    rows.update(slowed_until=until)
    connection.slowed_until = until
    explain(connection, DOWN)
    return True


def answered(connection: Connection, *, now: datetime) -> None:
    """The provider answered for a mailbox: close the circuit, and ask for all that had to wait."""
    was_open = is_half_open(connection)
    if not connection.failures_in_row:
        return
    rows = Connection.objects.filter(pk=connection.pk)
    rows.update(failures_in_row=0)
    connection.failures_in_row = 0
    if not was_open:
        return
    rows.filter(slowed_until__gt=now).update(slowed_until=None)
    connection.slowed_until = None
    rows.filter(state_reason=DOWN).update(state_reason="")
    if connection.state_reason == DOWN:
        connection.state_reason = ""
    unreachable = connection.mailboxes.filter(
        state=Mailbox.State.FAILING, failure=Mailbox.Failure.UNREACHABLE, next_sync_at__gt=now
    )
    mailboxes.update_in_order(unreachable, next_sync_at=now)


def be_patient(connection: Connection, *, until: datetime) -> None:
    """The provider asked for patience: nobody asks before `until`, not even earlier than somebody else said."""
    rows = Connection.objects.filter(pk=connection.pk)
    rows.update(slowed_until=Greatest(F("slowed_until"), until))
    connection.slowed_until = max(until, connection.slowed_until or until)
