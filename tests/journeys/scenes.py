"""Who and what the journeys find when they begin."""

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.utils import timezone

from orgunits.models import Member, OrganizationalUnit, User
from orgunits.units import create_unit
from tests.builders import make_members
from tests.people import Integrator, make_integrator, make_user

PASSWORD = "pw-of-a-test-1"  # what make_user gives
GOOGLE_PEOPLE = ["lukas.martin38@kube.example", "pia.bauer11@kube.example", "mateo.diaz24@kube.example"]
MICROSOFT_PEOPLE = ["lucas.hansen68@sigs.example", "paulo.dubois73@sigs.example", "ruth.dahl64@sigs.example"]
OTHER_PEOPLE = ["pablo.zimmermann37@etcd.example", "maria.zimmermann70@etcd.example"]
PEOPLE = {"google": GOOGLE_PEOPLE, "microsoft": MICROSOFT_PEOPLE, "none": OTHER_PEOPLE}


@dataclass(frozen=True)
class Scene:
    """A unit, its Ops Admin, and its members by address. Olga's own domain is served by nobody."""

    unit: OrganizationalUnit
    olga: User
    members: dict[str, Member]


def make_person(name: str, email: str, **fields) -> User:
    """Somebody who can sign in on the sign-in page."""
    user = make_user(name, email, **fields)
    let_sign_in(user)
    return user


def let_sign_in(user: User) -> None:
    """The user's address as the sign-in page wants it: confirmed."""
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)


def make_scene(name: str = "Kube", admin: tuple[str, str] = ("Olga", "olga@portal.example")) -> Scene:
    """A unit with an Ops Admin and people of three mail domains."""
    olga = make_person(*admin)
    unit = create_unit(name, by=olga, now=timezone.now())
    members = make_members(unit, [address for addresses in PEOPLE.values() for address in addresses])
    return Scene(unit, olga, {member.email: member for member in members})


def make_tools() -> Integrator:
    """The integrator, with people who can sign in on the sign-in page."""
    tools = make_integrator()
    for user in (tools.irma, tools.ethan, tools.dora, tools.abel):
        let_sign_in(user)
    return tools
