"""A connection's states: the allowed moves, the one place that makes them, and what is shown beside them."""

from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from .models import Connection, Mailbox, ScopeCheck
from .reasons import Reason, reason

State = Connection.State

ALLOWED: dict[str, frozenset[str]] = {
    State.PENDING: frozenset({State.ACTIVE, State.DISCONNECTED}),
    State.ACTIVE: frozenset({State.PAUSED, State.NEEDS_REAUTHORIZATION, State.DISCONNECTED}),
    State.PAUSED: frozenset({State.ACTIVE, State.NEEDS_REAUTHORIZATION, State.DISCONNECTED}),
    State.NEEDS_REAUTHORIZATION: frozenset({State.ACTIVE, State.DISCONNECTED}),
    State.DISCONNECTED: frozenset(),
}


class NotPossibleNow(Exception):
    """The connection is no longer in a state from which this can be done."""


class NotNow(Exception):
    """Nothing can be read now. `until`: when it can be, where that is known."""

    def __init__(self, until: datetime | None = None):
        self.until = until
        super().__init__("not now")


def move(connection: Connection, to: str, *, now: datetime, reason_code: str = "", **also) -> None:
    """Change the state by a guarded UPDATE. Raises NotPossibleNow when another move came first.

    The caller holds the transaction and writes the audit row.
    """
    allowed_from = [state for state, targets in ALLOWED.items() if to in targets]
    changes = {"state": to, "state_since": now, "state_reason": reason_code, **also}
    if not Connection.objects.filter(pk=connection.pk, state__in=allowed_from).update(**changes):
        raise NotPossibleNow
    for name, value in changes.items():
        setattr(connection, name, value)


def explain(connection: Connection, reason_code: str) -> None:
    """Write down why the state is as it is, without changing it. What another move said meanwhile stays."""
    rows = Connection.objects.filter(pk=connection.pk, state=connection.state)
    if rows.update(state_reason=reason_code):
        connection.state_reason = reason_code


class Condition(models.TextChoices):
    """What is computed and shown beside the stored state."""

    WAITING = "waiting", _("Waiting for provider")
    INCOMPLETE = "incomplete", _("Incomplete")
    HEALTHY = "healthy", _("Healthy")
    DEGRADED = "degraded", _("Degraded")
    NONE = "", ""


@dataclass(frozen=True)
class Shown:
    """A connection's state as people read it."""

    code: str
    label: str
    tone: str  # success | warning | danger | neutral | info
    since: datetime
    reason: Reason
    next_try: datetime | None = None


TONES = {
    State.PENDING: "info",
    State.PAUSED: "neutral",
    State.NEEDS_REAUTHORIZATION: "danger",
    State.DISCONNECTED: "neutral",
    Condition.WAITING: "info",
    Condition.INCOMPLETE: "warning",
    Condition.HEALTHY: "success",
    Condition.DEGRADED: "warning",
}


def condition(connection: Connection, *, failing: int = 0, missing: int = 0) -> str:
    """The computed state: `failing` mailboxes of an active connection, `missing` scopes of the self-test."""
    if connection.state == State.PENDING:
        if missing and connection.state_reason == "incomplete":
            return Condition.INCOMPLETE
        return Condition.WAITING if connection.waiting_since else Condition.NONE
    if connection.state == State.ACTIVE:
        if missing:
            return Condition.INCOMPLETE
        return Condition.DEGRADED if failing or connection.state_reason else Condition.HEALTHY
    return Condition.NONE


def shown(
    connection: Connection, *, failing: int = 0, missing: int = 0, since: datetime | None = None
) -> Shown:
    """The state in words, with since when, why, who can fix it, and the next try.

    `since`: when the first of the failing mailboxes or missing scopes began to be so.
    """
    computed = condition(connection, failing=failing, missing=missing)
    label = Condition(computed).label if computed else connection.get_state_display()
    why = connection.state_reason
    if computed == Condition.WAITING:
        since = connection.waiting_since
    elif computed in {Condition.DEGRADED, Condition.INCOMPLETE}:
        failures = "members_failing" if connection.personal else "mailboxes_failing"
        why = why or (failures if failing else "incomplete")
        since = since or connection.last_checked_at
    return Shown(
        code=computed or connection.state,
        label=label,
        tone=TONES[computed or connection.state],
        since=(since if computed else None) or connection.state_since,
        reason=reason(why),
        next_try=connection.next_check_at,
    )


# Failures that speak of the connection; the others are about one person each. Where each member authorizes, the
# end of one authorization does too: there is nothing else that could say how the connection is.
OF_THE_CONNECTION = (
    Mailbox.Failure.THROTTLED,
    Mailbox.Failure.UNREACHABLE,
    Mailbox.Failure.UNREADABLE,
    Mailbox.Failure.GRANT_LOST,
)


def shown_with_counts(connections: list[Connection]) -> list[tuple[Connection, Shown]]:
    """Each connection with its state; one query whatever their number."""
    own = models.OuterRef("pk")
    failing = Mailbox.objects.filter(
        connection=own, state=Mailbox.State.FAILING, failure__in=OF_THE_CONNECTION
    )
    missing = ScopeCheck.objects.filter(connection=own, result=ScopeCheck.Result.MISSING)
    rows = Connection.objects.filter(pk__in=[connection.pk for connection in connections])
    facts = rows.values_list(
        "pk", _number(failing), _number(missing), _first(failing, "state_since"), _first(missing, "since")
    )
    found = {pk: rest for pk, *rest in facts}
    pairs = []
    for connection in connections:
        failed, lacking, *begins = found[connection.pk]
        since = min(filter(None, begins), default=None)
        pairs.append((connection, shown(connection, failing=failed, missing=lacking, since=since)))
    return pairs


def _first(rows: models.QuerySet, column: str) -> models.Subquery:
    """The earliest `column` among a connection's `rows`."""
    return models.Subquery(rows.order_by(column).values(column)[:1])


def _number(rows: models.QuerySet) -> Coalesce:
    """How many of a connection's `rows` there are, inside the query about the connection."""
    counted = rows.order_by().values("connection").annotate(number=models.Count("pk")).values("number")
    return Coalesce(models.Subquery(counted), 0)
