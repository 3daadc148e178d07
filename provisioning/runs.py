"""Verbs of the run: it applies one stored plan, item by item, and stops where the guard or a person says so.

    running         -> paused by guard, succeeded, partial, failed, cancelled
    paused by guard -> running (approved), cancelled (everybody kept, overtaken by a newer reading)

Killed at any point it is taken up again by the next job: what is done says so in its own transaction.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import takewhile
from time import monotonic

from django.db import IntegrityError, transaction
from django.db.models import Count

from connections.states import State as ConnectionState
from orgunits import audit, members, memberships, roles
from orgunits.access import user_may
from orgunits.models import Member, User

from . import decisions, guard, jobs, offboarding, onboarding, plans, rules
from .fingerprint import fingerprint
from .models import Plan, PlanItem, ProvisioningRun
from .plan_digest import diff_reasons, digest
from .plan_rows import as_plan

Result, State = PlanItem.Result, ProvisioningRun.State
RIGHT = "manage_members"
SECONDS = 35  # of one job
AT_ONCE = 500
APPROVED_FOR = timedelta(hours=4)
TOLD_AGAIN_AFTER = timedelta(days=7)

log = logging.getLogger(__name__)


class NotPossibleNow(Exception):
    """The run was ended, approved or overtaken meanwhile."""


class OtherCandidates(Exception):
    """What somebody looked at is not what would be done."""


# Why something could not be done with one person. The code is stored; run_words.py has the words.
_CODES = {
    onboarding.ChangedMeanwhile: "changed_meanwhile",
    members.AddressTaken: "address_taken",
    members.NotYetJoined: "still_invited",
    members.NotAZone: "not_a_zone",
    memberships.AddressTaken: "address_taken",
    memberships.WrongState: "changed_meanwhile",
    roles.LastOpsAdmin: "last_ops_admin",
    roles.NotGrantable: "not_grantable",
    IntegrityError: "address_taken",
}


# --- the work -----------------------------------------------------------------------------------------------------
def go_on(run: ProvisioningRun, *, now: datetime, seconds: float = SECONDS) -> bool:
    """Do what can be done in about `seconds`. Answers whether there is more for another job."""
    if run.state != State.RUNNING:
        return False
    if stopped := _why_stopped(run):
        _move(run, State.FAILED, (State.RUNNING,), now=now, reason=stopped)
        return False
    if run.checked_at is None and not _check(run, now=now):
        return False
    if run.approval_ends is not None and run.approval_ends <= now:
        run.plan.items.filter(candidate=True, result=Result.TODO).update(result=Result.HELD)
    until, worked = monotonic() + seconds, False
    while rows := list(run.plan.items.filter(result=Result.TODO).order_by("position")[:AT_ONCE]):
        if monotonic() > until or not _still_running(run):
            break
        worked = True
        _do(run, rows, until=until, now=now)
    if worked:
        offboarding.settle(run.unit, now=now)
    if run.plan.items.filter(result=Result.TODO).exists():
        return _still_running(run)
    _finish(run, now=now)
    return False


def _why_stopped(run: ProvisioningRun) -> str:
    """Why this run may not go on at all; empty while it may."""
    if not run.unit.works:
        return "unit_at_rest"
    if run.connection.state != ConnectionState.ACTIVE:
        return "connection_at_rest"
    if run.started_by is not None and not user_may(run.started_by, run.unit, RIGHT):
        return "right_lost"
    return ""


def _still_running(run: ProvisioningRun) -> bool:
    return ProvisioningRun.objects.filter(pk=run.pk, state=State.RUNNING).exists()


def _do(run: ProvisioningRun, rows: list[PlanItem], *, until: float, now: datetime) -> None:
    """The items at the head: newcomers in a row at once, and so those of whom only fields change; others alone."""
    many = _done_together(rows[0])
    if many is None:
        for row in rows:
            if _done_together(row) is not None or monotonic() > until:
                return
            _one(run, row, now=now)
        return
    head = list(takewhile(lambda row: _done_together(row) is many, rows))
    try:
        with transaction.atomic():
            mine = _taken(run, head)
            if mine:
                many(run, mine, now=now)
    except Exception:  # for the sake of one of them: each by itself, which says why
        for row in head:
            _one(run, row, now=now)


def _done_together(row: PlanItem) -> Callable | None:
    """What does many such items at once; None where each is done alone."""
    if row.action == PlanItem.Action.ADD:
        return onboarding.add
    return onboarding.take_over if onboarding.only_takes_over(row) else None


def _taken(run: ProvisioningRun, rows: list[PlanItem]) -> list[PlanItem]:
    """Those of `rows` that are still to do, held until the end of the transaction; none once the run was stopped."""
    ids = [row.pk for row in rows]
    found = PlanItem.objects.select_for_update(of=("self",), skip_locked=True)
    found = found.filter(plan=run.plan_id, plan__run__state=State.RUNNING, pk__in=ids, result=Result.TODO)
    return list(found.order_by("position"))


@transaction.atomic
def _one(run: ProvisioningRun, row: PlanItem, *, now: datetime) -> None:
    """One item and what became of it, in one transaction. One person's trouble does not hold up the others."""
    mine = _taken(run, [row])
    if not mine:
        return
    (row,) = mine
    try:
        with transaction.atomic():
            if row.action == PlanItem.Action.ADD:
                onboarding.add(run, [row], now=now)
            else:
                onboarding.change(run, row, now=now)
        row.result, row.reason = Result.DONE, ""
    except tuple(_CODES) as refusal:
        code = next(code for kind, code in _CODES.items() if isinstance(refusal, kind))
        row.result, row.reason = Result.FAILED, code
    except Exception:
        log.exception("run %s, item %s", run.public_id, row.pk)
        row.result, row.reason = Result.FAILED, "unexpected"
    row.save(update_fields=["result", "reason", "member"])


