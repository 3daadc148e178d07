"""Small, crowded directories for hypothesis: few addresses, so that people and members get in each other's way."""

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from hypothesis import strategies as st

from provisioning.matching import Pair
from provisioning.plan_values import (
    BY_HAND,
    FROM_CALENDAR,
    FROM_DIRECTORY,
    Kind,
    Known,
    OnLeaving,
    Origin,
    Person,
    Plan,
    Rule,
    State,
    Told,
)
from tests.provisioning.planning import TODAY, plan_of

ADDRESSES = [f"{letter}@kube.example" for letter in "abcdef"]
DEPARTMENTS = ["", "Sales", "Research"]
ROLES = ["employee", "coordinator"]
SOURCES = ["assumed", FROM_CALENDAR, FROM_DIRECTORY, BY_HAND]
ELSEWHERE = 900  # keys of people of the other connection begin here
GROUPS = [frozenset(), frozenset({"inner"}), frozenset({"inner", "outer"})]


@dataclass(frozen=True)
class World:
    """What a planner is given."""

    people: list[Person] = field(default_factory=list)
    members: list[Known] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    approved: frozenset[Pair] = frozenset()
    declined: frozenset[Pair] = frozenset()

    def plan(self, **facts) -> Plan:
        decisions = {"approved": self.approved, "declined": self.declined}
        return plan_of(self.people, self.members, self.rules, **{**decisions, **facts})


# How likely each thing is decides what the properties look at, so the choices are ours and hypothesis gives the
# numbers of people and rules, and the seed: drawn one by one, 30 small choices a world would cost ten times as much.
PRESENCE = [
    *[{}] * 14,
    {"absences": 1},
    {"absences": 2},
    {"absences": 3},
    {"deleted": True},
    {"enabled": False},
    {"deleted": True, "absences": 1},
]


def _aliases(random: Random) -> tuple[str, ...]:
    return tuple(random.sample(ADDRESSES, random.choice([0, 0, 0, 1])))


def _person(random: Random, key: int) -> Person:
    groups = random.choice(GROUPS)
    return Person(
        key,
        f"id-{key}",
        random.choice(["", *ADDRESSES, *ADDRESSES]),
        _aliases(random),
        department=random.choice(DEPARTMENTS),
        employee_id=random.choice(["", "E1", "E2", "E3"]),
        time_zone=random.choice(["", "UTC", "Mars"]),
        groups=groups,
        direct_groups=groups - {"outer"},
        kept_until=random.choice([None] * 5 + [TODAY, TODAY + timedelta(days=1)]),
        **random.choice(PRESENCE),
    )


def _member(random: Random, key: int, address: str, people: list[Person]) -> Known:
    """A member of one of `people`, of nobody, or of somebody in another directory."""
    origin = random.choice([Origin.HERE] * 4 + [Origin.HAND] * 2 + [Origin.ELSEWHERE] * 2)
    state = random.choice([State.ACTIVE] * 5 + [State.SUSPENDED] * 3 + [State.INVITED, State.REMOVED])
    other = origin == Origin.ELSEWHERE
    linked = people and (origin == Origin.HERE or random.random() < 0.3)
    person = random.choice(people) if linked and not other else None
    if person and person.address and random.random() < 0.5:
        address = person.address
    return Known(
        key,
        address,
        _aliases(random),
        state,
        ELSEWHERE + key if other else person and person.key,
        origin,
        random.choice(["", "E1", "E2", "E3"]) if other else "",
        gone_elsewhere=other and random.random() < 0.7,
        fields={
            "department": Told(random.choice(DEPARTMENTS), random.choice(SOURCES)),
            "time_zone": Told("UTC", random.choice(SOURCES)),
        },
        roles_by_rule={
            key: random.choice(ROLES) for key in random.sample([1, 1, 1, 2, 90], random.choice([0, 1, 2, 2]))
        },
        roles_by_hand=frozenset(random.sample(ROLES, random.choice([0, 0, 1, 2]))),
        suspended_by_run=state == State.SUSPENDED and random.random() < 0.7,
        ops_admin=random.random() < 0.1,
    )


def _rule(random: Random, key: int) -> Rule:
    kind = Kind.EVERYBODY if key == 1 else random.choice([Kind.DEPARTMENT, Kind.GROUP])
    if random.random() < 0.2:
        kind = random.choice([Kind.DEPARTMENT, Kind.GROUP])
    return Rule(
        key,
        random.choice([1, 2]),
        kind,
        random.choice(ROLES),
        {Kind.DEPARTMENT: ("Sales",), Kind.GROUP: ("outer",)}.get(kind, ()),
        nested=random.random() < 0.7,
        time_zone=random.choice(["", "America/New_York"]),
        working_hours=random.choice([None, {"mon": [["08:00", "12:00"]]}]),
        on_leaving=random.choice([OnLeaving.SUSPEND, *OnLeaving]),
        active=random.random() < 0.9,
    )


def _world(random: Random, people_there: int, members_there: int, rules_there: int, decided: bool) -> World:
    people = [_person(random, key) for key in range(1, people_there + 1)]
    members: list[Known] = []
    for key, address in enumerate(random.sample(ADDRESSES, members_there), 10):
        free = [person for person in people if person.key not in {member.person for member in members}]
        mine = people if random.random() < 0.05 else free  # two members of one person do happen
        member = _member(random, key, address, mine)
        if member.address not in {other.address for other in members}:
            members.append(member)
    rules = [_rule(random, key) for key in range(1, rules_there + 1)]
    pairs = [(person.key, member.key) for person in people for member in members]
    if not decided:
        return World(people, members, rules)
    said = {pair: random.choice(["yes", "yes", "no", ""]) for pair in pairs}
    approved, declined = (frozenset(pair for pair in pairs if said[pair] == word) for word in ("yes", "no"))
    return World(people, members, rules, approved, declined)


def worlds(*, decided: bool | None = None) -> st.SearchStrategy[World]:
    """Worlds; with pairs that somebody approved or declined where `decided`, both kinds where it is None."""
    return st.builds(
        _world,
        st.randoms(use_true_random=True),
        st.integers(0, 5),
        st.integers(0, 5),
        st.sampled_from([2, 2, 2, 1, 0]),
        st.booleans() if decided is None else st.just(decided),
    )
