"""The verbs of the audit log, of every app: `category.verb`, and the words that people read for them."""

from django.utils.translation import gettext_lazy as _

VERBS: dict[str, str] = {
    "administrator.signed_in": _("Administrator signed in"),
    "application.approval_ended": _("Approval of application ended"),
    "application.approved": _("Application approved"),
    "application.archived": _("Application archived"),
    "application.changed": _("Application changed"),
    "application.created": _("Application created"),
    "application.logo_changed": _("Logo of application changed"),
    "application.logo_removed": _("Logo of application removed"),
    "application.restored": _("Application restored"),
    "application.secret_discarded": _("New secret of application discarded"),
    "application.secret_made": _("Second secret of application made"),
    "application.secret_retired": _("Old secret of application retired"),
    "authorization.begun": _("Authorization begun"),
    "authorization.refused": _("Authorization refused"),
    "calendars.chosen": _("Calendars chosen"),
    "connection.active": _("Connection active"),
    "connection.checked": _("Connection checked"),
    "connection.chosen": _("Connection chosen"),
    "connection.created": _("Connection created"),
    "connection.disconnected": _("Connection disconnected"),
    "connection.lost": _("Connection lost"),
    "connection.paused": _("Connection paused"),
    "connection.resumed": _("Connection resumed"),
    "consent.returned": _("Consent returned"),
    "domain.added": _("Domain added"),
    "domain.removed": _("Domain removed"),
    "domain.verified": _("Domain verified"),
    "hand_off.made": _("Hand-off link made"),
    "hand_off.started": _("Hand-off link started"),
    "hand_off.used_up": _("Hand-off link used up"),
    "hand_off.withdrawn": _("Hand-off link withdrawn"),
    "invitation.expired": _("Invitation expired"),
    "invitation.refused": _("Invitation refused by the mail server"),
    "invitation.revoked": _("Invitation revoked"),
    "invitation.sent_again": _("Invitation sent again"),
    "key.chosen": _("Key chosen"),
    "key.kept": _("Key kept"),
    "member.added": _("Member added"),
    "member.erased": _("Member erased"),
    "member.invited": _("Member invited"),
    "member.joined": _("Member joined"),
    "member.reinstated": _("Member reinstated"),
    "member.removed": _("Member removed"),
    "member.restored": _("Member restored"),
    "member.suspended": _("Member suspended"),
    "role.end_moved": _("End of a role moved"),
    "role.granted": _("Role granted"),
    "role.kept": _("Role of the last Ops Admin kept"),
    "role.revoked": _("Role revoked"),
    "setting.handed_back": _("Setting handed back"),
    "tenant.bound": _("Tenant bound"),
    "time_zone.set": _("Time zone set"),
    "unit.archived": _("Unit archived"),
    "unit.created": _("Unit created"),
    "unit.erased": _("Unit erased"),
    "unit.paused": _("Unit paused"),
    "unit.renamed": _("Unit renamed"),
    "unit.restored": _("Unit restored"),
    "unit.resumed": _("Unit resumed"),
    "unit.zone_set": _("Default time zone set"),
    "working_hours.set": _("Working hours set"),
}

# What people look for together: the words of a category, and the first parts of its verbs.
CATEGORIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "unit": (_("Unit"), ("unit",)),
    "people": (_("Members and invitations"), ("member", "invitation", "identity", "bulk")),
    "settings": (_("Members’ settings"), ("setting", "time_zone", "working_hours", "calendars")),
    "access": (_("Roles and reviews"), ("role", "review")),
    "connections": (
        _("Connections"),
        ("connection", "authorization", "administrator", "consent", "tenant", "domain", "key", "hand_off"),
    ),
    "applications": (_("Applications"), ("application",)),
    "support": (_("Support"), ("support",)),
}


def verbs_of(category: str) -> dict[str, str]:
    """The verbs of a category, with their words."""
    _name, parts = CATEGORIES[category]
    return {verb: words for verb, words in VERBS.items() if verb.partition(".")[0] in parts}
