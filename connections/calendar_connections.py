"""Verbs of the calendar connection: create, choose its key, pause, resume, disconnect."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from orgunits import audit
from orgunits.models import OrganizationalUnit, User

from . import channels, domains, jobs, mailboxes, mode_changes, push
from .credentials import forget_unused, unit_credential
from .models import (
    BusyPeriod,
    CalendarConnection,
    Credential,
    EventPosition,
    HandOff,
    Mailbox,
    MemberCalendar,
)
from .modes import capabilities, scopes_for
from .states import State, explain, move

Proof = CalendarConnection.Proof


@transaction.atomic
def create_connection(
    unit: OrganizationalUnit,
    provider: str,
    mode: str,
    *,
    by: User,
    now: datetime,
    declared_domains: list[str] | None = None,
) -> CalendarConnection:
    """A new connection, pending until its self-test succeeds. It uses the unit's own key where there is one.

    `declared_domains` are served by No Access: it opens nothing, so nothing has to be proven.

    No Access needs nothing from anybody: it is active at once and makes no call, ever.
    """
    scopes = scopes_for(provider, mode)
    connection = CalendarConnection.objects.create(
        unit=unit,
        provider=provider,
        mode=mode,
        state_since=now,
        state_reason="not_signed_in" if scopes.sign_in else "",
        credential=unit_credential(unit, provider, scopes.permission_set) if scopes.organization else None,
        created_by=by,
        created_at=now,
    )
    audit.record(unit, "connection.created", connection, by=by, now=now, provider=provider, mode=mode)
    if not capabilities(provider, mode).reads_calendars:
        activate(connection, by=by, now=now)
        for name in declared_domains or []:
            domains.add_domain(connection, name, by=by, now=now)
    return connection


@transaction.atomic
def activate(connection: CalendarConnection, *, by: User | HandOff | None, now: datetime) -> None:
    """The connection works: serve its members and start reading. Raises NotPossibleNow."""
    first_time = connection.connected_at is None
    also = {"waiting_since": None, "next_check_at": None}
    if first_time:
        also |= {
            "connected_at": now,
            "connected_by": str(by) if isinstance(by, User) else connection.administrator,
        }
    move(connection, State.ACTIVE, now=now, **also)
    audit.record(connection.unit, "connection.active", connection, by=by, now=now)
    mailboxes.assign(connection.unit, now=now)
    mailboxes.go_on(connection, now=now)  # those that stopped when the authorization was lost
    jobs.enqueue_start_reading(connection)


@transaction.atomic
def use_key(
    connection: CalendarConnection, credential: Credential | None, *, by: User | None, now: datetime
) -> None:
    """Use this key of the unit, or the installation's (None). What the old key proved does not count."""
    if connection.credential_id == (credential.pk if credential else None):
        return
    connection.credential = credential
    if connection.proof == Proof.OWN_KEY or (credential and connection.tenant and not connection.proof):
        connection.proof = Proof.OWN_KEY if credential and connection.tenant else Proof.NONE
    connection.save(update_fields=["credential", "proof"])
    connection.checks.all().delete()
    mode_changes.look_again(connection)
    audit.record(
        connection.unit, "key.chosen", connection, by=by, now=now,
        key=credential.public_id if credential else "installation",
    )  # fmt: skip


@transaction.atomic
def pause(connection: CalendarConnection, *, by: User, now: datetime) -> None:
    """No calls any more, secrets kept. Undone by `resume`. Raises NotPossibleNow."""
    move(connection, State.PAUSED, now=now, reason_code="paused_by_admin")
    mailboxes.hold(connection, Mailbox.State.PAUSED, now=now)
    audit.record(connection.unit, "connection.paused", connection, by=by, now=now)


