"""Who can sign in to the sample installation, and how such people are made."""

from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress

from orgunits.members import add_member
from orgunits.models import Member, OrganizationalUnit, User

PASSWORD = "sample-Convoke-2026"  # noqa: S105 the sample's, printed on its sign-in page


@dataclass(frozen=True)
class Part:
    """Somebody to sign in as: their address, what they are there, and the unit under which they are listed."""

    email: str
    role: str
    unit: str


@dataclass(frozen=True)
class Person:
    """An invented person of the sample."""

    given_name: str
    family_name: str
    email: str
    department: str = ""
    time_zone: str = "Europe/Berlin"


def make_user(person: Person, **flags) -> User:
    """A sign-in with the password that the sign-in page shows."""
    user = User.objects.create_user(
        person.email,
        PASSWORD,
        first_name=person.given_name,
        last_name=person.family_name,
        time_zone=person.time_zone,
        **flags,
    )
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def make_member(
    unit: OrganizationalUnit, person: Person, role: str, *, by: User, now: datetime, user: User | None = None
) -> Member:
    """A member of the sample, with a sign-in or without."""
    return add_member(
        unit,
        person.email,
        by=by,
        now=now,
        role=role,
        user=user,
        given_name=person.given_name,
        family_name=person.family_name,
        department=person.department,
        time_zone=person.time_zone,
        time_zone_source=Member.Source.DIRECTORY,
    )
