"""When reading goes wrong: what is about one person stays with that person, and nothing is lost half-way."""

import json
from datetime import timedelta

import pytest
import requests
from django.utils import timezone
from django_q.models import OrmQ

from connections import calendar_connections, free_busy, health, jobs
from connections.models import BusyPeriod, CalendarConnection, Mailbox, MemberCalendar
from connections.providers.http import ProviderSession
from connections.states import State
from tests.builders import make_members
from tests.connecting import connect
from tests.connections.reading import READING_MODES, read_now, set_clock, stored
from tests.connections.scene import (
    GOOGLE_FREE_BUSY,
    GOOGLE_READ_WRITE,
    MICROSOFT_FREE_BUSY,
    MICROSOFT_READ_WRITE,
    MINUTE,
    NOW,
    PEOPLE,
    TOMORROW,
    in_modes,
)
from tests.people import make_company

pytestmark = pytest.mark.django_db

SOME = {
    "google": ["pia.bauer11@kube.example", "lukas.martin38@kube.example", "benedikt.petrov63@kube.example"],
    "microsoft": [
        "lucas.hansen68@sigs.example",
        "paulo.dubois73@sigs.example",
        "gabriel.ramos60@sigs.example",
    ],
}


def calls_so_far(providers) -> int:
    return providers.control("GET", "state")["calls"]


# --- throttling ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("retry_after", [{}, {"retry_after": 600}])
def test_a_throttled_connection_waits_and_nobody_else_does(providers, retry_after):
    set_clock(providers, NOW)
    company = make_company()
    members = make_members(company.unit, [*SOME["google"], *SOME["microsoft"]])
    google = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    microsoft = connect(company.unit, "microsoft", "free_busy", providers, by=company.olga)
    OrmQ.objects.all().delete()
    providers.fault("rate_limited", target="calendar", **retry_after)

    read_now(google, members[:3], now=NOW)
    Mailbox.objects.filter(connection__isnull=False).update(next_sync_at=NOW)
    handed_out = [
        free_busy.enqueue_due(CalendarConnection.objects.get(pk=one.pk), now=NOW + timedelta(seconds=25))
        for one in (google, microsoft)
    ]

    assert handed_out[0] == 0
    assert handed_out[1] == 3
    later = NOW + timedelta(seconds=retry_after.get("retry_after", 30) + 1)
    assert free_busy.enqueue_due(CalendarConnection.objects.get(pk=google.pk), now=later) > 0


def test_a_second_unit_of_the_same_tenant_is_not_slowed_by_the_first(providers):
    set_clock(providers, NOW)
    company = make_company()
    (one,) = make_members(company.unit, SOME["google"][:1])
    (other,) = make_members(company.stranger_unit, SOME["google"][1:2])
    first = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    second = connect(company.stranger_unit, "google", "free_busy", providers, by=company.sven)
    providers.fault("rate_limited", target=one.email, retry_after=600)

    read_now(first, [one], now=NOW)
    read_now(second, [other], now=NOW)

    assert Mailbox.objects.get(member=other).state == Mailbox.State.SYNCED
    assert CalendarConnection.objects.get(pk=second.pk).slowed_until is None


