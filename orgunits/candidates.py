"""Finding a member by a few letters, where a page asks for one: a handful of candidates, never everybody."""

from django.db.models import Q

from .models import Member, OrganizationalUnit
from .names import sort_key

MOST = 8


def candidates(unit: OrganizationalUnit, text: str) -> list[Member]:
    """Members whose name or address holds `text`, by name; one more than MOST tells that there are more."""
    words = sort_key(text.strip())
    if not words:
        return []
    rows = unit.members.exclude(state=Member.State.REMOVED)
    for word in words.split()[:5]:
        rows = rows.filter(Q(sort_key__contains=word) | Q(email__contains=word))
    return list(rows.order_by("sort_key", "pk")[: MOST + 1])


def member_with(unit: OrganizationalUnit, member_id: str) -> Member | None:
    """The unit's member with this public id, which a search led to; None where there is none."""
    if not member_id or "\0" in member_id:
        return None
    rows = unit.members.exclude(state=Member.State.REMOVED).select_related("unit", "user")
    return rows.filter(public_id=member_id).first()
