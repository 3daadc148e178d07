"""Ends, changes and late answers of a connection: in one order, by the right key, and the last word stays."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections import calendar_connections, circuits, mode_changes, support
from connections.credentials import KeyNotAccepted, keep_registration
from connections.models import CalendarConnection, Credential, Mailbox, PushChannel
from tests.connections import changing
from tests.connections.push import announced_in
from tests.connections.scene import GOOGLE_FREE_BUSY, MICROSOFT_READ_WRITE, in_modes
from tests.people import make_company

pytestmark = pytest.mark.django_db


def subscriptions(providers) -> list:
    return providers.control("GET", "microsoft/subscriptions")["subscriptions"]


@announced_in(MICROSOFT_READ_WRITE)
def test_after_the_change_to_a_mode_without_push_nothing_of_events_is_sent_any_more(announced):
    """Each message names the event that changed; the new mode's registration could not stop them."""
    assert len(subscriptions(announced.providers)) == 2
    change = changing.begin(announced)
    changing.granted(announced, change)
    assert changing.check(change).works

    changing.complete(announced, change)

    assert announced.connection.mode == "free_busy"
    assert subscriptions(announced.providers) == []
    assert not PushChannel.objects.exists()


@announced_in(MICROSOFT_READ_WRITE)
def test_a_change_that_is_not_made_stops_no_channel(announced):
    change = changing.begin(announced)

    with pytest.raises(mode_changes.NotPossibleNow):
        changing.complete(announced, change)

    assert len(subscriptions(announced.providers)) == 2
    assert {channel.state for channel in announced.channels()} == {"open"}


def tables_locked(queries: CaptureQueriesContext) -> list[str]:
    """The tables whose rows were changed or locked, in order of the first time."""
    tables = ("connection", "membercalendar", "mailbox")
    found = []
    for query in queries.captured_queries:
        sql = query["sql"]
        if sql.startswith("UPDATE") or "FOR UPDATE" in sql or "FOR NO KEY UPDATE" in sql:
            table = sql.split('"connections_', 1)[1].split('"')[0] if '"connections_' in sql else ""
            if table in tables and table not in found:
                found.append(table)
    return found


@in_modes(GOOGLE_FREE_BUSY)
def test_a_lost_connection_that_is_changed_locks_calendars_before_mailboxes(scene):
    """As everybody does: in another order two decisions wait for each other for ever."""
    change = changing.begin(scene)
    changing.granted(scene, change)
    connection = CalendarConnection.objects.select_related("unit").get()
    calendar_connections.mark_lost(connection, "revoked", now=timezone.now())
    assert changing.check(change).works

    with CaptureQueriesContext(database) as queries:
        changing.complete(scene, change)

    assert tables_locked(queries) == ["connection", "membercalendar", "mailbox"]
    assert Mailbox.objects.get(member=scene.member).next_sync_at is not None
    assert scene.connection.state == "active"


@in_modes(GOOGLE_FREE_BUSY)
def test_support_locks_the_connection_before_its_mailboxes(scene):
    Mailbox.objects.update(state="failing", failure="refused")
    connection = CalendarConnection.objects.select_related("unit").get()

    with CaptureQueriesContext(database) as queries:
        support.try_again(connection, by=scene.company.olga, why="asked", now=timezone.now())

    assert tables_locked(queries)[0] == "connection"


@pytest.mark.parametrize(
    ("state", "why"), [("disconnected", "disconnected_by_admin"), ("paused", "paused_by_admin")]
)
def test_a_late_answer_does_not_rewrite_why_somebody_ended_it(state, why):
    company = make_company()
    CalendarConnection.objects.create(unit=company.unit, provider="google", mode="free_busy", state="active")
    as_the_job_had_it = CalendarConnection.objects.get()
    CalendarConnection.objects.update(state=state, state_reason=why)

    for _ in range(circuits.OPENS_AFTER):
        circuits.failed(as_the_job_had_it, now=timezone.now())

    assert CalendarConnection.objects.get().state_reason == why


# --- keys


def works_with_own_registration(client_id: str, secret: str):
    company, now = make_company(), timezone.now()
    key = keep_registration(company.unit, "free_busy", client_id, secret, by=company.olga, now=now)
    connection = CalendarConnection.objects.create(
        unit=company.unit,
        provider="microsoft",
        mode="free_busy",
        state="active",
        credential=key,
        connected_at=now,
    )
    return company, connection


def test_a_secret_in_use_is_not_overwritten_by_pasting_the_key_again():
    """Set-up of a second connection would end the first one, untried; its page tries a new secret before."""
    company, connection = works_with_own_registration("5f0c6a4e-0000-4000-8000-000000000001", "works")

    with pytest.raises(KeyNotAccepted) as refused:
        keep_registration(
            company.unit, "free_busy", connection.credential.client_id, "mistyped", by=company.olga,
            now=timezone.now(),
        )  # fmt: skip

    assert refused.value.problem == "at_work"
    assert Credential.objects.get().secret == "works"


def test_the_same_secret_again_is_welcome_and_a_pending_connection_may_correct_it():
    company, connection = works_with_own_registration("5f0c6a4e-0000-4000-8000-000000000001", "works")
    client_id, now = connection.credential.client_id, timezone.now()
    Credential.objects.update(secret_ends_on=now.date(), warned_days=3)

    keep_registration(company.unit, "free_busy", client_id, "works", by=company.olga, now=now)
    assert Credential.objects.get().secret_ends_on == now.date()
    CalendarConnection.objects.update(state="pending")
    keep_registration(company.unit, "free_busy", client_id, "another", by=company.olga, now=now)

    row = Credential.objects.get()
    assert (row.secret, row.secret_since, row.secret_ends_on, row.warned_days) == ("another", now, None, None)
