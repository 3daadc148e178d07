"""What a plan is made from: rows of people, members and rules as the planner's plain values; and their fingerprint.

Rows are read narrow and in one go: a plan is about everybody.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace

from django.db.models import Q

from connections import directories
from connections.models import Connection, DirectoryGroup, DirectoryPerson
from orgunits.models import Member, RoleGrant
from orgunits.roles import OPS_ADMIN

from .models import Kept, Offboarding, PairDecision, ProvisioningRule, RuleGrant
from .plan_values import ASSUMED, NAMES, Kind, Known, OnLeaving, Origin, Person, Rule, State, Told

AT_A_TIME = 5000
LONGEST = {name: Member._meta.get_field(name).max_length for name in NAMES}


@dataclass(frozen=True)
class Inputs:
    """All that `plan.make_plan` takes, but the clock."""

    people: list[Person]
    members: list[Known]
    rules: list[Rule]
    approved: frozenset[tuple[int, int]]
    declined: frozenset[tuple[int, int]]


def inputs_of(
    connection: Connection, *, rule: ProvisioningRule | None = None, draft: Mapping[str, object] | None = None
) -> Inputs:
    """The inputs as they are now; with `draft` (rules.RULE_FIELDS), as if `rule` were so already."""
    rules = rules_of(connection)
    if rule is not None:
        rules = [one for one in rules if one.key != rule.pk]
        rules += [] if draft.get("removed") else [as_drafted(rule, draft)]
    decisions = PairDecision.objects.filter(person__connection=connection)
    pairs = {True: set(), False: set()}
    for same, person, member in decisions.values_list("same", "person_id", "member_id"):
        pairs[same].add((person, member))
    return Inputs(
        people=list(people_of(connection, rules)),
        members=members_of(connection),
        rules=rules,
        approved=frozenset(pairs[True]),
        declined=frozenset(pairs[False]),
    )


# --- rules --------------------------------------------------------------------------------------------------------
def rules_of(connection: Connection) -> list[Rule]:
    """The rules of a directory, those that are switched off included."""
    rows = ProvisioningRule.objects.filter(connection=connection, removed_at=None)
    return [as_rule(row) for row in rows.order_by("order", "pk")]


def as_rule(row: ProvisioningRule) -> Rule:
    """A rule as the planner reads it."""
    return Rule(
        key=row.pk,
        order=row.order,
        kind=Kind(row.kind),
        role=row.role,
        values=tuple(row.values),
        attribute=row.attribute,
        nested=row.nested,
        time_zone=row.time_zone,
        working_hours=row.working_hours,
        on_leaving=OnLeaving(row.on_leaving),
        active=row.active and row.removed_at is None,
        name=row.name,
    )


def as_drafted(row: ProvisioningRule, draft: Mapping[str, object]) -> Rule:
    """The rule as the draft would have it."""
    names = {field.name for field in fields(Rule)} & set(draft)
    told = {name: draft[name] for name in names}
    for name, kind in (("kind", Kind), ("on_leaving", OnLeaving), ("values", tuple)):
        if name in told:
            told[name] = kind(told[name])
    return replace(as_rule(row), **told)


# --- people -------------------------------------------------------------------------------------------------------
def people_of(connection: Connection, rules: Iterable[Rule]) -> Iterator[Person]:
    """Everybody a directory ever told of, who is a person, with the groups that `rules` ask for."""
    nested, direct, everybody = _memberships(connection, rules)
    kept = dict(
        Kept.objects.filter(member__directory_people__connection=connection).values_list("member_id", "until")
    )
    # Entra's disabled accounts without a name look like shared mailboxes; whoever was a member by one has left.
    nameless = Q(kind=DirectoryPerson.Kind.SHARED, enabled=False, member__isnull=False)
    rows = DirectoryPerson.objects.filter(
        Q(kind=DirectoryPerson.Kind.PERSON) | nameless, connection=connection
    )
    columns = rows.order_by("pk").values_list(
        "pk", "external_id", "address", "aliases", "given_name", "family_name", "department", "path",
        "employee_id", "time_zone", "attributes", "enabled", "absences", "deleted_at", "member_id",
    )  # fmt: skip
    for (
        pk, external_id, address, aliases, given_name, family_name, department, path, employee_id, time_zone,
        attributes, enabled, absences, deleted_at, member,
    ) in columns.iterator(chunk_size=AT_A_TIME):  # fmt: skip
        yield Person(
            key=pk,
            external_id=external_id,
            address=address,
            aliases=tuple(aliases),
            given_name=given_name[: LONGEST["given_name"]],
            family_name=family_name[: LONGEST["family_name"]],
            department=department[: LONGEST["department"]],
            path=path,
            employee_id=employee_id,
            time_zone=time_zone,
            attributes=attributes,
            enabled=enabled,
            absences=absences,
            deleted=deleted_at is not None,
            groups=frozenset(nested.get(pk, ())) | everybody,
            direct_groups=frozenset(direct.get(pk, ())) | everybody,
            kept_until=kept.get(member),
        )


def _memberships(
    connection: Connection, rules: Iterable[Rule]
) -> tuple[Mapping[int, set[str]], Mapping[int, set[str]], frozenset[str]]:
    """For the groups that rules name: who is in them through other groups too, who directly, and which hold all."""
    nested, direct = defaultdict(set), defaultdict(set)
    wanted = {value for rule in rules if rule.kind == Kind.GROUP and rule.active for value in rule.values}
    if not wanted:
        return nested, direct, frozenset()
    groups = {
        pk: (external_id, everybody)
        for pk, external_id, everybody in _told(connection).values_list("pk", "external_id", "everybody")
    }
    children = defaultdict(set)
    nesting = DirectoryGroup.children.through.objects.filter(from_directorygroup__connection=connection)
    for parent, child in nesting.values_list("from_directorygroup_id", "to_directorygroup_id"):
        if child in groups:
            children[parent].add(child)
    inside = defaultdict(set)  # group: the wanted groups it is in
    whole = set()
    for pk, (external_id, _all) in groups.items():
        if external_id not in wanted:
            continue
        for group in _descendants(pk, children):
            inside[group].add(external_id)
            if groups[group][1]:
                whole.add(external_id)
    through = DirectoryGroup.members.through.objects.filter(directorygroup__in=list(inside))
    pairs = through.values_list("directorygroup_id", "directoryperson_id").iterator(chunk_size=AT_A_TIME)
    for group, person in pairs:
        nested[person] |= inside[group]
        if groups[group][0] in wanted:
            direct[person].add(groups[group][0])
    return nested, direct, frozenset(whole)


def _told(connection: Connection):
    """The groups of a directory. One that is missing for the first time counts as it was: one bad answer is not
    enough for a group either."""
    last = directories.last_complete(connection)
    rows = DirectoryGroup.objects.filter(connection=connection)
    if last is None:
        return rows
    return rows.filter(Q(absent_since=None) | Q(absent_since__gte=last.started_at))


def _descendants(group: int, children: Mapping[int, set[int]]) -> set[int]:
    """The group and all groups in it, however deep; groups that contain each other end the walk too."""
    found, waiting = {group}, [group]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


# --- members ------------------------------------------------------------------------------------------------------
def members_of(connection: Connection) -> list[Known]:
    """Everybody of the unit as the planner for one directory sees them; removed ones while they are linked."""
    unit = connection.unit_id
    persons = _persons_of_members(unit)
    roles_by_rule, by_hand, admins = defaultdict(dict), defaultdict(set), set()
    for member, rule, role in RuleGrant.objects.filter(rule__unit=unit).values_list(
        "member_id", "rule_id", "role"
    ):
        roles_by_rule[member][rule] = role
    grants = RoleGrant.objects.filter(unit=unit, application=None)
    for member, role, hand in grants.values_list("member_id", "role", "by_hand"):
        if role == OPS_ADMIN.code:
            admins.add(member)
        if hand:
            by_hand[member].add(role)
    leaving = set(
        Offboarding.objects.filter(unit=unit, undone_at=None, ended_at=None)
        .exclude(clause="")
        .values_list("member_id", flat=True)
    )
    kept = dict(Kept.objects.filter(unit=unit).values_list("member_id", "until"))
    rows = Member.objects.filter(unit=unit, erased_at=None)
    rows = rows.filter(~Q(state=Member.State.REMOVED) | Q(directory_people__isnull=False))
    columns = rows.order_by("pk").values_list(
        "pk", "email", "state", "came_by", "given_name", "family_name", "department", "name_sources",
        "time_zone", "time_zone_source", "working_hours", "working_hours_source",
    )  # fmt: skip
    found = []
    for (
        pk, email, state, came_by, given, family, department, sources, zone, zone_source, hours, hours_source,
    ) in columns.iterator(chunk_size=AT_A_TIME):  # fmt: skip
        person = persons.get(pk)
        found.append(
            Known(
                key=pk,
                address=email,
                state=State(state),
                person=person.key if person else None,
                origin=_origin(came_by, person, connection),
                employee_id=person.employee_id if person and person.connection != connection.pk else "",
                gone_elsewhere=bool(person and person.connection != connection.pk and person.gone),
                ops_admin=pk in admins,
                fields={
                    "given_name": Told(given, sources.get("given_name", ASSUMED)),
                    "family_name": Told(family, sources.get("family_name", ASSUMED)),
                    "department": Told(department, sources.get("department", ASSUMED)),
                    "time_zone": Told(zone, zone_source),
                    "working_hours": Told(hours, hours_source),
                },
                roles_by_rule=roles_by_rule.get(pk, {}),
                roles_by_hand=frozenset(by_hand.get(pk, ())),
                kept_until=kept.get(pk),
                suspended_by_run=pk in leaving,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _Linked:
    """The person behind a member, in whatever directory of the unit."""

    key: int
    connection: int
    employee_id: str
    gone: bool


def _persons_of_members(unit: int) -> dict[int, _Linked]:
    rows = DirectoryPerson.objects.filter(unit=unit, member__isnull=False)
    columns = rows.values_list("member_id", "pk", "connection_id", "employee_id", "absences", "deleted_at")
    return {
        member: _Linked(pk, connection, employee_id, absences > 0 or deleted_at is not None)
        for member, pk, connection, employee_id, absences, deleted_at in columns.iterator(
            chunk_size=AT_A_TIME
        )
    }


def _origin(came_by: str, person: _Linked | None, connection: Connection) -> Origin:
    """Who brought the member. Brought by a directory of which nothing is left, they wait to be adopted anew."""
    if came_by != Member.CameBy.DIRECTORY:
        return Origin.HAND
    return Origin.HERE if person is not None and person.connection == connection.pk else Origin.ELSEWHERE
