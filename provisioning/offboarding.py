"""Leaving, as one story: access ends at once, 30 days in which one click undoes it, then the person is forgotten.

A member who is active again while an offboarding is open came back by another page: that is an undo too.
"""

import logging
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django_q.tasks import async_task

from connections import channels, jobs, mailboxes, personal_grants
from connections.models import Connection, DirectoryPerson, PersonalGrant
from orgunits import audit, erasure, memberships
from orgunits.models import Member, OrganizationalUnit, User
from orgunits.roles import LastOpsAdmin

from .dossiers import digest_of, dossier_of, without_names
from .models import Kept, Offboarding, PairDecision, PlanItem, ProvisioningRun, RuleGrant

__all__ = ["NotPossibleNow", "begin", "come_back", "dossier_of", "end_overdue", "settle", "sign_off", "undo"]

KEEP_DAYS = 90  # an undone person is no candidate again for so long, unless somebody says otherwise
SLICE = 100  # people of one job
OPEN = Q(undone_at__isnull=True, ended_at__isnull=True)
NOBODY_CAN_UNDO = (OrganizationalUnit.State.ARCHIVED, OrganizationalUnit.State.ERASED)
log = logging.getLogger(__name__)


class NotPossibleNow(Exception):
    """The story is over, or somebody else moved it on meanwhile."""


@transaction.atomic
def begin(
    member: Member,
    *,
    by: User | None,
    now: datetime,
    run: ProvisioningRun | None = None,
    clause: str = "",
    connection: Connection | None = None,
    why: str = "",
    settle: bool = True,
) -> Offboarding:
    """Access ends at once: sessions, own authorizations, reading, push channels. Roles are kept, without effect.

    Where many leave in one slice: `settle=False` for each, and `settle(unit)` in the slice's end.
    Raises WrongState, LastOpsAdmin (orgunits.memberships, orgunits.roles).
    """
    dossier = dossier_of(member)
    personal_grants.withdraw_of(member, by=by, now=now)  # its tokens are locked before the unit is
    memberships.suspend_member(member, by=by, now=now, why=why)
    _undone_elsewhere(Offboarding.objects.filter(OPEN, member=member), now=now)
    row = Offboarding.objects.create(
        unit=member.unit,
        member=member,
        connection=connection,
        run=run,
        clause=clause,
        begun_by=by,
        begun_at=now,
        grace_until=now + timedelta(days=settings.RESTORE_DAYS),
        dossier=dossier,
    )
    facts = {"offboarding": row.public_id, "until": row.grace_until.isoformat(timespec="seconds")}
    if clause:
        facts["clause"] = str(clause)
    if run is not None:
        facts["run"] = run.public_id
    if connection is not None:
        facts["connection"] = connection.public_id
    audit.record(member.unit, "leaver.begun", member, by=by, now=now, **facts)
    if settle:
        _let_go(member.unit, now=now)
    return row


def settle(unit: OrganizationalUnit, *, now: datetime) -> None:
    """What `begin(..., settle=False)` left to do, for all of them at once: calendars are not read any more, and the
    providers are told by jobs that begin now. Running it again is harmless."""
    _let_go(unit, now=now)


@transaction.atomic
def _let_go(unit: OrganizationalUnit, *, now: datetime) -> None:
    mailboxes.assign(unit, now=now)
    unwanted = channels.unwanted().filter(connection__unit=unit).order_by("connection")
    for pk in unwanted.values_list("connection", flat=True).distinct():
        jobs.enqueue_keeping(pk)
    withdrawn = unit.personal_grants.filter(state=PersonalGrant.State.WITHDRAWN, revoke_at__lte=now)
    if withdrawn.exists():
        async_task("connections.jobs.end_grants", task_name=f"end authorizations of {unit.public_id}")


@transaction.atomic
def undo(offboarding: Offboarding, *, by: User, now: datetime, keep_until: date) -> None:
    """The member takes part again with the roles they had, and no run suspends them or takes a role from them
    before `keep_until`. Raises NotPossibleNow."""
    member = offboarding.member
    try:
        memberships.reinstate_member(member, by=by, now=now)
    except memberships.WrongState:
        raise NotPossibleNow from None
    if not _open(offboarding).update(undone_at=now, undone_by=by):
        raise NotPossibleNow
    _keep(member, until=keep_until, by=by, now=now)
    audit.record(
        member.unit,
        "leaver.undone",
        member,
        by=by,
        now=now,
        offboarding=offboarding.public_id,
        kept_until=keep_until.isoformat(),
    )
    mailboxes.assign(member.unit, now=now)
    offboarding.refresh_from_db()


@transaction.atomic
def sign_off(offboarding: Offboarding, *, by: User, now: datetime, note: str = "") -> None:
    """Somebody looked at the dossier and answers for it. Raises NotPossibleNow."""
    changes = {"signed_off_by": by, "signed_off_at": now, "note": note.replace("\0", "")[:300]}
    if not _open(offboarding).filter(signed_off_at__isnull=True).update(**changes):
        raise NotPossibleNow
    offboarding.refresh_from_db()
    audit.record(
        offboarding.unit, "leaver.signed_off", offboarding.member, by=by, now=now,
        offboarding=offboarding.public_id, checksum=digest_of(offboarding.dossier),
    )  # fmt: skip


