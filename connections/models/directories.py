"""What a directory said when it was last read: people, groups and rooms, and how each reading went."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgunits.models import Member, OrganizationalUnit, UnitScoped
from orgunits.public_ids import public_id

from .connections import Connection


class DirectoryReading(UnitScoped):
    """One walk through a directory. Only a complete one says anything about who is not there."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        COMPLETE = "complete", _("Complete")
        INCOMPLETE = "incomplete", _("Incomplete")

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="directory_readings")
    public_id = public_id("rdg")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="directory_readings")
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    problem = models.CharField(max_length=60, blank=True)  # a code of connections/reasons.py
    problem_code = models.CharField(max_length=100, blank=True)  # the provider's own
    whole = models.BooleanField(default=True)  # False: only what changed since the last one
    counted = models.BooleanField(default=False)  # who was not told in it is absent once more
    asked = models.CharField(max_length=64, blank=True)  # digest of tenant, key, administrator and scopes
    started_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True, blank=True)  # a job reads until then
    place = models.JSONField(default=dict, blank=True)  # where one job stopped and another goes on
    seen = models.BinaryField(blank=True, default=bytes)  # whom the jobs before saw: keys, 8 bytes each
    finished_at = models.DateTimeField(null=True, blank=True)
    people = models.PositiveIntegerField(default=0)  # that the answer told
    added = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    absent = models.PositiveIntegerField(default=0)  # known here, and not told
    groups = models.PositiveIntegerField(default=0)
    rooms = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection"], condition=Q(state="running"), name="one_reading_at_a_time"
            )
        ]
        indexes = [models.Index(fields=["connection", "-started_at"], name="readings_by_connection")]


class DirectoryPerson(UnitScoped):
    """A person as a directory last told of them, known by the provider's immutable id."""

    class Kind(models.TextChoices):
        PERSON = "person", _("Person")
        SHARED = "shared", _("Shared mailbox")
        ROOM = "room", _("Room")
        GUEST = "guest", _("Guest")

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="directory_people")
    public_id = public_id("per")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="directory_people")
    external_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PERSON)
    address = models.CharField(max_length=254, blank=True)
    aliases = models.JSONField(default=list, blank=True)
    given_name = models.CharField(max_length=254, blank=True)
    family_name = models.CharField(max_length=254, blank=True)
    sort_key = models.CharField(max_length=200)
    department = models.CharField(max_length=254, blank=True)
    path = models.CharField(max_length=254, blank=True)  # of the organizational unit at the provider
    employee_id = models.CharField(max_length=254, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)  # False: suspended at the provider
    digest = models.CharField(max_length=32)  # of all that was told
    first_seen_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    absences = models.PositiveSmallIntegerField(default=0)  # counted readings in a row without this person
    absent_since = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)  # the provider said so itself
    member = models.ForeignKey(
        Member, models.SET_NULL, null=True, blank=True, related_name="directory_people", db_index=False
    )  # found by the constraint below

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "external_id"], name="one_row_per_directory_person"
            ),
            models.UniqueConstraint(
                fields=["member"], condition=Q(member__isnull=False), name="a_member_is_one_person"
            ),
        ]
        indexes = [
            models.Index(fields=["connection", "sort_key", "id"], name="directory_people_by_name"),
            models.Index(fields=["unit", "address"], name="directory_people_by_address"),
        ]
        verbose_name_plural = "directory people"

    def __str__(self) -> str:
        name = f"{self.given_name} {self.family_name}".strip() or self.attributes.get("display_name", "")
        return name or self.address or self.external_id


class DirectoryAddress(models.Model):
    """An address that a person of a directory had before."""

    person = models.ForeignKey(DirectoryPerson, models.CASCADE, related_name="earlier_addresses")
    address = models.CharField(max_length=254)
    until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "address"], name="an_earlier_address_once")]


class DirectoryGroup(UnitScoped):
    """A group of a directory: who is in it directly, and which groups are in it."""

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="directory_groups")
    public_id = public_id("dgr")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="directory_groups")
    external_id = models.CharField(max_length=255)
    name = models.CharField(max_length=254, blank=True)
    address = models.CharField(max_length=254, blank=True)
    sort_key = models.CharField(max_length=200)
    members = models.ManyToManyField(DirectoryPerson, related_name="groups")
    children = models.ManyToManyField("self", symmetrical=False, related_name="parents")
    everybody = models.BooleanField(default=False)  # the whole organization is in it
    hidden = models.BooleanField(default=False)  # the provider does not tell who is in it
    children_told = models.JSONField(default=list, blank=True)  # external ids, before all groups are read
    absent_since = models.DateTimeField(null=True, blank=True)  # not told any more

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_id"], name="one_row_per_directory_group")
        ]
        indexes = [models.Index(fields=["connection", "sort_key", "id"], name="directory_groups_by_name")]

    def __str__(self) -> str:
        return self.name or self.address or self.external_id


class DirectoryRoom(UnitScoped):
    """A room or a piece of equipment that can be booked by its address."""

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="directory_rooms")
    public_id = public_id("room")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="directory_rooms")
    external_id = models.CharField(max_length=255)
    address = models.CharField(max_length=254)
    name = models.CharField(max_length=254, blank=True)
    sort_key = models.CharField(max_length=200)
    capacity = models.PositiveIntegerField(null=True, blank=True)  # people; empty: not told
    building = models.CharField(max_length=254, blank=True)
    floor = models.CharField(max_length=100, blank=True)
    absent_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_id"], name="one_row_per_directory_room")
        ]
        indexes = [models.Index(fields=["connection", "sort_key", "id"], name="directory_rooms_by_name")]

    def __str__(self) -> str:
        return self.name or self.address
