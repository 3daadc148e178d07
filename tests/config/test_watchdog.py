"""`manage.py watchdog`, with a real worker: it notices that tasks are not taken, and ends everything it started."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from urllib.parse import quote

import psutil
import pytest
from django.conf import settings
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from config.management.commands.watchdog import (
    ALL_BUSY,
    IDLE_PATIENCE_SECONDS,
    PATIENCE_SECONDS,
    Command,
    taken,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def patience(request) -> list[str]:
    """How patient it is, as arguments."""
    return getattr(request, "param", ["--patience", "3"])


@pytest.fixture
def watchdog(tmp_path, patience):
    """The watchdog on this test's database, impatient; its messages go to `said`."""
    database = settings.DATABASES["default"]
    url = f"postgresql://{database['USER']}:{quote(database['PASSWORD'])}@/{database['NAME']}"
    with open(tmp_path / "said", "w") as said:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "watchdog", *patience],
            cwd=settings.BASE_DIR,
            env=os.environ | {"DATABASE_URL": f"{url}?host={quote(database['HOST'])}"},
            stderr=said,
        )
    yield process
    process.terminate()
    process.wait(10)


def eventually(condition, seconds: int = 60):
    """What `condition` returns as soon as that is something."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
    return found


def cluster_of(watchdog) -> psutil.Process | None:
    """The main process of its qcluster, once its workers are there."""
    children = psutil.Process(watchdog.pid).children()
    return children[0] if children and len(children[0].children(recursive=True)) > 3 else None


def leaves_of(cluster: psutil.Process) -> list[psutil.Process]:
    """The processes that run jobs, with their helpers."""
    return [each for each in cluster.children(recursive=True) if not each.children()]


def test_a_worker_that_takes_nothing_is_replaced(watchdog, tmp_path):
    first = eventually(lambda: cluster_of(watchdog))
    for process in [first, *first.children(recursive=True)]:
        process.suspend()  # alive and idle for ever, as after the sudden death of a worker
    async_task("pathlib.Path.touch", tmp_path / "done")

    eventually((tmp_path / "done").exists, seconds=40)

    assert not first.is_running()
    assert "restarting the worker" in (tmp_path / "said").read_text()
    eventually(lambda: not OrmQ.objects.exists())


AS_IT_IS_RUN = pytest.mark.parametrize("patience", [[]], ids=["as it is run"], indirect=True)


@AS_IT_IS_RUN
def test_an_idle_worker_killed_by_9_stops_nothing_for_longer_than_a_minute(watchdog, tmp_path):
    for process in leaves_of(eventually(lambda: cluster_of(watchdog))):
        process.kill()
    killed = time.monotonic()
    time.sleep(1)  # its keeper may put another one in its place, which waits for a lock of the dead
    async_task("pathlib.Path.touch", tmp_path / "done")

    eventually((tmp_path / "done").exists, seconds=60)

    assert time.monotonic() - killed < 60


@AS_IT_IS_RUN
def test_the_task_of_a_worker_killed_by_9_is_begun_anew_within_a_minute(watchdog, tmp_path):
    eventually(lambda: cluster_of(watchdog))
    async_task("tests.config.lasting.once_for_ever", str(tmp_path / "begun"), str(tmp_path / "done"))
    worker = int(eventually(lambda: (tmp_path / "begun").exists() and (tmp_path / "begun").read_text()))
    time.sleep(6)  # the watchdog has seen it alive
    psutil.Process(worker).kill()

    eventually((tmp_path / "done").exists, seconds=60)


def test_patience_is_short_where_a_worker_is_idle_and_long_where_all_are_busy():
    look = Command()
    look.patience = PATIENCE_SECONDS
    for number in range(ALL_BUSY):
        OrmQ.objects.create(key="convoke", payload=f"{number}", lock=timezone.now() + timedelta(seconds=85))
    all_busy = taken().count() >= ALL_BUSY
    OrmQ.objects.first().delete()
    OrmQ.objects.create(key="convoke", payload="later", lock=timezone.now() + timedelta(seconds=5))

    assert (all_busy, taken().count() >= ALL_BUSY) == (True, False)
    assert look.patience_with(busy=True) == PATIENCE_SECONDS
    assert look.patience_with(busy=False) == IDLE_PATIENCE_SECONDS


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_worker_is_left_when_the_watchdog_ends(watchdog, number):
    cluster = eventually(lambda: cluster_of(watchdog))
    started = [cluster, *cluster.children(recursive=True)]

    watchdog.send_signal(number)

    watchdog.wait(10)
    _, left = psutil.wait_procs(started, timeout=10)
    assert left == []
