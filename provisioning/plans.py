"""Verbs of the plan: asked for, made by a job, applied as it stands, discarded, or out of date.

making -> ready, failed, discarded
ready  -> taken, discarded
taken  -> stale (its run ended before anything was done)
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from connections import directories
from connections.models import Connection, DirectoryReading
from connections.states import State as ConnectionState
from orgunits import audit, told
from orgunits.models import User

from . import guard, jobs
from .fingerprint import fingerprint
from .models import DirectoryPolicy, Plan, PlanItem, ProvisioningRule, ProvisioningRun
from .plan import make_plan
from .plan_digest import Stale, digest, digest_of_rules
from .plan_inputs import inputs_of
from .plan_rows import store_items
from .plan_values import Plan as Planned

State = Plan.State
OPEN = (State.MAKING, State.READY)
KEPT_UNUSED, KEPT = timedelta(days=2), timedelta(days=180)

log = logging.getLogger(__name__)


class NotPossibleNow(Exception):
    """The plan was applied, discarded or overtaken meanwhile."""


class BusyDirectory(Exception):
    """Another run of this directory is open. `run`: which."""

    def __init__(self, run: ProvisioningRun):
        self.run = run
        super().__init__(run.public_id)


# --- asked for, and made ------------------------------------------------------------------------------------------
@transaction.atomic
def request_plan(
    connection: Connection,
    *,
    by: User | None,
    now: datetime,
    purpose: str = Plan.Purpose.BY_HAND,
    rule: ProvisioningRule | None = None,
    draft: Mapping[str, object] | None = None,
    again_of: Plan | None = None,
) -> Plan:
    """A plan to be made by a job. An earlier one of this directory that nobody applied is discarded."""
    connection.plans.filter(state__in=OPEN).update(state=State.DISCARDED, state_since=now)
    plan = Plan.objects.create(
        unit_id=connection.unit_id,
        connection=connection,
        purpose=purpose,
        made_by=by,
        made_at=now,
        state_since=now,
        rule=rule,
        draft=dict(draft) if draft is not None else None,
        again_of=again_of,
    )
    jobs.enqueue_plan(plan)
    return plan


@dataclass(frozen=True)
class Thought:
    """What would be done, what the guard says of it, and what both were made from."""

    planned: Planned
    verdict: guard.Verdict
    inputs: str
    reading: DirectoryReading | None
    rules: str


def think(plan: Plan, *, now: datetime, approval: guard.Approval | None = None) -> Thought:
    """Plan anew what `plan` is about, with everything as it is now. Writes nothing."""
    connection = plan.connection
    policy = _policy(connection)
    reading = directories.last_complete(connection)
    facts = reading_facts(connection, reading, policy)
    incomplete = bool(guard.why_blocked(facts))
    mark = fingerprint(connection, today=now.date(), incomplete=incomplete)
    inputs = inputs_of(connection, rule=plan.rule, draft=plan.draft)
    planned = make_plan(
        inputs.people,
        inputs.members,
        inputs.rules,
        today=now.date(),
        zones=told.ZONES,
        incomplete=incomplete,
        approved=inputs.approved,
        declined=inputs.declined,
    )
    if plan.again_of_id is not None:
        planned = _only_failed(planned, plan.again_of)
    verdict = guard.judge(
        facts,
        guard.candidates_of(planned),
        guard.base_of(inputs.members),
        now=now,
        limits=limits_of(policy),
        approval=approval,
    )
    return Thought(planned, verdict, mark, reading, digest_of_rules(inputs.rules))


def _only_failed(planned: Planned, before: Plan) -> Planned:
    """What of the plan is about people and members with whom it failed before."""
    failed = before.items.filter(result="failed").values_list("person_id", "member_id")
    people = {person for person, _member in failed} - {None}
    members = {member for _person, member in failed} - {None}
    items = tuple(item for item in planned.items if item.person in people or item.member in members)
    return Planned(items, planned.incomplete, planned.rules)


def reading_facts(
    connection: Connection, reading: DirectoryReading | None, policy: DirectoryPolicy
) -> guard.Reading:
    """The last whole reading as the guard judges it. A connection that does not work now says nothing about who
    left, however good its last reading was; nor do rows that a reading writes right now which is asked otherwise."""
    works = connection.state == ConnectionState.ACTIVE
    readings = connection.directory_readings.filter(whole=True).order_by("-started_at")
    latest = last_tried(connection)
    if reading is None:
        return guard.Reading(complete=False, rows=0, error=latest.problem if latest else "")
    error = "" if works else connection.state
    if not error and latest is not None and latest.pk != reading.pk:
        error = latest.problem or "incomplete"
    at_work = readings.filter(state="running").values_list("asked", flat=True).first()
    before = readings.filter(state="complete", started_at__lt=reading.started_at)
    asked_before, rows_before = before.values_list("asked", "people").first() or ("", None)
    if asked_before in (
        "",
        reading.asked,
    ):  # else whatever was done since: this reading is narrower, or wider
        asked_before = policy.scope
    return guard.Reading(
        complete=latest is None or latest.pk == reading.pk,
        rows=reading.people,
        error=error,
        scope=guard.Scope(scopes=at_work or reading.asked),
        scope_before=guard.Scope(scopes=asked_before or reading.asked),
        rows_before=rows_before,
    )


def last_tried(connection: Connection) -> DirectoryReading | None:
    """The last whole reading that is over, however it ended."""
    rows = connection.directory_readings.filter(whole=True).exclude(state="running")
    return rows.order_by("-started_at").first()


def make(plan: Plan, *, now: datetime) -> None:
    """Think, and store what came out. Made twice it is stored once; what goes wrong is said on the plan."""
    if plan.state != State.MAKING:
        return
    try:
        thought = think(plan, now=now)
    except Exception:
        log.exception("plan %s", plan.public_id)
        Plan.objects.filter(pk=plan.pk, state=State.MAKING).update(
            state=State.FAILED, state_since=now, problem="unexpected"
        )
        return
    store(plan, thought, now=now)


@transaction.atomic
def store(plan: Plan, thought: Thought, *, now: datetime) -> bool:
    """Keep a thought as this plan's items. Answers whether it was this call that did."""
    verdict, planned = thought.verdict, thought.planned
    found = Plan.objects.filter(pk=plan.pk, state=State.MAKING).update(
        state=State.READY,
        state_since=now,
        reading=thought.reading,
        incomplete=planned.incomplete,
        digest=digest(planned),
        rules=thought.rules,
        inputs=thought.inputs,
        counts={action.value: number for action, number in planned.counts().items()},
        clauses={clause.value: number for clause, number in planned.counts_by_clause().items()},
        **_columns(verdict),
    )
    if not found:
        return False
    store_items(plan, planned.items)
    plan.refresh_from_db()
    audit.record(plan.unit, "plan.made", plan.connection, by=plan.made_by, now=now, **facts_of(plan))
    return True


