"""Reading a member's page: which week it shows, and when it says busy."""

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page

from tests.connections.independent_reader import Block, joined

READ_TABLE = """rows => rows.map(row => [
  row.querySelector("time").dateTime, [...row.querySelectorAll("li")].map(line => line.textContent)])"""


def _days(page: Page) -> list[tuple[str, list[str]]]:
    """Date and lines of each day in the table beside the drawing; the viewer's zone comes first."""
    return page.get_by_role("figure").first.locator("tbody tr").evaluate_all(READ_TABLE)


def week_of(page: Page) -> Block:
    """First and last instant of the week that is shown; viewers in tests see UTC."""
    first = datetime.fromisoformat(_days(page)[0][0]).replace(tzinfo=UTC)
    return first, first + timedelta(days=7)


def shown_busy(page: Page) -> list[Block]:
    """Every span that the page calls busy, as instants; spans that touch are one."""
    spans = []
    for date, lines in _days(page):
        midnight = datetime.fromisoformat(date).replace(tzinfo=UTC)
        for line in lines:
            if found := re.fullmatch(r"(\d\d):(\d\d)–(\d\d):(\d\d) Busy", line.strip()):
                h1, m1, h2, m2 = map(int, found.groups())
                spans.append(
                    (midnight + timedelta(hours=h1, minutes=m1), midnight + timedelta(hours=h2, minutes=m2))
                )
    return joined(spans)
