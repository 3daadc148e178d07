"""ModeChange: the wish to give a connection another access mode, until it is done or dropped."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connections.modes import AccessMode
from orgunits.models import OrganizationalUnit, UnitScoped
from orgunits.public_ids import public_id


class ModeChange(UnitScoped):
    """While it is open the connection works on in its old mode; nothing of it changes before `done`."""

    class State(models.TextChoices):
        OPEN = "open", _("Waiting for consent")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="mode_changes")
    public_id = public_id("chg")
    connection = models.ForeignKey("connections.Connection", models.CASCADE, related_name="mode_changes")
    from_mode = models.CharField(max_length=10, choices=AccessMode.choices)
    to_mode = models.CharField(max_length=10, choices=AccessMode.choices)
    credential = models.ForeignKey(
        "connections.Credential", models.SET_NULL, null=True, blank=True, related_name="+"
    )  # for the new mode; empty: the installation's key
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    state_since = models.DateTimeField(default=timezone.now)
    started_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    consented_at = models.DateTimeField(null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)  # an administrator signed in for this change
    checked_at = models.DateTimeField(null=True, blank=True)
    answers = models.JSONField(default=list, blank=True)  # the last look: [scope, granted, code]
    problem = models.CharField(max_length=60, blank=True)  # of connections/reasons.py
    old_client_id = models.CharField(max_length=255, blank=True)  # what the old mode was granted to
    old_grant_gone_at = models.DateTimeField(null=True, blank=True)  # an Ops Admin said so, after it was done

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection"], condition=Q(state="open"), name="one_open_mode_change"
            )
        ]
