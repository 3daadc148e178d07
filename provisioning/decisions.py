"""What people say: that a person of a directory is a member or is not, and who is kept until when."""

from collections.abc import Container, Iterable, Iterator
from datetime import date, datetime

from django.db import transaction
from django.db.models import QuerySet

from connections.models import DirectoryPerson
from orgunits import audit
from orgunits.models import Member, User

from .clauses import APPROVABLE, Clause
from .models import Kept, PairDecision, PlanItem

AT_A_TIME = 1000


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
        batch_size=AT_A_TIME,
    )
    for unit in {member.unit for _person, member in known}:
        told = [(person, member) for person, member in known if member.unit_id == unit.pk]
        verb = "pair.same" if same else "pair.other"
        happened = [audit.Happened(verb, member, {"person": person.public_id}) for person, member in told]
        audit.record_many(unit, happened, by=by, now=now)
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


@transaction.atomic
def keep(kept: QuerySet[Member], *, until: date, by: User, now: datetime) -> None:
    """No run suspends these members or takes a role from them before `until`."""
    kept = list(kept.select_related("unit"))
    Kept.objects.bulk_create(
        [Kept(unit_id=one.unit_id, member=one, until=until, decided_by=by, decided_at=now) for one in kept],
        update_conflicts=True,
        unique_fields=["member"],
        update_fields=["until", "decided_by", "decided_at"],
        batch_size=AT_A_TIME,
    )
    for unit in {one.unit for one in kept}:
        told = [one for one in kept if one.unit_id == unit.pk]
        happened = [audit.Happened("member.kept", one, {"until": until.isoformat()}) for one in told]
        audit.record_many(unit, happened, by=by, now=now)
