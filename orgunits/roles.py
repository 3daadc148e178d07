"""Roles as one readable table, and the verbs that give and take them."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from . import audit
from .models import (
    Application,
    ApplicationUserPermission,
    Member,
    OrganizationalUnit,
    RoleGrant,
    RoleGroup,
    UnitGroupPermission,
    User,
)

CUSTOMER, INTEGRATOR, ONE_APPLICATION = "customer", "integrator", "application"


@dataclass(frozen=True)
class Role:
    """A role: what it is called, the sentence a security officer approves, where it may be granted, its rights.

    `rights` hold on the unit, `application_rights` on the one application that the grant names.
    """

    code: str
    name: str
    sentence: str
    where: tuple[str, ...]
    rights: tuple[str, ...]
    application_rights: tuple[str, ...] = ()

    @property
    def on_application(self) -> bool:
        """Whether a grant of this role names one application."""
        return self.where == (ONE_APPLICATION,)


_EMPLOYEE = ("see_unit",)
_COORDINATOR = (*_EMPLOYEE, "see_members", "see_connections", "manage_scheduling", "book_for_members")
_ENGINEERING_MANAGER = (*_EMPLOYEE, "see_members", "see_applications", "manage_applications")
OPS_ADMIN = Role(
    "ops_admin",
    _("Ops Admin"),
    _(
        "Connects calendars, directories and conferencing, decides how much access they give, looks after members "
        "and applications, and can archive the unit."
    ),
    (CUSTOMER, INTEGRATOR),
    (
        *_COORDINATOR,
        "manage_members",
        "manage_connections",
        "see_audit",
        "manage_unit",
        "review_access",
        "see_applications",
        "manage_applications",
    ),
)
COORDINATOR = Role(
    "coordinator",
    _("Scheduling Coordinator"),
    _("Manages scheduling groups and rules, and books on behalf of members. Cannot change connections."),
    (CUSTOMER, INTEGRATOR),
    _COORDINATOR,
)
EMPLOYEE = Role(
    "employee",
    _("Employee"),
    _("Sees and changes their own schedule and preferences, and nothing of others."),
    (CUSTOMER, INTEGRATOR),
    _EMPLOYEE,
)
ENGINEERING_MANAGER = Role(
    "engineering_manager",
    _("Engineering Manager"),
    _(
        "Creates, changes and archives all applications, those made later included, and chooses who works on them."
    ),
    (INTEGRATOR,),
    _ENGINEERING_MANAGER,
)
DEVELOPER = Role(
    "developer",
    _("Developer"),
    _("Works on the applications they are chosen for: settings, secrets, connection state. Sees no other."),
    (ONE_APPLICATION,),
    _EMPLOYEE,
    ("see_application", "edit_application", "rotate_secret", "look_up_state"),
)
APPLICATION_SUPPORT = Role(
    "application_support",
    _("Application Support"),
    _("Looks up connection state for one application. Sees neither its secrets nor its settings."),
    (ONE_APPLICATION,),
    _EMPLOYEE,
    ("look_up_state",),
)
ROLES: dict[str, Role] = {
    role.code: role
    for role in (OPS_ADMIN, COORDINATOR, EMPLOYEE, ENGINEERING_MANAGER, DEVELOPER, APPLICATION_SUPPORT)
}

# Which right on the unit answers a question about any of its applications: asked live, copied nowhere.
UNIT_RIGHT_FOR = {
    "see_application": "see_applications",
    "look_up_state": "see_applications",
    "edit_application": "manage_applications",
    "rotate_secret": "manage_applications",
}


class LastOpsAdmin(Exception):
    """A unit always keeps one Ops Admin."""


class NotGrantable(Exception):
    """This role is not given in this place: on a unit of another shape, without its application, or with one."""


class AboveOwnRole(Exception):
    """Somebody tried to give, or to take, more than they hold themselves."""


def roles_with(right: str) -> list[Role]:
    """The roles that hold `right`, the least powerful first: what a refusal names."""
    wanted = UNIT_RIGHT_FOR.get(right, right)
    having = (r for r in ROLES.values() if wanted in r.rights or right in r.application_rights)
    return sorted(having, key=lambda r: len(r.rights) + len(r.application_rights))


def grantable_in(unit: OrganizationalUnit) -> list[Role]:
    """The roles of the table that may be granted on this unit as a whole.

    The shape decides, and what the unit owns: a customer unit with an application has Engineering Managers.
    """
    places = {unit.shape}
    if unit.shape != INTEGRATOR and unit.applications.exists():
        places.add(INTEGRATOR)
    return [role for role in ROLES.values() if places & set(role.where)]


def may_grant(role: Role, rights: frozenset[str]) -> bool:
    """Whether somebody with `rights` on the unit may give and take `role`: only roles at or below their own."""
    if role.on_application:
        return "manage_applications" in rights
    return "manage_members" in rights and set(role.rights) <= rights


@transaction.atomic
def sync_unit_groups(unit: OrganizationalUnit) -> None:
    """Make the unit's role groups hold exactly the rights of the table. Running it again changes nothing."""
    permissions = _permissions("organizationalunit")
    groups = dict(RoleGroup.objects.filter(unit=unit).values_list("role", "group_id"))
    missing = [code for code in ROLES if code not in groups]
    made = Group.objects.bulk_create(Group(name=f"{unit.public_id}:{code}") for code in missing)
    groups |= {code: group.pk for code, group in zip(missing, made, strict=True)}
    RoleGroup.objects.bulk_create(RoleGroup(unit=unit, role=code, group_id=groups[code]) for code in missing)
    wanted = {(groups[role.code], permissions[right].pk) for role in ROLES.values() for right in role.rights}
    rows = UnitGroupPermission.objects.filter(content_object=unit, group__in=groups.values())
    held = {(row.group_id, row.permission_id): row.pk for row in rows}
    rows.filter(pk__in=[pk for pair, pk in held.items() if pair not in wanted]).delete()
    UnitGroupPermission.objects.bulk_create(
        [
            UnitGroupPermission(content_object=unit, group_id=group, permission_id=permission)
            for group, permission in sorted(wanted - set(held))
        ],
        ignore_conflicts=True,
    )


