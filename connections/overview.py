"""How reading goes over a whole unit: what does not work and why, error rates, age, reconciliation, 14 days.

Aggregates only, the same number of queries whatever the number of members; no name and no address of a member.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from django.conf import settings
from django.db.models import Count, DateTimeField, DurationField, ExpressionWrapper, F, Min, Q, Sum, Value
from django.db.models.functions import TruncDate
from django.utils import timezone
from django_q.models import OrmQ

from orgunits.models import OrganizationalUnit

from . import health_checks
from .health_checks import Readings
from .health_runs import readings_by_connection
from .health_words import Cause
from .models import CalendarConnection, Mailbox, MemberCalendar, PushChannel
from .overview_words import NOT_SERVED, PAUSED, STOPPED, cause_of
from .reading_hours import hour_of
from .slices import MINUTES_A_DAY, STRIDE
from .states import Shown, State, shown_with_counts

DAYS = 14
DAY_HOURS, WEEK_HOURS = 24, 7 * 24
MOST_CONNECTIONS = 200
MailboxState = Mailbox.State
COLUMNS = (
    "mailboxes_read", "throttled", "unreachable", "unreadable", "refused", "of_one_person", "hints",
    "unannounced", "reconciled", "missed",
)  # fmt: skip
OF_CONNECTION = ("throttled", "unreachable", "unreadable")  # as states.OF_THE_CONNECTION has it
OF_PERSONS = ("refused", "of_one_person")  # no fault of the connection


@dataclass(frozen=True)
class Trouble:
    """Calendars that are not read for one cause. `chosen`: the members list's filter that shows them."""

    code: str
    number: int
    cause: Cause
    chosen: str
    since: datetime
    next_try: datetime | None

    @property
    def tone(self) -> str:
        return {STOPPED: "danger", PAUSED: "neutral"}.get(self.code, "warning")


@dataclass(frozen=True)
class Mailboxes:
    """How many members' calendars there are, by how reading them goes. Kept here: No Access, nothing to read."""

    well: int = 0
    waiting: int = 0  # for the first reading
    kept_here: int = 0
    troubles: tuple[Trouble, ...] = ()  # the greatest first

    @property
    def not_working(self) -> int:
        return sum(trouble.number for trouble in self.troubles)

    @property
    def to_read(self) -> int:
        return self.well + self.waiting + self.not_working


@dataclass(frozen=True)
class Counts:
    """Readings over some time. One reading is one attempt at one mailbox."""

    mailboxes_read: int = 0
    throttled: int = 0
    unreachable: int = 0
    unreadable: int = 0
    refused: int = 0
    of_one_person: int = 0
    hints: int = 0
    unannounced: int = 0
    reconciled: int = 0
    missed: int = 0

    @property
    def failed(self) -> int:
        """Failures that speak of the connection or its provider."""
        return sum(getattr(self, name) for name in OF_CONNECTION)

    @property
    def of_persons(self) -> int:
        """Failures that are about one person each."""
        return sum(getattr(self, name) for name in OF_PERSONS)

    @property
    def readings(self) -> int:
        return self.mailboxes_read + self.failed + self.of_persons

    @property
    def error_rate(self) -> float | None:
        """Which part of all readings failed for the connection's sake, 0 to 1; None when there were none."""
        return self.failed / self.readings if self.readings else None


@dataclass(frozen=True)
class ProviderCounts:
    """One provider: the hour that runs and the 23 before it, and the same for seven days."""

    name: str
    day: Counts
    week: Counts


@dataclass(frozen=True)
class Day:
    """One day of the chart, in the zone of the overview."""

    date: date
    counts: Counts


@dataclass(frozen=True)
class Lag:
    """One connection: its state, how old what was read through it is, and its open push channels."""

    connection: CalendarConnection
    state: Shown
    reads: bool  # No Access reads nothing
    readings: Readings
    channels: int
    result: str  # of health_checks.judge_age

    @property
    def last_read(self) -> datetime | None:
        return max(filter(None, (self.connection.last_good_at, self.readings.newest)), default=None)


@dataclass(frozen=True)
class Queue:
    """What is due and waits. The queue is the installation's, the mailboxes are the unit's."""

    due: int
    since: datetime | None
    result: str  # of health_checks.judge_queue


