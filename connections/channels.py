"""Push channels: which there should be, and the one place that moves their states.

A row stands before the provider is asked, with the hash of its secret: messages may come before the answer does.
What a channel brings is a hint (`connections/hints.py`); without one a calendar is read at its times.
"""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from orgunits.models import Member, OrganizationalUnit

from .models import CalendarConnection, Mailbox, MemberCalendar, PushChannel
from .modes import CAPABILITIES
from .providers.base import OpenChannel, Unreadable

State = PushChannel.State
LIVE = (State.OPENING, State.OPEN, State.REFUSED)
LEASE = timedelta(minutes=3)  # a job that took a channel is done with it by then, or dead
FEW = 3  # tried at a time while the provider opens none for this connection
REFUSED_FIRST, REFUSED_LONGEST = timedelta(hours=1), timedelta(hours=24)
FAILED_FIRST, FAILED_LONGEST = timedelta(minutes=1), timedelta(hours=1)
ANNOUNCED = [of for of, can in CAPABILITIES.items() if can.push]
OWN_CALENDAR_ONLY = (CalendarConnection.Provider.MICROSOFT,)  # it announces no other calendars of a mailbox
REAUTHORIZE = "reauthorizationRequired"  # the provider wants to hear that we still may


# --- which there should be ----------------------------------------------------------------------------------------
def watchable() -> QuerySet[MemberCalendar]:
    """Calendars whose changes should be announced: they count, and a connection that works reads them."""
    if not settings.PUBLIC_URL:
        return MemberCalendar.objects.none()
    announced = Q()
    for provider, mode in ANNOUNCED:
        announced |= Q(mailbox__connection__provider=provider, mailbox__connection__mode=mode)
    return MemberCalendar.objects.filter(
        announced,
        ~Q(provider__in=OWN_CALENDAR_ONLY) | Q(primary=True),
        counts=True,
        gone_at=None,
        provider=F("mailbox__connection__provider"),
        mailbox__connection__personal=False,  # a channel would need each member's token to be stopped
        mailbox__connection__state=CalendarConnection.State.ACTIVE,
        mailbox__connection__unit__state=OrganizationalUnit.State.ACTIVE,
        mailbox__member__state=Member.State.ACTIVE,
        mailbox__state__in=(Mailbox.State.WAITING, Mailbox.State.SYNCED, Mailbox.State.FAILING),
    )


def lacking() -> QuerySet[MemberCalendar]:
    """Those that were read and have no channel, nor one that waits for its next try; bookable people first."""
    has = PushChannel.objects.filter(
        calendar=OuterRef("pk"), connection=OuterRef("mailbox__connection"), state__in=LIVE
    )
    rows = watchable().filter(~Exists(has), mailbox__state=Mailbox.State.SYNCED)
    return rows.order_by("-mailbox__member__bookable", "mailbox__member_id", "pk")


def unwanted() -> QuerySet[PushChannel]:
    """Channels of calendars that should have none: no longer chosen, another connection's, nobody's."""
    wanted = watchable().filter(pk=OuterRef("calendar"), mailbox__connection=OuterRef("connection"))
    return PushChannel.objects.filter(~Exists(wanted), state__in=LIVE)


def to_look_after(*, now: datetime) -> QuerySet[CalendarConnection]:
    """Connections with something to open, renew or close, unless their provider asked for patience."""
    own = OuterRef("pk")
    mine = PushChannel.objects.filter(connection=own)
    something = Exists(mine.filter(due_at__lte=now)) | Exists(unwanted().filter(connection=own))
    something |= Exists(lacking().filter(mailbox__connection=own))
    patient = Q(slowed_until__gt=now)
    return CalendarConnection.objects.filter(something).exclude(patient).order_by("pk")


# --- taking work --------------------------------------------------------------------------------------------------
def secret_hash(secret: str) -> str:
    """What is kept of a channel's secret."""
    return sha256(secret.encode()).hexdigest()


