"""One act on many members: frozen and judged as a preview, done by jobs slice by slice, told row by row.

preview -> running, cancelled
running -> succeeded, partial, cancelled
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from time import monotonic

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from . import audit, invitations, jobs, memberships, roles
from .access import Access, rights_of, user_may
from .models import BulkRow, BulkRun, Invitation, Member, RoleGrant, User
from .roles import ROLES, AboveOwnRole, LastOpsAdmin, NotGrantable, may_grant

Act, Row, State = BulkRun.Act, BulkRow.State, BulkRun.State
RIGHT = "manage_members"
SLICE = 200  # members of one job
SECONDS = 40  # of one job; what is left of the slice is the next one's
PREVIEWS_KEPT, RUNS_KEPT = timedelta(days=1), timedelta(days=90)
ON_ROLES = (Act.GRANT_ROLE, Act.REVOKE_ROLE)

log = logging.getLogger(__name__)

# Why a member was left as they were, or nothing could be done. The code is stored, these are the words.
REASONS: dict[str, str] = {
    "not_active": _("not active"),
    "not_suspended": _("not suspended"),
    "no_invitation": _("no invitation that could be sent again"),
    "has_role": _("has the role already"),
    "no_role": _("does not have the role"),
    "gone": _("removed meanwhile"),
    "yourself": _("you yourself; do it on your own page"),
    "above_own_role": _("holds a role above yours"),
    "last_ops_admin": _("the last Ops Admin of the unit"),
    "not_grantable": _("this role is not given in this unit"),
    "unit_not_active": _("the unit is paused: nothing is mailed"),
    "mailed_often": _("was mailed often enough today"),
    "right_lost": _("who started it may no longer do this"),
    "unexpected": _("something went wrong here; run it again"),
}


class NotPossibleNow(Exception):
    """The run was started, ended or cancelled meanwhile."""


class NotTheirs(Exception):
    """Only who made a preview starts it: it was judged by their rights."""


# --- the preview --------------------------------------------------------------------------------------------------
@transaction.atomic
def prepare(
    access: Access, members: QuerySet[Member], act: str, *, now: datetime, role: str = "", why: str = ""
) -> BulkRun:
    """Freeze whom the act is for, and judge what it would do to each.

    A handful of statements whatever the number of members. Raises AboveOwnRole, NotGrantable for the role.
    """
    unit = access.member.unit
    if act in ON_ROLES:
        _check_role(access, role)
    run = BulkRun.objects.create(
        unit=unit, act=act, role=role, why=why, made_by=access.member.user, made_at=now
    )
    _freeze(run, members.filter(unit=unit).exclude(state=Member.State.REMOVED))
    _judge(run, access)
    return run


def _check_role(access: Access, role: str) -> None:
    if not may_grant(ROLES[role], access.rights):
        raise AboveOwnRole
    if ROLES[role] not in roles.grantable_in(access.member.unit):
        raise NotGrantable


def _freeze(run: BulkRun, members: QuerySet[Member]) -> None:
    """One INSERT … SELECT: 50,000 rows without one of them coming here."""
    columns = ("unit", "run", "member", "state", "reason")
    names = ", ".join(BulkRow._meta.get_field(name).column for name in columns)
    try:
        sql, values = members.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {BulkRow._meta.db_table} ({names}) "  # noqa: S608 names of our own tables
            f"SELECT %s, %s, chosen.id, %s, '' FROM ({sql}) AS chosen (id) ORDER BY chosen.id",
            [run.unit_id, run.pk, Row.TODO, *values],
        )


def _judge(run: BulkRun, access: Access) -> None:
    """Mark the rows that the act cannot or need not change; the job asks again for each of the others."""
    todo = run.rows.filter(state=Row.TODO)
    grants = RoleGrant.objects.filter(member=OuterRef("member"))
    held = Exists(grants.filter(role=run.role, application=None))
    takes_own_power = run.act == Act.SUSPEND or (
        run.act == Act.REVOKE_ROLE and RIGHT in ROLES[run.role].rights
    )
    if takes_own_power:
        alone = not roles.other_ops_admins(access.member).exists()
        reason = "last_ops_admin" if alone else "yourself"
        todo.filter(member=access.member).update(state=Row.FAILED, reason=reason)
    if run.act not in ON_ROLES:
        above = [role.code for role in ROLES.values() if not may_grant(role, access.rights)]
        todo.filter(Exists(grants.filter(role__in=above))).update(state=Row.FAILED, reason="above_own_role")
    open_invitation = Invitation.objects.filter(member=OuterRef("member"), state__in=invitations.SENDABLE)
    unchanged, reason = {
        Act.SUSPEND: (todo.exclude(member__state=Member.State.ACTIVE), "not_active"),
        Act.REINSTATE: (todo.exclude(member__state=Member.State.SUSPENDED), "not_suspended"),
        Act.GRANT_ROLE: (todo.filter(held), "has_role"),
        Act.REVOKE_ROLE: (todo.filter(~held), "no_role"),
        Act.RESEND: (todo.filter(~Exists(open_invitation)), "no_invitation"),
    }[Act(run.act)]
    unchanged.update(state=Row.SKIPPED, reason=reason)


def counts(run: BulkRun) -> dict[str, dict[str, int]]:
    """How many rows are in each state, by reason; one query."""
    found: dict[str, dict[str, int]] = {state: {} for state in Row.values}
    for state, reason, number in (
        run.rows.values_list("state", "reason").annotate(Count("pk")).order_by("reason")
    ):
        found[state][reason] = number
    return found


# --- the run ------------------------------------------------------------------------------------------------------
@transaction.atomic
def start(run: BulkRun, *, by: User, now: datetime) -> None:
    """Hand the run to jobs. Raises NotTheirs, NotPossibleNow."""
    if run.made_by_id != by.pk:
        raise NotTheirs
    _move(run, State.RUNNING, (State.PREVIEW,), started_at=now)
    rows = run.rows.filter(state=Row.TODO).count()
    audit.record(run.unit, "bulk.started", run, by=by, now=now, why=run.why, rows=rows, **_facts(run))
    jobs.enqueue_bulk(run)


@transaction.atomic
def cancel(run: BulkRun, *, by: User, now: datetime) -> None:
    """Do no more of it; what is done stays. Raises NotPossibleNow."""
    was_running = run.state == State.RUNNING
    _move(run, State.CANCELLED, (State.PREVIEW, State.RUNNING), finished_at=now)
    if was_running:
        audit.record(run.unit, "bulk.cancelled", run, by=by, now=now, **_facts(run))


def _move(run: BulkRun, target: str, allowed: Iterable[str], **changes) -> None:
    if not BulkRun.objects.filter(pk=run.pk, state__in=allowed).update(state=target, **changes):
        raise NotPossibleNow
    run.refresh_from_db(fields=["state", *changes])


def _facts(run: BulkRun) -> dict[str, str]:
    return {"act": run.act, **({"role": run.role} if run.role else {})}


def do_slice(run: BulkRun, *, now: datetime) -> bool:
    """Do the next members of a running run; answers whether there is more to do.

    Each member's act and its row are one transaction: a killed worker loses at most the one in hand, and who
    comes again goes on behind it. Whoever started it must still be allowed to; else the rest is not done.
    """
    if run.state != State.RUNNING:
        return False
    todo = run.rows.filter(state=Row.TODO).order_by("pk")
    if not user_may(run.made_by, run.unit, RIGHT):
        todo.update(state=Row.FAILED, reason="right_lost")
    began = monotonic()
    for pk in todo.values_list("pk", flat=True)[:SLICE]:
        if monotonic() - began > SECONDS:
            break
        _do(run, pk, now=now)
    if run.rows.filter(state=Row.TODO).exists():
        return True
    _finish(run, now=now)
    return False


@transaction.atomic
def _do(run: BulkRun, pk: int, *, now: datetime) -> None:
    rows = BulkRow.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=pk, state=Row.TODO)
    row = rows.select_related("member__unit").first()
    if row is None:  # another worker has it
        return
    try:
        with transaction.atomic():
            reason = _act(run, row.member, now=now)
        state = Row.SKIPPED if reason else Row.DONE
    except tuple(_CODES) as refusal:
        state, reason = Row.FAILED, _CODES[type(refusal)]
    except Exception:  # one member's trouble must not hold up the others
        log.exception("bulk run %s, row %s", run.public_id, pk)
        state, reason = Row.FAILED, "unexpected"
    BulkRow.objects.filter(pk=pk).update(state=state, reason=reason)


_CODES = {
    LastOpsAdmin: "last_ops_admin",
    NotGrantable: "not_grantable",
    AboveOwnRole: "above_own_role",
    invitations.UnitNotActive: "unit_not_active",
    invitations.TooOften: "mailed_often",
}


def _act(run: BulkRun, member: Member, *, now: datetime) -> str:
    """Do it to one member; the code of a reason when there was nothing to do."""
    if member.state == Member.State.REMOVED:
        return "gone"
    rights = rights_of(run.unit.members.get(user=run.made_by, state=Member.State.ACTIVE))
    who = {"by": run.made_by, "now": now}
    if run.act in ON_ROLES:
        if not may_grant(ROLES[run.role], rights):
            raise AboveOwnRole
        held = member.role_grants.filter(role=run.role, application=None).exists()
        if held == (run.act == Act.GRANT_ROLE):
            return "has_role" if held else "no_role"
        verb = roles.grant_role if run.act == Act.GRANT_ROLE else roles.revoke_role
        verb(member, run.role, why=run.why, **who)
        return ""
    if not memberships.within_reach(member, rights):
        raise AboveOwnRole
    if run.act == Act.RESEND:
        return _resend(member, **who)
    verb, reason = {
        Act.SUSPEND: (memberships.suspend_member, "not_active"),
        Act.REINSTATE: (memberships.reinstate_member, "not_suspended"),
    }[Act(run.act)]
    try:
        verb(member, why=run.why, **who)
    except memberships.WrongState:
        return reason
    return ""


def _resend(member: Member, *, by: User, now: datetime) -> str:
    rows = member.invitations.filter(state__in=invitations.SENDABLE)
    invitation = rows.select_related("unit", "member").order_by("-pk").first()
    if invitation is None:
        return "no_invitation"
    try:
        invitations.resend(invitation, by=by, now=now)
    except invitations.NotOpen:
        return "no_invitation"
    return ""


@transaction.atomic
def _finish(run: BulkRun, *, now: datetime) -> None:
    found = counts(run)
    target = State.PARTIAL if found[Row.FAILED] else State.SUCCEEDED
    try:
        _move(run, target, (State.RUNNING,), finished_at=now)
    except NotPossibleNow:
        return  # another worker was faster, or somebody cancelled it
    numbers = {state: sum(by_reason.values()) for state, by_reason in found.items() if state != Row.TODO}
    audit.record(run.unit, "bulk.finished", run, by=run.made_by, now=now, **_facts(run), **numbers)


def again(access: Access, run: BulkRun, *, now: datetime) -> BulkRun:
    """A preview of the same act for those with whom it failed. Raises what `prepare` raises."""
    failed = Member.objects.filter(pk__in=run.rows.filter(state=Row.FAILED).values("member"))
    return prepare(access, failed, run.act, now=now, role=run.role, why=run.why)


def forget_old(*, now: datetime) -> int:
    """Previews that nobody started, and results of long ago, go. Answers how many rows of tables."""
    previews = BulkRun.objects.filter(state=State.PREVIEW, made_at__lt=now - PREVIEWS_KEPT)
    return previews.delete()[0] + BulkRun.objects.filter(made_at__lt=now - RUNS_KEPT).delete()[0]
