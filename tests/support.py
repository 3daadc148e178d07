"""Support staff in tests."""

from django.test import Client
from django.urls import reverse

from orgunits.models import OrganizationalUnit
from tests.people import make_user

WHY = "Ticket 4711: calendars of one host"


def make_staff(name: str = "Sami", **fields) -> Client:
    """The browser of a staff person, with no more rights than that."""
    client = Client()
    client.force_login(make_user(name, f"{name.lower()}@portal.example", is_staff=True, **fields))
    return client


def let_in(client: Client, unit: OrganizationalUnit, why: str = WHY) -> None:
    """Say why one looks into the unit; it stays open for half an hour."""
    assert client.post(reverse("support_reason", args=[unit.public_id]), {"why": why}).status_code == 302
