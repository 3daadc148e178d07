"""Who appears in tests. Olga, Carl and Emma are of one unit; Sven is of another and must see nothing.

Irma, Ethan, Dora and Abel work on the applications of an integrator.
"""

from dataclasses import dataclass

from django.test import Client
from django.utils import timezone

from orgunits import roles
from orgunits.members import add_member
from orgunits.models import Application, Member, OrganizationalUnit, User
from orgunits.units import create_unit

# People of the sandbox's tenants, in the order of its directory.
GOOGLE_ADMINISTRATOR = "lukas.martin38@kube.example"
GOOGLE_EMPLOYEE = "benedikt.petrov63@kube.example"
MICROSOFT_ADMINISTRATOR = "lucas.hansen68@sigs.example"
MICROSOFT_TENANT = "5165e0a1-0000-4000-8000-000000000001"
RIVAL_ADMINISTRATOR = "rosa.rival@rival.example"

# Who works at the integrator, in which role, and on which applications where the role is for single ones.
INTEGRATOR_PEOPLE = {
    "Irma": (roles.OPS_ADMIN, ()),
    "Ethan": (roles.ENGINEERING_MANAGER, ()),
    "Dora": (roles.DEVELOPER, ("staging", "development")),
    "Abel": (roles.APPLICATION_SUPPORT, ("production",)),
}


@dataclass(frozen=True)
class Company:
    """One unit with an Ops Admin, a Coordinator and an Employee; and a stranger with a unit of their own."""

    unit: OrganizationalUnit
    olga: User  # Ops Admin
    carl: User  # Scheduling Coordinator
    emma: User  # Employee
    stranger_unit: OrganizationalUnit
    sven: User  # Ops Admin of the other unit

    def member(self, user: User) -> Member:
        return Member.objects.get(user=user)


def make_user(name: str, email: str, **fields) -> User:
    return User.objects.create_user(email, "pw-of-a-test-1", first_name=name, **fields)


def signed_in(user: User) -> Client:
    """A browser in which `user` is signed in, by no sign-in page."""
    client = Client()
    client.force_login(user)
    return client


def make_company() -> Company:
    """Two units that have nothing to do with each other."""
    now = timezone.now()
    olga, sven = make_user("Olga", "olga@kube.example"), make_user("Sven", GOOGLE_EMPLOYEE)
    unit = create_unit("Kube", by=olga, now=now)
    stranger_unit = create_unit("Stranger", by=sven, now=now)
    carl, emma = make_user("Carl", "carl@kube.example"), make_user("Emma", "emma@kube.example")
    for user, role in ((carl, roles.COORDINATOR), (emma, roles.EMPLOYEE)):
        add_member(unit, user.email, by=olga, now=now, user=user, given_name=user.first_name, role=role.code)
    return Company(unit, olga, carl, emma, stranger_unit, sven)


@dataclass(frozen=True)
class Integrator:
    """A unit that owns three applications, and the people who work on them."""

    unit: OrganizationalUnit
    irma: User  # Ops Admin
    ethan: User  # Engineering Manager: all applications
    dora: User  # Developer of staging and development
    abel: User  # Application Support of production
    production: Application
    staging: Application
    development: Application

    def member(self, user: User) -> Member:
        return self.unit.members.get(user=user)


def make_application(unit: OrganizationalUnit, environment: str) -> Application:
    """An application as the page makes it, but for its secret."""
    return Application.objects.create(
        unit=unit,
        name=f"Tools {environment.title()}",
        environment=environment,
        redirect_uris=f"https://{environment}.tools.example/callback",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
    )


def make_integrator() -> Integrator:
    """The unit "Tools Integrator". Call it beside `make_company` to have strangers on both sides."""
    now = timezone.now()
    people = {name: make_user(name, f"{name.lower()}@tools.example") for name in INTEGRATOR_PEOPLE}
    irma = people["Irma"]
    unit = create_unit("Tools Integrator", by=irma, now=now, shape="integrator")
    apps = {name: make_application(unit, name) for name in ("production", "staging", "development")}
    for name, (role, chosen) in INTEGRATOR_PEOPLE.items():
        user = people[name]
        if user == irma:
            continue
        unit_role = roles.EMPLOYEE if chosen else role
        member = add_member(
            unit, user.email, by=irma, now=now, user=user, given_name=name, role=unit_role.code
        )
        for app in chosen:
            roles.grant_role(member, role.code, by=irma, now=now, application=apps[app])
    return Integrator(unit, *people.values(), **apps)
