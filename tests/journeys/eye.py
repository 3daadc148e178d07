"""Looks at pages with axe, on a desk and on a phone and in both themes, and for what scrolls sideways."""

from collections.abc import Callable
from pathlib import Path

from django.conf import settings as portal_settings
from django.urls import reverse
from playwright.sync_api import Page

from tests.journeys import steps

AXE = Path(portal_settings.BASE_DIR) / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
COLOURS = ["color-contrast", "link-in-text-block"]  # the rules that another theme can break
RUN_AXE = """async runOnly => {
  const ends = one => Number.isFinite(one.effect.getComputedTiming().endTime)
  while (document.getAnimations().some(ends)) await new Promise(requestAnimationFrame)  // colours still change
  const found = await axe.run(document, {runOnly, resultTypes: ["violations"]})
  return found.violations.flatMap(rule => rule.nodes.map(node =>
    `${rule.id}: ${node.target.join(" ")} ${node.failureSummary.replace(/\\s+/g, " ")}`))
}"""
EVERYTHING, ONLY_COLOURS = {"type": "tag", "values": WCAG}, {"type": "rule", "values": COLOURS}
PHONE, DESK, HEIGHT = 320, 1280, 800

Look = tuple[str, Callable[[Page], object]]  # what the page is called, and how one gets there


class Eye:
    """Looks at one page after the other; what it found is kept by the page's name."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def look(self, page: Page, name: str) -> None:
        """On a desk and on a phone: everything in the light, then the colours in the dark."""
        if not page.evaluate("'axe' in window"):
            page.evaluate(AXE.read_text())  # a script tag would break the content security policy
        problems = []
        for scheme, width in (("light", DESK), ("light", PHONE), ("dark", PHONE), ("dark", DESK)):
            page.set_viewport_size({"width": width, "height": HEIGHT})
            page.emulate_media(color_scheme=scheme)
            rules = EVERYTHING if scheme == "light" else ONLY_COLOURS
            found = page.evaluate(RUN_AXE, rules)
            problems += [f"{scheme}, {width} px: {problem}" for problem in found]
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                problems.append(f"{scheme}, {width} px: scrolls sideways: {wide} px wide")
        if problems:
            self.found[name] = problems

    def look_at_all(self, page: Page, looks: list[Look]) -> None:
        for name, go in looks:
            go(page)
            self.look(page, name)


def at(name: str, *args: str, query: str = "") -> Callable[[Page], object]:
    """Goes straight to an address."""
    return lambda page: page.goto(reverse(name, args=args) + query)


def post_empty(name: str, *args: str, button: str) -> Callable[[Page], object]:
    """Sends a form with nothing in it, past the browser's own check, so that the page comes back with errors."""

    def go(page: Page) -> None:
        page.goto(reverse(name, args=args))
        page.locator("main form").evaluate_all("forms => forms.forEach(form => form.noValidate = true)")
        steps.press(page, button)

    return go
