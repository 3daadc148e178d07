"""What went over the wire in a test: each call of the portal and its answer, held against the contracts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from connections.providers.http import ProviderSession
from tests.contracts import Contracts
from tests.contracts.check import real_address

BEYOND = "/oauth2/v3/certs", "/discovery/v2.0/keys"  # published signing keys: in no contract file


@dataclass(frozen=True)
class Exchange:
    """One call and its answer."""

    operation: str  # its id in the contracts; empty for published keys
    request: requests.PreparedRequest
    answer: requests.Response

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.request.url).query))

    @property
    def body(self) -> dict:
        """The JSON that was sent."""
        return json.loads(self.request.body)

    @property
    def form(self) -> dict[str, str]:
        """The form that was sent."""
        return dict(parse_qsl(self.request.body))

    def __str__(self) -> str:
        host, path, _query = real_address(self.request.url)
        return f"{self.request.method} {host}{path} {self.answer.status_code}"


class Wire:
    """All exchanges of a test, in their order. `answers_break` when a fault makes answers that keep no contract."""

    def __init__(self) -> None:
        self.contracts = Contracts.load()
        self.exchanges: list[Exchange] = []
        self.problems_of_requests: list[str] = []
        self.problems_of_answers: list[str] = []
        self.answers_break = False

    def look_at(self, request: requests.PreparedRequest, answer: requests.Response) -> None:
        """Keep one exchange and what is wrong with it."""
        if urlsplit(request.url).path.endswith(BEYOND):
            return
        operation = self.contracts.operation(request.method, request.url)
        exchange = Exchange(operation.id, request, answer)
        self.exchanges.append(exchange)
        kind = request.headers.get("Content-Type", "application/json")
        for problem in self.contracts.request_problems(request.method, request.url, request.body, kind):
            self.problems_of_requests.append(f"{exchange}: {problem}")
        for problem in self._problems_of(answer):
            self.problems_of_answers.append(f"{exchange}: {problem}")

    def _problems_of(self, answer: requests.Response) -> list[str]:
        kind, sent = answer.headers.get("Content-Type", ""), answer.request
        try:
            return self.contracts.response_problems(
                sent.method, sent.url, answer.status_code, answer.content, kind
            )
        except ValueError:  # half an answer
            return ["no JSON"]

    def of(self, operation: str) -> list[Exchange]:
        """The exchanges of this operation."""
        return [one for one in self.exchanges if one.operation == operation]

    def forget(self) -> None:
        """Look only at what comes from here on; what was wrong before stays wrong."""
        self.exchanges.clear()

    def hold(self) -> None:
        """Fail for what broke a contract, and for an announced break that never came."""
        assert not self.problems_of_requests, self.problems_of_requests
        if self.answers_break:
            assert self.problems_of_answers, "no answer broke a contract"
        else:
            assert not self.problems_of_answers, self.problems_of_answers


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """The wire while the portal speaks to the sandbox; fails at its end for a broken contract."""
    wire, send = Wire(), requests.Session.send

    def looked_at(session, request, **kwargs):
        answer = send(session, request, **kwargs)
        if isinstance(session, ProviderSession):
            wire.look_at(request, answer)
        return answer

    monkeypatch.setattr(requests.Session, "send", looked_at)
    yield wire
    wire.hold()


@pytest.fixture(autouse=True)
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """What the portal and the sandbox say to each other in this test."""
    with watched(monkeypatch) as wire:
        yield wire


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch, wire: Wire) -> dict[str, object]:
    """By the end of an address: what its answer holds instead. The contracts see the answer as it was sent."""
    bodies, send = {}, requests.Session.send

    def changed(session, request, **kwargs):
        answer = send(session, request, **kwargs)
        for ending, body in bodies.items():
            if request.url.split("?")[0].endswith(ending):
                answer._content = json.dumps(body).encode()
        return answer

    monkeypatch.setattr(requests.Session, "send", changed)
    return bodies
