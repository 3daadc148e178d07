"""`make run`, with real processes: it says what is in its way, and leaves nothing behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from config import run

PORTAL = Path(__file__).resolve().parents[2]


def start_and_fail(**environment: str) -> str:
    """Run it to its end; what it said. Nothing may have been started."""
    done = subprocess.run(
        [sys.executable, "-m", "config.run"],
        cwd=PORTAL,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr


def free_ports(count: int) -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.mark.parametrize("name", run.PORTS)
def test_a_taken_port_is_named_before_anything_starts(name):
    ports = dict(zip(run.PORTS, free_ports(3), strict=True))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports[name] = str(taken.getsockname()[1])

        said = start_and_fail(**ports)

    assert (
        said
        == f"Port {ports[name]} cannot be used: Address already in use. Set {name} to another one: make run {name}=…\n"
    )


@pytest.mark.parametrize("value", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_named(value):
    assert start_and_fail(PORT=value) == f"PORT must be a port number, not {value!r}.\n"


def test_two_servers_do_not_share_a_port():
    (port,) = free_ports(1)

    said = start_and_fail(PORT=port, SANDBOX_PORT=port)

    assert said == f"PORT and SANDBOX_PORT are both {port}. Set one of them to another port.\n"


def test_the_secrets_are_made_once_and_for_their_owner_only(tmp_path):
    file = tmp_path / "sample.env"

    first = run.own_secrets(file)

    assert first == run.own_secrets(file)
    assert set(first) == {"SECRET_KEY", "ENCRYPTION_KEYS"}
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.soak
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_portal_starts_twice_and_leaves_no_process_behind(tmp_path, number):
    """The second start is the one that has ten seconds; SIGINT goes to the whole group, as Ctrl-C does."""
    folder = copy_of_the_portal(tmp_path)
    ports = dict(zip(run.PORTS, free_ports(3), strict=True))
    port = ports["PORT"]

    for seconds in (300, 10):
        started = time.monotonic()
        portal = subprocess.Popen(
            ["make", "run"],
            cwd=folder,
            env=clean_environment() | ports,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        for line in portal.stdout:
            if "Convoke is ready" in line:
                break
        assert time.monotonic() - started < seconds
        assert urlopen(f"http://localhost:{port}/", timeout=10).status == 200

        if number == signal.SIGINT:
            os.killpg(portal.pid, number)
        else:
            portal.send_signal(number)
        portal.communicate(timeout=20)

        deadline = time.monotonic() + 15
        while left := processes_in(folder):
            assert time.monotonic() < deadline, left
            time.sleep(0.2)


def copy_of_the_portal(tmp_path: Path) -> Path:
    """Its files without `var`, so that nobody's sample installation is touched."""
    folder = tmp_path / "portal"
    listed = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=PORTAL, text=True
    )
    for name in listed.splitlines():
        if (PORTAL / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PORTAL / name, folder / name)
    for name in (".venv", "node_modules"):
        (folder / name).symlink_to(PORTAL / name)
    return folder


def clean_environment() -> dict[str, str]:
    """Without the settings of this test run."""
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def processes_in(folder: Path) -> list[str]:
    """What runs in this folder or on its database."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            if str(folder) in words or Path(process.cwd()).is_relative_to(folder):
                found.append(words)
        except psutil.Error:  # it ended meanwhile, or is somebody else's
            continue
    return found
