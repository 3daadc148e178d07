"""What happened: append-only rows of ids and codes; names stand beside them and can be erased."""

from django.db import models
from django.utils import timezone

from orgunits.public_ids import public_id

from .units import OrganizationalUnit


class AuditEvent(models.Model):
    """One thing that happened. A trigger refuses UPDATE, DELETE and TRUNCATE.

    Holds ids and codes only, never names or addresses, so that erasing a person and keeping the log agree.
    """

    public_id = public_id("aud")
    unit = models.ForeignKey(
        OrganizationalUnit, models.DO_NOTHING, db_constraint=False, null=True, related_name="audit_events"
    )
    at = models.DateTimeField(default=timezone.now)
    verb = models.CharField(max_length=60)
    actor = models.CharField(max_length=60)  # a public id, or "system"
    subject = models.CharField(max_length=60)  # a public id
    facts = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["unit", "-at", "-id"], name="audit_by_time")]


class AuditName(models.Model):
    """What a public id was called when it was last seen. Erased with the person; the events stay."""

    subject = models.CharField(max_length=60, primary_key=True)
    name = models.CharField(max_length=300)
