"""A whole journey without a mouse: Tab, Enter, Space and arrows, and always a place that is seen to have the focus."""

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from orgunits.models import Invitation, User
from tests.journeys import steps
from tests.journeys.scenes import PASSWORD
from tests.worker import run_waiting_jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("journeys: keyboard")]

MOST_TABS = 60
FRAMES_MS = 50  # two or three frames
DRAWN = "() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
# What has the focus, and whether one can see it: in sight, with an outline or a shadow on it or on what frames it.
FOCUS = """() => {
  const at = document.activeElement
  const box = at.getBoundingClientRect()
  const ringed = [at, at.closest("label"), at.parentElement].some(one => {
    const style = one && getComputedStyle(one)
    return style && ((style.outlineStyle !== "none" && style.outlineWidth !== "0px") || style.boxShadow !== "none")
  })
  const moved = window.lastStop !== at || at.type === "date"  // its day, month and year are stops of their own
  window.lastStop = at
  return {
    name: at.outerHTML.slice(0, 120), body: at === document.body, moved, ringed,
    seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  }
}"""


class Hands:
    """Two hands on a keyboard. Without `scripts` the page does not tell when it is drawn."""

    def __init__(self, page: Page, *, scripts: bool = True) -> None:
        self.page = page
        self.scripts = scripts

    def go_to(self, target: Locator) -> None:
        """Press Tab until `target` has the focus; on the way every stop must be visible."""
        expect(target).to_have_count(1)
        before = "the beginning"
        for _ in range(MOST_TABS):
            if has_focus(target):
                return
            self.page.keyboard.press("Tab")
            self.page.evaluate(DRAWN) if self.scripts else self.page.wait_for_timeout(FRAMES_MS)
            now = self.page.evaluate(FOCUS)
            assert not now["body"], f"Tab lost the focus after {before}"
            assert now["moved"], f"Tab does not move on from {before}"
            assert now["seen"], f"focus out of sight: {now['name']}"
            assert now["ringed"], f"focus cannot be seen: {now['name']}"
            before = now["name"]
        raise AssertionError(f"{MOST_TABS} times Tab do not lead to {target}")

    def press(self, name: str, *, key: str = "Enter") -> None:
        """Go to a button and press it."""
        self.go_to(self.page.get_by_role("main").get_by_role("button", name=name, exact=True))
        self.page.keyboard.press(key)

    def follow(self, name: str, *, within: str = "main") -> None:
        """Go to a link and follow it."""
        self.go_to(self.page.get_by_role(within).get_by_role("link", name=name, exact=True))
        self.page.keyboard.press("Enter")


def has_focus(target: Locator) -> bool:
    return target.evaluate("element => element === document.activeElement")


def sign_in(page: Page, hands: Hands, user: User) -> None:
    page.goto(reverse("account_login"))
    hands.go_to(page.get_by_label("Email"))
    page.keyboard.type(user.email)
    hands.go_to(page.get_by_label("Password"))
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")


def test_microsoft_is_connected_and_a_member_opened_by_keyboard_alone(open_browser, scene):
    page = open_browser(reduced_motion="reduce")  # scrolling that glides is still under way when we look
    hands = Hands(page)
    sign_in(page, hands, scene.olga)

    expect(page.get_by_role("heading", level=1)).to_have_text("Kube")
    hands.follow("Connect a calendar service")
    hands.go_to(page.get_by_role("radio", name="Yes, I am"))
    page.keyboard.press("Space")
    hands.press("Continue")
    hands.go_to(page.get_by_role("radio", name="Google Workspace"))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="Microsoft 365")).to_be_checked()
    hands.press("Continue", key="Space")
    hands.follow("Choose Free/Busy")
    hands.press("Go on to the set-up")

    hands.press("Sign in to Microsoft 365")
    hands.press("Allow")  # the first account is the administrator's
    hands.press("Go to Microsoft’s consent page")
    hands.press("Accept")
    steps.expect_state(page, "Healthy")
    run_waiting_jobs()
    expect(page.get_by_text("3 of 3")).to_be_visible()

    hands.follow("Members", within="banner")
    hands.follow("paulo.dubois73")
    expect(page.get_by_role("heading", level=1)).to_have_text("paulo.dubois73")
    hands.go_to(page.get_by_text("The same as a table").first)
    page.keyboard.press("Enter")
    expect(page.get_by_role("figure").first.get_by_text("Busy").last).to_be_visible()


def test_two_people_are_invited_and_a_role_is_given_by_keyboard_without_javascript(open_browser, scene):
    page = open_browser(reduced_motion="reduce", java_script_enabled=False)
    hands = Hands(page, scripts=False)
    sign_in(page, hands, scene.olga)

    hands.follow("Members", within="banner")
    hands.follow("Invite people")
    hands.go_to(page.get_by_label("E-mail addresses"))
    page.keyboard.type("first@visitors.example")
    page.keyboard.press("Enter")
    page.keyboard.type("second@visitors.example")
    hands.press("Check")
    expect(page.get_by_role("row").filter(has_text="Will be invited")).to_have_count(2)
    hands.press("Send 2 invitations")
    expect(page.get_by_role("heading", level=1)).to_have_text("Invitations sent")
    run_waiting_jobs()
    hands.follow("Members")
    hands.follow("first@visitors.example")

    hands.follow("Give a role")
    hands.go_to(page.get_by_role("radio", name="Scheduling Coordinator"))
    page.keyboard.press("Space")
    hands.press("Give the role")

    expect(page.get_by_role("main")).to_contain_text("Scheduling Coordinator")
    expect(page.get_by_role("rowheader")).to_have_text(["Scheduling Coordinator", "Employee"])
    assert sorted(Invitation.objects.values_list("email", flat=True)) == [
        "first@visitors.example",
        "second@visitors.example",
    ]
