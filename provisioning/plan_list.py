"""What the page of a plan shows: the plan with what came after it, and its items, filtered and paged."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, Count, Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, JSONObject

from connections.models import DirectoryPerson
from orgunits.models import Member, OrganizationalUnit
from orgunits.names import sort_key
from orgunits.paging import Page, page_of

from . import plan_words
from .clauses import APPROVABLE, Clause
from .models import PairDecision, Plan, PlanItem, ProvisioningRule

PAGE_SIZE = 50
EXPORTED_AT_A_TIME = 500
# Clauses by which nothing ever happens with somebody: they are counted, and have no row.
ROWLESS = frozenset(
    {
        Clause.UNCHANGED,
        Clause.ABSENT_ONCE,
        Clause.INCOMPLETE,
        Clause.RULE_KEEPS,
        Clause.HELD_BY_NONE,
        Clause.ALREADY_SUSPENDED,
        Clause.SUSPENDED_BY_HAND,
    }
)
Action, Welcome = PlanItem.Action, ProvisioningRule.Welcome


@dataclass(frozen=True)
class Chosen:
    """What the items are narrowed to; empty values do not narrow."""

    q: str = ""
    action: str = ""
    clause: str = ""
    rule: str = ""  # public id
    candidates: bool = False

    @property
    def narrows(self) -> bool:
        return self != Chosen()


def plan_of(unit: OrganizationalUnit, plan_id: str) -> Plan | None:
    """The unit's plan with this public id. `decided_since`: somebody decided about a person after it was made;
    `added_by`: how many each rule adds, and whether it welcomes them; `rules_told`: all rules of the directory."""
    decided = PairDecision.objects.filter(
        unit=unit, person__connection=OuterRef("connection"), decided_at__gt=OuterRef("made_at")
    )
    added = PlanItem.objects.filter(plan=OuterRef("pk"), action=Action.ADD).order_by()
    counted = added.values("rule", "rule__welcome").annotate(number=Count("pk"))
    counted = counted.values(told=JSONObject(rule="rule", welcome="rule__welcome", number="number"))
    rules = ProvisioningRule.objects.filter(connection=OuterRef("connection")).order_by("order", "pk")
    rules = rules.values(told=JSONObject(key="pk", public_id="public_id", name="name"))
    rows = unit.plans.filter(public_id=plan_id).annotate(
        decided_since=Exists(decided), added_by=ArraySubquery(counted), rules_told=ArraySubquery(rules)
    )
    return rows.select_related("unit", "connection__unit", "made_by", "rule", "run").first()


@dataclass(frozen=True)
class Mails:
    """How many welcome mails a plan would send: at once, and on the day a rule names."""

    at_once: int = 0
    later: int = 0


def welcome_mails(plan: Plan) -> Mails:
    """Counted by the rules as they will be when `plan`, read by `plan_of`, is applied."""
    found = {Welcome.NOW: 0, Welcome.ON_DATE: 0, Welcome.OFF: 0}
    for added in plan.added_by:
        welcome = added["welcome"] or Welcome.OFF
        if plan.rule_id is not None and added["rule"] == plan.rule_id:
            welcome = (plan.draft or {}).get("welcome", welcome)
        found[welcome] += added["number"]
    return Mails(found[Welcome.NOW], found[Welcome.ON_DATE])


def items(plan: Plan, chosen: Chosen) -> QuerySet[PlanItem]:
    """The plan's items that fit."""
    rows = plan.items.all()
    if chosen.action:
        rows = rows.filter(action=chosen.action)
    if chosen.clause:
        rows = rows.filter(clause=chosen.clause)
    if chosen.rule:
        rows = rows.filter(rule__public_id=chosen.rule)
    if chosen.candidates:
        rows = rows.filter(candidate=True)
    return named(rows, chosen.q)


def named(rows: QuerySet[PlanItem], words: str) -> QuerySet[PlanItem]:
    """Those of `rows` whose person's or member's name holds the words, or whose address begins with them."""
    words = words.strip()
    if not words:
        return rows
    key, start = sort_key(words), words.lower()
    return rows.filter(
        Q(person__sort_key__contains=key)
        | Q(person__address__startswith=start)
        | Q(member__sort_key__contains=key)
        | Q(member__email__startswith=start)
    )


def to_decide(plan: Plan, chosen: Chosen = Chosen()) -> QuerySet[PlanItem]:
    """Of the items that fit, those about which somebody can say whether two are one."""
    return items(plan, chosen).filter(action=Action.CONFLICT, clause__in=APPROVABLE)


