"""Verbs of the directory connection: create it, choose what it is asked, begin, pause, resume, disconnect."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from orgunits import audit
from orgunits.models import OrganizationalUnit, User

from . import circuits, jobs, life
from .credentials import unit_credential
from .models import (
    Connection,
    DirectoryConnection,
    DirectoryGroup,
    DirectoryPerson,
    DirectoryReading,
    DirectoryRoom,
    DirectorySheet,
    HandOff,
)
from .modes import Extra, extras_offered, scopes_for
from .states import NotNow, State

EVERY = timedelta(hours=6)  # between two whole readings
CHANGES_EVERY = timedelta(minutes=15)  # between them, where the provider tells what changed


@transaction.atomic
def create_directory(
    unit: OrganizationalUnit, provider: str, *, extras: Iterable[str] = (), by: User, now: datetime
) -> Connection:
    """A new connection to a directory, pending until its self-test succeeds.

    `extras`: what it is asked beyond people (`modes.Extra`). It uses the unit's own key where there is one.
    """
    chosen = [extra for extra in extras_offered(provider) if extra in set(extras)]
    connection = DirectoryConnection.objects.create(
        unit=unit,
        provider=provider,
        extras=chosen,
        state_since=now,
        state_reason="not_signed_in",
        credential=unit_credential(unit, provider, scopes_for(provider, "", chosen).permission_set),
        created_by=by,
        created_at=now,
    )
    audit.record(
        unit, "directory.created", connection, by=by, now=now, provider=provider, extras=",".join(chosen)
    )
    return connection


@transaction.atomic
def create_file_directory(unit: OrganizationalUnit, label: str, *, by: User, now: datetime) -> Connection:
    """A directory that is kept by uploading files; pending until the first one was taken over.

    `label`: whom the files hold, to tell it from others.
    """
    connection = DirectoryConnection.objects.create(
        unit=unit,
        provider=Connection.Provider.CSV,
        label=label,
        extras=[Extra.GROUPS],
        state_since=now,
        state_reason="no_file_yet",
        created_by=by,
        created_at=now,
    )
    facts = {"provider": connection.provider, "extras": Extra.GROUPS}
    audit.record(unit, "directory.created", connection, by=by, now=now, **facts)
    return connection


@transaction.atomic
def activate(connection: Connection, *, by: User | HandOff | None, now: datetime) -> None:
    """The connection works: read the directory. Raises NotPossibleNow."""
    life.begin_to_work(connection, by=by, now=now)
    jobs.enqueue_directory(connection)


@transaction.atomic
def pause(connection: Connection, *, by: User, now: datetime) -> None:
    """No calls any more, secrets and what was read are kept. Undone by `resume`. Raises NotPossibleNow."""
    life.pause(connection, by=by, now=now)


@transaction.atomic
def resume(connection: Connection, *, by: User, now: datetime) -> None:
    """Go on where `pause` stopped. Raises NotPossibleNow."""
    life.resume(connection, by=by, now=now)
    jobs.enqueue_directory(connection, asked_at=now if connection.capabilities.from_files else None)


@transaction.atomic
def read_now(connection: Connection, *, by: User, now: datetime) -> None:
    """Have the directory read at once, though its time has not come. Asked twice it is read once: the first
    reading that begins answers both. Raises NotNow."""
    if connection.state != State.ACTIVE or not connection.unit.works or not connection.capabilities.asks:
        raise NotNow
    if circuits.is_open(connection, now=now):
        raise NotNow(connection.slowed_until)
    audit.record(connection.unit, "directory.read_asked", connection, by=by, now=now)
    jobs.enqueue_directory(connection, asked_at=now)


@dataclass(frozen=True)
class WhatIsForgotten:
    """What disconnecting deletes here, in numbers."""

    people: int
    groups: int
    rooms: int
    forgets_key: bool


def what_is_forgotten(connection: Connection) -> WhatIsForgotten:
    """Counted before a person decides."""
    return WhatIsForgotten(
        people=connection.directory_people.count(),
        groups=connection.directory_groups.count(),
        rooms=connection.directory_rooms.count(),
        forgets_key=life.would_forget_key(connection),
    )


@transaction.atomic
def disconnect(connection: Connection, *, by: User | None, now: datetime) -> None:
    """Final: no more calls, secrets are forgotten, and with them all that the directory told.

    Members stay, whoever brought them: they belong to the unit. Raises NotPossibleNow.
    """
    life.end(connection, now=now)
    for model in (DirectoryGroup, DirectoryRoom, DirectoryPerson, DirectorySheet):
        model.objects.filter(connection=connection).delete()
    Connection.objects.filter(pk=connection.pk).update(changes_cursor="")
    life.forget_secrets(connection, by=by, now=now)


@transaction.atomic
def mark_lost(connection: Connection, reason: str, *, now: datetime) -> None:
    """The provider refuses the whole connection: nothing is read any more, and nobody is taken for gone."""
    life.lose(connection, reason, now=now)


def last_complete(connection: Connection) -> DirectoryReading | None:
    """The last reading that saw everything."""
    readings = connection.directory_readings.filter(state=DirectoryReading.State.COMPLETE, whole=True)
    return readings.order_by("-started_at").first()
