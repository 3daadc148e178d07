"""Other processes that benchmarks need: the sandbox, and the portal's own on the benchmarks' database."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil
from django.conf import settings
from django.db import connection as database

from config.run import end_with_parent
from tests.providers.sandbox.server import SandboxServer

# Where the sandbox is and what it made: drawn by lot when this process read its settings.
OF_THE_SANDBOX = (
    "SANDBOX_URL", "SANDBOX_HOME", "GOOGLE_SERVICE_ACCOUNT_FILE", "DNS_SERVER", "PROVIDER_CALL_LOG",
)  # fmt: skip


@contextmanager
def sandbox() -> Iterator[SandboxServer]:
    """The sandbox that the portal's settings name."""
    server = SandboxServer(Path(settings.SANDBOX_HOME), urlsplit(settings.SANDBOX_URL).port)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def running(module: str, *arguments: str, **environment: str) -> Iterator[psutil.Popen]:
    """`python -m module arguments` on the benchmarks' database and sandbox, until the block ends."""
    process = psutil.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=settings.BASE_DIR,
        env=os.environ
        | {"DATABASE_URL": _database_url(), "DJANGO_SETTINGS_MODULE": "tests.settings"}
        | {name: str(getattr(settings, name)) for name in OF_THE_SANDBOX}
        | environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: end_with_parent(signal.SIGTERM),
    )
    try:
        yield process
    finally:
        with suppress(psutil.NoSuchProcess):  # it ended by itself
            process.terminate()
        process.wait(20)


def cluster(*, defaults: bool = False, **environment: str) -> AbstractContextManager[psutil.Popen]:
    """Workers on the benchmarks' queue; with our settings of django-q2, or with its defaults."""
    name = str(database.settings_dict["NAME"])
    return running("tests.benchmarks.cluster", name, str(int(defaults)), **environment)


def _database_url() -> str:
    there = database.settings_dict
    name, user, password, host = (
        quote(str(there[key]), safe="") for key in ("NAME", "USER", "PASSWORD", "HOST")
    )
    return f"postgresql://{user}:{password}@:{there['PORT']}/{name}?host={host}"
