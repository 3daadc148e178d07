"""Verbs of the member."""

from datetime import datetime
from zoneinfo import available_timezones

from django.db import IntegrityError, transaction

from . import audit, identity, invitations, roles
from .models import Member, OrganizationalUnit, User
from .names import normal_address

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
USUAL_HOURS = {day: [["09:00", "17:00"]] for day in WEEKDAYS[:5]}  # shown as assumed


class AddressTaken(ValueError):
    """Another member of the unit has this address."""


class NotYetJoined(Exception):
    """Who is invited only has no other address: revoke, and invite the right one."""


class NotAZone(ValueError):
    """Not a time zone of the IANA database."""


@transaction.atomic
def add_member(
    unit: OrganizationalUnit,
    email: str,
    *,
    by: User | None,
    now: datetime,
    role: str = roles.EMPLOYEE.code,
    user: User | None = None,
    **fields,
) -> Member:
    """A new active member with one role, in the unit's default zone until somebody knows better."""
    fields.setdefault("time_zone", unit.default_time_zone)
    member = Member.objects.create(unit=unit, email=email, user=user, state_since=now, **fields)
    audit.record(unit, "member.added", member, by=by, now=now)
    roles.grant_role(member, role, by=by, now=now)
    return member


@transaction.atomic
def change_address(member: Member, email: str, *, by: User | None, now: datetime) -> None:
    """Another address. Whether it is the member's has to be shown anew, and links mailed to the old one end.

    Raises AddressTaken and, for who is invited only, NotYetJoined.
    """
    address = normal_address(email)
    if address == member.email:
        return
    if member.state == Member.State.INVITED:
        raise NotYetJoined
    OrganizationalUnit.objects.select_for_update(no_key=True).get(
        pk=member.unit_id
    )  # before the member's row
    member.email = address
    try:
        with transaction.atomic():
            member.save(update_fields=["email", "mail_domain", "sort_key"])
    except IntegrityError:
        member.refresh_from_db(fields=["email", "mail_domain", "sort_key"])
        raise AddressTaken from None
    identity.forget(member, now=now)
    for invitation in member.invitations.filter(state__in=invitations.SENDABLE).select_related(
        "unit", "member"
    ):
        invitations.revoke(invitation, by=by, now=now)
    audit.record(member.unit, "member.address_changed", member, by=by, now=now)


@transaction.atomic
def set_time_zone(member: Member, zone: str, *, source: str, by: User | None, now: datetime) -> bool:
    """Set the member's home zone. A zone set by hand is only changed by hand.

    Answers whether something changed. Raises NotAZone.
    """
    if zone not in available_timezones():
        raise NotAZone(zone)
    rows = Member.objects.filter(pk=member.pk).exclude(time_zone=zone, time_zone_source=source)
    if source != Member.Source.HAND:
        rows = rows.exclude(time_zone_source=Member.Source.HAND)
    if not rows.update(time_zone=zone, time_zone_source=source):
        return False
    member.time_zone, member.time_zone_source = zone, source
    if source == Member.Source.HAND:
        audit.record(member.unit, "time_zone.set", member, by=by, now=now, zone=zone)
    return True


@transaction.atomic
def set_working_hours(
    member: Member, hours: dict[str, list[list[str]]], *, source: str, by: User | None, now: datetime
) -> bool:
    """Set weekly working hours, wall time in the member's zone. Hours set by hand are only changed by hand."""
    rows = Member.objects.filter(pk=member.pk).exclude(working_hours=hours, working_hours_source=source)
    if source != Member.Source.HAND:
        rows = rows.exclude(working_hours_source=Member.Source.HAND)
    if not rows.update(working_hours=hours, working_hours_source=source):
        return False
    member.working_hours, member.working_hours_source = hours, source
    if source == Member.Source.HAND:
        audit.record(member.unit, "working_hours.set", member, by=by, now=now)
    return True


def hand_back(member: Member, *, field: str, by: User | None, now: datetime) -> None:
    """Let machines set this field (`time_zone` or `working_hours`) again."""
    Member.objects.filter(pk=member.pk).update(**{f"{field}_source": Member.Source.ASSUMED})
    setattr(member, f"{field}_source", Member.Source.ASSUMED)
    audit.record(member.unit, "setting.handed_back", member, by=by, now=now, field=field)


def hours_of(member: Member) -> dict[str, list[list[str]]]:
    """The member's weekly hours from Monday on; who set nothing has the usual ones."""
    hours = member.working_hours or USUAL_HOURS
    return {day: hours[day] for day in WEEKDAYS if day in hours}
