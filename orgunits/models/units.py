"""The Organizational Unit: the container with a hard permission boundary."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgunits.public_ids import public_id


class OrganizationalUnit(models.Model):
    """One boundary. Every other row of the portal hangs from a unit, and nothing crosses it."""

    class Shape(models.TextChoices):
        CUSTOMER = "customer", _("Customer: a company or business unit")
        INTEGRATOR = "integrator", _("Integrator: manages applications")

    public_id = public_id("unit")
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=200)
    shape = models.CharField(max_length=20, choices=Shape.choices, default=Shape.CUSTOMER)
    default_time_zone = models.CharField(max_length=64, default="UTC")
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
        ]

    def __str__(self) -> str:
        return self.name


class UnitScoped(models.Model):
    """A row that belongs to exactly one unit."""

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="%(class)ss")

    class Meta:
        abstract = True
