"""Which member a newcomer of the directory already is. Pure.

Never by address alone: an address only finds candidates, and somebody says yes or no.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from orgunits.names import normal_address

from .clauses import Clause
from .plan_values import Known, Origin, Person, State

Pair = tuple[int, int]  # person key, member key


@dataclass(frozen=True, slots=True)
class Match:
    """What was found for one newcomer: the member they are, by which clause; or why nobody can say.

    Neither member nor clause: nobody here is this person.
    """

    member: Known | None = None
    clause: Clause | None = None
    others: tuple[int, ...] = ()


NOBODY = Match()


def match_newcomers(
    newcomers: Iterable[Person],
    people: Mapping[int, Person],
    members: Iterable[Known],
    *,
    approved: Set[Pair],
    declined: Set[Pair],
) -> dict[int, Match]:
    """The match of each newcomer: first movers by employee id, then approved pairs, then what has to wait.

    `people` are all of this connection, by key. Whom one newcomer gets is no candidate for another.
    """
    newcomers = list(newcomers)
    linkable = [(member, how) for member in members if (how := _linkable(member, people))]
    found = _movers(newcomers, people, linkable, declined)
    taken = {match.member.key for match in found.values() if match.clause == Clause.MOVED}
    index = _by_address([(member, how) for member, how in linkable if member.key not in taken])
    candidates = {
        person.key: {
            key: pair
            for address in _addresses(person)
            for key, pair in index[address].items()
            if (person.key, key) not in declined
        }
        for person in newcomers
        if person.key not in found
    }
    found |= _approved(candidates, approved)
    taken = {match.member.key for match in found.values() if match.clause in LINKING}
    rest = {
        person: {key: pair for key, pair in pairs.items() if key not in taken}
        for person, pairs in candidates.items()
        if person not in found
    }
    return found | _waiting(rest)


LINKING = frozenset({Clause.MOVED, Clause.ADOPTED, Clause.MOVE_APPROVED})


def _linkable(member: Known, people: Mapping[int, Person]) -> Clause | None:
    """What linking this member to another person would be; None where their own person is still there."""
    if member.state == State.REMOVED:
        return None
    if member.person in people:
        return Clause.MOVE_WAITS if people[member.person].gone else None
    if member.person is None or member.origin == Origin.HERE:  # the latter lost their person
        return Clause.ADOPTION_WAITS
    return Clause.MOVE_WAITS if member.gone_elsewhere else Clause.SERVED_ELSEWHERE


def _movers(
    newcomers: list[Person],
    people: Mapping[int, Person],
    linkable: list[tuple[Known, Clause]],
    declined: Set[Pair],
) -> dict[int, Match]:
    """Who came from another connection of the unit: both tell one employee id, and each tells it once."""
    told = Counter(person.employee_id for person in people.values() if not person.gone)
    there: dict[str, list[Known]] = defaultdict(list)
    for member, _how in linkable:
        if member.employee_id and member.person is not None and member.person not in people:
            there[member.employee_id].append(member)
    found = {}
    for person in newcomers:
        members = there.get(person.employee_id, [])
        if len(members) != 1 or told[person.employee_id] != 1 or (person.key, members[0].key) in declined:
            continue
        clause = Clause.MOVED if members[0].gone_elsewhere else Clause.SERVED_ELSEWHERE
        found[person.key] = Match(members[0], clause)
    return found


def _by_address(linkable: list[tuple[Known, Clause]]) -> dict[str, dict[int, tuple[Known, Clause]]]:
    """Candidates by address. Former addresses count only for members who belong to nobody.

    A leaver's former address may long be somebody else's.
    """
    index: dict[str, dict[int, tuple[Known, Clause]]] = defaultdict(dict)
    for member, how in linkable:
        if how == Clause.SERVED_ELSEWHERE:
            continue
        addresses = (member.address, *member.aliases) if how == Clause.ADOPTION_WAITS else (member.address,)
        for address in map(normal_address, addresses):
            index[address][member.key] = member, how
    return defaultdict(dict, index)


def _addresses(person: Person) -> list[str]:
    if not person.address:
        return []
    return [address for address in map(normal_address, (person.address, *person.aliases)) if address]


def _approved(candidates: Mapping[int, dict], approved: Set[Pair]) -> dict[int, Match]:
    """The candidates somebody said yes to. Said yes to twice: a conflict, and nobody gets anything."""
    chosen = {
        person: [pairs[key] for key in sorted(pairs) if (person, key) in approved]
        for person, pairs in candidates.items()
    }
    suitors = Counter(member.key for pairs in chosen.values() for member, _how in pairs)
    found = {}
    for person, pairs in chosen.items():
        if len(pairs) > 1:
            found[person] = Match(None, Clause.TWO_MEMBERS, tuple(member.key for member, _how in pairs))
        elif pairs:
            member, how = pairs[0]
            if suitors[member.key] > 1:
                rivals = [p for p, has in chosen.items() if p != person and member in [m for m, _how in has]]
                found[person] = Match(member, Clause.TWO_PEOPLE, tuple(sorted(rivals)))
            else:
                adopted = how == Clause.ADOPTION_WAITS
                found[person] = Match(member, Clause.ADOPTED if adopted else Clause.MOVE_APPROVED)
    return found


def _waiting(candidates: Mapping[int, dict]) -> dict[int, Match]:
    """What is listed for somebody to decide; and who is really new."""
    suitors: dict[int, list[int]] = defaultdict(list)
    for person, pairs in candidates.items():
        for key in pairs:
            suitors[key].append(person)
    found = {}
    for person, pairs in candidates.items():
        if not pairs:
            found[person] = NOBODY
            continue
        member, how = pairs[min(pairs)]
        if len(pairs) > 1:
            found[person] = Match(None, Clause.TWO_MEMBERS, tuple(sorted(pairs)))
        elif len(suitors[member.key]) > 1:
            rivals = sorted(rival for rival in suitors[member.key] if rival != person)
            found[person] = Match(member, Clause.TWO_PEOPLE, tuple(rivals))
        else:
            found[person] = Match(member, how)
    return found
