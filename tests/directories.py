"""Directories written straight into the database, as if they had been read."""

from datetime import datetime

from django.utils import timezone

from connections import directories, directory_files, directory_sheets
from connections.models import (
    Connection,
    DirectoryGroup,
    DirectoryPerson,
    DirectoryReading,
    DirectoryRoom,
    DirectorySheet,
)
from orgunits.models import Member, OrganizationalUnit, User
from orgunits.names import sort_key

ALL = {"google": ("groups", "rooms"), "microsoft": ("groups",)}


def make_directory(
    unit: OrganizationalUnit,
    *,
    by: User,
    provider: str = "google",
    tenant: str = "kube.example",
    extras: tuple[str, ...] | None = None,
    **fields,
) -> Connection:
    """A directory that works; nothing of it was read. `extras`: all that the provider offers, unless told."""
    chosen = ALL[provider] if extras is None else extras
    row = directories.create_directory(unit, provider, extras=chosen, by=by, now=timezone.now())
    fields = {
        "state": "active",
        "state_reason": "",
        "tenant": tenant,
        "administrator": f"admin@{tenant}",
        "proof": "administrator",
        "connected_at": timezone.now(),
        **fields,
    }
    Connection.objects.filter(pk=row.pk).update(**fields)
    return Connection.objects.select_related("unit").get(pk=row.pk)


def make_reading(connection: Connection, state: str = "complete", **fields) -> DirectoryReading:
    """A reading that is over, unless it runs."""
    now = timezone.now()
    fields.setdefault("finished_at", None if state == "running" else now)
    fields.setdefault("started_at", now)
    return connection.directory_readings.create(unit=connection.unit, state=state, **fields)


def make_person(connection: Connection, name: str, **fields) -> DirectoryPerson:
    """`name`: given and family name; the address is made of it, unless told."""
    (person,) = make_people(connection, [name], **fields)
    return person


def make_people(connection: Connection, names: list[str], **fields) -> list[DirectoryPerson]:
    """People who are here, in one write."""
    now = timezone.now()
    return DirectoryPerson.objects.bulk_create(
        DirectoryPerson(**_of_person(connection, name, now) | fields) for name in names
    )


def _of_person(connection: Connection, name: str, now: datetime) -> dict:
    given, _, family = name.partition(" ")
    return {
        "unit": connection.unit,
        "connection": connection,
        "external_id": f"id of {name}",
        "address": f"{name.replace(' ', '.').lower()}@{connection.tenant or 'kube.example'}",
        "given_name": given,
        "family_name": family,
        "sort_key": sort_key(f"{family} {given}".strip()),
        "digest": "0" * 32,
        "first_seen_at": now,
        "changed_at": now,
    }


def make_group(
    connection: Connection, name: str, members: list[DirectoryPerson] | None = None, **fields
) -> DirectoryGroup:
    """A group with these people directly in it."""
    group = connection.directory_groups.create(
        unit=connection.unit,
        external_id=f"id of {name}",
        name=name,
        address=f"{name.replace(' ', '.').lower()}@{connection.tenant or 'kube.example'}",
        sort_key=sort_key(name),
        **fields,
    )
    group.members.set(members or [])
    return group


def make_room(connection: Connection, name: str, **fields) -> DirectoryRoom:
    return connection.directory_rooms.create(
        unit=connection.unit,
        external_id=f"id of {name}",
        name=name,
        address=f"{name.replace(' ', '.').lower()}@{connection.tenant or 'kube.example'}",
        sort_key=sort_key(name),
        **fields,
    )


def make_file_directory(
    unit: OrganizationalUnit, *, by: User, label: str = "etcd.example", **fields
) -> Connection:
    """A directory that is kept by files; none was taken over, unless `fields` say so."""
    row = directories.create_file_directory(unit, label, by=by, now=timezone.now())
    Connection.objects.filter(pk=row.pk).update(**fields)
    return Connection.objects.select_related("unit").get(pk=row.pk)


def make_sheet(connection: Connection, text: str, *, by: User, **fields) -> DirectorySheet:
    """A file that waits to be looked at, unless `fields` say what became of it."""
    file = directory_files.read(text.encode())
    row = directory_sheets.keep_file(connection, file, by=by, now=timezone.now())
    DirectorySheet.objects.filter(pk=row.pk).update(**fields)
    return DirectorySheet.objects.select_related("connection__unit").get(pk=row.pk)


def make_read_directory(
    unit: OrganizationalUnit, *, by: User, word: str, member: Member | None = None, **fields
) -> Connection:
    """A directory that was read once and told of a person, a group and a room; `word` is in every name."""
    row = make_directory(unit, by=by, tenant=f"{word}.example", **fields)
    person = make_person(row, f"{word.title()} {word.title()}son", member=member, department=word)
    make_group(row, f"{word} group", [person])
    make_room(row, f"{word} room", capacity=4, building=word)
    make_reading(row, people=1, added=1, groups=1, rooms=1)
    return row
