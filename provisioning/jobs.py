"""What happens when nobody waits: thin, ids only, each may run twice."""

from django.utils import timezone
from django_q.tasks import async_task


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


def _enqueue(unit_id: int) -> None:
    async_task("provisioning.jobs.erase_unit", unit_id, task_name=f"erase unit {unit_id}")
