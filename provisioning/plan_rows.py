"""A plan as rows and back: what was stored is what is applied, field for field."""

from collections.abc import Iterable

from .clauses import Clause
from .models import Plan, PlanItem
from .plan_values import Action, Change, Grant, Item
from .plan_values import Plan as PlannedPlan

AT_A_TIME = 2000


def store_items(plan: Plan, items: Iterable[Item]) -> None:
    """Write the items that have somebody to act on or to decide about; with whom nothing happens has no row."""
    rows = []
    for position, item in enumerate(one for one in items if one.action != Action.NOTHING):
        rows.append(_row(plan, position, item))
        if len(rows) == AT_A_TIME:
            PlanItem.objects.bulk_create(rows)
            rows = []
    PlanItem.objects.bulk_create(rows)


def _row(plan: Plan, position: int, item: Item) -> PlanItem:
    return PlanItem(
        plan=plan,
        position=position,
        action=item.action,
        clause=item.clause,
        person_id=item.person,
        member_id=item.member,
        rule_id=item.rule,
        facts=_facts(item),
        candidate=item.takes_something,
        ops_admin=item.ops_admin,
        result=PlanItem.Result.TODO if item.does_something else PlanItem.Result.NONE,
    )


def _facts(item: Item) -> dict:
    told = {
        "also": list(item.also),
        "changes": [[one.field, one.before, one.after, one.source] for one in item.changes],
        "gained": [[one.rule, one.role] for one in item.gained],
        "lost": [[one.rule, one.role] for one in item.lost],
        "stripped": list(item.stripped),
        "held": list(item.held),
        "withheld": [[one.rule, one.role] for one in item.withheld],
        "others": list(item.others),
        "links": item.links,
        "turn": item.turn,
    }
    return {name: value for name, value in told.items() if value}


def as_item(row: PlanItem) -> Item:
    """The item that was stored."""
    facts = row.facts
    return Item(
        action=Action(row.action),
        clause=Clause(row.clause),
        person=row.person_id,
        member=row.member_id,
        rule=row.rule_id,
        also=tuple(facts.get("also", ())),
        changes=tuple(Change(*one) for one in facts.get("changes", ())),
        gained=tuple(Grant(*one) for one in facts.get("gained", ())),
        lost=tuple(Grant(*one) for one in facts.get("lost", ())),
        stripped=tuple(facts.get("stripped", ())),
        held=tuple(facts.get("held", ())),
        withheld=tuple(Grant(*one) for one in facts.get("withheld", ())),
        links=facts.get("links", False),
        others=tuple(facts.get("others", ())),
        ops_admin=row.ops_admin,
        turn=facts.get("turn", 0),
    )


def as_plan(plan: Plan) -> PlannedPlan:
    """The whole plan that was stored, without those with whom nothing happens."""
    rows = plan.items.order_by("position").iterator(chunk_size=AT_A_TIME)
    return PlannedPlan(tuple(as_item(row) for row in rows), plan.incomplete, plan.rules)