@dataclass(frozen=True)
class Reconciliation:
    """Every calendar is read wholly once a day, to find what changes and push had not told."""

    calendars: int = 0
    done: int = 0  # in the last 24 hours
    never: int = 0
    late: int = 0  # whose minute passed longer ago than reading them takes
    oldest: datetime | None = None
    next_at: datetime | None = None

    @property
    def each_minute(self) -> int:
        """About how many come in each minute of the day."""
        return round(self.calendars / MINUTES_A_DAY)


@dataclass(frozen=True)
class Overview:
    """`empty`: no_connection, no_access (nothing is ever read), nothing_read (yet), or empty."""

    at: datetime
    empty: str
    mailboxes: Mailboxes
    lags: tuple[Lag, ...]
    providers: tuple[ProviderCounts, ...]
    last_day: Counts
    days: tuple[Day, ...]
    queue: Queue
    reconciliation: Reconciliation

    @property
    def oldest(self) -> datetime | None:
        """From when the oldest data is, of calendars that were ever read."""
        return min((lag.readings.oldest for lag in self.lags if lag.readings.oldest), default=None)

    @property
    def last_read(self) -> datetime | None:
        return max((lag.last_read for lag in self.lags if lag.last_read), default=None)


def overview(unit: OrganizationalUnit, *, zone: tzinfo, now: datetime) -> Overview:
    """All of it, in eight queries. Days are those of `zone`; an hour belongs to the day in which it begins."""
    lags = _lags(unit, now=now)
    days, providers = _hours(unit, zone=zone, now=now)
    found = _mailboxes(unit)
    ever_read = any(lag.last_read for lag in lags) or any(day.counts.readings for day in days)
    if not any(lag.reads for lag in lags) and not ever_read:
        empty = "no_access" if lags else "no_connection"
    else:
        empty = "" if ever_read else "nothing_read"
    return Overview(
        at=now,
        empty=empty,
        mailboxes=found,
        lags=lags,
        providers=providers,
        last_day=_added(provider.day for provider in providers),
        days=days,
        queue=_queue(lags, now=now),
        reconciliation=_reconciliation(unit, now=now),
    )


# --- who is not read ----------------------------------------------------------------------------------------------
def _mailboxes(unit: OrganizationalUnit) -> Mailboxes:
    rows = unit.mailboxes.exclude(decided_by=Mailbox.DecidedBy.INACTIVE).order_by()
    groups = rows.values("state", "failure").annotate(
        number=Count("pk"), since=Min("state_since"), next_try=Min("next_sync_at")
    )
    counts: Counter[str] = Counter()
    troubles = []
    for group in groups:
        state = group["state"]
        counts[state] += group["number"]
        if state == MailboxState.FAILING:
            code, chosen = group["failure"], f"calendar=failing:{group['failure']}"
        elif state in {STOPPED, PAUSED}:
            code, chosen = state, f"calendar={state}"
        elif state == MailboxState.NOT_SERVED:
            code, chosen = NOT_SERVED, f"calendar={state}&state=active"
        else:
            continue
        troubles.append(
            Trouble(code, group["number"], cause_of(code), chosen, group["since"], group["next_try"])
        )
    troubles.sort(key=lambda trouble: (-trouble.number, trouble.code))
    return Mailboxes(
        well=counts[MailboxState.SYNCED],
        waiting=counts[MailboxState.WAITING],
        kept_here=counts[MailboxState.KEPT_HERE],
        troubles=tuple(troubles),
    )


# --- connections, their age, and the queue ------------------------------------------------------------------------
def _lags(unit: OrganizationalUnit, *, now: datetime) -> tuple[Lag, ...]:
    living = unit.connections.calendars().exclude(state=State.DISCONNECTED).order_by("-created_at", "-pk")
    pairs = shown_with_counts(list(living[:MOST_CONNECTIONS]))
    readings = readings_by_connection(unit, now=now)
    channels = unit.push_channels.filter(state=PushChannel.State.OPEN, expires_at__gt=now).order_by()
    open_channels = dict(channels.values_list("connection").annotate(number=Count("pk")))
    return tuple(
        _lag(row, state, readings.get(row.pk, Readings()), open_channels.get(row.pk, 0), now=now)
        for row, state in pairs
    )


def _lag(
    connection: CalendarConnection, state: Shown, readings: Readings, channels: int, *, now: datetime
) -> Lag:
    seconds = settings.PUSHED_POLL_SECONDS if channels else settings.POLL_SECONDS
    age = health_checks.judge_age(readings, every=timedelta(seconds=seconds), now=now)
    reads = connection.capabilities.reads_calendars
    return Lag(connection, state, reads, readings, channels, age.result)


