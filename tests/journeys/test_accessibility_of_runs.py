"""The same eye on the pages of runs and leavers, in every state."""

import pytest
from playwright.sync_api import Page

from tests.journeys.eye import Eye, Look, at
from tests.journeys.run_states import RunStates, make_run_states
from tests.journeys.steps import press


def of_runs(states: RunStates) -> list[Look]:
    unit, paused = states.unit.slug, states.runs["paused"].public_id
    return [
        ("runs", at("runs", unit)),
        ("runs, none found", at("runs", unit, query="?state=failed&directory=nothing")),
        ("runs of a quiet unit", at("runs", states.empty.slug)),
        *((f"run, {name}", at("run", unit, row.public_id)) for name, row in states.runs.items()),
        ("people of a run", at("run", unit, paused, query="?result=held&q=person")),
        ("people of a run, none found", at("run", unit, paused, query="?q=nobodyatall")),
        ("approval without the name", _approve(unit, paused)),
        ("home with a paused run", at("roles", unit)),
    ]


def of_leavers(states: RunStates) -> list[Look]:
    unit = states.unit.slug
    return [
        ("leavers", at("leavers", unit)),
        ("leavers, none found", at("leavers", unit, query="?q=nobodyatall")),
        ("leavers of a quiet unit", at("leavers", states.empty.slug)),
        *((f"leaver, {name}", at("leaver", unit, row.public_id)) for name, row in states.leavers.items()),
        ("offboarding by hand", at("leaver_new", unit, states.colleague.public_id)),
        ("offboarding a leaver", at("leaver_new", unit, states.leavers["in grace"].member.public_id)),
        ("member who can be offboarded", at("member", unit, states.colleague.public_id)),
    ]


def _approve(unit: str, run: str):
    def go(page: Page) -> None:
        at("run", unit, run)(page)
        page.evaluate("document.querySelectorAll('#approve form').forEach(form => form.noValidate = true)")
        press(page, "Approve for 30 people")

    return go


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("journeys: accessibility of runs")
def test_axe_finds_nothing_on_pages_of_runs_and_leavers(open_as):
    eye, states = Eye(), make_run_states()

    for looks in (of_runs, of_leavers):
        eye.look_at_all(open_as(states.olga), looks(states))

    assert eye.found == {}