@transaction.atomic
def resume(connection: CalendarConnection, *, by: User, now: datetime) -> None:
    """Go on where `pause` stopped. Raises NotPossibleNow."""
    move(connection, State.ACTIVE, now=now)
    mailboxes.go_on(connection, now=now)
    audit.record(connection.unit, "connection.resumed", connection, by=by, now=now)
    jobs.enqueue_start_reading(connection)


@dataclass(frozen=True)
class WhatStops:
    """What disconnecting ends and what it keeps, in numbers."""

    members: int
    calendars: int
    busy_periods: int
    forgets_key: bool


def what_stops(connection: CalendarConnection) -> WhatStops:
    """Counted before a person decides."""
    others = connection.credential and (
        connection.credential.connections.exclude(pk=connection.pk).exclude(state=State.DISCONNECTED)
    )
    return WhatStops(
        members=connection.mailboxes.count(),
        calendars=MemberCalendar.objects.filter(mailbox__connection=connection).count(),
        busy_periods=BusyPeriod.objects.filter(calendar__mailbox__connection=connection).count(),
        forgets_key=bool(connection.credential) and not others.exists(),
    )


def disconnect(connection: CalendarConnection, *, by: User | None, now: datetime) -> None:
    """Final: no more calls, what was read is deleted, secrets are forgotten. Members and choices stay.

    First the provider is asked for some seconds to announce nothing more, which needs the key; what it does not
    take ends by itself. Google's delegation and Microsoft's consent cannot be withdrawn by us: the page says
    where to click. Raises NotPossibleNow.
    """
    push.stop_all(connection, now=now)
    _disconnect(connection, by=by, now=now)


@transaction.atomic
def _disconnect(connection: CalendarConnection, *, by: User | None, now: datetime) -> None:
    move(
        connection, State.DISCONNECTED, now=now, reason_code="disconnected_by_admin",
        waiting_since=None, next_check_at=None,
    )  # fmt: skip
    mailboxes.one_decision_at_a_time(connection.unit_id)
    forget_what_was_read(connection)
    connection.hand_offs.filter(finished_at=None, revoked_at=None).update(revoked_at=now)
    mode_changes.drop_open(connection, now=now)
    credential = connection.credential
    channels.close_all(connection, now=now)
    if credential is not None:  # with another key they cannot be stopped
        connection.push_channels.all().delete()
    CalendarConnection.objects.filter(pk=connection.pk).update(
        credential=None, test_mailbox="", must_be_refused="", second_administrator=""
    )
    connection.credential = None
    forgotten = forget_unused(connection.unit, credential)
    audit.record(
        connection.unit, "connection.disconnected", connection, by=by, now=now, key_forgotten=forgotten
    )
    mailboxes.assign(connection.unit, now=now)


def forget_what_was_read(connection: CalendarConnection) -> None:
    """Delete busy times and places in change feeds; the rows of calendars and the choices on them stay."""
    calendars = MemberCalendar.objects.filter(mailbox__connection=connection)
    calendars.update(  # first, because it waits for readings that are just being stored
        feed_token="", window_starts=None, window_ends=None, full_round_at=None, last_synced_at=None
    )
    BusyPeriod.objects.filter(calendar__in=calendars).delete()
    EventPosition.objects.filter(calendar__in=calendars).delete()


@transaction.atomic
def mark_lost(connection: CalendarConnection, reason: str, *, now: datetime) -> None:
    """The provider refuses the whole connection: an administrator has to act. Told once, not per call.

    What was refused in a mode that is no longer the connection's says nothing about it.
    """
    rows = CalendarConnection.objects.filter(pk=connection.pk, state=State.ACTIVE, mode=connection.mode)
    if not rows.exists():
        return
    if reason == "key_missing":
        explain(connection, reason)
        return
    move(connection, State.NEEDS_REAUTHORIZATION, now=now, reason_code=reason)
    mailboxes.hold(connection, Mailbox.State.STOPPED, now=now)
    audit.record(connection.unit, "connection.lost", connection, by=None, now=now, reason=reason)
