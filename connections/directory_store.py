"""Writing what a directory told: only what differs, found by one digest for each person."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection as database
from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from orgunits.models import OrganizationalUnit
from orgunits.names import sort_key

from .models import Connection, DirectoryAddress, DirectoryPerson
from .providers.base import AuthorizationLost
from .providers.directory import PersonSeen, Removed
from .states import State

KEPT_GONE = timedelta(days=30)
AT_A_TIME = 5000  # rows of one statement
# Those of a page who are new or differ, in one statement and without an object for each.
KEEP = """
INSERT INTO connections_directoryperson (
    unit_id, connection_id, public_id, external_id, first_seen_at, changed_at, absences, kind, address, aliases,
    given_name, family_name, sort_key, department, path, employee_id, time_zone, attributes, enabled, digest)
SELECT
    %s, %s, told.public_id, told.external_id, %s, %s, 0, told.kind, told.address, told.aliases,
    told.given_name, told.family_name, told.sort_key, told.department, told.path, told.employee_id, told.time_zone,
    told.attributes, told.enabled, told.digest
FROM jsonb_to_recordset(%s::jsonb) AS told(
    public_id text, external_id text, kind text, address text, aliases jsonb, given_name text, family_name text,
    sort_key text, department text, path text, employee_id text, time_zone text, attributes jsonb,
    enabled boolean, digest text)
ON CONFLICT (connection_id, external_id) DO UPDATE SET
    kind = excluded.kind, address = excluded.address, aliases = excluded.aliases,
    given_name = excluded.given_name, family_name = excluded.family_name, sort_key = excluded.sort_key,
    department = excluded.department, path = excluded.path, employee_id = excluded.employee_id,
    time_zone = excluded.time_zone, attributes = excluded.attributes, enabled = excluded.enabled,
    digest = excluded.digest, changed_at = excluded.changed_at
RETURNING external_id, id, digest
"""
HOLD_UNIT = "SELECT FROM orgunits_organizationalunit WHERE id = %s FOR KEY SHARE"
new_public_id = DirectoryPerson._meta.get_field("public_id").get_default


@dataclass
class Known:
    """What is kept of a directory's people while it is read: two short columns of each."""

    rows: dict[str, tuple[str, int, str]]  # external id -> external id, key, digest: as the rows come
    away: set[int]  # keys of those who are absent or deleted
    seen: set[int] = field(default_factory=set)  # keys of those told in this reading
    added: int = 0
    changed: int = 0
    told: int = 0


def known(connection: Connection, *, only: Iterable[str] | None = None) -> Known:
    """One read of all people of the connection, as narrow as can be; `only` those with these external ids."""
    people = DirectoryPerson.objects.filter(connection=connection)
    if only is not None:
        people = people.filter(external_id__in=list(only))
    rows = people.values_list("external_id", "pk", "digest")
    gone = people.exclude(absences=0, deleted_at=None).values_list("pk", flat=True)
    return Known({row[0]: row for row in rows}, set(gone))


def still_works(connection: Connection) -> None:
    """Asked without a lock between two parts that change nothing, so that a pause ends a long reading too.

    Raises AuthorizationLost.
    """
    rows = Connection.objects.filter(pk=connection.pk).values_list("state", "state_reason", "unit__state")
    _must_be_active(*rows.get())


def must_still_work(connection: Connection) -> None:
    """Whoever pauses or ends the connection waits for the page that is being written, and then nothing more is.

    New rows want the unit's key: it is taken before any person's row is, as a run does that makes members of them
    (provisioning/onboarding.py), or the two would wait for each other. The caller holds the transaction. Raises
    AuthorizationLost.
    """
    rows = Connection.objects.select_for_update(no_key=True, of=("self",)).filter(pk=connection.pk)
    _must_be_active(*rows.values_list("state", "state_reason", "unit__state").get())
    with database.cursor() as cursor:
        cursor.execute(HOLD_UNIT, [connection.unit_id])


def _must_be_active(state: str, reason: str, unit_state: str) -> None:
    if unit_state != OrganizationalUnit.State.ACTIVE:
        raise AuthorizationLost("unit_at_rest")
    if state != State.ACTIVE:
        raise AuthorizationLost(reason or "paused_by_admin")


