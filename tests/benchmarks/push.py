"""What a provider's message costs: accepted by the real server, against a page that does nothing."""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPConnection
from threading import local

from django.urls import reverse
from django.utils import timezone

from connections.channels import secret_hash
from connections.models import CalendarConnection, Mailbox, MemberCalendar, PushChannel
from tests.benchmarks import processes
from tests.benchmarks.measure import Figure, figures, the_company
from tests.builders import make_members
from tests.providers.sandbox.server import free_port

AT_ONCE, CALENDARS, TURNS, LONGEST = 8, 1_000, 5, 30
SECRET = "of-all-channels-here"
_own = local()


@figures("push.accept")
def accept() -> list[Figure]:
    """One message for each of 1,000 calendars, every one of them news, 8 at a time; by turns with the empty page."""
    names = _channels()
    port = free_port()
    server = [
        "config.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", str(AT_ONCE), "--no-control-socket",
        "--log-level", "warning",
    ]  # fmt: skip
    shortest = {"message": float("inf"), "empty": float("inf")}
    with processes.running("gunicorn", *server):
        _wait(port)
        for _ in range(TURNS):
            Mailbox.objects.update(hinted_at=None)
            times = {
                "message": _median(lambda name: _tell(port, name), names),
                "empty": _median(lambda _name: _ask(port, "GET", reverse("live")), names),
            }
            shortest = {what: min(shortest[what], took) for what, took in times.items()}
            if Mailbox.objects.exclude(hinted_at=None).count() != CALENDARS:
                raise AssertionError("messages were not kept")
    ratio = shortest["message"] / shortest["empty"]
    return [Figure("push.accept", ratio, "x an empty page", "<=", 3)]


def _median(work: Callable[[str], None], names: list[str]) -> float:
    def timed(name: str) -> float:
        began = time.perf_counter()
        work(name)
        return time.perf_counter() - began

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return statistics.median(pool.map(timed, names))


def _tell(port: int, name: str) -> None:
    headers = {"X-Goog-Channel-ID": name, "X-Goog-Channel-Token": SECRET, "X-Goog-Resource-State": "exists"}
    assert _ask(port, "POST", reverse("push_google"), headers) == 202


def _ask(port: int, method: str, path: str, headers: dict[str, str] | None = None) -> int:
    """One request on this thread's connection, which stays open as a provider's does."""
    if getattr(_own, "port", None) != port:
        _own.port, _own.connection = port, HTTPConnection("127.0.0.1", port, timeout=LONGEST)
    _own.connection.request(method, path, headers=headers or {})
    answer = _own.connection.getresponse()
    answer.read()
    return answer.status


def _wait(port: int) -> None:
    until = time.monotonic() + LONGEST
    while True:
        try:
            _ask(port, "GET", reverse("live"))
        except OSError:
            _own.port = None
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def _channels() -> list[str]:
    """So many open channels of one connection; their names."""
    unit, now = the_company().unit, timezone.now()
    connection = CalendarConnection.objects.create(
        unit=unit, provider="google", mode="free_busy", state="active", tenant="push.example"
    )
    members = make_members(unit, [f"push{number}@push.example" for number in range(CALENDARS)])
    boxes = Mailbox.objects.bulk_create(
        Mailbox(
            unit=unit, member=member, connection=connection, state="synced", last_attempt_at=now,
            next_sync_at=now + timedelta(minutes=15),
        )
        for member in members
    )  # fmt: skip
    calendars = MemberCalendar.objects.bulk_create(
        MemberCalendar(
            unit=unit, mailbox=box, provider="google", provider_id="primary", primary=True, counts=True
        )
        for box in boxes
    )
    PushChannel.objects.bulk_create(
        PushChannel(
            unit=unit, connection=connection, mailbox=box, calendar=calendar, provider="google",
            channel_id=f"bench-{box.pk}", secret_hash=secret_hash(SECRET), state=PushChannel.State.OPEN,
            expires_at=now + timedelta(days=7), due_at=now + timedelta(days=4), notified_at=now,
        )
        for box, calendar in zip(boxes, calendars, strict=True)
    )  # fmt: skip
    return [f"bench-{box.pk}" for box in boxes]


BENCHMARKS = [accept]
