"""Which member a person of the directory is, and who may have an address. No database."""

from dataclasses import replace

import pytest

from provisioning.clauses import Clause
from provisioning.plan_values import (
    Action,
    Change,
    Grant,
    Origin,
    State,
)
from tests.provisioning.planning import (
    after,
    by_hand,
    decided,
    everybody,
    only_item,
    person,
    plan_of,
    provided,
)

# Addresses


def test_a_change_to_an_address_another_member_has_is_a_conflict():
    plan = plan_of(
        [person(address="bob@kube.example")], [provided(), by_hand(address="bob@kube.example")], [everybody()]
    )
    [item] = plan.items
    assert decided(item) == (Action.CONFLICT, Clause.ADDRESS_TAKEN)
    assert item.others == (20,)
    assert not item.changes


def test_an_address_is_taken_after_another_member_let_it_go():
    people = [person(1, "b@kube.example"), person(2, "c@kube.example"), person(3, "a@kube.example")]
    members = [provided(1, 10, "a@kube.example"), provided(2, 11, "b@kube.example")]
    plan = plan_of(people, members, [everybody()])
    assert [(item.person, item.turn) for item in plan.items] == [(2, 0), (1, 1), (3, 2)]
    assert {m.address for m in after(members, plan)} == {p.address for p in people}


def test_two_people_who_swap_addresses_are_a_conflict():
    people = [person(1, "b@kube.example"), person(2, "a@kube.example")]
    members = [provided(1, 10, "a@kube.example"), provided(2, 11, "b@kube.example")]
    plan = plan_of(people, members, [everybody()])
    assert {decided(item) for item in plan.items} == {(Action.CONFLICT, Clause.ADDRESS_TAKEN)}


def test_who_waits_for_an_address_that_is_not_let_go_waits_too():
    people = [person(1, "b@kube.example"), person(2, "c@kube.example")]
    members = [provided(1, 10, "a@kube.example"), provided(2, 11, "b@kube.example")]
    members.append(by_hand(address="c@kube.example"))
    plan = plan_of(people, members, [everybody()])
    assert [item.clause for item in plan.items] == [Clause.ADDRESS_TAKEN, Clause.ADDRESS_TAKEN]


def test_two_people_with_one_address_are_a_conflict():
    plan = plan_of([person(1), person(2)], rules=[everybody()])
    assert [(decided(item), item.others) for item in plan.items] == [
        ((Action.CONFLICT, Clause.SAME_ADDRESS), (2,)),
        ((Action.CONFLICT, Clause.SAME_ADDRESS), (1,)),
    ]


# Who is who


def test_a_member_with_the_same_address_waits_for_somebody_to_decide():
    item = only_item([person()], [by_hand()], [everybody()])
    assert decided(item) == (Action.CONFLICT, Clause.ADOPTION_WAITS)
    assert (item.person, item.member) == (1, 20)


@pytest.mark.parametrize(
    ("now", "member"),
    [
        ({"address": "new@kube.example", "aliases": ("ADA@kube.example",)}, {}),
        ({"address": "new@kube.example"}, {"aliases": ("new@kube.example",)}),
    ],
)
def test_earlier_addresses_find_a_member_too(now, member):
    assert only_item([person(**now)], [by_hand(**member)], [everybody()]).clause == Clause.ADOPTION_WAITS


def test_an_approved_adoption_links_the_member_and_keeps_it_brought_by_hand():
    ada = person(address="new@kube.example", aliases=("ada@kube.example",))
    plan = plan_of([ada], [by_hand()], [everybody()], approved={(1, 20)})
    [item] = plan.items
    assert decided(item) == (Action.CHANGE, Clause.ADOPTED)
    assert item.links
    [member] = after([by_hand()], plan)
    assert (member.person, member.address, member.provided) == (1, "new@kube.example", False)


def test_an_approval_makes_no_pair_the_plan_did_not_list():
    stranger = by_hand(address="bob@kube.example")
    item = only_item([person()], [stranger], [everybody()], approved={(1, 20)})
    assert decided(item) == (Action.ADD, Clause.MATCHES)


def test_who_is_declined_is_somebody_else():
    ada = person(address="new@kube.example", aliases=("ada@kube.example",))
    assert only_item([ada], [by_hand()], [everybody()], declined={(1, 20)}).action == Action.ADD
    item = only_item([person()], [by_hand()], [everybody()], declined={(1, 20)})
    assert decided(item) == (Action.CONFLICT, Clause.ADDRESS_TAKEN)


def test_two_people_for_one_member_are_a_conflict():
    people = [person(1), person(2, "b@kube.example", aliases=("ada@kube.example",))]
    plan = plan_of(people, [by_hand()], [everybody()])
    assert [(item.clause, item.member, item.others) for item in plan.items] == [
        (Clause.TWO_PEOPLE, 20, (2,)),
        (Clause.TWO_PEOPLE, 20, (1,)),
    ]
    settled = plan_of(people, [by_hand()], [everybody()], approved={(1, 20)})
    assert [item.clause for item in settled.items] == [Clause.ADOPTED, Clause.MATCHES]


