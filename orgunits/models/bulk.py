"""One act on many members: frozen when it is previewed, done by a job, told row by row."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgunits.public_ids import public_id

from .people import Member
from .units import UnitScoped


class BulkRun(UnitScoped):
    """One act, asked for many members at once."""

    class State(models.TextChoices):
        PREVIEW = "preview", _("Not started")
        RUNNING = "running", _("Running")
        SUCCEEDED = "succeeded", _("Done")
        PARTIAL = "partial", _("Done in part")
        CANCELLED = "cancelled", _("Cancelled")

    class Act(models.TextChoices):
        GRANT_ROLE = "grant_role", _("Give a role")
        REVOKE_ROLE = "revoke_role", _("Take a role away")
        SUSPEND = "suspend", _("Suspend")
        REINSTATE = "reinstate", _("Reinstate")
        RESEND = "resend", _("Send invitations again")

    public_id = public_id("run")
    act = models.CharField(max_length=20, choices=Act.choices)
    role = models.CharField(max_length=30, blank=True)  # of the acts about roles
    why = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PREVIEW)
    made_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.get_act_display())


class BulkRow(UnitScoped):
    """One member of a run, and what became of them."""

    class State(models.TextChoices):
        TODO = "todo", _("Waiting")
        DONE = "done", _("Done")
        SKIPPED = "skipped", _("Left as it was")
        FAILED = "failed", _("Failed")

    run = models.ForeignKey(BulkRun, models.CASCADE, related_name="rows")
    member = models.ForeignKey(Member, models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.TODO)
    reason = models.CharField(max_length=60, blank=True)  # a code; its words stand in orgunits/bulk.py

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "member"], name="one_row_per_run_and_member")]
        indexes = [models.Index(fields=["run", "state", "id"], name="bulk_rows_by_state")]
