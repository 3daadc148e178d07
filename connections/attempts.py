"""Attempts: one row for each trip to a provider's page, and what an answer must match to be believed.

RFC 9700 §2.1, §4.7: a random state of one use, bound to session, person, provider and connection; PKCE; nonce.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from orgunits import audit
from orgunits.access import access_to
from orgunits.models import Member, User

from .models import Connection, HandOff, ModeChange, PendingAuthorization
from .states import State

Purpose = PendingAuthorization.Purpose
LIVES = timedelta(minutes=10)


class Refused(Exception):
    """The trip ended without effect. `reason` is a code of connections/reasons.py.

    `purpose`: what the trip was for, where it can be begun again.
    """

    def __init__(self, reason: str, connection: Connection | None = None, purpose: str = ""):
        self.reason, self.connection, self.purpose = reason, connection, purpose
        super().__init__(reason)


@dataclass(frozen=True)
class Traveller:
    """Who is on the way: a signed-in user or the holder of a hand-off link, in one browser session."""

    session_key: str
    user: User | None = None
    hand_off: HandOff | None = None

    @property
    def session_hash(self) -> str:
        return hashed(self.session_key)

    @property
    def actor(self) -> User | HandOff | None:
        """Who the audit log names."""
        return self.user or self.hand_off


def hashed(secret: str) -> str:
    """SHA-256, for values of 128 random bits and more."""
    return hashlib.sha256(secret.encode()).hexdigest()


def redirect_uri(name: str) -> str:
    """One redirect address for each provider and purpose (RFC 9700 §4.4)."""
    return f"{settings.PORTAL_URL}/authorization/callback/{name}"


@dataclass(frozen=True, repr=False)  # never in a log or a traceback
class Secrets:
    """What one trip is known by: 256 random bits each."""

    state: str
    nonce: str
    code_verifier: str

    @classmethod
    def fresh(cls) -> "Secrets":
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))

    @property
    def for_address(self) -> dict[str, str]:
        """What the provider is told in the address; the verifier stays here (RFC 7636 §4.2, S256)."""
        digest = hashlib.sha256(self.code_verifier.encode()).digest()
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        return {"state": self.state, "nonce": self.nonce, "code_challenge": challenge}


def must_be_open(connection: Connection) -> None:
    """Raises Refused when nobody may be sent to a provider for this connection, nor come back for it."""
    if connection.state == State.DISCONNECTED:
        raise Refused("disconnected_by_admin", connection)
    if not connection.unit.works:
        raise Refused("unit_at_rest", connection)


def write_down(
    connection: Connection,
    fresh: Secrets,
    *,
    purpose: str,
    redirect_uri: str,
    scopes: Iterable[str],
    traveller: Traveller,
    now: datetime,
    mode_change: ModeChange | None = None,
    member: Member | None = None,
) -> None:
    """Keep what the answer must match. The caller holds the transaction."""
    PendingAuthorization.objects.create(
        unit_id=connection.unit_id,
        connection=connection,
        purpose=purpose,
        provider=connection.provider,
        state_hash=hashed(fresh.state),
        nonce=fresh.nonce,
        code_verifier=fresh.code_verifier,
        redirect_uri=redirect_uri,
        scopes=list(scopes),
        user=traveller.user,
        hand_off=traveller.hand_off,
        mode_change=mode_change,
        member=member,
        session_hash=traveller.session_hash,
        created_at=now,
        expires_at=now + LIVES,
    )
    audit.record(
        connection.unit, "authorization.begun", connection, by=traveller.actor, now=now, purpose=purpose
    )


def begun_by_hand_off(state: str) -> bool:
    """Whether this answer belongs to a hand-off link, as somebody may hold both a link and an account."""
    return PendingAuthorization.objects.filter(state_hash=hashed(state), hand_off__isnull=False).exists()


def mode_change_of(state: str) -> ModeChange | None:
    """The change of mode that this answer is about. Says nothing about whether it is to be believed."""
    attempt = PendingAuthorization.objects.filter(state_hash=hashed(state), mode_change__isnull=False)
    attempt = attempt.select_related("mode_change__connection__unit", "mode_change__connection__credential")
    row = attempt.select_related("mode_change__credential").first()
    return row.mode_change if row else None


def claim(state: str, *, provider: str, purposes: set[str], traveller: Traveller, now: datetime):
    """The attempt this answer belongs to, claimed so that no second answer can use it.

    Raises Refused; a stranger's answer claims nothing and is not told whose it was.
    """
    if not state:
        raise Refused("state_missing")
    attempt = (
        PendingAuthorization.objects.select_related("connection__unit", "hand_off", "user", "mode_change")
        .filter(state_hash=hashed(state), provider=provider, purpose__in=purposes)
        .first()
    )
    if attempt is None or not _same_traveller(attempt, traveller):
        raise Refused("state_unknown")
    if attempt.user_id and not _still_allowed(attempt):
        raise Refused("right_lost")
    if attempt.used_at is not None:
        raise Refused("state_used", attempt.connection)
    if attempt.expires_at < now:
        raise Refused("state_late", attempt.connection, attempt.purpose)
    if not PendingAuthorization.objects.filter(pk=attempt.pk, used_at=None).update(used_at=now):
        raise Refused("state_used", attempt.connection)
    must_be_open(attempt.connection)
    if attempt.mode_change is not None and attempt.mode_change.state != ModeChange.State.OPEN:
        raise Refused("change_over", attempt.connection)
    return attempt


def _same_traveller(attempt: PendingAuthorization, traveller: Traveller) -> bool:
    user = traveller.user.pk if traveller.user else None
    hand_off = traveller.hand_off.pk if traveller.hand_off else None
    return (
        hmac.compare_digest(attempt.session_hash, traveller.session_hash)
        and attempt.user_id == user
        and attempt.hand_off_id == hand_off
    )


def _still_allowed(attempt: PendingAuthorization) -> bool:
    """Whether the person may still connect services of the unit, or is still the member whose calendar it is:
    roles are taken while somebody is away."""
    access = access_to(attempt.user, attempt.connection.unit.slug)
    if attempt.purpose == Purpose.PERSONAL:
        return access is not None and access.member.pk == attempt.member_id
    return access is not None and access.may("manage_connections")


@transaction.atomic
def refuse(attempt: PendingAuthorization, reason: str, *, traveller: Traveller, now: datetime) -> None:
    """Write down that an attempt had no effect."""
    PendingAuthorization.objects.filter(pk=attempt.pk).update(outcome=reason)
    audit.record(
        attempt.connection.unit,
        "authorization.refused",
        attempt.connection,
        by=traveller.actor,
        now=now,
        reason=reason,
        purpose=attempt.purpose,
    )


def forget_old(*, now: datetime) -> None:
    """Drop attempts that ended or expired more than 14 days ago."""
    PendingAuthorization.objects.filter(expires_at__lt=now - timedelta(days=14)).delete()
