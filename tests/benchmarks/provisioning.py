"""Bringing 100,000 people on board by rule: the first time, unchanged, and one percent changed (P6, P7, P8, P15)."""

from collections.abc import Callable, Iterable
from time import perf_counter

from django.db import connection as database
from django.db import models
from django.utils import timezone

from connections import directories, directory_store
from connections.models import Connection, DirectoryPerson, DirectoryReading
from orgunits.models import (
    AuditEvent,
    AuditName,
    Member,
    OrganizationalUnit,
    RoleGrant,
    UnitGroupPermission,
    UnitUserPermission,
)
from orgunits.units import create_unit
from provisioning import following, rules, runs
from provisioning.models import Plan, PlanItem, ProvisioningRule, ProvisioningRun, RuleGrant
from provisioning.plan import make_plan
from provisioning.plan_values import Action, Kind, Known, OnLeaving, Origin, Person, Rule
from tests.benchmarks import processes
from tests.benchmarks.directory import PAGE, RUNS, keep, read_bare, somebody
from tests.benchmarks.measure import Figure, figures
from tests.people import make_user

PEOPLE = 100_000
GUARDIAN = (UnitGroupPermission, UnitUserPermission)


@figures(
    "provisioning.import", "provisioning.unchanged", "provisioning.one_percent", "provisioning.grant_rows"
)
def bringing() -> list[Figure]:
    """Each against a bound timed in this run: the same rows by bulk_create, and reading (id, digest) alone."""
    connection = followed_directory("Provisioning")
    people = [somebody(number) for number in range(PEOPLE)]
    guardian = _guardian_rows()
    first = timed(lambda: _keep(connection, people)) + timed(lambda: follow(connection))
    if connection.unit.members.filter(came_by=Member.CameBy.DIRECTORY).count() != PEOPLE:
        raise AssertionError("not everybody came")
    granted = (_guardian_rows() - guardian) / PEOPLE
    vacuum()
    follow(connection)  # sees once that all is as it should be, and keeps its fingerprint
    bare = min(timed(lambda: read_bare(connection)) for _ in range(RUNS))
    same = min(timed(lambda: (_keep(connection, people), follow(connection))) for _ in range(RUNS))
    moved = []
    for run in range(RUNS):
        people[: PEOPLE // 100] = [
            somebody(number, department=f"Moved {run}") for number in range(PEOPLE // 100)
        ]
        moved.append(timed(lambda: (_keep(connection, people), follow(connection))))
    by_hand = _the_same_rows_by_bulk_create(connection)
    return [
        Figure("provisioning.import", first / by_hand, "x bulk_create of the same rows", "<=", 1.5),
        Figure("provisioning.unchanged", same / bare, "x reading (id, digest)", "<=", 3),
        Figure("provisioning.one_percent", min(moved) / bare, "x reading (id, digest)", "<=", 5),
        Figure("provisioning.grant_rows", granted, "guardian rows for each member", "<=", 0),
    ]


def followed_directory(name: str) -> Connection:
    """A directory of a unit of its own, with one rule: everybody is an Employee."""
    owner = make_user(name, f"{name.lower()}@bench.example")
    unit = create_unit(name, by=owner, now=timezone.now())
    connection = directories.create_directory(unit, "google", by=owner, now=timezone.now())
    Connection.objects.filter(pk=connection.pk).update(state="active", connected_at=timezone.now())
    draft = {"name": "Everybody", "kind": "everybody", "role": "employee", "on_leaving": "suspend"}
    rule = rules.create_rule(connection, draft, by=owner, now=timezone.now())
    ProvisioningRule.objects.filter(pk=rule.pk).update(active=True)
    return connection


def _keep(connection: Connection, people: list) -> None:
    """A whole reading: what is told is kept, and the reading says that it came to its end."""
    now = timezone.now()
    keep(connection, people)
    DirectoryReading.objects.create(
        unit_id=connection.unit_id, connection=connection, state="complete", people=len(people), asked="same",
        started_at=now, finished_at=timezone.now(),
    )  # fmt: skip


def follow(connection: Connection) -> None:
    """What the portal does after a reading, by as many jobs as it takes."""
    run = following.look(Connection.objects.select_related("unit").get(pk=connection.pk), now=timezone.now())
    while run is not None and runs.go_on(ProvisioningRun.objects.get(pk=run.pk), now=timezone.now()):
        pass
    if run is not None and ProvisioningRun.objects.get(pk=run.pk).state != "succeeded":
        raise AssertionError("the run did not succeed")


def _guardian_rows() -> int:
    return sum(model.objects.count() for model in GUARDIAN)


def _the_same_rows_by_bulk_create(connection: Connection) -> float:
    """Seconds for the rows of the first run, by the means that Django has for it, into the same tables."""
    unit, plan = connection.unit, connection.plans.order_by("pk").first()
    members = unit.members.filter(came_by=Member.CameBy.DIRECTORY)
    events = AuditEvent.objects.filter(unit=unit, verb__in=("member.added", "role.granted"), actor="system")
    tables: list[Iterable[models.Model]] = [
        list(rows)
        for rows in (
            DirectoryPerson.objects.filter(connection=connection),
            members,
            RoleGrant.objects.filter(unit=unit, by_rule=True),
            RuleGrant.objects.filter(rule__unit=unit),
            PlanItem.objects.filter(plan=plan),
            AuditName.objects.filter(subject__in=members.values("public_id")),
            events,
        )
    ]
    return _into_an_empty_unit(unit, plan, tables)


def _into_an_empty_unit(unit: OrganizationalUnit, plan: Plan, tables: list[list[models.Model]]) -> float:
    """Take the rows away, where rows may be taken away, and insert them again; only the inserting is timed."""
    people, members, grants, rule_grants, items, names, events = tables
    PlanItem.objects.filter(plan__unit=unit).delete()
    RuleGrant.objects.filter(rule__unit=unit).delete()
    DirectoryPerson.objects.filter(unit=unit).delete()
    for some in range(0, len(members), 5000):
        unit.members.filter(pk__in=[row.pk for row in members[some : some + 5000]]).delete()
    AuditName.objects.filter(subject__in=[row.subject for row in names]).delete()
    for number, event in enumerate(events):  # the log refuses that rows are taken away: others like them
        event.pk, event.public_id = None, f"aud_{number:024}"
    vacuum()
    seconds = 0.0
    for rows, unique, update in (
        (members, ["id"], ["email"]),
        (people, ["connection", "external_id"], [*directory_store.columns_of(somebody(0))]),
        (grants, ["id"], ["role"]),
        (rule_grants, ["member", "rule"], ["role"]),
        (items, ["plan", "position"], ["action"]),
        (names, ["subject"], ["name"]),
    ):
        model = type(rows[0])
        seconds += timed(
            lambda model=model, rows=rows, unique=unique, update=update: model.objects.bulk_create(
                rows, batch_size=PAGE, update_conflicts=True, unique_fields=unique, update_fields=update
            )
        )
    return seconds + timed(lambda: AuditEvent.objects.bulk_create(events, batch_size=PAGE))


def vacuum() -> None:
    with database.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def timed(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


# --- memory, and growth ---------------------------------------------------------------------------------------------
@figures("provisioning.memory")
def remembering() -> list[Figure]:
    """The most a process ever holds that brings so many people on board, against a tenth of them."""
    few, many = (_peak(number) for number in (PEOPLE // 10, PEOPLE))
    return [Figure("provisioning.memory", many / few, "x the memory for 10 x the people", "<=", 1.5)]


def _peak(number: int) -> int:
    """Bytes at the peak of a process of its own that does the first run of a directory."""
    connection = followed_directory(f"Memory {number}")
    _keep(connection, [somebody(one) for one in range(number)])
    with processes.running("tests.benchmarks.provisioner", str(connection.pk)) as provisioner:
        peak = int(provisioner.communicate()[0])
    if connection.unit.members.filter(came_by=Member.CameBy.DIRECTORY).count() != number:
        raise AssertionError("not everybody came")
    return peak


@figures("provisioning.growth")
def growing() -> list[Figure]:
    """How much longer the planner thinks about each person where there are a hundred times as many."""
    few = min(_plan(1_000) for _ in range(5 * RUNS)) / 1_000
    many = min(_plan(PEOPLE) for _ in range(RUNS)) / PEOPLE
    return [Figure("provisioning.growth", many / few, "x the time for each person", "<=", 3)]


def _plan(number: int) -> float:
    """Seconds for a plan about so many people, half of whom are members."""
    people = [
        Person(key, f"id-{key}", f"p{key}@bench.example", department="Sales", employee_id=f"E{key}")
        for key in range(number)
    ]
    members = [
        Known(key, f"p{key}@bench.example", person=key, origin=Origin.HERE, roles_by_rule={1: "employee"})
        for key in range(0, number, 2)
    ]
    rule = Rule(1, 1, Kind.EVERYBODY, "employee", on_leaving=OnLeaving.SUSPEND)
    began = perf_counter()
    plan = make_plan(people, members, [rule], today=timezone.now().date(), zones=frozenset({"UTC"}))
    seconds = perf_counter() - began
    if plan.counts()[Action.ADD] != number // 2:
        raise AssertionError(plan.counts())
    return seconds


BENCHMARKS = [bringing, remembering, growing]
