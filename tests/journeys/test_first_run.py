"""An empty installation: the first person comes by the link, proves who they are twice, and makes a unit."""

import re

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.urls import reverse
from playwright.sync_api import Page, expect

from orgunits import first_run
from orgunits.models import OrganizationalUnit, User
from tests.journeys import steps
from tests.journeys.scenes import make_person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("journeys: first run")]

EMAIL, PASSWORD = "frieda@portal.example", "a long enough sentence"


@pytest.fixture
def empty_installation(portal, settings) -> None:
    """As an operator starts it: nobody is here, and who may change things needs a second factor."""
    settings.MFA_REQUIRED = True
    assert not User.objects.exists()


def test_the_first_person_makes_a_unit_after_setting_up_an_app(page: Page, empty_installation):
    come_by_the_link(page)
    expect_second_factor(page)
    page.goto(reverse("unit_new"))
    expect_second_factor(page)

    way = page.locator("section").filter(has=page.get_by_role("heading", name="Authenticator app"))
    way.get_by_role("link", name="Set up").click()
    confirm_if_asked(page)
    secret = page.get_by_role("textbox", name="Authenticator secret").input_value()
    page.get_by_role("textbox", name="Authenticator code").fill(code_of(secret))
    steps.press(page, "Activate")

    code = page.get_by_role("textbox", name="Unused codes").input_value().split()[0]
    steps.follow(page, "Continue")
    expect(page).to_have_url(re.compile(reverse("unit_new")))
    make_unit(page)

    sign_out(page)
    sign_in(page)
    page.get_by_role("textbox", name="Code").fill(code)  # the phone is lost
    steps.press(page, "Sign In")
    expect(page.get_by_role("heading", level=1)).to_have_text("Kube Community")


def test_the_first_person_makes_a_unit_after_adding_a_passkey(page: Page, empty_installation):
    plug_in_security_key(page)
    come_by_the_link(page)
    expect_second_factor(page)

    steps.follow(page, "Add a key")
    confirm_if_asked(page)
    page.get_by_role("textbox", name="Name").fill("In the pocket")
    page.get_by_role("checkbox").check()
    steps.press(page, "Add")

    expect(page.get_by_role("status")).to_contain_text("Security key added.")
    make_unit(page)

    sign_out(page)
    page.goto(reverse("account_login"))
    steps.press(page, "Passkey")
    expect(page.get_by_role("heading", level=1)).to_have_text("Kube Community")


def test_the_link_opens_nothing_once_somebody_is_here(page: Page, empty_installation):
    link = first_run.link()
    make_person("Olga", "olga@portal.example")

    page.goto(link)

    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")


def plug_in_security_key(page: Page) -> None:
    """A key that the browser makes up (https://www.w3.org/TR/webauthn-3/#sctn-automation)."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    key = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options = {**key, "isUserVerified": True, "automaticPresenceSimulation": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def come_by_the_link(page: Page) -> None:
    """The link that the start of the portal prints, and then the sign-in page."""
    page.goto(first_run.link())
    page.get_by_label("Your e-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    steps.press(page, "Create the account")
    expect(page.get_by_role("status")).to_contain_text("You are the first staff person here.")
    sign_in(page)


def sign_in(page: Page) -> None:
    page.goto(reverse("account_login"))
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    steps.press(page, "Sign in")


def sign_out(page: Page) -> None:
    menu = page.get_by_role("banner").get_by_role("group").filter(has_text=EMAIL)
    menu.locator("summary").click()
    menu.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("main").get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def expect_second_factor(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Second factor")
    expect(page.get_by_role("status")).to_contain_text("Your role needs a second factor.")


def confirm_if_asked(page: Page) -> None:
    """Some time after the sign-in the password is asked for again."""
    if page.get_by_role("heading", name="Confirm it is you").count():
        page.get_by_label("Password").fill(PASSWORD)
        steps.press(page, "Confirm")


def code_of(secret: str) -> str:
    """What the app on the phone shows now."""
    counter = next(totp.yield_hotp_counters_from_time())
    return totp.format_hotp_value(totp.hotp_value(secret, counter))


def make_unit(page: Page) -> None:
    """From the front door to the home of the first unit."""
    page.get_by_role("banner").get_by_role("link", name="Convoke").click()
    steps.follow(page, "Create the first unit")
    page.get_by_label("What is it called?").fill("Kube Community")
    steps.press(page, "Create unit")
    expect(page.get_by_role("heading", level=1)).to_have_text("Kube Community")
    expect(page.get_by_role("main").get_by_role("link", name="Connect a calendar service")).to_be_visible()
    assert OrganizationalUnit.objects.get().name == "Kube Community"
