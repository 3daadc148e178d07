"""Hand-off links: an administrator without portal account does one connection's authorization, nothing else."""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from orgunits import audit
from orgunits.access import user_may
from orgunits.models import User

from .attempts import hashed
from .models import Connection, HandOff


class LinkNotUsable(Exception):
    """The link is unknown, over, withdrawn, done, or in use in another browser. `problem` says which."""

    def __init__(self, problem: str):
        self.problem = problem
        super().__init__(problem)


@transaction.atomic
def create_link(connection: Connection, *, by: User, now: datetime) -> tuple[HandOff, str]:
    """A new link for this connection; the token is shown once and only its hash is kept.

    An older unused link of the same connection ends with it.
    """
    connection.hand_offs.filter(finished_at=None, revoked_at=None).update(revoked_at=now)
    token = secrets.token_urlsafe(32)
    hand_off = HandOff.objects.create(
        unit_id=connection.unit_id,
        connection=connection,
        token_hash=hashed(token),
        created_by=by,
        created_at=now,
        expires_at=now + timedelta(days=settings.HAND_OFF_DAYS),
    )
    audit.record(connection.unit, "hand_off.made", hand_off, by=by, now=now, connection=connection.public_id)
    return hand_off, token


def open_link(connection: Connection, *, now: datetime) -> HandOff | None:
    """The link of this connection that somebody may still use or is using."""
    return connection.hand_offs.filter(finished_at=None, revoked_at=None, expires_at__gte=now).first()


def usable(token: str, *, session_key: str, now: datetime) -> HandOff:
    """The link for `token`, if this browser may use it. Raises LinkNotUsable."""
    hand_off = (
        HandOff.objects.filter(token_hash=hashed(token))
        .select_related("connection__unit", "created_by")
        .first()
    )
    if hand_off is None:
        raise LinkNotUsable("unknown")
    check(hand_off, session_key=session_key, now=now)
    return hand_off


def check(hand_off: HandOff, *, session_key: str, now: datetime) -> None:
    """Raises LinkNotUsable when the link is over, belongs to another browser session, or its unit is paused; and
    when who made it may no longer connect services: nobody keeps a way in after their role has ended."""
    if hand_off.revoked_at or hand_off.connection.state == Connection.State.DISCONNECTED:
        raise LinkNotUsable("revoked")
    if hand_off.finished_at:
        raise LinkNotUsable("finished")
    if hand_off.expires_at < now:
        raise LinkNotUsable("expired")
    if hand_off.session_hash and hand_off.session_hash != hashed(session_key):
        raise LinkNotUsable("elsewhere")
    if not hand_off.connection.unit.works:
        raise LinkNotUsable("at_rest")
    if not user_may(hand_off.created_by, hand_off.connection.unit, "manage_connections"):
        raise LinkNotUsable("revoked")


@transaction.atomic
def start(hand_off: HandOff, *, session_key: str, now: datetime) -> None:
    """Bind the link to this browser session: the first one that starts owns it. Raises LinkNotUsable."""
    mine = Q(session_hash="") | Q(session_hash=hashed(session_key))
    claimed = HandOff.objects.filter(mine, pk=hand_off.pk, finished_at=None, revoked_at=None).update(
        session_hash=hashed(session_key), started_at=now
    )
    if not claimed:
        raise LinkNotUsable("elsewhere")
    hand_off.session_hash, hand_off.started_at = hashed(session_key), now
    audit.record(
        hand_off.unit, "hand_off.started", hand_off, by=hand_off, now=now,
        connection=hand_off.connection.public_id,
    )  # fmt: skip


@transaction.atomic
def finish(hand_off: HandOff, *, now: datetime) -> None:
    """The one purpose is fulfilled; the link opens nothing any more."""
    if HandOff.objects.filter(pk=hand_off.pk, finished_at=None).update(finished_at=now):
        audit.record(hand_off.unit, "hand_off.used_up", hand_off, by=hand_off, now=now)


@transaction.atomic
def revoke(hand_off: HandOff, *, by: User, now: datetime) -> None:
    """Withdraw a link that was not used up."""
    if HandOff.objects.filter(pk=hand_off.pk, finished_at=None, revoked_at=None).update(revoked_at=now):
        audit.record(hand_off.unit, "hand_off.withdrawn", hand_off, by=by, now=now)
