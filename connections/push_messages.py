"""What providers tell us on push channels: believed only with the channel's secret, and kept as a hint.

Nothing is taken from a message but ids. Who sends nonsense, or a wrong secret, gets the answer of an unknown
channel, and nothing happens.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection as database
from django.db import transaction
from django.utils.crypto import constant_time_compare

from . import channels, hints, jobs
from .models import CalendarConnection, PushChannel

State = PushChannel.State
TOLD = (State.OPENING, State.OPEN)  # a message may overtake the answer that opens its channel
NOTED_EVERY = timedelta(
    hours=1
)  # that messages come at all; a flood does not write the same row again and again
MISSED, REMOVED, REAUTHORIZE = "missed", "subscriptionRemoved", "reauthorizationRequired"


class _Channel(NamedTuple):
    pk: int
    channel_id: str
    secret_hash: str
    state: str
    connection_id: int
    mailbox_id: int
    notified_at: datetime | None
    hinted_at: datetime | None  # of the mailbox
    connection_state: str


# By hand because providers wait for the answer, and the ORM takes five times as long.
_FIND = """
    SELECT channel.id, channel.channel_id, secret_hash, channel.state, channel.connection_id, mailbox_id,
        notified_at, hinted_at, connection.state
    FROM connections_pushchannel channel
    JOIN connections_mailbox mailbox ON mailbox.id = mailbox_id
    JOIN connections_connection connection ON connection.id = channel.connection_id
    WHERE channel.provider = %s AND channel.channel_id = ANY(%s)
"""


def changed(provider: str, told: Iterable[tuple[str, str]], *, now: datetime) -> bool:
    """Take the hints of these (channel id, secret) pairs. Answers whether any was believed."""
    known = _believed(provider, told)
    working = _working(known)
    mailboxes: dict[int, set[int]] = defaultdict(set)
    for channel in working:
        if channel.hinted_at is None:  # else the reading that waits begins after this change
            mailboxes[channel.connection_id].add(channel.mailbox_id)
    for connection_id, ids in mailboxes.items():
        if len(ids) == 1:
            hints.take(*ids, connection_id, now=now)
        else:
            hints.take_all(list(ids), connection_id, now=now)
    before = now - NOTED_EVERY
    old = [one.pk for one in working if one.notified_at is None or one.notified_at < before]
    if old:
        _note(old, now=now)
    return bool(known)


@transaction.atomic
def _note(ids: list[int], *, now: datetime) -> None:
    """That messages come, as far as nobody else holds the channels just now: the provider waits for no lock."""
    rows = PushChannel.objects.filter(pk__in=ids).select_for_update(skip_locked=True, no_key=True)
    PushChannel.objects.filter(pk__in=list(rows.values_list("pk", flat=True))).update(notified_at=now)


def is_known(provider: str, channel_id: str, secret: str) -> bool:
    """Whether there is such a channel with this secret."""
    return bool(_believed(provider, [(channel_id, secret)]))


def lifecycle(provider: str, told: Iterable[tuple[str, str, str]], *, now: datetime) -> None:
    """Follow what the provider says of the channels themselves: (channel id, secret, event)."""
    told = list(told)
    for event in (MISSED, REAUTHORIZE, REMOVED):
        pairs = [(channel_id, secret) for channel_id, secret, what in told if what == event]
        for channel in _working(_believed(provider, pairs)):
            if event == MISSED:
                hints.take(channel.mailbox_id, channel.connection_id, now=now)
            else:
                _see_to(channel, event, now=now)


@transaction.atomic
def _see_to(channel: _Channel, event: str, *, now: datetime) -> None:
    """The row says what is to be done; the same event again changes nothing."""
    row = PushChannel.objects.filter(pk=channel.pk, channel_id=channel.channel_id, state=State.OPEN)
    if event == REMOVED:
        news = row.delete()[0]  # a new one is opened, and then its mailbox is read
    else:
        news = row.exclude(problem=REAUTHORIZE).update(problem=REAUTHORIZE, due_at=now)
    if news:
        jobs.enqueue_keeping(channel.connection_id)


def _believed(provider: str, told: Iterable[tuple[str, str]]) -> list[_Channel]:
    """The channels of these ids that a right secret came along with; one query."""
    hashes: dict[str, set[str]] = {}
    for channel_id, secret in told:
        hashes.setdefault(channel_id, set()).add(channels.secret_hash(secret))
    if not hashes:
        return []
    with database.cursor() as cursor:
        cursor.execute(_FIND, [provider, list(hashes)])
        rows = cursor.fetchall()
    return [
        channel
        for channel in map(_Channel._make, rows)
        if any(constant_time_compare(given, channel.secret_hash) for given in hashes[channel.channel_id])
    ]


def _working(known: list[_Channel]) -> list[_Channel]:
    """Without those being closed, and those of connections that read nothing now."""
    active = CalendarConnection.State.ACTIVE
    return [channel for channel in known if channel.state in TOLD and channel.connection_state == active]
