"""Directories in every state that a page can show, written straight into the database."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from connections import hand_offs
from connections.health_checks import CLOCK
from connections.models import Connection, DirectorySheet, HealthCheck, ScopeCheck
from orgunits.models import Member, OrganizationalUnit, User
from orgunits.units import create_unit
from tests.directories import (
    make_directory,
    make_file_directory,
    make_group,
    make_people,
    make_person,
    make_reading,
    make_room,
    make_sheet,
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
    files: dict[str, DirectorySheet] = field(default_factory=dict)


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
    return DirectoryStates(unit, olga, token, rows | _by_file(unit, olga), _files(unit, olga))


def _by_file(unit: OrganizationalUnit, olga: User) -> dict[str, Connection]:
    """Directories that are kept by files, in every state."""
    how = {
        "by file, pending": {},
        "by file, paused": {"state": "paused", "state_reason": "paused_by_admin"},
        "by file, over": {"state": "disconnected", "state_reason": "disconnected_by_admin"},
    }
    return {
        name: make_file_directory(unit, by=olga, label=f"{LONG_NAME[:60]} {n}", **fields)
        for n, (name, fields) in enumerate(how.items())
    }


def _files(unit: OrganizationalUnit, olga: User) -> dict[str, DirectorySheet]:
    """Files in every state, of one directory that told of people before."""
    now, header = timezone.now(), "id,email,given_name,family_name,department,groups,salary\n"
    row = make_file_directory(
        unit, by=olga, state="active", state_reason="lines_left_out", connected_at=now - timedelta(days=9)
    )
    make_people(row, [f"Nick{n} Gone" for n in range(3)])
    make_person(row, "Same Asbefore", external_id="s", absences=2, absent_since=now)
    make_person(row, "Anna Changed", external_id="c", department="Before")
    reading = make_reading(row, "incomplete", problem="lines_left_out", people=5, added=5)
    lines = [f"n{n},n{n}@new.example,New{n},{LONG_NAME},Core,Core; Docs," for n in range(101)]
    lines += ["s,same@x.example,Same,Asbefore,,,", f"c,{LONG_ADDRESS},Anna,Changed,After,Core,"]
    good = header + "\n".join(lines) + "\n"
    bad = f"b1,nobody,Nora,Bad,,,\nb2,b2@x.example,{'x' * 300},,,,\nb3,b3@x.example\n"
    numbers = {"finished_at": now, "taken_at": now - timedelta(days=2), "reading": reading}
    return {
        "taken over": make_sheet(
            row, good.replace("salary", "job_title"), by=olga, state="applied", **numbers
        ),
        "with bad lines": make_sheet(row, good + bad, by=olga),
        "whole": make_sheet(row, good, by=olga),
        "without ids": make_sheet(
            make_file_directory(unit, by=olga, label="No ids"), "email,salary\na@x.example,1\n", by=olga
        ),
        "being compared": make_sheet(row, good, by=olga, state="comparing"),
        "being taken over": make_sheet(row, good, by=olga, state="taking", taken_at=now, done=40),
    }


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
