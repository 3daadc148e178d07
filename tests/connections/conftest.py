"""Every call the portal makes in these tests is held against the contracts, on the wire."""

import pytest
import requests

from connections.providers.http import ProviderSession
from tests.connections.scene import Scene
from tests.contracts import Contracts

BEYOND = "/oauth2/v3/certs", "/discovery/v2.0/keys"  # published signing keys: in no contract file


@pytest.fixture(autouse=True)
def calls_keep_to_the_contracts(monkeypatch):
    """Looks at each exchange after it took place; the first one that breaks a contract fails the test."""
    contracts, problems = Contracts.load(), []
    send = requests.Session.send

    def looked_at(session, request, **kwargs):
        answer = send(session, request, **kwargs)
        if isinstance(session, ProviderSession) and not request.url.split("?")[0].endswith(BEYOND):
            content_type = request.headers.get("Content-Type", "application/json")
            found = contracts.request_problems(request.method, request.url, request.body, content_type)
            problems.extend(f"{request.method} {request.url}: {problem}" for problem in found)
        return answer

    monkeypatch.setattr(requests.Session, "send", looked_at)
    yield
    assert problems == []


@pytest.fixture
def scene(providers, request) -> Scene:
    """One member, read once in the mode that `in_modes` names."""
    scene = Scene(providers, *request.param)
    scene.read()
    assert scene.is_true()
    return scene