def _queue(lags: Iterable[Lag], *, now: datetime) -> Queue:
    all_of_them = [lag.readings for lag in lags if lag.connection.state == State.ACTIVE]
    due_since = min((one.due_since for one in all_of_them if one.due_since), default=None)
    due = sum(one.due for one in all_of_them)
    oldest_job = OrmQ.objects.filter(lock__lte=now).aggregate(first=Min("lock"))["first"]
    finding = health_checks.judge_queue(oldest_job, Readings(due=due, due_since=due_since), now=now)
    return Queue(due, min(filter(None, (oldest_job, due_since)), default=None), finding.result)


# --- readings by hour ---------------------------------------------------------------------------------------------
def _hours(
    unit: OrganizationalUnit, *, zone: tzinfo, now: datetime
) -> tuple[tuple[Day, ...], tuple[ProviderCounts, ...]]:
    today = timezone.localdate(now, zone)
    dates = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    first = datetime.combine(dates[0], time(), zone)
    sums = {}
    for name in COLUMNS:
        sums[f"all_{name}"] = Sum(name)
        sums[f"day_{name}"] = Sum(name, filter=Q(hour__gt=hour_of(now) - timedelta(hours=DAY_HOURS)))
        sums[f"week_{name}"] = Sum(name, filter=Q(hour__gt=hour_of(now) - timedelta(hours=WEEK_HOURS)))
    rows = unit.reading_hours.filter(hour__gte=first, hour__lte=now).annotate(
        date=TruncDate("hour", tzinfo=zone)
    )
    groups = list(rows.order_by().values("date", "connection__provider").annotate(**sums))
    days = tuple(
        Day(day, _added(_counts(group, "all_") for group in groups if group["date"] == day)) for day in dates
    )
    names = dict(CalendarConnection.Provider.choices)
    providers = []
    for provider in sorted({group["connection__provider"] for group in groups}):
        own = [group for group in groups if group["connection__provider"] == provider]
        last_day, last_week = (
            _added(_counts(group, prefix) for group in own) for prefix in ("day_", "week_")
        )
        providers.append(ProviderCounts(str(names[provider]), last_day, last_week))
    return days, tuple(providers)


def _counts(group: dict, prefix: str) -> Counts:
    return Counts(**{name: group[prefix + name] or 0 for name in COLUMNS})


def _added(parts: Iterable[Counts]) -> Counts:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(vars(part))
    return Counts(**total)


# --- reading everything, once a day -------------------------------------------------------------------------------
def _reconciliation(unit: OrganizationalUnit, *, now: datetime) -> Reconciliation:
    """Over calendars that are read and go well; one that fails is named by its cause.

    Each mailbox has its minute of the day, as `slices.reconciliation_due` says; computed by the database here.
    """
    day = timedelta(days=1)
    of_today = int((now - datetime.combine(now.astimezone(UTC), time(), UTC)).total_seconds())
    minute = F("mailbox_id") * STRIDE % MINUTES_A_DAY
    seconds = int(day.total_seconds())
    ahead = (minute * 60 - of_today + seconds) % seconds
    passed = (of_today - minute * 60 + seconds) % seconds
    span = ExpressionWrapper(passed * Value(timedelta(seconds=1)), DurationField())
    due = ExpressionWrapper(Value(now) - span, DateTimeField())
    patience = timedelta(seconds=2 * max(settings.PUSHED_POLL_SECONDS, settings.POLL_SECONDS))
    rows = MemberCalendar.objects.filter(
        unit=unit,
        counts=True,
        gone_at=None,
        provider=F("mailbox__connection__provider"),
        mailbox__state=MailboxState.SYNCED,
        mailbox__connection__state=State.ACTIVE,
    )
    found = rows.annotate(ahead=ahead, passed=passed, due=due).aggregate(
        calendars=Count("pk"),
        done=Count("pk", filter=Q(full_round_at__gt=now - day)),
        never=Count("pk", filter=Q(full_round_at=None)),
        late=Count("pk", filter=Q(full_round_at__lt=F("due"), passed__gt=int(patience.total_seconds()))),
        oldest=Min("full_round_at"),
        next_in=Min("ahead"),
    )
    next_in = found.pop("next_in")
    works = unit.works and next_in is not None
    return Reconciliation(**found, next_at=now + timedelta(seconds=next_in) if works else None)