# --- is the plan still right? -------------------------------------------------------------------------------------
def _check(run: ProvisioningRun, *, now: datetime) -> bool:
    """Before the first item, and again after an approval: whether the plan is still what would be done, and what
    the guard holds back. Answers whether the run goes on."""
    plan, approval = run.plan, _approval(run)
    mark = fingerprint(run.connection, today=now.date(), incomplete=plan.incomplete)
    thought = None
    if mark != plan.inputs or approval is not None or _reading_changed(plan) or plans.limits_changed(plan):
        thought = plans.think(plan, now=now, approval=approval)
    if approval is not None:
        return _check_approved(run, thought, now=now)
    if thought is not None and _is_other(plan, thought):
        _stale(run, thought, now=now)
        return False
    verdict = thought.verdict.outcome if thought is not None else plan.outcome
    with transaction.atomic():
        if not _mark_checked(run, now=now):
            return False
        if thought is not None:
            plans.keep_verdict(plan, thought.verdict)
        if plan.rule is not None and plan.draft is not None:
            rules.follow_draft(plan.rule, plan.draft, by=run.started_by, now=now)
        if verdict != guard.Outcome.ALLOWED:
            plan.items.filter(candidate=True, result=Result.TODO).update(result=Result.HELD)
    return True


def _is_other(plan: Plan, thought: plans.Thought) -> bool:
    """Whether other things would be done, or the same things would take a role, or an Ops Admin, that they would
    not have taken: by hand somebody may have given or revoked a role meanwhile."""
    return digest(thought.planned) != plan.digest or thought.verdict.digest != plan.candidates_digest


def _reading_changed(plan: Plan) -> bool:
    """Whether the directory was read, or tried to be read, since the plan was made."""
    latest = plans.last_tried(plan.connection)
    return (latest.pk if latest else None) != plan.reading_id


def _approval(run: ProvisioningRun) -> guard.Approval | None:
    if not run.approved_digest:
        return None
    return guard.Approval(run.approved_digest, run.approval_ends)


