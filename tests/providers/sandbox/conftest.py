"""A sandbox server for the tests of this folder: one process for the session, as on the first day before each test."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.contracts.check import Contracts

START_SECONDS = 20


class Sandbox:
    """A running sandbox: its address, its control address, and checked calls to the providers it plays."""

    def __init__(self, port: int, home: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.home = home
        self.http = requests.Session()

    def address(self, real: str) -> str:
        """The address here of a provider's real one."""
        return real if real.startswith(self.url) else f"{self.url}/{real.removeprefix('https://')}"

    def control(self, method: str, path: str, **sent: Any) -> Any:
        """A call of the control address; keyword arguments are the JSON body."""
        answer = self.http.request(method, f"{self.url}/control/{path}", json=sent or None)
        assert answer.ok, answer.text
        return answer.json()

    def fault(self, name: str, **params: Any) -> None:
        """Switch a fault on until the end of the test."""
        self.control("POST", "faults", fault=name, **params)

    def call(self, method: str, real: str, *, checked: bool = True, **kwargs: Any) -> requests.Response:
        """Call a provider. Request and answer must keep to the contracts unless `checked` is False."""
        answer = self.http.request(method, self.address(real), allow_redirects=False, **kwargs)
        if checked:
            assert Contracts.load().problems(answer) == []
        return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def sandbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The process, started once."""
    home, port = tmp_path_factory.mktemp("sandbox"), free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "connections.sandbox", "--port", str(port), "--home", str(home)],
        stdout=subprocess.DEVNULL,
    )
    server = Sandbox(port, home)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            requests.get(f"{server.url}/control/state", timeout=2)
            break
        except requests.ConnectionError:
            assert process.poll() is None, "the sandbox ended at once"
            assert time.monotonic() < deadline, "the sandbox does not answer"
            time.sleep(0.05)
    yield server
    process.terminate()
    process.wait(10)


@pytest.fixture
def sandbox(sandbox_server: Sandbox) -> Sandbox:
    """The sandbox as on the first day."""
    sandbox_server.control("POST", "reset", all=True)
    return sandbox_server
