"""A connection is paused and resumed, ended and made anew; what members chose outlives it."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.connecting import connect
from tests.connections import independent_reader as reader
from tests.journeys import steps
from tests.journeys.calls import calls_of
from tests.journeys.week import shown_busy, week_of
from tests.people import MICROSOFT_ADMINISTRATOR
from tests.worker import run_waiting_jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("journeys: connection life")]

PAULO = next(person for person in reader.PEOPLE if person["email"] == "paulo.dubois73@sigs.example")


def test_choices_of_calendars_are_kept_when_a_service_is_disconnected_and_connected_again(
    page: Page, scene, providers
):
    first = connect(scene.unit, "microsoft", "free_busy", providers, by=scene.olga)
    run_waiting_jobs()
    steps.sign_in(page, scene.olga)
    choose_only_private_plans(page, scene)
    assert shown_busy(page) == private_plans_of_the_week(page)

    page.goto(reverse("connection", args=[scene.unit.slug, first.public_id]))
    page.get_by_role("link", name=re.compile("^Disconnect")).click()
    expect(page.get_by_role("main")).to_contain_text("3 members are no longer served by this connection.")
    steps.press(page, "Disconnect for good")
    steps.expect_state(page, "Disconnected")
    open_paulo(page, scene)
    expect(page.get_by_role("main")).to_contain_text("Not served")
    assert shown_busy(page) == []

    steps.begin_set_up(page, scene, "microsoft", "free_busy")
    steps.sign_in_at_provider(page, "microsoft", MICROSOFT_ADMINISTRATOR)
    steps.consent_at_microsoft(page, MICROSOFT_ADMINISTRATOR)
    run_waiting_jobs()

    open_paulo(page, scene)
    primary, private = calendars(page)
    expect(primary).not_to_be_checked()
    expect(private).to_be_checked()
    assert shown_busy(page) == private_plans_of_the_week(page)


def test_a_paused_connection_makes_no_call_until_it_is_resumed(page: Page, scene, providers):
    connection = connect(scene.unit, "google", "free_busy", providers, by=scene.olga)
    run_waiting_jobs()
    steps.sign_in(page, scene.olga)
    page.goto(reverse("connection", args=[scene.unit.slug, connection.public_id]))

    steps.press(page, "Pause")
    steps.expect_state(page, "Paused")
    expect(page.get_by_role("main")).to_contain_text("We make no calls until you resume")
    made = len(calls_of(connection.public_id))
    run_waiting_jobs()
    steps.open_tab(page, "Members")
    expect(steps.row_of(page, "pia.bauer11@kube.example")).to_contain_text("Paused")
    assert len(calls_of(connection.public_id)) == made

    page.go_back()
    steps.press(page, "Resume")
    expect(page.get_by_role("main")).to_contain_text("Resumed. Calendars are being read again.")
    run_waiting_jobs()
    page.reload()
    steps.expect_state(page, "Healthy")
    expect(page.get_by_text("3 of 3")).to_be_visible()
    assert len(calls_of(connection.public_id)) > made


def open_paulo(page: Page, scene) -> None:
    page.goto(reverse("member", args=[scene.unit.slug, scene.members[PAULO["email"]].public_id]))


def calendars(page: Page):
    """The primary calendar and the second one."""
    boxes = page.get_by_role("group", name="Calendars that count").get_by_role("checkbox")
    expect(boxes).to_have_count(2)
    return boxes.nth(0), boxes.nth(1)


def choose_only_private_plans(page: Page, scene) -> None:
    open_paulo(page, scene)
    primary, private = calendars(page)
    expect(primary).to_be_checked()
    primary.uncheck()
    private.check()
    page.locator("#calendars").get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    steps.read_now()
    page.reload()


def private_plans_of_the_week(page: Page) -> list[reader.Block]:
    return reader.busy(reader.private_plans(PAULO), PAULO["time_zone"], *week_of(page))
