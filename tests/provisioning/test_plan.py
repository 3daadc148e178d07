"""Who comes, who changes and who goes: one sentence for each decision of the planner. No database."""

from dataclasses import replace
from datetime import date

import pytest

from provisioning.clauses import Clause
from provisioning.plan_values import (
    FROM_CALENDAR,
    Action,
    Change,
    Grant,
    Kind,
    OnLeaving,
    Origin,
    Rule,
    State,
    Told,
)
from tests.provisioning.planning import (
    by_department,
    by_hand,
    decided,
    everybody,
    only_item,
    person,
    plan_of,
    provided,
    set_by_hand,
    told,
)

HOURS = {"mon": [["08:00", "12:00"]]}
SALES = by_department("Sales", on_leaving=OnLeaving.LOSE_ROLE)


# Rules


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        (Rule(1, 1, Kind.EVERYBODY, "employee"), True),
        (Rule(1, 1, Kind.EVERYBODY, "employee", active=False), False),
        (Rule(1, 1, Kind.PATH, "employee", ("/Engineering",)), True),
        (Rule(1, 1, Kind.PATH, "employee", ("/engineering/platform/",)), True),
        (Rule(1, 1, Kind.PATH, "employee", ("/",)), True),
        (Rule(1, 1, Kind.PATH, "employee", ("/Eng",)), False),
        (Rule(1, 1, Kind.PATH, "employee", ("",)), False),
        (Rule(1, 1, Kind.DEPARTMENT, "employee", ("Sales", " platform ")), True),
        (Rule(1, 1, Kind.DEPARTMENT, "employee", ("Plat",)), False),
        (Rule(1, 1, Kind.DEPARTMENT, "employee"), False),
        (Rule(1, 1, Kind.ATTRIBUTE, "employee", ("Berlin",), "site"), True),
        (Rule(1, 1, Kind.ATTRIBUTE, "employee", ("Berlin",), "city"), False),
        (Rule(1, 1, Kind.GROUP, "employee", ("outer",)), True),
        (Rule(1, 1, Kind.GROUP, "employee", ("outer",), nested=False), False),
        (Rule(1, 1, Kind.GROUP, "employee", ("inner",), nested=False), True),
    ],
)
def test_whom_a_rule_matches(rule, matches):
    ada = person(
        department="Platform",
        path="/Engineering/Platform",
        attributes={"site": "berlin"},
        groups=frozenset({"inner", "outer"}),
        direct_groups=frozenset({"inner"}),
    )
    item = only_item([ada], rules=[rule])
    assert decided(item) == ((Action.ADD, Clause.MATCHES) if matches else (Action.SKIP, Clause.NO_RULE))


def test_the_first_rule_that_matches_gives_zone_and_hours_and_every_one_gives_its_role():
    ada = person(department="Sales", time_zone="UTC")
    first = everybody(key=8, order=1, time_zone="Europe/Berlin", working_hours=HOURS)
    second = by_department("sales", key=3, order=2, time_zone="America/New_York")
    item = only_item([ada], rules=[second, first])
    assert (item.rule, item.also) == (8, (3,))
    assert item.gained == (Grant(8, "employee"), Grant(3, "coordinator"))
    assert Change("time_zone", "", "Europe/Berlin") in item.changes
    assert Change("working_hours", "", HOURS) in item.changes


def test_of_two_rules_with_one_order_the_older_one_decides():
    assert only_item([person()], rules=[everybody(key=5), everybody(key=4)]).rule == 4


# Coming


def test_somebody_new_is_added_with_what_the_directory_tells():
    ada = person(
        1, "Ada@Kube.example", given_name="Ada", family_name=" Ott ", department="Sales", time_zone="UTC"
    )
    item = only_item([ada], rules=[everybody()])
    assert decided(item) == (Action.ADD, Clause.MATCHES)
    assert item.changes == (
        Change("address", "", "ada@kube.example"),
        Change("given_name", "", "Ada"),
        Change("family_name", "", "Ott"),
        Change("department", "", "Sales"),
        Change("time_zone", "", "UTC"),
    )
    assert item.links


@pytest.mark.parametrize(
    ("facts", "clause"),
    [
        ({"enabled": False}, Clause.DISABLED),
        ({"deleted": True}, Clause.DELETED),
        ({"absences": 1}, Clause.ABSENT_ONCE),
        ({"absences": 2}, Clause.ABSENT_TWICE),
        ({"address": ""}, Clause.NO_ADDRESS),
    ],
)
def test_who_is_not_really_there_is_skipped(facts, clause):
    item = only_item([person(**facts)], rules=[everybody()])
    assert decided(item) == (Action.SKIP, clause)


def test_who_was_removed_by_hand_is_not_brought_back():
    item = only_item([person()], [provided(state=State.REMOVED)], [everybody()])
    assert decided(item) == (Action.SKIP, Clause.REMOVED_BY_HAND)


