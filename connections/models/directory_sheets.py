"""A file of people as it was uploaded for a directory: looked at first, then taken over."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgunits.models import OrganizationalUnit, UnitScoped
from orgunits.public_ids import public_id

from .connections import Connection
from .directories import DirectoryReading


class DirectorySheet(UnitScoped):
    """One uploaded file of one CSV directory. Its lines are kept for a day, what became of it as numbers for good."""

    class State(models.TextChoices):
        COMPARING = "comparing", _("Being compared")
        PREVIEW = "preview", _("To be looked at")
        TAKING = "taking", _("Being taken over")
        APPLIED = "applied", _("Taken over")
        DISCARDED = "discarded", _("Discarded")

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="directory_sheets")
    public_id = public_id("file")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="directory_sheets")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PREVIEW)
    content = models.BinaryField(blank=True, default=bytes)  # of a long file, until a job has compared it
    digest = models.CharField(max_length=64)  # of the file's bytes
    columns = models.JSONField(default=list)  # that are read
    unused_columns = models.JSONField(default=list)
    keyed_by_address = models.BooleanField(default=False)  # the file has no ids
    counts = models.JSONField(default=dict)  # of lines, by outcome
    made_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    taken_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    taken_at = models.DateTimeField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0)  # number of the last line written, while it is taken over
    finished_at = models.DateTimeField(null=True, blank=True)
    reading = models.ForeignKey(
        DirectoryReading, models.SET_NULL, null=True, blank=True, related_name="directory_sheets"
    )  # that it became

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection"], condition=Q(state="taking"), name="one_file_taken_over_at_a_time"
            )
        ]
        indexes = [models.Index(fields=["connection", "-made_at"], name="directory_sheets_by_connection")]


class DirectorySheetLine(models.Model):
    """One line of a file, or somebody whom it does not tell of any more, and what taking it over would do."""

    class Outcome(models.TextChoices):
        NEW = "new", _("New")
        CHANGED = "changed", _("Changed")
        BACK = "back", _("Here again")
        SAME = "same", _("As before")
        MISSING = "missing", _("Not in the file")
        ERROR = "error", _("Left out")

    sheet = models.ForeignKey(DirectorySheet, models.CASCADE, related_name="lines")
    number = models.PositiveIntegerField()  # from 1; who is missing comes last
    line = models.PositiveIntegerField(default=0)  # in the file; 0: not in it
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    external_id = models.CharField(max_length=255, blank=True)
    address = models.CharField(max_length=254, blank=True)
    name = models.CharField(max_length=254, blank=True)
    sought = models.CharField(max_length=500, blank=True)  # what a search looks into
    told = models.JSONField(default=dict, blank=True)  # the person; of one left out, the cells
    groups = models.JSONField(default=list, blank=True)  # names
    differs = models.JSONField(default=list, blank=True)  # names of what changed
    problem = models.CharField(max_length=20, blank=True)  # a code of directory_files.PROBLEMS
    detail = models.JSONField(default=dict, blank=True)  # what its words need; how often somebody was missing

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sheet", "number"], name="one_line_of_a_file_per_number")
        ]
        indexes = [models.Index(fields=["sheet", "outcome", "number"], name="lines_of_a_file_by_outcome")]
