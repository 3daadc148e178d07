"""What we ask of a calendar service, the values that cross inward, and the names of what can go wrong.

Vendor words stay in the vendor's folder; nothing here knows Google or Microsoft.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

from django.db import DataError


# --- what can go wrong ----------------------------------------------------------------------------------------
def word(code: object) -> str:
    """A provider's code as a row can keep it: short, and without signs that are not for reading."""
    return "".join(sign for sign in str(code) if sign.isprintable())[:100]


class ProviderError(Exception):
    """A call that did not give what was asked. `code` is the provider's own word for it, never a text."""

    def __init__(self, code: str = "", *, status: int = 0):
        self.code, self.status = word(code), status
        super().__init__(f"{type(self).__name__}: {self.code} ({status})")


class Unreachable(ProviderError):
    """No answer, an answer too late, or a server error: try again later."""


class Throttled(ProviderError):
    """Too many calls. `retry_after` in seconds when the provider said so."""

    def __init__(self, code: str = "", *, status: int = 0, retry_after: float | None = None):
        super().__init__(code, status=status)
        self.retry_after = retry_after


class Unreadable(ProviderError):
    """An answer that is not what the provider promises."""


@contextmanager
def readable() -> Iterator[None]:
    """Whatever an answer of a shape nobody promised makes stumble is an unreadable answer. Also a decorator.

    That includes moments outside the calendar and values that no column holds.
    """
    try:
        yield
    except (
        ArithmeticError,
        AttributeError,
        DataError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise Unreadable(type(error).__name__) from error


class LeftOut(ProviderError):
    """A listing came to its end and is known to lack some: it says nothing about who is not in it. `reason` is a
    code of connections/reasons.py."""

    def __init__(self, reason: str):
        super().__init__()
        self.reason = reason


class FeedExpired(ProviderError):
    """The place in the change feed is no longer known: read everything again."""


class AuthorizationLost(ProviderError):
    """The whole connection is refused. `reason` is a code of connections/reasons.py."""

    def __init__(self, reason: str, code: str = "", *, status: int = 0):
        super().__init__(code, status=status)
        self.reason = reason


class MailboxError(ProviderError):
    """This mailbox only; the connection is well. `failure` is a value of Mailbox.Failure."""

    def __init__(self, failure: str, code: str = "", *, status: int = 0):
        super().__init__(code, status=status)
        self.failure = failure


class GrantLost(ProviderError):
    """One person's own authorization is over: they, or somebody at the provider, ended it. Only they can renew it."""


class RefreshTokenMissing(ProviderError):
    """A person agreed, but the provider gave nothing that lasts: they have to agree once more."""


class ChannelRefused(ProviderError):
    """The provider opens no channel for this calendar: it is read at its times as before.

    Says nothing about the mailbox or the connection.
    """


class ChannelGone(ProviderError):
    """The provider no longer knows the channel: open a new one."""


@contextmanager
def channel_refusals() -> Iterator[None]:
    """A refused call for a channel (400 or 403) is ChannelRefused; what else was wrong stays as it is."""
    try:
        yield
    except (MailboxError, Unreadable) as error:
        if error.status in {400, 403} and getattr(error, "failure", "refused") == "refused":
            raise ChannelRefused(error.code, status=error.status) from None
        raise


# --- what crosses inward --------------------------------------------------------------------------------------
def _must_be_text(provider_id: object) -> None:
    """An id that is none would only be noticed by the database."""
    if not isinstance(provider_id, str):
        raise Unreadable("id")


def must_be_names(*names: object) -> None:
    """What a row keeps of a person: short text without signs that are not for reading. Raises Unreadable."""
    for name in names:
        if not isinstance(name, str) or len(name) > 254 or not name.isprintable():
            raise Unreadable("who it is")


@dataclass(frozen=True)
class SignedIn:
    """Who signed in at the provider, from a validated ID token."""

    tenant: str  # Google: the Workspace domain; Microsoft: the tenant id
    subject: str
    address: str
    administrator: bool
    granted_scopes: tuple[str, ...]
    domains: tuple[str, ...] = ()  # verified domains of the tenant, where its directory was asked

    def __post_init__(self) -> None:
        must_be_names(self.tenant, self.subject, self.address)


@dataclass(frozen=True)
class CalendarInfo:
    """One calendar of a mailbox, as the provider lists it."""

    provider_id: str
    name: str
    primary: bool
    time_zone: str = ""

    def __post_init__(self) -> None:
        _must_be_text(self.provider_id)


@dataclass(frozen=True)
class EventSpan:
    """What we keep of an event: its id, when it is, and whether it blocks. Nothing of what it is about.

    All-day events carry dates, the end exclusive: they float until a zone is applied.
    """

    provider_id: str
    starts: datetime | date | None = None
    ends: datetime | date | None = None
    blocks: bool = False
    removed: bool = False

    def __post_init__(self) -> None:
        _must_be_text(self.provider_id)


@dataclass(frozen=True)
class Feed:
    """One whole round of a calendar's event feed, and the token for the next."""

    spans: tuple[EventSpan, ...]
    token: str


@dataclass(frozen=True)
class Busy:
    """A free/busy answer for one calendar and span; `error` is set when the span is unknown, not free."""

    periods: tuple[tuple[datetime, datetime], ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Preferences:
    """Time zone (IANA) and weekly hours as the provider tells them; empty where it does not."""

    time_zone: str = ""
    working_hours: dict[str, list[list[str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class OpenChannel:
    """A channel on which the provider tells about changes, as it was opened or renewed.

    `resource_id` is the second half of the name where the provider needs two to stop it, else empty.
    """

    channel_id: str
    resource_id: str
    expires_at: datetime

    def __post_init__(self) -> None:
        for name, longest in ((self.channel_id, 100), (self.resource_id, 200)):
            _must_be_text(name)
            if len(name) > longest or not name.isprintable():
                raise Unreadable("id")
        if not self.channel_id:
            raise Unreadable("id")


@dataclass(frozen=True)
class ScopeAnswer:
    """The answer to one line of the self-test. `granted` None: the provider gave no usable answer."""

    name: str
    granted: bool | None
    code: str = ""
    requested: bool = True


@dataclass(frozen=True)
class Key:
    """A key to a provider: the installation's own or one unit's. One type for both."""

    provider: str
    permission_set: str
    client_id: str
    secret: str = field(repr=False)
    client_email: str = ""
    unit_id: int | None = None  # None: the installation's

    @property
    def belongs_to_one_unit(self) -> bool:
        return self.unit_id is not None


MOST_PAGES = 200  # of one listing: 100,000 events and more; who gives further ones would never end
Spend = Callable[[int], None]  # takes calls from the connection's budget, or raises Throttled


class CalendarService(Protocol):
    """One tenant's calendars, reached with one key. Safe to call from several threads."""

    @property
    def clock_skew(self) -> float | None:
        """How many seconds the provider's clock is ahead of ours, by its answers so far; None without any."""

    def probe_scopes(self) -> list[ScopeAnswer]:
        """Each scope of the mode alone, freshly asked."""

    def probe_mailbox(self, address: str) -> None:
        """One live call for one mailbox; returns when it answered."""

    def calendars(self, address: str) -> list[CalendarInfo]: ...

    def feed(self, address: str, calendar_id: str, *, starts: datetime, ends: datetime) -> Feed:
        """A full round of the events in the window."""

    def changes(self, address: str, calendar_id: str, *, token: str) -> Feed:
        """What changed since `token`. Raises FeedExpired."""

    def preferences(self, addresses: list[str]) -> Iterator[tuple[str, Preferences]]:
        """Zone and hours for as many of `addresses` as the provider tells them."""


class AnswersFreeBusy(CalendarService, Protocol):
    """A service whose free/busy answer is the truth (`modes.Truth.FREE_BUSY_ANSWER`)."""

    def free_busy(
        self, address: str, calendar_ids: Iterable[str], *, starts: datetime, ends: datetime
    ) -> dict[str, Busy]:
        """At most 50 calendars; an error of one calendar stands in its `Busy`."""


class WatchesCalendars(CalendarService, Protocol):
    """A service that opens one channel for each calendar; it is not renewed but followed by a new one."""

    longest_channel: timedelta  # what to ask for at most; the answer decides

    def open_channel(
        self, address: str, calendar_id: str, *, channel_id: str, token: str, url: str, expires_at: datetime
    ) -> OpenChannel:
        """`channel_id` is used once, also when the answer was lost. Raises ChannelRefused."""

    def stop_channel(self, address: str, channel_id: str, resource_id: str) -> None:
        """As the member who opened it. A channel that is gone already is stopped."""


class SubscribesMailboxes(CalendarService, Protocol):
    """A service that opens one channel for a mailbox's own calendar and renews it."""

    longest_channel: timedelta  # what to ask for at most; more is refused

    def open_channel(
        self, address: str, *, client_state: str, url: str, lifecycle_url: str, expires_at: datetime
    ) -> OpenChannel:
        """Both addresses are tried while this call is open: never from a web process. Raises ChannelRefused."""

    def renew_channel(self, subscription_id: str, expires_at: datetime) -> OpenChannel:
        """The same channel with its new end. Raises ChannelGone."""

    def reauthorize_channel(self, subscription_id: str) -> None:
        """Confirm it after the provider asked; the end stays. Raises ChannelGone."""

    def stop_channel(self, subscription_id: str) -> None:
        """A channel that is gone already is stopped."""