@transaction.atomic
def tidy(connection: CalendarConnection, *, now: datetime) -> None:
    """Ended channels go; what is open and should not be is to be closed; what never opened is forgotten."""
    _locked(connection)
    mine = connection.push_channels.filter(state__in=(State.OPEN, State.CLOSING))
    mine.filter(expires_at__lte=now).delete()
    ids = list(unwanted().filter(connection=connection).values_list("pk", flat=True))
    rows = PushChannel.objects.filter(pk__in=ids)
    rows.filter(state=State.OPEN).update(state=State.CLOSING, state_since=now, due_at=now, attempts=0)
    rows.exclude(state=State.CLOSING).delete()


@transaction.atomic
def take_due(connection: CalendarConnection, state: str, *, most: int, now: datetime) -> list[PushChannel]:
    """Channels in `state` whose time has come; nobody else takes them until the lease is over."""
    _locked(connection)
    due = connection.push_channels.filter(state=state, due_at__lte=now).order_by("due_at", "pk")
    rows = list(due.select_related("mailbox__member", "calendar")[:most])
    PushChannel.objects.filter(pk__in=[row.pk for row in rows]).update(due_at=now + LEASE)
    return rows


@transaction.atomic
def take_to_open(connection: CalendarConnection, *, most: int, now: datetime) -> list[PushChannel]:
    """Channels to open now, each with its `secret`, which is kept nowhere: new ones, then those tried before.

    While the provider opens none for this connection, only few are tried at a time.
    """
    if _locked(connection) != CalendarConnection.State.ACTIVE:
        return []
    if not connection.push_channels.filter(state=State.OPEN).exists():
        refused = connection.push_channels.filter(state=State.REFUSED, due_at__gt=now)
        most = min(most, FEW - refused.count())
    if most <= 0:
        return []
    calendars = lacking().filter(mailbox__connection=connection).select_related("mailbox__member")
    taken = [_new(connection, calendar, now=now) for calendar in calendars[:most]]
    PushChannel.objects.bulk_create(taken)
    for state in (State.OPENING, State.REFUSED):
        again = take_due(connection, state, most=most - len(taken), now=now)
        for row in again:
            row.state, row.due_at = State.OPENING, now + LEASE
            _name_anew(row)
        PushChannel.objects.bulk_update(again, ["state", "due_at", "channel_id", "secret_hash"])
        taken += again
    return taken


@transaction.atomic
def take_to_follow(connection: CalendarConnection, *, now: datetime) -> None:
    """Where channels cannot be renewed: a new one for each whose time has come, before the old one ends."""
    if _locked(connection) != CalendarConnection.State.ACTIVE:
        return
    other = PushChannel.objects.filter(
        calendar=OuterRef("calendar"), connection=connection, state__in=LIVE
    ).exclude(pk=OuterRef("pk"))
    due = connection.push_channels.filter(~Exists(other), state=State.OPEN, due_at__lte=now)
    rows = list(due.select_related("calendar__mailbox"))
    followers = [_new(connection, row.calendar, now=now) for row in rows]
    for follower in followers:
        follower.due_at = now
    PushChannel.objects.bulk_create(followers)
    PushChannel.objects.filter(pk__in=[row.pk for row in rows]).update(due_at=F("expires_at"))


def _locked(connection: CalendarConnection) -> str | None:
    """Wait for others who decide about this connection; its state now. So no calendar gets two channels."""
    rows = CalendarConnection.objects.select_for_update(no_key=True).filter(pk=connection.pk)
    return rows.values_list("state", flat=True).first()


def _new(connection: CalendarConnection, calendar: MemberCalendar, *, now: datetime) -> PushChannel:
    row = PushChannel(
        unit_id=connection.unit_id,
        connection=connection,
        mailbox=calendar.mailbox,
        calendar=calendar,
        provider=connection.provider,
        state_since=now,
        due_at=now + LEASE,
    )
    _name_anew(row)
    return row


def _name_anew(row: PushChannel) -> None:
    """An id and a secret for each try: the provider may have opened the one before without our knowing."""
    row.secret = secrets.token_urlsafe(32)
    row.channel_id, row.secret_hash = secrets.token_urlsafe(24), secret_hash(row.secret)