def _check_approved(run: ProvisioningRun, thought: plans.Thought, *, now: datetime) -> bool:
    """Only the very set that was approved goes, while the approval holds and the directory can be believed."""
    plan, verdict = run.plan, thought.verdict
    if verdict.outcome == guard.Outcome.BLOCKED:
        _pause(run, "reading_not_good", now=now)
        return False
    if verdict.digest != plan.candidates_digest:
        _stale(run, thought, now=now)
        return False
    if not verdict.may_remove:
        _pause(run, "approval_ended", now=now)
        return False
    with transaction.atomic():
        if not _mark_checked(run, now=now):
            return False
        plan.items.filter(result=Result.HELD).update(result=Result.TODO)
    return True


def _mark_checked(run: ProvisioningRun, *, now: datetime) -> bool:
    """Whether this job is the one that found the plan right."""
    rows = ProvisioningRun.objects.filter(pk=run.pk, state=State.RUNNING, checked_at=None)
    if not rows.update(checked_at=now):
        return False
    run.checked_at = now
    return True


def _stale(run: ProvisioningRun, thought: plans.Thought, *, now: datetime) -> None:
    because = [reason.value for reason in diff_reasons(as_plan(run.plan), thought.planned)]
    with transaction.atomic():
        plans.explain_stale(run.plan, because)
        _move(
            run,
            State.CANCELLED,
            (State.RUNNING,),
            now=now,
            reason="stale" if _untouched(run) else "stale_since",
        )


def _untouched(run: ProvisioningRun) -> bool:
    """Whether nothing of its plan happened, the change of a rule included."""
    begun = run.plan.items.filter(result__in=(Result.DONE, Result.FAILED, Result.HELD)).exists()
    return not begun and ProvisioningRun.objects.filter(pk=run.pk, checked_at=None).exists()


# --- the end ------------------------------------------------------------------------------------------------------
def counts(run: ProvisioningRun) -> dict[str, int]:
    """How many items came to which result; one query."""
    found = dict.fromkeys(Result.values, 0)
    found |= dict(run.plan.items.order_by().values_list("result").annotate(Count("pk")))
    return found


def _finish(run: ProvisioningRun, *, now: datetime) -> None:
    found = counts(run)
    if found[Result.HELD]:
        with suppress(NotPossibleNow):  # somebody cancelled it at this moment
            _pause(run, "approval_ended" if run.approved_digest else "", now=now)
        return
    state = State.PARTIAL if found[Result.FAILED] else State.SUCCEEDED
    with transaction.atomic():
        try:
            _move(run, state, (State.RUNNING,), now=now)
        except NotPossibleNow:
            return  # another worker was faster, or somebody cancelled it
        if run.plan.reading is not None:
            policy = rules.policy_of(run.connection)
            policy.scope = run.plan.reading.asked
            policy.save(update_fields=["scope"])


def _pause(run: ProvisioningRun, reason: str, *, now: datetime) -> None:
    """Held by the guard. Who was told of the very same people a few days ago is not told again."""
    before = (
        ProvisioningRun.objects.filter(
            connection=run.connection_id,
            plan__candidates_digest=run.plan.candidates_digest,
            told_at__gt=now - TOLD_AGAIN_AFTER,
        )
        .order_by("-told_at")
        .first()
    )
    _move(
        run, State.PAUSED, (State.RUNNING,), now=now, reason=reason,
        told_at=before.told_at if before else run.told_at,
        checked_at=None, approved_digest="", approval_ends=None, first_yes_by=None, first_yes_at=None,
    )  # fmt: skip


