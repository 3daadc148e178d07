"""What holds of every plan and every verdict: 5,000 examples in all. No database."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning import guard
from provisioning.clauses import WORDS, Clause
from provisioning.guard import Approval, Candidate, Limits, Outcome, Reading, Scope
from provisioning.plan_digest import diff_reasons, digest
from provisioning.plan_values import Action, Kind, Known, OnLeaving, Origin, Person, Rule, State
from tests.provisioning.planning import TODAY, after
from tests.provisioning.worlds import World, worlds

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
SOON = NOW + timedelta(hours=1)


@given(worlds())
@settings(max_examples=700)
def test_who_was_not_brought_by_this_directory_is_never_suspended_nor_stripped_of_a_role_by_hand(world):
    members = {member.key: member for member in world.members}
    for item in world.plan().to_do():
        member = members.get(item.member)
        if member is None:
            continue
        assert item.action != Action.SUSPEND or member.provided
        assert member.roles_by_hand.isdisjoint(item.stripped)
    for member in after(world.members, world.plan()):
        before = members.get(member.key)
        if before is not None:
            assert member.roles_by_hand == before.roles_by_hand


@given(worlds())
@settings(max_examples=700)
def test_after_an_incomplete_reading_nobody_is_suspended_and_nobody_loses_a_role(world):
    plan = world.plan(incomplete=True)
    assert not plan.counts()[Action.SUSPEND]
    assert not any(item.lost or item.stripped for item in plan.items)
    assert not guard.candidates_of(plan)
    before = {member.key: member for member in world.members}
    for member in after(world.members, plan):
        if member.key in before:
            assert before[member.key].roles_by_rule.items() <= member.roles_by_rule.items()


@given(worlds(decided=False))
@settings(max_examples=500)
def test_who_is_absent_once_stays_as_they_are(world):
    absent = [
        replace(person, absences=1, deleted=False, enabled=True) if person.key % 2 else person
        for person in world.people
    ]
    plan = replace(world, people=absent).plan()
    assert not any(item.does_something for item in plan.items if item.person is not None and item.person % 2)


@given(worlds(), st.booleans())
@settings(max_examples=900)
def test_a_plan_that_was_applied_leaves_nothing_to_do(world, incomplete):
    plan = world.plan(incomplete=incomplete)
    again = replace(world, members=after(world.members, plan)).plan(incomplete=incomplete)
    assert list(again.to_do()) == []


@given(worlds(), st.randoms(use_true_random=False))
@settings(max_examples=500)
def test_the_order_of_what_goes_in_changes_nothing(world, random):
    shuffled = World(
        random.sample(world.people, len(world.people)),
        random.sample(world.members, len(world.members)),
        random.sample(world.rules, len(world.rules)),
        world.approved,
        world.declined,
    )
    assert shuffled.plan() == world.plan()
    assert digest(shuffled.plan()) == digest(world.plan())
    assert diff_reasons(shuffled.plan(), world.plan()) == ()


@given(worlds())
@settings(max_examples=400)
def test_everybody_has_one_item_with_one_clause_and_no_member_is_changed_twice(world):
    plan = world.plan()
    assert all(item.clause in WORDS for item in plan.items)
    assert sorted(item.person for item in plan.items if item.person is not None) == [
        person.key for person in world.people
    ]
    changed = Counter(item.member for item in plan.to_do() if item.member is not None)
    assert not changed or max(changed.values()) == 1
    assert sum(plan.counts().values()) == len(plan.items)


# An independent, slow and obvious answer to who is suspended.


def matches(rule: Rule, person: Person) -> bool:
    if not rule.active:
        return False
    if rule.kind == Kind.EVERYBODY:
        return True
    if rule.kind == Kind.DEPARTMENT:
        return person.department in rule.values
    groups = person.groups if rule.nested else person.direct_groups
    return any(group in groups for group in rule.values)


def is_suspended(member: Known, world: World) -> bool:
    own = [person for person in world.people if person.key == member.person]
    others = [
        other
        for other in world.members
        if other.person == member.person and other is not member and other.state != State.REMOVED
    ]
    if member.origin != Origin.HERE or member.state in (State.SUSPENDED, State.REMOVED) or not own or others:
        return False
    [person] = own
    left = person.deleted or not person.enabled or person.absences >= 2
    if not left and person.absences == 0:
        left = not any(matches(rule, person) for rule in world.rules)
    if not left or (person.kept_until and person.kept_until > TODAY):
        return False
    held = [rule for rule in world.rules if rule.key in member.roles_by_rule]
    if not held:
        return False
    first = min(held, key=lambda rule: (rule.order, rule.key))
    return first.on_leaving == OnLeaving.SUSPEND


@given(worlds(decided=False))
@settings(max_examples=700)
def test_an_independent_answer_to_who_is_suspended_agrees(world):
    plan = world.plan()
    suspended = {item.member for item in plan.items if item.action == Action.SUSPEND}
    assert suspended == {member.key for member in world.members if is_suspended(member, world)}
    assert suspended == {
        member.key
        for member, now in zip(world.members, after(world.members, plan), strict=False)
        if member.state != State.SUSPENDED and now.state == State.SUSPENDED
    }


# The guard

_scopes = st.builds(Scope, st.sampled_from("ab"), st.sampled_from("ab"))
_readings = st.builds(
    Reading,
    complete=st.sampled_from([True, True, True, False]),
    rows=st.sampled_from([0, 40, 100, 100]),
    error=st.sampled_from(["", "", "", "provider_down"]),
    scope_before=st.none() | st.just(Scope()) | _scopes,
    rows_before=st.none() | st.just(100),
)
_limits = st.builds(Limits, st.integers(0, 100), st.integers(0, 5), st.integers(0, 12))


@st.composite
def _candidates(draw) -> list[Candidate]:
    admins = draw(st.sampled_from([0, 0, 1]))
    return [
        Candidate(key, key % 3 > 0, ("employee",), key <= admins, Clause.ABSENT_TWICE)
        for key in range(1, draw(st.integers(0, 16)) + 1)
    ]


def is_believed(reading: Reading) -> bool:
    same = reading.scope_before in (None, reading.scope)
    return reading.complete and not reading.error and reading.rows > 0 and same


@given(_readings, _candidates(), st.integers(0, 60), _limits)
@settings(max_examples=300)
def test_above_the_limits_nothing_is_allowed_without_an_approval(reading, candidates, base, limits):
    verdict = guard.judge(reading, candidates, base, now=NOW, limits=limits)
    number = len(candidates)
    too_many = number > max(limits.floor, limits.share / 100 * base) or number > limits.most
    pauses = too_many or any(candidate.ops_admin for candidate in candidates)
    expected = Outcome.BLOCKED if not is_believed(reading) else Outcome.PAUSED if pauses else Outcome.ALLOWED
    assert verdict.outcome == expected
    assert bool(verdict.codes) == (expected != Outcome.ALLOWED)


@given(_readings, _candidates(), _candidates(), st.booleans(), st.sampled_from([NOW, SOON]), st.randoms())
@settings(max_examples=300)
def test_an_approval_allows_exactly_the_set_it_was_given_for(reading, candidates, other, same, ends, random):
    seen = candidates if same else other
    approval = Approval(guard.digest_of(seen), ends)
    shuffled = random.sample(candidates, len(candidates))
    without = guard.judge(reading, shuffled, 10, now=NOW)
    verdict = guard.judge(reading, shuffled, 10, now=NOW, approval=approval)
    if without.outcome == Outcome.PAUSED and seen == candidates and ends > NOW:
        assert (verdict.outcome, verdict.approved) == (Outcome.ALLOWED, True)
    else:
        assert (verdict.outcome, verdict.approved) == (without.outcome, False)
