"""The checks of a connection's health beside its scopes: what each is called, how it is judged, what it means. Pure.

Each judge takes plain facts and answers a Finding. Times in facts are ISO 8601 in UTC, spans are seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.utils.translation import gettext_lazy as _

from .models import HealthCheck
from .secret_ends import days_left

Result = HealthCheck.Result

REFUSED, SECOND = "must_be_refused", "second_administrator"  # ask the provider
CLOCK, SECRET, PUSH, LAST_GOOD, DATA_AGE, QUEUE, RETRY, CIRCUIT = (
    "clock", "secret", "push", "last_good", "data_age", "queue", "next_retry", "circuit",
)  # fmt: skip
# In the order in which they are shown, with what is looked at.
TITLES: dict[str, tuple[str, str]] = {
    REFUSED: (_("A mailbox that must be refused"), _("An application access policy of Microsoft holds.")),
    SECOND: (_("A second administrator"), _("Tried daily, in case the first one leaves.")),
    CLOCK: (_("Clock"), _("Ours and the provider’s agree.")),
    SECRET: (_("Secret"), _("Its age and its end.")),
    PUSH: (_("Announced changes"), _("The provider tells us when a calendar changes.")),
    LAST_GOOD: (_("Last good reading"), _("When a calendar was last read.")),
    DATA_AGE: (_("Age of data"), _("How old what we know is.")),
    QUEUE: (_("Queue"), _("How long work waits here.")),
    RETRY: (_("Next try"), _("What failed is tried again.")),
    CIRCUIT: (_("Patience with the provider"), _("Whether we ask at all just now.")),
}

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


def judge_retry(next_check: datetime | None, readings: Readings) -> Finding:
    """What is tried again by itself, and when."""
    facts: dict[str, object] = {"failing": readings.failing}
    times = [value for value in (next_check, readings.next_try) if value is not None]
    if times:
        facts["next_try"] = moment(min(times))
    if next_check is not None or readings.failing_of_connection:
        return Finding(Result.WARNING, "tries_again", facts)
    return Finding(Result.WELL, "persons_failing" if readings.failing else "", facts)


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


# --- in words -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Cause:
    """Why a check is as it is, who can mend it, what to do, and what happens meanwhile."""

    sentence: str
    who: str = ""
    todo: str = ""
    meanwhile: str = ""


_OPS_ADMIN = _("an Ops Admin of this unit")
_TENANT = _("an administrator of the Google or Microsoft tenant")
_OPERATOR = _("whoever operates this installation")
_NOTHING = _("Nothing else is affected: calendars are read as before.")
_OLDER = _("What was read before stays and is used; it grows older.")
_POLLED = _("Calendars are asked for changes every few minutes; nothing is lost.")
_LOOK_AT_WORKER = _("Look whether the worker runs, and whether it needs more processes (WORKERS).")

_NOBODY = Cause(_("This connection serves nobody yet."))
_NOT_YET = Cause(_("No calendar has been read yet."), todo=_("Nothing to do: reading has begun."))
CAUSES: dict[str, dict[str, Cause]] = {
    REFUSED: {
        "": Cause(_("Microsoft refuses it, as it should.")),
        "not_set_up": Cause(
            _("No mailbox is named that the tenant’s policy keeps from us, so nothing tells whether it holds."),
            _OPS_ADMIN,
            _(
                "If an application access policy limits this application, name a mailbox outside it. If there "
                "is none, leave this empty: the permission then reaches all mailboxes of the tenant."
            ),
            _NOTHING,
        ),
        "policy_does_not_restrict": Cause(
            _("It answered: the policy does not restrict this application."),
            _TENANT,
            _(
                "Compare the application id and the group in the application access policy. A new or changed policy "
                "takes more than an hour to apply; until then the mailbox still answers."
            ),
            _("The permission reaches this mailbox too. We read only calendars of this unit’s members."),
        ),
        "policy_cannot_restrict": Cause(
            _(
                "It answered. Microsoft does not list Calendars.ReadBasic.All, the permission of Free/Busy, among "
                "those that an application access policy restricts."
            ),
            _TENANT,
            _(
                "Do not rely on the policy in this mode. Where mailboxes must be out of reach, use Read Write with "
                "a policy, or a tenant of their own."
            ),
            _("The permission reaches this mailbox too. We read only calendars of this unit’s members."),
        ),
        "no_mailbox": Cause(
            _("Microsoft knows no mailbox at this address, so its silence says nothing about the policy."),
            _OPS_ADMIN,
            _("Name a mailbox that exists."),
            _NOTHING,
        ),
    },
    SECOND: {
        "": Cause(_("Every permission and the calendar answered for this person.")),
        "not_set_up": Cause(
            _("No second administrator is named. When the first one leaves, the self-test has nobody to ask as."),
            _OPS_ADMIN,
            _("Name a second administrator of the Workspace."),
            _NOTHING,
        ),
        "second_refused": Cause(
            _("Google gave no token or no calendar for this person: they left, are suspended, or have no calendar."),
            _OPS_ADMIN,
            _("Name another administrator."),
            _NOTHING,
        ),
        "domain_not_proven": Cause(
            _("The address is in a domain that nothing proves to be this tenant’s, so it is not asked."),
            _OPS_ADMIN,
            _("Name an administrator in a proven domain."),
            _NOTHING,
        ),
    },
    CLOCK: {
        "": Cause(_("They agree.")),
        "no_answer": Cause(_("Nobody answered, so the clocks could not be compared.")),
        "clock_off": Cause(
            _("The clock of this machine and the provider’s differ."),
            _OPERATOR,
            _("Switch on time synchronization (NTP) on the machines of this installation."),
            _("When the difference is some minutes, providers refuse our requests as expired or not yet valid."),
        ),
    },
    SECRET: {
        "": Cause(_("It is valid for a while.")),
        "end_not_told": Cause(
            _("Its end was not told, so nobody is warned before it is over."),
            _OPS_ADMIN,
            _("Enter the day, as the provider’s console shows it. Google’s keys end only where a policy says so."),
            _NOTHING,
        ),
        "end_not_told_by_operator": Cause(
            _("Its end was not told, so nobody is warned before it is over."),
            _OPERATOR,
            _("It is the installation’s key: its end is told in the settings."),
            _NOTHING,
        ),
        "secret_ends_soon": Cause(
            _("It ends soon."),
            _OPS_ADMIN,
            _("Make a new one at the provider and enter it here before that day."),
            _("Everything works until then."),
        ),
        "secret_ends_soon_of_operator": Cause(
            _("It ends soon."),
            _OPERATOR,
            _("It is the installation’s key: a new one goes into its settings before that day."),
            _("Everything works until then."),
        ),
        "secret_over": Cause(
            _("Its time is over."),
            _OPS_ADMIN,
            _("Enter a new one. If it was renewed without a word here, correct the day."),
            _OLDER,
        ),
        "secret_over_of_operator": Cause(
            _("Its time is over."), _OPERATOR, _("A new one goes into the installation’s settings."), _OLDER
        ),
    },
    PUSH: {
        "": Cause(_("Changes are announced.")),
        "no_push_in_mode": Cause(
            _("Microsoft announces nothing in Free/Busy, so calendars are asked for changes."), meanwhile=_POLLED
        ),
        "no_public_url": Cause(
            _("This installation has no address that providers can reach, so calendars are asked for changes."),
            _OPERATOR,
            _("Set PUBLIC_URL to an https address that leads to this portal."),
            _POLLED,
        ),
        "no_channel_yet": Cause(
            _("No channel is open yet."), todo=_("Nothing to do: they are opened by themselves."), meanwhile=_POLLED
        ),
        "nobody_served": _NOBODY,
        "renewal_overdue": Cause(
            _("Some channels should have been renewed by now."), _OPERATOR, _LOOK_AT_WORKER, _POLLED
        ),
        "channels_ended": Cause(
            _("Some channels have ended and were not opened again."), _OPERATOR, _LOOK_AT_WORKER, _POLLED
        ),
        "channels_refused": Cause(
            _("The provider refuses to announce changes of some calendars."),
            _OPERATOR,
            _("Look whether PUBLIC_URL can be reached from outside. We try again by ourselves."),
            _POLLED,
        ),
    },
    LAST_GOOD: {
        "": Cause(_("Calendars are being read.")),
        "nothing_read_yet": _NOT_YET,
        "nobody_served": _NOBODY,
        "nothing_read": Cause(
            _("No calendar could be read for a while."),
            todo=_("Look at the lines above and at the queue: one of them says why."),
            meanwhile=_OLDER,
        ),
    },
    DATA_AGE: {
        "": Cause(_("Half of the calendars were read after the middle time, none before the oldest.")),
        "nothing_read_yet": _NOT_YET,
        "nobody_served": _NOBODY,
        "data_old": Cause(
            _("What we know of some calendars is older than it should be."),
            todo=_("Look at the failing calendars, and at the queue."),
            meanwhile=_("The pages of members say from when each one’s busy time is."),
        ),
    },
    QUEUE: {
        "": Cause(_("Work is done as it comes.")),
        "queue_old": Cause(
            _("Work waits longer than it should."), _OPERATOR, _LOOK_AT_WORKER, _OLDER
        ),
    },
    RETRY: {
        "": Cause(_("Nothing failed.")),
        "persons_failing": Cause(
            _("Some calendars cannot be read for causes that are about one person each."),
            todo=_("The list of members says why for each."),
        ),
        "tries_again": Cause(
            _("Something failed and is tried again by itself."), todo=_("Nothing to do."), meanwhile=_OLDER
        ),
    },
    CIRCUIT: {
        "": Cause(_("The provider answers, and we ask as usual.")),
        "slowed": Cause(
            _("The provider asked us to slow down."), todo=_("Nothing to do: we go on by ourselves."), meanwhile=_OLDER
        ),
        "circuit_open": Cause(
            _("The provider did not answer several times in a row, so nobody asks for a while."),
            todo=_("Nothing to do: we try again by ourselves, first with a few calendars."),
            meanwhile=_OLDER,
        ),
        "circuit_half_open": Cause(
            _("The provider did not answer; a few calendars are being tried."),
            todo=_("Nothing to do: all of them follow once one answered."),
            meanwhile=_OLDER,
        ),
    },
}  # fmt: skip

# The self-test's own lines: by result (a missing scope: by result and provider), or by the code of the mailbox.
_READING_GOES_ON = _("Calendars that need it are not read; what was read before stays.")
SCOPE_CAUSES: dict[str, Cause] = {
    "granted": Cause(""),
    "not_asked": Cause(""),
    "unrequested": Cause(
        _("This access mode does not need it and never uses it."),
        _TENANT,
        _("Remove it from the app registration, then consent again."),
        _NOTHING,
    ),
    "unknown": Cause(
        _("The provider gave no usable answer."), todo=_("We ask again by ourselves."), meanwhile=_OLDER
    ),
    "missing:google": Cause(
        _("Google does not grant it to our client id."),
        _TENANT,
        _("Add it in the Admin console, then check again."),
        _READING_GOES_ON,
    ),
    "missing:microsoft": Cause(
        _("Microsoft does not list it among what was granted."),
        _TENANT,
        _("Consent again, then check again."),
        _READING_GOES_ON,
    ),
    "probe_refused": Cause(
        _("The provider refuses to show this calendar."),
        _TENANT,
        _("Look for a policy that limits the application. A changed one takes more than an hour to apply."),
        _OLDER,
    ),
    "no_administrator_mailbox": Cause(
        _("This account has no calendar."),
        _OPS_ADMIN,
        _("Name a mailbox that has one."),
        _("Other calendars are read as before, but nothing tells early when that ends."),
    ),
}


class Kind:
    """How a fact is shown."""

    TIME, DAY, NUMBER, SECONDS, CODE = "time", "day", "number", "seconds", "code"


FACTS: dict[str, tuple[str, str]] = {
    "skew": (_("The provider’s clock is ahead by"), Kind.SECONDS),
    "secret_since": (_("In use since"), Kind.TIME),
    "ends_on": (_("Last day"), Kind.DAY),
    "channels": (_("Open channels"), Kind.NUMBER),
    "overdue": (_("Overdue channels"), Kind.NUMBER),
    "ended": (_("Ended channels"), Kind.NUMBER),
    "refused": (_("Refused channels"), Kind.NUMBER),
    "problem": (_("The provider’s code"), Kind.CODE),
    "next_renewal": (_("Next renewal"), Kind.TIME),
    "first_end": (_("First one ends"), Kind.TIME),
    "last_good": (_("Last read"), Kind.TIME),
    "median": (_("Middle"), Kind.TIME),
    "oldest": (_("Oldest"), Kind.TIME),
    "never_read": (_("Never read"), Kind.NUMBER),
    "due": (_("Calendars due now"), Kind.NUMBER),
    "waits_since": (_("The first waits since"), Kind.TIME),
    "failing": (_("Failing calendars"), Kind.NUMBER),
    "next_try": (_("Next try"), Kind.TIME),
    "asks_again": (_("We ask again"), Kind.TIME),
}


def cause_of(name: str, code: str) -> Cause | None:
    """The words for a code of this check; None when it is the provider's own."""
    return CAUSES[name].get(code)
