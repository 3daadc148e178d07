"""Whom a unit takes from a directory, as what; what each rule gave; and how carefully a directory is followed."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connections.models import Connection
from orgunits.models import Member, UnitScoped
from orgunits.public_ids import public_id
from provisioning.plan_values import Kind as RuleKind
from provisioning.plan_values import OnLeaving as LeavingRule


class ProvisioningRule(UnitScoped):
    """Whom the unit takes from one directory, in which role, and what happens when they leave the rule.

    A rule that was removed keeps its row until nobody holds a role by it.
    """

    class Kind(models.TextChoices):
        EVERYBODY = RuleKind.EVERYBODY.value, _("Everybody in the directory")
        PATH = RuleKind.PATH.value, _("An organizational path")
        DEPARTMENT = RuleKind.DEPARTMENT.value, _("A department")
        ATTRIBUTE = RuleKind.ATTRIBUTE.value, _("An attribute")
        GROUP = RuleKind.GROUP.value, _("A directory group")

    class OnLeaving(models.TextChoices):
        NOTHING = LeavingRule.NOTHING.value, _("Nothing: they stay as they are")
        LOSE_ROLE = LeavingRule.LOSE_ROLE.value, _("They lose the role")
        SUSPEND = LeavingRule.SUSPEND.value, _("They are suspended")

    class Welcome(models.TextChoices):
        OFF = "off", _("No mail")
        NOW = "now", _("As soon as they are added")
        ON_DATE = "on_date", _("On a date")

    public_id = public_id("rul")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="provisioning_rules")
    order = models.PositiveSmallIntegerField(default=1)  # lower goes first
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.EVERYBODY)
    values = models.JSONField(default=list, blank=True)  # texts, one of which is enough; groups: external ids
    attribute = models.CharField(max_length=100, blank=True)  # the attribute's name
    nested = models.BooleanField(default=True)  # members of groups in the group too
    role = models.CharField(max_length=30)
    time_zone = models.CharField(max_length=64, blank=True)  # IANA; empty: as the directory tells
    working_hours = models.JSONField(null=True, blank=True)  # as Member.working_hours; None: says nothing
    welcome = models.CharField(max_length=7, choices=Welcome.choices, default=Welcome.OFF)
    welcome_on = models.DateField(null=True, blank=True)
    on_leaving = models.CharField(max_length=9, choices=OnLeaving.choices, default=OnLeaving.SUSPEND)
    active = models.BooleanField(default=False)
    removed_at = models.DateTimeField(null=True, blank=True)
    # Who made it so: welcome mails come in their name.
    made_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["connection", "order", "id"], name="rules_in_order")]

    def __str__(self) -> str:
        return self.name


class RuleGrant(models.Model):
    """A member has a role by a rule. What a person does to the role itself is not told here: a role that was
    revoked by hand is not given again."""

    rule = models.ForeignKey(ProvisioningRule, models.CASCADE, related_name="grants")
    member = models.ForeignKey(Member, models.CASCADE, related_name="rule_grants")
    role = models.CharField(max_length=30)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "rule"], name="a_rule_gives_one_role")]


class DirectoryPolicy(UnitScoped):
    """How a unit follows one directory: by itself or after a look at the plan, and the limits of the guard."""

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="policy")
    ask_first = models.BooleanField(default=False)  # before every scheduled run somebody applies the plan
    share = models.PositiveSmallIntegerField(
        default=20, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )  # percent of the members the directory provides
    floor = models.PositiveSmallIntegerField(default=3)
    most = models.PositiveIntegerField(default=500)
    second_person = models.BooleanField(default=False)  # two Ops Admins say yes to what the guard holds
    # What the last finished run saw: the same again, and there is nothing to plan.
    inputs = models.CharField(max_length=200, blank=True)
    scope = models.CharField(max_length=64, blank=True)  # DirectoryReading.asked of that run
    looked_at = models.DateTimeField(
        null=True, blank=True
    )  # what was read until then was seen: whether there is something to do
