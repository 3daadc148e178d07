"""Busy time as narrow rows: who, from when to when, and busy, free or unknown. Never what it is about."""

from django.db import models

from orgunits.models import Member

from .mailboxes import MemberCalendar


class BusyPeriod(models.Model):
    """A span of a calendar. Minutes since 1970-01-01T00:00Z; starts rounded down, ends rounded up.

    Integers because a search reads thousands of rows: Django's timestamps cost 22 times as much to read.
    """

    class Kind(models.IntegerChoices):
        FREE = 0
        BUSY = 1
        UNKNOWN = 2  # the provider answered with an error for this span

    calendar = models.ForeignKey(MemberCalendar, models.CASCADE, related_name="busy_periods")
    member = models.ForeignKey(Member, models.CASCADE, related_name="busy_periods", db_index=False)
    provider_id = models.CharField(max_length=500)  # the event's id; for free/busy answers its own span
    starts = models.IntegerField()
    ends = models.IntegerField()
    kind = models.SmallIntegerField(choices=Kind.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["calendar", "provider_id"], name="one_row_per_provider_event")
        ]
        indexes = [models.Index(fields=["member", "starts"], include=["ends", "kind"], name="busy_by_member")]


class EventPosition(models.Model):
    """Where an event of a Free/Busy calendar was last seen: which days to ask again when it changes."""

    calendar = models.ForeignKey(MemberCalendar, models.CASCADE, related_name="event_positions")
    provider_id = models.CharField(max_length=500)
    starts = models.IntegerField()
    ends = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["calendar", "provider_id"], name="one_position_per_event")
        ]
