"""What the checks of a connection's health mean: what each is called, why it is as it is, and what helps. Pure."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from .health_checks import (
    CIRCUIT,
    CLOCK,
    DATA_AGE,
    DIRECTORY,
    LAST_GOOD,
    PUSH,
    QUEUE,
    REFUSED,
    RETRY,
    SECOND,
    SECRET,
)

# In the order in which they are shown, with what is looked at.
TITLES: dict[str, tuple[str, str]] = {
    REFUSED: (_("A mailbox that must be refused"), _("An application access policy of Microsoft holds.")),
    SECOND: (_("A second administrator"), _("Tried daily, in case the first one leaves.")),
    CLOCK: (_("Clock"), _("Ours and the provider’s agree.")),
    SECRET: (_("Secret"), _("Its age and its end.")),
    PUSH: (_("Announced changes"), _("The provider tells us when a calendar changes.")),
    DIRECTORY: (_("Last complete reading"), _("Only a reading that saw everybody tells who left.")),
    LAST_GOOD: (_("Last good reading"), _("When a calendar was last read.")),
    DATA_AGE: (_("Age of data"), _("How old what we know is.")),
    QUEUE: (_("Queue"), _("How long work waits here.")),
    RETRY: (_("Next try"), _("What failed is tried again.")),
    CIRCUIT: (_("Patience with the provider"), _("Whether we ask at all just now.")),
}


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
_RESTS = Cause(
    _("Nothing is read now: the connection is stopped, paused, or waits for its provider."),
    todo=_("The head of this page says why, and who can mend it."),
    meanwhile=_OLDER,
)

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
            _("No channel is open."), todo=_("Nothing to do: they are opened by themselves."), meanwhile=_POLLED
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
    DIRECTORY: {
        "": Cause(_("The directory was read whole not long ago.")),
        "not_read_yet": Cause(_("It has not been read yet."), todo=_("Nothing to do: reading has begun.")),
        "directory_old": Cause(
            _("The directory could not be read whole for a while."),
            todo=_("Look at the last readings: each says why it did not come to its end."),
            meanwhile=_("Nobody is taken for gone; newcomers and changes wait for the next reading."),
        ),
    },
    LAST_GOOD: {
        "reading_rests": _RESTS,
        "": Cause(_("Something was read not long ago.")),
        "nothing_read_yet": _NOT_YET,
        "nobody_served": _NOBODY,
        "nothing_read": Cause(
            _("No calendar could be read for a while."),
            todo=_("Look at the lines above and at the queue: one of them says why."),
            meanwhile=_OLDER,
        ),
    },
    DATA_AGE: {
        "reading_rests": _RESTS,
        "": Cause(_("Half of what we know is from after the middle time, nothing from before the oldest.")),
        "nothing_read_yet": _NOT_YET,
        "nobody_served": _NOBODY,
        "data_old": Cause(
            _("What we know of some calendars is older than it should be."),
            todo=_("Look at the failing calendars, and at the queue."),
            meanwhile=_("The pages of members say from when each one’s busy time is."),
        ),
    },
    QUEUE: {
        "": Cause(_("No work waits longer than it should.")),
        "held_back": Cause(_("Work is held back on purpose while nothing is read."), meanwhile=_OLDER),
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
        "": Cause(_("We ask as often as usual.")),
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
    "probe_refused:directory": Cause(
        _("The provider refuses to show the directory to this account."),
        _OPS_ADMIN,
        _("Sign in as an administrator who may read it."),
        _("Nobody is taken for gone; newcomers and changes wait for the next reading."),
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
    "waits_since": (_("The first work waits since"), Kind.TIME),
    "failing": (_("Failing calendars"), Kind.NUMBER),
    "next_try": (_("Next try"), Kind.TIME),
    "asks_again": (_("We ask again"), Kind.TIME),
}


def cause_of(name: str, code: str) -> Cause | None:
    """The words for a code of this check; None when it is the provider's own."""
    return CAUSES[name].get(code)
