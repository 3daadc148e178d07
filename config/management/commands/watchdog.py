"""The worker's keeper: runs `qcluster` and restarts it when it stops taking tasks.

django-q2 hangs for good when an idle worker dies suddenly while it holds the lock of the queue (out of memory,
kill -9), and when its whole process group receives SIGTERM at once, which is what process managers send. The
task of a busy worker that dies waits until `retry` is over. So the cluster runs in a session of its own, only its
main process is signalled, and somebody looks whether its processes live and due tasks are taken. Nothing stands
still for longer than a minute.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta

import psutil
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections
from django.db.models import QuerySet
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

LOOK_SECONDS = 5
PATIENCE_SECONDS = settings.Q_CLUSTER["timeout"] + 15  # the longest that healthy workers can all be busy
IDLE_PATIENCE_SECONDS = 25  # where a worker has nothing to do and still takes nothing
# What healthy workers hold when they are all busy: one task each, and those fetched ahead.
ALL_BUSY = settings.Q_CLUSTER["workers"] + settings.Q_CLUSTER["queue_limit"]
GRACE_SECONDS = 4  # honcho kills after 5
ROWS = 1000  # due tasks looked at


class Command(BaseCommand):
    help = "Runs the worker (qcluster) and restarts it when it ends or stops taking tasks."

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--patience",
            type=int,
            default=PATIENCE_SECONDS,
            metavar="SECONDS",
            help="How long due tasks may wait while none is taken.",
        )

    def handle(self, *, patience: int, **options) -> None:
        self.patience = patience
        self.ending = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.ending.set())
        while not self.ending.is_set():
            started = time.monotonic()
            cluster = start_cluster()
            reason = self.watch(cluster)
            end_cluster(cluster)
            if reason:
                self.stderr.write(f"watchdog: restarting the worker: {reason}")
                self.give_back()
                # a cluster that cannot start must not be restarted in a tight loop
                self.ending.wait(0 if time.monotonic() - started > self.patience else 3)

    def watch(self, cluster: subprocess.Popen) -> str:
        """Return why the cluster must be restarted; empty when this process was told to end."""
        waiting, since = set(), time.monotonic()
        seen: set[psutil.Process] = set()
        while not self.ending.wait(LOOK_SECONDS):
            if cluster.poll() is not None:
                return f"it ended with code {cluster.returncode}"
            there = at_work(cluster)
            if (
                seen - there
            ):  # it may have died with the lock of the queue, and its task would wait for `retry`
                return "one of its processes died"
            seen |= there
            try:
                close_old_connections()
                due, busy = due_tasks(), taken().count() >= ALL_BUSY
                if not due:
                    async_task(
                        "builtins.int", save=False
                    )  # a hang shows only when there is something to take
            except DatabaseError as error:
                self.stderr.write(f"watchdog: the database does not answer: {error}")
                waiting, since = set(), time.monotonic()
                continue
            if not due or waiting - due:  # nothing waits, or something that waited was taken
                waiting, since = due, time.monotonic()
            elif time.monotonic() - since > (patience := self.patience_with(busy=busy)):
                return f"{len(due)} tasks are due and none was taken for {patience} s"
        return ""

    def give_back(self) -> None:
        """What the ended cluster had taken is due again, also what other clusters work on: tasks may run twice."""
        try:
            close_old_connections()
            taken().update(lock=timezone.now())
        except DatabaseError as error:  # then they are due when `retry` is over
            self.stderr.write(f"watchdog: the database does not answer: {error}")

    def patience_with(self, *, busy: bool) -> int:
        """How long due tasks may wait: briefly, unless every worker has something to do."""
        return self.patience if busy else min(self.patience, IDLE_PATIENCE_SECONDS)


def at_work(cluster: subprocess.Popen) -> set[psutil.Process]:
    """The cluster's processes that do the work: workers, and those that fetch tasks and keep results."""
    try:
        below = psutil.Process(cluster.pid).children(recursive=True)
        return {process for process in below if process.is_running() and not process.children()}
    except psutil.NoSuchProcess:
        return set()


def taken() -> QuerySet[OrmQ]:
    """Tasks in work: one that is taken is locked for `retry` seconds, what is to be done a little later for less."""
    until = timezone.now() + timedelta(seconds=settings.Q_CLUSTER["retry"] - PATIENCE_SECONDS)
    return OrmQ.objects.filter(key=settings.Q_CLUSTER["name"], lock__gt=until)


def due_tasks() -> set[tuple]:
    """The tasks that could be taken now; taking one changes its `lock`."""
    rows = OrmQ.objects.filter(key=settings.Q_CLUSTER["name"], lock__lt=timezone.now())
    return set(rows.order_by("pk").values_list("pk", "lock")[:ROWS])


def start_cluster() -> subprocess.Popen:
    """Start `qcluster` in a session of its own; it is told to end when this process dies, however it dies."""
    return subprocess.Popen(
        [sys.executable, settings.BASE_DIR / "manage.py", "qcluster"],
        start_new_session=True,
        preexec_fn=_end_with_parent,
    )


def end_cluster(cluster: subprocess.Popen) -> None:
    """End its main process, which ends the workers; what is left after the grace is killed."""
    cluster.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        cluster.wait(GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(cluster.pid, signal.SIGKILL)
    cluster.wait()


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG, see prctl(2)
