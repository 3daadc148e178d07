"""What is known of a connection's health: its checks, how reading went hour by hour, and who was told."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgunits.models import OrganizationalUnit, UnitScoped


class HealthCheck(UnitScoped):
    """The last answer to one check of a connection beside its scopes (`ScopeCheck`), and since when it is so."""

    class Result(models.TextChoices):
        WELL = "well", _("well")
        WARNING = "warning", _("warning")
        FAILING = "failing", _("failing")
        UNKNOWN = "unknown", _("not known")
        NOT_SET_UP = "not_set_up", _("not set up")

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="health_checks")
    connection = models.ForeignKey("connections.Connection", models.CASCADE, related_name="health_checks")
    name = models.CharField(max_length=60)  # a name of connections/health_checks.py
    result = models.CharField(max_length=12, choices=Result.choices)
    code = models.CharField(max_length=100, blank=True)  # why: a code of ours, or the provider's own
    facts = models.JSONField(default=dict, blank=True)  # numbers and times, never addresses
    since = models.DateTimeField()
    checked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "name"], name="one_health_check_per_name")
        ]


class ReadingHour(UnitScoped):
    """How reading through one connection went in one hour: counts, for error rates and the 14 days' chart."""

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="reading_hours")
    connection = models.ForeignKey("connections.Connection", models.CASCADE, related_name="reading_hours")
    hour = models.DateTimeField()  # its beginning, UTC
    mailboxes_read = models.IntegerField(default=0)
    throttled = models.IntegerField(default=0)
    unreachable = models.IntegerField(default=0)
    unreadable = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    of_one_person = models.IntegerField(default=0)  # no mailbox, alias, licence: no fault of the connection
    hints = models.IntegerField(default=0)  # messages that made a mailbox be read
    unannounced = models.IntegerField(default=0)  # changes found though push had promised to tell
    reconciled = models.IntegerField(default=0)  # calendars read wholly, to compare
    missed = models.IntegerField(default=0)  # spans that differed then: push and delta had missed them

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "hour"], name="one_row_per_reading_hour")
        ]
        indexes = [models.Index(fields=["unit", "hour"], name="reading_hours_by_unit")]


class Notice(UnitScoped):
    """One mail to one Ops Admin about one change of a connection; tried again until the mail server takes it."""

    class Kind(models.TextChoices):
        WORSE = "worse", _("a connection got worse")
        WELL = "well", _("a connection works again")
        SECRET_ENDS = "secret_ends", _("a secret ends soon")

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="notices")
    connection = models.ForeignKey("connections.Connection", models.CASCADE, related_name="notices")
    recipient = models.ForeignKey("orgunits.User", models.CASCADE, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    code = models.CharField(max_length=60, blank=True)  # of connections/reasons.py
    created_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)  # empty: sent, or given up
    sent_at = models.DateTimeField(null=True, blank=True)
    refused = models.BooleanField(default=False)  # by the mail server, for good

    class Meta:
        indexes = [models.Index(fields=["next_try_at"], name="notices_due")]
