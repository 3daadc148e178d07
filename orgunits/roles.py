"""Roles as one readable table, and the verbs that give and take them."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from . import audit
from .models import Member, OrganizationalUnit, RoleGrant, RoleGroup, UnitGroupPermission, User


@dataclass(frozen=True)
class Role:
    """A role: what it is called, the sentence a security officer approves, and the rights it holds."""

    code: str
    name: str
    sentence: str
    rights: tuple[str, ...]


_EMPLOYEE = ("see_unit",)
_COORDINATOR = (*_EMPLOYEE, "see_members", "see_connections", "manage_scheduling", "book_for_members")
OPS_ADMIN = Role(
    "ops_admin",
    _("Ops Admin"),
    _(
        "Connects calendars, directories and conferencing, decides how much access they give, and looks after members."
    ),
    (*_COORDINATOR, "manage_members", "manage_connections", "see_audit"),
)
COORDINATOR = Role(
    "coordinator",
    _("Scheduling Coordinator"),
    _("Manages scheduling groups and rules, and books on behalf of members. Cannot change connections."),
    _COORDINATOR,
)
EMPLOYEE = Role(
    "employee",
    _("Employee"),
    _("Sees and changes their own schedule and preferences, and nothing of others."),
    _EMPLOYEE,
)
ROLES: dict[str, Role] = {role.code: role for role in (OPS_ADMIN, COORDINATOR, EMPLOYEE)}


class LastOpsAdmin(Exception):
    """A unit always keeps one Ops Admin."""


def roles_with(right: str) -> list[Role]:
    """The roles that hold `right`, the least powerful first: what a refusal names."""
    return sorted((r for r in ROLES.values() if right in r.rights), key=lambda r: len(r.rights))


@transaction.atomic
def sync_unit_groups(unit: OrganizationalUnit) -> None:
    """Make the unit's role groups hold exactly the rights of the table. Running it again changes nothing."""
    permissions = {
        p.codename: p
        for p in Permission.objects.filter(
            content_type__app_label="orgunits", content_type__model="organizationalunit"
        )
    }
    for role in ROLES.values():
        row = RoleGroup.objects.filter(unit=unit, role=role.code).select_related("group").first()
        if row is None:
            group = Group.objects.create(name=f"{unit.public_id}:{role.code}")
            row = RoleGroup.objects.create(unit=unit, role=role.code, group=group)
        held = UnitGroupPermission.objects.filter(content_object=unit, group=row.group)
        held.exclude(permission__codename__in=role.rights).delete()
        UnitGroupPermission.objects.bulk_create(
            [
                UnitGroupPermission(content_object=unit, group=row.group, permission=permissions[right])
                for right in role.rights
            ],
            ignore_conflicts=True,
        )


@transaction.atomic
def grant_role(member: Member, role: str, *, by: User | None, now: datetime) -> RoleGrant:
    """Give `member` a role of the table. Giving it twice changes nothing."""
    grant, created = RoleGrant.objects.get_or_create(
        unit=member.unit, member=member, role=ROLES[role].code, defaults={"granted_by": by, "granted_at": now}
    )
    apply_grants(member)
    if created:
        audit.record(member.unit, "role granted", member, by=by, now=now, role=role)
    return grant


@transaction.atomic
def revoke_role(member: Member, role: str, *, by: User | None, now: datetime) -> None:
    """Take a role away; it is gone on the next request. Raises LastOpsAdmin."""
    OrganizationalUnit.objects.select_for_update().get(pk=member.unit_id)
    if role == OPS_ADMIN.code and not other_ops_admins(member).exists():
        raise LastOpsAdmin
    gone, _rows = RoleGrant.objects.filter(member=member, role=role).delete()
    apply_grants(member)
    if gone:
        audit.record(member.unit, "role revoked", member, by=by, now=now, role=role)


def other_ops_admins(member: Member):
    """The unit's active Ops Admins besides `member`."""
    return (
        member.unit.members.active()
        .filter(role_grants__role=OPS_ADMIN.code, user__is_active=True)
        .exclude(pk=member.pk)
    )


def apply_grants(member: Member) -> None:
    """Put the member's user into the groups of the granted roles, and out of the others of this unit."""
    if member.user_id is None:
        return
    active = member.state == Member.State.ACTIVE
    granted = set(member.role_grants.values_list("role", flat=True)) if active else set()
    rows = dict(RoleGroup.objects.filter(unit_id=member.unit_id).values_list("role", "group_id"))
    wanted = {rows[role] for role in granted if role in rows}
    member.user.groups.remove(*(set(rows.values()) - wanted))
    member.user.groups.add(*wanted)
