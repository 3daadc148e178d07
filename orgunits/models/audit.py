"""What happened: append-only rows of ids and codes; names and reasons stand beside them and can be erased."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgunits.public_ids import public_id

from .units import OrganizationalUnit


class AuditEvent(models.Model):
    """One thing that happened. A trigger refuses UPDATE, DELETE and TRUNCATE.

    Holds ids and codes only, never names or addresses, so that erasing a person and keeping the log agree.
    """

    class Origin(models.TextChoices):
        PAGE = "page", _("Page")
        JOB = "job", _("The portal by itself")
        SUPPORT = "support", _("Support")

    public_id = public_id("aud")
    unit = models.ForeignKey(
        OrganizationalUnit, models.DO_NOTHING, db_constraint=False, null=True, related_name="audit_events"
    )
    at = models.DateTimeField(default=timezone.now)
    verb = models.CharField(max_length=60)  # category.verb, of orgunits/audit_verbs.py
    actor = models.CharField(max_length=60)  # a public id, or "system"
    subject = models.CharField(max_length=60)  # a public id
    before = models.JSONField(null=True)  # what of the subject changed: {"role": "employee"}
    after = models.JSONField(null=True)
    facts = models.JSONField(default=dict)  # everything else worth knowing
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.JOB)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["unit", "-at", "-id"], name="audit_by_time"),
            models.Index(fields=["unit", "subject", "-id"], name="audit_by_subject"),
            models.Index(fields=["unit", "actor", "-id"], name="audit_by_actor"),
            models.Index(fields=["unit", "verb", "-id"], name="audit_by_verb"),
        ]


class AuditName(models.Model):
    """What a public id was called when it was last seen. Erased with the person; the events stay."""

    subject = models.CharField(max_length=60, primary_key=True)
    name = models.CharField(max_length=300)


class AuditReason(models.Model):
    """The reason somebody wrote for what they did. People write names into reasons, so they can be erased."""

    event = models.CharField(max_length=40, primary_key=True)  # the event's public id
    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, null=True, related_name="+")
    text = models.CharField(max_length=500)
