"""The sample installation: a real organization with made-up names, and people to sign in as.

Its directory is what the sandbox holds. Everything is made by the same verbs that people use.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction

from connections import mailboxes
from connections.credentials import keep_service_account
from orgunits import roles
from orgunits.models import Member, OrganizationalUnit, RoleGrant, User
from orgunits.units import create_unit

DATA = settings.BASE_DIR / "connections" / "sandbox" / "data" / "directory-2026-08-01.json"
UNIT_NAME, OTHER_UNIT_NAME = "Kube Community", "Harbour Logistics"
PASSWORD = "sample-Convoke-2026"  # noqa: S105 the sample's, printed on its sign-in page
HOSTS = ("kube.example", "sigs.example", "etcd.example")
SUPPORT_ADDRESS = "sami.support@convoke.example"


@dataclass(frozen=True)
class SignIn:
    """A ready sign-in of the sample, as its sign-in page shows it."""

    name: str
    role: str
    email: str
    host: str = ""
    password: str = PASSWORD


@lru_cache
def people() -> list[dict]:
    """The people of the directory snapshot."""
    return json.loads(Path(DATA).read_text())["people"]


def sign_ins() -> list[SignIn]:
    """Whom to sign in as, in the order of their power."""
    users = {user.email: user for user in User.objects.filter(email__in=_addresses())}
    return [SignIn(str(users[email]), role, email, host) for email, role, host in _cast() if email in users]


def _cast() -> list[tuple[str, str, str]]:
    """Address, role and whereabouts of everybody who can sign in."""
    return [
        (_ops_admin()["email"], "Ops Admin", UNIT_NAME),
        (_coordinator()["email"], "Scheduling Coordinator", UNIT_NAME),
        *((_employee(host)["email"], "Employee", host) for host in HOSTS),
        (SUPPORT_ADDRESS, "Support staff (Django admin)", "this installation"),
        (_stranger()["email"], "Ops Admin of another unit", OTHER_UNIT_NAME),
    ]


def _addresses() -> list[str]:
    return [email for email, _role, _host in _cast()]


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


@transaction.atomic
def build(*, now: datetime) -> bool:
    """Make the sample installation in an empty portal. Answers whether there was something to do."""
    if OrganizationalUnit.objects.exists():
        return False
    chief = _user_for(_ops_admin())
    _user(SUPPORT_ADDRESS, "Sami", "Support", is_staff=True, is_superuser=True)
    unit = create_unit(UNIT_NAME, by=chief, now=now, time_zone="America/Los_Angeles")
    _add_people(unit, chief, now=now)
    _keep_own_key(unit, chief, now=now)
    create_unit(OTHER_UNIT_NAME, by=_user_for(_stranger()), now=now, time_zone="Europe/London")
    return True


def _user(email: str, given_name: str, family_name: str, *, zone: str = "", **flags) -> User:
    user = User.objects.create_user(
        email, PASSWORD, first_name=given_name, last_name=family_name, time_zone=zone, **flags
    )
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def _user_for(person: dict) -> User:
    return _user(person["email"], person["given_name"], person["family_name"], zone=person["time_zone"])


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
