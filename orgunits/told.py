"""What a directory tells of members: many at once when they come, field by field when something changes.

A field remembers where its value comes from (`Member.Source`); what a person set by hand is theirs until it is
handed back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import available_timezones

from django.db import transaction

from . import audit, members
from .models import Member, OrganizationalUnit, RoleGrant, User

NAMES = ("given_name", "family_name", "department")
FIELDS = (*NAMES, "time_zone", "working_hours")
ZONES = frozenset(available_timezones())


@dataclass(frozen=True)
class Newcomer:
    """Somebody a directory brings: address, values of the member's fields that it tells, and roles by rule."""

    email: str
    fields: Mapping[str, object] = field(default_factory=dict)
    roles: tuple[str, ...] = ()


@transaction.atomic
def add_many(unit: OrganizationalUnit, newcomers: list[Newcomer], *, now: datetime) -> list[Member]:
    """New active members without a sign-in, in the order given; a handful of statements however many they are.

    Raises IntegrityError where an address is taken: then nobody is added.
    """
    OrganizationalUnit.objects.select_for_update(no_key=True).get(pk=unit.pk)
    rows = Member.objects.bulk_create(
        [_member(unit, newcomer, now) for newcomer in newcomers], batch_size=1000
    )
    given = [
        (member, role) for member, newcomer in zip(rows, newcomers, strict=True) for role in newcomer.roles
    ]
    RoleGrant.objects.bulk_create(
        [
            RoleGrant(unit=unit, member=member, role=role, granted_at=now, by_rule=True, by_hand=False)
            for member, role in given
        ],
        batch_size=2000,
    )
    audit.record_many(
        unit,
        [
            *(audit.Happened("member.added", member) for member in rows),
            *(
                audit.Happened("role.granted", member, {"role": role, "how": "rule"})
                for member, role in given
            ),
        ],
        now=now,
    )
    return rows


def _member(unit: OrganizationalUnit, newcomer: Newcomer, now: datetime) -> Member:
    told = newcomer.fields
    row = Member(
        unit=unit,
        email=newcomer.email,
        came_by=Member.CameBy.DIRECTORY,
        state_since=now,
        identity_since=now,
        time_zone=told.get("time_zone", unit.default_time_zone),
        working_hours=told.get("working_hours", {}),
        name_sources={name: Member.Source.DIRECTORY for name in NAMES if name in told},
        **{name: told[name] for name in NAMES if name in told},
    )
    for name in ("time_zone", "working_hours"):
        if name in told:
            _set_source(row, name, Member.Source.DIRECTORY)
    row.set_derived()
    return row


def source_of(member: Member, name: str) -> str:
    """Where the value of a field comes from; a code of `Member.Source`."""
    if name in NAMES:
        return member.name_sources.get(name, Member.Source.ASSUMED)
    return getattr(member, f"{name}_source")


@transaction.atomic
def set_many(
    unit: OrganizationalUnit, values: Iterable[tuple[Member, Mapping[str, object]]], *, now: datetime
) -> None:
    """Take over what a directory tells of members' fields (FIELDS), in a handful of statements. What was set by hand
    stays. Raises members.NotAZone: then nothing is set."""
    changed, events = [], []
    for member, fields in values:
        before = len(events)
        for name, value in fields.items():
            if name == "time_zone" and value not in ZONES:
                raise members.NotAZone(value)
            if source_of(member, name) == Member.Source.HAND:
                continue
            setattr(member, name, value)
            _set_source(member, name, Member.Source.DIRECTORY)
            events.append(
                audit.Happened(
                    _VERBS.get(name, "member.name_set"), member, {"field": name, "how": "directory"}
                )
            )
        if len(events) > before:
            member.set_derived()
            changed.append(member)
    columns = [*FIELDS, "name_sources", "time_zone_source", "working_hours_source", "sort_key"]
    Member.objects.bulk_update(changed, columns, batch_size=250)
    audit.record_many(unit, events, now=now)


_VERBS = {"time_zone": "time_zone.set", "working_hours": "working_hours.set"}


def _set_source(member: Member, name: str, source: str) -> None:
    if name in NAMES:
        member.name_sources = {**member.name_sources, name: source}
    else:
        setattr(member, f"{name}_source", source)


@transaction.atomic
def set_name(member: Member, name: str, value: str, *, by: User, now: datetime) -> bool:
    """Set a given name, family name or department by hand: no directory overwrites it.

    Answers whether something changed.
    """
    row = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
    if (getattr(row, name), source_of(row, name)) == (value, Member.Source.HAND):
        return False
    setattr(row, name, value)
    _set_source(row, name, Member.Source.HAND)
    row.save(update_fields=[name, "name_sources", "sort_key"])
    for changed in (name, "name_sources", "sort_key"):
        setattr(member, changed, getattr(row, changed))
    audit.record(member.unit, "member.name_set", member, by=by, now=now, field=name, how=Member.Source.HAND)
    return True


@transaction.atomic
def hand_back(member: Member, *, name: str, by: User, now: datetime) -> None:
    """Let the directory say this name again."""
    row = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
    row.name_sources = {key: source for key, source in row.name_sources.items() if key != name}
    row.save(update_fields=["name_sources"])
    member.name_sources = row.name_sources
    audit.record(member.unit, "setting.handed_back", member, by=by, now=now, field=name)
