"""What people do with their hands, step by step: on the portal's pages and on the providers'."""

import re

from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from connections import jobs
from orgunits.models import User
from tests.journeys.scenes import PASSWORD, Scene
from tests.people import MICROSOFT_ADMINISTRATOR
from tests.worker import run_waiting_jobs

SERVICES = {"google": "Google Workspace", "microsoft": "Microsoft 365", "none": "Another service"}
MODES = {"read_write": "Read Write", "free_busy": "Free/Busy", "no_access": "No Access"}


def press(page: Page, name: str | re.Pattern) -> None:
    """Press the one button of this name in the page's content."""
    page.get_by_role("main").get_by_role("button", name=name, exact=isinstance(name, str)).click()


def follow(page: Page, name: str) -> None:
    """Follow the one link of this name in the page's content."""
    page.get_by_role("main").get_by_role("link", name=name, exact=True).click()


# --- the portal -----------------------------------------------------------------------------------------------------
def sign_in(page: Page, user: User) -> None:
    """Through the sign-in page, to the person's unit."""
    page.goto(reverse("account_login"))
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    expect(page).not_to_have_url(re.compile("login"))


def expect_refusal(page: Page, *roles: str) -> None:
    """The page that does not open, naming these roles that would open it and no other."""
    expect(page.get_by_role("heading", level=1)).to_have_text("You cannot do this here")
    expect(page.get_by_role("main").get_by_role("listitem").locator("strong")).to_have_text(list(roles))


def choose_mode(page: Page, scene: Scene, provider: str, mode: str, *, administrator: bool = True) -> None:
    """The wizard's questions, from the unit's connections to the page that shows the answers."""
    page.goto(reverse("connections", args=[scene.unit.slug]))
    follow(page, "Connect a calendar service")
    page.get_by_role("radio", name="Yes, I am" if administrator else "No, somebody else is").check()
    press(page, "Continue")
    page.get_by_role("radio", name=SERVICES[provider]).check()
    press(page, "Continue")
    if provider != "none":
        follow(page, f"Choose {MODES[mode]}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your answers")


def begin_set_up(page: Page, scene: Scene, provider: str, mode: str) -> str:
    """The wizard as an administrator, to the set-up page; answers the connection's public id."""
    choose_mode(page, scene, provider, mode)
    press(page, "Go on to the set-up")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Set up {SERVICES[provider]}")
    return connection_id(page)


def connect_microsoft(page: Page, scene: Scene) -> str:
    """Sign in and go the whole way, to calendars that were read; answers the connection's public id."""
    sign_in(page, scene.olga)
    connection = begin_set_up(page, scene, "microsoft", "free_busy")
    sign_in_at_provider(page, "microsoft", MICROSOFT_ADMINISTRATOR)
    consent_at_microsoft(page, MICROSOFT_ADMINISTRATOR)
    expect_state(page, "Healthy")
    run_waiting_jobs()
    expect(page.get_by_text("3 of 3")).to_be_visible()
    return connection


def open_tab(page: Page, name: str) -> None:
    """One of the unit's pages, by the menu above every page."""
    page.get_by_role("banner").get_by_role("link", name=name, exact=True).click()


def menu(page: Page) -> Locator:
    """The entries of the unit's menu."""
    return page.get_by_role("banner").get_by_role("navigation").get_by_role("link")


def cards(page: Page) -> Locator:
    """The headings of the page's parts, in their order."""
    return page.get_by_role("main").get_by_role("heading", level=2)


def switch_unit(page: Page, name: str) -> None:
    """By the menu in the header."""
    page.get_by_text("Organizational unit:").locator("..").click()
    page.get_by_role("banner").get_by_role("link", name=name, exact=True).click()


def applications(page: Page) -> Locator:
    """The names in the list of applications."""
    return page.get_by_role("table", name="Applications").get_by_role("rowheader").get_by_role("link")


