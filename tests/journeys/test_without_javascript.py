"""A whole journey with scripts switched off: pages are reloaded, and nothing else is different."""

import pytest
from playwright.sync_api import Page, expect

from tests.connections import independent_reader as reader
from tests.journeys import steps
from tests.journeys.week import shown_busy, week_of
from tests.people import GOOGLE_ADMINISTRATOR
from tests.worker import run_waiting_jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("journeys: no scripts")]

MATEO = next(person for person in reader.PEOPLE if person["email"] == "mateo.diaz24@kube.example")


def test_google_is_connected_and_a_calendar_chosen_without_javascript(open_browser, scene):
    page = open_browser(java_script_enabled=False)
    steps.sign_in(page, scene.olga)
    steps.begin_set_up(page, scene, "google", "free_busy")
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)  # what needs a script is not there
    steps.sign_in_at_provider(page, "google", GOOGLE_ADMINISTRATOR)
    steps.prove_administrator(page, GOOGLE_ADMINISTRATOR)
    steps.delegate(page, GOOGLE_ADMINISTRATOR, carry=steps.read_and_type)
    steps.press(page, "Check now")

    expect(page.get_by_text("0 of 3")).to_be_visible()
    run_waiting_jobs()
    steps.follow(page, "Reload to see the latest state")
    expect(page.get_by_text("3 of 3")).to_be_visible()
    steps.expect_state(page, "Healthy")

    steps.open_tab(page, "Members")
    find_members(page, state="Not served")
    expect(page.get_by_role("row").filter(has_text="@sigs.example")).to_have_count(3)
    expect(page.get_by_role("row").filter(has_text="@kube.example")).to_have_count(0)
    find_members(page, name="mateo", state="Any")
    expect(page.get_by_role("row").filter(has_text="@")).to_have_count(1)
    steps.row_of(page, MATEO["email"]).get_by_role("link").click()

    assert shown_busy(page) == reader.busy_of(MATEO, *week_of(page))
    choices = page.get_by_role("group", name="Calendars that count")
    choices.get_by_role("checkbox", checked=False).check()
    page.locator("#calendars").get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    steps.read_now()
    page.reload()
    expect(choices.get_by_role("checkbox", checked=True)).to_have_count(2)
    assert shown_busy(page) == reader.busy_of(MATEO, *week_of(page), with_private_plans=True)


def find_members(page: Page, *, name: str = "", state: str) -> None:
    """Fill the filter above the list and apply it."""
    page.get_by_role("textbox", name="Name or address").fill(name)
    calendar = page.get_by_role("combobox", name="Calendar", exact=True)
    if not calendar.is_visible():
        page.get_by_text("More filters").click()
    calendar.select_option(label=state)
    page.get_by_role("button", name="Apply").click()
