"""Rights in words, as pages say them. Their names stand on the models; what each opens is said by the doors."""

from django.utils.translation import gettext_lazy as _

# What somebody may do with the unit as a whole.
ON_UNIT: dict[str, str] = {
    "see_unit": _("Open the unit and see its home page"),
    "see_members": _("See members and how their calendars are reached"),
    "manage_members": _("Change members' settings and calendars"),
    "see_connections": _("See connections and their state"),
    "manage_connections": _("Connect, change, pause and disconnect services"),
    "manage_scheduling": _("Manage scheduling groups and rules"),
    "book_for_members": _("Book on behalf of members"),
    "see_audit": _("Read the unit's audit log"),
    "manage_unit": _("Rename, pause, archive and restore the unit"),
    "review_access": _("Ask who can do what, and sign off access reviews"),
    "see_applications": _("See all applications of the unit, those made later included"),
    "manage_applications": _("Create, change and archive all applications, and choose who works on them"),
}

# What somebody may do with one application, by a grant on it or by a right on the unit.
ON_APPLICATION: dict[str, str] = {
    "see_application": _("See the application and its settings"),
    "edit_application": _("Change the application's settings"),
    "rotate_secret": _("Make and end the application's secrets"),
    "look_up_state": _("Look up connection state for the application"),
}

# What every active member may do with their own schedule, whatever their roles: the right that the page asks of
# everybody else.
ON_OWN_SCHEDULE: dict[str, str] = {
    "see_members": _("See their own calendar and how it is reached"),
    "manage_members": _("Change their own calendars, time zone and working hours"),
}
