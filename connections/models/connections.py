"""Connection: one service of one tenant, reached for one unit: its calendars in one access mode, or its directory."""

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from connections.modes import AccessMode, Capabilities, Scopes, capabilities, scopes_for
from orgunits.models import OrganizationalUnit, UnitScoped
from orgunits.public_ids import public_id


class ConnectionQuerySet(models.QuerySet):
    def calendars(self) -> "ConnectionQuerySet":
        return self.filter(kind=Connection.Kind.CALENDAR)

    def directories(self) -> "ConnectionQuerySet":
        return self.filter(kind=Connection.Kind.DIRECTORY)


class Connection(UnitScoped):
    """One service of one tenant. States move only through `connections/states.py`."""

    class Kind(models.TextChoices):
        CALENDAR = "calendar", _("Calendar")
        DIRECTORY = "directory", _("Directory")

    class Provider(models.TextChoices):
        GOOGLE = "google", _("Google Workspace")
        MICROSOFT = "microsoft", _("Microsoft 365")
        CSV = "csv", _("CSV file")
        NONE = "none", _("No service")

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        ACTIVE = "active", _("Active")
        PAUSED = "paused", _("Paused")
        NEEDS_REAUTHORIZATION = "needs_reauthorization", _("Needs reauthorization")
        DISCONNECTED = "disconnected", _("Disconnected")

    class Proof(models.TextChoices):
        """What tied the tenant to this unit in this attempt (docs/decisions/0005)."""

        NONE = "", _("not proven yet")
        ADMINISTRATOR = "administrator", _("an administrator of the tenant signed in")
        OWN_KEY = "own_key", _("the key belongs to this unit alone")
        DNS = "dns", _("a DNS record of this unit stands on the domain")

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="connections")
    public_id = public_id("con")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.CALENDAR)
    provider = models.CharField(max_length=10, choices=Provider.choices)
    mode = models.CharField(max_length=10, choices=AccessMode.choices, blank=True)  # of calendars only
    state = models.CharField(max_length=21, choices=State.choices, default=State.PENDING)
    state_since = models.DateTimeField(default=timezone.now)
    state_reason = models.CharField(max_length=60, blank=True)  # a code of connections/reasons.py

    # Which tenant, as the validated sign-in said: Google's Workspace domain, Microsoft's tenant id.
    tenant = models.CharField(max_length=255, blank=True)
    administrator = models.EmailField(blank=True)  # whose mailbox the self-test reads
    administrator_subject = models.CharField(max_length=255, blank=True)
    proof = models.CharField(max_length=15, choices=Proof.choices, blank=True, default=Proof.NONE)
    signed_in_at = models.DateTimeField(null=True, blank=True)
    consented_at = models.DateTimeField(null=True, blank=True)
    sign_in_scopes = models.JSONField(default=list, blank=True)  # as granted in the sign-in

    credential = models.ForeignKey(
        "connections.Credential", models.SET_NULL, null=True, blank=True, related_name="connections"
    )  # empty: the installation's key
    created_by = models.ForeignKey("orgunits.User", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    connected_by = models.CharField(max_length=300, blank=True)
    connected_at = models.DateTimeField(null=True, blank=True)

    # The self-test: waiting for the provider since, next try, and until when trying makes sense.
    waiting_since = models.DateTimeField(null=True, blank=True)
    next_check_at = models.DateTimeField(null=True, blank=True)
    last_checked_at = models.DateTimeField(null=True, blank=True)
    warned_at = models.DateTimeField(null=True, blank=True)  # that waiting comes to its end was announced
    slowed_until = models.DateTimeField(null=True, blank=True)  # the provider asked for patience, or is down
    failures_in_row = models.PositiveSmallIntegerField(default=0)  # of the provider; open circuit: no calls
    last_good_at = models.DateTimeField(null=True, blank=True)  # a mailbox was read through it
    pull_asked_at = models.DateTimeField(
        null=True, blank=True
    )  # a job that follows hints stands in the queue

    changes_cursor = models.TextField(blank=True)  # where a directory goes on telling what changed
    extras = models.JSONField(default=list, blank=True)  # of directories: modes.Extra
    label = models.CharField(
        max_length=80, blank=True
    )  # of CSV files: whom they hold, as an Ops Admin calls it

    # Personal: each member authorizes for their own calendar; nobody grants for the whole organization.
    personal = models.BooleanField(default=False)

    # What the checks of health look at beside the administrator's own mailbox.
    test_mailbox = models.EmailField(blank=True)  # must work; empty: the administrator's
    must_be_refused = models.EmailField(blank=True)  # Microsoft: outside an application access policy
    second_administrator = models.EmailField(blank=True)  # Google: tried daily, in case the first one leaves
    health_checked_at = models.DateTimeField(null=True, blank=True)

    # The last thing Ops Admins were told by mail: a code of connections/reasons.py, empty when well.
    told_code = models.CharField(max_length=60, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="calendar") ^ Q(mode=""), name="calendars_alone_have_an_access_mode"
            ),
            models.CheckConstraint(
                condition=~Q(provider="none") | Q(mode="no_access", credential=None),
                name="no_service_means_no_access",
            ),
            models.CheckConstraint(
                condition=~Q(provider="csv") | Q(kind="directory", tenant="", credential=None),
                name="csv_means_directory",
            ),
        ]

    def __str__(self) -> str:
        if self.provider == self.Provider.NONE:
            return str(self.get_mode_display())
        tenant = f" · {self.known_as}" if self.known_as else ""
        what = self.get_mode_display() if self.mode else self.get_kind_display()
        return f"{self.service_name}, {what}{tenant}"

    def get_absolute_url(self) -> str:
        """The connection's own page."""
        name = "directory" if self.is_directory else "connection"
        return reverse(name, args=[self.unit.slug, self.public_id])

    @property
    def is_directory(self) -> bool:
        return self.kind == self.Kind.DIRECTORY

    @property
    def known_as(self) -> str:
        """What tells it from others of its kind: the tenant, or how an Ops Admin calls it."""
        return self.tenant or self.label

    @property
    def service_name(self) -> str:
        """What the service is called: Microsoft's directory has a name of its own."""
        if self.is_directory and self.provider == self.Provider.MICROSOFT:
            return gettext("Microsoft Entra")
        return self.get_provider_display()

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return capabilities(self.provider, self.mode)

    @property
    def scopes(self) -> Scopes:
        """What it asks for, and how the contract words it."""
        return scopes_for(self.provider, self.mode, self.extras)


