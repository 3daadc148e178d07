"""User, a sign-in; and Member, a person in one unit. One user may be a member of several units."""

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgunits.names import domain_of, normal_address, sort_key
from orgunits.public_ids import public_id

from .units import OrganizationalUnit, UnitScoped


class UserManager(BaseUserManager):
    """Users are made with an address instead of a user name."""

    def create_user(self, email: str, password: str | None = None, **fields) -> "User":
        user = self.model(email=normal_address(email), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    """A sign-in. What this person may do stands in the unit, never here."""

    username = None
    public_id = public_id("usr")
    email = models.EmailField(unique=True)
    time_zone = models.CharField(max_length=64, blank=True)  # IANA; empty: UTC
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []
    objects = UserManager()

    def __str__(self) -> str:
        return self.get_full_name() or self.email


class MemberQuerySet(models.QuerySet):
    def active(self) -> "MemberQuerySet":
        """Members who take part: neither suspended nor removed."""
        return self.filter(state=Member.State.ACTIVE)


class Member(UnitScoped):
    """A person in one unit, with or without a sign-in of their own."""

    class State(models.TextChoices):
        INVITED = "invited", _("Invited")
        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")
        REMOVED = "removed", _("Removed")

    class Source(models.TextChoices):
        """Where a setting comes from. A setting made by hand is never overwritten by a machine."""

        ASSUMED = "assumed", _("assumed")
        PROVIDER = "provider", _("from the calendar service")
        DIRECTORY = "directory", _("from the directory")
        HAND = "hand", _("set by hand")

    class CameBy(models.TextChoices):
        """How somebody became a member."""

        HAND = "hand", _("Added by hand")
        INVITATION = "invitation", _("Invited")
        DIRECTORY = "directory", _("From a directory")

    class Identity(models.TextChoices):
        UNVERIFIED = "unverified", _("Unverified")
        PENDING = "pending", _("Confirmation sent")
        VERIFIED = "verified", _("Verified")
        EXPIRED = "expired", _("Expired")

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="members")
    user = models.ForeignKey(
        "orgunits.User", models.SET_NULL, related_name="memberships", null=True, blank=True
    )
    public_id = public_id("mem")
    email = models.EmailField()
    mail_domain = models.CharField(max_length=255, editable=False)
    given_name = models.CharField(max_length=100, blank=True)
    family_name = models.CharField(max_length=100, blank=True)
    sort_key = models.CharField(max_length=200, editable=False)
    department = models.CharField(max_length=200, blank=True)
    # Which of given_name, family_name and department come from where (`Source`); what is not named is assumed.
    name_sources = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    state_since = models.DateTimeField(default=timezone.now)
    came_by = models.CharField(max_length=10, choices=CameBy.choices, default=CameBy.HAND)
    last_seen_on = models.DateField(null=True, blank=True, editable=False)  # the day in UTC, in this unit
    removed_from = models.CharField(max_length=10, choices=State.choices, blank=True, editable=False)
    # Since when nothing here tells any more who it was.
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)
    bookable = models.BooleanField(default=True)  # read first when calls are short
    time_zone = models.CharField(max_length=64, default="UTC")  # IANA
    time_zone_source = models.CharField(max_length=10, choices=Source.choices, default=Source.ASSUMED)
    # {"mon": [["09:00", "17:00"]], …} as wall time in time_zone; empty: the unit's usual hours are assumed
    working_hours = models.JSONField(default=dict, blank=True)
    working_hours_source = models.CharField(max_length=10, choices=Source.choices, default=Source.ASSUMED)
    identity = models.CharField(max_length=10, choices=Identity.choices, default=Identity.UNVERIFIED)
    identity_since = models.DateTimeField(default=timezone.now)

    objects = MemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "email"], condition=~Q(state="removed"), name="one_member_per_address"
            ),
            models.UniqueConstraint(
                fields=["unit", "user"],
                condition=Q(user__isnull=False) & ~Q(state="removed"),
                name="one_member_per_user",
            ),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True) | Q(state="removed", user__isnull=True),
                name="only_removed_members_are_erased",
            ),
        ]
        indexes = [
            models.Index(fields=["unit", "sort_key", "id"], name="members_by_name"),
            models.Index(fields=["unit", "mail_domain"], name="members_by_domain"),
            models.Index(fields=["unit", "state"], name="members_by_state"),  # counting reads it alone
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name people call this member by; the address where no name is known."""
        return f"{self.given_name} {self.family_name}".strip() or self.email

    def set_derived(self) -> None:
        """Fill the columns that follow from others; bulk writers call it, `save` does so by itself."""
        self.email = normal_address(self.email)
        self.mail_domain = domain_of(self.email)
        self.sort_key = sort_key(f"{self.family_name} {self.given_name}".strip() or self.email)

    def save(self, **kwargs) -> None:
        self.set_derived()
        super().save(**kwargs)