def test_two_members_for_one_person_are_a_conflict():
    ada = person(aliases=("ott@kube.example",))
    members = [by_hand(20), by_hand(21, "ott@kube.example")]
    item = only_item([ada], members, [everybody()])
    assert (decided(item), item.others) == ((Action.CONFLICT, Clause.TWO_MEMBERS), (20, 21))
    assert only_item([ada], members, [everybody()], approved={(1, 20)}).clause == Clause.ADOPTED
    both = only_item([ada], members, [everybody()], approved={(1, 20), (1, 21)})
    assert both.clause == Clause.TWO_MEMBERS


def test_two_members_linked_to_one_person_are_a_conflict():
    members = [provided(1, 10), provided(1, 11, "b@kube.example")]
    assert only_item([person()], members, [everybody()]).clause == Clause.TWO_MEMBERS


def test_two_approved_people_for_one_member_get_nothing():
    people = [person(1), person(2, "b@kube.example", aliases=("ada@kube.example",))]
    plan = plan_of(people, [by_hand()], [everybody()], approved={(1, 20), (2, 20)})
    assert [item.clause for item in plan.items] == [Clause.TWO_PEOPLE] * 2


def test_an_address_of_a_member_of_somebody_else_is_a_conflict():
    people = [person(1), person(2, "ada@kube.example")]
    plan = plan_of(people, [provided()], [everybody()])
    assert [decided(item) for item in plan.items] == [
        (Action.NOTHING, Clause.UNCHANGED),
        (Action.CONFLICT, Clause.ADDRESS_TAKEN),
    ]


def test_a_former_address_of_a_member_who_belongs_to_somebody_does_not_matter():
    people = [person(1, "ott@kube.example"), person(2, "ada@kube.example")]
    members = [provided(1, 10, "ott@kube.example", aliases=("ada@kube.example",))]
    plan = plan_of(people, members, [everybody()])
    assert [item.clause for item in plan.items] == [Clause.UNCHANGED, Clause.MATCHES]


def test_who_was_deleted_and_made_again_under_the_same_address_waits_for_somebody_to_decide():
    people = [person(1, absences=2), person(2)]
    plan = plan_of(people, [provided()], [everybody()])
    assert [item.clause for item in plan.items] == [Clause.ABSENT_TWICE, Clause.MOVE_WAITS]
    approved = plan_of(people, [provided()], [everybody()], approved={(2, 10)})
    assert [decided(item) for item in approved.items] == [
        (Action.SKIP, Clause.ABSENT_TWICE),
        (Action.CHANGE, Clause.MOVE_APPROVED),
    ]
    [member] = after([provided()], approved)
    assert (member.key, member.person, member.state) == (10, 2, State.ACTIVE)


def test_a_member_whose_person_is_unknown_is_shown_and_kept():
    item = only_item([], [provided()], [everybody()])
    assert decided(item) == (Action.CONFLICT, Clause.LINK_LOST)


# Movers


def elsewhere(**facts):
    """A member another directory of the unit brought."""
    return provided(
        900,
        10,
        "ada@sigs.example",
        **{"origin": Origin.ELSEWHERE, "employee_id": "E7", "roles_by_rule": {90: "employee"}, **facts},
    )


def test_a_mover_keeps_the_one_member():
    plan = plan_of([person(employee_id="E7")], [elsewhere(gone_elsewhere=True)], [everybody()])
    [item] = plan.items
    assert decided(item) == (Action.CHANGE, Clause.MOVED)
    assert (item.lost, item.gained, item.stripped) == ((Grant(90, "employee"),), (Grant(1, "employee"),), ())
    [member] = after([elsewhere(gone_elsewhere=True)], plan)
    assert (member.key, member.address, member.person, member.provided) == (10, "ada@kube.example", 1, True)


def test_a_mover_who_was_suspended_by_the_other_directory_is_reinstated():
    gone = elsewhere(gone_elsewhere=True, state=State.SUSPENDED, suspended_by_run=True)
    item = only_item([person(employee_id="E7")], [gone], [everybody()])
    assert Change("state", "suspended", "active") in item.changes


def test_who_is_still_in_the_other_directory_is_not_moved_to_and_fro():
    item = only_item([person(employee_id="E7")], [elsewhere()], [everybody()])
    assert decided(item) == (Action.SKIP, Clause.SERVED_ELSEWHERE)
    assert only_item([person(employee_id="E7")], [elsewhere()], [everybody()], declined={(1, 10)}).action == (
        Action.ADD
    )


def test_an_employee_id_told_twice_moves_nobody():
    people = [person(1, employee_id="E7"), person(2, "b@kube.example", employee_id="E7")]
    plan = plan_of(people, [elsewhere(gone_elsewhere=True)], [everybody()])
    assert [item.clause for item in plan.items] == [Clause.MATCHES] * 2
    members = [elsewhere(gone_elsewhere=True), replace(elsewhere(), key=11, address="c@kube.example")]
    assert only_item([people[0]], members, [everybody()]).clause == Clause.MATCHES


def test_a_mover_found_by_address_only_waits_for_somebody_to_decide():
    gone = elsewhere(gone_elsewhere=True, employee_id="")
    ada = person(aliases=("ada@sigs.example",))
    assert only_item([ada], [gone], [everybody()]).clause == Clause.MOVE_WAITS
    assert only_item([ada], [gone], [everybody()], approved={(1, 10)}).clause == Clause.MOVE_APPROVED
