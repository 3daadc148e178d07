"""Relay Tools in the sample: an integrator with three applications and the people who work on them."""

from datetime import datetime

from orgunits import applications, roles
from orgunits.models import Application, OrganizationalUnit, User
from orgunits.units import create_unit

from .sample_people import Part, Person, make_member, make_user

UNIT_NAME, HOST = "Relay Tools", "relay.example"
ENVIRONMENTS = ("production", "staging", "development")


def _person(given_name: str, family_name: str, department: str) -> Person:
    return Person(given_name, family_name, f"{given_name}.{family_name}@{HOST}".lower(), department)


OPS_ADMIN = _person("Bruno", "Keller", "Operations")
ENGINEERING_MANAGER = _person("Edith", "Mora", "Engineering")
# Each with a role and the applications they were chosen for.
CHOSEN = (
    (_person("Dalia", "Frost", "Engineering"), roles.DEVELOPER, ("staging", "development")),
    (_person("Dario", "Quist", "Engineering"), roles.DEVELOPER, ("development",)),
    (_person("Asta", "Lowe", "Customer care"), roles.APPLICATION_SUPPORT, ("production",)),
)


def cast() -> list[Part]:
    """Whom to sign in as."""
    return [
        Part(OPS_ADMIN.email, "Ops Admin", UNIT_NAME),
        Part(ENGINEERING_MANAGER.email, "Engineering Manager", UNIT_NAME),
        *(
            Part(person.email, f"{role.name}: {' and '.join(name.title() for name in chosen)}", UNIT_NAME)
            for person, role, chosen in CHOSEN
        ),
    ]


def build(*, now: datetime) -> None:
    """The unit, its applications in development mode, and who works on which."""
    bruno = make_user(OPS_ADMIN)
    unit = create_unit(UNIT_NAME, by=bruno, now=now, shape="integrator", time_zone=OPS_ADMIN.time_zone)
    made = {environment: _make(unit, environment, by=bruno, now=now) for environment in ENVIRONMENTS}
    edith = make_user(ENGINEERING_MANAGER)
    role = roles.ENGINEERING_MANAGER.code
    make_member(unit, ENGINEERING_MANAGER, role, by=bruno, now=now, user=edith)
    for person, role, chosen in CHOSEN:
        user = make_user(person)
        member = make_member(unit, person, roles.EMPLOYEE.code, by=bruno, now=now, user=user)
        for environment in chosen:
            roles.grant_role(member, role.code, by=edith, now=now, application=made[environment])


def _make(unit: OrganizationalUnit, environment: str, *, by: User, now: datetime) -> Application:
    """Its secret is shown nowhere: who needs one makes a second one on the application's page."""
    application, _secret = applications.create(
        unit,
        name=f"Relay {environment.title()}",
        environment=environment,
        publisher="Relay Tools, which books rooms and people for its customers",
        redirect_uris=[f"https://{environment}.{HOST}/connected"],
        reserved=applications.reserve(unit, by),
        by=by,
        now=now,
    )
    return application
