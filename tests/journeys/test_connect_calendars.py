"""An Ops Admin connects a calendar service, in every mode, from the first question to the first busy time."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.connecting import ADMINISTRATORS
from tests.connections import independent_reader as reader
from tests.journeys import steps
from tests.journeys.calls import calls_of, scopes_on_the_wire
from tests.journeys.scenes import PEOPLE
from tests.journeys.week import shown_busy, week_of
from tests.worker import run_waiting_jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("journeys: connect calendars")]

G = "https://www.googleapis.com/auth/"
GOOGLE_WHO = [
    f"{G}userinfo.email",
    f"{G}userinfo.profile",
]  # how Google's Admin console writes email, profile


@dataclass(frozen=True)
class Story:
    """One service in one mode: the scopes of the product's contract, and those that go over the wire."""

    provider: str
    mode: str
    contract: list[str]
    sign_in: list[str]
    organization: list[str]

    def __str__(self) -> str:
        return f"{self.provider}-{self.mode}"


STORIES = [
    Story(
        "google",
        "read_write",
        contract=["email", "profile", f"{G}calendar"],
        sign_in=["openid", "email", "profile"],
        organization=[*GOOGLE_WHO, f"{G}calendar"],
    ),
    Story(
        "google",
        "free_busy",
        contract=["email", "profile", f"{G}calendar.calendarlist.readonly", f"{G}calendar.events.freebusy"],
        sign_in=["openid", "email", "profile"],
        organization=[*GOOGLE_WHO, f"{G}calendar.calendarlist.readonly", f"{G}calendar.events.freebusy"],
    ),
    Story(
        "microsoft",
        "read_write",
        contract=["openid", "email", "Calendars.ReadWrite.All"],
        sign_in=["openid", "email"],
        organization=["Calendars.ReadWrite"],
    ),
    Story(
        "microsoft",
        "free_busy",
        contract=["openid", "email", "Calendars.ReadBasic.All"],
        sign_in=["openid", "email"],
        organization=["Calendars.ReadBasic.All"],
    ),
]


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_a_service_is_connected_from_the_first_question_to_the_first_busy_time(page: Page, scene, story):
    administrator = ADMINISTRATORS[story.provider]
    steps.sign_in(page, scene.olga)

    steps.choose_mode(page, scene, story.provider, story.mode)
    assert scopes_on_check_page(page) == (story.sign_in, story.organization, story.contract)
    steps.press(page, "Go on to the set-up")
    connection = steps.connection_id(page)

    with page.expect_request(re.compile("/authorize|/o/oauth2/v2/auth")) as leaving:
        steps.sign_in_at_provider(page, story.provider, administrator)
    assert scope_in(leaving.value.url) == story.sign_in
    if story.provider == "google":
        steps.prove_administrator(page, administrator)
        delegated = steps.delegate(page, administrator)
        assert delegated == story.organization
        steps.press(page, "Check now")
    else:
        asked = steps.consent_at_microsoft(page, administrator)
        assert asked == story.organization

    expect(page.get_by_text("Everything asked for is granted, and a calendar answered.")).to_be_visible()
    expect(steps.self_test(page)).to_have_count(len(story.organization) + 1)
    granted = steps.self_test(page).filter(has_text=re.compile("Granted|Answered"))
    expect(granted).to_have_count(len(story.organization) + 1)
    expect(page.get_by_text("0 of 3")).to_be_visible()
    run_waiting_jobs()
    expect(page.get_by_text("3 of 3")).to_be_visible()  # without a click: the page asks by itself
    page.reload()
    steps.expect_state(page, "Healthy")

    steps.open_tab(page, "Members")
    for address in PEOPLE[story.provider]:
        expect(steps.row_of(page, address)).to_contain_text("Synced")
    expect(page.get_by_role("row").filter(has_text="Synced")).to_have_count(3)

    address = PEOPLE[story.provider][1]
    steps.row_of(page, address).get_by_role("link").click()
    person = next(one for one in reader.PEOPLE if one["email"] == address)
    assert shown_busy(page) == reader.busy_of(person, *week_of(page))
    assert scopes_on_the_wire(connection) == wire_scopes(story)


def test_no_access_is_connected_by_naming_mail_domains_and_calls_nobody(page: Page, scene):
    steps.sign_in(page, scene.olga)

    steps.choose_mode(page, scene, "none", "no_access")
    expect(page.locator("#scopes")).to_have_count(0)
    page.get_by_label("Mail domains of these people").fill("etcd.example\n")
    steps.press(page, "Connect")

    expect(page.get_by_text("2 members keep their time here. Nothing is read.")).to_be_visible()
    run_waiting_jobs()
    connection = steps.connection_id(page)
    steps.open_tab(page, "Members")
    for address in PEOPLE["none"]:
        expect(steps.row_of(page, address)).to_contain_text("Kept here")
    steps.row_of(page, PEOPLE["none"][0]).get_by_role("link").click()
    expect(page.get_by_text("No calendar is read.")).to_be_visible()
    assert shown_busy(page) == []
    assert calls_of(connection) == []


# --- what pages and wire say about scopes ---------------------------------------------------------------------------
def scopes_on_check_page(page: Page) -> tuple[list[str], list[str], list[str]]:
    """Asked in the sign-in, granted for the whole organization, and as the product's contract lists them."""
    asked = page.locator("#scopes")
    lists = [asked.locator("ul.scope-words").nth(n).locator("code").all_text_contents() for n in (0, 1)]
    return lists[0], lists[1], asked.locator("p code").all_text_contents()


def scope_in(url: str) -> list[str]:
    return parse_qs(urlsplit(url).query)["scope"][0].split()


def wire_scopes(story: Story) -> set[str]:
    """Google's assertions name each scope; Microsoft's tokens hold what the registration holds."""
    if story.provider == "google":
        return set(story.organization)
    return {"https://graph.microsoft.com/.default"}
