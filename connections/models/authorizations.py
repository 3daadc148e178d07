"""Attempts to authorize: the row a callback must match, and the link for an administrator without account."""

from django.db import models
from django.utils import timezone

from connections.sealing import SealedTextField
from orgunits.models import Member, OrganizationalUnit, UnitScoped
from orgunits.public_ids import public_id


class HandOff(UnitScoped):
    """A link with which an administrator without portal account can do one connection's authorization.

    Only the hash of its token is kept. The first browser session that starts with it owns it.
    """

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="hand_offs")
    public_id = public_id("hof")
    connection = models.ForeignKey("connections.Connection", models.CASCADE, related_name="hand_offs")
    token_hash = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    session_hash = models.CharField(max_length=64, blank=True)  # the session that started with it
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    warned_at = models.DateTimeField(null=True, blank=True)  # its end was announced by mail

    def __str__(self) -> str:
        return f"hand-off link of {self.created_at:%Y-%m-%d}"


class PendingAuthorization(UnitScoped):
    """One trip to a provider's sign-in or consent page (RFC 9700 §4.7: state bound to the session).

    A callback must match state, session, person, provider and time; it can be used once.
    """

    class Purpose(models.TextChoices):
        SIGN_IN = "sign_in"
        PROVE_ADMINISTRATOR = "prove_administrator"
        ADMIN_CONSENT = "admin_consent"
        PERSONAL = "personal"

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="+")
    connection = models.ForeignKey("connections.Connection", models.CASCADE, related_name="attempts")
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    provider = models.CharField(max_length=10)
    state_hash = models.CharField(max_length=64, unique=True)
    nonce = models.CharField(max_length=64)
    code_verifier = SealedTextField()
    redirect_uri = models.CharField(max_length=300)
    scopes = models.JSONField(default=list)
    user = models.ForeignKey("orgunits.User", models.CASCADE, null=True, related_name="+")
    hand_off = models.ForeignKey(HandOff, models.CASCADE, null=True, related_name="+")
    mode_change = models.ForeignKey("connections.ModeChange", models.CASCADE, null=True, related_name="+")
    member = models.ForeignKey(Member, models.CASCADE, null=True, related_name="+")  # of a personal one
    session_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=60, blank=True)
