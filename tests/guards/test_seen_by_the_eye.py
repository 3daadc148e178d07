"""No page is forgotten by the walks that look for what is hard to see, to hear or to reach."""

import re

import pytest
from django.conf import settings
from django.urls import reverse

from tests.guards.routes import House, address, routes_of
from tests.people import signed_in

pytestmark = pytest.mark.django_db
WALKS = sorted((settings.BASE_DIR / "tests" / "journeys").glob("test_accessibility*.py"))
ON_THE_WAY = {"first_staff", "hand_off_set_up"}  # the walks come there by a link or a button


def pages(house: House) -> set[str]:
    """What answers an Ops Admin's look with a whole document, and no refusal."""
    olga, found = signed_in(house.company.olga), set()
    for route in routes_of("unit", "signed_in", "everyone"):
        if route.rule.audience == "unit":
            path = address(route, house.own.values(route))
        else:
            path = reverse(route.name, args=["made-up" for _ in route.parameters])
        answer = olga.get(path)
        if (
            answer.status_code == 200
            and not answer.streaming
            and b"<!doctype html>" in answer.content[:50].lower()
        ):
            found.add(route.name)
    return found


def test_every_page_is_looked_at(house):
    written = "".join(path.read_text() for path in WALKS)
    named, found = set(re.findall(r'"(\w+)"', written)), pages(house)

    assert found - named - ON_THE_WAY == set()
    assert len(found) > 40
