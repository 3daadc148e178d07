"""What a plan does with one person, in words. Pure: names are handed in."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _

from connections.reasons import REASONS
from orgunits.models import Member

from . import hours
from .clauses import WORDS, Clause
from .models import Plan, PlanItem
from .plan_digest import WORDS as STALE_WORDS
from .rule_words import role

Action = PlanItem.Action
TONES = {
    Action.ADD: "success",
    Action.CHANGE: "info",
    Action.SUSPEND: "danger",
    Action.SKIP: "neutral",
    Action.CONFLICT: "warning",
}
ICONS = {
    Action.ADD: "user-plus",
    Action.CHANGE: "user-edit",
    Action.SUSPEND: "user-pause",
    Action.SKIP: "player-skip-forward",
    Action.CONFLICT: "help-circle",
}
FIELDS = {
    "address": _("Address"),
    "given_name": _("First name"),
    "family_name": _("Last name"),
    "department": _("Department"),
    "time_zone": _("Time zone"),
    "working_hours": _("Working hours"),
    "state": _("Membership"),
}
# Of conflicts: whether the others in it are people of the directory or members.
OTHERS_ARE_PEOPLE = frozenset({Clause.TWO_PEOPLE, Clause.SAME_ADDRESS})


@dataclass(frozen=True)
class Line:
    """One thing that changes: what it is, before and after. Without `before` it is new, without `after` it ends."""

    label: str
    before: str = ""
    after: str = ""
    note: str = ""


def title(plan: Plan) -> str:
    """What a plan is called. Its rule is read along with it."""
    match plan.purpose:
        case Plan.Purpose.RULE if plan.rule is not None:
            return now_("Plan for the rule “%s”") % plan.rule.name
        case Plan.Purpose.AGAIN:
            return now_("Plan for those with whom it failed")
        case _:
            return now_("Plan")


def stale(plan: Plan) -> list[str]:
    """Why the plan is not what would be done now."""
    return [str(STALE_WORDS[code]) for code in plan.stale_because if code in STALE_WORDS]


def problem(plan: Plan) -> str:
    """Why the plan could not be made."""
    return str(REASONS[plan.problem].sentence if plan.problem in REASONS else _("Something went wrong here."))


def clause(code: str) -> str:
    """The sentence of a clause."""
    return str(WORDS[Clause(code)]) if code in Clause._value2member_map_ else code


def lines(item: PlanItem, rules: Mapping[int, str]) -> list[Line]:
    """All that changes, and what stays although the directory says otherwise. `rules`: names by key."""
    facts = item.facts
    found = [_change(*change) for change in facts.get("changes", ())]
    for rule, code in facts.get("gained", ()):
        found.append(Line(now_("Role"), after=role(code), note=_by(rules, rule)))
    stripped = set(facts.get("stripped", ()))
    for rule, code in facts.get("lost", ()):
        note = _by(rules, rule) if code in stripped else now_("keeps the role by other means")
        found.append(Line(now_("Role"), before=role(code), note=note))
    for name in facts.get("held", ()):
        found.append(Line(_field(name), note=now_("stays: it was set by hand or in the calendar")))
    for _rule, code in facts.get("withheld", ()):
        found.append(Line(now_("Role"), note=now_("%s stays for now") % role(code)))
    return found


def _by(rules: Mapping[int, str], key: int) -> str:
    return now_("by “%s”") % rules[key] if key in rules else ""


def _change(field: str, before: object, after: object, source: str = "") -> Line:
    note = ""
    if value(field, before) == value(field, after):
        note = now_("now as the directory has it")
    elif before and source in Member.Source.values and source != Member.Source.DIRECTORY:
        note = now_("was: %s") % Member.Source(source).label
    return Line(_field(field), value(field, before), value(field, after), note)


def _field(name: str) -> str:
    return str(FIELDS.get(name, name))


def value(field: str, told: object) -> str:
    """A value as people read it."""
    if not told:
        return ""
    if field == "working_hours" and isinstance(told, dict):
        return hours.in_short(told)
    if field == "state" and told in Member.State.values:
        return str(Member.State(told).label)
    return str(told)


def line_as_text(line: Line) -> str:
    """One line for a file of plain text."""
    arrow = f"{line.before or '–'} → {line.after or '–'}" if line.before or line.after else ""
    note = f"({line.note})" if line.note and arrow else line.note
    return f"{line.label}: {' '.join(filter(None, (arrow, note)))}"


# What a plan is for.
PURPOSES = {
    Plan.Purpose.BY_HAND: _("Asked for by hand."),
    Plan.Purpose.RULE: _("For the change of a rule. The rule changes only when the plan is applied."),
    Plan.Purpose.SCHEDULED: _("Made after a reading of the directory."),
    Plan.Purpose.AGAIN: _("Only with those with whom the run before failed."),
}
