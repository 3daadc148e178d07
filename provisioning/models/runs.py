"""A run: one stored plan being applied, held by the guard, or done."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connections.models import Connection
from orgunits.models import UnitScoped
from orgunits.public_ids import public_id

from .plans import Plan


class ProvisioningRun(UnitScoped):
    """The story of applying one plan; what became of each person stands in the plan's items.

    running          -> paused by guard, succeeded, partial, failed, cancelled
    paused by guard  -> running (approved), cancelled (kept, overtaken by a newer run)
    """

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        PAUSED = "paused_by_guard", _("Paused by guard")
        PARTIAL = "partial", _("Done in part")
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    public_id = public_id("prn")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="provisioning_runs")
    plan = models.OneToOneField(Plan, models.CASCADE, related_name="run")
    state = models.CharField(max_length=15, choices=State.choices, default=State.RUNNING)
    state_since = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=60, blank=True)  # of the state; a code of run_words.py
    started_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(
        null=True, blank=True
    )  # the plan was found to be what is still to be done

    # Somebody looked at the candidates of the plan and said yes, for this very set and until a time.
    approved_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    approval_ends = models.DateTimeField(null=True, blank=True)
    approved_digest = models.CharField(max_length=64, blank=True)
    # Where two people have to look: the first of them, until a second one says the same.
    first_yes_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    first_yes_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)  # Ops Admins were mailed that it is paused

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection"],
                condition=Q(state__in=["running", "paused_by_guard"]),
                name="one_open_run_per_directory",
            )
        ]
        indexes = [models.Index(fields=["connection", "-started_at"], name="provisioning_runs_by_time")]
