"""People, members and rules for tests of the planner, and what a plan makes of them. No database."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from provisioning.clauses import Clause
from provisioning.plan import make_plan
from provisioning.plan_values import (
    BY_HAND,
    FROM_DIRECTORY,
    TOLD_FIELDS,
    Action,
    Item,
    Kind,
    Known,
    OnLeaving,
    Origin,
    Person,
    Plan,
    Rule,
    State,
    Told,
)

TODAY = date(2026, 3, 2)
ZONES = frozenset({"UTC", "Europe/Berlin", "America/New_York"})
assert all(ZoneInfo(zone) for zone in ZONES)
NEW = 1_000_000  # a new member's key is this above their person's


def person(key: int = 1, address: str = "ada@kube.example", **facts) -> Person:
    return Person(key, f"id-{key}", address, **facts)


def everybody(key: int = 1, order: int = 1, role: str = "employee", **facts) -> Rule:
    return Rule(key, order, Kind.EVERYBODY, role, **{"on_leaving": OnLeaving.SUSPEND, **facts})


def by_department(value: str, key: int = 2, order: int = 2, role: str = "coordinator", **facts) -> Rule:
    return Rule(key, order, Kind.DEPARTMENT, role, (value,), **facts)


def provided(person_key: int = 1, key: int = 10, address: str = "ada@kube.example", **facts) -> Known:
    """A member this directory brought, by the rule `everybody`."""
    return Known(
        key,
        address,
        **{"person": person_key, "origin": Origin.HERE, "roles_by_rule": {1: "employee"}, **facts},
    )


def by_hand(key: int = 20, address: str = "ada@kube.example", **facts) -> Known:
    """A member somebody added, with a role by hand."""
    return Known(key, address, **{"roles_by_hand": frozenset({"employee"}), **facts})


def told(**values: object) -> dict[str, Told]:
    return {name: Told(value, FROM_DIRECTORY) for name, value in values.items()}


def set_by_hand(**values: object) -> dict[str, Told]:
    return {name: Told(value, BY_HAND) for name, value in values.items()}


def plan_of(
    people: Iterable[Person] = (), members: Iterable[Known] = (), rules: Iterable[Rule] = (), **facts
) -> Plan:
    return make_plan(people, members, rules, **{"today": TODAY, "zones": ZONES, **facts})


def decided(item: Item) -> tuple[Action, Clause]:
    return item.action, item.clause


def only_item(*args, **facts) -> Item:
    """The one item of the plan."""
    [item] = plan_of(*args, **facts).items
    return item


def after(members: Iterable[Known], plan: Plan) -> list[Known]:
    """The members as they are when the plan was applied, item by item in its order.

    Fails where an item takes an address that somebody has at that moment.
    """
    now = {member.key: member for member in members}
    for item in plan.to_do():
        if item.action == Action.ADD:
            member = Known(NEW + item.person, "", person=item.person, origin=Origin.HERE)
        else:
            member = now[item.member]
        changed = _applied(member, item)
        rivals = {other.address for other in now.values() if other.state != State.REMOVED} - {member.address}
        assert changed.address not in rivals
        now[changed.key] = changed
    return list(now.values())


def _applied(member: Known, item: Item) -> Known:
    values = {change.field: change.after for change in item.changes}
    roles = dict(member.roles_by_rule)
    for grant in item.lost:
        assert roles.pop(grant.rule) == grant.role
    roles |= {grant.rule: grant.role for grant in item.gained}
    address = values.get("address", member.address)
    facts = {
        "address": address,
        "aliases": member.aliases if address == member.address else (*member.aliases, member.address),
        "state": State(values.get("state", member.state)),
        "fields": {**member.fields, **told(**{n: v for n, v in values.items() if n in TOLD_FIELDS})},
        "roles_by_rule": roles,
    }
    if "state" in values:
        facts["suspended_by_run"] = values["state"] == State.SUSPENDED
    if item.links:
        facts |= {"person": item.person, "employee_id": "", "gone_elsewhere": False}
        if member.origin == Origin.ELSEWHERE:
            facts["origin"] = Origin.HERE
    return replace(member, **facts)
