"""A unit that follows a directory, without a provider: people as rows, readings as rows, jobs done on the spot."""

from datetime import datetime, timedelta

from django.utils import timezone

from connections import directories
from connections.models import Connection, DirectoryPerson, DirectoryReading
from orgunits.models import Member, User
from orgunits.names import sort_key
from provisioning import following, plans, rules, runs
from provisioning.models import Plan, ProvisioningRule, ProvisioningRun

NOW = timezone.now
NAMES = [f"person{n:02}@kube.example" for n in range(20)]


def directory_of(company, provider: str = "google") -> Connection:
    """An active directory connection that nobody ever read."""
    connection = directories.create_directory(company.unit, provider, by=company.olga, now=NOW())
    Connection.objects.filter(pk=connection.pk).update(state="active", connected_at=NOW())
    connection.refresh_from_db()
    return connection


def tell(connection: Connection, *addresses: str, **facts) -> list[DirectoryPerson]:
    """People the directory tells of, with the facts given to all of them."""
    now = NOW()
    return [
        DirectoryPerson.objects.create(
            unit_id=connection.unit_id, connection=connection, external_id=f"id-{address}", address=address,
            sort_key=sort_key(address), digest=address[:32], first_seen_at=now, changed_at=now, **facts,
        )
        for address in addresses
    ]  # fmt: skip


def was_read(connection: Connection, *, at: datetime | None = None, **facts) -> DirectoryReading:
    """A whole reading that came to its end."""
    at = at or NOW()
    told = connection.directory_people.filter(absences=0).count()
    return DirectoryReading.objects.create(
        unit_id=connection.unit_id, connection=connection, started_at=at, finished_at=at + timedelta(seconds=1),
        **{"state": "complete", "people": told, "asked": "same", **facts},
    )  # fmt: skip


def everybody_rule(connection: Connection, by: User, **facts) -> ProvisioningRule:
    """A rule for everybody, switched on by a plan that is not applied yet: by the row alone."""
    draft = {"name": "Everybody", "kind": "everybody", "role": "employee", "on_leaving": "suspend", **facts}
    rule = rules.create_rule(connection, draft, by=by, now=NOW())
    ProvisioningRule.objects.filter(pk=rule.pk).update(active=True)
    rule.refresh_from_db()
    return rule


def planned(connection: Connection, by: User, **facts) -> Plan:
    plan = plans.request_plan(connection, by=by, now=NOW(), **facts)
    plans.make(plan, now=NOW())
    plan.refresh_from_db()
    return plan


def done(run: ProvisioningRun) -> ProvisioningRun:
    """The run after all its jobs."""
    while runs.go_on(fresh(run), now=NOW()):
        pass
    return fresh(run)


def fresh(run: ProvisioningRun) -> ProvisioningRun:
    return ProvisioningRun.objects.select_related("unit", "connection", "plan", "started_by").get(pk=run.pk)


def looked(connection: Connection) -> ProvisioningRun | None:
    """What the portal does by itself after a reading."""
    run = following.look(Connection.objects.get(pk=connection.pk), now=NOW())
    return done(run) if run else None


def members_by_address(company) -> dict[str, Member]:
    return {member.email: member for member in company.unit.members.exclude(state="removed")}


def applied(connection, company, **facts) -> ProvisioningRun:
    plan = planned(connection, company.olga, **facts)
    assert plan.state == Plan.State.READY, plan.problem
    return done(plans.apply_plan(plan, by=company.olga, now=timezone.now()))


def onboarded(connection, company, names=NAMES):
    """Everybody of the directory is a member by the rule."""
    people = tell(connection, *names, given_name="Ada", family_name="Berg")
    was_read(connection, at=timezone.now() - timedelta(days=3))
    rule = everybody_rule(connection, company.olga)
    run = applied(connection, company)
    assert run.state == "succeeded"
    return rule, people


def leave(connection, people, absences=2):
    for person in people:
        connection.directory_people.filter(pk=person.pk).update(
            absences=absences, absent_since=timezone.now() - timedelta(days=1)
        )
    was_read(connection)
