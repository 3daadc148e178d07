"""No page waits for a provider (P18): looking at one asks neither Google nor Microsoft."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import health, mailboxes, mode_changes
from tests.connecting import connect
from tests.guards.routes import House, address, build_house, routes_of
from tests.people import make_company

pytestmark = pytest.mark.django_db


def calls() -> list[str]:
    """The portal's own log of what it asked providers."""
    return Path(settings.PROVIDER_CALL_LOG).read_text().splitlines()


@pytest.fixture
def house(providers) -> House:
    """Units in which every question to a provider would be answered."""
    house = build_house(make_company())
    own, olga = house.own, house.company.olga
    own.google = connect(own.unit, "google", "free_busy", providers, by=olga)
    own.microsoft = connect(own.unit, "microsoft", "read_write", providers, by=olga)
    for connection, mode in ((own.google, "read_write"), (own.microsoft, "free_busy")):
        mode_changes.begin_change(connection, mode, by=olga, now=timezone.now())
    mailboxes.set_override(own.member, own.google, by=olga, now=timezone.now())
    return house


def test_looking_at_a_page_asks_no_provider(house):
    client = Client()
    client.force_login(house.company.olga)
    paths = [address(route, house.own.values(route)) for route in routes_of("unit")]
    paths += [reverse(route.name) for route in routes_of("signed_in", "everyone") if not route.parameters]
    before = calls()

    answers = {path: client.get(path).status_code for path in paths}

    assert calls() == before
    assert answers[reverse("set_up", args=[house.own.unit.slug, house.own.google.public_id])] == 200


def test_a_question_that_a_page_would_ask_is_seen_here(house):
    before = len(calls())

    health.check_connection(house.own.google, by=house.company.olga, now=timezone.now())

    assert len(calls()) > before