def columns_of(person: PersonSeen) -> dict:
    """What a row keeps of a person."""
    name = f"{person.family_name} {person.given_name}".strip() or person.name or person.address
    return {
        "kind": person.kind,
        "address": person.address,
        "aliases": list(person.aliases),
        "given_name": person.given_name,
        "family_name": person.family_name,
        "sort_key": sort_key(name or person.external_id),
        "department": person.department,
        "path": person.path,
        "employee_id": person.employee_id,
        "time_zone": person.time_zone,
        "attributes": dict(person.attributes),
        "enabled": person.enabled,
        "digest": person.digest,
    }


def keep_people(connection: Connection, people: Iterable[PersonSeen], known: Known, *, now: datetime) -> None:
    """Write those of one page who are new, differ or come back; a page of people as they were costs no statement.

    Who is told twice counts as told last. Raises AuthorizationLost when the connection was stopped meanwhile.
    """
    page = {person.external_id: person for person in people}
    known.told += len(page)
    differing, rows, seen = [], known.rows, known.seen
    for external_id, person in page.items():
        row = rows.get(external_id)
        if row is not None and row[2] == person.digest:
            seen.add(row[1])
        else:
            differing.append(person)
    back = (
        {rows[external_id][1] for external_id in page if external_id in rows} & known.away
        if known.away
        else ()
    )
    if differing or back:
        with transaction.atomic():
            must_still_work(connection)
            if differing:
                _write(connection, differing, known, now=now)
            DirectoryPerson.objects.filter(pk__in=back).update(absences=0, absent_since=None, deleted_at=None)
        known.away.difference_update(back)


def _write(connection: Connection, people: list[PersonSeen], known: Known, *, now: datetime) -> None:
    changed = {person.external_id: person.address for person in people if person.external_id in known.rows}
    if changed:
        _remember_addresses(connection, changed, now=now)
    told = [
        {"external_id": person.external_id, "public_id": new_public_id(), **columns_of(person)}
        for person in people
    ]
    with database.cursor() as cursor:
        cursor.execute(KEEP, [connection.unit_id, connection.pk, now, now, json.dumps(told)])
        written = cursor.fetchall()
    known.rows |= {row[0]: row for row in written}
    known.seen.update(row[1] for row in written)
    known.added += len(people) - len(changed)
    known.changed += len(changed)


def _remember_addresses(connection: Connection, now_at: dict[str, str], *, now: datetime) -> None:
    """Keep the addresses that people are about to lose."""
    before = DirectoryPerson.objects.filter(connection=connection, external_id__in=now_at).exclude(address="")
    DirectoryAddress.objects.bulk_create(
        [
            DirectoryAddress(person_id=pk, address=address, until=now)
            for pk, external_id, address in before.values_list("pk", "external_id", "address")
            if address != now_at[external_id]
        ],
        update_conflicts=True,
        unique_fields=["person", "address"],
        update_fields=["until"],
    )


@transaction.atomic
def keep_removals(connection: Connection, removed: Iterable[Removed], known: Known, *, now: datetime) -> None:
    """Who the provider says is gone. Nobody's row is dropped: it tells who the member was.

    Raises AuthorizationLost.
    """
    must_still_work(connection)
    keys = [known.rows[one.external_id][1] for one in removed if one.external_id in known.rows]
    rows = DirectoryPerson.objects.filter(pk__in=keys, deleted_at=None)
    known.changed += rows.update(deleted_at=now, changed_at=now)
    known.away.update(keys)  # they come back when a later page tells of them


def not_told(known: Known) -> set[int]:
    """The keys of those of whom a complete listing did not tell."""
    return {row[1] for row in known.rows.values()} - known.seen


@transaction.atomic
def mark_absences(connection: Connection, missing: set[int], *, now: datetime) -> None:
    """After a complete listing that counts: these are absent once more. Raises AuthorizationLost."""
    must_still_work(connection)
    for some in batched(sorted(missing), AT_A_TIME):
        rows = DirectoryPerson.objects.filter(connection=connection, pk__in=some)
        rows.update(absences=F("absences") + 1, absent_since=Coalesce("absent_since", Value(now)))


def forget_gone(*, now: datetime) -> int:
    """People who are gone for good and belong to no member are kept 30 days. Answers how many were forgotten."""
    before = now - KEPT_GONE
    gone = Q(deleted_at__lt=before) | Q(absent_since__lt=before)
    return DirectoryPerson.objects.filter(gone, member=None).delete()[0]


def batched(keys: list[int], size: int) -> Iterator[list[int]]:
    """`keys` in lists of at most `size`."""
    return (keys[n : n + size] for n in range(0, len(keys), size))
