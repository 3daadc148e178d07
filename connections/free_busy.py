"""Keeping busy time: which mailboxes are due, what is known about a member, and what happens at night."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef

from orgunits.models import Member

from . import jobs, mailboxes
from .models import BusyPeriod, CalendarConnection, EventPosition, Mailbox, MemberCalendar
from .periods import minute_of, window_of
from .states import State

LEASE = timedelta(minutes=10)  # a mailbox handed to a job is not due again before this
SLICES_AHEAD = 20  # of one connection in the queue at a time, so that others get their turn
KEPT_PAST = timedelta(days=30)


# --- which mailboxes are due --------------------------------------------------------------------------------------
@transaction.atomic
def enqueue_due(connection: CalendarConnection, *, now: datetime) -> int:
    """Hand the connection's due mailboxes to jobs, bookable people first. Answers how many mailboxes."""
    slowed = connection.slowed_until and connection.slowed_until > now
    if connection.state != State.ACTIVE or slowed or not connection.unit.works:
        return 0
    room = SLICES_AHEAD - jobs.slices_waiting(connection)
    if room <= 0:
        return 0
    due = (
        Mailbox.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(connection=connection, next_sync_at__lte=now, member__state=Member.State.ACTIVE)
        .order_by("-member__bookable", "next_sync_at", "pk")
    )
    ids = list(due.values_list("pk", flat=True)[: room * settings.SYNC_SLICE])
    Mailbox.objects.filter(pk__in=ids).update(next_sync_at=now + LEASE)
    for first in range(0, len(ids), settings.SYNC_SLICE):
        jobs.enqueue_slice(connection, ids[first : first + settings.SYNC_SLICE], now=now)
    return len(ids)


# --- what is known ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Period:
    """A span of a member's time that is not simply free."""

    starts: int  # minutes since 1970, UTC
    ends: int
    kind: int  # BusyPeriod.Kind


def busy_periods(member: Member, starts: datetime, ends: datetime) -> list[Period]:
    """Busy and unknown time of the calendars that count, in order; everything else is free as far as known."""
    rows = BusyPeriod.objects.filter(
        member=member,
        starts__lt=minute_of(ends, up=True),
        ends__gt=minute_of(starts),
        calendar__counts=True,
    ).order_by("starts", "ends")
    return [Period(*row) for row in rows.values_list("starts", "ends", "kind")]


def progress(connection: CalendarConnection) -> dict[str, int]:
    """How many mailboxes are in each state, and failures by class as `failing:<class>`; one query."""
    counts: dict[str, int] = {}
    rows = connection.mailboxes.values_list("state", "failure").annotate(Count("pk")).order_by()
    for state, failure, number in rows:
        counts[state] = counts.get(state, 0) + number
        if state == Mailbox.State.FAILING:
            counts[f"failing:{failure}"] = number
    return counts


# --- at night -----------------------------------------------------------------------------------------------------
@transaction.atomic
def roll_windows(*, now: datetime) -> int:
    """Move the frozen windows to today: calendars whose window began before today's are read anew."""
    starts, _ends = window_of(now, back=settings.WINDOW_DAYS_BACK, ahead=settings.WINDOW_DAYS_AHEAD)
    old = MemberCalendar.objects.filter(window_starts__lt=starts).exclude(feed_token="")
    rolled = MemberCalendar.objects.filter(pk__in=old.values("pk"), mailbox=OuterRef("pk"))
    mailboxes.update_in_order(
        Mailbox.objects.filter(Exists(rolled), next_sync_at__isnull=False), next_sync_at=now
    )
    return old.update(feed_token="")


def forget_old(*, now: datetime) -> int:
    """Busy times that ended 30 days ago are kept no longer."""
    before = minute_of(now - KEPT_PAST)
    EventPosition.objects.filter(ends__lt=before).delete()
    return BusyPeriod.objects.filter(ends__lt=before).delete()[0]
