"""Who gets which address: no two members have the same one, not even for a moment. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from .clauses import Clause
from .plan_values import Action, Item, Known, State


def settle_addresses(items: list[Item], members: Iterable[Known]) -> list[Item]:
    """The items in the order in which they can be applied; who cannot have an address is a conflict.

    An address may be taken in the run in which another member lets it go, after that (`turn`). Two people who
    want the same one, or who want each other's, get nothing: nobody here can say who is right.
    """
    wants = {n: address for n, item in enumerate(items) if (address := _wanted(item))}
    rivals: dict[str, list[int]] = defaultdict(list)
    for n, address in wants.items():
        rivals[address].append(n)
    holders = {member.address: member.key for member in members if member.state != State.REMOVED}
    leaving = {items[n].member: n for n in wants if items[n].member is not None}
    turns: dict[int, int | None] = {}  # None: this address cannot be had
    for n in wants:
        chain = []  # of those who wait for each other, the last one for nobody
        while n not in turns:
            turns[n] = None  # whoever is met again waits for themselves
            chain.append(n)
            holder = holders.get(wants[n])
            if len(rivals[wants[n]]) > 1:
                break
            if holder is None:
                turns[n] = 0
                break
            if holder not in leaving:
                break
            n = leaving[holder]
        else:
            chain.append(n)  # settled before, or waiting for themselves
        for waiting, awaited in zip(reversed(chain[:-1]), reversed(chain[1:]), strict=True):
            turns[waiting] = None if turns[awaited] is None else turns[awaited] + 1
    for n, address in wants.items():
        if turns[n] is None:
            others = tuple(items[m].person for m in rivals[address] if m != n)
            if others:
                items[n] = as_conflict(items[n], Clause.SAME_ADDRESS, tuple(sorted(others)))
            else:
                items[n] = as_conflict(items[n], Clause.ADDRESS_TAKEN, (holders[address],))
        elif turns[n]:
            items[n] = replace(items[n], turn=turns[n])
    return items


def as_conflict(item: Item, clause: Clause, others: tuple[int, ...]) -> Item:
    """Nothing of the item is done, until somebody mends what `clause` says."""
    return Item(
        Action.CONFLICT,
        clause,
        person=item.person,
        member=item.member,
        rule=item.rule,
        also=item.also,
        others=others,
        ops_admin=item.ops_admin,
    )


def _wanted(item: Item) -> str:
    if not item.does_something:
        return ""
    return next((str(change.after) for change in item.changes if change.field == "address"), "")
