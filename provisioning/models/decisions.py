"""What people decided about single persons: who is whom, who is kept until when, who is welcomed when."""

from django.db import models
from django.utils import timezone

from connections.models import DirectoryPerson
from orgunits.models import Member, UnitScoped


class PairDecision(UnitScoped):
    """Somebody said that a person of a directory is, or is not, a member."""

    person = models.ForeignKey(DirectoryPerson, models.CASCADE, related_name="decisions")
    member = models.ForeignKey(Member, models.CASCADE, related_name="decisions")
    same = models.BooleanField()
    decided_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "member"], name="one_decision_per_pair")]


class Kept(UnitScoped):
    """No run suspends this member or takes a role from them before a day (UTC), because somebody said so."""

    member = models.OneToOneField(Member, models.CASCADE, related_name="kept")
    until = models.DateField()
    decided_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(default=timezone.now)


class WelcomeMail(UnitScoped):
    """Somebody whom a rule brought is to be mailed a link to sign in, on or after a day (UTC)."""

    member = models.OneToOneField(Member, models.CASCADE, related_name="welcome")
    rule = models.ForeignKey("provisioning.ProvisioningRule", models.SET_NULL, null=True, related_name="+")
    due_on = models.DateField()
    sent_at = models.DateTimeField(null=True, blank=True)  # handed to the invitations, which tell the rest

    class Meta:
        indexes = [
            models.Index(fields=["due_on"], condition=models.Q(sent_at__isnull=True), name="welcomes_to_send")
        ]
