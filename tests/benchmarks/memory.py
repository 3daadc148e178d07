"""How much memory reading takes: ten times the rows against one time (P15), and a worker after 1,000 jobs (P16)."""

import time
from contextlib import suppress
from datetime import timedelta

import psutil
from django.conf import settings
from django.utils import timezone
from django_q.models import OrmQ, Task
from django_q.tasks import async_task

from config.schedules import TIMETABLE
from connections import jobs, mailboxes
from connections.models import BusyPeriod, CalendarConnection, Mailbox
from tests.benchmarks import processes
from tests.benchmarks.companies import add_people_of_google, connected_unit
from tests.benchmarks.measure import Figure, figures

FEW, TIMES = 30, 10  # mailboxes of about 160 events each
JOBS, SLICES, LONGEST = 1_000, 100, 600  # seconds, on a machine that does much else
MIB = 2**20


@figures("sync.memory")
def reading() -> list[Figure]:
    """By how much a process grows that does the jobs of a first reading."""
    with processes.sandbox() as server:
        connection = connected_unit("Memory", server, people=0)
        few, few_rows = _growth(connection, FEW)
        many, many_rows = _growth(connection, FEW * TIMES)
    if many_rows < 0.9 * TIMES * few_rows:
        raise AssertionError(f"{few_rows} rows, then {many_rows}")
    return [Figure("sync.memory", many / few, f"x the memory for {TIMES} x the rows", "<=", 1.5)]


def _growth(connection: CalendarConnection, people: int) -> tuple[int, int]:
    """Bytes, and how many rows were stored for so many further people."""
    rows = BusyPeriod.objects.count()
    add_people_of_google(connection.unit, people)
    mailboxes.assign(connection.unit, now=timezone.now())
    with processes.running("tests.benchmarks.reader", str(connection.pk)) as reader:
        growth = int(reader.communicate()[0])
    if left := connection.mailboxes.exclude(state=Mailbox.State.SYNCED).count():
        raise AssertionError(f"{left} were not read")
    return growth, BusyPeriod.objects.count() - rows


@figures("worker.memory")
def worker() -> list[Figure]:
    """The largest process that the cluster ever has: a first reading, then polls and the minute's jobs."""
    OrmQ.objects.all().delete()
    Task.objects.all().delete()
    with processes.sandbox() as server:
        connection = connected_unit("Worker", server, people=2 * settings.SYNC_SLICE)
        generous = {"GOOGLE_REQUESTS_PER_MINUTE": "1000000"}  # some hours' jobs run in a minute
        with processes.cluster(**generous) as cluster:
            jobs.enqueue_start_reading(connection)
            largest = _largest_while_busy(cluster)
            began = timezone.now()
            _enqueue_some_hours(connection)
            largest = max(largest, _largest_while_busy(cluster))
    read = connection.mailboxes.filter(state=Mailbox.State.SYNCED, last_attempt_at__gt=began)
    if Task.objects.filter(success=False).exists() or read.count() != 2 * settings.SYNC_SLICE:
        raise AssertionError("a job failed, or read nothing")
    return [Figure("worker.memory", largest / MIB, f"MiB after {JOBS:,} jobs", "<=", 250)]


def _enqueue_some_hours(connection: CalendarConnection) -> None:
    """Readings of full slices in which nothing has changed, among the jobs of each minute."""
    boxes = list(connection.mailboxes.order_by("pk").values_list("pk", flat=True))
    slices = [boxes[: settings.SYNC_SLICE], boxes[settings.SYNC_SLICE :]]
    every_minute = [entry.job for entry in TIMETABLE if entry.cron == "* * * * *"]
    later = timezone.now() + timedelta(days=1)  # or else whoever was read meanwhile would be left alone
    for number in range(JOBS):
        if number % (JOBS // SLICES) == 0:
            jobs.enqueue_slice(connection, slices[number // (JOBS // SLICES) % 2], now=later)
        else:
            async_task(every_minute[number % len(every_minute)])


def _largest_while_busy(cluster: psutil.Popen) -> int:
    """The most bytes that any process of the cluster is seen to hold until the queue is empty."""
    largest, until = 0, time.monotonic() + LONGEST
    while OrmQ.objects.exists():
        if time.monotonic() > until:
            raise AssertionError(f"{OrmQ.objects.count()} tasks were not done in {LONGEST} s")
        for process in cluster.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # recycled meanwhile
                largest = max(largest, process.memory_info().rss)
        time.sleep(0.05)
    return largest


BENCHMARKS = [reading, worker]