@transaction.atomic
def _move(
    run: ProvisioningRun,
    target: str,
    allowed: Iterable[str],
    *,
    now: datetime,
    by: User | None = None,
    reason: str = "",
    **changes,
) -> None:
    """One guarded UPDATE, with its line in the log."""
    if target not in (State.RUNNING, State.PAUSED):
        changes["finished_at"] = now
    changes |= {"state": target, "state_since": now, "reason": reason}
    if not ProvisioningRun.objects.filter(pk=run.pk, state__in=allowed).update(**changes):
        raise NotPossibleNow
    for name, value in changes.items():
        setattr(run, name, value)
    if target in (State.CANCELLED, State.FAILED) and _untouched(run):
        plans.mark_stale(run.plan, now=now)
    found = {result or "nothing": number for result, number in counts(run).items() if number}
    audit.record(run.unit, _VERBS[target], run, by=by, now=now, reason=reason, state=target, **found)


_VERBS = {
    State.RUNNING: "run.approved",
    State.PAUSED: "run.paused",
    State.CANCELLED: "run.cancelled",
    State.SUCCEEDED: "run.finished",
    State.PARTIAL: "run.finished",
    State.FAILED: "run.finished",
}


# --- what people do -----------------------------------------------------------------------------------------------
def cancel(run: ProvisioningRun, *, by: User | None, now: datetime, reason: str = "by_hand") -> None:
    """Do no more of it; what is done stays. Raises NotPossibleNow."""
    _move(run, State.CANCELLED, (State.RUNNING, State.PAUSED), by=by, now=now, reason=reason)


@transaction.atomic
def approve(run: ProvisioningRun, *, digest: str, by: User, now: datetime) -> bool:
    """Somebody looked at the people the guard holds back, and says that exactly they go. Answers whether they do:
    where two have to say so, the first one's yes is kept for as long as an approval holds.

    Raises NotPossibleNow, OtherCandidates.
    """
    if digest != run.plan.candidates_digest:
        raise OtherCandidates
    if rules.policy_of(run.connection).second_person and not _is_second(run, by, now=now):
        waiting = ProvisioningRun.objects.filter(pk=run.pk, state=State.PAUSED)
        if not waiting.update(first_yes_by=by, first_yes_at=now):
            raise NotPossibleNow
        run.first_yes_by, run.first_yes_at = by, now
        audit.record(run.unit, "run.first_yes", run, by=by, now=now)
        return False
    _move(
        run, State.RUNNING, (State.PAUSED,), by=by, now=now,
        approved_by=by, approved_at=now, approval_ends=now + APPROVED_FOR, approved_digest=digest, checked_at=None,
    )  # fmt: skip
    jobs.enqueue_run(run)
    return True


def _is_second(run: ProvisioningRun, by: User, *, now: datetime) -> bool:
    """Whether somebody else, who still may, said yes shortly before."""
    first = (
        ProvisioningRun.objects.select_for_update(of=("self",)).select_related("first_yes_by").get(pk=run.pk)
    )
    fresh = first.first_yes_at is not None and now < first.first_yes_at + APPROVED_FOR
    another = first.first_yes_by is not None and first.first_yes_by_id != by.pk
    return fresh and another and user_may(first.first_yes_by, run.unit, RIGHT)


@transaction.atomic
def keep_everybody(run: ProvisioningRun, *, until: date, by: User, now: datetime) -> int:
    """Nobody whom the guard holds back goes, and none of them is asked about again before `until`. Answers how
    many are kept. Raises NotPossibleNow."""
    held = run.plan.items.filter(candidate=True, result=Result.HELD, member__isnull=False)
    ids = list(held.values_list("member_id", flat=True))
    cancel(run, by=by, now=now, reason="kept")
    decisions.keep(Member.objects.filter(pk__in=ids), until=until, by=by, now=now)
    return len(ids)


def again(run: ProvisioningRun, *, by: User, now: datetime) -> Plan:
    """A plan of what failed, and nothing else. Raises NotPossibleNow."""
    if not run.plan.items.filter(result=Result.FAILED).exists():
        raise NotPossibleNow
    return plans.request_plan(run.connection, by=by, now=now, purpose=Plan.Purpose.AGAIN, again_of=run.plan)