def _permissions(model: str) -> dict[str, Permission]:
    rows = Permission.objects.filter(content_type__app_label="orgunits", content_type__model=model)
    return {permission.codename: permission for permission in rows}


@transaction.atomic
def grant_role(
    member: Member,
    role: str,
    *,
    by: User | None,
    now: datetime,
    application: Application | None = None,
    why: str = "",
    until: datetime | None = None,
) -> RoleGrant:
    """Give `member` a role of the table, on the unit or on one application. Giving it twice changes nothing.

    A second giving with another end moves the end; who had it by a rule alone has it by hand as well. Raises
    NotGrantable, and LastOpsAdmin where the only Ops Admin would get an end.
    """
    wanted = ROLES[role]
    OrganizationalUnit.objects.select_for_update().get(pk=member.unit_id)
    if wanted.on_application != (application is not None):
        raise NotGrantable
    if application is not None and application.unit_id != member.unit_id:
        raise NotGrantable
    if application is None and wanted not in grantable_in(member.unit):
        raise NotGrantable
    grant, created = RoleGrant.objects.get_or_create(
        unit=member.unit,
        member=member,
        role=role,
        application=application,
        defaults={"granted_by": by, "granted_at": now, "why": why, "until": until},
    )
    moved = not created and (grant.until != until or not grant.by_hand)
    if moved:
        if role == OPS_ADMIN.code and until is not None:
            keep_an_ops_admin(member)
        grant.until, grant.by_hand = until, True
        grant.save(update_fields=["until", "by_hand"])
    apply_grants(member)
    if created or moved:
        audit.record(
            member.unit,
            "role.granted" if created else "role.end_moved",
            member,
            by=by,
            now=now,
            why=why,
            role=role,
            **_facts(grant),
        )
    return grant


def _facts(grant: RoleGrant) -> dict:
    facts = {}
    if grant.application is not None:
        facts["application"] = grant.application.public_id
    if grant.until is not None:
        facts["until"] = grant.until.isoformat()
    return facts


@transaction.atomic
def revoke_role(
    member: Member,
    role: str,
    *,
    by: User | None,
    now: datetime,
    application: Application | None = None,
    why: str = "",
) -> None:
    """Take a role away; it is gone on the next request. Raises LastOpsAdmin."""
    OrganizationalUnit.objects.select_for_update().get(pk=member.unit_id)
    if role == OPS_ADMIN.code:
        keep_an_ops_admin(member)
    rows = RoleGrant.objects.filter(member=member, role=role, application=application)
    grant = rows.select_related("application").first()
    rows.delete()
    apply_grants(member)
    if grant is not None:
        audit.record(member.unit, "role.revoked", member, by=by, now=now, why=why, role=role, **_facts(grant))


