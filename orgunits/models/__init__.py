"""Who is here and what they may do."""

from .applications import Application
from .audit import AuditEvent, AuditName, AuditReason
from .bulk import BulkRow, BulkRun
from .invitations import IdentityConfirmation, Invitation, InvitationSheet
from .people import Member, User
from .reviews import AccessReview, AccessReviewRow
from .roles import (
    ApplicationGroupPermission,
    ApplicationUserPermission,
    RoleGrant,
    RoleGroup,
    UnitGroupPermission,
    UnitUserPermission,
)
from .units import OrganizationalUnit, UnitScoped

__all__ = [
    "AccessReview",
    "AccessReviewRow",
    "Application",
    "ApplicationGroupPermission",
    "ApplicationUserPermission",
    "AuditEvent",
    "AuditName",
    "AuditReason",
    "BulkRow",
    "BulkRun",
    "IdentityConfirmation",
    "Invitation",
    "InvitationSheet",
    "Member",
    "OrganizationalUnit",
    "RoleGrant",
    "RoleGroup",
    "UnitGroupPermission",
    "UnitScoped",
    "UnitUserPermission",
    "User",
]
