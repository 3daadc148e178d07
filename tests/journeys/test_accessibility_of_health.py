"""The same eye on the pages of health, changes of mode and members' own authorizations, in every state."""

import pytest

from tests.journeys.eye import Eye, Look, at, post_empty
from tests.journeys.health_states import HealthStates, make_health_states


def of_health(states: HealthStates) -> list[Look]:
    unit, rows = states.states.unit.slug, states.states.connections
    healthy, degraded = rows["healthy"].public_id, rows["degraded"].public_id
    personal = states.personal.public_id
    looks = [
        (f"connection with checks, {name}", at("connection", unit, rows[name].public_id))
        for name in ("healthy", "degraded", "lost")
    ]
    return [
        *looks,
        ("health of the unit", at("unit_health", unit)),
        ("connection of members' own", at("connection", unit, personal)),
        ("mailboxes that are tried, Microsoft", at("connection_probes", unit, healthy)),
        ("mailboxes that are tried, Google", at("connection_probes", unit, degraded)),
        ("end of a secret", at("secret_end", unit, degraded)),
        ("report for a ticket", at("health_report", unit, healthy)),
        ("another secret, of the installation", at("key_rotate", unit, healthy)),
        ("another secret", at("key_rotate", unit, degraded)),
        ("another secret refused", post_empty("key_rotate", unit, degraded, button="Try it and use it")),
        ("wizard: members connect their own", at("connect_members", unit, "free_busy")),
    ]


def of_modes(states: HealthStates) -> list[Look]:
    unit, rows = states.states.unit.slug, states.states.connections
    looks = [
        (f"change of mode, {name}", at("mode_change", unit, change.connection.public_id, change.public_id))
        for name, change in states.changes.items()
    ]
    begun = states.changes["begun"]
    key = at("mode_key", unit, begun.connection.public_id, begun.public_id)
    return [
        *looks,
        ("another mode at Google", at("mode_new", unit, rows["paused"].public_id)),
        ("another mode at Microsoft", at("mode_new", unit, rows["lost"].public_id)),
        ("key for another mode", key),
    ]


def of_a_member(states: HealthStates) -> list[Look]:
    return [
        ("own calendar to connect", at("own_calendar", states.states.unit.slug)),
        ("own authorization ended", at("unit_home", states.states.unit.slug)),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("journeys: accessibility of health")
def test_axe_finds_nothing_on_pages_of_health_and_modes(open_as):
    eye, states = Eye(), make_health_states()

    for looks in (of_health, of_modes):
        eye.look_at_all(open_as(states.states.olga), looks(states))
    eye.look_at_all(open_as(states.states.emma), of_a_member(states))

    assert eye.found == {}