@transaction.atomic
def give_by_rule(member: Member, role: str, *, now: datetime) -> None:
    """A directory's rule gives a role on the unit. Raises NotGrantable."""
    OrganizationalUnit.objects.select_for_update().get(pk=member.unit_id)
    if ROLES[role] not in grantable_in(member.unit):
        raise NotGrantable
    grant, created = RoleGrant.objects.get_or_create(
        unit=member.unit,
        member=member,
        role=role,
        application=None,
        defaults={"granted_at": now, "by_rule": True, "by_hand": False},
    )
    if not created:
        RoleGrant.objects.filter(pk=grant.pk).update(by_rule=True)
        return
    apply_grants(member)
    audit.record(member.unit, "role.granted", member, by=None, now=now, role=role, how="rule")


@transaction.atomic
def take_by_rule(member: Member, role: str, *, now: datetime) -> None:
    """No rule gives this role any more: it goes, unless somebody gave it by hand as well. Raises LastOpsAdmin."""
    OrganizationalUnit.objects.select_for_update().get(pk=member.unit_id)
    rows = RoleGrant.objects.filter(member=member, role=role, application=None, by_rule=True)
    if rows.filter(by_hand=True).update(by_rule=False) or not rows.exists():
        return
    if role == OPS_ADMIN.code:
        keep_an_ops_admin(member)
    rows.delete()
    apply_grants(member)
    audit.record(member.unit, "role.revoked", member, by=None, now=now, role=role, how="rule")


def keep_an_ops_admin(member: Member) -> None:
    """Raise LastOpsAdmin when `member` is the unit's only active Ops Admin. The caller holds the unit's lock.

    Their state is read now: `member` may have been read before the lock was had.
    """
    rows = Member.objects.active().filter(pk=member.pk, user__isnull=False)
    is_one = rows.filter(role_grants__role=OPS_ADMIN.code).exists()
    if is_one and not other_ops_admins(member).exists():
        raise LastOpsAdmin


def other_ops_admins(member: Member) -> QuerySet[Member]:
    """The unit's active Ops Admins besides `member`, whose role does not end by itself."""
    return (
        member.unit.members.active()
        .filter(role_grants__role=OPS_ADMIN.code, role_grants__until__isnull=True, user__is_active=True)
        .exclude(pk=member.pk)
    )


@transaction.atomic
def units_that_need(user: User) -> list[OrganizationalUnit]:
    """The units that would be without Ops Admin if `user` could not sign in; locked until the caller's
    transaction ends, so that nobody else goes meanwhile."""
    held = user.memberships.active().filter(role_grants__role=OPS_ADMIN.code, role_grants__application=None)
    units = OrganizationalUnit.objects.select_for_update(no_key=True).order_by("pk")
    list(units.filter(pk__in=held.values("unit")))
    return [member.unit for member in held.select_related("unit") if not other_ops_admins(member).exists()]


@transaction.atomic
def apply_grants(member: Member) -> None:
    """Make the member's user hold what their grants say on this unit and its applications, and no more."""
    if member.user_id is None:
        return
    active = member.state == Member.State.ACTIVE
    grants = list(member.role_grants.all()) if active else []
    rows = dict(RoleGroup.objects.filter(unit_id=member.unit_id).values_list("role", "group_id"))
    wanted = {rows[grant.role] for grant in grants if grant.role in rows}
    member.user.groups.remove(*(set(rows.values()) - wanted))
    member.user.groups.add(*wanted)
    _apply_application_grants(member, [grant for grant in grants if grant.application_id])


def _apply_application_grants(member: Member, grants: list[RoleGrant]) -> None:
    wanted = {
        (grant.application_id, right) for grant in grants for right in ROLES[grant.role].application_rights
    }
    rows = ApplicationUserPermission.objects.filter(
        user_id=member.user_id, content_object__unit_id=member.unit_id
    )
    held = {
        (row.content_object_id, row.permission.codename): row for row in rows.select_related("permission")
    }
    rows.filter(pk__in=[row.pk for key, row in held.items() if key not in wanted]).delete()
    permissions = _permissions("application") if wanted - set(held) else {}
    ApplicationUserPermission.objects.bulk_create(
        [
            ApplicationUserPermission(
                user_id=member.user_id, content_object_id=application, permission=permissions[right]
            )
            for application, right in sorted(wanted - set(held))
        ],
        ignore_conflicts=True,
    )
