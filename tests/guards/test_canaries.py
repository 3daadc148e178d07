"""Nothing of what anybody's events are about is kept, queued or logged; and no token either.

The sandbox plants the word `canary-` in every title, place, text, guest's name and address.
"""

import logging
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from connections import health, slices
from connections.free_busy import enqueue_due
from connections.models import BusyPeriod, CalendarConnection, Mailbox
from orgunits.models import Member
from tests.builders import make_members
from tests.connecting import connect
from tests.contracts import Contracts
from tests.guards.leaks import Wire, everything_kept, places_of
from tests.people import MICROSOFT_TENANT, make_company
from tests.providers.sandbox.google_client import GoogleClient
from tests.providers.sandbox.microsoft_client import Graph
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db

CANARY = "canary-"
MODES = [(p, m) for p in ("google", "microsoft") for m in ("read_write", "free_busy")]
# The first of each has recurring meetings; the rest have personal events and second calendars.
PEOPLE = {
    "google": [
        "lukas.martin38@kube.example",
        "pia.bauer11@kube.example",
        "benedikt.petrov63@kube.example",
        "nobody.here@kube.example",
    ],
    "microsoft": [
        "lucas.hansen68@sigs.example",
        "paulo.dubois73@sigs.example",
        "nobody.here@sigs.example",
    ],
}
FAULTS = {
    "google": [
        ("truncated", {"target": "calendar.events.list"}),
        ("nonsense", {"target": "calendar.events.list"}),
        ("server_error", {"status": 503}),
        ("sync_token_expired", {}),
        ("rate_limited", {"status": 429, "reason": "rateLimitExceeded"}),
        ("not_a_calendar_user", {}),
        ("calendar_error", {"reason": "internalError"}),
        ("token_revoked", {}),
    ],
    "microsoft": [
        ("truncated", {}),
        ("nonsense", {}),
        ("server_error", {"status": 503}),
        ("delta_gone", {"status": 410}),
        ("rate_limited", {"status": 429, "reason": "TooManyRequests"}),
        ("mailbox_missing", {}),
        ("token_revoked", {}),
    ],
}


def live_through_everything(providers, provider: str, mode: str):
    """Connect, read, have events change, meet every fault, read again, and open the pages."""
    company = make_company()
    members = make_members(company.unit, PEOPLE[provider])
    connection = connect(company.unit, provider, mode, providers, by=company.olga)
    run_waiting_jobs()
    assert BusyPeriod.objects.filter(member=members[0]).exists()

    now = timezone.now()
    monday = now + timedelta(days=7 - now.weekday())
    for address in PEOPLE[provider][:2]:
        body = {"start": f"{monday:%Y-%m-%d}T09:00:00Z", "end": f"{monday:%Y-%m-%d}T10:00:00Z"}
        providers.control("POST", f"mailboxes/{address}/events", **body)
        providers.control("POST", f"mailboxes/{address}/events", rrule="FREQ=DAILY;COUNT=5", **body)
    for name, params in [("no fault", {}), *FAULTS[provider]]:
        providers.control("DELETE", "faults")
        if params or name != "no fault":
            providers.fault(name, **params)
        read_again(connection, members)
        health.check_connection(connection, by=company.olga, now=timezone.now())
    providers.control("DELETE", "faults")
    read_again(connection, members)
    open_the_pages(company, connection, members)
    return connection


def read_again(connection: CalendarConnection, members: list[Member]) -> None:
    """One round, with the calendars listed anew, and whatever it puts into the queue."""
    CalendarConnection.objects.filter(pk=connection.pk).update(state="active", slowed_until=None)
    connection.refresh_from_db()
    boxes = Mailbox.objects.filter(member__in=members)
    boxes.update(calendars_listed_at=None, last_attempt_at=None, next_sync_at=timezone.now())
    now = timezone.now()
    slices.read_slice(connection, list(boxes.values_list("pk", flat=True)), asked_at=now, now=now)


def open_the_pages(company, connection: CalendarConnection, members: list[Member]) -> None:
    client, slug = Client(), company.unit.slug
    client.force_login(company.olga)
    for path in (
        reverse("unit_home", args=[slug]),
        reverse("connections", args=[slug]),
        reverse("connection", args=[slug, connection.public_id]),
        reverse("members", args=[slug]),
        reverse("members_export", args=[slug]),
        reverse("audit_log", args=[slug]),
        *(reverse("member", args=[slug, member.public_id]) for member in members),
    ):
        answer = client.get(path)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code == 200, path
        assert CANARY not in body.decode(), path


@pytest.mark.parametrize(("provider", "mode"), MODES)
def test_no_word_of_any_event_and_no_secret_is_kept_queued_or_logged(
    providers, provider, mode, monkeypatch, caplog
):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.INFO)  # its debug lines are no part of the portal's logs
    wire = Wire(monkeypatch)

    connection = live_through_everything(providers, provider, mode)
    assert enqueue_something(connection)

    kept = {
        **everything_kept(),
        "log": caplog.text,
        "log records": repr([r.__dict__ for r in caplog.records]),
    }
    assert places_of(CANARY, kept) == []
    # Google is not even asked for these words; Microsoft's change feed sends them unasked.
    assert any(CANARY in body for body in wire.received) == (provider == "microsoft")
    assert len(wire.secrets) > 3
    for secret in wire.secrets:
        assert places_of(secret, kept) == []


def enqueue_something(connection: CalendarConnection) -> bool:
    """So that the queue that is searched is not empty."""
    CalendarConnection.objects.filter(pk=connection.pk).update(state="active", slowed_until=None)
    connection.refresh_from_db()
    Mailbox.objects.filter(connection=connection).update(next_sync_at=timezone.now())
    enqueue_due(connection, now=timezone.now())
    return OrmQ.objects.exists()


def test_there_are_canaries_to_find_at_google(providers):
    google = GoogleClient(providers, Contracts.load())
    google.delegate()

    for address in PEOPLE["google"][:3]:
        events = google.call("GET", "calendars/primary/events", subject=address, maxResults=50).json()[
            "items"
        ]
        assert events
        assert all(CANARY in event["summary"] for event in events)
        assert all(CANARY in event["description"] for event in events)


def test_there_are_canaries_to_find_at_microsoft(providers):
    graph = Graph(providers, "calendar-read-write", MICROSOFT_TENANT)

    for address in PEOPLE["microsoft"][:2]:
        events = graph.get(f"/users/{address}/events?$top=50")["value"]
        assert events
        assert all(CANARY in event["subject"] for event in events)
        assert all(CANARY in event["body"]["content"] for event in events)


def test_the_search_finds_a_word_wherever_it_is_packed(client):
    company = make_company()
    client.force_login(company.olga)
    session = client.session
    session["note"] = "canary-in-a-session"
    session.save()
    cache.set("note", {"text": "canary-in-the-cache"})
    async_task("builtins.int", "canary-in-the-queue")
    make_members(company.unit, ["canary-in-a-table@x.example"])

    found = " ".join(places_of(CANARY, everything_kept()))

    for place in ("a-session", "the-cache", "the-queue", "a-table"):
        assert f"canary-in-{place}" in found
