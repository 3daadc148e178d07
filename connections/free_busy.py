"""Keeping busy time: which mailboxes are due, what is known about a member, and what happens at night."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q

from orgunits.models import Member

from . import circuits, jobs
from .models import BusyPeriod, CalendarConnection, EventPosition, Mailbox
from .periods import minute_of
from .states import State

LEASE = timedelta(minutes=10)  # a mailbox handed to a job is not handed to another one before this
SLICES_AHEAD = 8  # in the queue at a time, shared by the connections that are being read
KEPT_PAST = timedelta(days=30)


# --- which mailboxes are due --------------------------------------------------------------------------------------
@transaction.atomic
def enqueue_due(connection: CalendarConnection, *, now: datetime) -> int:
    """Hand the connection's due mailboxes to jobs: announced changes first, then bookable people.

    Answers how many mailboxes. Nothing of a connection whose circuit is open; a few when it is half open.
    """
    if connection.state != State.ACTIVE or circuits.is_open(connection, now=now) or not connection.unit.works:
        return 0
    room = _room_for(connection)
    if room <= 0:
        return 0
    most = circuits.TRIED if circuits.is_half_open(connection) else room * settings.SYNC_SLICE
    due = (
        Mailbox.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(connection=connection, next_sync_at__lte=now, member__state=Member.State.ACTIVE)
        .filter(Q(leased_until=None) | Q(leased_until__lte=now))
        .order_by(F("hinted_at").asc(nulls_last=True), "-member__bookable", "next_sync_at", "pk")
    )
    rows = list(due.values_list("pk", "hinted_at")[:most])
    Mailbox.objects.filter(pk__in=[pk for pk, _hint in rows]).update(leased_until=now + LEASE)
    for hinted in (True, False):
        ids = [pk for pk, hint in rows if bool(hint) is hinted]
        for first in range(0, len(ids), settings.SYNC_SLICE):
            jobs.enqueue_slice(connection, ids[first : first + settings.SYNC_SLICE], now=now, urgent=hinted)
    return len(rows)


def _room_for(connection: CalendarConnection) -> int:
    """How many slices of this connection may join the queue, so that the others get their turn."""
    waiting = jobs.slices_waiting()
    others = len(waiting.keys() - {connection.public_id})
    return max(2, SLICES_AHEAD // (others + 1)) - waiting[connection.public_id]


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
def forget_old(*, now: datetime) -> int:
    """Busy times that ended 30 days ago are kept no longer."""
    before = minute_of(now - KEPT_PAST)
    EventPosition.objects.filter(ends__lt=before).delete()
    return BusyPeriod.objects.filter(ends__lt=before).delete()[0]
