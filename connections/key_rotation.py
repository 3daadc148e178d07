"""A new secret for a key in use: tried on every connection that uses the key, and only then kept."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from orgunits import audit
from orgunits.access import user_may
from orgunits.models import User

from . import health
from .credentials import As
from .models import Connection, Credential
from .providers.base import ProviderError
from .providers.google.oauth import key_from_json
from .reasons import code_of
from .services import calendar_service
from .states import State

# The losses that a new secret mends. Who was lost for another cause would not work with any secret.
MENDED = {"key_rejected", "secret_expired"}


class NotAdopted(Exception):
    """The old secret stays. `reason` is a code of connections/reasons.py, `connection` the one that told it."""

    def __init__(self, reason: str, connection: Connection | None = None):
        self.reason, self.connection = reason, connection
        super().__init__(reason)


@dataclass(frozen=True)
class Rotated:
    """A new secret is in use: who was tried with it, and who works again because of it."""

    tried: tuple[Connection, ...]
    back: tuple[Connection, ...]


def rotate(connection: Connection, secret: str, *, ends_on: date | None, by: User, now: datetime) -> Rotated:
    """Try `secret`, a whole key file or a client secret, in place of the one the connection's own key has.

    Every living connection that uses the key is asked with it, each scope alone and the verified mailbox, before
    anything changes; a paused one makes no calls and is left out. Raises NotAdopted.
    """
    old = connection.credential
    if old is None:
        raise NotAdopted("key_of_installation")
    new = _renewed(old, secret)
    tried = _to_be_tried(connection)
    for row in tried:
        _try(row, new)
    _adopt(connection, old, new, ends_on=ends_on, by=by, now=now)
    return Rotated(tuple(tried), tuple(_back(old, by=by, now=now)))


def _renewed(old: Credential, secret: str) -> Credential:
    """The same key with another secret, not saved."""
    if old.provider == "google":
        try:
            key = key_from_json(secret, unit_id=old.unit_id)
        except ValueError:
            raise NotAdopted("key_unreadable") from None
        if (key.client_id, key.client_email) != (old.client_id, old.client_email):
            raise NotAdopted("another_key")
    if secret == old.secret:
        raise NotAdopted("same_secret")
    return Credential(
        unit_id=old.unit_id,
        provider=old.provider,
        permission_set=old.permission_set,
        client_id=old.client_id,
        client_email=old.client_email,
        secret=secret,
    )


def _to_be_tried(connection: Connection) -> list[Connection]:
    """The connections that use the key and would work with it: at least one, or nothing can be known."""
    rows = connection.credential.connections.filter(connected_at__isnull=False).select_related("unit")
    fit = [
        row
        for row in rows.order_by("pk")
        if row.state == State.ACTIVE
        or (row.state == State.NEEDS_REAUTHORIZATION and row.state_reason in MENDED)
    ]
    if not fit:
        raise NotAdopted(connection.state_reason or "not_signed_in", connection)
    return fit


def _try(connection: Connection, new: Credential) -> None:
    """The self-test with the new secret, written down nowhere. Raises NotAdopted."""
    try:
        service = calendar_service(connection, instead=As(connection.mode, new))
        verdict, _answers, _probe = health.ask(connection, service)
        problem = "" if verdict.works else verdict.reason
    except ProviderError as error:
        problem = code_of(error)
    if problem:
        raise NotAdopted(problem, connection)


@transaction.atomic
def _adopt(
    connection: Connection,
    old: Credential,
    new: Credential,
    *,
    ends_on: date | None,
    by: User,
    now: datetime,
) -> None:
    """Put the new secret in place of the old one, if nothing changed while the provider was asked."""
    row = Credential.objects.select_for_update(no_key=True).filter(pk=old.pk).first()
    if row is None or row.secret != old.secret or not row.connections.filter(pk=connection.pk).exists():
        raise NotAdopted("key_changed_meanwhile")
    if not user_may(by, connection.unit, "manage_connections"):
        raise NotAdopted("right_lost")
    row.secret, row.secret_since = new.secret, now
    row.secret_ends_on, row.warned_days = ends_on, None
    row.save(update_fields=["secret", "secret_since", "secret_ends_on", "warned_days"])
    audit.record(connection.unit, "key.rotated", connection, by=by, now=now, key=row.public_id)


def _back(key: Credential, *, by: User, now: datetime) -> list[Connection]:
    """Let those go on that the old secret had stopped; answers which of them work now."""
    stopped = key.connections.filter(state=State.NEEDS_REAUTHORIZATION, state_reason__in=MENDED)
    rows = stopped.select_related("unit", "credential").order_by("pk")
    return [row for row in rows if health.check_connection(row, by=by, now=now).works]
