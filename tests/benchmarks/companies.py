"""Units of real people of the sandbox's Workspace."""

import json

from django.conf import settings
from django.utils import timezone

from connections.models import CalendarConnection
from orgunits.models import OrganizationalUnit
from orgunits.units import create_unit
from tests.builders import make_members
from tests.connecting import connect
from tests.people import make_user
from tests.providers.sandbox.server import SandboxServer


def connected_unit(name: str, server: SandboxServer, *, people: int) -> CalendarConnection:
    """A unit of its own for one benchmark, with so many people whose calendars wait to be read."""
    owner = make_user(name, f"{name.lower()}@bench.example")
    unit = create_unit(name, by=owner, now=timezone.now())
    add_people_of_google(unit, people)
    return connect(unit, "google", "read_write", server, by=owner)


def add_people_of_google(unit: OrganizationalUnit, number: int) -> None:
    """So many who are not members yet."""
    file = settings.BASE_DIR / "connections" / "sandbox" / "data" / "directory-2026-08-01.json"
    addresses = [person["email"] for person in json.loads(file.read_text())["people"]]
    there = set(unit.members.values_list("email", flat=True))
    news = [email for email in addresses if email.endswith("@kube.example") and email not in there]
    make_members(unit, news[:number])
