"""What people decided about single persons: who is whom, and who is kept until when."""

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