def number_of(plan: Plan, chosen: Chosen) -> int | None:
    """How many items fit, where the plan's own counts tell; None: it would have to be counted."""
    counts = {action: number for action, number in plan.counts.items() if action in Action.values}
    if chosen == Chosen(action=chosen.action):
        return counts.get(chosen.action, 0) if chosen.action else sum(counts.values())
    return plan.candidates if chosen == Chosen(candidates=True) else None


def page_of_items(rows: QuerySet[PlanItem], plan: Plan, *, after: str) -> Page:
    """One page in the plan's order, each item in words; two queries."""
    decided = PairDecision.objects.filter(person=OuterRef("person"), decided_at__gt=plan.made_at)
    decided = decided.order_by("-decided_at").values("same")[:1]
    rows = rows.select_related("person", "member").annotate(decided=Subquery(decided))
    page = page_of(rows, ("position",), after=after, size=PAGE_SIZE)
    dress(page.rows, plan)
    return page


def exported(rows: QuerySet[PlanItem], plan: Plan) -> Iterator[PlanItem]:
    """All that fit in the plan's order, each in words, read in slices."""
    found = (
        rows.select_related("person", "member").order_by("position").iterator(chunk_size=EXPORTED_AT_A_TIME)
    )
    while some := list(islice(found, EXPORTED_AT_A_TIME)):
        dress(some, plan)
        yield from some


def dress(rows: Iterable[PlanItem], plan: Plan) -> None:
    """Give items their words: whom they are about, why, by which rule, what changes, and who else is in it."""
    rows = list(rows)
    people, members = set(), set()
    for row in rows:
        of_people = row.clause in plan_words.OTHERS_ARE_PEOPLE
        (people if of_people else members).update(row.facts.get("others", ()))
    names = _names(plan, people, members)
    rules = {rule["key"]: rule["name"] for rule in plan.rules_told}
    for row in rows:
        row.label, row.address = _whom(row)
        row.why = plan_words.clause(row.clause)
        row.rule_name = rules.get(row.rule_id, "")
        row.also = [rules[key] for key in row.facts.get("also", ()) if key in rules]
        row.lines = plan_words.lines(row, rules)
        row.tone, row.icon = plan_words.TONES[row.action], plan_words.ICONS[row.action]
        found = names["person" if row.clause in plan_words.OTHERS_ARE_PEOPLE else "member"]
        row.others = [found[key] for key in row.facts.get("others", ()) if key in found]
        row.one_of = row.others if row.clause == Clause.TWO_MEMBERS and row.action == Action.CONFLICT else []
        row.pair = row.member if row.action == Action.CONFLICT and row.person and row.member else None
        row.decidable = row.action == Action.CONFLICT and row.clause in APPROVABLE and row.person_id


def _whom(row: PlanItem) -> tuple[str, str]:
    """Name and address: as the directory tells them, else as the member has them."""
    if row.person is not None:
        return str(row.person), row.person.address
    if row.member is not None:
        return row.member.name, row.member.email
    return "", ""


@dataclass(frozen=True)
class Other:
    """Somebody else in a conflict."""

    public_id: str
    name: str


def _names(plan: Plan, people: set[int], members: set[int]) -> dict[str, dict[int, Other]]:
    """Who other people and other members are, by their keys; one query at most."""
    names: dict[str, dict[int, Other]] = {"person": {}, "member": {}}
    told = DirectoryPerson.objects.filter(connection=plan.connection_id, pk__in=people)
    known = Member.objects.filter(unit=plan.unit_id, pk__in=members)
    rows = _called("person", told, "sort_key", "address")
    if people and members:
        rows = rows.union(_called("member", known, "sort_key", "email"), all=True)
    elif members:
        rows = _called("member", known, "sort_key", "email")
    if people or members:
        for what, key, public_id, name, address in rows:
            names[what][key] = Other(public_id, address or name)
    return names


def _called(what: str, rows: QuerySet, name: str, address: str) -> QuerySet:
    text = CharField()
    columns = (Value(what, output_field=text), "pk", "public_id", Cast(name, text), Cast(address, text))
    return rows.order_by().values_list(*columns)


@dataclass(frozen=True)
class Reason:
    """A clause in the summary: how many it decided, and whether they have rows to look at."""

    code: str
    words: str
    number: int
    listed: bool


def reasons(plan: Plan) -> list[Reason]:
    """Why the plan does what it does, the most frequent reason first."""
    found = [
        Reason(code, plan_words.clause(code), number, code not in ROWLESS)
        for code, number in plan.clauses.items()
        if number
    ]
    return sorted(found, key=lambda one: (-one.number, one.code))
