"""What every kind of connection does alike when it begins to work, is paused, is lost or ends. The caller holds the
transaction."""

from datetime import datetime

from orgunits import audit
from orgunits.models import User

from .credentials import forget_unused
from .models import Connection, HandOff
from .states import State, explain, move


def begin_to_work(connection: Connection, *, by: User | HandOff | None, now: datetime) -> None:
    """The connection works from now on. Raises NotPossibleNow."""
    also = {"waiting_since": None, "next_check_at": None}
    if connection.connected_at is None:
        also |= {
            "connected_at": now,
            "connected_by": str(by) if isinstance(by, User) else connection.administrator,
        }
    move(connection, State.ACTIVE, now=now, **also)
    audit.record(connection.unit, "connection.active", connection, by=by, now=now)


def pause(connection: Connection, *, by: User, now: datetime) -> None:
    """No calls any more; secrets and what was read are kept. Raises NotPossibleNow."""
    move(connection, State.PAUSED, now=now, reason_code="paused_by_admin")
    audit.record(connection.unit, "connection.paused", connection, by=by, now=now)


def resume(connection: Connection, *, by: User, now: datetime) -> None:
    """Calls are made again. Raises NotPossibleNow."""
    move(connection, State.ACTIVE, now=now)
    audit.record(connection.unit, "connection.resumed", connection, by=by, now=now)


def lose(connection: Connection, reason: str, *, now: datetime) -> bool:
    """The provider refuses the whole connection: an administrator has to act. Told once, not per call.

    What was refused in a mode that is no longer the connection's says nothing about it. Answers whether it was
    lost by this.
    """
    rows = Connection.objects.filter(pk=connection.pk, state=State.ACTIVE, mode=connection.mode)
    if not rows.exists():
        return False
    if reason == "key_missing":
        explain(connection, reason)
        return False
    move(connection, State.NEEDS_REAUTHORIZATION, now=now, reason_code=reason)
    audit.record(connection.unit, "connection.lost", connection, by=None, now=now, reason=reason)
    return True


def end(connection: Connection, *, now: datetime) -> None:
    """Final: no more calls, no more links to it. Raises NotPossibleNow."""
    move(
        connection, State.DISCONNECTED, now=now, reason_code="disconnected_by_admin",
        waiting_since=None, next_check_at=None,
    )  # fmt: skip
    connection.hand_offs.filter(finished_at=None, revoked_at=None).update(revoked_at=now)


def would_forget_key(connection: Connection) -> bool:
    """Whether the unit's own key goes with this connection: no other living one uses it."""
    if connection.credential is None:
        return False
    others = connection.credential.connections.exclude(pk=connection.pk).exclude(state=State.DISCONNECTED)
    return not others.exists()


def forget_secrets(connection: Connection, *, by: User | None, now: datetime) -> None:
    """Forget its key, where no other connection uses it, and whose mailboxes were tried."""
    credential = connection.credential
    Connection.objects.filter(pk=connection.pk).update(
        credential=None, test_mailbox="", must_be_refused="", second_administrator=""
    )
    connection.credential = None
    forgotten = forget_unused(connection.unit, credential)
    audit.record(
        connection.unit, "connection.disconnected", connection, by=by, now=now, key_forgotten=forgotten
    )
