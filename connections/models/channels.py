"""PushChannel: one promise of a provider to tell us that something changed, until it ends."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgunits.models import OrganizationalUnit, UnitScoped

from .mailboxes import Mailbox, MemberCalendar


class PushChannel(UnitScoped):
    """Google's channel on one calendar, or Microsoft's subscription to one mailbox.

    Only the hash of its secret is kept: what a message must bring along to be believed.
    """

    class State(models.TextChoices):
        OPENING = "opening", _("Being opened")
        OPEN = "open", _("Open")
        CLOSING = "closing", _("Being closed")
        REFUSED = "refused", _("Refused by the provider")

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="push_channels")
    connection = models.ForeignKey("connections.Connection", models.CASCADE, related_name="push_channels")
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="push_channels")
    calendar = models.ForeignKey(
        MemberCalendar, models.CASCADE, null=True, blank=True, related_name="push_channels"
    )  # empty: the whole mailbox
    provider = models.CharField(max_length=10)
    channel_id = models.CharField(max_length=100)  # Google: chosen by us; Microsoft: the subscription's id
    resource_id = models.CharField(max_length=200, blank=True)
    secret_hash = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPENING)
    state_since = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)  # when it is to be renewed, or tried again
    attempts = models.PositiveSmallIntegerField(default=0)  # failures in a row
    problem = models.CharField(max_length=100, blank=True)  # the provider's own code
    notified_at = models.DateTimeField(null=True, blank=True)  # the last message that was believed

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "channel_id"], name="one_row_per_push_channel")
        ]
        indexes = [models.Index(fields=["connection", "due_at"], name="push_channels_due")]
