"""Lumen Instruments in the sample: one company on one Microsoft tenant, in two units side by side.

The tenant is one of the sandbox's. Both units connect it by hand, each for itself; nothing crosses between them.
"""

from datetime import datetime

from connections import mailboxes
from orgunits import roles
from orgunits.models import OrganizationalUnit, User
from orgunits.units import create_unit

from .sample_people import Part, Person, make_member, make_user

SALES, SUPPORT = "Lumen Sales", "Lumen Support"
HOST = "lumen.example"


def _person(given_name: str, family_name: str, department: str, time_zone: str = "Europe/Berlin") -> Person:
    return Person(
        given_name, family_name, f"{given_name}.{family_name}@{HOST}".lower(), department, time_zone
    )


# As the sandbox's tenant knows them; the first one administers it.
ADMINISTRATOR = _person("Ines", "Falk", "IT")
SALES_PEOPLE = (
    _person("Tomas", "Reyes", "Sales", "Europe/Madrid"),
    _person("Aiko", "Brandt", "Sales", "Asia/Tokyo"),
    _person("Leo", "Marchetti", "Sales", "Europe/Rome"),
    _person("Nadia", "Osei", "Sales", "Africa/Accra"),
    _person("Pavel", "Lind", "Sales", "Europe/Prague"),
    _person("Greta", "Holm", "Sales", "Europe/Stockholm"),
)
SUPPORT_PEOPLE = (
    _person("Rania", "Voss", "Support"),
    _person("Jonas", "Adeyemi", "Support", "Africa/Lagos"),
    _person("Mila", "Castell", "Support", "America/New_York"),
    _person("Owen", "Takeda", "Support", "America/Los_Angeles"),
    _person("Sofia", "Brekke", "Support", "Europe/Oslo"),
)
EVERYBODY = (ADMINISTRATOR, *SALES_PEOPLE, *SUPPORT_PEOPLE)


def cast() -> list[Part]:
    """Whom to sign in as, unit by unit."""
    return [
        Part(
            ADMINISTRATOR.email,
            f"Ops Admin; also Coordinator in {SUPPORT}, and Microsoft administrator",
            SALES,
        ),
        Part(SALES_PEOPLE[0].email, "Scheduling Coordinator", SALES),
        Part(SALES_PEOPLE[1].email, "Employee", SALES),
        Part(SUPPORT_PEOPLE[0].email, "Ops Admin", SUPPORT),
        Part(SUPPORT_PEOPLE[1].email, "Employee", SUPPORT),
    ]


def build(*, now: datetime) -> None:
    """Two units; the tenant's administrator is a member of both, with a role of its own in each."""
    ines = make_user(ADMINISTRATOR)
    sales = create_unit(SALES, by=ines, now=now, time_zone=ADMINISTRATOR.time_zone)
    _add(sales, SALES_PEOPLE, [roles.COORDINATOR, roles.EMPLOYEE], by=ines, now=now)
    rania = make_user(SUPPORT_PEOPLE[0])
    support = create_unit(SUPPORT, by=rania, now=now, time_zone=SUPPORT_PEOPLE[0].time_zone)
    _add(support, SUPPORT_PEOPLE[1:], [roles.EMPLOYEE], by=rania, now=now)
    make_member(support, ADMINISTRATOR, roles.COORDINATOR.code, by=rania, now=now, user=ines)
    for unit in (sales, support):
        mailboxes.assign(unit, now=now)


def _add(
    unit: OrganizationalUnit,
    people: tuple[Person, ...],
    signing_in: list[roles.Role],
    *,
    by: User,
    now: datetime,
) -> None:
    """The first of `people` can sign in, with the roles of `signing_in`; the others are Employees."""
    for number, person in enumerate(people):
        role, user = roles.EMPLOYEE, None
        if number < len(signing_in):
            role, user = signing_in[number], make_user(person)
        make_member(unit, person, role.code, by=by, now=now, user=user)
