"""Secrets of a unit, and the budget of calls of a connection."""

from django.db import models
from django.utils import timezone

from connections.sealing import SealedTextField
from orgunits.models import OrganizationalUnit, UnitScoped
from orgunits.public_ids import public_id


class Credential(UnitScoped):
    """A provider key of this unit alone: a Google service account, or a Microsoft app registration's secret.

    `client_id` is unique over all units: a key shared by two units would give one what the other was granted.
    """

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="credentials")
    public_id = public_id("key")
    provider = models.CharField(max_length=10)
    permission_set = models.CharField(max_length=30)
    client_id = models.CharField(max_length=255)
    client_email = models.EmailField(blank=True)
    secret = SealedTextField()
    secret_since = models.DateTimeField(default=timezone.now)
    secret_ends_on = models.DateField(null=True, blank=True)  # as entered with it; empty: not told
    warned_days = models.PositiveSmallIntegerField(null=True, blank=True)  # the last warning: days before
    created_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "client_id"], name="a_key_belongs_to_one_unit")
        ]

    def __str__(self) -> str:
        return self.client_id


class RequestBudget(UnitScoped):
    """How many calls a connection made in one minute, over all workers."""

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="+")
    connection = models.ForeignKey("connections.Connection", models.CASCADE, related_name="+")
    minute = models.BigIntegerField()  # minutes since 1970, UTC
    used = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "minute"], name="one_budget_per_minute")]
