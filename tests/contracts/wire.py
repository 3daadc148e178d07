"""Every call the portal makes in a test, held against the contracts on the wire."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from connections.providers.http import ProviderSession

from .check import Contracts

BEYOND = "/oauth2/v3/certs", "/discovery/v2.0/keys"  # published signing keys: in no contract file


@contextmanager
def kept_to_the_contracts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Looks at each exchange after it took place; the first one that breaks a contract fails the test.

    It patches by the fixture with which a test patches the same method, so that one takes back both, in
    their order.
    """
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
