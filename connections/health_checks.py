"""The checks of a connection's health beside its scopes, and how each is judged. Pure.

Each judge takes plain facts and answers a Finding. Times in facts are ISO 8601 in UTC, spans are seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from .models import HealthCheck
from .secret_ends import days_left

Result = HealthCheck.Result

REFUSED, SECOND = "must_be_refused", "second_administrator"  # ask the provider
CLOCK, SECRET, PUSH, LAST_GOOD, DATA_AGE, QUEUE, RETRY, CIRCUIT = (
    "clock", "secret", "push", "last_good", "data_age", "queue", "next_retry", "circuit",
)  # fmt: skip
DIRECTORY = "directory"  # in place of those about calendars, where the connection reaches a directory

SKEW_WARNS, SKEW_FAILS = 30, 120  # seconds; providers refuse signed requests some minutes off
LATE, VERY_LATE = 3, 12  # times the interval at which a mailbox is read
QUEUE_WARNS, QUEUE_FAILS = timedelta(minutes=5), timedelta(minutes=30)
RENEWAL_OVERDUE = timedelta(minutes=10)  # the job that renews comes every minute


@dataclass(frozen=True)
class Finding:
    """What a check found. `code` says why, `facts` hold numbers and times, never addresses."""

    result: str
    code: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


def judge_clock(skew: float | None) -> Finding:
    """`skew`: seconds that the provider's clock is ahead of ours; None when nothing answered."""
    if skew is None:
        return Finding(Result.UNKNOWN, "no_answer")
    facts = {"skew": round(skew)}
    if abs(skew) > SKEW_FAILS:
        return Finding(Result.FAILING, "clock_off", facts)
    if abs(skew) > SKEW_WARNS:
        return Finding(Result.WARNING, "clock_off", facts)
    return Finding(Result.WELL, "", facts)


def judge_secret(since: datetime | None, ends_on: date | None, *, own: bool, today: date) -> Finding:
    """`own`: the key is the unit's, so its end is told on a page; else by whoever operates the installation."""
    facts: dict[str, object] = {}
    if since is not None:
        facts["secret_since"] = moment(since)
    if ends_on is None:
        return Finding(Result.NOT_SET_UP, "end_not_told" if own else "end_not_told_by_operator", facts)
    facts["ends_on"] = ends_on.isoformat()
    left = days_left(ends_on, today=today)
    whose = "" if own else "_of_operator"
    if left < 0:
        return Finding(Result.FAILING, f"secret_over{whose}", facts)
    if left <= 30:
        return Finding(Result.WARNING, f"secret_ends_soon{whose}", facts)
    return Finding(Result.WELL, "", facts)


@dataclass(frozen=True)
class Channels:
    """What stands in the rows of a connection's push channels."""

    open: int = 0
    ended: int = 0  # said to be open, though their time is over
    overdue: int = 0
    refused: int = 0
    problem: str = ""  # the code of a refused one
    next_renewal: datetime | None = None
    first_end: datetime | None = None


def judge_push(channels: Channels, *, possible: bool, reachable: bool, mailboxes: int) -> Finding:
    """`possible`: in this mode; `reachable`: the installation has an address that providers can call."""
    if not possible:
        return Finding(Result.NOT_SET_UP, "no_push_in_mode")
    if not reachable:
        return Finding(Result.NOT_SET_UP, "no_public_url")
    facts = {"channels": channels.open}
    for name in ("next_renewal", "first_end"):
        if (value := getattr(channels, name)) is not None:
            facts[name] = moment(value)
    for name in ("ended", "overdue", "refused"):
        if number := getattr(channels, name):
            facts[name] = number
    if channels.ended:
        return Finding(Result.FAILING, "channels_ended", facts)
    if channels.overdue:
        return Finding(Result.WARNING, "renewal_overdue", facts)
    if channels.refused:
        return Finding(Result.WARNING, "channels_refused", {**facts, "problem": channels.problem})
    if not channels.open:
        return Finding(Result.UNKNOWN, "no_channel_yet" if mailboxes else "nobody_served", facts)
    return Finding(Result.WELL, "", facts)


@dataclass(frozen=True)
class Readings:
    """What stands in the rows of a connection's mailboxes, as far as they are to be read."""

    number: int = 0
    read: int = 0  # how many were ever read
    newest: datetime | None = None
    oldest: datetime | None = None
    median: datetime | None = None
    oldest_of_well: datetime | None = None  # the oldest among those whose reading goes well
    due: int = 0  # whose time has come, and which no job has taken
    due_since: datetime | None = None
    failing: int = 0
    failing_of_connection: int = 0  # for causes that are not about one person
    next_try: datetime | None = None


