"""What a plan would do, as one number to compare; and why a stored plan is not what would be done now. Pure."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from enum import StrEnum
from hashlib import sha256

from django.utils.translation import gettext_lazy as _

from .plan_values import Action, Item, Plan, Rule


class Stale(StrEnum):
    """What has happened since a plan was made."""

    RULES = "rules"
    READING = "reading"
    MORE_ADDED = "more_added"
    MORE_CHANGED = "more_changed"
    MORE_SUSPENDED = "more_suspended"
    FEWER_ADDED = "fewer_added"
    FEWER_CHANGED = "fewer_changed"
    FEWER_SUSPENDED = "fewer_suspended"
    NEW_CONFLICT = "new_conflict"
    OTHER_ACTION = "other_action"
    OTHER_VALUES = "other_values"
    OTHER_LOSSES = "other_losses"
    NOT_BEGUN = "not_begun"


WORDS = {
    Stale.RULES: _("A rule was changed."),
    Stale.READING: _("The directory was read completely then and is not now, or the other way round."),
    Stale.MORE_ADDED: _("More people would be added."),
    Stale.MORE_CHANGED: _("More members would be changed."),
    Stale.MORE_SUSPENDED: _("More members would be suspended."),
    Stale.FEWER_ADDED: _("Somebody is not to be added any more, or was added meanwhile."),
    Stale.FEWER_CHANGED: _("Somebody is not to be changed any more, or was changed meanwhile."),
    Stale.FEWER_SUSPENDED: _("Somebody is not to be suspended any more, or was suspended meanwhile."),
    Stale.NEW_CONFLICT: _("What could be done then needs a decision now."),
    Stale.OTHER_ACTION: _("Something else is to be done with somebody."),
    Stale.OTHER_VALUES: _("Somebody would get other values or roles."),
    Stale.OTHER_LOSSES: _(
        "By hand, somebody was given a role or lost one, so that the plan would take something else."
    ),
    Stale.NOT_BEGUN: _("Its run was ended before it did anything."),
}
_MORE = {
    Action.ADD: Stale.MORE_ADDED,
    Action.CHANGE: Stale.MORE_CHANGED,
    Action.SUSPEND: Stale.MORE_SUSPENDED,
}
_FEWER = {
    Action.ADD: Stale.FEWER_ADDED,
    Action.CHANGE: Stale.FEWER_CHANGED,
    Action.SUSPEND: Stale.FEWER_SUSPENDED,
}


def digest(plan: Plan) -> str:
    """SHA-256, in hex, over what the plan would do, in its order. Two plans with one digest do the same.

    Neither reasons nor the people with whom nothing happens count.
    """
    whole = sha256()
    for item in plan.to_do():
        whole.update(_deed(item))
        whole.update(b"\n")
    return whole.hexdigest()


def digest_of_rules(rules: Iterable[Rule]) -> str:
    """SHA-256, in hex, over the rules, in any order. A rule's name does not count."""
    lines = sorted(_canonical(asdict(rule) | {"name": ""}) for rule in rules)
    return sha256(b"\n".join(lines)).hexdigest()


def diff_reasons(old: Plan, new: Plan) -> tuple[Stale, ...]:
    """Why the stored plan `old` is not what would be done now, `new`. Empty when it still is."""
    if digest(old) == digest(new):
        same = _losses(old) == _losses(new)
        return () if same else (Stale.OTHER_LOSSES,)
    found = set()
    if old.rules != new.rules:
        found.add(Stale.RULES)
    if old.incomplete != new.incomplete:
        found.add(Stale.READING)
    before, now = ({_whom(item): item for item in plan.to_do()} for plan in (old, new))
    conflicts = {_whom(item) for item in new.items if item.action == Action.CONFLICT}
    for whom, item in before.items():
        if whom in conflicts:
            found.add(Stale.NEW_CONFLICT)
        elif whom not in now:
            found.add(_FEWER[item.action])
        elif now[whom].action != item.action:
            found.add(Stale.OTHER_ACTION)
        elif _deed(now[whom]) != _deed(item):
            found.add(Stale.OTHER_VALUES)
    found |= {_MORE[item.action] for whom, item in now.items() if whom not in before}
    return tuple(reason for reason in Stale if reason in found)


def _losses(plan: Plan) -> set[tuple]:
    """Which roles really go, and whether an Ops Admin is among those who lose something."""
    return {(item.member, item.stripped, item.ops_admin) for item in plan.to_do() if item.takes_something}


def _whom(item: Item) -> tuple[str, int | None]:
    """A person, or a member of whom no person is known."""
    return ("person", item.person) if item.person is not None else ("member", item.member)


def _deed(item: Item) -> bytes:
    return _canonical(
        [
            item.turn,
            item.action,
            item.person,
            item.member,
            item.links,
            [[change.field, change.before, change.after, change.source] for change in item.changes],
            [[grant.rule, grant.role] for grant in item.gained],
            [[grant.rule, grant.role] for grant in item.lost],
        ]
    )


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
