"""Who is whom: what people say about a person of a directory and a member who may be one."""

from collections.abc import Container, Iterable, Iterator
from datetime import datetime

from django.db import transaction

from connections.models import DirectoryPerson
from orgunits import audit
from orgunits.models import Member, User

from .clauses import APPROVABLE, Clause
from .models import PairDecision, PlanItem


@transaction.atomic
def decide(
    items: Iterable[PlanItem],
    *,
    same: bool,
    by: User,
    now: datetime,
    only: Container[tuple[int, int]] | None = None,
) -> int:
    """Say of the pairs these conflicts are about that they are, or are not, one. The next plan knows.

    `only`: of those pairs (person, member), these. A pair that the plan did not list is never made. Answers how
    many pairs were decided.
    """
    pairs = [pair for item in items for pair in pairs_of(item) if only is None or pair in only]
    people = DirectoryPerson.objects.in_bulk({person for person, _member in pairs})
    members = Member.objects.select_related("unit").in_bulk({member for _person, member in pairs})
    known = [(people[p], members[m]) for p, m in pairs if p in people and m in members]
    known = [(person, member) for person, member in known if person.unit_id == member.unit_id]
    PairDecision.objects.bulk_create(
        [
            PairDecision(
                unit_id=person.unit_id, person=person, member=member, same=same, decided_by=by, decided_at=now
            )
            for person, member in known
        ],
        update_conflicts=True,
        unique_fields=["person", "member"],
        update_fields=["same", "decided_by", "decided_at"],
    )
    for person, member in known:
        verb = "pair.same" if same else "pair.other"
        audit.record(member.unit, verb, member, by=by, now=now, person=person.public_id)
    return len(known)


def pairs_of(item: PlanItem) -> Iterator[tuple[int, int]]:
    """The pairs (person, member) that one conflict lists."""
    if Clause(item.clause) not in APPROVABLE:
        return
    others = item.facts.get("others", [])
    if item.clause == Clause.TWO_MEMBERS:
        yield from ((item.person_id, member) for member in others)
    elif item.person_id is not None and item.member_id is not None:
        yield item.person_id, item.member_id
