"""Kube Community in the sample: a real organization with made-up names, in one unit.

Its directory is what the sandbox holds.
"""

import json
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from connections import mailboxes
from connections.credentials import keep_service_account
from orgunits import roles
from orgunits.models import Member, OrganizationalUnit, RoleGrant, User
from orgunits.units import create_unit

from .sample_people import Part, Person, make_user

DATA = settings.BASE_DIR / "connections" / "sandbox" / "data" / "directory-2026-08-01.json"
UNIT_NAME, OTHER_UNIT_NAME = "Kube Community", "Harbour Logistics"
HOSTS = ("kube.example", "sigs.example", "etcd.example")


@lru_cache
def people() -> list[dict]:
    """The people of the directory snapshot."""
    return json.loads(Path(DATA).read_text())["people"]


def cast() -> list[Part]:
    """Whom to sign in as, in the order of their power."""
    return [
        Part(_ops_admin()["email"], "Ops Admin", UNIT_NAME),
        Part(_coordinator()["email"], "Scheduling Coordinator", UNIT_NAME),
        *(Part(_employee(host)["email"], f"Employee, {host}", UNIT_NAME) for host in HOSTS),
    ]


def cast_elsewhere() -> list[Part]:
    """The Ops Admin of the unit that has nothing to do with the others."""
    return [Part(_stranger()["email"], "Ops Admin of a unit of their own", OTHER_UNIT_NAME)]


def _of_host(host: str) -> list[dict]:
    return [person for person in people() if person["email"].endswith(f"@{host}")]


def _ops_admin() -> dict:
    """The first person of kube.example, who also administers its Workspace in the sandbox."""
    return _of_host("kube.example")[0]


def _employee(host: str) -> dict:
    """The second person of each host: the first one administers its tenant."""
    return _of_host(host)[1]


def _coordinator() -> dict:
    return _of_host("kube.example")[3]


def _stranger() -> dict:
    """An ordinary employee of kube.example who is Ops Admin of a unit that has nothing to do with it."""
    return _of_host("kube.example")[2]


def build(*, now: datetime) -> None:
    """The unit with everybody of the directory, and another unit that has nothing to do with it."""
    chief = _user_for(_ops_admin())
    unit = create_unit(UNIT_NAME, by=chief, now=now, time_zone="America/Los_Angeles")
    _add_people(unit, chief, now=now)
    _keep_own_key(unit, chief, now=now)
    create_unit(OTHER_UNIT_NAME, by=_user_for(_stranger()), now=now, time_zone="Europe/London")


def _user_for(person: dict) -> User:
    fields = ("given_name", "family_name", "email", "department", "time_zone")
    return make_user(Person(**{name: person[name] for name in fields}))


def _add_people(unit: OrganizationalUnit, by: User, *, now: datetime) -> None:
    """Everybody of the directory becomes a member; some can sign in."""
    sign_in = {_employee(host)["email"]: roles.EMPLOYEE for host in HOSTS}
    sign_in[_coordinator()["email"]] = roles.COORDINATOR
    there = set(unit.members.values_list("email", flat=True))
    Member.objects.filter(unit=unit, email__in=there).update(
        time_zone=_ops_admin()["time_zone"], time_zone_source=Member.Source.DIRECTORY
    )
    members = []
    for person in people():
        if person["email"] in there:
            continue
        member = Member(
            unit=unit,
            email=person["email"],
            given_name=person["given_name"],
            family_name=person["family_name"],
            department=person["department"],
            time_zone=person["time_zone"],
            time_zone_source=Member.Source.DIRECTORY,
            state_since=now,
        )
        member.set_derived()
        members.append(member)
        if person["email"] in sign_in:
            member.user = _user_for(person)
    Member.objects.bulk_create(members, batch_size=1000)
    RoleGrant.objects.bulk_create(
        [
            RoleGrant(
                unit=unit,
                member=member,
                role=sign_in.get(member.email, roles.EMPLOYEE).code,
                granted_by=by,
                granted_at=now,
            )
            for member in members
        ],
        batch_size=1000,
    )
    for member in members:
        if member.user_id:
            roles.apply_grants(member)
    mailboxes.assign(unit, now=now)


def _keep_own_key(unit: OrganizationalUnit, by: User, *, now: datetime) -> None:
    """The unit's own Google service account, as the sandbox's console made it."""
    key = settings.SANDBOX_HOME / "service-accounts" / "kube-community.json"
    if key.exists():
        keep_service_account(unit, key.read_text(), by=by, now=now)
