"""An administrator without account gets a link, agrees in their own browser, and can open nothing else."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from connections.calendar_connections import create_connection
from connections.hand_offs import create_link
from tests.connecting import ADMINISTRATORS
from tests.journeys import steps
from tests.journeys.scenes import Scene
from tests.worker import run_waiting_jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("journeys: hand-off")]

PROVIDERS = ["google", "microsoft"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_administrator_without_account_connects_by_a_hand_off_link(open_browser, page, scene, provider):
    link = make_link(page, scene, provider)
    connection = steps.connection_id(page)
    theirs = open_browser()
    administrator = ADMINISTRATORS[provider]

    theirs.goto(link)
    expect(theirs.get_by_role("heading", level=1)).to_have_text(
        f"Kube asks you to connect {steps.SERVICES[provider]}"
    )
    expect(theirs.get_by_role("main")).to_contain_text("Free/Busy")
    assert links_into_the_portal(theirs) == []
    steps.press(theirs, "Start")
    steps.sign_in_at_provider(theirs, provider, administrator)
    assert links_into_the_portal(theirs) == []
    assert_opens_nothing_else(theirs, scene, connection)

    theirs.goto(reverse("hand_off_set_up"))
    if provider == "google":
        steps.prove_administrator(theirs, administrator)
        steps.delegate(theirs, administrator)
        steps.press(theirs, "Check now")
    else:
        steps.consent_at_microsoft(theirs, administrator)

    expect(theirs.get_by_role("heading", level=1)).to_have_text("Thank you, that was all")
    assert links_into_the_portal(theirs) == []
    assert_opens_nothing_else(theirs, scene, connection)
    theirs.goto(link)
    expect(theirs.get_by_role("heading", level=1)).to_have_text("This was done already")

    run_waiting_jobs()
    page.goto(reverse("connection", args=[scene.unit.slug, connection]))
    steps.expect_state(page, "Healthy")
    expect(page.get_by_text("3 of 3")).to_be_visible()


def test_a_started_link_works_in_no_other_browser_and_a_withdrawn_one_in_none(open_browser, page, scene):
    link = make_link(page, scene, "microsoft")
    first, second = open_browser(), open_browser()
    first.goto(link)
    steps.press(first, "Start")

    second.goto(link)
    expect(second.get_by_role("heading", level=1)).to_have_text("This link is in use in another browser")
    second.goto(reverse("hand_off_set_up"))
    expect(second.get_by_role("heading", level=1)).to_have_text("This link is not known")

    page.reload()  # the link itself is shown once
    expect(page.get_by_role("textbox", name="hand-off link")).to_have_count(0)
    steps.press(page, "Withdraw the link")
    first.goto(link)
    expect(first.get_by_role("heading", level=1)).to_have_text("This link was withdrawn")
    first.goto(reverse("hand_off_set_up"))
    expect(first.get_by_role("heading", level=1)).to_have_text("This link is not known")


def test_a_link_that_ended_is_replaced_by_the_offer_of_a_new_one(page, scene):
    ten_days_ago = timezone.now() - timedelta(days=10)
    connection = create_connection(scene.unit, "google", "free_busy", by=scene.olga, now=ten_days_ago)
    create_link(connection, by=scene.olga, now=ten_days_ago)
    steps.sign_in(page, scene.olga)

    page.goto(reverse("set_up", args=[scene.unit.slug, connection.public_id]))

    expect(page.get_by_role("button", name="Withdraw the link")).to_have_count(0)
    steps.press(page, "Make a hand-off link")
    expect(page.get_by_role("textbox", name="hand-off link")).to_be_visible()


def make_link(page: Page, scene: Scene, provider: str) -> str:
    """Olga says that somebody else is the administrator; answers the link she gets."""
    steps.sign_in(page, scene.olga)
    steps.choose_mode(page, scene, provider, "free_busy", administrator=False)
    steps.press(page, "Make the connection and its link")
    return page.get_by_role("textbox", name="hand-off link").input_value()


def links_into_the_portal(page: Page) -> list[str]:
    """Addresses of this portal that the page leads to, its own parts aside."""
    links = page.get_by_role("link").evaluate_all("links => links.map(link => link.href)")
    here = page.url.partition("#")[0]
    return [url for url in links if url.startswith(page.evaluate("origin")) and url.partition("#")[0] != here]


def assert_opens_nothing_else(page: Page, scene: Scene, connection: str) -> None:
    """Every page of the unit, the connection's own included, asks this browser to sign in."""
    slug = scene.unit.slug
    member = next(iter(scene.members.values()))
    addresses = [
        reverse("front_door"),
        reverse("gallery"),
        *(reverse(name, args=[slug]) for name in ("unit_home", "connections", "members", "audit_log")),
        *(
            reverse(name, args=[slug, connection])
            for name in ("connection", "set_up", "connection_disconnect")
        ),
        reverse("member", args=[slug, member.public_id]),
    ]
    for address in addresses:
        page.goto(address)
        assert urlsplit(page.url).path == reverse("account_login"), address
