"""One act with many members: ticked in the list, looked at before, watched while it goes on."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from orgunits.models import Member
from tests.builders import make_members
from tests.journeys import steps
from tests.worker import run_waiting_jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("journeys: many members")]


def test_ticked_members_are_previewed_and_suspended_while_one_watches(page, scene):
    make_members(scene.unit, [f"aaa{n:02}@many.example" for n in range(3)])
    steps.sign_in(page, scene.olga)
    page.goto(reverse("members", args=[scene.unit.slug]) + "?host=many.example")

    page.get_by_role("checkbox", name="Tick all on this page").check()
    expect(page.get_by_text("3 of 3 selected")).to_be_visible()
    page.get_by_role("checkbox", name="Tick aaa01").uncheck()
    expect(page.get_by_text("2 of 3 selected")).to_be_visible()
    page.get_by_label("What to do").select_option(label="Suspend")
    steps.press(page, "Preview")
    expect(page.get_by_role("heading", level=1)).to_have_text("Suspend")
    expect(page.get_by_text("aaa02@many.example")).to_be_visible()
    expect(page.get_by_text("aaa01@many.example")).to_have_count(0)
    steps.press(page, "Do it for 2 members")
    expect(page.get_by_text("0 of 2")).to_be_visible()
    run_waiting_jobs()

    expect(page.get_by_text("2 of 2")).to_be_visible()  # by itself
    suspended = scene.unit.members.filter(state=Member.State.SUSPENDED)
    assert set(suspended.values_list("email", flat=True)) == {"aaa00@many.example", "aaa02@many.example"}
