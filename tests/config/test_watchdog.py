"""`manage.py watchdog`, with a real worker: it notices that tasks are not taken, and ends everything it started."""

import os
import signal
import subprocess
import sys
import time
from urllib.parse import quote

import psutil
import pytest
from django.conf import settings
from django_q.models import OrmQ
from django_q.tasks import async_task

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def watchdog(tmp_path):
    """The watchdog on this test's database, impatient; its messages go to `said`."""
    database = settings.DATABASES["default"]
    url = f"postgresql://{database['USER']}:{quote(database['PASSWORD'])}@/{database['NAME']}"
    with open(tmp_path / "said", "w") as said:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "watchdog", "--patience", "3"],
            cwd=settings.BASE_DIR,
            env=os.environ | {"DATABASE_URL": f"{url}?host={quote(database['HOST'])}"},
            stderr=said,
        )
    yield process
    process.terminate()
    process.wait(10)


def eventually(condition, seconds: int = 20):
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


def test_a_worker_that_takes_nothing_is_replaced(watchdog, tmp_path):
    first = eventually(lambda: cluster_of(watchdog))
    for process in [first, *first.children(recursive=True)]:
        process.suspend()  # alive and idle for ever, as after the sudden death of a worker
    async_task("pathlib.Path.touch", tmp_path / "done")

    eventually((tmp_path / "done").exists, seconds=40)

    assert not first.is_running()
    assert "restarting the worker" in (tmp_path / "said").read_text()
    eventually(lambda: not OrmQ.objects.exists())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_worker_is_left_when_the_watchdog_ends(watchdog, number):
    cluster = eventually(lambda: cluster_of(watchdog))
    started = [cluster, *cluster.children(recursive=True)]

    watchdog.send_signal(number)

    watchdog.wait(10)
    _, left = psutil.wait_procs(started, timeout=10)
    assert left == []
