"""Mail to Ops Admins about a run that waits for somebody."""

from django.db import models
from django.utils import timezone

from orgunits.models import UnitScoped

from .runs import ProvisioningRun


class RunNotice(UnitScoped):
    """One mail to one Ops Admin that a run is paused; tried again until the mail server takes it."""

    run = models.ForeignKey(ProvisioningRun, models.CASCADE, related_name="notices")
    recipient = models.ForeignKey("orgunits.User", models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)  # empty: sent, or given up
    sent_at = models.DateTimeField(null=True, blank=True)
    refused = models.BooleanField(default=False)  # by the mail server, for good

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "recipient"], name="one_mail_per_run_and_ops_admin")
        ]
        indexes = [models.Index(fields=["next_try_at"], name="run_notices_due")]
