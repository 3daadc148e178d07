"""The provider sandbox as a real server process, for tests."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 20


def free_port() -> int:
    """A port nobody listens on, for TCP and UDP alike."""
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        return tcp.getsockname()[1]


class SandboxServer:
    """A running sandbox. `url` is its address without a slash at the end, `home` its folder."""

    def __init__(self, home: Path, port: int | None = None, smtp_port: int | None = None) -> None:
        self.home = home
        self.port = port or free_port()
        self.smtp_port = smtp_port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until it answers. Raises RuntimeError when it ends or takes too long."""
        command = [sys.executable, "-m", "connections.sandbox", "--port", str(self.port), "--home", self.home]
        command += ["--smtp-port", str(self.smtp_port)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"the sandbox ended with {self._process.returncode}")
            try:
                self.control("GET", "state")
            except requests.ConnectionError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("the sandbox did not answer in time")

    def stop(self) -> float:
        """End the process with SIGTERM; how many seconds that took."""
        assert self._process
        began = time.monotonic()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return time.monotonic() - began

    def host(self, name: str) -> str:
        """Where this real host is answered for."""
        return f"{self.url}/{name}"

    def control(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """One call of the control address; raises for an error answer."""
        answer = requests.request(method, f"{self.url}/control/{path}", json=body or None, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def mail_to(self, address: str) -> list[dict[str, Any]]:
        """The mail that came for this address, the oldest first."""
        return self.control("GET", f"mail?to={address}")["mail"]

    def fault(self, name: str, **params: Any) -> None:
        """Switch a fault on."""
        self.control("POST", "faults", fault=name, **params)
