"""Support's way into a unit: for a reason in writing, for half an hour, and told in the unit's own audit log.

What the reason opens is kept in the staff person's session. Nobody acts as somebody else.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib.sessions.backends.base import SessionBase
from django.db import models, transaction

from . import audit
from .models import Member, OrganizationalUnit, User
from .names import normal_address

VISIT = timedelta(minutes=30)
MOST_FOUND = 100
_KEY = "support_visits"


@dataclass(frozen=True)
class Visit:
    """Support may look at `unit` until then, for this reason."""

    unit: OrganizationalUnit
    why: str
    until: datetime


def begin(session: SessionBase, unit: OrganizationalUnit, why: str, *, now: datetime) -> None:
    """Open the unit for this session. What is looked at is told line by line, by `viewed`."""
    ends = int((now + VISIT).timestamp())
    session[_KEY] = {**session.get(_KEY, {}), unit.public_id: {"why": why, "until": ends}}


def visit_of(session: SessionBase, unit: OrganizationalUnit, *, now: datetime) -> Visit | None:
    """The visit that this session has begun in the unit, while it lasts."""
    kept = session.get(_KEY, {}).get(unit.public_id)
    if kept is None:
        return None
    until = datetime.fromtimestamp(kept["until"], UTC)
    return Visit(unit, kept["why"], until) if now < until else None


def end(session: SessionBase, public_id: str) -> None:
    """Close the unit for this session."""
    session[_KEY] = {unit: kept for unit, kept in session.get(_KEY, {}).items() if unit != public_id}


def viewed(visit: Visit, subject: models.Model, *, what: str, by: User, now: datetime) -> None:
    """Tell the unit that support looked at `subject`. `what` is a code: member, connection, members, …"""
    audit.record(visit.unit, "support.viewed", subject, by=by, now=now, why=visit.why, what=what)


@transaction.atomic
def changed_sign_in(user: User, *, what: str, by: User, now: datetime) -> None:
    """Tell every unit of `user` that support changed their sign-in: it opens these units. `what` is a code."""
    for member in user.memberships.exclude(state=Member.State.REMOVED).select_related("unit"):
        audit.record(member.unit, "support.changed_sign_in", member, by=by, now=now, what=what)


@transaction.atomic
def look_up(address: str, why: str, *, by: User, now: datetime) -> list[Member]:
    """The memberships of a whole address, over all units; each of these units reads that support looked."""
    found = Member.objects.filter(email=normal_address(address))
    members = list(found.select_related("unit").order_by("unit__name", "pk")[:MOST_FOUND])
    for member in members:
        audit.record(member.unit, "support.looked_up", member, by=by, now=now, why=why)
    return members
