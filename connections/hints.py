"""Hints: a provider says that something changed in a mailbox. Kept, gathered, and followed by one reading.

A hint is never more than that: what changed is pulled by the calendar's own token, as at any other time. Any
number of hints lead to one reading within `PUSH_INTERVAL_SECONDS`.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import DateTimeField, F, Min, Q, Value
from django.db.models.functions import Coalesce, Greatest, Least

from . import jobs
from .models import CalendarConnection, Mailbox

LOST_AFTER = timedelta(seconds=60)  # a job that was asked for so long ago will not come any more
NEAR = timedelta(minutes=1)  # what is due later is found by the minute's poll
# What `take_all` does, for one mailbox: providers wait for the answer, and the ORM takes five times as long.
TAKE = """
    UPDATE connections_mailbox SET hinted_at = %(now)s,
        next_sync_at = least(next_sync_at, greatest(%(now)s, last_attempt_at + %(interval)s))
    WHERE id = %(box)s AND connection_id = %(connection)s AND next_sync_at IS NOT NULL AND hinted_at IS NULL
"""
ASKED = "SELECT 1 FROM connections_connection WHERE id = %s AND pull_asked_at >= %s"


def take(mailbox_id: int, connection_id: int, *, now: datetime) -> bool:
    """Keep a hint and see to it that it is followed. Answers whether it was news.

    Two short transactions on purpose: connections are locked before mailboxes everywhere. Killed between them,
    the mailbox is due, and the next minute's poll finds it.
    """
    with database.cursor() as cursor:
        interval = timedelta(seconds=settings.PUSH_INTERVAL_SECONDS)
        cursor.execute(
            TAKE, {"now": now, "interval": interval, "box": mailbox_id, "connection": connection_id}
        )
        news = cursor.rowcount > 0
    if news:
        see_to(connection_id, due=now, now=now)
    return news


def take_all(mailbox_ids: list[int], connection_id: int, *, now: datetime) -> None:
    """`take` for many mailboxes of one connection, in a handful of statements."""
    rows = Mailbox.objects.filter(
        pk__in=mailbox_ids, connection=connection_id, next_sync_at__isnull=False, hinted_at=None
    )
    due = Least(F("next_sync_at"), soonest(now=now))
    with transaction.atomic():
        news = list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))
        Mailbox.objects.filter(pk__in=news).update(hinted_at=now, next_sync_at=due)
    if news:
        see_to(connection_id, due=now, now=now)


def soonest(*, now: datetime) -> Greatest:
    """When a hinted mailbox may be read: at once, or an interval after it was read last."""
    interval = timedelta(seconds=settings.PUSH_INTERVAL_SECONDS)
    moment = Value(now, output_field=DateTimeField())
    return Greatest(moment, Coalesce(F("last_attempt_at") + interval, moment))


def see_to(connection_id: int, *, due: datetime, now: datetime) -> None:
    """Have one job in the queue that follows this connection's hints at `due`; never more than one."""
    with database.cursor() as cursor:
        cursor.execute(ASKED, [connection_id, now - LOST_AFTER])
        if cursor.fetchone():  # as in a storm of messages: no transaction for nothing
            return
    nobody = Q(pull_asked_at=None) | Q(pull_asked_at__lt=now - LOST_AFTER)
    rows = CalendarConnection.objects.filter(nobody, pk=connection_id)
    with transaction.atomic():
        if rows.update(pull_asked_at=now):
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
