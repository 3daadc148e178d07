"""Somebody leaves: from the day their access ended to the day they are forgotten."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from connections.models import Connection
from orgunits.models import Member, UnitScoped
from orgunits.public_ids import public_id


class Offboarding(UnitScoped):
    """A member was suspended because they left. Undone, or ended by forgetting them after the days of grace."""

    public_id = public_id("off")
    member = models.ForeignKey(Member, models.CASCADE, related_name="offboardings")
    connection = models.ForeignKey(Connection, models.SET_NULL, null=True, related_name="+")
    run = models.ForeignKey("provisioning.ProvisioningRun", models.SET_NULL, null=True, related_name="+")
    clause = models.CharField(max_length=20, blank=True)  # of clauses.Clause; empty: by hand
    begun_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    begun_at = models.DateTimeField(default=timezone.now)
    grace_until = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)  # forgotten, or came back by themselves
    dossier = models.JSONField(default=dict, blank=True)  # what they had when they left; public ids and codes
    signed_off_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    signed_off_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member"],
                condition=Q(undone_at__isnull=True, ended_at__isnull=True),
                name="one_open_offboarding_per_member",
            )
        ]
        indexes = [models.Index(fields=["unit", "-begun_at", "id"], name="offboardings_by_time")]
