"""Following a directory by itself: after each reading, what its rules ask for is planned and done.

Where the unit wants to look first, the plan waits. Where the guard held somebody back, a new reading with the same
result changes nothing, and one with another result overtakes the run that waits.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from connections import directories
from connections.models import Connection, DirectoryReading
from connections.states import State as ConnectionState
from orgunits.models import OrganizationalUnit

from . import offboarding, plans, rules, runs
from .fingerprint import fingerprint
from .guard import why_blocked
from .models import DirectoryPolicy, Plan, ProvisioningRule, ProvisioningRun


def due(*, now: datetime) -> QuerySet[Connection]:
    """Directories with rules whose last reading came to its end after they were last looked at."""
    rows = Connection.objects.directories().filter(
        state=ConnectionState.ACTIVE, unit__state=OrganizationalUnit.State.ACTIVE
    )
    rows = rows.filter(Exists(ProvisioningRule.objects.filter(connection=OuterRef("pk"))))
    read = Max(
        "directory_readings__finished_at",
        filter=Q(directory_readings__state=DirectoryReading.State.COMPLETE),
    )
    return rows.annotate(read_at=read).filter(
        Q(policy__looked_at=None, read_at__isnull=False) | Q(read_at__gt=F("policy__looked_at"))
    )


def look(connection: Connection, *, now: datetime) -> ProvisioningRun | None:
    """See whether there is something to do, and begin it. Done twice, the second finds nothing new.

    Answers the run that began, if one did.
    """
    offboarding.follow(now=now)  # who was had back by hand just now is kept
    policy, waiting = rules.policy_of(connection), plans.open_run(connection)
    until = _read_until(connection) or now  # a reading that ends while this one thinks has a look of its own
    if waiting is not None and waiting.state == ProvisioningRun.State.RUNNING:
        return None  # its end is looked at again with the next minute
    mark = _mark(connection, policy, now=now)
    if mark == policy.inputs:
        _looked(policy, until=until)
        return None
    plan = Plan(
        unit_id=connection.unit_id, connection=connection, purpose=Plan.Purpose.SCHEDULED, made_at=now, state_since=now
    )  # fmt: skip
    thought = plans.think(plan, now=now)
    deeds = list(thought.planned.to_do())
    if not deeds:
        if waiting is not None and not thought.planned.incomplete:  # else nobody knows who is left
            runs.cancel(waiting, by=None, now=now, reason="nothing_left")
        _looked(
            policy, until=until, inputs=thought.inputs, scope=thought.reading.asked if thought.reading else ""
        )
        return None
    if waiting is not None:
        same = thought.verdict.digest == waiting.plan.candidates_digest
        if same and thought.verdict.candidates == len(deeds):
            _looked(policy, until=until)
            return None
        runs.cancel(waiting, by=None, now=now, reason="overtaken")
    return _begin(plan, thought, policy, until=until, now=now)


@transaction.atomic
def _begin(
    plan: Plan, thought: plans.Thought, policy: DirectoryPolicy, *, until: datetime, now: datetime
) -> ProvisioningRun | None:
    _looked(policy, until=until)
    if not plans.store_scheduled(plan, thought, now=now):
        return None  # the same plan waits already
    return None if policy.ask_first else plans.apply_plan(plan, by=None, now=now)


def _mark(connection: Connection, policy: DirectoryPolicy, *, now: datetime) -> str:
    facts = plans.reading_facts(connection, directories.last_complete(connection), policy)
    return fingerprint(connection, today=now.date(), incomplete=bool(why_blocked(facts)))


def _read_until(connection: Connection) -> datetime | None:
    """When the last reading came to its end, by its own clock: that of its job's beginning."""
    rows = connection.directory_readings.filter(state=DirectoryReading.State.COMPLETE)
    return rows.aggregate(until=Max("finished_at"))["until"]


def _looked(policy: DirectoryPolicy, *, until: datetime, **changes) -> None:
    DirectoryPolicy.objects.filter(pk=policy.pk).update(looked_at=until, **changes)