def test_a_zone_nobody_knows_is_ignored():
    item = only_item([person(time_zone="Mars/Olympus")], rules=[everybody(time_zone="Nowhere")])
    assert "time_zone" not in {change.field for change in item.changes}
    known = provided(fields=told(time_zone="UTC"))
    assert decided(only_item([person(time_zone="Mars")], [known], [everybody()])) == (
        Action.NOTHING,
        Clause.UNCHANGED,
    )


# Changing


def test_a_person_as_they_should_be_is_left_alone():
    item = only_item([person()], [provided()], [everybody()])
    assert decided(item) == (Action.NOTHING, Clause.UNCHANGED)


def test_a_rename_is_a_change_of_address_of_the_same_member():
    item = only_item([person(address="ada.ott@kube.example")], [provided()], [everybody()])
    assert decided(item) == (Action.CHANGE, Clause.RENAMED)
    assert item.member == 10
    assert item.changes == (Change("address", "ada@kube.example", "ada.ott@kube.example"),)


def test_an_address_the_directory_forgot_stays():
    item = only_item([person(address="")], [provided()], [everybody()])
    assert decided(item) == (Action.NOTHING, Clause.UNCHANGED)


def test_who_was_invited_under_another_address_is_not_renamed():
    known = provided(state=State.INVITED, origin=Origin.HAND)
    item = only_item([person(address="ada.ott@kube.example")], [known], [everybody()])
    assert decided(item) == (Action.CONFLICT, Clause.STILL_INVITED)


def test_what_somebody_set_by_hand_stays_and_is_listed():
    known = provided(fields={**set_by_hand(department="Research"), **told(given_name="Ada")})
    item = only_item([person(department="Sales", given_name="Adah")], [known], [everybody()])
    assert item.held == ("department",)
    assert item.changes == (Change("given_name", "Ada", "Adah", "directory"),)


def test_the_zone_people_keep_in_their_own_calendar_stays():
    known = provided(fields={"time_zone": Told("Europe/Berlin", FROM_CALENDAR)})
    item = only_item([person(time_zone="UTC")], [known], [everybody()])
    assert (item.action, item.held) == (Action.NOTHING, ("time_zone",))


def test_a_value_the_directory_confirms_becomes_the_directorys():
    known = provided(fields={"time_zone": Told("UTC")})
    item = only_item([person(time_zone="UTC")], [known], [everybody()])
    assert item.changes == (Change("time_zone", "UTC", "UTC", "assumed"),)


@pytest.mark.parametrize(
    ("department", "changes"),
    [
        (Told("Sales", "directory"), (Change("department", "Sales", "", "directory"),)),
        (Told("Sales", "assumed"), ()),
    ],
)
def test_a_department_that_is_empty_now_empties_only_what_the_directory_had_said(department, changes):
    known = provided(fields={"department": department})
    assert only_item([person()], [known], [everybody()]).changes == changes


def test_a_rule_that_gives_another_role_than_before_gives_one_and_takes_one():
    item = only_item([person()], [provided()], [everybody(role="coordinator")])
    assert decided(item) == (Action.CHANGE, Clause.CHANGED)
    assert (item.gained, item.lost) == ((Grant(1, "coordinator"),), (Grant(1, "employee"),))
    assert item.stripped == ("employee",)


# Leaving


@pytest.mark.parametrize(
    ("facts", "clause"),
    [
        ({"deleted": True}, Clause.DELETED),
        ({"enabled": False}, Clause.DISABLED),
        ({"absences": 2}, Clause.ABSENT_TWICE),
        ({"absences": 7}, Clause.ABSENT_TWICE),
    ],
)
def test_who_is_gone_is_suspended_where_the_rule_says_so(facts, clause):
    item = only_item([person(**facts)], [provided()], [everybody()])
    assert decided(item) == (Action.SUSPEND, clause)
    assert (item.rule, item.lost) == (1, ())  # roles stay, so that undoing it loses nothing


def test_who_matches_no_rule_any_more_leaves_by_the_rule_that_held_them():
    rule = Rule(1, 1, Kind.DEPARTMENT, "employee", ("Sales",), on_leaving=OnLeaving.SUSPEND)
    item = only_item([person(department="Research")], [provided()], [rule])
    assert (decided(item), item.rule) == ((Action.SUSPEND, Clause.NO_RULE), 1)


def test_who_is_absent_once_stays_as_they_are():
    item = only_item([person(absences=1, department="Other")], [provided()], [everybody()])
    assert decided(item) == (Action.NOTHING, Clause.ABSENT_ONCE)


def test_a_rule_can_take_its_role_only():
    rule = everybody(on_leaving=OnLeaving.LOSE_ROLE)
    item = only_item([person(absences=2)], [provided()], [rule])
    assert decided(item) == (Action.CHANGE, Clause.ABSENT_TWICE)
    assert (item.lost, item.stripped) == ((Grant(1, "employee"),), ("employee",))


def test_a_rule_can_change_nothing_on_leaving():
    item = only_item([person(absences=2)], [provided()], [everybody(on_leaving=OnLeaving.NOTHING)])
    assert decided(item) == (Action.NOTHING, Clause.RULE_KEEPS)