# --- moves --------------------------------------------------------------------------------------------------------
def opened(row: PushChannel, channel: OpenChannel, *, now: datetime) -> bool:
    """The provider opened it: its own end counts. Others of the same calendar are to be closed.

    False when nobody wants it any more: the caller stops it again. Raises Unreadable for the name of another
    channel, which is left alone.
    """
    mine = PushChannel.objects.filter(pk=row.pk, state=State.OPENING, channel_id=row.channel_id)
    try:
        with transaction.atomic():
            wanted = mine.update(
                state=State.OPEN, state_since=now, channel_id=channel.channel_id,
                resource_id=channel.resource_id, **_lives_until(channel.expires_at, now=now),
            )  # fmt: skip
    except IntegrityError:
        raise Unreadable("id in use") from None
    if not wanted:
        return False
    before = PushChannel.objects.filter(calendar=row.calendar, connection=row.connection, state=State.OPEN)
    before.exclude(pk=row.pk).update(state=State.CLOSING, state_since=now, due_at=now, attempts=0)
    return True


def renewed(row: PushChannel, expires_at: datetime, *, now: datetime) -> None:
    """The provider moved the end of an open channel."""
    mine = PushChannel.objects.filter(pk=row.pk, state=State.OPEN)
    mine.update(state_since=now, **_lives_until(expires_at, now=now))


def reauthorized(row: PushChannel) -> None:
    """The provider heard that we still may; the end stays where it was."""
    mine = PushChannel.objects.filter(pk=row.pk, state=State.OPEN, problem=REAUTHORIZE)
    mine.update(problem="", attempts=0, due_at=_two_thirds(row.state_since, row.expires_at))


def refused(row: PushChannel, code: str, *, now: datetime) -> None:
    """The provider opens none here: the calendar is read at its times; asked again after a growing wait."""
    wait = min(REFUSED_FIRST * 2 ** min(row.attempts, 10), REFUSED_LONGEST)
    mine = PushChannel.objects.filter(pk=row.pk, state=State.OPENING, channel_id=row.channel_id)
    mine.exclude(problem=code).update(state_since=now)
    mine.update(state=State.REFUSED, problem=code, attempts=F("attempts") + 1, due_at=now + wait)


def failed(row: PushChannel, code: str, *, now: datetime) -> None:
    """No usable answer: the state stays, and it is tried again soon; never after the channel's own end."""
    wait = min(FAILED_FIRST * 2 ** min(row.attempts, 10), FAILED_LONGEST)
    due = min(now + wait, row.expires_at or now + wait)
    mine = PushChannel.objects.filter(pk=row.pk, state=row.state, channel_id=row.channel_id)
    mine.exclude(problem=REAUTHORIZE).update(problem=code)
    mine.update(attempts=F("attempts") + 1, due_at=due)


def put_back(row: PushChannel) -> None:
    """It was not tried, for want of calls: due at once."""
    mine = PushChannel.objects.filter(pk=row.pk, state=row.state, channel_id=row.channel_id)
    mine.update(due_at=F("state_since"))


def ended(row: PushChannel) -> None:
    """The provider knows it no longer, or cannot be told to stop it: it ends by itself."""
    PushChannel.objects.filter(pk=row.pk, channel_id=row.channel_id).delete()


def close_all(connection: CalendarConnection, *, now: datetime) -> list[PushChannel]:
    """No message is wanted any more; answers the channels that the provider has to be told about."""
    connection.push_channels.exclude(state__in=(State.OPEN, State.CLOSING)).delete()
    connection.push_channels.filter(state=State.OPEN).update(state=State.CLOSING, state_since=now, attempts=0)
    connection.push_channels.update(due_at=now + LEASE)
    return list(connection.push_channels.select_related("mailbox__member", "calendar").order_by("pk"))


def _lives_until(expires_at: datetime, *, now: datetime) -> dict:
    return {
        "expires_at": expires_at,
        "due_at": _two_thirds(now, expires_at),
        "attempts": 0,
        "problem": "",
    }


def _two_thirds(starts: datetime, ends: datetime) -> datetime:
    """When to renew: early enough that a provider may be down for a day."""
    return starts + (ends - starts) * 2 / 3