@transaction.atomic
def come_back(member: Member, *, now: datetime) -> None:
    """The directory shows somebody again who had left: the run takes them back, with the roles they had.

    Raises WrongState.
    """
    memberships.reinstate_member(member, by=None, now=now)
    row = Offboarding.objects.filter(OPEN, member=member).first()
    if row is not None and _open(row).update(ended_at=now):
        audit.record(member.unit, "leaver.came_back", member, by=None, now=now, offboarding=row.public_id)


def follow(*, now: datetime) -> int:
    """Whoever reinstated or erased a member did so on a page that knows nothing of offboardings: the story
    follows the member. Answers how many rows it moved."""
    back = Offboarding.objects.filter(OPEN, member__state=Member.State.ACTIVE)
    return _undone_elsewhere(back, now=now) + forget_dossiers(now=now)


def _undone_elsewhere(rows, *, now: datetime) -> int:
    """Mark as undone, and keep the member as an undo does, unless somebody named a day before."""
    number = 0
    until = (now + timedelta(days=KEEP_DAYS)).date()
    for row in rows.select_related("member", "unit").order_by("pk")[:1000]:
        with transaction.atomic():
            if not _open(row).update(undone_at=now):
                continue
            Kept.objects.get_or_create(
                member=row.member, defaults={"unit": row.unit, "until": until, "decided_at": now}
            )
            audit.record(
                row.unit, "leaver.undone", row.member, by=None, now=now, offboarding=row.public_id,
                kept_until=until.isoformat(),
            )  # fmt: skip
        number += 1
    return number


def _keep(member: Member, *, until: date, by: User | None, now: datetime) -> None:
    Kept.objects.update_or_create(
        member=member, defaults={"unit": member.unit, "until": until, "decided_by": by, "decided_at": now}
    )


def _open(row: Offboarding):
    return Offboarding.objects.filter(OPEN, pk=row.pk)


# --- after the days of grace --------------------------------------------------------------------------------------
def end_overdue(*, now: datetime, most: int = SLICE) -> int:
    """Forget up to `most` people whose days of grace are over. Answers how many.

    Each in a transaction of their own: killed anywhere, it goes on with who is left. Who was removed by hand
    meanwhile is erased in the time of that.
    """
    rows = overdue(now=now).select_related("member__unit", "member__user").order_by("grace_until", "pk")
    done = 0
    for row in rows[:most]:
        try:
            done += _end(row, now=now)
        except LastOpsAdmin:
            log.warning("%s is not ended: the unit would be without Ops Admin", row.public_id)
        except memberships.WrongState:
            continue  # reinstated or removed by somebody at this moment
    if done:
        mailboxes.forget_erased()
    return done


def overdue(*, now: datetime):
    """Open offboardings whose time has come, of members who were suspended all the while."""
    before = now - timedelta(days=settings.RESTORE_DAYS)
    rows = Offboarding.objects.filter(
        OPEN,
        grace_until__lte=now,
        member__state=Member.State.SUSPENDED,
        member__state_since__lte=before,  # removed and restored by hand: their days begin anew
    )
    return rows.exclude(unit__state__in=NOBODY_CAN_UNDO)


@transaction.atomic
def _end(row: Offboarding, *, now: datetime) -> bool:
    """Remove and erase the member, for good. Raises WrongState, LastOpsAdmin."""
    member = row.member
    memberships.remove_member(member, by=None, now=now)
    if not _open(row).exists():  # undone until we had the unit's lock, and suspended again
        raise memberships.WrongState
    DirectoryPerson.objects.filter(member=member).update(member=None)  # who comes again comes as somebody new
    audit.record(row.unit, "leaver.ended", member, by=None, now=now, offboarding=row.public_id)
    erasure.erase_member(member, by=None, now=now)
    forget_traces(Member.objects.filter(pk=member.pk))
    forget_dossiers(now=now, member=member)
    return True


def forget_dossiers(*, now: datetime, member: Member | None = None) -> int:
    """Of members who are erased, codes and numbers are kept and no name. Answers how many rows changed."""
    rows = Offboarding.objects.filter(member__erased_at__isnull=False, dossier__has_key="member")
    if member is not None:
        rows = rows.filter(member=member)
    number = 0
    for row in rows.order_by("pk")[:1000]:
        Offboarding.objects.filter(pk=row.pk).update(dossier=without_names(row.dossier), note="")
        Offboarding.objects.filter(OPEN, pk=row.pk).update(ended_at=now)
        number += 1
    return number


def forget_traces(members=None) -> None:
    """What rules, plans and decisions hold about members who are erased. Set-based; every night for all."""
    erased = Member.objects.filter(erased_at__isnull=False) if members is None else members
    RuleGrant.objects.filter(member__in=erased).delete()
    Kept.objects.filter(member__in=erased).delete()
    PairDecision.objects.filter(member__in=erased).delete()
    PlanItem.objects.filter(member__in=erased).exclude(facts={}).update(facts={})
