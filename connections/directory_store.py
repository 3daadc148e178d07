"""Writing what a directory told: only what differs, found by one digest for each person."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from orgunits.names import sort_key

from .models import Connection, DirectoryAddress, DirectoryPerson
from .providers.base import AuthorizationLost
from .providers.directory import PersonSeen, Removed
from .states import State

KEPT_GONE = timedelta(days=30)
AT_A_TIME = 5000  # rows of one statement
TOLD = [
    "kind", "address", "aliases", "given_name", "family_name", "sort_key", "department", "path", "employee_id",
    "time_zone", "attributes", "enabled", "digest",
]  # fmt: skip


@dataclass
class Known:
    """What is kept of a directory's people while it is read: two short columns of each."""

    rows: dict[str, tuple[int, str]]  # external id -> key, digest
    away: set[int]  # keys of those who were absent or deleted the last time
    seen: set[int] = field(default_factory=set)  # keys of those told in this reading
    added: int = 0
    changed: int = 0
    told: int = 0


def known(connection: Connection) -> Known:
    """One read of all people of the connection, as narrow as can be."""
    people = DirectoryPerson.objects.filter(connection=connection)
    rows = people.values_list("external_id", "pk", "digest").iterator(chunk_size=5000)
    gone = people.exclude(absences=0, deleted_at=None).values_list("pk", flat=True)
    return Known({external_id: (pk, digest) for external_id, pk, digest in rows}, set(gone))


def must_still_work(connection: Connection) -> None:
    """Whoever pauses or ends the connection waits for the page that is being written, and then nothing more is.

    The caller holds the transaction. Raises AuthorizationLost.
    """
    row = Connection.objects.select_related("unit").select_for_update(no_key=True, of=("self",))
    row = row.get(pk=connection.pk)
    if not row.unit.works:
        raise AuthorizationLost("unit_at_rest")
    if row.state != State.ACTIVE:
        raise AuthorizationLost(row.state_reason or "paused_by_admin")


def _columns(person: PersonSeen) -> dict:
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


@transaction.atomic
def keep_people(connection: Connection, people: Iterable[PersonSeen], known: Known, *, now: datetime) -> None:
    """Write those of one page who are new or differ. Who is told twice counts as told last.

    Raises AuthorizationLost when the connection was stopped meanwhile.
    """
    must_still_work(connection)
    page = {person.external_id: person for person in people}
    known.told += len(page)
    new, changed = [], []
    for external_id, person in page.items():
        pk, digest = known.rows.get(external_id, (0, ""))
        if pk:
            known.seen.add(pk)
        if digest == person.digest:
            continue
        row = DirectoryPerson(
            unit_id=connection.unit_id, connection=connection, external_id=external_id,
            first_seen_at=now, changed_at=now, **_columns(person),
        )  # fmt: skip
        (changed if pk else new).append(row)
    if changed:
        _remember_addresses(connection, {row.external_id: row.address for row in changed}, now=now)
    if new or changed:
        written = DirectoryPerson.objects.bulk_create(
            [*new, *changed],
            update_conflicts=True,
            unique_fields=["connection", "external_id"],
            update_fields=[*TOLD, "changed_at"],
        )
        for row in written:
            known.rows[row.external_id] = row.pk, row.digest
            known.seen.add(row.pk)
    known.added += len(new)
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
def keep_removals(connection: Connection, removed: Iterable[Removed], *, now: datetime) -> int:
    """Who the provider says is gone. Nobody's row is dropped: it tells who the member was."""
    must_still_work(connection)
    ids = [one.external_id for one in removed]
    rows = DirectoryPerson.objects.filter(connection=connection, external_id__in=ids, deleted_at=None)
    return rows.update(deleted_at=now, changed_at=now)


@transaction.atomic
def mark_absences(connection: Connection, known: Known, *, now: datetime) -> int:
    """After a complete listing: who was not told is absent once more, who was told is here again.

    Answers how many are absent. Rows of people who are as they were are not written.
    """
    must_still_work(connection)
    everybody = {pk for pk, _digest in known.rows.values()}
    missing, back = everybody - known.seen, known.seen & known.away
    for keys, changes in (
        (missing, {"absences": F("absences") + 1}),
        (missing - known.away, {"absent_since": now}),
        (back, {"absences": 0, "absent_since": None, "deleted_at": None}),
    ):
        for some in batched(sorted(keys), AT_A_TIME):
            DirectoryPerson.objects.filter(connection=connection, pk__in=some).update(**changes)
    return len(missing)


def forget_gone(*, now: datetime) -> int:
    """People who are gone for good and belong to no member are kept 30 days. Answers how many were forgotten."""
    before = now - KEPT_GONE
    gone = Q(deleted_at__lt=before) | Q(absent_since__lt=before)
    return DirectoryPerson.objects.filter(gone, member=None).delete()[0]


def batched(keys: list[int], size: int) -> Iterator[list[int]]:
    """`keys` in lists of at most `size`."""
    return (keys[n : n + size] for n in range(0, len(keys), size))
