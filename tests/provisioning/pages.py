"""Rules and plans written straight into the database, for pages to show."""

from django.utils import timezone

from connections.models import Connection, DirectoryPerson
from orgunits.models import Member, User
from provisioning.models import Plan, PlanItem, ProvisioningRule, ProvisioningRun


def make_rule(connection: Connection, name: str = "Everybody", **fields) -> ProvisioningRule:
    """A rule that is on, for everybody, unless told."""
    fields = {"role": "employee", "active": True, **fields}
    return ProvisioningRule.objects.create(unit=connection.unit, connection=connection, name=name, **fields)


def make_plan(connection: Connection, state: str = "ready", **fields) -> Plan:
    """A plan of which the guard has nothing to say, unless told."""
    fields = {"outcome": "allowed" if state != "making" else "", **fields}
    return Plan.objects.create(unit=connection.unit, connection=connection, state=state, **fields)


def make_item(
    plan: Plan,
    action: str,
    clause: str,
    *,
    person: DirectoryPerson | None = None,
    member: Member | None = None,
    rule: ProvisioningRule | None = None,
    facts: dict | None = None,
    **fields,
) -> PlanItem:
    """The next item of the plan; the plan's counts follow."""
    item = PlanItem.objects.create(
        plan=plan,
        position=plan.items.count(),
        action=action,
        clause=clause,
        person=person,
        member=member,
        rule=rule,
        facts=facts or {},
        **fields,
    )
    plan.counts[action] = plan.counts.get(action, 0) + 1
    plan.clauses[clause] = plan.clauses.get(clause, 0) + 1
    plan.save(update_fields=["counts", "clauses"])
    return item


def make_run(plan: Plan, state: str = "succeeded", *, by: User | None = None, **fields) -> ProvisioningRun:
    """A run of the plan, which is taken by it."""
    Plan.objects.filter(pk=plan.pk).update(state="taken", state_since=timezone.now())
    fields = {
        "finished_at": timezone.now() if state not in {"running", "paused_by_guard"} else None,
        **fields,
    }
    return ProvisioningRun.objects.create(
        unit=plan.unit, connection=plan.connection, plan=plan, state=state, started_by=by, **fields
    )
