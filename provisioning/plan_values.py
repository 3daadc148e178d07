"""What goes into a plan and what comes out of it. Plain values: no row, no clock, no wire."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from .clauses import Clause

NAMES = ("given_name", "family_name", "department")
TOLD_FIELDS = (*NAMES, "time_zone", "working_hours")
# Where a value of a member comes from; the codes of `Member.Source`.
ASSUMED, FROM_CALENDAR, FROM_DIRECTORY, BY_HAND = "assumed", "provider", "directory", "hand"


class Kind(StrEnum):
    """Whom a rule is for."""

    EVERYBODY = "everybody"  # in the directory
    PATH = "path"  # an organizational path, and all paths below it
    DEPARTMENT = "department"
    ATTRIBUTE = "attribute"
    GROUP = "group"


class OnLeaving(StrEnum):
    """What happens to who leaves a rule."""

    NOTHING = "nothing"
    LOSE_ROLE = "lose_role"
    SUSPEND = "suspend"


class State(StrEnum):
    """The codes of `Member.State`."""

    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REMOVED = "removed"


class Origin(StrEnum):
    """Who brought a member."""

    HAND = "hand"  # added or invited by a person: no rule ever ends it
    HERE = "here"  # the directory connection this plan is for
    ELSEWHERE = "elsewhere"  # another directory connection of the unit


class Action(StrEnum):
    """What a plan does with one person."""

    ADD = "add"
    CHANGE = "change"  # also: link, give or take a role, reinstate
    SUSPEND = "suspend"
    SKIP = "skip"  # not a member, and not to become one now; or spared until a day
    CONFLICT = "conflict"  # somebody has to decide, or to mend the directory
    NOTHING = "nothing"  # all is as it should be, or there is a reason to wait


DEEDS = frozenset({Action.ADD, Action.CHANGE, Action.SUSPEND})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody a directory told us of, as last seen. Rooms, shared mailboxes and guests are not people.

    `groups` are the provider's ids of all groups the person is in, through other groups too; `direct_groups`
    those that name the person. `absences`: in how many complete snapshots in a row the person was missing.
    """

    key: int
    external_id: str
    address: str = ""
    aliases: tuple[str, ...] = ()
    given_name: str = ""
    family_name: str = ""
    department: str = ""
    path: str = ""
    employee_id: str = ""
    time_zone: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True
    absences: int = 0
    deleted: bool = False  # the provider said so
    groups: frozenset[str] = frozenset()
    direct_groups: frozenset[str] = frozenset()
    kept_until: date | None = None  # undone by hand: no candidate before this day

    @property
    def gone(self) -> bool:
        """Not in the directory any more, as far as the last snapshot knows."""
        return self.deleted or self.absences > 0


@dataclass(frozen=True, slots=True)
class Rule:
    """Whom the unit takes from one directory connection, as what, and what happens when they leave the rule.

    A rule that is not `active` matches nobody; who came by it leaves it. Lower `order` goes first.
    """

    key: int
    order: int
    kind: Kind
    role: str
    values: tuple[str, ...] = ()  # one of them is enough
    attribute: str = ""  # the attribute's name, for Kind.ATTRIBUTE
    nested: bool = True  # members of groups in the group too, for Kind.GROUP
    time_zone: str = ""  # IANA; empty: as the directory tells
    working_hours: Mapping[str, list] | None = None  # wall time, as in `Member.working_hours`
    on_leaving: OnLeaving = OnLeaving.NOTHING
    active: bool = True
    name: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A value of a member and where it comes from."""

    value: object = ""
    source: str = ASSUMED


NOT_TOLD = Told()


@dataclass(frozen=True, slots=True)
class Known:
    """A member as the portal knows it, removed ones included while they are linked to a person.

    `employee_id` and `gone_elsewhere` are what another directory connection of the unit says about the person
    this member is linked to there: the id, and whether that directory has ceased to show them.
    """

    key: int
    address: str
    aliases: tuple[str, ...] = ()  # earlier addresses
    state: State = State.ACTIVE
    person: int | None = None  # of whatever connection
    origin: Origin = Origin.HAND
    employee_id: str = ""
    gone_elsewhere: bool = False
    ops_admin: bool = False
    fields: Mapping[str, Told] = field(default_factory=dict)  # of TOLD_FIELDS
    roles_by_rule: Mapping[int, str] = field(default_factory=dict)  # rule key: role
    roles_by_hand: frozenset[str] = frozenset()
    kept_until: date | None = None  # somebody said so: loses nothing before this day
    suspended_by_run: bool = False  # not by hand: ends when the person comes back

    @property
    def provided(self) -> bool:
        """Whether this connection brought the member, and may therefore end it."""
        return self.origin == Origin.HERE


@dataclass(frozen=True, slots=True)
class Change:
    """One field before and after. `source` is where the value before came from."""

    field: str
    before: object
    after: object
    source: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A role, and the rule that gives it."""

    rule: int
    role: str


@dataclass(frozen=True, slots=True)
class Item:
    """What the plan does with one person or member, and the clause that decided."""

    action: Action
    clause: Clause
    person: int | None = None
    member: int | None = None
    rule: int | None = None  # the rule that decided
    also: tuple[int, ...] = ()  # other rules that match; each gives its role
    changes: tuple[Change, ...] = ()
    gained: tuple[Grant, ...] = ()
    lost: tuple[Grant, ...] = ()
    stripped: tuple[str, ...] = ()  # roles the member has no more, by no rule and not by hand
    held: tuple[str, ...] = ()  # fields that stay because somebody set them
    withheld: tuple[Grant, ...] = ()  # roles that would be lost but for a clause that spares
    links: bool = False  # the member belongs to this person from now on
    others: tuple[int, ...] = ()  # of a conflict: the other members or people in it
    ops_admin: bool = False
    turn: int = 0  # applied in this order: an address is let go before another member takes it

    @property
    def does_something(self) -> bool:
        return self.action in DEEDS

    @property
    def takes_something(self) -> bool:
        """Whether somebody is suspended by it, or really loses a role."""
        return self.action == Action.SUSPEND or bool(self.stripped)


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens with everybody, in the order in which it is applied."""

    items: tuple[Item, ...] = ()
    incomplete: bool = False
    rules: str = ""  # digest of the rules it was made by

    def counts(self) -> dict[Action, int]:
        """How many items there are of each action."""
        found = Counter(item.action for item in self.items)
        return {action: found[action] for action in Action}

    def counts_by_clause(self) -> dict[Clause, int]:
        """How many items each clause decided; clauses that decided none are left out."""
        return dict(Counter(item.clause for item in self.items))

    def to_do(self) -> Iterator[Item]:
        """The items that change something."""
        return (item for item in self.items if item.does_something)
