"""Joining and being believed: invitations, the sheets they are pasted on, and confirmations of identity."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgunits.public_ids import public_id

from .people import Member
from .units import UnitScoped


class Invitation(UnitScoped):
    """A mailed invitation to join as a member who already stands in the list, with their role."""

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        REFUSED = "refused", _("Refused by the mail server")
        EXPIRED = "expired", _("Expired")
        ACCEPTED = "accepted", _("Accepted")
        REVOKED = "revoked", _("Revoked")

    public_id = public_id("inv")
    member = models.ForeignKey(Member, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    state_since = models.DateTimeField(default=timezone.now)
    invited_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    sends_asked = models.PositiveSmallIntegerField(default=1)  # the first one and each "send again"
    sends_done = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    refusal = models.CharField(max_length=200, blank=True)  # the mail server's code and words
    attempts = models.PositiveSmallIntegerField(default=0)  # tries of the send in hand
    next_try_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member"], condition=Q(state="pending"), name="one_open_invitation_per_member"
            )
        ]
        indexes = [
            models.Index(fields=["unit", "state", "id"], name="invitations_by_state"),
            models.Index(fields=["expires_at"], condition=Q(state="pending"), name="invitations_that_end"),
        ]


class InvitationSheet(UnitScoped):
    """Addresses as somebody pasted or uploaded them; read again by the same code for preview and for sending."""

    public_id = public_id("sht")
    text = models.TextField()
    digest = models.CharField(max_length=64)  # sha256 of the text; sending is bound to it
    default_role = models.CharField(max_length=30)
    made_by = models.ForeignKey("orgunits.User", models.CASCADE, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)  # a nightly job forgets sheets after a day
    sent_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)  # everybody who can be is invited


class IdentityConfirmation(UnitScoped):
    """A mailed question "is this you?", asked where no provider vouches for a member (No Access)."""

    class State(models.TextChoices):
        PENDING = "pending", _("Confirmation sent")
        CONFIRMED = "confirmed", _("Confirmed")
        EXPIRED = "expired", _("Expired")
        REPLACED = "replaced", _("Replaced by a newer one")

    public_id = public_id("idc")
    member = models.ForeignKey(Member, models.CASCADE, related_name="identity_confirmations")
    email = models.EmailField()  # the address asked; a changed address is asked again
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    state_since = models.DateTimeField(default=timezone.now)
    asked_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    refusal = models.CharField(max_length=200, blank=True)  # the mail server's code and words
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member"], condition=Q(state="pending"), name="one_open_confirmation_per_member"
            )
        ]
