"""A stored plan: what would be done with whom and why, exactly as it will be applied."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connections.models import Connection, DirectoryPerson, DirectoryReading
from orgunits.models import Member, UnitScoped
from orgunits.public_ids import public_id
from provisioning.plan_values import Action as PlanAction

from .rules import ProvisioningRule


class Plan(UnitScoped):
    """What a run would do, frozen. `draft` is a rule as it shall be from the moment the plan is applied."""

    class State(models.TextChoices):
        MAKING = "making", _("Being made")
        READY = "ready", _("Ready")
        TAKEN = "taken", _("Applied")
        STALE = "stale", _("Out of date")
        DISCARDED = "discarded", _("Discarded")
        FAILED = "failed", _("Could not be made")

    class Purpose(models.TextChoices):
        BY_HAND = "by_hand", _("Asked for")
        RULE = "rule", _("Change of a rule")
        SCHEDULED = "scheduled", _("After a reading")
        AGAIN = "again", _("What failed, again")

    public_id = public_id("pln")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="plans")
    state = models.CharField(max_length=9, choices=State.choices, default=State.MAKING)
    state_since = models.DateTimeField(default=timezone.now)
    purpose = models.CharField(max_length=9, choices=Purpose.choices, default=Purpose.BY_HAND)
    made_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    rule = models.ForeignKey(ProvisioningRule, models.CASCADE, null=True, related_name="plans")
    draft = models.JSONField(null=True, blank=True)  # fields of `rule` as they shall be; {"removed": true}
    reading = models.ForeignKey(DirectoryReading, models.SET_NULL, null=True, related_name="+")
    again_of = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="+"
    )  # only what failed there
    incomplete = models.BooleanField(default=False)
    digest = models.CharField(max_length=64, blank=True)
    rules = models.CharField(max_length=64, blank=True)  # digest of the rules
    inputs = models.CharField(max_length=200, blank=True)  # fingerprint of what it was made from
    counts = models.JSONField(default=dict, blank=True)  # action: number, all people included
    clauses = models.JSONField(default=dict, blank=True)  # clause: number
    stale_because = models.JSONField(default=list, blank=True)  # codes of plan_digest.Stale
    problem = models.CharField(max_length=60, blank=True)  # why it could not be made

    # What the guard says of it.
    outcome = models.CharField(max_length=7, blank=True)  # guard.Outcome
    guard_codes = models.JSONField(default=list, blank=True)
    causes = models.JSONField(default=list, blank=True)
    candidates = models.PositiveIntegerField(default=0)
    candidates_digest = models.CharField(max_length=64, blank=True)
    base = models.PositiveIntegerField(default=0)
    limit = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["connection", "-made_at"], name="plans_by_time")]


class PlanItem(models.Model):
    """One person of a plan, and what became of it in the run. With whom nothing happens has no row.

    Names stand in the rows of person and member, so that erasing one erases them here too; `facts` are emptied.
    """

    class Action(models.TextChoices):
        ADD = PlanAction.ADD.value, _("Add")
        CHANGE = PlanAction.CHANGE.value, _("Change")
        SUSPEND = PlanAction.SUSPEND.value, _("Suspend")
        SKIP = PlanAction.SKIP.value, _("Skip")
        CONFLICT = PlanAction.CONFLICT.value, _("Conflict")

    class Result(models.TextChoices):
        NONE = "", _("Nothing to do")
        TODO = "todo", _("Waiting")
        HELD = "held", _("Held by the guard")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    action = models.CharField(max_length=8, choices=Action.choices)
    clause = models.CharField(max_length=20)
    person = models.ForeignKey(DirectoryPerson, models.SET_NULL, null=True, related_name="+")
    member = models.ForeignKey(Member, models.SET_NULL, null=True, related_name="+")
    rule = models.ForeignKey(ProvisioningRule, models.SET_NULL, null=True, related_name="+")
    facts = models.JSONField(default=dict)  # what plan_rows.py writes and reads
    candidate = models.BooleanField(default=False)  # would be suspended, or really lose a role
    ops_admin = models.BooleanField(default=False)
    result = models.CharField(max_length=6, choices=Result.choices, blank=True, default=Result.NONE)
    reason = models.CharField(max_length=60, blank=True)  # a code; its words stand in run_words.py

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "position"], name="one_item_per_position")]
        indexes = [
            models.Index(fields=["plan", "action", "position"], name="items_by_action"),
            models.Index(
                fields=["plan", "position"], condition=Q(result__in=["todo", "held"]), name="items_to_do"
            ),
        ]
