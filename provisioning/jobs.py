"""What happens when nobody waits: thin, ids only, each may run twice."""

from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from .models import Plan, ProvisioningRun


def erase_overdue_units() -> None:
    """Every night: units whose time to be restored is over."""
    from .erasing import overdue

    for pk in overdue(now=timezone.now()):
        _enqueue(pk)


def erase_unit(unit_id: int) -> None:
    """A part of the erasing of one unit, and the next part as long as there is one."""
    from .erasing import erase

    if not erase(unit_id, now=timezone.now()):
        _enqueue(unit_id)


def end_offboardings() -> None:
    """Every night, slice by slice: people who left, whose days of grace are over."""
    from . import notices, offboarding

    now = timezone.now()
    notices.forget_old(now=now)
    if offboarding.end_overdue(now=now, most=offboarding.SLICE) == offboarding.SLICE:
        async_task("provisioning.jobs.end_offboardings", task_name="end offboardings, next slice")
    else:
        offboarding.forget_traces()


def follow_leavers() -> None:
    """Every minute: offboardings whose member was reinstated or erased on another page."""
    from . import offboarding

    offboarding.follow(now=timezone.now())


def tell_ops_admins() -> None:
    """Every minute: runs that were paused by the guard, and mail that the server did not take."""
    from . import notices

    now = timezone.now()
    notices.tell_paused(now=now)
    for pk in notices.due(now=now):
        async_task("provisioning.jobs.send_notice", pk, task_name=f"send notice of a run {pk}")


def send_notice(notice_id: int) -> None:
    from . import notices

    notices.send(notice_id, now=timezone.now())


def _enqueue(unit_id: int) -> None:
    async_task("provisioning.jobs.erase_unit", unit_id, task_name=f"erase unit {unit_id}")


# --- plans and runs -----------------------------------------------------------------------------------------------
def _plan_name(plan: Plan) -> str:
    return f"plan {plan.public_id}"


def enqueue_plan(plan: Plan) -> None:
    async_task("provisioning.jobs.make_plan", plan.pk, task_name=_plan_name(plan))


def make_plan(plan_id: int) -> None:
    """Make the plan, unless it is made or discarded already."""
    from . import plans

    plan = (
        Plan.objects.select_related("unit", "connection__unit", "rule", "made_by").filter(pk=plan_id).first()
    )
    if plan is not None:
        plans.make(plan, now=timezone.now())


def _run_name(run: ProvisioningRun) -> str:
    return f"run {run.public_id}"


def enqueue_run(run: ProvisioningRun) -> None:
    async_task("provisioning.jobs.go_on_with_run", run.pk, task_name=_run_name(run))


def go_on_with_run(run_id: int) -> None:
    """A part of a run; the last thing it does is to ask for the next part."""
    from . import runs

    rows = ProvisioningRun.objects.select_related(
        "unit",
        "started_by",
        "connection__unit",
        "plan__unit",
        "plan__rule",
        "plan__reading",
        "plan__connection__unit",
    )
    run = rows.filter(pk=run_id).first()
    if run is not None and runs.go_on(run, now=timezone.now()):
        enqueue_run(run)


def go_on() -> None:
    """Every few minutes: plans and runs whose job was given up after its last attempt."""
    waiting = {task.name() for task in OrmQ.objects.all()[:2000]}
    for plan in Plan.objects.filter(state=Plan.State.MAKING):
        if _plan_name(plan) not in waiting:
            enqueue_plan(plan)
    for run in ProvisioningRun.objects.filter(state=ProvisioningRun.State.RUNNING):
        if _run_name(run) not in waiting:
            enqueue_run(run)


def follow_directories() -> None:
    """Every minute: directories that were read since they were last looked at."""
    from .following import due

    for connection in due(now=timezone.now()):
        async_task(
            "provisioning.jobs.follow_directory", connection.pk, task_name=f"follow {connection.public_id}"
        )


def follow_directory(connection_id: int) -> None:
    """See what is to be done, unless somebody did so since this was enqueued."""
    from . import following

    now = timezone.now()
    connection = following.due(now=now).select_related("unit").filter(pk=connection_id).first()
    if connection is not None:
        following.look(connection, now=now)


def send_welcomes() -> None:
    """Every minute: mails to people whom a rule brought, once their day has come."""
    from . import welcome

    welcome.send_due(now=timezone.now())


def forget() -> None:
    """Every night: plans and runs of long ago, and what they told of erased members."""
    from . import plans

    plans.forget_old(now=timezone.now())
    plans.forget_erased()
