"""Who was given which role, and the guardian tables that answer for it."""

from django.contrib.auth.models import Group
from django.db import models
from django.utils import timezone
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from .units import OrganizationalUnit, UnitScoped


class RoleGroup(UnitScoped):
    """The one `auth.Group` that holds a role's object permissions on a unit."""

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="role_groups")
    role = models.CharField(max_length=30)
    group = models.OneToOneField(Group, models.CASCADE, related_name="role_group")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["unit", "role"], name="one_group_per_unit_and_role")]


class RoleGrant(UnitScoped):
    """A member holds a role: given by whom and when. Its effect is the user's place in the role's group."""

    member = models.ForeignKey("orgunits.Member", models.CASCADE, related_name="role_grants")
    role = models.CharField(max_length=30)
    granted_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    granted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "role"], name="one_grant_per_member_and_role")
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
