"""Verbs of the calendar connection: create, choose its key, pause, resume, disconnect."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from orgunits import audit
from orgunits.models import OrganizationalUnit, User

from . import channels, domains, jobs, life, mailboxes, mode_changes, push
from .credentials import unit_credential
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
    life.begin_to_work(connection, by=by, now=now)
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
    life.pause(connection, by=by, now=now)
    mailboxes.hold(connection, Mailbox.State.PAUSED, now=now)


@transaction.atomic
def resume(connection: CalendarConnection, *, by: User, now: datetime) -> None:
    """Go on where `pause` stopped. Raises NotPossibleNow."""
    life.resume(connection, by=by, now=now)
    mailboxes.go_on(connection, now=now)
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
    return WhatStops(
        members=connection.mailboxes.count(),
        calendars=MemberCalendar.objects.filter(mailbox__connection=connection).count(),
        busy_periods=BusyPeriod.objects.filter(calendar__mailbox__connection=connection).count(),
        forgets_key=life.would_forget_key(connection),
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
    life.end(connection, now=now)
    mailboxes.one_decision_at_a_time(connection.unit_id)
    forget_what_was_read(connection)
    mode_changes.drop_open(connection, now=now)
    channels.close_all(connection, now=now)
    if connection.credential_id is not None:  # with another key they cannot be stopped
        connection.push_channels.all().delete()
    life.forget_secrets(connection, by=by, now=now)
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
    """The provider refuses the whole connection: nothing is read any more."""
    if life.lose(connection, reason, now=now):
        mailboxes.hold(connection, Mailbox.State.STOPPED, now=now)