def test_failures_in_a_row_wait_twice_as_long_each_and_one_success_forgets_them(providers):
    set_clock(providers, NOW)
    company = make_company()
    (member,) = make_members(company.unit, [PEOPLE["google"]])
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    providers.fault("server_error", target=PEOPLE["google"])
    waits, now = [], NOW

    for _ in range(4):
        read_now(connection, [member], now=now)
        again = Mailbox.objects.get(member=member).next_sync_at
        waits.append((again - now) // MINUTE)
        now = again
    providers.control("DELETE", "faults")
    read_now(connection, [member], now=now)

    assert waits == [1, 2, 4, 8]
    assert Mailbox.objects.get(member=member).attempts == 0


# --- the authorization goes while we read -------------------------------------------------------------------------
def withdraw(providers, provider: str) -> None:
    providers.control("DELETE", "delegation" if provider == "google" else "consents")


@pytest.mark.parametrize(("provider", "mode"), READING_MODES)
def test_revoked_in_the_middle_of_a_sync_stops_it_and_keeps_what_was_read(providers, provider, mode):
    set_clock(providers, NOW)
    company = make_company()
    first, second, third = make_members(company.unit, SOME[provider])
    connection = connect(company.unit, provider, mode, providers, by=company.olga)
    read_now(connection, [first], now=NOW)
    known = stored(first)

    withdraw(providers, provider)
    read_now(connection, [second, third], now=NOW)

    row = CalendarConnection.objects.get(pk=connection.pk)
    assert (row.state, row.state_reason) == ("needs_reauthorization", "revoked")
    assert stored(first) == known != []
    assert set(Mailbox.objects.filter(connection=row).values_list("next_sync_at", flat=True)) == {None}
    assert Mailbox.objects.get(member=second).state == Mailbox.State.STOPPED


@pytest.mark.parametrize(("provider", "mode"), READING_MODES)
def test_a_lost_connection_makes_no_more_calls(providers, provider, mode):
    company = make_company()
    members = make_members(company.unit, SOME[provider])
    connection = connect(company.unit, provider, mode, providers, by=company.olga)
    withdraw(providers, provider)
    read_now(connection, members, now=NOW)
    before = calls_so_far(providers)

    jobs.poll_changes()
    jobs.start_reading(connection.pk)
    jobs.read_slice(connection.pk, list(Mailbox.objects.values_list("pk", flat=True)), NOW.timestamp())

    assert calls_so_far(providers) == before


@in_modes()
def test_after_reconnecting_reading_goes_on_from_where_it_was(scene):
    withdraw(scene.providers, scene.connection.provider)
    scene.read()
    place = scene.member.mailbox.calendars.get(primary=True)
    scene.calendar.add(TOMORROW)

    grant_again(scene)
    health.check_connection(
        CalendarConnection.objects.get(pk=scene.connection.pk), by=scene.company.olga, now=scene.now
    )
    scene.read()

    assert CalendarConnection.objects.get(pk=scene.connection.pk).state == State.ACTIVE
    assert scene.is_true()
    assert scene.member.mailbox.calendars.get(primary=True).full_round_at == place.full_round_at


def grant_again(scene) -> None:
    from tests.connecting import consent, delegate

    connection = CalendarConnection.objects.get(pk=scene.connection.pk)
    if connection.provider == "google":
        delegate(connection, scene.providers)
    else:
        consent(connection, by=scene.company.olga)


@pytest.mark.parametrize(("provider", "mode"), READING_MODES)
def test_one_refused_person_costs_nobody_else_anything(providers, provider, mode):
    set_clock(providers, NOW)
    company = make_company()
    members = make_members(company.unit, SOME[provider])
    connection = connect(company.unit, provider, mode, providers, by=company.olga)
    if provider == "google":
        providers.control("PATCH", f"people/{members[1].email}", suspended=True)
    else:
        providers.fault("mailbox_missing", target=members[1].email)

    read_now(connection, members, now=NOW)

    states = [Mailbox.objects.get(member=member).state for member in members]
    assert states == ["synced", "failing", "synced"]
    assert CalendarConnection.objects.get(pk=connection.pk).state == State.ACTIVE


# --- pages --------------------------------------------------------------------------------------------------------
@in_modes(GOOGLE_READ_WRITE, MICROSOFT_FREE_BUSY, MICROSOFT_READ_WRITE)
def test_of_a_full_round_with_a_failing_middle_page_nothing_is_kept(scene):
    full_of_events(scene)
    before = sorted(BusyPeriod.objects.values_list())
    MemberCalendar.objects.update(feed_token="")
    scene.providers.fault("failing_page", page=2, times=1)

    scene.read()
    failed = Mailbox.objects.get(member=scene.member)
    half = sorted(BusyPeriod.objects.values_list())
    scene.read()

    assert (failed.state, failed.failure) == ("failing", "unreachable")
    assert half == before
    assert scene.is_true()


def full_of_events(scene) -> None:
    """More than one page: 500 events for Microsoft, 2,500 for Google."""
    if scene.connection.provider == "google":
        scene.calendar.add(TOMORROW, 5, rrule="FREQ=HOURLY")
    else:
        for hour in range(3):
            scene.calendar.add(TOMORROW + timedelta(hours=hour), 5, rrule="FREQ=DAILY")


@in_modes(GOOGLE_READ_WRITE, MICROSOFT_READ_WRITE)
def test_several_pages_are_one_reading(scene):
    full_of_events(scene)

    scene.read()

    assert scene.is_true()


# --- answers of another shape -------------------------------------------------------------------------------------
@pytest.fixture
def answers(monkeypatch) -> dict[str, object]:
    """Bodies that replace those of answers to addresses which end so; changed on the wire."""
    bodies, send = {}, requests.Session.send

    def changed(session, request, **kwargs):
        answer = send(session, request, **kwargs)
        path = request.url.split("?")[0]
        for ending, body in bodies.items():
            if isinstance(session, ProviderSession) and path.endswith(ending):
                answer._content = json.dumps(body).encode()
        return answer

    monkeypatch.setattr(requests.Session, "send", changed)
    return bodies


SHAPES = [
    (GOOGLE_READ_WRITE, "/events", {"items": [{}], "nextSyncToken": "t"}),
    (GOOGLE_READ_WRITE, "/events", {"items": None, "nextSyncToken": "t"}),
    (GOOGLE_READ_WRITE, "/events", {"items": ["event"], "nextSyncToken": "t"}),
    (GOOGLE_READ_WRITE, "/events", {"items": [{"id": "e", "start": "now", "end": 5}], "nextSyncToken": "t"}),
    (GOOGLE_READ_WRITE, "/events", {"items": []}),
    (GOOGLE_FREE_BUSY, "/freeBusy", {"calendars": [1, 2]}),
    (GOOGLE_FREE_BUSY, "/freeBusy", []),
    (MICROSOFT_FREE_BUSY, "/delta", {"value": [{}], "@odata.deltaLink": "http://elsewhere.example/"}),
    (MICROSOFT_FREE_BUSY, "/delta", {"value": 7}),
    (MICROSOFT_FREE_BUSY, "/delta", {"value": []}),
    (MICROSOFT_FREE_BUSY, "/delta", {"value": [], "@odata.nextLink": "http://elsewhere.example/next"}),
]


@pytest.mark.parametrize(("scene", "ending", "body"), SHAPES, indirect=["scene"])
def test_an_answer_of_another_shape_is_unreadable_and_changes_nothing(scene, answers, ending, body):
    before = sorted(BusyPeriod.objects.values_list())
    MemberCalendar.objects.update(feed_token="")
    answers[ending] = body

    scene.read()

    box = Mailbox.objects.get(member=scene.member)
    assert (box.state, box.failure) == ("failing", "unreadable")
    assert sorted(BusyPeriod.objects.values_list()) == before


@in_modes(GOOGLE_READ_WRITE)
def test_a_zone_nobody_knows_is_left_out(scene, answers):
    zone = scene.member.mailbox.calendars.get(primary=True).time_zone
    answers["/calendarList"] = {
        "items": [{"id": scene.member.email, "summary": "x", "primary": True, "timeZone": "Mars/Olympus"}]
    }
    Mailbox.objects.update(calendars_listed_at=None)

    scene.read()

    assert Mailbox.objects.get(member=scene.member).state == Mailbox.State.SYNCED
    assert MemberCalendar.objects.get(primary=True).time_zone == zone


@in_modes(MICROSOFT_FREE_BUSY)
def test_our_token_is_never_sent_to_where_a_stored_link_points(scene):
    MemberCalendar.objects.update(
        feed_token="http://elsewhere.example/v1.0/users/x/calendarView/delta?$deltatoken=1"
    )

    scene.read()

    assert scene.is_true()


# --- a pause comes first ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("verb", [calendar_connections.pause, calendar_connections.disconnect])
def test_what_was_under_way_when_a_connection_was_stopped_brings_it_not_back(providers, verb):
    company = make_company()
    members = make_members(company.unit, SOME["google"])
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    ids = list(Mailbox.objects.filter(member__in=members).values_list("pk", flat=True))
    verb(connection, by=company.olga, now=timezone.now())
    before = calls_so_far(providers)

    jobs.read_slice(connection.pk, ids, timezone.now().timestamp())

    assert calls_so_far(providers) == before
    assert not BusyPeriod.objects.exists()
    assert not Mailbox.objects.filter(pk__in=ids, state=Mailbox.State.SYNCED).exists()
