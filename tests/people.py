"""Who appears in tests. Olga, Carl and Emma are of one unit; Sven is of another and must see nothing."""

from dataclasses import dataclass

from django.utils import timezone

from orgunits import roles
from orgunits.members import add_member
from orgunits.models import Member, OrganizationalUnit, User
from orgunits.units import create_unit

# People of the sandbox's tenants, in the order of its directory.
GOOGLE_ADMINISTRATOR = "lukas.martin38@kube.example"
GOOGLE_EMPLOYEE = "benedikt.petrov63@kube.example"
MICROSOFT_ADMINISTRATOR = "lucas.hansen68@sigs.example"
MICROSOFT_TENANT = "5165e0a1-0000-4000-8000-000000000001"
RIVAL_ADMINISTRATOR = "rosa.rival@rival.example"


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
