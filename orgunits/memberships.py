"""The life of a membership: suspended and reinstated, removed and restored, at last erased.

What hangs on a membership elsewhere, such as reading a mailbox, follows its state within a minute.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import IntegrityError, transaction

from . import audit, roles
from .models import Member, OrganizationalUnit, User

State = Member.State
HERE = (State.INVITED, State.ACTIVE, State.SUSPENDED)


class WrongState(Exception):
    """The member is not, or no longer, in a state in which this can be done."""


class TooLate(Exception):
    """A removed member can be restored for settings.RESTORE_DAYS only."""


class AddressTaken(Exception):
    """Meanwhile somebody else in the unit has this address or this sign-in."""


def within_reach(member: Member, rights: frozenset[str]) -> bool:
    """Whether somebody with `rights` on the unit may act on `member`: whose roles are at or below their own."""
    held = {grant.role for grant in member.role_grants.all()}
    return "manage_members" in rights and all(roles.may_grant(roles.ROLES[role], rights) for role in held)


def last_day_to_restore(removed_at: datetime) -> datetime:
    """When a member who was removed at that time can be restored no longer."""
    return removed_at + timedelta(days=settings.RESTORE_DAYS)


@transaction.atomic
def suspend_member(member: Member, *, by: User | None, now: datetime, why: str = "") -> None:
    """Access to the unit ends at once; everything is kept. Raises WrongState, LastOpsAdmin."""
    _move(member, State.SUSPENDED, (State.ACTIVE,), verb="member.suspended", by=by, now=now, why=why)
    _end_sessions(member)


@transaction.atomic
def reinstate_member(member: Member, *, by: User | None, now: datetime, why: str = "") -> None:
    """A suspended member takes part again, with the roles they had. Raises WrongState."""
    _move(member, State.ACTIVE, (State.SUSPENDED,), verb="member.reinstated", by=by, now=now, why=why)


@transaction.atomic
def remove_member(member: Member, *, by: User | None, now: datetime, why: str = "") -> None:
    """The member is gone, and can be restored for settings.RESTORE_DAYS. Raises WrongState, LastOpsAdmin."""
    member.refresh_from_db(fields=["state"])
    _move(
        member, State.REMOVED, HERE, verb="member.removed", by=by, now=now, why=why, removed_from=member.state
    )
    _end_sessions(member)


@transaction.atomic
def restore_member(member: Member, *, by: User | None, now: datetime, why: str = "") -> None:
    """A removed member is again what they were before. Raises WrongState, TooLate, AddressTaken."""
    member.refresh_from_db(fields=["state", "state_since", "removed_from", "erased_at"])
    if member.state != State.REMOVED or member.erased_at is not None:
        raise WrongState
    if now >= last_day_to_restore(member.state_since):
        raise TooLate
    before = member.removed_from or State.ACTIVE
    try:
        with transaction.atomic():
            _move(
                member,
                before,
                (State.REMOVED,),
                verb="member.restored",
                by=by,
                now=now,
                why=why,
                removed_from="",
            )
    except IntegrityError:
        raise AddressTaken from None


def _move(
    member: Member,
    target: str,
    allowed: Iterable[str],
    *,
    verb: str,
    by: User | None,
    now: datetime,
    why: str,
    **changes: str,
) -> None:
    """One guarded UPDATE under the unit's lock, so that two such acts never leave a unit without Ops Admin."""
    OrganizationalUnit.objects.select_for_update(no_key=True).get(pk=member.unit_id)
    member.refresh_from_db(fields=["state", "user"])
    before = member.state
    if before in allowed and target != State.ACTIVE:
        roles.keep_an_ops_admin(member)
    changes |= {"state": target, "state_since": now}
    if not Member.objects.filter(pk=member.pk, state__in=allowed, state=before).update(**changes):
        raise WrongState
    for name, value in changes.items():
        setattr(member, name, value)
    roles.apply_grants(member)
    audit.record(
        member.unit, verb, member, by=by, now=now, why=why, before={"state": before}, after={"state": target}
    )


def _end_sessions(member: Member) -> None:
    """Sign the member out everywhere, unless their sign-in is still good for something else.

    This unit is closed to them with the next request in any case. Sessions serve all units of a sign-in: one
    unit must not end what belongs to another (docs/decisions/0009).
    """
    user = member.user
    if user is None or user.is_staff or user.memberships.active().exists():
        return
    for session in UserSession.objects.filter(user=user):
        session.end()
