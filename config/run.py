"""What `make run` starts: a sample installation of the portal on this machine, until Ctrl-C."""

import base64
import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from itertools import combinations
from pathlib import Path

import psutil

from config.embedded_postgres import database, release

HOME = Path(__file__).resolve().parent.parent
VAR = HOME / "var"
PORTS = {"PORT": 8000, "SANDBOX_PORT": 8900, "SANDBOX_SMTP_PORT": 8925}
PUBLIC_URL = "https://portal.example"  # providers take https only; the sandbox sends to this machine instead
HONCHO_SECONDS = 8  # it kills after five
ORPHAN_SECONDS = 6  # the watchdog takes up to four
ANSWER_SECONDS = 60  # until the portal answers its first request; two or three are usual


def main() -> None:
    on_signals(end)  # on SIGINT too: a background job of a shell script would ignore it
    end_with_parent(signal.SIGTERM)
    ports = {name: free_port(name, usual) for name, usual in PORTS.items()}
    refuse_the_same(ports)
    port = ports["PORT"]
    VAR.mkdir(exist_ok=True)
    os.environ.update(sample_settings(**ports) | dict(os.environ))
    with embedded_postgres():
        python("-m", "connections.sandbox", "keys", "--home", VAR / "sandbox", stdout=subprocess.DEVNULL)
        python("manage.py", "prepare")
        code = serve(os.environ["PORTAL_URL"], port)
    sys.exit(code)


def on_signals(handler: Callable | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def end(number: int, _frame: object) -> None:
    """Leave by way of every `finally`, undisturbed by a second signal."""
    on_signals(signal.SIG_IGN)
    sys.exit(128 + number)


def refuse_the_same(ports: dict[str, int]) -> None:
    """End the program when two servers would listen on one port."""
    for one, other in combinations(ports, 2):
        if ports[one] == ports[other]:
            sys.exit(f"{one} and {other} are both {ports[one]}. Set one of them to another port.")


def free_port(name: str, default: int) -> int:
    """The port that the environment variable `name` holds; ends the program when something listens there."""
    value = os.environ.get(name) or str(default)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        sys.exit(f"{name} must be a port number, not {value!r}.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            probe.bind(("127.0.0.1", int(value)))
        except OSError as error:
            sys.exit(
                f"Port {value} cannot be used: {error.strerror}. Set {name} to another one: make run {name}=…"
            )
    return int(value)


@contextlib.contextmanager
def embedded_postgres() -> Iterator[None]:
    """Keep it up between our commands, and see it gone at the end; nothing where DATABASE_URL names another."""
    if os.environ.get("DATABASE_URL"):
        yield
        return
    home = VAR / os.environ.get("EMBEDDED_POSTGRES", "postgres")
    database(home)
    try:
        yield
    finally:
        release(home)


def sample_settings(**ports: int) -> dict[str, str]:
    """The settings of a sample installation; what the environment says comes before them. See .env.example."""
    sandbox_port = ports["SANDBOX_PORT"]
    return {
        **{name: str(number) for name, number in ports.items()},
        "PORTAL_URL": f"http://localhost:{ports['PORT']}",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "SAMPLE_INSTALLATION": "1",
        "MFA_REQUIRED": "0",
        "SANDBOX_URL": f"http://localhost:{sandbox_port}",
        "PUBLIC_URL": PUBLIC_URL,
        "SANDBOX_PUSH_MAP": f"{PUBLIC_URL}=http://localhost:{ports['PORT']}",
        "DNS_SERVER": f"127.0.0.1:{sandbox_port}",
        "GOOGLE_SERVICE_ACCOUNT_FILE": str(VAR / "sandbox" / "service-accounts" / "installation.json"),
        "PROVIDER_CALL_LOG": str(VAR / "provider-calls.jsonl"),
        "EMBEDDED_POSTGRES": "sample-postgres",  # a real installation here finds var/postgres empty
        "PYTHONUNBUFFERED": "1",
        **own_secrets(VAR / "sample.env"),
    }


def own_secrets(file: Path) -> dict[str, str]:
    """The secrets of this sample installation, made at its first start."""
    if not file.exists():
        fernet_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        draft = file.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(f"SECRET_KEY={secrets.token_urlsafe(50)}\nENCRYPTION_KEYS={fernet_key}\n")
        draft.rename(file)
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if line)


def python(*arguments, stdout=None) -> None:
    """Run a Python program of ours to its end; ends this one too if it fails."""
    done = subprocess.run([sys.executable, *arguments], cwd=HOME, stdout=stdout)
    if done.returncode:
        sys.exit(f"`{' '.join(str(word) for word in arguments)}` failed; nothing was started.")


def serve(url: str, port: int) -> int:
    """Run what the Procfile names until one of them ends or we are told to end; the code to exit with."""
    adopt_orphans()
    before = set(psutil.Process().children())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    honcho = subprocess.Popen(
        # no env file: the environment is complete, and a .env beside us is for a real installation
        [sys.executable, "-m", "honcho", "--env", os.devnull, "start"],
        cwd=HOME,
        env=os.environ | {"PATH": path},
        start_new_session=True,  # Ctrl-C reaches us alone, and we tell honcho once
        preexec_fn=lambda: end_with_parent(signal.SIGTERM),
    )
    try:
        if wait_for_answer(honcho, port):
            print(f"\nConvoke is ready: {url}  (Ctrl-C ends it)", flush=True)
            print(f"Everybody's mail: {os.environ['SANDBOX_URL']}/mail/\n", flush=True)
        return honcho.wait()
    except SystemExit:  # from `end`
        honcho.terminate()
        return 0
    finally:
        on_signals(signal.SIG_IGN)
        try:
            honcho.wait(HONCHO_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(honcho.pid, signal.SIGKILL)
        end_orphans(set(psutil.Process().children()) - before)


def wait_for_answer(honcho: subprocess.Popen, port: int) -> bool:
    """Whether the portal answers; returns early when it ended."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while honcho.poll() is None and time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        with contextlib.closing(connection), contextlib.suppress(OSError, HTTPException):
            connection.request("GET", "/")
            connection.getresponse()
            return True
        time.sleep(0.1)
    return False


def end_orphans(orphans: set[psutil.Process]) -> None:
    """End what honcho left behind when it was killed, or stumbled over being told to end while it starts."""
    for process in orphans:
        process.terminate()
    _, stubborn = psutil.wait_procs(orphans, ORPHAN_SECONDS)
    for process in stubborn:
        for descendant in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                descendant.kill()


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent died (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER, see prctl(2)


def end_with_parent(number: int) -> None:
    """Have the kernel send this process the signal when its parent dies, however it dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, number)  # PR_SET_PDEATHSIG, see prctl(2)


if __name__ == "__main__":
    main()