def _columns(verdict: guard.Verdict) -> dict[str, object]:
    return {
        "outcome": verdict.outcome.value,
        "guard_codes": [code.value for code in verdict.codes],
        "causes": [cause.value for cause in verdict.causes],
        "candidates": verdict.candidates,
        "candidates_digest": verdict.digest,
        "base": verdict.base,
        "limit": verdict.limit,
    }


def keep_verdict(plan: Plan, verdict: guard.Verdict) -> None:
    """The guard looked again before the run, and says this now: pages and mails tell it."""
    for name, value in _columns(verdict).items():
        setattr(plan, name, value)
    plan.save(update_fields=list(_columns(verdict)))


def limits_changed(plan: Plan) -> bool:
    """Whether other limits of the guard hold now than when it looked at this plan."""
    return plan.limit != limits_of(_policy(plan.connection)).allowed(plan.base)


def _policy(connection: Connection) -> DirectoryPolicy:
    """How the unit follows this directory; the usual way, not stored, until somebody says otherwise."""
    return DirectoryPolicy.objects.filter(connection=connection).first() or DirectoryPolicy()


def limits_of(policy: DirectoryPolicy) -> guard.Limits:
    """How many may go without anybody looking."""
    return guard.Limits(policy.share, policy.floor, policy.most)


