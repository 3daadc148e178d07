"""The three access modes and what each one means; and what a directory is asked for. Pure: the page to read to a
compliance officer.

The rest of the code asks `capabilities(provider, mode)`; nobody compares mode names.
Scope lists: the product's contract (shown verbatim) and what goes over the wire. Wire facts: Google's and
Microsoft's public documentation; Microsoft's application permission is `Calendars.ReadWrite`, no permission
called `Calendars.ReadWrite.All` exists.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from django.db import models
from django.utils.translation import gettext_lazy as _

G = "https://www.googleapis.com/auth/"


class AccessMode(models.TextChoices):
    READ_WRITE = "read_write", _("Read Write")
    FREE_BUSY = "free_busy", _("Free/Busy")
    NO_ACCESS = "no_access", _("No Access")


class Truth(Enum):
    """Where busy time comes from."""

    EVENTS = "events"  # the provider's events say it
    FREE_BUSY_ANSWER = "free_busy_answer"  # events only tell what changed; the free/busy answer is the truth
    MEMBERS = "members"  # members keep it here themselves


@dataclass(frozen=True)
class Capabilities:
    """What a connection in this mode can do."""

    reads_calendars: bool
    writes_events: bool
    native_conferencing: bool
    invites_rooms: bool
    verifies_organizer: bool  # by the authorization itself
    truth: Truth
    push: bool  # the provider can tell us about changes
    obeys_mailbox_policy: bool = False  # the tenant can keep single mailboxes from us
    reads_directory: bool = False
    from_files: bool = False  # the directory is what somebody uploads: nobody is asked

    @property
    def asks(self) -> bool:
        """Whether the provider is ever asked anything."""
        return self.reads_calendars or (self.reads_directory and not self.from_files)


@dataclass(frozen=True)
class Scopes:
    """The scopes of one provider and mode."""

    contract: tuple[str, ...]  # as the product's contract lists them
    sign_in: tuple[str, ...]  # asked in the administrator's sign-in
    organization: tuple[str, ...]  # granted for the whole organization
    differences: tuple[str, ...] = ()  # each difference between contract and wire, in words
    permission_set: str = ""  # which key or app registration carries them


_GOOGLE_SIGN_IN = ("openid", "email", "profile")
_GOOGLE_WHO = (f"{G}userinfo.email", f"{G}userinfo.profile")
_GOOGLE_DIFFERENCES = (
    _("Google writes “email” and “profile” as userinfo.email and userinfo.profile in its Admin console."),
    _("“openid” is added to the sign-in: it makes Google sign its answer, so that nobody can forge it."),
)
_MICROSOFT_SIGN_IN = ("openid", "email")
_READ_WRITE = Capabilities(True, True, True, True, True, Truth.EVENTS, True)

# An empty mode: no calendars, but the directory.
_DIRECTORY = Capabilities(False, False, False, False, False, Truth.MEMBERS, False, reads_directory=True)

CAPABILITIES: dict[tuple[str, str], Capabilities] = {
    ("google", "read_write"): _READ_WRITE,
    ("google", "free_busy"): Capabilities(True, False, False, False, True, Truth.FREE_BUSY_ANSWER, True),
    ("microsoft", "read_write"): replace(_READ_WRITE, obeys_mailbox_policy=True),
    ("microsoft", "free_busy"): Capabilities(True, False, False, False, True, Truth.EVENTS, False),
    ("none", "no_access"): Capabilities(False, False, False, False, False, Truth.MEMBERS, False),
    ("google", ""): _DIRECTORY,
    ("microsoft", ""): _DIRECTORY,
    ("csv", ""): replace(_DIRECTORY, from_files=True),
}

SCOPES: dict[tuple[str, str], Scopes] = {
    ("google", "read_write"): Scopes(
        contract=("email", "profile", f"{G}calendar"),
        sign_in=_GOOGLE_SIGN_IN,
        organization=(*_GOOGLE_WHO, f"{G}calendar"),
        differences=_GOOGLE_DIFFERENCES,
        permission_set="service_account",
    ),
    ("google", "free_busy"): Scopes(
        contract=("email", "profile", f"{G}calendar.calendarlist.readonly", f"{G}calendar.events.freebusy"),
        sign_in=_GOOGLE_SIGN_IN,
        organization=(*_GOOGLE_WHO, f"{G}calendar.calendarlist.readonly", f"{G}calendar.events.freebusy"),
        differences=_GOOGLE_DIFFERENCES,
        permission_set="service_account",
    ),
    ("microsoft", "read_write"): Scopes(
        contract=("openid", "email", "Calendars.ReadWrite.All"),
        sign_in=_MICROSOFT_SIGN_IN,
        organization=("Calendars.ReadWrite",),
        differences=(
            _(
                "Our list says Calendars.ReadWrite.All. In Entra this permission is listed as Calendars.ReadWrite, "
                "application permission: “Read and write calendars in all mailboxes”."
            ),
            _(
                "Microsoft asks for application permissions by “.default”: all that this app registration holds."
            ),
        ),
        permission_set="calendar_read_write",
    ),
    ("microsoft", "free_busy"): Scopes(
        contract=("openid", "email", "Calendars.ReadBasic.All"),
        sign_in=_MICROSOFT_SIGN_IN,
        organization=("Calendars.ReadBasic.All",),
        differences=(
            _(
                "Microsoft asks for application permissions by “.default”: all that this app registration holds."
            ),
        ),
        permission_set="calendar_free_busy",
    ),
    ("none", "no_access"): Scopes(contract=(), sign_in=(), organization=()),
    ("google", ""): Scopes(
        contract=(f"{G}admin.directory.user.readonly", f"{G}admin.directory.domain.readonly"),
        sign_in=_GOOGLE_SIGN_IN,
        organization=(f"{G}admin.directory.user.readonly", f"{G}admin.directory.domain.readonly"),
        differences=(
            _(
                "“openid”, “email” and “profile” are asked in the sign-in only: they say who the administrator is."
            ),
        ),
        permission_set="service_account",
    ),
    ("microsoft", ""): Scopes(
        contract=("User.Read.All", "Organization.Read.All", "Place.Read.All"),
        sign_in=_MICROSOFT_SIGN_IN,
        organization=("User.Read.All", "Organization.Read.All", "Place.Read.All"),
        differences=(
            _(
                "Microsoft asks for application permissions by “.default”: all that this app registration holds."
            ),
        ),
        permission_set="directory",
    ),
    ("csv", ""): Scopes(contract=(), sign_in=(), organization=()),
}


class Extra(models.TextChoices):
    """What a directory is asked beyond people, where an Ops Admin chose so."""

    GROUPS = "groups", _("Groups")
    ROOMS = "rooms", _("Rooms and equipment")


# What an extra adds: scopes, and the registration that holds them where a registration holds a fixed list.
_EXTRA_SCOPES: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("google", Extra.GROUPS): (
        (f"{G}admin.directory.group.readonly", f"{G}admin.directory.group.member.readonly"),
        "service_account",
    ),
    ("google", Extra.ROOMS): ((f"{G}admin.directory.resource.calendar.readonly",), "service_account"),
    ("microsoft", Extra.GROUPS): (("GroupMember.Read.All",), "directory_groups"),
    ("csv", Extra.GROUPS): ((), ""),  # asks for nothing
}


def extras_offered(provider: str) -> list[str]:
    """The extras that need a choice with this provider; Microsoft's rooms are within the design's scopes."""
    return [extra for of, extra in _EXTRA_SCOPES if of == provider]


def offered(provider: str) -> list[str]:
    """The access modes that can be chosen for a provider."""
    return [mode for p, mode in CAPABILITIES if p == provider and mode]


def capabilities(provider: str, mode: str) -> Capabilities:
    """What a connection to `provider` in `mode` can do."""
    return CAPABILITIES[provider, mode]


def scopes_for(provider: str, mode: str, extras: Iterable[str] = ()) -> Scopes:
    """What is asked for, and how the contract words it. `extras`: what a directory is asked beyond people."""
    scopes = SCOPES[provider, mode]
    for extra in extras:
        added, permission_set = _EXTRA_SCOPES[provider, extra]
        scopes = replace(scopes, organization=(*scopes.organization, *added), permission_set=permission_set)
    return scopes


@dataclass(frozen=True)
class Comparison:
    """Granted compared with asked."""

    missing: tuple[str, ...]
    unrequested: tuple[str, ...]


# Short and long spellings of the same Google scope (the token answer uses the long one).
_SAME = {"email": f"{G}userinfo.email", "profile": f"{G}userinfo.profile"}


def compare(asked: tuple[str, ...], granted: tuple[str, ...]) -> Comparison:
    """Which of the asked scopes are missing, and which were granted without being asked for."""
    want = {_SAME.get(scope, scope) for scope in asked}
    have = {_SAME.get(scope, scope) for scope in granted}
    return Comparison(tuple(sorted(want - have)), tuple(sorted(have - want)))


@dataclass(frozen=True)
class Consequence:
    """One line of the comparison of modes: a question and what each mode answers."""

    question: str
    read_write: str
    free_busy: str
    no_access: str


_COMMON: tuple[Consequence, ...] = (
    Consequence(
        _("What we will see"),
        _("Members’ calendars, with their events."),
        _("When each event starts and ends, and whether it is busy or free. Nothing else."),
        _("Nothing. We make no call at all."),
    ),
    Consequence(
        _("What we will store"),
        _("Start, end, busy or free of each event; everything of the events we write ourselves."),
        _(
            "Start, end, busy or free, and the provider’s id of the event. No titles, people, places or texts."
        ),
        _("What members enter here, and the bookings made here."),
    ),
    Consequence(
        _("Who sends invitations"),
        _("The organizer’s own calendar account."),
        _(
            "An e-mailed calendar invitation from an address that can match your domain; it behaves like a native one."
        ),
        _("The same as Free/Busy."),
    ),
    Consequence(
        _("Conferencing"),
        _("Google Meet or Microsoft Teams, directly on the event."),
        _("A separate conferencing connection is needed."),
        _("A separate conferencing connection is needed."),
    ),
    Consequence(
        _("Rooms"),
        _("Can be invited."),
        _("Not possible: rooms answer only invitations from inside the organization."),
        _("Not possible."),
    ),
    Consequence(
        _("How the organizer is verified"),
        _("By the authorization itself."),
        _("By the authorization itself."),
        _("By a directory, or by a confirmation link sent to the address."),
    ),
)

# Where one provider's answer differs from the common table: (provider, mode) -> question number -> answer.
_EXCEPTIONS: dict[tuple[str, str], dict[int, str]] = {
    ("microsoft", "free_busy"): {
        0: _(
            "When each event starts and ends, and whether it is busy or free. Microsoft also shows us titles and "
            "attendees; we drop them at once."
        ),
    },
}


def consequences(provider: str) -> tuple[Consequence, ...]:
    """What each mode means with this provider, line by line."""
    lines = list(_COMMON)
    for (whose, mode), answers in _EXCEPTIONS.items():
        if whose == provider:
            for number, answer in answers.items():
                lines[number] = replace(lines[number], **{mode: answer})
    return tuple(lines)


# What has to be said about one provider in one mode, beside the common table.
NOTES: dict[tuple[str, str], tuple[str, ...]] = {
    ("microsoft", "free_busy"): (
        _(
            "Microsoft lets us see titles and attendees in this mode. We drop them before anything is stored, "
            "logged or queued."
        ),
        _(
            "Microsoft’s application access policy, which limits an app to some mailboxes, does not list this "
            "permission: do not rely on it to restrict Free/Busy."
        ),
        _("Microsoft tells us nothing about changes in this mode, so we ask again every few minutes."),
    ),
    ("microsoft", "read_write"): (
        _(
            "By default the permission reaches all mailboxes of the tenant. An Exchange application access "
            "policy can restrict it; it takes more than an hour to apply."
        ),
    ),
    ("google", "read_write"): (
        _("Google grants this in its Admin console, not on a consent page. It can take up to 24 hours."),
    ),
    ("google", "free_busy"): (
        _("Google grants this in its Admin console, not on a consent page. It can take up to 24 hours."),
        _(
            "Each request carries only these scopes, even if the Admin console grants more to the same client."
        ),
    ),
    ("none", "no_access"): (
        _("Members keep their working hours and available times here; bookings made here block them."),
        _("Each organizer confirms their address once, by a link we send, or is verified by a directory."),
    ),
}
