"""Verbs of the Organizational Unit: make, rename, pause and resume, archive, restore and erase."""

from datetime import datetime, timedelta
from secrets import token_hex
from zoneinfo import available_timezones

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from . import audit, roles, unit_erasure
from .members import NotAZone, add_member
from .models import OrganizationalUnit, User

State = OrganizationalUnit.State
AT_A_TIME = 1000  # rows erased by one statement

ALLOWED: dict[str, frozenset[str]] = {
    State.ACTIVE: frozenset({State.PAUSED, State.ARCHIVED}),
    State.PAUSED: frozenset({State.ACTIVE, State.ARCHIVED}),
    State.ARCHIVED: frozenset({State.ACTIVE, State.ERASED}),
    State.ERASED: frozenset(),
}


class NotPossibleNow(Exception):
    """The unit is no longer in a state in which this can be done."""


class TooLateToRestore(Exception):
    """The unit was archived so long ago that it is being erased."""


def may_create_units(user: User) -> bool:
    """Staff, or everybody who can sign in, as the setting WHO_CREATES_UNITS says."""
    return user.is_active and (user.is_staff or settings.WHO_CREATES_UNITS == "everyone")


@transaction.atomic
def create_unit(
    name: str, *, by: User | None, now: datetime, shape: str = "customer", time_zone: str = "UTC"
) -> OrganizationalUnit:
    """A new unit with its role groups; who makes it becomes its first Ops Admin."""
    about = {"name": name, "shape": shape, "default_time_zone": time_zone, "created_at": now}
    slug = free_slug(name)
    try:
        with transaction.atomic():
            unit = OrganizationalUnit.objects.create(slug=slug, **about)
    except IntegrityError:  # somebody took it at this moment
        unit = OrganizationalUnit.objects.create(slug=f"{slug[:50]}-{token_hex(4)}", **about)
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


@transaction.atomic
def rename_unit(unit: OrganizationalUnit, name: str, *, by: User, now: datetime) -> None:
    """Call the unit something else; its address stays. Raises NotPossibleNow when it is archived.

    The log says that it was renamed. Old and new name stand where they can be erased with the unit.
    """
    before = unit.name
    rows = OrganizationalUnit.objects.filter(pk=unit.pk, state__in=(State.ACTIVE, State.PAUSED))
    if not rows.update(name=name):
        raise NotPossibleNow
    unit.name = name
    audit.record(unit, "unit.renamed", unit, by=by, now=now, why=f"{before} → {name}")


@transaction.atomic
def set_default_zone(unit: OrganizationalUnit, zone: str, *, by: User, now: datetime) -> None:
    """The zone of new members of whom none is known. Raises NotAZone, and NotPossibleNow when it is archived."""
    if zone not in available_timezones():
        raise NotAZone(zone)
    before = unit.default_time_zone
    rows = OrganizationalUnit.objects.filter(pk=unit.pk, state__in=(State.ACTIVE, State.PAUSED))
    if not rows.update(default_time_zone=zone):
        raise NotPossibleNow
    unit.default_time_zone = zone
    audit.record(unit, "unit.zone_set", unit, by=by, now=now, before={"zone": before}, after={"zone": zone})


def _move(unit: OrganizationalUnit, to: str, verb: str, *, by: User | None, now: datetime, why: str) -> None:
    """Change the state by a guarded UPDATE from the one that was seen. The caller holds the transaction."""
    before = unit.state
    rows = OrganizationalUnit.objects.filter(pk=unit.pk, state=before)
    if to not in ALLOWED[before] or not rows.update(state=to, state_since=now):
        raise NotPossibleNow
    unit.state, unit.state_since = to, now
    audit.record(
        unit, verb, unit, by=by, now=now, before={"state": before}, after={"state": str(to)}, why=why
    )


@transaction.atomic
def pause_unit(unit: OrganizationalUnit, *, by: User, now: datetime, why: str = "") -> None:
    """Stop everything outside: no provider is asked, no mail goes out. Pages stay open. Raises NotPossibleNow."""
    _move(unit, State.PAUSED, "unit.paused", by=by, now=now, why=why)


@transaction.atomic
def resume_unit(unit: OrganizationalUnit, *, by: User, now: datetime) -> None:
    """Go on where `pause_unit` stopped: jobs find again what is due. Raises NotPossibleNow."""
    if unit.state != State.PAUSED:
        raise NotPossibleNow
    _move(unit, State.ACTIVE, "unit.resumed", by=by, now=now, why="")


@transaction.atomic
def archive_unit(unit: OrganizationalUnit, *, by: User, now: datetime, why: str = "") -> None:
    """Close the unit for everybody, and erase it after settings.RESTORE_DAYS. Raises NotPossibleNow."""
    _move(unit, State.ARCHIVED, "unit.archived", by=by, now=now, why=why)


@transaction.atomic
def restore_unit(unit: OrganizationalUnit, *, by: User, now: datetime) -> None:
    """Open an archived unit as it was, and working. Raises TooLateToRestore, NotPossibleNow."""
    if unit.state != State.ARCHIVED:
        raise NotPossibleNow
    if too_late_to_restore(unit, now=now):
        raise TooLateToRestore
    _move(unit, State.ACTIVE, "unit.restored", by=by, now=now, why="")


def too_late_to_restore(unit: OrganizationalUnit, *, now: datetime) -> bool:
    """Whether the time to restore this archived unit is over: from then on only erasing may follow."""
    return unit.state_since <= now - timedelta(days=settings.RESTORE_DAYS)


@transaction.atomic
def erase_unit(unit: OrganizationalUnit, *, by: User | None, now: datetime) -> None:
    """The end of an archived unit: all its rows go, the log stays without names. Raises NotPossibleNow too early.

    What is left of large units was erased in slices before: provisioning/erasing.py tells the whole story.
    """
    unit = OrganizationalUnit.objects.select_for_update().get(pk=unit.pk)
    if unit.state != State.ARCHIVED or not too_late_to_restore(unit, now=now):
        raise NotPossibleNow
    while unit_erasure.erase_members(unit, most=AT_A_TIME) or unit_erasure.erase_rows(unit, most=AT_A_TIME):
        pass
    unit_erasure.forget_names(unit)
    unit.name, unit.slug = "Erased unit", unit.public_id.replace("unit_", "erased-")
    unit.default_time_zone = "UTC"
    unit.save(update_fields=["name", "slug", "default_time_zone"])
    _move(unit, State.ERASED, "unit.erased", by=by, now=now, why="")
