"""The whole policy of who comes and goes: people of a directory, members, rules in; a plan out. Pure.

Each person gets one item with the clause that decided it. What happens to them, in this order:

- *A member already, and leaving*: deleted, disabled, absent twice, or matching no rule. The first of the rules
  that held them decides whether they are suspended; each of those rules, what becomes of its role.
- *A member already, and staying*: each rule that matches gives its role; the first one gives zone and hours.
- *Nobody here yet*: whoever is there, enabled and matched by a rule is added, unless they may be a member
  already (`matching`) or cannot have their address (`plan_addresses`).

Who no rule matches is not changed by the directory in any other way. Time grows with the number of people.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import date

from .clauses import Clause
from .matching import LINKING, NOBODY, Match, Pair, match_newcomers
from .plan_addresses import as_conflict, settle_addresses
from .plan_digest import digest_of_rules
from .plan_fields import changed_values, fields_of, first_values
from .plan_values import (
    Action,
    Change,
    Grant,
    Item,
    Known,
    OnLeaving,
    Person,
    Plan,
    Rule,
    State,
)
from .rule_matching import in_order, matcher

NO_PAIRS: frozenset[Pair] = frozenset()


def make_plan(
    people: Iterable[Person],
    members: Iterable[Known],
    rules: Iterable[Rule],
    *,
    today: date,
    zones: Container[str],
    incomplete: bool = False,
    approved: Set[Pair] = NO_PAIRS,
    declined: Set[Pair] = NO_PAIRS,
) -> Plan:
    """What is to be done with the people of one directory connection.

    `people`: all the connection ever told of, those who are gone included. `members`: all of the unit, with
    normal addresses. `rules`: those of this connection, inactive ones included; a role given by any other rule
    is taken away. `incomplete`: the last reading may not remove anybody (`guard.why_blocked`). `approved` and
    `declined`: pairs of person and member of whom somebody said that they are, or are not, one.
    """
    planner = _Planner(
        rules=in_order(rules),
        people={person.key: person for person in people},
        members=sorted(members, key=lambda member: member.key),
        today=today,
        zones=zones,
        incomplete=incomplete,
    )
    return planner.plan(approved, declined)


@dataclass(slots=True)
class _Planner:
    rules: list[Rule]
    people: dict[int, Person]
    members: list[Known]
    today: date
    zones: Container[str]
    incomplete: bool

    def plan(self, approved: Set[Pair], declined: Set[Pair]) -> Plan:
        asked = [(rule, matcher(rule)) for rule in self.rules]
        matched = {
            key: [rule for rule, matches in asked if matches(person)] for key, person in self.people.items()
        }
        linked = self._links()
        newcomers = [
            person
            for key, person in self.people.items()
            if key not in linked
            and person.address + person.employee_id
            and not _why_not(person, matched[key])
        ]
        matches = match_newcomers(newcomers, self.people, self.members, approved=approved, declined=declined)
        taken = {match.member.key for match in matches.values() if match.clause in LINKING}
        items = []
        for key, person in self.people.items():
            own = [member for member in linked.get(key, []) if member.key not in taken]
            if len(own) > 1:
                keys = tuple(member.key for member in own)
                items.append(Item(Action.CONFLICT, Clause.TWO_MEMBERS, key, others=keys))
            elif own:
                items.append(self._known(person, own[0], matched[key]))
            else:
                items.append(self._newcomer(person, matched[key], matches.get(key, NOBODY)))
        items = settle_addresses(items, self.members)
        items += self._without_person(items)
        items.sort(key=_in_turn)
        return Plan(tuple(items), self.incomplete, digest_of_rules(self.rules))

    def _links(self) -> Mapping[int, list[Known]]:
        """The members of each person. Removed ones count only where there is no other."""
        linked = defaultdict(list)
        for member in self.members:
            if member.person in self.people:
                linked[member.person].append(member)
        for key, own in linked.items():
            linked[key] = [member for member in own if member.state != State.REMOVED] or own[:1]
        return dict(linked)

    def _newcomer(self, person: Person, matched: list[Rule], match: Match) -> Item:
        """Somebody who is not a member, or not known to be one."""
        rule, also = _deciding(matched)
        why_not = _why_not(person, matched)
        if why_not:
            return Item(Action.SKIP, why_not, person.key)
        if match.clause in LINKING:
            return self._stays(person, match.member, matched, match.clause)
        if match.clause is not None:
            return Item(
                Action.SKIP if match.clause == Clause.SERVED_ELSEWHERE else Action.CONFLICT,
                match.clause,
                person=person.key,
                member=match.member.key if match.member else None,
                rule=rule,
                also=also,
                others=match.others,
                ops_admin=bool(match.member and match.member.ops_admin),
            )
        if not person.address:
            return Item(Action.SKIP, Clause.NO_ADDRESS, person.key, rule=rule, also=also)
        return Item(
            Action.ADD,
            Clause.MATCHES,
            person=person.key,
            rule=rule,
            also=also,
            changes=first_values(person, fields_of(person, matched[0], self.zones)),
            gained=tuple(Grant(rule.key, rule.role) for rule in matched),
            links=True,
        )

    def _known(self, person: Person, member: Known, matched: list[Rule]) -> Item:
        if member.state == State.REMOVED:
            return Item(Action.SKIP, Clause.REMOVED_BY_HAND, person.key, member.key)
        why_not = _why_not(person, matched)
        if why_not == Clause.ABSENT_ONCE:
            return _item(Action.NOTHING, why_not, person, member)
        if why_not:
            return self._leaves(person, member, why_not)
        return self._stays(person, member, matched, None)

    def _leaves(self, person: Person, member: Known, why: Clause) -> Item:
        """A member whose person is gone, disabled or matched by no rule."""
        held_by = [rule for rule in self.rules if rule.key in member.roles_by_rule]
        first = held_by[0] if held_by else None
        facts = {"person": person, "member": member, "rule": first.key if first else None}
        lost = self._lost(member, [])
        suspends = first is not None and first.on_leaving == OnLeaving.SUSPEND and member.provided
        if suspends and member.state == State.SUSPENDED:
            return _item(Action.NOTHING, Clause.ALREADY_SUSPENDED, **facts)
        if not suspends and not lost:
            clause = Clause.RULE_KEEPS if first else Clause.HELD_BY_NONE
            return _item(Action.NOTHING, clause, **facts)
        spared = self._spared(person, member)
        if spared:
            action = Action.SKIP if spared == Clause.KEPT else Action.NOTHING
            return _item(action, spared, **facts, withheld=() if suspends else lost)
        if suspends:  # roles stay, without effect, so that undoing it loses nothing
            return _item(Action.SUSPEND, why, **facts, changes=(_to(State.SUSPENDED, member),))
        return _item(Action.CHANGE, why, **facts, lost=lost, stripped=_stripped(member, (), lost))

    def _stays(self, person: Person, member: Known, matched: list[Rule], link: Clause | None) -> Item:
        """A member, from now on or already, whose person is there and matched by a rule."""
        rule, also = _deciding(matched)
        changes, held = changed_values(person, member, fields_of(person, matched[0], self.zones))
        if member.state == State.SUSPENDED and member.suspended_by_run:
            changes += (_to(State.ACTIVE, member),)
        gained = tuple(
            Grant(rule.key, rule.role) for rule in matched if member.roles_by_rule.get(rule.key) != rule.role
        )
        lost, withheld = self._lost(member, matched), ()
        spared = self._spared(person, member)
        if spared and lost:  # a rule that gives another role than before waits with both
            lost, withheld = (), lost
            waiting = {grant.rule for grant in withheld}
            gained = tuple(grant for grant in gained if grant.rule not in waiting)
        item = _item(
            Action.CHANGE,
            link or _why_changed(changes, lost, matched),
            person,
            member,
            rule,
            also=also,
            changes=changes,
            gained=gained,
            lost=lost,
            stripped=_stripped(member, gained, lost),
            held=held,
            withheld=withheld,
            links=link is not None,
        )
        renamed = any(change.field == "address" for change in changes)
        if renamed and member.state == State.INVITED:
            return as_conflict(item, Clause.STILL_INVITED, ())
        if link or changes or gained or lost:
            return item
        by_hand = member.state == State.SUSPENDED
        why = spared if withheld else Clause.SUSPENDED_BY_HAND if by_hand else Clause.UNCHANGED
        return replace(item, action=Action.NOTHING, clause=why)

    def _lost(self, member: Known, matched: list[Rule]) -> tuple[Grant, ...]:
        """The roles a member has by rules they left, that give another role now, or that are gone."""
        given = {rule.key: rule.role for rule in matched}
        keeps = {rule.key for rule in self.rules if rule.on_leaving == OnLeaving.NOTHING}
        return tuple(
            Grant(key, role)
            for key, role in sorted(member.roles_by_rule.items())
            if (given[key] != role if key in given else key not in keeps)
        )

    def _spared(self, person: Person, member: Known) -> Clause | None:
        """Why nobody may be suspended or lose a role by this item."""
        if self.incomplete:
            return Clause.INCOMPLETE
        days = [day for day in (person.kept_until, member.kept_until) if day is not None]
        if days and self.today < max(
            days
        ):  # a mover is kept as a member, their new person knows nothing of it
            return Clause.KEPT
        return None

    def _without_person(self, items: list[Item]) -> list[Item]:
        """Members this connection brought of whose person nothing is known: shown, never removed."""
        seen = {item.member for item in items}
        return [
            Item(Action.CONFLICT, Clause.LINK_LOST, None, member.key, ops_admin=member.ops_admin)
            for member in self.members
            if member.provided
            and member.state != State.REMOVED
            and member.person not in self.people
            and member.key not in seen
        ]


def _why_not(person: Person, matched: list[Rule]) -> Clause | None:
    """Why a person is not one of those the directory and the rules want here. None: they are."""
    if person.deleted:
        return Clause.DELETED
    if not person.enabled:
        return Clause.DISABLED
    if person.absences:
        return Clause.ABSENT_ONCE if person.absences == 1 else Clause.ABSENT_TWICE
    return None if matched else Clause.NO_RULE


def _deciding(matched: list[Rule]) -> tuple[int | None, tuple[int, ...]]:
    """The key of the rule that decides, and those of the others that match."""
    keys = [rule.key for rule in matched]
    return (keys[0] if keys else None), tuple(keys[1:])


def _why_changed(changes: tuple[Change, ...], lost: tuple[Grant, ...], matched: list[Rule]) -> Clause:
    """The weightiest of the things that change in a member who stays."""
    fields = {change.field for change in changes}
    if "state" in fields:
        return Clause.CAME_BACK
    if "address" in fields:
        return Clause.RENAMED
    left = {grant.rule for grant in lost} - {rule.key for rule in matched}
    return Clause.LEFT_ONE_RULE if left else Clause.CHANGED


def _to(state: State, member: Known) -> Change:
    return Change("state", member.state.value, state.value)


def _item(
    action: Action, clause: Clause, person: Person, member: Known, rule: int | None = None, **facts
) -> Item:
    """An item of somebody who is a member."""
    return Item(action, clause, person.key, member.key, rule, ops_admin=member.ops_admin, **facts)


def _stripped(member: Known, gained: tuple[Grant, ...], lost: tuple[Grant, ...]) -> tuple[str, ...]:
    """The roles a member really loses: given neither by hand nor by any rule that is left."""
    by_rules = set(member.roles_by_rule.items()) - {(grant.rule, grant.role) for grant in lost}
    kept = {role for _rule, role in by_rules} | {grant.role for grant in gained} | member.roles_by_hand
    return tuple(sorted({grant.role for grant in lost} - kept))


def _in_turn(item: Item) -> tuple:
    """By turn, then people in the order of their keys, then members without one."""
    nobody = item.person is None
    return item.turn, nobody, item.member if nobody else item.person
