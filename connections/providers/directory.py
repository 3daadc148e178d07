"""What we ask of a directory, and the values that cross inward: people, groups and rooms as it tells them.

Nothing here knows a vendor. An id is the provider's own and never changes; addresses and names may.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from orgunits.names import normal_address

from .base import ScopeAnswer, Unreadable, must_be_names

# Of one listing: 200,000 people at the smallest usual page of 100. Who gives further ones would never end.
MOST_PAGES = 2000
LONGEST_TEXT = 254


class Kind:
    """What an account is."""

    PERSON = "person"
    SHARED = "shared"  # a mailbox that several people use and nobody signs in to
    ROOM = "room"
    GUEST = "guest"  # somebody of another organization

    ALL = frozenset({PERSON, SHARED, ROOM, GUEST})


# --- how a provider's texts are taken -------------------------------------------------------------------------
def text_of(value: object) -> str:
    """A free text as a row can keep it: on one line, without signs that are not for reading, cut to its column.

    One person's odd name must not make a whole directory unreadable. None is no text; what is neither raises
    Unreadable.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable("text")
    signs = (sign if sign.isprintable() else " " if sign.isspace() else "" for sign in value)
    return " ".join("".join(signs).split())[:LONGEST_TEXT]


def address_of(value: object) -> str:
    """An e-mail address as it is compared here; empty for None and for what nobody could write to."""
    address = normal_address(value) if isinstance(value, str) else ""
    name, _, domain = address.rpartition("@")
    sound = name and domain and len(address) <= LONGEST_TEXT and address.isprintable() and " " not in address
    return address if sound else ""


def _must_be_an_id(external_id: object) -> None:
    must_be_names(external_id)
    if not external_id:
        raise Unreadable("id")


# --- what crosses inward --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class PersonSeen:
    """One account as the directory tells it.

    `address` is empty for somebody without a mailbox; `aliases` are their further addresses. `path`: the place
    in the tree of organizational units, empty where the provider has none. `time_zone`: IANA, empty where it is
    not told. `enabled`: whether they may sign in. `attributes`: pairs of a name of ours (`job_title`, `office`,
    `display_name`) and a text.
    """

    external_id: str
    address: str
    aliases: tuple[str, ...]
    given_name: str
    family_name: str
    department: str
    path: str
    employee_id: str
    time_zone: str
    enabled: bool
    kind: str
    attributes: tuple[tuple[str, str], ...] = ()
    digest: str = field(init=False, compare=False)  # the same digest, nothing changed

    def __post_init__(self) -> None:
        _must_be_an_id(self.external_id)
        must_be_names(self.address, *self.aliases, self.given_name, self.family_name, self.department)
        must_be_names(self.path, self.employee_id, self.time_zone)
        must_be_names(*(text for pair in self.attributes for text in pair))
        if not isinstance(self.enabled, bool) or self.kind not in Kind.ALL:
            raise Unreadable("who it is")
        address = normal_address(self.address)
        aliases = {normal_address(alias) for alias in self.aliases} - {address, ""}
        object.__setattr__(self, "address", address)
        object.__setattr__(self, "aliases", tuple(sorted(aliases)))
        object.__setattr__(self, "attributes", tuple(sorted(pair for pair in self.attributes if pair[1])))
        object.__setattr__(self, "digest", self._digest())

    @property
    def name(self) -> str:
        """How they are called; accounts that are no person often have only a display name."""
        whole = f"{self.given_name} {self.family_name}".strip()
        return whole or dict(self.attributes).get("display_name", "")

    def _digest(self) -> str:
        """32 hexadecimal digits over everything told, made once: it is compared with every reading."""
        pairs = (f"{name}={text}" for name, text in self.attributes)
        told = (
            self.external_id, self.address, self.given_name, self.family_name, self.department, self.path,
            self.employee_id, self.time_zone, self.kind, str(self.enabled), *self.aliases, "", *pairs,
        )  # fmt: skip
        return hashlib.blake2b("\n".join(told).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Removed:
    """An account of which the provider says that it is gone, for good or until an administrator undoes it."""

    external_id: str

    def __post_init__(self) -> None:
        _must_be_an_id(self.external_id)


@dataclass(frozen=True)
class PeoplePage:
    """A part of a listing or of a round of changes. `cursor` stands on the last part only, where the provider
    tells later what changed: it is handed to `changes` as it is. `place`: where the listing goes on after this
    part, for some hours at least; empty on the last one.
    """

    people: tuple[PersonSeen, ...]
    removed: tuple[Removed, ...] = ()
    cursor: str = ""
    place: str = ""


@dataclass(frozen=True)
class GroupSeen:
    """A group with its direct members and the groups inside it; whoever needs nested members follows `children`.

    `everybody`: the whole organization is a member. `hidden`: the provider does not tell who is in it, so
    `members` and `children` are unknown, not empty.
    """

    external_id: str
    name: str
    address: str
    members: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    everybody: bool = False
    hidden: bool = False

    def __post_init__(self) -> None:
        for external_id in (self.external_id, *self.members, *self.children):
            _must_be_an_id(external_id)
        must_be_names(self.name, self.address)


@dataclass(frozen=True)
class RoomSeen:
    """A bookable room, invited by its address. `capacity` in seats, 0 where it is not told."""

    external_id: str
    address: str
    name: str
    capacity: int
    building: str
    floor: str

    def __post_init__(self) -> None:
        _must_be_an_id(self.external_id)
        must_be_names(self.address, self.name, self.building, self.floor)
        if not isinstance(self.capacity, int) or not 0 <= self.capacity < 2**31:
            raise Unreadable("capacity")


class DirectoryService(Protocol):
    """One tenant's directory. Safe to call from several threads.

    Every listing is handed out in parts while it is read and either comes to its true end or raises a
    ProviderError: a caller who saw no error saw everything the provider calls everything. That this is less than
    yesterday, or nobody at all, cannot be told from the truth here; it is for the guard to judge. Somebody may
    come twice: what is told later counts. A listing for which a scope was never asked raises AuthorizationLost
    (`incomplete`) without a call.
    """

    @property
    def clock_skew(self) -> float | None:
        """How many seconds the provider's clock is ahead of ours, by its answers so far; None without any."""

    def probe_scopes(self) -> list[ScopeAnswer]:
        """Each scope alone, freshly asked."""

    def probe_directory(self) -> None:
        """One live call for one account of the tenant; returns when it answered."""

    def domains(self) -> list[str]:
        """The tenant's own mail domains that the provider has verified, in lower case."""

    def people(self, place: str = "") -> Iterator[PeoplePage]:
        """Every account; `place`: those after a part that was read before. Raises FeedExpired for a place that is
        known no longer."""

    def changes(self, cursor: str) -> Iterator[PeoplePage]:
        """What changed since `cursor`. Raises FeedExpired: then only `people` tells the truth."""

    def groups(self, *, but: frozenset[str] = frozenset()) -> Iterator[GroupSeen]:
        """Every group but those with these ids, which cost a call each."""

    def rooms(self) -> Iterator[RoomSeen]: ...
