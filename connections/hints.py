"""Hints: a provider says that something changed in a mailbox. Kept, gathered, and followed by one reading.

A hint is never more than that: what changed is pulled by the calendar's own token, as at any other time. Any
number of hints lead to one reading within `PUSH_INTERVAL_SECONDS`.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, F, Min, Q, Value
from django.db.models.functions import Coalesce, Greatest, Least

from . import jobs
from .models import CalendarConnection, Mailbox

LOST_AFTER = timedelta(seconds=60)  # a job that was asked for so long ago will not come any more
NEAR = timedelta(minutes=1)  # what is due later is found by the minute's poll


def take(mailbox_id: int, connection_id: int, *, now: datetime) -> bool:
    """Keep a hint and see to it that it is followed. Answers whether it was news.

    Two short transactions on purpose: connections are locked before mailboxes everywhere. Killed between them,
    the mailbox is due, and the next minute's poll finds it.
    """
    rows = Mailbox.objects.filter(
        pk=mailbox_id, connection=connection_id, next_sync_at__isnull=False, hinted_at=None
    )
    due = Least(F("next_sync_at"), soonest(now=now))
    if not rows.update(hinted_at=now, next_sync_at=due):
        return False
    see_to(connection_id, due=now, now=now)
    return True


def soonest(*, now: datetime) -> Greatest:
    """When a hinted mailbox may be read: at once, or an interval after it was read last."""
    interval = timedelta(seconds=settings.PUSH_INTERVAL_SECONDS)
    moment = Value(now, output_field=DateTimeField())
    return Greatest(moment, Coalesce(F("last_attempt_at") + interval, moment))


@transaction.atomic
def see_to(connection_id: int, *, due: datetime, now: datetime) -> None:
    """Have one job in the queue that follows this connection's hints at `due`; never more than one."""
    asked = Q(pull_asked_at=None) | Q(pull_asked_at__lt=now - LOST_AFTER)
    if CalendarConnection.objects.filter(asked, pk=connection_id).update(pull_asked_at=now):
        jobs.enqueue_following(connection_id, delay=due - now)


def next_due(connection: CalendarConnection, *, now: datetime) -> datetime | None:
    """When the first hinted mailbox that nobody reads may be read, if that is near."""
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    waiting = connection.mailboxes.filter(free, hinted_at__isnull=False, next_sync_at__lt=now + NEAR)
    return waiting.aggregate(first=Min("next_sync_at"))["first"]


def go_on(connection: CalendarConnection, *, now: datetime) -> None:
    """After hints were handed to jobs, or while they were read, others came: see to these too."""
    due = next_due(connection, now=now)
    if due is not None and due > now:  # what is due already waits for room among the slices
        see_to(connection.pk, due=due, now=now)
