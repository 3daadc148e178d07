"""When members may go without anybody looking, and when somebody has to look first. No database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from provisioning import guard_words
from provisioning.clauses import Clause
from provisioning.guard import (
    Approval,
    Candidate,
    Limits,
    Outcome,
    Reading,
    Scope,
    base_of,
    candidates_of,
    digest_of,
    judge,
    why_blocked,
)
from provisioning.guard_words import Block, Cause, Pause
from provisioning.plan_values import OnLeaving, Origin, State
from tests.provisioning.planning import by_department, by_hand, everybody, person, plan_of, provided

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
GOOD = Reading(complete=True, rows=100, scope_before=Scope(), rows_before=100)


def leavers(number: int, clause: Clause = Clause.ABSENT_TWICE, **facts) -> list[Candidate]:
    return [
        Candidate(**{"member": n, "suspended": True, "roles": (), "ops_admin": False, **facts}, clause=clause)
        for n in range(number)
    ]


# How many are too many


@pytest.mark.parametrize(
    ("number", "base", "outcome"),
    [
        (0, 0, Outcome.ALLOWED),
        (3, 4, Outcome.ALLOWED),  # the floor
        (4, 19, Outcome.PAUSED),  # 20 % of 19 are 3.8
        (4, 20, Outcome.ALLOWED),
        (5, 20, Outcome.PAUSED),
        (20, 100, Outcome.ALLOWED),
        (21, 100, Outcome.PAUSED),
        (500, 10_000, Outcome.ALLOWED),
        (501, 10_000, Outcome.PAUSED),
    ],
)
def test_more_than_three_and_a_fifth_or_more_than_500_pause_the_run(number, base, outcome):
    verdict = judge(GOOD, leavers(number), base, now=NOW)
    assert verdict.outcome == outcome
    assert verdict.may_remove == (outcome == Outcome.ALLOWED)


def test_the_verdict_tells_the_numbers_and_which_limit_it_was():
    verdict = judge(GOOD, leavers(501), 10_000, now=NOW)
    assert (verdict.candidates, verdict.base, verdict.limit) == (501, 10_000, 500)
    assert verdict.codes == (Pause.MOST,)
    assert judge(GOOD, leavers(600), 1000, now=NOW).codes == (Pause.SHARE, Pause.MOST)


def test_one_ops_admin_pauses_the_run():
    verdict = judge(GOOD, leavers(1, ops_admin=True), 1000, now=NOW)
    assert (verdict.outcome, verdict.codes) == (Outcome.PAUSED, (Pause.OPS_ADMIN,))


def test_a_unit_has_limits_of_its_own():
    strict = Limits(share=0, floor=0, most=500)
    assert judge(GOOD, leavers(1), 1000, now=NOW, limits=strict).outcome == Outcome.PAUSED
    loose = Limits(share=50, floor=3, most=500)
    assert judge(GOOD, leavers(50), 100, now=NOW, limits=loose).outcome == Outcome.ALLOWED


# Readings that are not believed


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"error": "provider_down"}, Block.ERROR),
        ({"complete": False}, Block.INCOMPLETE),
        ({"rows": 0}, Block.EMPTY),
        ({"scope": Scope(scopes="fewer")}, Block.SCOPES_CHANGED),
        ({"scope": Scope(filter="dept=Sales")}, Block.FILTER_CHANGED),
        ({"scope": Scope(domain="other.example")}, Block.DOMAIN_CHANGED),
        ({"scope": Scope(credential="second key")}, Block.CREDENTIAL_CHANGED),
    ],
)
def test_a_reading_that_may_be_narrower_removes_nobody(facts, code):
    reading = replace(GOOD, **facts)
    assert why_blocked(reading) == (code,)
    verdict = judge(reading, leavers(1), 1000, now=NOW)
    assert (verdict.outcome, verdict.codes) == (Outcome.BLOCKED, (code,))


def test_a_block_is_there_before_there_are_candidates():
    assert judge(replace(GOOD, complete=False), [], 1000, now=NOW).outcome == Outcome.BLOCKED


def test_no_approval_ends_a_block():
    gone = leavers(1)
    approval = Approval(digest_of(gone), NOW + timedelta(hours=1))
    verdict = judge(replace(GOOD, rows=0), gone, 1000, now=NOW, approval=approval)
    assert (verdict.outcome, verdict.approved) == (Outcome.BLOCKED, False)


def test_the_first_reading_of_all_has_nothing_to_compare_with():
    assert why_blocked(Reading(complete=True, rows=1, scope=Scope(filter="x"))) == ()


# Approval


def test_an_approval_is_for_one_set_of_candidates_in_any_order():
    gone = leavers(10)
    approval = Approval(digest_of(gone), NOW + timedelta(hours=1))
    verdict = judge(GOOD, reversed(gone), 10, now=NOW, approval=approval)
    assert (verdict.outcome, verdict.approved) == (Outcome.ALLOWED, True)
    assert judge(GOOD, leavers(11), 10, now=NOW, approval=approval).outcome == Outcome.PAUSED
    assert judge(GOOD, leavers(9), 10, now=NOW, approval=approval).outcome == Outcome.PAUSED


def test_an_approval_expires():
    gone = leavers(10)
    approval = Approval(digest_of(gone), NOW)
    assert judge(GOOD, gone, 10, now=NOW, approval=approval).outcome == Outcome.PAUSED


@pytest.mark.parametrize(
    "facts", [{"suspended": False, "roles": ("employee",)}, {"roles": ("coordinator",)}, {"ops_admin": True}]
)
def test_who_would_lose_something_else_is_another_set(facts):
    assert digest_of(leavers(1)) != digest_of(leavers(1, **facts))


def test_why_somebody_goes_is_no_part_of_the_set():
    assert digest_of(leavers(1)) == digest_of(leavers(1, Clause.DELETED))


# Candidates and base


def test_candidates_are_who_would_be_suspended_or_really_lose_a_role():
    people = [person(1, deleted=True), person(2, "b@kube.example"), person(3, "c@kube.example")]
    both = {1: "employee", 2: "coordinator"}
    members = [
        provided(1, 10, ops_admin=True),
        provided(2, 11, "b@kube.example", roles_by_rule=both),
        provided(3, 12, "c@kube.example", roles_by_rule=both, roles_by_hand=frozenset({"coordinator"})),
    ]
    rules = [everybody(), by_department("Sales", on_leaving=OnLeaving.LOSE_ROLE)]
    plan = plan_of(people, members, rules)
    assert candidates_of(plan) == (
        Candidate(10, True, (), True, Clause.DELETED),
        Candidate(11, False, ("coordinator",), False, Clause.LEFT_ONE_RULE),
    )


def test_what_the_provider_says_outright_counts_at_once_and_pauses_all_the_same():
    people = [person(n, f"{n}@kube.example", deleted=True) for n in range(1, 5)]
    members = [provided(n, 10 + n, f"{n}@kube.example") for n in range(1, 5)]
    plan = plan_of(people, members, [everybody()])
    verdict = judge(GOOD, candidates_of(plan), base_of(members), now=NOW)
    assert (verdict.candidates, verdict.outcome) == (4, Outcome.PAUSED)


def test_the_share_is_of_the_active_members_this_connection_provides():
    members = [
        provided(1, 10),
        provided(2, 11, state=State.SUSPENDED),
        provided(3, 12, state=State.INVITED),
        provided(4, 13, origin=Origin.ELSEWHERE),
        by_hand(),
    ]
    assert base_of(members) == 1


# Likely causes


@pytest.mark.parametrize(
    ("facts", "candidates", "causes"),
    [
        ({}, leavers(50), (Cause.MANY_MISSING,)),
        ({}, leavers(50, Clause.NO_RULE), (Cause.RULE_EDITED,)),
        ({}, leavers(50, Clause.DELETED), ()),
        (
            {"rows": 60},
            leavers(50),
            (Cause.PERMISSION_LOST, Cause.MUCH_SMALLER, Cause.MANY_MISSING),
        ),
        ({"rows": 80}, leavers(50, Clause.DELETED), ()),
        ({"scope": Scope(filter="x")}, [], (Cause.FILTER_EDITED,)),
        ({"scope": Scope(credential="x")}, [], (Cause.KEY_REPLACED,)),
        ({"scope": Scope(scopes="x")}, [], (Cause.PERMISSION_LOST,)),
        ({"error": "provider_down"}, [], (Cause.PROVIDER_INCIDENT,)),
        (
            {"rows": 0},
            [],
            (Cause.PERMISSION_LOST, Cause.PROVIDER_INCIDENT, Cause.MUCH_SMALLER),
        ),
    ],
)
def test_likely_causes_are_named(facts, candidates, causes):
    assert judge(replace(GOOD, **facts), candidates, 100, now=NOW).causes == causes


def test_every_code_has_words():
    assert set(guard_words.WORDS) == {*Block, *Pause, *Cause}
    assert len(guard_words.WORDS) == len(Block) + len(Pause) + len(Cause)
