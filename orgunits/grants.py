"""Grants: who holds which role, what a person may give and take, and the end that some of them have."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from . import audit, roles
from .access import Access
from .models import Application, Member, OrganizationalUnit, RoleGrant
from .roles import ROLES, AboveOwnRole, LastOpsAdmin, Role, may_grant

ENDED_IN_ONE_RUN = 500


@dataclass(frozen=True)
class Held:
    """A grant as a page shows it; `takeable` when the viewer may take it away."""

    grant: RoleGrant
    role: Role
    why: str
    takeable: bool


def held_by(member: Member, access: Access) -> list[Held]:
    """The member's grants for the viewer, the most powerful role on top.

    Who gives no roles sees of others neither the applications they work on nor the reasons that were written.
    """
    rows = member.role_grants.select_related("application", "granted_by").defer("application__logo")
    in_full = member.pk == access.member.pk or access.may("manage_applications")
    if not in_full:
        rows = rows.filter(application__isnull=True)
    order = list(ROLES)
    held = [
        Held(row, ROLES[row.role], row.why if in_full else "", may_grant(ROLES[row.role], access.rights))
        for row in rows
    ]
    return sorted(held, key=lambda one: (order.index(one.grant.role), str(one.grant.application or "")))


def giveable(access: Access) -> list[Role]:
    """The roles that the viewer may give somewhere in the unit."""
    unit = access.member.unit
    here = [role for role in ROLES.values() if role in roles.grantable_in(unit) or role.on_application]
    return [role for role in here if may_grant(role, access.rights)]


def give(
    access: Access,
    member: Member,
    role: Role,
    *,
    now: datetime,
    application: Application | None = None,
    why: str = "",
    until: datetime | None = None,
) -> RoleGrant:
    """The viewer gives a role at or below their own. Raises AboveOwnRole, NotGrantable, LastOpsAdmin."""
    if not may_grant(role, access.rights):
        raise AboveOwnRole
    by = access.member.user
    return roles.grant_role(member, role.code, by=by, now=now, application=application, why=why, until=until)


def take(access: Access, grant: RoleGrant, *, now: datetime, why: str = "") -> None:
    """The viewer takes away a role at or below their own. Raises AboveOwnRole, LastOpsAdmin."""
    if not may_grant(ROLES[grant.role], access.rights):
        raise AboveOwnRole
    roles.revoke_role(
        grant.member, grant.role, by=access.member.user, now=now, application=grant.application, why=why
    )


def ending_with(grant: RoleGrant) -> tuple[list[str], list[str]]:
    """The rights that end with this grant since no other one holds them: on the unit, on its application."""
    others = [ROLES[row.role] for row in grant.member.role_grants.exclude(pk=grant.pk)]
    kept = {right for role in others for right in role.rights}
    role = ROLES[grant.role]
    on_unit = [right for right in role.rights if right not in kept]
    if grant.application is None:
        return on_unit, []
    same = grant.member.role_grants.exclude(pk=grant.pk).filter(application=grant.application)
    still = {right for row in same for right in ROLES[row.role].application_rights}
    still |= {right for right, whole in roles.UNIT_RIGHT_FOR.items() if whole in kept}
    return on_unit, [right for right in role.application_rights if right not in still]


def end_what_is_over(*, now: datetime) -> int:
    """End the grants whose end has passed, the portal by itself; answers how many were looked at.

    The last Ops Admin keeps the role, without an end: "role.kept" in the audit log says so.
    """
    due = RoleGrant.objects.filter(until__lte=now).order_by("until", "pk").values_list("pk", flat=True)
    keys = list(due[:ENDED_IN_ONE_RUN])
    for key in keys:
        _end(key, now=now)
    return len(keys)


@transaction.atomic
def _end(key: int, *, now: datetime) -> None:
    """End one grant, unless somebody took it away or moved its end meanwhile."""
    rows = RoleGrant.objects.filter(pk=key, until__lte=now).select_related("member__unit", "application")
    grant = rows.first()
    if grant is None:
        return
    OrganizationalUnit.objects.select_for_update().get(pk=grant.unit_id)
    if not rows.exists():
        return
    if grant.by_rule:  # what was given by hand is over; the rule's stays
        rows.update(until=None, by_hand=False)
        audit.record(grant.unit, "role.kept", grant.member, by=None, now=now, role=grant.role, how="rule")
        return
    try:
        roles.revoke_role(grant.member, grant.role, by=None, now=now, application=grant.application)
    except LastOpsAdmin:
        rows.update(until=None)
        audit.record(
            grant.unit,
            "role.kept",
            grant.member,
            by=None,
            now=now,
            before={"until": grant.until.isoformat()},
            after={"until": None},
            role=grant.role,
        )
