"""The access review: who could do what on a day, what the reviewer decided, and the sign-off."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgunits.public_ids import public_id

from .units import UnitScoped


class AccessReview(UnitScoped):
    """One review of all grants of a unit, as they stood when it was begun. Signed off, it stays as it is."""

    public_id = public_id("rev")
    begun_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    begun_at = models.DateTimeField(default=timezone.now)
    signed_off_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    signed_off_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["unit"],
                condition=models.Q(signed_off_at__isnull=True),
                name="one_open_review_per_unit",
            )
        ]

    def __str__(self) -> str:
        return str(_("Access review of %(day)s") % {"day": self.begun_at.date().isoformat()})


class AccessReviewRow(UnitScoped):
    """One grant under review. Holds public ids: their names can be erased while the review is kept."""

    class Mark(models.TextChoices):
        OPEN = "", _("Not decided")
        KEEP = "keep", _("Keep")
        REVOKE = "revoke", _("Revoked")
        GONE = "gone", _("Ended by itself")

    review = models.ForeignKey(AccessReview, models.CASCADE, related_name="rows")
    grant = models.ForeignKey("orgunits.RoleGrant", models.SET_NULL, null=True, related_name="+")
    member = models.CharField(max_length=40)  # public ids from here on
    role = models.CharField(max_length=30)
    application = models.CharField(max_length=40, blank=True)
    granted_by = models.CharField(max_length=40, blank=True)
    granted_at = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    last_seen_on = models.DateField(null=True, blank=True)
    mark = models.CharField(max_length=10, choices=Mark.choices, blank=True, default=Mark.OPEN)
    marked_by = models.CharField(max_length=40, blank=True)
    marked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["review", "id"], name="review_rows")]
