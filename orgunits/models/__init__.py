"""Who is here and what they may do."""

from .audit import AuditEvent, AuditName
from .people import Member, User
from .roles import RoleGrant, RoleGroup, UnitGroupPermission, UnitUserPermission
from .units import OrganizationalUnit, UnitScoped

__all__ = [
    "AuditEvent",
    "AuditName",
    "Member",
    "OrganizationalUnit",
    "RoleGrant",
    "RoleGroup",
    "UnitGroupPermission",
    "UnitScoped",
    "UnitUserPermission",
    "User",
]
