"""Processes of the portal on a test's own database, and how they die."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote

import psutil
from django.conf import settings

from config.run import end_with_parent


@contextmanager
def process(*arguments: str, **environment: str) -> Iterator[psutil.Popen]:
    """A process of the portal on this test's database and sandbox, in a session of its own."""
    database = settings.DATABASES["default"]
    url = f"postgresql://{database['USER']}:{quote(database['PASSWORD'])}@/{database['NAME']}"
    ours = ("SANDBOX_URL", "SANDBOX_HOME", "GOOGLE_SERVICE_ACCOUNT_FILE", "DNS_SERVER", "PROVIDER_CALL_LOG")
    started = psutil.Popen(
        [sys.executable, *arguments],
        cwd=settings.BASE_DIR,
        env=os.environ
        | {"DATABASE_URL": f"{url}?host={quote(database['HOST'])}"}
        | {name: str(getattr(settings, name)) for name in ours}
        | {"DJANGO_SETTINGS_MODULE": "tests.impatient_settings"}
        | environment,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: end_with_parent(signal.SIGTERM),
    )
    try:
        yield started
    finally:
        started.terminate()
        started.wait(10)


def eventually(condition: Callable, seconds: int = 90):
    """What `condition` returns as soon as that is something."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found


def kill(processes: list[psutil.Process]) -> None:
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            each.kill()


def cluster(watchdog: psutil.Popen) -> list[psutil.Process]:
    return watchdog.children(recursive=True)


def workers(watchdog: psutil.Popen) -> list[psutil.Process]:
    """Those that run jobs, with their helpers; not the two that look after them."""
    return [each for each in cluster(watchdog) if not each.children()]


def keeper(watchdog: psutil.Popen) -> list[psutil.Process]:
    """The one that looks after the workers, which live on."""
    (main,) = watchdog.children()
    return main.children()
