"""Whom a rule matches. Pure."""

from collections.abc import Callable, Iterable

from .plan_values import Kind, Person, Rule

Matches = Callable[[Person], bool]


def in_order(rules: Iterable[Rule]) -> list[Rule]:
    """The rules as they are tried: by their order, then by their key."""
    return sorted(rules, key=lambda rule: (rule.order, rule.key))


def matcher(rule: Rule) -> Matches:
    """The question whether `rule` matches a person, prepared once for many people.

    Letters' case does not count, except in group ids. A rule whose values are all empty matches nobody.
    """
    wanted = {_same(value) for value in rule.values} - {""}
    if not rule.active:
        return lambda person: False
    match rule.kind:
        case Kind.EVERYBODY:
            return lambda person: True
        case Kind.PATH:
            paths = tuple(value.rstrip("/") + "/" for value in wanted)
            return lambda person: (
                bool(person.path) and (_same(person.path).rstrip("/") + "/").startswith(paths)
            )
        case Kind.DEPARTMENT:
            return lambda person: _same(person.department) in wanted
        case Kind.ATTRIBUTE:
            return lambda person: _same(person.attributes.get(rule.attribute, "")) in wanted
        case Kind.GROUP:
            groups = frozenset(rule.values)
            if rule.nested:
                return lambda person: not groups.isdisjoint(person.groups)
            return lambda person: not groups.isdisjoint(person.direct_groups)


def _same(text: str) -> str:
    return text.strip().casefold()