def test_the_first_of_the_rules_that_held_somebody_decides_whether_they_are_suspended():
    members = [provided(roles_by_rule={1: "employee", 2: "coordinator"})]
    gone = [person(department="Sales", deleted=True)]
    assert only_item(gone, members, [everybody(order=1), SALES]).action == Action.SUSPEND
    item = only_item(gone, members, [everybody(order=3), SALES])
    assert (item.action, item.rule) == (Action.CHANGE, 2)
    assert item.lost == (Grant(1, "employee"), Grant(2, "coordinator"))


def test_who_leaves_one_of_their_rules_loses_its_role_and_stays():
    members = [provided(roles_by_rule={1: "employee", 2: "coordinator"})]
    item = only_item([person(department="Research")], members, [everybody(), SALES])
    assert decided(item) == (Action.CHANGE, Clause.LEFT_ONE_RULE)
    assert (item.lost, item.rule) == ((Grant(2, "coordinator"),), 1)


def test_a_role_that_somebody_also_gave_by_hand_is_not_lost():
    members = [
        provided(roles_by_rule={1: "employee", 2: "coordinator"}, roles_by_hand=frozenset({"coordinator"}))
    ]
    item = only_item([person()], members, [everybody(), SALES])
    assert (item.lost, item.stripped) == ((Grant(2, "coordinator"),), ())


def test_a_rule_that_is_gone_takes_its_role_with_it_and_suspends_nobody():
    item = only_item([person()], [provided()], [])
    assert (item.action, item.lost) == (Action.CHANGE, (Grant(1, "employee"),))


def test_a_rule_that_is_switched_off_is_a_rule_everybody_left():
    item = only_item([person()], [provided()], [everybody(active=False)])
    assert decided(item) == (Action.SUSPEND, Clause.NO_RULE)


def test_who_was_brought_by_hand_is_never_suspended_but_loses_a_rules_role():
    adopted = by_hand(person=1, roles_by_rule={1: "coordinator"})
    item = only_item([person(deleted=True)], [adopted], [everybody(role="coordinator")])
    assert decided(item) == (Action.CHANGE, Clause.DELETED)
    assert (item.lost, item.changes) == ((Grant(1, "coordinator"),), ())


def test_a_member_of_whom_the_directory_knows_nothing_is_no_part_of_the_plan():
    assert plan_of([], [by_hand()], [everybody()]).items == ()


def test_a_member_no_rule_held_is_left_alone():
    item = only_item([person(deleted=True)], [provided(roles_by_rule={})], [everybody()])
    assert decided(item) == (Action.NOTHING, Clause.HELD_BY_NONE)


def test_nobody_is_suspended_twice():
    suspended = provided(state=State.SUSPENDED, suspended_by_run=True)
    item = only_item([person(deleted=True)], [suspended], [everybody()])
    assert decided(item) == (Action.NOTHING, Clause.ALREADY_SUSPENDED)


def test_an_undone_person_is_kept_until_the_day_that_was_named():
    kept = person(deleted=True, kept_until=date(2026, 3, 3))
    assert decided(only_item([kept], [provided()], [everybody()])) == (Action.SKIP, Clause.KEPT)
    due = replace(kept, kept_until=date(2026, 3, 2))
    assert only_item([due], [provided()], [everybody()]).action == Action.SUSPEND


def test_who_comes_back_is_reinstated_if_a_run_had_suspended_them():
    suspended = provided(state=State.SUSPENDED, suspended_by_run=True)
    item = only_item([person()], [suspended], [everybody()])
    assert decided(item) == (Action.CHANGE, Clause.CAME_BACK)
    assert item.changes == (Change("state", "suspended", "active"),)


def test_who_was_suspended_by_hand_stays_suspended():
    item = only_item([person()], [provided(state=State.SUSPENDED)], [everybody()])
    assert decided(item) == (Action.NOTHING, Clause.SUSPENDED_BY_HAND)


# An incomplete reading


def test_an_incomplete_reading_adds_and_changes_but_takes_nothing():
    people = [
        person(1, department="Research"),
        person(2, "b@kube.example", deleted=True),
        person(3, "c@kube.example"),
    ]
    members = [
        provided(1, 10, roles_by_rule={1: "employee", 2: "coordinator"}),
        provided(2, 11, "b@kube.example"),
    ]
    plan = plan_of(people, members, [everybody(), SALES], incomplete=True)
    assert [decided(item) for item in plan.items] == [
        (Action.CHANGE, Clause.CHANGED),
        (Action.NOTHING, Clause.INCOMPLETE),
        (Action.ADD, Clause.MATCHES),
    ]
    assert plan.items[0].withheld == (Grant(2, "coordinator"),)
    assert not any(item.lost for item in plan.items)


def test_a_rule_that_gives_another_role_waits_for_a_complete_reading():
    item = only_item([person()], [provided()], [everybody(role="coordinator")], incomplete=True)
    assert decided(item) == (Action.NOTHING, Clause.INCOMPLETE)
