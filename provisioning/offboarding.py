"""Leaving: access ends at once, everything can be undone for the days of grace, then the person is forgotten."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from connections import mailboxes, personal_grants
from connections.models import Connection
from orgunits import memberships
from orgunits.models import Member, OrganizationalUnit, User

from .models import Offboarding, ProvisioningRun


@transaction.atomic
def begin(
    member: Member,
    *,
    by: User | None,
    now: datetime,
    run: ProvisioningRun | None = None,
    clause: str = "",
    connection: Connection | None = None,
    settle: bool = True,
) -> Offboarding:
    """Suspend a member who leaves. Raises memberships.WrongState, roles.LastOpsAdmin."""
    personal_grants.withdraw_of(member, by=by, now=now)
    memberships.suspend_member(member, by=by, now=now)
    return Offboarding.objects.create(
        unit_id=member.unit_id, member=member, run=run, clause=clause, connection=connection,
        begun_by=by, begun_at=now, grace_until=now + timedelta(days=settings.RESTORE_DAYS),
    )  # fmt: skip


def settle(unit: OrganizationalUnit, *, now: datetime) -> None:
    """Decide which connection serves whom, once for all who came and went."""
    mailboxes.assign(unit, now=now)


@transaction.atomic
def come_back(member: Member, *, now: datetime) -> None:
    """The directory shows somebody again who had left. Raises memberships.WrongState."""
    memberships.reinstate_member(member, by=None, now=now)
    member.offboardings.filter(undone_at=None, ended_at=None).update(ended_at=now)
