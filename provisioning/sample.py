"""The sample installation: three companies and an integrator, and people to sign in as.

Everything is made by the same verbs that people use. One file for each story: sample_kube.py, sample_lumen.py,
sample_relay.py. Connecting calendars is left to whoever tries the portal.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from orgunits.models import OrganizationalUnit, User

from . import sample_kube, sample_lumen, sample_relay
from .sample_people import PASSWORD, Part, Person, make_user

SUPPORT = Person("Sami", "Support", "sami.support@convoke.example", time_zone="")
SUPPORT_ADDRESS = SUPPORT.email
INSTALLATION = "This installation"


@dataclass(frozen=True)
class SignIn:
    """A ready sign-in of the sample, as its sign-in page shows it under its unit."""

    name: str
    role: str
    email: str
    unit: str
    password: str = PASSWORD


def cast() -> list[Part]:
    """Everybody to sign in as, unit by unit."""
    support = Part(SUPPORT.email, "Support staff (Django admin)", INSTALLATION)
    companies = [*sample_kube.cast(), *sample_lumen.cast(), *sample_relay.cast()]
    return [*companies, *sample_kube.cast_elsewhere(), support]


def sign_ins() -> list[SignIn]:
    """Whom to sign in as: those of the cast who are still here."""
    parts = cast()
    users = {user.email: user for user in User.objects.filter(email__in=[part.email for part in parts])}
    return [
        SignIn(str(users[part.email]), part.role, part.email, part.unit)
        for part in parts
        if part.email in users
    ]


@transaction.atomic
def build(*, now: datetime) -> bool:
    """Make the sample installation in an empty portal. Answers whether there was something to do."""
    if OrganizationalUnit.objects.exists():
        return False
    make_user(SUPPORT, is_staff=True, is_superuser=True)
    for story in (sample_kube, sample_lumen, sample_relay):
        story.build(now=now)
    return True
