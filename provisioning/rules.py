"""Verbs of the provisioning rule, and of how a directory is followed. A rule changes only by a plan that is applied."""

from collections.abc import Mapping
from datetime import date, datetime

from django.db import transaction

from connections.models import Connection
from orgunits import audit, roles
from orgunits.models import User

from . import plans
from .models import DirectoryPolicy, Plan, ProvisioningRule

RULE_FIELDS = (
    "order", "name", "kind", "values", "attribute", "nested", "role", "time_zone", "working_hours", "welcome",
    "welcome_on", "on_leaving", "active",
)  # fmt: skip
REMOVED = {"removed": True}
POLICY_FIELDS = ("ask_first", "share", "floor", "most", "second_person")


def draft_of(rule: ProvisioningRule) -> dict[str, object]:
    """The rule as it is, in plain values: `welcome_on` as ISO text."""
    told = {name: getattr(rule, name) for name in RULE_FIELDS}
    return told | {"welcome_on": rule.welcome_on.isoformat() if rule.welcome_on else None}


@transaction.atomic
def create_rule(
    connection: Connection, draft: Mapping[str, object], *, by: User, now: datetime
) -> ProvisioningRule:
    """A new rule, switched off until a plan that switches it on is applied. Raises roles.NotGrantable."""
    _must_be_grantable(connection, draft["role"])
    rule = ProvisioningRule(unit=connection.unit, connection=connection, made_by=by, changed_at=now)
    _take(rule, {**draft, "active": False})
    rule.save()
    audit.record(connection.unit, "rule.created", rule, by=by, now=now, **_facts(rule))
    return rule


def plan_change(rule: ProvisioningRule, draft: Mapping[str, object], *, by: User, now: datetime) -> Plan:
    """What would happen if the rule were as `draft` says (RULE_FIELDS, or REMOVED). It is so from the moment the
    plan is applied. Raises roles.NotGrantable."""
    if "role" in draft:
        _must_be_grantable(rule.connection, draft["role"])
    whole = dict(draft) if draft.get("removed") else draft_of(rule) | dict(draft)
    return plans.request_plan(
        rule.connection, by=by, now=now, purpose=Plan.Purpose.RULE, rule=rule, draft=whole
    )


@transaction.atomic
def follow_draft(
    rule: ProvisioningRule, draft: Mapping[str, object], *, by: User | None, now: datetime
) -> None:
    """The rule becomes as drafted. Called by the run that applies the plan."""
    before = _facts(rule)
    if draft.get("removed"):
        rule.removed_at, rule.active = now, False
    else:
        _take(rule, draft)
    rule.changed_at, rule.made_by = now, by or rule.made_by
    rule.save()
    verb = "rule.removed" if rule.removed_at else "rule.changed"
    audit.record(rule.unit, verb, rule, by=by, now=now, before=before, after=_facts(rule))


def _must_be_grantable(connection: Connection, role: str) -> None:
    if roles.ROLES[role] not in roles.grantable_in(connection.unit):
        raise roles.NotGrantable


def _take(rule: ProvisioningRule, draft: Mapping[str, object]) -> None:
    for name in RULE_FIELDS:
        if name in draft:
            setattr(rule, name, draft[name])
    if isinstance(rule.welcome_on, str):
        rule.welcome_on = date.fromisoformat(rule.welcome_on)


def _facts(rule: ProvisioningRule) -> dict[str, object]:
    """What the log keeps of a rule: codes only, since values may be names."""
    return {"kind": rule.kind, "role": rule.role, "on_leaving": rule.on_leaving, "active": rule.active}


# --- how a directory is followed ----------------------------------------------------------------------------------
def policy_of(connection: Connection) -> DirectoryPolicy:
    """How the unit follows this directory; the usual way until somebody says otherwise."""
    policy, _made = DirectoryPolicy.objects.get_or_create(
        connection=connection, defaults={"unit_id": connection.unit_id}
    )
    return policy


@transaction.atomic
def set_policy(
    connection: Connection,
    *,
    ask_first: bool,
    share: int,
    floor: int,
    most: int,
    by: User,
    now: datetime,
    second_person: bool = False,
) -> DirectoryPolicy:
    """Set whether somebody looks at each plan first, how many members may go without anybody looking, and whether
    two people have to approve more."""
    policy = policy_of(connection)
    before = _policy_facts(policy)
    policy.ask_first, policy.share, policy.floor, policy.most = ask_first, share, floor, most
    policy.second_person = second_person
    policy.full_clean(exclude=["unit", "connection"])
    policy.save(update_fields=list(POLICY_FIELDS))
    audit.record(
        connection.unit, "policy.set", connection, by=by, now=now, before=before, after=_policy_facts(policy)
    )
    return policy


def _policy_facts(policy: DirectoryPolicy) -> dict[str, object]:
    return {name: getattr(policy, name) for name in POLICY_FIELDS}
