"""Connections in every state of health, changes of mode in every step, and members' own authorizations."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from connections.health_words import CAUSES
from connections.models import (
    CalendarConnection,
    Credential,
    HealthCheck,
    Mailbox,
    ModeChange,
    PersonalGrant,
)
from orgunits.models import Member
from tests.journeys.states import State, States, make_states

Result = HealthCheck.Result
BEFORE, LATER = "2026-11-20T08:00:00+00:00", "2027-01-31T10:00:00+00:00"
FACTS = {
    "skew": 45, "secret_since": BEFORE, "ends_on": "2027-01-31", "channels": 3, "problem": "forbidden",
    "last_good": BEFORE, "median": BEFORE, "oldest": BEFORE, "never_read": 12, "due": 40, "waits_since": BEFORE,
    "failing": 30, "next_try": LATER, "asks_again": LATER,
}  # fmt: skip


@dataclass(frozen=True)
class HealthStates:
    """The states of tests/journeys/states.py, and beside them what health and modes add."""

    states: States
    changes: dict[str, ModeChange]
    personal: CalendarConnection


def make_health_states() -> HealthStates:
    states, now = make_states(), timezone.now()
    rows = states.connections
    for name, nth in (("healthy", 0), ("degraded", 1), ("lost", 2)):
        give_checks(rows[name], nth)
    CalendarConnection.objects.filter(pk=rows["degraded"].pk).update(
        slowed_until=now + timedelta(minutes=4), failures_in_row=7, second_administrator="second@kube.example"
    )
    Credential.objects.update(secret_ends_on=(now + timedelta(days=9)).date())
    changes = {
        "begun": change(states, "healthy", "free_busy"),
        "consented": change(
            states, "degraded", "free_busy", consented_at=now, checked_at=now, problem="incomplete",
            answers=[["https://www.googleapis.com/auth/calendar.events.freebusy", False, "unauthorized_client"]],
        ),
        "done": change(states, "paused", "read_write", state=ModeChange.State.DONE, old_client_id="1" * 21),
        "cancelled": change(states, "lost", "read_write", state=ModeChange.State.CANCELLED),
    }  # fmt: skip
    return HealthStates(states, changes, make_personal(states))


def give_checks(connection: CalendarConnection, nth: int) -> None:
    """One row per check; `nth`: which of its causes it tells."""
    now, results = timezone.now(), [Result.WELL, Result.WARNING, Result.FAILING]
    for name, causes in CAUSES.items():
        codes = list(causes)
        HealthCheck.objects.create(
            unit=connection.unit,
            connection=connection,
            name=name,
            result=results[nth],
            code=codes[nth % len(codes)] if nth else "",
            facts=FACTS,
            since=now - timedelta(hours=2),
            checked_at=now,
        )


def change(states: States, name: str, to_mode: str, **fields) -> ModeChange:
    row = states.connections[name]
    return ModeChange.objects.create(
        unit=row.unit,
        connection=row,
        from_mode=row.mode,
        to_mode=to_mode,
        started_by=states.olga,
        **fields,
    )


def make_personal(states: States) -> CalendarConnection:
    """Where each member authorizes; one did, and it ended since."""
    row = CalendarConnection.objects.create(
        unit=states.unit, provider="google", mode="free_busy", state=State.ACTIVE, personal=True,
        created_by=states.olga, connected_at=timezone.now(), connected_by="Olga",
    )  # fmt: skip
    emma = Member.objects.get(user=states.emma)
    PersonalGrant.objects.create(
        unit=states.unit,
        connection=row,
        member=emma,
        subject="42",
        state=PersonalGrant.State.NEEDS_REAUTHORIZATION,
    )
    Mailbox.objects.update_or_create(
        member=emma,
        defaults={
            "unit": states.unit,
            "connection": row,
            "decided_by": Mailbox.DecidedBy.DOMAIN,
            "state": Mailbox.State.FAILING,
            "failure": Mailbox.Failure.GRANT_LOST,
        },
    )
    return row
