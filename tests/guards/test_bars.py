"""docs/bars.md answers for every bar: a test that exists, a later issue, or a reason why not."""

import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
BARS = ROOT / "docs" / "bars.md"
LATER = re.compile(r"later: (the )?issue (\d+|of [A-Za-z ]+)")
TEST = re.compile(r"`(tests/[\w/]+(?:\.py)?)(?:::(\w+))?`")

CONVENTIONS = [f"U{number}" for number in range(1, 21)]
GOALS = [f"P{number}" for number in range(1, 20)]
# OWASP ASVS 5.0: the requirements that were chosen, several on one row where one test answers them.
REQUIREMENTS = re.findall(
    r"\S+",
    """
1.2.1 1.2.2 1.2.3 1.2.4 1.2.10 1.3.6 13.2.4 15.3.2 1.3.11 1.5.2 2.2.1 2.2.3 2.3.1 2.3.2 2.3.3 2.3.5
2.4.1 3.3.1 3.3.3 3.3.4 3.4.1 3.4.4 3.4.5 3.4.6 3.4.8 3.4.3 3.5.1 3.5.3 3.6.1 3.7.2 4.1.3 15.3.4
4.1.5 5.2.1 5.2.2 5.4.2 6.2.4 6.2.12 6.3.1 6.3.8 6.3.3 6.3.4 6.4.3 6.8.1 7.2.4 7.3.1 7.3.2 7.4.2
7.4.3 7.5.2 7.5.1 7.5.3 8.1.1 8.2.1 8.2.2 8.4.1 8.2.3 15.3.1 15.3.3 8.3.2 8.3.3 9.1.2 9.2.3 10.1.2
10.2.1 10.2.2 10.2.3 10.3.1 10.3.2 10.4.1 10.4.4 10.4.6 10.4.2 10.4.5 10.4.8 10.4.9 10.7.3 10.4.10
10.4.11 10.7.1 10.7.2 11.1.1 11.2.2 11.3.3 11.5.1 12.3.2 13.2.2 13.3.1 13.4.1 13.4.2 13.4.5 14.2.1
14.3.2 15.1.2 15.2.1 15.4.2 16.2.1 16.2.5 16.3.1 16.3.2 16.3.3 16.4.1 16.4.2 16.4.3 16.5.1 16.5.2
16.5.3
""",
)
INCIDENTS = re.findall(
    r"\S+",
    """
Keycloak OPNsense Gitea GLPI Zulip wg-portal ssosync idp-scim-sync ssoready Bitwarden Twenty Compass
webhookdb#538 Cal.com#7564 FluidCalendar Kalle Google: subscriptions throttling webhookdb#806 Stripe
2026-02-27 2022, Nov 2023, GoCardless GitLab Atlassian Cal.com#1092 Lebanon
""",
)


@cache
def rows() -> dict[str, str]:
    """Bar → what holds it, of every table with three columns."""
    found = {}
    for line in BARS.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and cells[0] not in {"bar", "---"}:
            assert cells[0] not in found, f"{cells[0]} stands twice"
            found[cells[0]] = cells[2]
    return found


@cache
def names_in(path: str) -> set[str]:
    return set(re.findall(r"def (\w+)\(", (ROOT / path).read_text()))


def what_is_wrong(held_by: str) -> str:
    """Why this cell answers for nothing; empty when it does."""
    for path, name in TEST.findall(held_by):
        if not (ROOT / path).exists():
            return f"{path} does not exist"
        if name and name not in names_in(path):
            return f"{path} has no {name}"
    if TEST.search(held_by) or LATER.search(held_by):
        return ""
    if held_by.startswith("not: "):
        return "" if len(held_by) > 40 else "a reason takes more words"
    return "neither a test, nor a later issue, nor a reason"


def test_every_bar_is_held_later_or_declined_with_a_reason():
    wrong = {bar: why for bar, held_by in rows().items() if (why := what_is_wrong(held_by))}

    assert wrong == {}


def test_every_test_named_for_a_promise_exists():
    missing = [path for path, _name in TEST.findall(BARS.read_text()) if not (ROOT / path).exists()]

    assert missing == []


@pytest.mark.parametrize("bar", CONVENTIONS + GOALS)
def test_no_convention_and_no_goal_is_left_out(bar):
    assert bar in rows()


def test_no_security_requirement_is_left_out():
    named = {part for bar in rows() for part in bar.split(", ")}

    assert [number for number in REQUIREMENTS if number not in named] == []


@pytest.mark.parametrize("incident", INCIDENTS)
def test_no_incident_is_left_out(incident):
    name, _, number = incident.partition("#")

    assert any(name in bar and number in bar for bar in rows()), incident


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("", "neither a test, nor a later issue, nor a reason"),
        ("soon", "neither a test, nor a later issue, nor a reason"),
        ("not: no", "a reason takes more words"),
        ("`tests/guards/test_of_nothing.py`", "tests/guards/test_of_nothing.py does not exist"),
        ("`tests/guards/test_bars.py::test_x`", "tests/guards/test_bars.py has no test_x"),
        ("`tests/guards/test_bars.py`", ""),
        ("later: issue 4", ""),
    ],
)
def test_a_cell_that_answers_for_nothing_is_found(cell, why):
    assert what_is_wrong(cell) == why
