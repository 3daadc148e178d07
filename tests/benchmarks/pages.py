"""What people notice of a slow provider (P18): nothing, because pages ask none."""

import time
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from connections import jobs
from connections.models import CalendarConnection
from tests.benchmarks import processes
from tests.benchmarks.companies import connected_unit
from tests.benchmarks.measure import REPEATS, Figure, best, figures

LATENCIES_MS = (0, 200)
ONE_BUSY_WORKER = {"WORKERS": "1", "GOOGLE_REQUESTS_PER_MINUTE": "1000000"}  # leaves a core to the pages
PEOPLE, SLICES, LONGEST = 100, 500, 60


@figures("pages.provider_latency")
def provider_latency() -> list[Figure]:
    """Pages while a worker reads, with and without 200 ms on each call, by turns: noise hits both."""
    OrmQ.objects.all().delete()
    with processes.sandbox() as server, processes.cluster(**ONE_BUSY_WORKER):
        connection = connected_unit("Pages", server, people=PEOPLE)
        jobs.enqueue_start_reading(connection)
        _wait(lambda: not OrmQ.objects.exists())
        client = Client()
        client.force_login(connection.unit.members.get(user__isnull=False).user)
        pages = {path: partial(_look, client, path) for path in _paths(connection)}
        _enqueue_readings(connection)
        shortest = {(path, ms): float("inf") for path in pages for ms in LATENCIES_MS}
        for _ in range(REPEATS):
            for ms in LATENCIES_MS:
                server.control("POST", "latency", ms=ms)
                _wait_until_worker_reads()
                for path, look in pages.items():
                    shortest[path, ms] = min(shortest[path, ms], best(look))
        if not OrmQ.objects.exists():
            raise AssertionError("the worker had nothing left to do")
        OrmQ.objects.all().delete()
        server.control("POST", "latency", ms=0)
    slowest = max(shortest[path, LATENCIES_MS[1]] / shortest[path, LATENCIES_MS[0]] for path in pages)
    return [Figure("pages.provider_latency", slowest, "x a page's time without latency", "<=", 1.1)]


def _paths(connection: CalendarConnection) -> list[str]:
    unit = connection.unit
    member = unit.members.filter(mailbox__connection=connection).order_by("pk").first()
    return [
        reverse("unit_home", args=[unit.slug]),
        reverse("connections", args=[unit.slug]),
        reverse("connection", args=[unit.slug, connection.public_id]),
        reverse("members", args=[unit.slug]),
        reverse("member", args=[unit.slug, member.public_id]),  # with the week
    ]


def _look(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200, path


def _enqueue_readings(connection: CalendarConnection) -> None:
    """More than the worker gets through while pages are looked at."""
    boxes = list(connection.mailboxes.order_by("pk").values_list("pk", flat=True))
    slices = [boxes[: settings.SYNC_SLICE], boxes[settings.SYNC_SLICE :]]
    later = timezone.now() + timedelta(days=1)  # or else whoever was read meanwhile would be left alone
    for number in range(SLICES):
        jobs.enqueue_slice(connection, slices[number % 2], now=later)


def _wait_until_worker_reads() -> None:
    """Until the worker has begun a slice since now."""
    before = OrmQ.objects.count()
    _wait(lambda: OrmQ.objects.count() <= before - 2)


def _wait(condition) -> None:
    until = time.monotonic() + LONGEST
    while not condition():
        if time.monotonic() > until:
            raise AssertionError("the worker does not get on")
        time.sleep(0.02)


BENCHMARKS = [provider_latency]
