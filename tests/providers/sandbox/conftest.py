"""One sandbox process for the whole folder; each test finds it without faults, grants and changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts import Contracts

from .google_client import GoogleClient
from .server import SandboxServer


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    server = SandboxServer(Path(tmp_path_factory.mktemp("sandbox")))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sandbox(sandbox_process: SandboxServer) -> SandboxServer:
    """The running sandbox, as on its first day."""
    sandbox_process.control("POST", "reset", all=True)
    return sandbox_process


@pytest.fixture
def contracts() -> Contracts:
    return Contracts.load()


@pytest.fixture
def google(sandbox: SandboxServer, contracts: Contracts) -> GoogleClient:
    """A caller with a service account that is delegated every scope the portal knows."""
    client = GoogleClient(sandbox, contracts)
    client.delegate()
    return client