def row_of(page: Page, address: str) -> Locator:
    """A member's row in the list."""
    return page.get_by_role("row").filter(has_text=address)


def expect_state(page: Page, word: str) -> None:
    """The connection's state line begins with this word."""
    expect(page.locator(".state-line-head")).to_contain_text(re.compile(rf"^\s*{word}\b"))


def self_test(page: Page) -> Locator:
    """The lines of the self-test, each permission and then one calendar."""
    return page.get_by_role("list", name="Self-test").get_by_role("listitem")


def connection_id(page: Page) -> str:
    """The public id in the address of one of the connection's pages."""
    return re.search(r"/connections/(con_[^/]+)/", page.url)[1]


def read_now() -> None:
    """What the timetable and a worker would do within the next minute."""
    jobs.poll_changes()
    run_waiting_jobs()


# --- the providers --------------------------------------------------------------------------------------------------
def choose_account(page: Page, address: str) -> None:
    page.get_by_role("textbox", name=re.compile("^Another account")).fill(address)


def sign_in_at_provider(page: Page, provider: str, address: str) -> None:
    """From the set-up page to the provider's sign-in and back."""
    press(page, f"Sign in to {SERVICES[provider]}")
    choose_account(page, address)
    press(page, "Allow")


def sign_in_with(page: Page, service: str, address: str) -> None:
    """From the portal's sign-in page to Google's or Microsoft's and back."""
    page.goto(reverse("account_login"))
    follow(page, f"Continue with {service}")
    press(page, f"Go to {service}")
    choose_account(page, address)
    press(page, "Allow")


def prove_administrator(page: Page, address: str) -> None:
    """Google says only when asked once more whether the account is an administrator."""
    press(page, "Sign in as an administrator")
    choose_account(page, address)
    press(page, "Allow")


def open_admin_console(page: Page, administrator: str) -> Page:
    """Google's Admin console in a tab of its own, signed in."""
    with page.expect_popup() as opened:
        follow(page, "Open “Domain-wide delegation”")
    console = opened.value
    choice = console.get_by_role("combobox", name="Sign in as super administrator")
    choice.select_option(administrator)
    press(console, "Sign in")
    return console


def copy_and_paste(source: Page, label: str, target: Page, field: str) -> None:
    """Press the copy button on one page and Ctrl+V in a field of the other."""
    button = source.get_by_role("button", name=f"Copy {label}")
    button.click()
    expect(button).to_contain_text("Copied")
    target.get_by_role("textbox", name=field).click()
    target.keyboard.press("ControlOrMeta+V")


def read_and_type(source: Page, label: str, target: Page, field: str) -> None:
    """The same without the copy button, which is a script's."""
    text = source.get_by_role("textbox", name=label, exact=True).input_value()
    target.get_by_role("textbox", name=field).fill(text)


def delegate(page: Page, administrator: str, *, leave_out: str = "", carry=copy_and_paste) -> list[str]:
    """Carry client id and scopes to the Admin console; `leave_out` is a scope forgotten on the way.

    Answers the scopes that the console shows in the end.
    """
    console = open_admin_console(page, administrator)
    carry(page, "client id", console, "Client ID")
    carry(page, "scopes", console, "OAuth scopes")
    if leave_out:
        field = console.get_by_role("textbox", name="OAuth scopes")
        field.fill(",".join(scope for scope in field.input_value().split(",") if scope != leave_out))
    press(console, "Authorize")
    granted = console.get_by_role("table").get_by_role("cell").nth(1).inner_text().split()
    console.close()
    return granted


def consent_at_microsoft(page: Page, address: str, *, agree: bool = True) -> list[str]:
    """From the set-up page to Microsoft's consent page and back; answers the permissions it asked for."""
    press(page, "Go to Microsoft’s consent page")
    asked = page.get_by_role("listitem").filter(has_text="application permission").all_inner_texts()
    choose_account(page, address)
    press(page, "Accept" if agree else "Cancel")
    return [line.split()[0] for line in asked]
