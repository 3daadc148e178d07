"""Verbs of the Organizational Unit."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify

from . import audit, roles
from .members import add_member
from .models import OrganizationalUnit, User


def may_create_units(user: User) -> bool:
    """Staff, or everybody who can sign in, as the setting WHO_CREATES_UNITS says."""
    return user.is_active and (user.is_staff or settings.WHO_CREATES_UNITS == "everyone")


@transaction.atomic
def create_unit(
    name: str, *, by: User | None, now: datetime, shape: str = "customer", time_zone: str = "UTC"
) -> OrganizationalUnit:
    """A new unit with its role groups; who makes it becomes its first Ops Admin."""
    unit = OrganizationalUnit.objects.create(
        name=name, slug=free_slug(name), shape=shape, default_time_zone=time_zone, created_at=now
    )
    roles.sync_unit_groups(unit)
    audit.record(unit, "unit.created", unit, by=by, now=now, shape=shape)
    if by is not None:
        add_member(
            unit,
            by.email,
            by=by,
            now=now,
            user=by,
            given_name=by.first_name,
            family_name=by.last_name,
            role=roles.OPS_ADMIN.code,
        )
    return unit


def free_slug(name: str) -> str:
    """An address for the unit that no other unit has."""
    base = slugify(name)[:50] or "unit"
    taken = set(OrganizationalUnit.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    candidates = (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3)))
    return next(slug for slug in candidates if slug not in taken)