def judge_last_good(last: datetime | None, readings: Readings, *, every: timedelta, now: datetime) -> Finding:
    """`every`: how often a mailbox is read."""
    known = [value for value in (last, readings.newest) if value is not None]
    if not known:
        return Finding(Result.UNKNOWN, "nothing_read_yet" if readings.number else "nobody_served")
    newest = max(known)
    facts = {"last_good": moment(newest)}
    if readings.number and now - newest > VERY_LATE * every:
        return Finding(Result.FAILING, "nothing_read", facts)
    if readings.number and now - newest > LATE * every:
        return Finding(Result.WARNING, "nothing_read", facts)
    return Finding(Result.WELL, "", facts)


def judge_age(readings: Readings, *, every: timedelta, now: datetime) -> Finding:
    """Old is what is several times as old as the interval at which mailboxes are read."""
    if not readings.number:
        return Finding(Result.UNKNOWN, "nobody_served")
    if readings.median is None or readings.oldest is None:
        return Finding(Result.UNKNOWN, "nothing_read_yet", {"never_read": readings.number})
    facts: dict[str, object] = {"median": moment(readings.median), "oldest": moment(readings.oldest)}
    if readings.number > readings.read:
        facts["never_read"] = readings.number - readings.read
    age = now - readings.median
    oldest = now - (readings.oldest_of_well or readings.median)
    if age > VERY_LATE * every:
        return Finding(Result.FAILING, "data_old", facts)
    if age > LATE * every or oldest > VERY_LATE * every:
        return Finding(Result.WARNING, "data_old", facts)
    return Finding(Result.WELL, "", facts)


def judge_queue(oldest_job: datetime | None, readings: Readings, *, now: datetime) -> Finding:
    """`oldest_job`: since when the first job of the installation's queue is due; None when nothing waits."""
    waits = [value for value in (oldest_job, readings.due_since) if value is not None and value <= now]
    facts: dict[str, object] = {"due": readings.due}
    if not waits:
        return Finding(Result.WELL, "", facts)
    facts["waits_since"] = moment(min(waits))
    age = now - min(waits)
    if age > QUEUE_FAILS:
        return Finding(Result.FAILING, "queue_old", facts)
    return (
        Finding(Result.WARNING, "queue_old", facts) if age > QUEUE_WARNS else Finding(Result.WELL, "", facts)
    )


def while_nobody_asks(finding: Finding) -> Finding:
    """The same finding where nothing is read now: good marks of before say nothing, and work waits on purpose."""
    if finding.code == "queue_old":
        return Finding(Result.WARNING, "held_back", finding.facts)
    return Finding(Result.WARNING, "reading_rests", finding.facts) if not finding.code else finding


def judge_retry(next_check: datetime | None, readings: Readings) -> Finding:
    """What is tried again by itself, and when."""
    facts: dict[str, object] = {"failing": readings.failing}
    times = [value for value in (next_check, readings.next_try) if value is not None]
    if times:
        facts["next_try"] = moment(min(times))
    if next_check is not None or readings.failing_of_connection:
        return Finding(Result.WARNING, "tries_again", facts)
    return Finding(Result.WELL, "persons_failing" if readings.failing else "", facts)


def judge_directory(
    last_complete: datetime | None, last_problem: str, *, every: timedelta, now: datetime
) -> Finding:
    """`last_complete`: when the last reading began that saw everything; `last_problem`: why the last one did not."""
    if last_complete is None:
        result = Result.FAILING if last_problem else Result.UNKNOWN
        return Finding(result, last_problem or "not_read_yet")
    facts, age = {"last_good": moment(last_complete)}, now - last_complete
    if age > VERY_LATE * every:
        return Finding(Result.FAILING, "directory_old", facts)
    if age > LATE * every or last_problem:
        return Finding(Result.WARNING, last_problem or "directory_old", facts)
    return Finding(Result.WELL, "", facts)


def judge_circuit(*, open_until: datetime | None, down: bool) -> Finding:
    """`open_until`: no calls before; `down`: because the provider did not answer, not because it asked us to."""
    if open_until is not None:
        facts = {"asks_again": moment(open_until)}
        return (
            Finding(Result.FAILING, "circuit_open", facts)
            if down
            else Finding(Result.WARNING, "slowed", facts)
        )
    return Finding(Result.WARNING, "circuit_half_open") if down else Finding(Result.WELL)


def moment(value: datetime) -> str:
    """An instant as facts keep it."""
    return value.isoformat(timespec="seconds")
