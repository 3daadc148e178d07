"""A run that the guard holds, as the portal makes it: ten people came by a rule, and half of them are gone."""

from datetime import timedelta

from django.utils import timezone

from connections.models import Connection, DirectoryPerson
from orgunits.models import Member, User
from provisioning.models import Plan, PlanItem, ProvisioningRun
from tests.people import Company
from tests.provisioning.running import directory_of, everybody_rule, fresh, looked, tell, was_read

PEOPLE = [f"person{n:02}@kube.example" for n in range(10)]
GONE = PEOPLE[:5]


def followed(company: Company) -> Connection:
    """A directory whose ten people are members by its rule."""
    connection = directory_of(company)
    tell(connection, *PEOPLE)
    everybody_rule(connection, company.olga)
    was_read(connection, at=timezone.now() - timedelta(hours=12))
    assert looked(connection).state == "succeeded"
    return connection


def miss(connection: Connection, addresses: list[str], *, twice: bool = True) -> None:
    """As if two whole readings had not told of these people."""
    now = timezone.now()
    DirectoryPerson.objects.filter(connection=connection, address__in=addresses).update(
        absences=2 if twice else 1, absent_since=now - timedelta(hours=8), changed_at=now
    )
    was_read(connection, at=now)


def paused_run(company: Company) -> ProvisioningRun:
    """The run that waits for somebody."""
    connection = followed(company)
    miss(connection, GONE)
    run = looked(connection)
    assert run.state == "paused_by_guard"
    return fresh(run)


def make_run(connection: Connection, held: Member, *, by: User) -> ProvisioningRun:
    """A paused run written straight into the database: one plan that would suspend `held`."""
    plan = Plan.objects.create(
        unit=connection.unit, connection=connection, state="taken", purpose="scheduled", made_by=by,
        counts={"suspend": 1}, outcome="paused", guard_codes=["share"], causes=["many_missing"],
        candidates=1, candidates_digest="d" * 64, base=1, limit=0,
    )  # fmt: skip
    PlanItem.objects.create(
        plan=plan, position=1, action="suspend", clause="absent_twice", member=held, candidate=True, result="held"
    )  # fmt: skip
    return ProvisioningRun.objects.create(
        unit=connection.unit, connection=connection, plan=plan, state="paused_by_guard", started_by=by
    )
