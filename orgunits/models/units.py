"""The Organizational Unit: the container with a hard permission boundary."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgunits.public_ids import public_id


class OrganizationalUnit(models.Model):
    """One boundary. Every other row of the portal hangs from a unit, and nothing crosses it."""

    class Shape(models.TextChoices):
        CUSTOMER = "customer", _("Customer: a company or business unit")
        INTEGRATOR = "integrator", _("Integrator: manages applications")

    class State(models.TextChoices):
        """Pause stops outside work and is undone at any time; archive closes the unit and is undone for 30 days."""

        ACTIVE = "active", _("Active")
        PAUSED = "paused", _("Paused")
        ARCHIVED = "archived", _("Archived")
        ERASED = "erased", _("Erased")

    public_id = public_id("unit")
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=200)
    shape = models.CharField(max_length=20, choices=Shape.choices, default=Shape.CUSTOMER)
    default_time_zone = models.CharField(max_length=64, default="UTC")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    state_since = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        # The names of all rights live here; what each means is said by the app that asks for it.
        permissions = [
            ("see_unit", "Open the unit and see its home page"),
            ("see_members", "See members and how their calendars are reached"),
            ("manage_members", "Change members' settings and calendars"),
            ("see_connections", "See connections and their state"),
            ("manage_connections", "Connect, change, pause and disconnect services"),
            ("manage_scheduling", "Manage scheduling groups and rules"),
            ("book_for_members", "Book on behalf of members"),
            ("see_audit", "Read the unit's audit log"),
            ("manage_unit", "Rename, pause, archive and restore the unit"),
            ("review_access", "Ask who can do what, and sign off access reviews"),
            ("see_applications", "See all applications of the unit, those made later included"),
            (
                "manage_applications",
                "Create, change and archive all applications, and choose who works on them",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def works(self) -> bool:
        """Whether anything happens outside for this unit: providers are asked, mails go out."""
        return self.state == self.State.ACTIVE

    @property
    def restorable_until(self) -> datetime:
        """Until when an archived unit can be had back; after that a job erases it."""
        return self.state_since + timedelta(days=settings.RESTORE_DAYS)


class UnitScoped(models.Model):
    """A row that belongs to exactly one unit."""

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="%(class)ss")

    class Meta:
        abstract = True
