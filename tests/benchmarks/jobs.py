"""What one job costs (P12): our settings of django-q2 against its defaults, with real workers in this run."""

import time

from django.utils import timezone
from django_q.models import OrmQ, Task
from django_q.tasks import async_task

from tests.benchmarks import processes
from tests.benchmarks.measure import Figure, figures

TASKS, FEW_TASKS, LONGEST = 1_000, 100, 60
KEPT = 250  # successes, by default
TURNS = 3  # ours and theirs by turns: what else the machine does hits both


@figures("jobs.overhead")
def overhead() -> list[Figure]:
    """Tasks a second that do nothing: enqueued, taken, done and acknowledged."""
    ours = theirs = 0.0
    for _ in range(TURNS):
        ours = max(ours, _rate(TASKS, defaults=False))
        theirs = max(theirs, _rate(FEW_TASKS, defaults=True))
    return [Figure("jobs.overhead", ours / theirs, "x the rate of django-q2's defaults", ">=", 8)]


def _rate(number: int, *, defaults: bool) -> float:
    """Tasks a second that two workers get through; the first one is not counted, it waits for their start."""
    OrmQ.objects.all().delete()
    Task.objects.all().delete()
    if defaults:
        Task.objects.bulk_create(_successes())
    with processes.cluster(defaults=defaults):
        async_task("builtins.int")
        _wait_until_empty()
        OrmQ.objects.bulk_create(_rows(number))
        began = time.perf_counter()
        _wait_until_empty()
        return number / (time.perf_counter() - began)


def _successes() -> list[Task]:
    """What an installation with the defaults has kept after its first minutes; each result locks all of it."""
    now = timezone.now()
    common = {"name": "done", "func": "builtins.int", "started": now, "stopped": now, "success": True}
    return [Task(id=f"{n:032}", **common) for n in range(KEPT)]


def _rows(number: int) -> list[OrmQ]:
    """What `async_task` writes, written at once, so that enqueueing is not measured."""
    async_task("builtins.int")
    sample = OrmQ.objects.get()
    OrmQ.objects.all().delete()
    return [OrmQ(key=sample.key, payload=sample.payload, lock=sample.lock) for _ in range(number)]


def _wait_until_empty() -> None:
    until = time.monotonic() + LONGEST
    while OrmQ.objects.exists():
        if time.monotonic() > until:
            raise AssertionError(f"{OrmQ.objects.count()} tasks were not done in {LONGEST} s")
        time.sleep(0.02)


BENCHMARKS = [overhead]
