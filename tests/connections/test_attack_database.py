"""The database dies in the middle of a first sync, as by `kill -9`: the end is the same as undisturbed."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from django.conf import settings

OURS = ("SANDBOX_URL", "SANDBOX_HOME", "GOOGLE_SERVICE_ACCOUNT_FILE", "DNS_SERVER", "PROVIDER_CALL_LOG")


@pytest.fixture
def database_of_its_own():
    """The name of an embedded PostgreSQL that nobody else uses."""
    name = f"test-killed-{os.getpid()}"
    yield name
    shutil.rmtree(settings.BASE_DIR / "var" / name, ignore_errors=True)


def test_a_database_that_dies_in_the_first_sync_leaves_nobody_unread(providers, database_of_its_own):
    done = subprocess.run(
        [sys.executable, "-m", "tests.connections.killed_database"],
        cwd=settings.BASE_DIR,
        env={name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        | {name: str(getattr(settings, name)) for name in OURS}
        | {"DJANGO_SETTINGS_MODULE": "tests.impatient_settings", "EMBEDDED_POSTGRES": database_of_its_own},
        capture_output=True,
        text=True,
        timeout=400,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("middle") < 30
    assert found == {
        "states": ["synced"],
        "without_token": 0,
        "busy_somewhere": True,
        "as_undisturbed": True,
    }
