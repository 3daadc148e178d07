"""Who was given which role, on the unit or on one application, and the guardian tables that answer for it."""

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils import timezone
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from orgunits.public_ids import public_id

from .applications import Application
from .units import OrganizationalUnit, UnitScoped


class RoleGroup(UnitScoped):
    """The one `auth.Group` that holds a role's object permissions on a unit."""

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="role_groups")
    role = models.CharField(max_length=30)
    group = models.OneToOneField(Group, models.CASCADE, related_name="role_group")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["unit", "role"], name="one_group_per_unit_and_role")]


class RoleGrant(UnitScoped):
    """A member holds a role on the unit, or on one application: given by whom, when, why and until when.

    Its effect is the user's place in the role's group, and object permissions on the application.
    """

    public_id = public_id("grt")
    member = models.ForeignKey("orgunits.Member", models.CASCADE, related_name="role_grants")
    role = models.CharField(max_length=30)
    application = models.ForeignKey(
        Application, models.CASCADE, related_name="role_grants", null=True, blank=True
    )
    granted_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    granted_at = models.DateTimeField(default=timezone.now)
    why = models.CharField(max_length=300, blank=True)
    until = models.DateTimeField(null=True, blank=True)  # a job ends the grant then
    by_hand = models.BooleanField(default=True)  # somebody gave it
    by_rule = models.BooleanField(default=False)  # a directory's rule gives it, too or alone

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member", "role"],
                condition=Q(application__isnull=True),
                name="one_grant_per_member_and_role",
            ),
            models.UniqueConstraint(
                fields=["member", "role", "application"],
                condition=Q(application__isnull=False),
                name="one_grant_per_member_role_and_application",
            ),
        ]
        indexes = [
            models.Index(fields=["until"], condition=Q(until__isnull=False), name="grants_that_end"),
            models.Index(fields=["unit", "role"], name="grants_by_role"),
        ]


class UnitGroupPermission(GroupObjectPermissionBase):
    """guardian's direct-key table: rows go with their unit, none is orphaned."""

    content_object = models.ForeignKey(OrganizationalUnit, models.CASCADE)

    class Meta(GroupObjectPermissionBase.Meta):
        pass


class UnitUserPermission(UserObjectPermissionBase):
    """guardian asks for it beside the group table. Nobody gets rows here: rights on a unit come by role."""

    content_object = models.ForeignKey(OrganizationalUnit, models.CASCADE)

    class Meta(UserObjectPermissionBase.Meta):
        pass


class ApplicationUserPermission(UserObjectPermissionBase):
    """What a user may do on one application, by a grant on that application."""

    content_object = models.ForeignKey(Application, models.CASCADE)

    class Meta(UserObjectPermissionBase.Meta):
        pass


class ApplicationGroupPermission(GroupObjectPermissionBase):
    """guardian asks for it beside the user table. It stays empty: roles on the whole unit are evaluated live."""

    content_object = models.ForeignKey(Application, models.CASCADE)

    class Meta(GroupObjectPermissionBase.Meta):
        pass
