"""PersonalGrant: one member's own authorization, where the organization refuses delegation."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connections.sealing import SealedTextField
from orgunits.models import Member, OrganizationalUnit, UnitScoped
from orgunits.public_ids import public_id


class PersonalGrant(UnitScoped):
    """Ordinary OAuth of one person (RFC 6749 §4.1, §6): a refresh token that may rotate with each use."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        NEEDS_REAUTHORIZATION = "needs_reauthorization", _("Needs reauthorization")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="personal_grants")
    public_id = public_id("grt")
    connection = models.ForeignKey("connections.Connection", models.CASCADE, related_name="personal_grants")
    member = models.ForeignKey(Member, models.CASCADE, related_name="personal_grants")
    subject = models.CharField(max_length=255)  # who it is at the provider: an address can change hands
    scopes = models.JSONField(default=list)
    refresh_token = SealedTextField(blank=True)
    previous_refresh_token = SealedTextField(blank=True)  # until the new one worked once
    access_token = SealedTextField(blank=True)
    access_token_ends_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=21, choices=State.choices, default=State.ACTIVE)
    state_since = models.DateTimeField(default=timezone.now)
    granted_at = models.DateTimeField(default=timezone.now)
    refreshed_at = models.DateTimeField(null=True, blank=True)
    revoke_at = models.DateTimeField(null=True, blank=True)  # still to be withdrawn at the provider: next try
    revoke_attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "member"], name="one_personal_grant_per_member")
        ]
