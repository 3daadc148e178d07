"""Mailbox: how one member's calendars are reached; MemberCalendar: each calendar in it."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgunits.models import Member, OrganizationalUnit, UnitScoped
from orgunits.public_ids import public_id


class Mailbox(UnitScoped):
    """Which connection serves a member, and how reading goes. Survives disconnecting and reconnecting."""

    class DecidedBy(models.TextChoices):
        DOMAIN = "domain", _("by mail domain")
        OVERRIDE = "override", _("chosen by hand")
        NONE = "none", _("no connection serves this mail domain")
        SEVERAL = "several", _("several connections serve this mail domain")
        INACTIVE = "inactive", _("suspended or removed: nothing is read")

    class State(models.TextChoices):
        NOT_SERVED = "not_served", _("Not served")
        KEPT_HERE = "kept_here", _("Kept here")  # No Access: nothing to read
        WAITING = "waiting", _("Waiting for first sync")
        SYNCED = "synced", _("Synced")
        FAILING = "failing", _("Failing")
        PAUSED = "paused", _("Paused")
        STOPPED = "stopped", _("Stopped")  # the connection needs reauthorization

    class Failure(models.TextChoices):
        NO_MAILBOX = "no_mailbox", _("no mailbox")
        ALIAS = "alias", _("address is an alias")
        LICENCE = "licence", _("no calendar licence")
        REFUSED = "refused", _("refused")
        THROTTLED = "throttled", _("throttled")
        UNREACHABLE = "unreachable", _("provider did not answer")
        UNREADABLE = "unreadable", _("answer could not be read")
        NOT_GRANTED = "not_granted", _("not connected by the member yet")
        GRANT_LOST = "grant_lost", _("the member’s own authorization ended")

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="mailboxes")
    member = models.OneToOneField(Member, models.CASCADE, related_name="mailbox")
    connection = models.ForeignKey(
        "connections.Connection", models.SET_NULL, null=True, blank=True, related_name="mailboxes"
    )
    override = models.ForeignKey(
        "connections.Connection", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_by = models.CharField(max_length=10, choices=DecidedBy.choices, default=DecidedBy.NONE)
    state = models.CharField(max_length=10, choices=State.choices, default=State.NOT_SERVED)
    state_since = models.DateTimeField(default=timezone.now)
    failure = models.CharField(max_length=15, choices=Failure.choices, blank=True)
    failure_code = models.CharField(max_length=100, blank=True)  # the provider's own code
    attempts = models.PositiveSmallIntegerField(default=0)  # failures in a row
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    last_synced_at = models.DateTimeField(null=True, blank=True)
    last_changes = models.PositiveIntegerField(default=0)  # spans that the last reading found otherwise
    next_sync_at = models.DateTimeField(null=True, blank=True)  # empty: not due at all
    leased_until = models.DateTimeField(null=True, blank=True)  # handed to a job, which reads it until then
    calendars_listed_at = models.DateTimeField(null=True, blank=True)
    hinted_at = models.DateTimeField(null=True, blank=True)  # the provider said that something changed

    class Meta:
        indexes = [
            models.Index(fields=["connection", "next_sync_at"], name="mailboxes_due"),
            models.Index(fields=["unit", "state"], name="mailboxes_by_state"),
        ]
        verbose_name_plural = "mailboxes"


class MemberCalendar(UnitScoped):
    """One calendar in a mailbox. Whether it counts is the member's or an Ops Admin's choice, and is kept."""

    class CountsBy(models.TextChoices):
        DEFAULT = "default", _("the primary calendar counts")
        MEMBER = "member", _("chosen by the member")
        OPS_ADMIN = "ops_admin", _("chosen by an Ops Admin")

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="member_calendars")
    public_id = public_id("cal")
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="calendars")
    provider = models.CharField(max_length=10)
    provider_id = models.CharField(max_length=500)
    name = models.CharField(max_length=300, blank=True)
    primary = models.BooleanField(default=False)
    counts = models.BooleanField(default=False)
    counts_by = models.CharField(max_length=10, choices=CountsBy.choices, default=CountsBy.DEFAULT)
    time_zone = models.CharField(max_length=64, blank=True)
    # Where reading stands. An empty token means a full round; the window of the last full round is frozen.
    feed_token = models.TextField(blank=True)
    window_starts = models.DateTimeField(null=True, blank=True)
    window_ends = models.DateTimeField(null=True, blank=True)
    full_round_at = models.DateTimeField(null=True, blank=True)
    missed = models.PositiveIntegerField(
        default=0
    )  # what the last whole reading found beyond the changes told
    last_synced_at = models.DateTimeField(null=True, blank=True)
    gone_at = models.DateTimeField(null=True, blank=True)  # no longer listed by the provider

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["mailbox", "provider", "provider_id"], name="one_row_per_provider_calendar"
            )
        ]
        ordering = ["-primary", "name", "id"]

    def __str__(self) -> str:
        return self.name or self.provider_id
