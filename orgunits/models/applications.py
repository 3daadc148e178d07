"""The application of an integrator: a client of Organization Connect that belongs to one unit."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import AbstractApplication

from orgunits.public_ids import public_id

from .units import OrganizationalUnit


class Application(AbstractApplication):
    """django-oauth-toolkit's application model, swapped for one that hangs from a unit.

    Two secrets can be valid at a time, so that a running application changes over without a gap. Both are
    stored hashed. While `approved_at` is empty the application is in development mode, and says so.
    """

    class Environment(models.TextChoices):
        PRODUCTION = "production", _("Production")
        STAGING = "staging", _("Staging")
        DEVELOPMENT = "development", _("Development")

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        ARCHIVED = "archived", _("Archived")

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="applications")
    public_id = public_id("app")
    environment = models.CharField(max_length=12, choices=Environment.choices)
    publisher = models.CharField(max_length=300, blank=True)  # who stands behind it, as shown to customers
    logo = models.BinaryField(null=True, blank=True)  # a PNG of our own making
    second_secret = models.CharField(max_length=255, blank=True)  # hashed; valid beside client_secret
    second_secret_made_at = models.DateTimeField(null=True, blank=True)
    client_secret_made_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    state_since = models.DateTimeField(default=timezone.now)
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta(AbstractApplication.Meta):
        # Rights on one application; what holds them for the whole unit stands in orgunits/roles.py.
        permissions = [
            ("see_application", "See the application and its settings"),
            ("edit_application", "Change the application's settings"),
            ("rotate_secret", "Make and end the application's secrets"),
            ("look_up_state", "Look up connection state for the application"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(second_secret="", second_secret_made_at__isnull=True)
                | (~models.Q(second_secret="") & models.Q(second_secret_made_at__isnull=False)),
                name="second_secret_has_its_date",
            )
        ]
        indexes = [models.Index(fields=["unit", "state", "id"], name="applications_by_unit")]

    def __str__(self) -> str:
        return self.name

    def redirect_uri_allowed(self, uri: str) -> bool:
        """Letter by letter. The toolkit's own comparison is looser: any port on this machine, a longer query."""
        return uri in self.redirect_uris.split()

    def get_allowed_schemes(self) -> list[str]:
        """The toolkit asks before it sends a browser away: http only to a developer's own machine."""
        development = self.environment == self.Environment.DEVELOPMENT
        return ["https", "http"] if development else ["https"]
