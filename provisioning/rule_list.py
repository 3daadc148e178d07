"""What the pages about rules show: a unit's directories with the rules of each, and what came of them last."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from connections.directory_list import last_complete_at
from connections.models import Connection, DirectoryGroup, DirectoryPerson
from connections.modes import Extra
from connections.states import Shown, State, shown
from orgunits.models import OrganizationalUnit
from orgunits.names import sort_key

from . import rule_words
from .models import Plan, ProvisioningRule, ProvisioningRun, RuleGrant
from .plan_values import Kind

DIRECTORIES_SHOWN = 20
GROUPS_SHOWN = 20
SUGGESTED = 30
LOOKED_AT = 200  # people, for the names of attributes
OPEN = (Plan.State.MAKING, Plan.State.READY)


@dataclass
class Followed:
    """One directory of the unit: how it is, its rules, and what is to be done or was done by them."""

    connection: Connection
    state: Shown
    rules: list[ProvisioningRule] = field(default_factory=list)
    plan: Plan | None = None  # that waits to be applied, or is being made
    run: ProvisioningRun | None = None  # the last one


def followed(unit: OrganizationalUnit) -> list[Followed]:
    """The unit's directories that are not disconnected, the oldest first; four queries whatever their number."""
    own = OuterRef("pk")
    rows = (
        unit.connections.directories()
        .exclude(state=State.DISCONNECTED)
        .select_related("unit", "policy")
        .annotate(
            last_complete_at=last_complete_at(),
            last_plan=_newest(Plan.objects.filter(connection=own, state__in=OPEN), "-made_at"),
            last_run=_newest(ProvisioningRun.objects.filter(connection=own), "-started_at"),
        )
    )
    found = {row.pk: Followed(row, shown(row)) for row in rows.order_by("pk")[:DIRECTORIES_SHOWN]}
    wanted = [one.connection for one in found.values()]
    plans = Plan.objects.filter(
        Q(pk__in=[row.last_plan for row in wanted]) | Q(run__in=[row.last_run for row in wanted])
    )
    for plan in plans.select_related("made_by", "rule", "run__started_by"):
        if plan.state in OPEN:
            found[plan.connection_id].plan = plan
        else:
            found[plan.connection_id].run = plan.run
            plan.run.plan = plan
    for rule in rules_of(found):
        found[rule.connection_id].rules.append(rule)
    _name_sources([rule for one in found.values() for rule in one.rules])
    return list(found.values())


def _newest(rows: QuerySet, order: str) -> Subquery:
    return Subquery(rows.order_by(order).values("pk")[:1])


def rules_of(connections: Iterable[int]) -> QuerySet[ProvisioningRule]:
    """The rules of these directories in their order, each with how many `members` hold a role by it."""
    holders = RuleGrant.objects.filter(rule=OuterRef("pk")).order_by().values("rule")
    return (
        ProvisioningRule.objects.filter(connection__in=connections, removed_at=None)
        .annotate(members=Coalesce(Subquery(holders.annotate(number=Count("pk")).values("number")), 0))
        .order_by("connection", "order", "pk")
    )


def _name_sources(rules: list[ProvisioningRule]) -> None:
    """Give each rule its words; one query when any of them is for a group."""
    wanted = {value for rule in rules if rule.kind == Kind.GROUP for value in rule.values}
    names = {}
    if wanted:
        groups = DirectoryGroup.objects.filter(
            connection__in={rule.connection_id for rule in rules}, external_id__in=wanted
        )
        names = {(group.connection_id, group.external_id): str(group) for group in groups}
    for rule in rules:
        own = {key: name for (connection, key), name in names.items() if connection == rule.connection_id}
        rule.source_words = rule_words.source(rule, own)
        rule.settings_words = rule_words.settings(rule)
        rule.role_name = rule_words.role(rule.role)


def changes_of(plan: Plan) -> list[rule_words.Difference]:
    """What becomes different about the plan's rule, when it is applied; one query where groups are named."""
    if plan.rule is None or not plan.draft:
        return []
    drafted = rule_words.as_drafted(plan.rule, plan.draft)
    groups = {}
    wanted = {value for rule in (plan.rule, drafted) if rule.kind == Kind.GROUP for value in rule.values}
    if wanted:
        rows = DirectoryGroup.objects.filter(connection=plan.connection_id, external_id__in=wanted)
        groups = {group.external_id: str(group) for group in rows}
    return rule_words.differences(plan.rule, drafted, groups)


# --- what the form of a rule offers ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class Suggestions:
    """What a directory told, to choose from; the most common first."""

    departments: list[str]
    paths: list[str]
    attributes: list[str]


def suggestions(connection: Connection) -> Suggestions:
    """Departments, paths and names of attributes; three queries."""
    people = DirectoryPerson.objects.filter(
        connection=connection, kind=DirectoryPerson.Kind.PERSON, absent_since=None, deleted_at=None
    )
    told = people.order_by("pk").values_list("attributes", flat=True)[:LOOKED_AT]
    names = {name for attributes in told for name, value in attributes.items() if value}
    return Suggestions(_common(people, "department"), _common(people, "path"), sorted(names))


def _common(people: QuerySet[DirectoryPerson], column: str) -> list[str]:
    counted = people.exclude(**{column: ""}).values(column).annotate(number=Count("pk"))
    return list(counted.order_by("-number", column).values_list(column, flat=True)[:SUGGESTED])


def reads_groups(connection: Connection) -> bool:
    """Whether the directory was allowed to be asked for its groups."""
    return Extra.GROUPS in connection.extras


def groups_called(connection: Connection, words: str, chosen: Iterable[str]) -> list[DirectoryGroup]:
    """The chosen groups, and some of those whose name holds the words or whose address begins with them."""
    rows = DirectoryGroup.objects.filter(connection=connection)
    chosen = list(chosen)
    found = list(rows.filter(external_id__in=chosen).order_by("sort_key", "pk")) if chosen else []
    fits = Q(absent_since=None)
    if words := words.strip():
        fits &= Q(sort_key__contains=sort_key(words)) | Q(address__startswith=words.lower())
    others = rows.filter(fits).exclude(external_id__in=chosen).order_by("sort_key", "pk")[:GROUPS_SHOWN]
    return found + list(others)
