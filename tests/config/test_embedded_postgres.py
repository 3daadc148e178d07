"""The embedded PostgreSQL, with real processes: it is there for everybody and gone after the last."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

PORTAL = Path(__file__).resolve().parents[2]
USER = """
import sys
from pathlib import Path
from config.embedded_postgres import database
print(database(Path(sys.argv[1]), fsync=False)["HOST"], flush=True)
sys.stdin.read()
"""


class User:
    """A process that uses the server until it is told to end."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, home],
            cwd=PORTAL,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "User":
        return self

    def __exit__(self, *_) -> None:
        self.end(signal.SIGKILL)

    def connect(self) -> psycopg.Connection:
        """Connect as soon as the server is there."""
        self.host = getattr(self, "host", None) or self.process.stdout.readline().strip()
        return psycopg.connect(host=self.host, user="postgres", dbname="convoke", autocommit=True)

    def end(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.communicate()


def process_left(home: Path) -> bool:
    """Whether a keeper or a server process holds its lock."""
    for name in ("keeper", "server"):
        with open(home / name, "a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return False


def assert_gone(home: Path) -> None:
    deadline = time.monotonic() + 10
    while process_left(home):
        assert time.monotonic() < deadline, "the server still runs"
        time.sleep(0.1)


@pytest.fixture
def home(tmp_path):
    # tmp_path cannot be reached by `nobody`, whom the server runs as when the tests run as root
    folder = tmp_path / "a name, with space" / "postgres"
    yield folder
    assert_gone(folder)


def test_two_processes_share_one_server_until_the_second_ends(home):
    with User(home) as first, User(home) as second:
        first.connect().execute("CREATE TABLE note AS SELECT 'kept' AS text")
        assert second.connect().execute("SELECT text FROM note").fetchone() == ("kept",)

        first.end(signal.SIGTERM)
        time.sleep(1)
        assert second.connect().execute("SELECT text FROM note").fetchone() == ("kept",)

    assert_gone(home)
    with User(home) as later:
        assert later.connect().execute("SELECT text FROM note").fetchone() == ("kept",)


def test_names_sort_the_same_on_every_machine(home):
    with User(home) as user:
        row = user.connect().execute(
            "SELECT current_setting('timezone'), current_setting('jit'), datlocprovider, datlocale"
            " FROM pg_database WHERE datname = 'convoke'"
        )
        assert row.fetchone() == ("UTC", "off", "b", "C.UTF-8")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_server_is_left_however_its_user_ends(home, number):
    with User(home) as user:
        user.connect()
        user.end(number)
        assert_gone(home)


def test_a_server_that_was_killed_comes_back(home):
    with User(home) as user:
        user.connect()
        os.kill(int((home / "data" / "18" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            time.sleep(0.2)
            with contextlib.suppress(psycopg.OperationalError):
                user.connect().execute("SELECT 1")
                return
        pytest.fail("the server did not come back")


def test_a_creation_that_was_interrupted_is_begun_anew(home):
    half_made = home / "data" / "new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")

    with User(home) as user:
        assert user.connect().execute("SELECT 1").fetchone() == (1,)


def test_what_rows_hold_is_not_logged(home):
    with User(home) as user:
        connection = user.connect()
        connection.execute("CREATE TABLE person (email text UNIQUE)")
        connection.execute("INSERT INTO person VALUES ('canary@example.com')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO person VALUES ('canary@example.com')")

    log = (home / "log").read_text()
    assert "duplicate key" in log
    assert "canary" not in log
