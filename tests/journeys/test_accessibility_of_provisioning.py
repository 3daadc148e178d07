"""The same eye on the pages of rules and plans, in every state."""

import pytest

from tests.journeys.eye import Eye, Look, at, post_empty
from tests.journeys.provisioning_states import ProvisioningStates, make_provisioning_states


def of_rules(states: ProvisioningStates) -> list[Look]:
    unit, row, bare = states.unit.slug, states.followed.public_id, states.bare.public_id
    edits = [
        (f"rule, {name}", at("rule_edit", unit, row, rule.public_id)) for name, rule in states.rules.items()
    ]
    return [
        ("people by rule", at("people", unit)),
        ("people by rule, no directory", at("people", states.empty.slug)),
        *edits,
        ("new rule", at("rule_new", unit, row)),
        ("new rule, nothing entered", post_empty("rule_new", unit, row, button="Save and see the plan")),
        ("new rule, no groups", at("rule_new", unit, bare)),
        ("limits", at("policy", unit, bare)),
        ("limits, nothing entered", post_empty("policy", unit, row, button="Save")),
    ]


def of_plans(states: ProvisioningStates) -> list[Look]:
    unit, ready = states.unit.slug, states.plans["ready"].public_id
    return [
        *((f"plan, {name}", at("plan", unit, plan.public_id)) for name, plan in states.plans.items()),
        ("plan, conflicts", at("plan", unit, ready, query="?action=conflict")),
        ("plan, who would go", at("plan", unit, ready, query="?candidates=on")),
        ("plan, nobody found", at("plan", unit, ready, query="?q=nobodyatall")),
        ("plan to apply", at("plan_apply", unit, ready)),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("journeys: accessibility of provisioning")
def test_axe_finds_nothing_on_pages_of_rules_and_plans(open_as):
    eye, states = Eye(), make_provisioning_states()

    for looks in (of_rules, of_plans):
        eye.look_at_all(open_as(states.olga), looks(states))

    assert eye.found == {}