@transaction.atomic
def store_scheduled(plan: Plan, thought: Thought, *, now: datetime) -> bool:
    """Keep what a reading asks for as a plan, in place of an earlier one that nobody applied.

    Answers False where the very same plan waits already.
    """
    waiting = plan.connection.plans.filter(purpose=Plan.Purpose.SCHEDULED, state=State.READY)
    if waiting.filter(digest=digest(thought.planned)).exists():
        return False
    waiting.update(state=State.DISCARDED, state_since=now)
    plan.save()
    return store(plan, thought, now=now)


def facts_of(plan: Plan) -> dict[str, int | str]:
    """What the log keeps of a plan."""
    return {"plan": plan.public_id, **{name: number for name, number in plan.counts.items() if number}}


# --- used, or not -------------------------------------------------------------------------------------------------
@transaction.atomic
def apply_plan(plan: Plan, *, by: User | None, now: datetime) -> ProvisioningRun:
    """Begin the run that does exactly what the plan says. Raises NotPossibleNow, BusyDirectory."""
    if not plan.unit.works:
        raise NotPossibleNow
    if not Plan.objects.filter(pk=plan.pk, state=State.READY).update(state=State.TAKEN, state_since=now):
        raise NotPossibleNow
    try:
        with transaction.atomic():
            run = ProvisioningRun.objects.create(
                unit_id=plan.unit_id,
                connection_id=plan.connection_id,
                plan=plan,
                started_by=by,
                started_at=now,
                state_since=now,
            )
    except IntegrityError:
        raise BusyDirectory(open_run(plan.connection)) from None
    plan.refresh_from_db()
    audit.record(plan.unit, "run.started", run, by=by, now=now, **facts_of(plan))
    jobs.enqueue_run(run)
    return run


def open_run(connection: Connection) -> ProvisioningRun | None:
    """The run of this directory that goes on or is held by the guard; there is one at most."""
    states = (ProvisioningRun.State.RUNNING, ProvisioningRun.State.PAUSED)
    return connection.provisioning_runs.filter(state__in=states).first()


@transaction.atomic
def discard(plan: Plan, *, by: User, now: datetime) -> None:
    """Nobody will apply it. Raises NotPossibleNow."""
    if not Plan.objects.filter(pk=plan.pk, state__in=OPEN).update(state=State.DISCARDED, state_since=now):
        raise NotPossibleNow
    plan.refresh_from_db()
    audit.record(plan.unit, "plan.discarded", plan.connection, by=by, now=now, plan=plan.public_id)


def explain_stale(plan: Plan, because: Iterable[str]) -> None:
    """Why what would be done now is not what it says."""
    plan.stale_because = list(because)
    plan.save(update_fields=["stale_because"])


@transaction.atomic
def mark_stale(plan: Plan, *, now: datetime) -> None:
    """Its run ended before it began: nothing of it was done, and a rule it would have changed is as it was."""
    rows = Plan.objects.filter(pk=plan.pk, state=State.TAKEN)
    if rows.update(state=State.STALE, state_since=now) and not plan.stale_because:
        explain_stale(plan, [Stale.NOT_BEGUN.value])
    plan.refresh_from_db()


@transaction.atomic
def plan_anew(plan: Plan, *, by: User, now: datetime) -> Plan:
    """A plan of what this one was for, the change of its rule included. What was for a rule that changed or was
    removed since is for the rules as they are now."""
    rule = plan.rule
    if plan.draft is None or rule is None or rule.removed_at or rule.changed_at > plan.made_at:
        return request_plan(plan.connection, by=by, now=now)
    return request_plan(
        plan.connection, by=by, now=now, purpose=Plan.Purpose.RULE, rule=rule, draft=plan.draft
    )


def forget_old(*, now: datetime) -> int:
    """Plans nobody applied are kept two days, runs with theirs 180. Answers how many rows went."""
    unused = Plan.objects.filter(made_at__lt=now - KEPT_UNUSED).exclude(state__in=(State.TAKEN, State.STALE))
    old = Plan.objects.filter(made_at__lt=now - KEPT).exclude(run__state__in=("running", "paused_by_guard"))
    return unused.delete()[0] + old.delete()[0]


def forget_erased() -> int:
    """What plans told of members who were erased since, and of people who were forgotten before they were members:
    their values go, the counts stay. Answers how many items."""
    nobody = Q(member__erased_at__isnull=False) | Q(member=None, person=None)
    return PlanItem.objects.filter(nobody).exclude(facts={}).update(facts={})
