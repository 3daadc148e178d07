"""Start the provider sandbox: `python -m connections.sandbox --port 8900 --home var/sandbox`.

`python -m connections.sandbox keys --home DIR` only makes sure the service-account files exist.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.http import wsgi

from . import keys, mail_server, name_server
from .app import create_app

THREADS = 32


def save_when_told_to_end(worker: Any) -> None:
    """Write the state down at once when the worker is told to end; it may be killed a second later."""
    world = worker.app.callable.extensions["sandbox"]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        usual = signal.getsignal(number)

        def end(number: int, frame: FrameType | None, usual: Any = usual) -> None:
            world.save()
            if callable(usual):
                usual(number, frame)

        signal.signal(number, end)


class Answer(wsgi.Response):
    """gunicorn's answer with the `Date` the application gave it, which gunicorn itself would leave out."""

    date: str | None = None

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        super().process_headers(headers)
        self.date = dict(headers).get("Date")

    def default_headers(self) -> list[str]:
        lines = super().default_headers()
        if self.date is None:
            return lines
        return [f"Date: {self.date}\r\n" if line.startswith("Date:") else line for line in lines]


class Server(BaseApplication):
    """gunicorn with one process, so that there is one world, and threads."""

    def __init__(self, host: str, port: int, smtp_port: int, home: Path) -> None:
        self.host, self.port, self.smtp_port, self.home = host, port, smtp_port, home
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "keepalive": 75,
            "timeout": 120,
            "graceful_timeout": 1,
            "loglevel": "warning",
            "control_socket_disable": True,
            "limit_request_line": 8190,
            "post_worker_init": save_when_told_to_end,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        wsgi.Response = Answer
        app = create_app(self.home)
        name_server.serve(app.extensions["sandbox"], self.host, self.port)
        mail_server.serve(app.extensions["sandbox"], self.host, self.smtp_port)
        sys.stdout.write(f"Provider sandbox: http://{self.host}:{self.port}/ (state in {self.home})\n")
        sys.stdout.flush()
        return app


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m connections.sandbox", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("serve", "keys"), default="serve")
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--smtp-port", type=int, default=os.environ.get("SANDBOX_SMTP_PORT") or 8925)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--push-map", help="https://portal.example=http://localhost:8000")
    parser.add_argument("--home", type=Path, default=os.environ.get("SANDBOX_HOME"))
    given = parser.parse_args()
    if given.push_map is not None:
        os.environ["SANDBOX_PUSH_MAP"] = given.push_map
    home = Path(given.home or tempfile.mkdtemp(prefix="sandbox-")).resolve()
    home.mkdir(parents=True, exist_ok=True)
    accounts = keys.first_accounts(home)
    if given.what == "keys":
        for path in accounts:
            sys.stdout.write(f"{path}\n")
        return
    Server(given.host, given.port, given.smtp_port, home).run()


if __name__ == "__main__":
    main()
