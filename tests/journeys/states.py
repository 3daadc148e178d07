"""A unit in which every state that a page can show stands somewhere, written straight into the database."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from connections import hand_offs
from connections.models import (
    BusyPeriod,
    CalendarConnection,
    ConnectionDomain,
    Credential,
    Mailbox,
    MemberCalendar,
    ReadingHour,
    ScopeCheck,
)
from connections.modes import scopes_for
from connections.periods import minute_of
from connections.reading_hours import hour_of
from orgunits import roles
from orgunits.members import add_member
from orgunits.models import Member, OrganizationalUnit, User
from orgunits.units import create_unit
from tests.builders import make_members
from tests.journeys.scenes import make_person
from tests.people import MICROSOFT_TENANT

State, Proof, Result = CalendarConnection.State, CalendarConnection.Proof, ScopeCheck.Result
LONG_NAME = "Anna-Friederike Wolfeschlegelsteinhausenbergerdorff von und zu Hohenlohe"
LONG_ADDRESS = (
    "anna-friederike.wolfeschlegelsteinhausenbergerdorff@calendars.of.a.long.subdomain.sigs.example"
)

# How each connection of the unit stands: what is beside the state, and what the self-test found last.
GOOGLE = {"tenant": "kube.example", "administrator": "lukas.martin38@kube.example"}
MICROSOFT = {"tenant": MICROSOFT_TENANT, "administrator": "lucas.hansen68@sigs.example"}
PROVEN = {"proof": Proof.ADMINISTRATOR}


@dataclass(frozen=True)
class States:
    """Who is there, and by what they are called: connections by their story, members by their state."""

    unit: OrganizationalUnit
    empty_unit: OrganizationalUnit
    olga: User  # Ops Admin of both units
    emma: User  # Employee of the first one
    nobody: User  # of no unit
    sami: User  # support staff of the installation, of no unit
    hand_off_token: str
    expired_token: str
    connections: dict[str, CalendarConnection] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)


def make_states() -> States:
    """Everything at once: about a hundred rows."""
    now = timezone.now()
    olga, emma = make_person("Olga", "olga@portal.example"), make_person("Emma", "emma@kube.example")
    unit = create_unit("Kube Community", by=olga, now=now)
    empty = create_unit("Sales and Support of the Northern and Western Regions", by=olga, now=now)
    add_member(unit, emma.email, by=olga, now=now, user=emma, given_name="Emma", role=roles.EMPLOYEE.code)
    connections = make_connections(unit, olga, now=now)
    members = make_people(unit, connections, now=now)
    _row, token = hand_offs.create_link(connections["not proven"], by=olga, now=now)
    _row, expired = hand_offs.create_link(
        connections["nobody signed in"], by=olga, now=now - timedelta(days=9)
    )
    return States(
        unit,
        empty,
        olga,
        emma,
        make_person("Nils", "nils@portal.example"),
        make_person("Sami", "sami@portal.example", is_staff=True),
        token,
        expired,
        connections,
        members,
    )


# --- connections ----------------------------------------------------------------------------------------------------
def make_connections(unit: OrganizationalUnit, olga: User, *, now: datetime) -> dict[str, CalendarConnection]:
    """One connection in each state, and in each step of its set-up."""
    signed_in = {"signed_in_at": now - timedelta(hours=3)}
    google, microsoft = {**GOOGLE, **signed_in}, {**MICROSOFT, **signed_in}
    waiting = {"waiting_since": now - timedelta(hours=2), "last_checked_at": now}
    works = {
        **PROVEN,
        "connected_at": now - timedelta(days=2),
        "connected_by": "Olga",
        "last_checked_at": now,
    }

    def make(provider: str, mode: str, state: str = State.PENDING, reason: str = "", **fields):
        return CalendarConnection.objects.create(
            unit=unit,
            provider=provider,
            mode=mode,
            state=state,
            state_reason=reason,
            created_by=olga,
            **fields,
        )

    made = {
        "nobody signed in": make("google", "read_write", reason="not_signed_in"),
        "not proven": make("google", "free_busy", reason="not_bound", **google),
        "not consented": make("microsoft", "read_write", reason="not_consented", **microsoft, **PROVEN),
        "waiting": make(
            "google",
            "free_busy",
            reason="not_delegated",
            next_check_at=now + timedelta(minutes=5),
            **google,
            **PROVEN,
            **waiting,
        ),
        "overdue": make("google", "free_busy", reason="delegation_overdue", **google, **PROVEN, **waiting),
        "incomplete": make(
            "microsoft", "free_busy", reason="incomplete", consented_at=now, **microsoft, **PROVEN, **waiting
        ),
        "healthy": make("microsoft", "read_write", State.ACTIVE, consented_at=now, **microsoft, **works),
        "degraded": make("google", "read_write", State.ACTIVE, **google, **works),
        "paused": make("google", "free_busy", State.PAUSED, "paused_by_admin", **google, **works),
        "lost": make("microsoft", "free_busy", State.NEEDS_REAUTHORIZATION, "revoked", **microsoft, **works),
        "disconnected": make(
            "google", "read_write", State.DISCONNECTED, "disconnected_by_admin", **google, **works
        ),
        "no access": make("none", "no_access", State.ACTIVE, connected_at=now, connected_by="Olga"),
    }
    made["degraded"].credential = Credential.objects.create(
        unit=unit, provider="google", permission_set="service_account", client_id="1" * 21, secret="{}"
    )
    made["degraded"].save()
    for name in ("waiting", "overdue"):
        self_test(made[name], [Result.MISSING] * 4, "unauthorized_client", now=now)
    self_test(made["incomplete"], [Result.MISSING, Result.UNREQUESTED, Result.UNKNOWN], now=now)
    self_test(made["healthy"], [Result.GRANTED, Result.GRANTED], now=now)
    self_test(made["degraded"], [Result.GRANTED] * 4, now=now)
    for name, domain, verified in (
        ("not proven", "kube.example", ""),
        ("healthy", "sigs.example", "mailbox"),
        ("healthy", "calendars.of.a.long.subdomain.sigs.example", ""),
        ("degraded", "kube.example", "directory"),
        ("no access", "etcd.example", "declared"),
    ):
        ConnectionDomain.objects.create(
            unit=unit,
            connection=made[name],
            domain=domain,
            dns_token="convoke-verify=0123456789abcdef0123456789abcdef",
            verified=verified,
            verified_at=now if verified else None,
        )
    for name in ("healthy", "degraded"):
        give_days(made[name], now=now)
    return made


def give_days(connection: CalendarConnection, *, now: datetime) -> None:
    """Readings of a week, good ones and bad ones."""
    ReadingHour.objects.bulk_create(
        ReadingHour(
            unit=connection.unit,
            connection=connection,
            hour=hour_of(now) - timedelta(days=back),
            mailboxes_read=1400 - 100 * back,
            unreachable=90 * (back % 3),
            of_one_person=40,
        )
        for back in range(7)
    )


def self_test(connection: CalendarConnection, results: list[str], code: str = "", *, now: datetime) -> None:
    """The lines that a self-test left: the asked scopes in their order, then others, the live probe last."""
    asked = scopes_for(connection.provider, connection.mode).organization
    names = (
        [*asked, "Mail.Read", "probe:mailbox"] if len(results) > 2 > len(asked) else [*asked, "probe:mailbox"]
    )
    for name, result in zip(names, results, strict=False):
        ScopeCheck.objects.create(
            unit=connection.unit,
            connection=connection,
            name=name,
            result=result,
            code=code,
            checked_at=now,
            since=now - timedelta(hours=1),
        )


# --- members --------------------------------------------------------------------------------------------------------
def make_people(
    unit: OrganizationalUnit, connections: dict[str, CalendarConnection], *, now: datetime
) -> dict[str, Member]:
    """One member in each state of reading; the synced one has calendars and a week."""
    served = {
        "synced": ("healthy", Mailbox.State.SYNCED, {"last_synced_at": now}),
        "waiting": ("healthy", Mailbox.State.WAITING, {"next_sync_at": now}),
        "failing": (
            "degraded",
            Mailbox.State.FAILING,
            {"failure": Mailbox.Failure.NO_MAILBOX, "failure_code": "notFound", "next_sync_at": now},
        ),
        "paused": ("paused", Mailbox.State.PAUSED, {"last_synced_at": now - timedelta(days=3)}),
        "kept here": ("no access", Mailbox.State.KEPT_HERE, {}),
        "not served": (None, Mailbox.State.NOT_SERVED, {}),
        "several": (None, Mailbox.State.NOT_SERVED, {"decided_by": Mailbox.DecidedBy.SEVERAL}),
    }
    members = make_members(unit, [f"{name.replace(' ', '.')}@sigs.example" for name in served])
    for member, (name, state, also) in zip(members, served.values(), strict=True):
        box = Mailbox.objects.create(
            unit=unit,
            member=member,
            connection=connections.get(name),
            state=state,
            state_since=now - timedelta(hours=1),
            **{"decided_by": Mailbox.DecidedBy.DOMAIN if name else Mailbox.DecidedBy.NONE, **also},
        )
        if state == Mailbox.State.SYNCED:
            give_a_week(box, now=now)
    by_name = dict(zip(served, members, strict=True))
    long = by_name["synced"]
    long.given_name, long.email, long.time_zone = LONG_NAME, LONG_ADDRESS, "America/Los_Angeles"
    long.time_zone_source = long.working_hours_source = Member.Source.HAND
    long.set_derived()
    long.save()
    add_member(unit, "sigrid@sigs.example", by=None, now=now, state=Member.State.SUSPENDED)
    return by_name


def give_a_week(box: Mailbox, *, now: datetime) -> None:
    """Two calendars, and busy and unknown time on each day of this week."""
    calendars = [
        MemberCalendar.objects.create(
            unit=box.unit,
            mailbox=box,
            provider="microsoft",
            provider_id=name,
            name=name,
            primary=primary,
            counts=primary,
        )
        for name, primary in (("Calendar", True), ("Private plans " * 8, False))
    ]
    monday = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=now.weekday())
    for number in range(14):
        starts = monday + timedelta(hours=12 * number + 3)
        BusyPeriod.objects.create(
            calendar=calendars[0],
            member=box.member,
            provider_id=str(number),
            starts=minute_of(starts),
            ends=minute_of(starts + timedelta(minutes=15 * (number + 1))),
            kind=BusyPeriod.Kind.UNKNOWN if number % 3 == 2 else BusyPeriod.Kind.BUSY,
        )
