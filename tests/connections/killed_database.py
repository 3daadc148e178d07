"""A first sync whose database is killed in the middle: a program of its own, because the database is.

Run by tests/connections/test_attack_database.py with the environment of a test worker and a database of its own;
prints what it found as JSON.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import django

PEOPLE = 30
PATIENCE = 120  # seconds


def main() -> None:
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    found = scene(settings.BASE_DIR / "var" / os.environ["EMBEDDED_POSTGRES"])
    print(json.dumps(found))  # noqa: T201 the answer to the test


def kill_database(home: Path) -> None:
    """`kill -9` of PostgreSQL's main process; its keeper starts it again."""
    number = (home / "data" / "18" / "postmaster.pid").read_text().split()[0]
    os.kill(int(number), signal.SIGKILL)


def scene(home: Path) -> dict:
    from urllib.parse import urlsplit

    from django.conf import settings
    from django.db import connection as database
    from django.utils import timezone

    from connections.models import Mailbox, MemberCalendar
    from tests.builders import make_members
    from tests.connecting import connect
    from tests.connections.independent_reader import people_of
    from tests.connections.reading import read_everything_anew, stored
    from tests.people import make_company
    from tests.providers.sandbox.server import SandboxServer

    providers = SandboxServer(Path(settings.SANDBOX_HOME), urlsplit(settings.SANDBOX_URL).port)
    company = make_company()
    people = [person["email"] for person in people_of("kube.example")[:PEOPLE]]
    members = make_members(company.unit, people)
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    providers.control("POST", "latency", ms=60)
    boxes = Mailbox.objects.filter(member__in=members)

    def synced() -> int:
        return patiently(boxes.filter(state="synced").count)

    worker = subprocess.Popen(
        [sys.executable, "manage.py", "watchdog", "--patience", "5"],
        env=os.environ | {"SYNC_SLICE": "10", "SYNC_THREADS": "2"},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: synced() > 0)
        kill_database(home)
        middle = synced()
        wait_until(lambda: synced() == PEOPLE)
    finally:
        worker.terminate()
        worker.wait(15)
    database.close()
    providers.control("POST", "latency", ms=0)
    found = {member.pk: stored(member) for member in members}
    tokens = MemberCalendar.objects.filter(counts=True, feed_token="").count()
    read_everything_anew(connection, members, now=timezone.now())
    again = {member.pk: stored(member) for member in members}
    return {
        "middle": middle,
        "states": sorted(set(boxes.values_list("state", flat=True))),
        "without_token": tokens,
        "busy_somewhere": any(found.values()),
        "as_undisturbed": found == again,
    }


def patiently(question):
    """The answer, as soon as the database is there to give one."""
    from django.db import DatabaseError, close_old_connections

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            close_old_connections()
            return question()
        except DatabaseError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def wait_until(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