class OfOneKind(models.Manager.from_queryset(ConnectionQuerySet)):
    """The connections of one kind alone; a new one is of that kind."""

    def __init__(self, kind: str):
        self.kind = kind
        super().__init__()

    def get_queryset(self) -> ConnectionQuerySet:
        return super().get_queryset().filter(kind=self.kind)

    def create(self, **fields) -> Connection:
        return super().create(kind=self.kind, **fields)


class CalendarConnection(Connection):
    """The calendars of one tenant in one access mode."""

    objects = OfOneKind(Connection.Kind.CALENDAR)

    class Meta:
        proxy = True


class DirectoryConnection(Connection):
    """The directory of one tenant."""

    objects = OfOneKind(Connection.Kind.DIRECTORY)

    class Meta:
        proxy = True


class ConnectionDomain(UnitScoped):
    """A mail domain that a connection serves, once something proved it."""

    class Verified(models.TextChoices):
        NO = "", _("not verified yet")
        MAILBOX = "mailbox", _("a mailbox in it answered through this connection")
        DIRECTORY = "directory", _("the provider's directory lists it")
        DNS = "dns", _("a DNS record proves it")
        DECLARED = "declared", _("named by an Ops Admin; No Access opens nothing")

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="connection_domains")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="domains")
    domain = models.CharField(max_length=255)
    dns_token = models.CharField(max_length=60)
    verified = models.CharField(max_length=10, choices=Verified.choices, blank=True, default=Verified.NO)
    verified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "domain"], name="one_row_per_connection_domain")
        ]
        ordering = ["domain"]

    def __str__(self) -> str:
        return self.domain


class ScopeCheck(UnitScoped):
    """The last answer to one line of the self-test: one scope, or one live probe."""

    class Result(models.TextChoices):
        GRANTED = "granted", _("granted")
        MISSING = "missing", _("missing")
        UNREQUESTED = "unrequested", _("granted, though never asked for")
        UNKNOWN = "unknown", _("no answer")

    unit = models.ForeignKey(OrganizationalUnit, models.CASCADE, related_name="scope_checks")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="checks")
    name = models.CharField(max_length=200)  # the scope on the wire, or "probe:<operation>"
    result = models.CharField(max_length=12, choices=Result.choices)
    code = models.CharField(max_length=100, blank=True)  # the provider's error code
    checked_at = models.DateTimeField()
    since = models.DateTimeField()  # when this result was first seen

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "name"], name="one_check_per_connection_and_name")
        ]
        ordering = ["id"]
