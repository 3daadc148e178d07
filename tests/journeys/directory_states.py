"""Directories in every state that a page can show, written straight into the database."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from connections import hand_offs
from connections.health_checks import CLOCK
from connections.models import Connection, HealthCheck, ScopeCheck
from orgunits.models import Member, OrganizationalUnit, User
from orgunits.units import create_unit
from tests.directories import (
    make_directory,
    make_group,
    make_people,
    make_person,
    make_reading,
    make_room,
)
from tests.journeys.scenes import make_person as make_user_of
from tests.journeys.states import LONG_ADDRESS, LONG_NAME
from tests.people import MICROSOFT_TENANT


@dataclass(frozen=True)
class DirectoryStates:
    """The unit, its Ops Admin, a hand-off link, and directories by what is so with each."""

    unit: OrganizationalUnit
    olga: User
    hand_off_token: str
    directories: dict[str, Connection] = field(default_factory=dict)


def make_directory_states() -> DirectoryStates:
    now, olga = timezone.now(), make_user_of("Olga", "olga@portal.example")
    unit = create_unit("Kube Community", by=olga, now=now)
    rows = {
        "read": make_directory(unit, by=olga),
        "waits": make_directory(unit, by=olga, tenant="waits.example", extras=()),
        "being read": make_directory(unit, by=olga, provider="microsoft", tenant=MICROSOFT_TENANT),
        "incomplete": make_directory(
            unit, by=olga, tenant="half.example", extras=(), state_reason="provider_down"
        ),
        "pending": make_directory(
            unit, by=olga, tenant="", state="pending", state_reason="not_signed_in", connected_at=None,
            proof="", administrator="",
        ),
        "lost": make_directory(
            unit, by=olga, tenant="lost.example", state="needs_reauthorization", state_reason="revoked"
        ),
        "paused": make_directory(unit, by=olga, tenant="rests.example", state="paused"),
        "over": make_directory(unit, by=olga, tenant="over.example", state="disconnected"),
    }  # fmt: skip
    _fill(rows["read"], olga)
    make_reading(rows["being read"], "running", started_at=now - timedelta(minutes=1))
    make_reading(
        rows["incomplete"], "incomplete", problem="provider_down", problem_code="backendError", people=320
    )
    HealthCheck.objects.create(
        unit=unit, connection=rows["incomplete"], name=CLOCK, result="warning", code="clock_off",
        facts={"skew": 45}, since=now, checked_at=now,
    )  # fmt: skip
    for n, scope in enumerate(rows["lost"].scopes.organization):
        ScopeCheck.objects.create(
            unit=unit, connection=rows["lost"], name=scope, result=["granted", "missing"][n % 2],
            checked_at=now, since=now,
        )  # fmt: skip
    _row, token = hand_offs.create_link(rows["pending"], by=olga, now=now)
    return DirectoryStates(unit, olga, token, rows)


def _fill(row: Connection, olga: User) -> None:
    """People in every state, on more than one page; groups of every sort; rooms."""
    now = timezone.now()
    people = make_people(row, [f"Paula{n} Person{n}" for n in range(60)])
    make_person(
        row, LONG_NAME, address=LONG_ADDRESS, department=LONG_NAME, member=Member.objects.get(user=olga)
    )
    make_person(row, "Dora Disabled", enabled=False)
    make_person(row, "Abel Absent", absences=1, absent_since=now - timedelta(days=2))
    make_person(row, "Dean Deleted", deleted_at=now)
    for kind in ("shared", "room", "guest"):
        make_person(row, f"A {kind}", kind=kind, department="")
    outer = make_group(row, LONG_NAME, people[:5])
    outer.children.add(make_group(row, "Inner", people[:2]), make_group(row, "Hidden", hidden=True))
    make_group(row, "All", everybody=True)
    make_group(row, "Gone", absent_since=now)
    make_room(row, LONG_NAME, capacity=12, building="Main", floor="2")
    make_room(row, "Gone", absent_since=now)
    make_reading(row, people=67, added=67, groups=5, rooms=2, started_at=now - timedelta(hours=2))
    make_reading(row, "incomplete", problem="failed_at_provider", problem_code="x" * 60)
