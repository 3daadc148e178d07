"""What tests of push share: a portal that providers can reach, and their messages, delivered when a test says so."""

import threading
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic, sleep

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from connections import push
from connections.models import BusyPeriod, CalendarConnection, Mailbox, PushChannel
from tests.builders import make_members
from tests.connecting import connect
from tests.connections.sandbox_calendar import SandboxCalendar
from tests.people import make_company
from tests.providers.sandbox.server import SandboxServer
from tests.worker import run_waiting_jobs

PUBLIC = "https://portal.example"
PEOPLE = {
    "google": ["lukas.martin38@kube.example", "pia.bauer11@kube.example"],
    "microsoft": ["lucas.hansen68@sigs.example", "paulo.dubois73@sigs.example"],
}
State = PushChannel.State
PATIENCE = 10  # seconds


@dataclass(frozen=True)
class Message:
    """One request of a provider to the portal, as it came over the wire."""

    path: str
    headers: dict[str, str]
    body: bytes

    def deliver(self) -> HttpResponse:
        """Give it to the portal."""
        kind = self.headers.get("Content-Type", "application/octet-stream")
        own = {name: value for name, value in self.headers.items() if name.startswith("X-Goog-")}
        return Client().generic("POST", self.path, self.body, content_type=kind, headers=own)


class Letterbox:
    """Stands at the portal's public address. Handshakes are answered by the portal at once; messages are kept."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        box = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = HttpResponse(status=202)
                if "validationToken" in self.path:
                    answer = Client().generic("POST", self.path, body, content_type="text/plain")
                else:
                    box.messages.append(Message(self.path, dict(self.headers), body))
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "text/plain"))
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def wait_for(self, number: int) -> list[Message]:
        """The messages, once there are so many."""
        until = monotonic() + PATIENCE
        while len(self.messages) < number:
            assert monotonic() < until, f"{len(self.messages)} of {number} messages came"
            sleep(0.02)
        return list(self.messages)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Announced:
    """Two members of a connected service, read once, their channels open; nothing waits."""

    def __init__(self, providers: SandboxServer, letterbox: Letterbox, provider: str, mode: str) -> None:
        self.providers, self.letterbox, self.company = providers, letterbox, make_company()
        self.members = make_members(self.company.unit, PEOPLE[provider])
        self.connection = connect(self.company.unit, provider, mode, providers, by=self.company.olga)
        run_waiting_jobs()
        self.keep()
        run_waiting_jobs()  # the reading that follows opening
        if provider == "google":
            letterbox.wait_for(2)  # `sync`, of each channel
        letterbox.messages.clear()
        self.calendar = SandboxCalendar(providers, PEOPLE[provider][0])
        self.box = Mailbox.objects.get(member=self.members[0])

    def keep(self, *, now: datetime | None = None) -> None:
        """One run of the job, from the row as it is."""
        row = CalendarConnection.objects.select_related("unit", "credential").get(pk=self.connection.pk)
        push.keep(row, now=now or timezone.now())

    def channels(self, **fields) -> list[PushChannel]:
        return list(PushChannel.objects.filter(connection=self.connection, **fields).order_by("pk"))

    @property
    def channel(self) -> PushChannel:
        """That of the first member."""
        return PushChannel.objects.exclude(state=State.CLOSING).get(mailbox=self.box)

    def change(self) -> Message:
        """Something changes in the first member's calendar; the message that says so."""
        before = len(self.letterbox.messages)
        self.calendar.add(timezone.now())
        return self.letterbox.wait_for(before + 1)[-1]

    def hinted(self) -> bool:
        self.box.refresh_from_db()
        return self.box.hinted_at is not None

    def calls(self, operation: str) -> list[dict]:
        """Calls of the portal whose path holds `operation`."""
        return [one for one in self.providers.control("GET", "calls")["calls"] if operation in one["path"]]

    def busy(self) -> list[tuple[int, int]]:
        return list(BusyPeriod.objects.filter(member=self.members[0]).values_list("starts", "ends"))


def announced_in(*modes):
    return pytest.mark.parametrize("announced", modes, indirect=True, ids="-".join)
