"""A plan as a whole: its counts, its digest, why it went stale, and doing it twice. No database."""

import pytest

from orgunits.models import Member
from provisioning import clauses, plan_digest, plan_values
from provisioning.clauses import Clause
from provisioning.plan_digest import Stale, diff_reasons, digest
from provisioning.plan_values import (
    FROM_CALENDAR,
    Action,
    State,
)
from tests.provisioning.planning import (
    NEW,
    after,
    by_hand,
    everybody,
    person,
    plan_of,
    provided,
)


def test_counts_come_first_and_name_every_action():
    plan = plan_of([person(1), person(2, "", enabled=False)], rules=[everybody()])
    assert plan.counts() == {**dict.fromkeys(Action, 0), Action.ADD: 1, Action.SKIP: 1}
    assert plan.counts_by_clause() == {Clause.MATCHES: 1, Clause.DISABLED: 1}


def test_the_digest_is_of_what_would_be_done_and_of_nothing_else():
    plan = plan_of([person(1), person(2, "", enabled=False)], rules=[everybody()])
    same = plan_of([person(1)], rules=[everybody(name="All of us")])
    assert digest(plan) == digest(same)
    assert digest(plan) != digest(plan_of([person(1, department="Sales")], rules=[everybody()]))
    assert digest(plan_of()) == digest(plan_of([person(absences=1)], [provided()], [everybody()]))


@pytest.mark.parametrize(
    ("now", "reasons"),
    [
        (([person()], [], [everybody(time_zone="UTC")]), (Stale.RULES, Stale.OTHER_VALUES)),
        (([person(), person(2, "b@kube.example")], [], [everybody()]), (Stale.MORE_ADDED,)),
        (([person()], [provided(2, 11, "b@kube.example")], [everybody()]), ()),
        (([person()], [provided()], [everybody()]), (Stale.FEWER_ADDED,)),
        (([person()], [by_hand()], [everybody()]), (Stale.NEW_CONFLICT,)),
        (([person()], [provided(address="b@kube.example")], [everybody()]), (Stale.OTHER_ACTION,)),
    ],
)
def test_a_stored_plan_says_why_it_went_stale(now, reasons):
    stored = plan_of([person()], rules=[everybody()])
    assert diff_reasons(stored, plan_of(*now)) == reasons


def test_a_plan_of_another_kind_of_reading_says_so():
    facts = [person(deleted=True)], [provided()], [everybody()]
    reasons = diff_reasons(plan_of(*facts), plan_of(*facts, incomplete=True))
    assert reasons == (Stale.READING, Stale.FEWER_SUSPENDED)


def test_a_second_run_changes_nothing():
    people = [
        person(1, "new@kube.example"),
        person(2, "b@kube.example"),
        person(3, "c@kube.example", deleted=True),
    ]
    members = [provided(1, 10), provided(3, 12, "c@kube.example")]
    plan = plan_of(people, members, [everybody()])
    assert plan.counts()[Action.SUSPEND] == 1
    changed = after(members, plan)
    assert [member.key for member in changed] == [10, 12, NEW + 2]
    assert not list(plan_of(people, changed, [everybody()]).to_do())


def test_every_clause_and_reason_has_words():
    assert set(clauses.WORDS) == set(Clause)
    assert set(plan_digest.WORDS) == set(Stale)


def test_codes_are_those_of_members():
    assert {state.value for state in State} == set(Member.State.values)
    sources = (plan_values.ASSUMED, FROM_CALENDAR, plan_values.FROM_DIRECTORY, plan_values.BY_HAND)
    assert set(sources) == set(Member.Source.values)
