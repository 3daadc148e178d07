"""Keeping what a directory of 100,000 people told: the first time, unchanged, and one percent changed (P6, P7)."""

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from django.db import connection as database
from django.utils import timezone

from connections import directories, directory_store
from connections.models import Connection, DirectoryPerson
from connections.providers.directory import Kind, PersonSeen
from orgunits.units import create_unit
from tests.benchmarks.measure import Figure, figures
from tests.people import make_user

PEOPLE, PAGE, RUNS = 100_000, 500, 3


def somebody(number: int, *, department: str = "Sales") -> PersonSeen:
    return PersonSeen(
        external_id=f"{number:021}", address=f"p{number:06}@bench.example", aliases=(), given_name="Mo",
        family_name=f"Person {number:06}", department=department, path="/Sales", employee_id=f"E{number}",
        time_zone="", enabled=True, kind=Kind.PERSON,
    )  # fmt: skip


@figures("directory.import", "directory.unchanged", "directory.one_percent", "directory.writes")
def keeping() -> list[Figure]:
    """Each against a bound timed in this run: the same rows by bulk_create, and reading (id, digest) alone."""
    olga = make_user("Olga", "olga.directory@bench.example")
    unit = create_unit("Directory", by=olga, now=timezone.now())
    connection = directories.create_directory(unit, "google", by=olga, now=timezone.now())
    Connection.objects.filter(pk=connection.pk).update(state="active")
    people = [somebody(number) for number in range(PEOPLE)]
    first = _timed(lambda: keep(connection, people))
    with database.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE connections_directoryperson")
    bare = min(_timed(lambda: read_bare(connection)) for _ in range(RUNS))
    before = writes_so_far()
    same = min(_timed(lambda: keep(connection, people)) for _ in range(RUNS))
    writes = writes_so_far() - before
    changes = []
    for run in range(RUNS):
        people[: PEOPLE // 100] = [
            replace(person, department=f"Moved {run}") for person in people[: PEOPLE // 100]
        ]
        changes.append(_timed(lambda: keep(connection, people)))
    rows = list(DirectoryPerson.objects.filter(connection=connection))
    DirectoryPerson.objects.filter(connection=connection).delete()
    by_hand = _timed(lambda: insert(rows))
    DirectoryPerson.objects.filter(connection=connection).delete()
    return [
        Figure("directory.import", first / by_hand, "x bulk_create of the same rows", "<=", 1.5),
        Figure("directory.unchanged", same / bare, "x reading (id, digest)", "<=", 3),
        Figure("directory.one_percent", min(changes) / bare, "x reading (id, digest)", "<=", 5),
        Figure("directory.writes", writes, "rows written when nothing changed", "<=", 0),
    ]


def keep(connection: Connection, people: list[PersonSeen]) -> None:
    """What a reading does with the pages it is told."""
    now = timezone.now()
    known = directory_store.known(connection)
    for first in range(0, len(people), PAGE):
        directory_store.keep_people(connection, people[first : first + PAGE], known, now=now)
    missing = directory_store.not_told(known)
    if missing:
        directory_store.mark_absences(connection, missing, now=now)


def read_bare(connection: Connection) -> None:
    dict(DirectoryPerson.objects.filter(connection=connection).values_list("external_id", "digest"))


def insert(rows: list[DirectoryPerson]) -> None:
    """The same rows by the means that Django has for it."""
    columns = [*directory_store.columns_of(somebody(0)), "changed_at"]
    for row in rows:
        row.pk = None
    DirectoryPerson.objects.bulk_create(
        rows,
        batch_size=PAGE,
        update_conflicts=True,
        unique_fields=["connection", "external_id"],
        update_fields=columns,
    )


def writes_so_far() -> int:
    """Rows of people that were inserted, updated or deleted until now, as PostgreSQL counts them."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE relname = %s",
            [DirectoryPerson._meta.db_table],
        )
        return cursor.fetchone()[0]


def _timed(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


BENCHMARKS = [keeping]
