"""Changes reach the portal by the next reading, with the same result as reading everything."""

from datetime import UTC, datetime, timedelta

import pytest

from connections.models import BusyPeriod, EventPosition
from connections.periods import minute_of
from connections.providers.http import ProviderSession
from tests.connections.reading import read_everything_anew, stored
from tests.connections.sandbox_calendar import SandboxCalendar
from tests.connections.scene import (
    BEFORE,
    BEYOND,
    GOOGLE_FREE_BUSY,
    GOOGLE_READ_WRITE,
    HIGH,
    IN_MARCH,
    LOW,
    MICROSOFT_FREE_BUSY,
    MICROSOFT_READ_WRITE,
    MINUTE,
    TOMORROW,
    in_modes,
    whole_day,
)

pytestmark = pytest.mark.django_db


# --- every kind of change -----------------------------------------------------------------------------------------
def series_of(calendar: SandboxCalendar) -> dict:
    """Some occurrence of a meeting that began long ago and makes busy."""
    return next(e for e in calendar.events(TOMORROW, IN_MARCH) if e["series"] and e["blocks"])


def weekly(calendar: SandboxCalendar) -> str:
    return calendar.add(TOMORROW, rrule="FREQ=WEEKLY")


def occurrence(calendar: SandboxCalendar, series: str, number: int) -> str:
    found = [e for e in calendar.events(LOW, HIGH) if e["series"] == series]
    return found[number]["id"]


def kind_from(before: str, after: str):
    return lambda c: c.add(TOMORROW, kind=before), lambda c, event: c.make(event, after)


def nothing(_calendar: SandboxCalendar) -> str:
    return ""


# name: (what stands there before, the change)
CHANGES = {
    "a new event": (nothing, lambda c, _: c.add(TOMORROW)),
    "a new event in the last hour of the window": (
        nothing,
        lambda c, _: c.add(HIGH - timedelta(minutes=30), 60),
    ),
    "a new event over midnight": (nothing, lambda c, _: c.add(datetime(2026, 11, 5, 23, tzinfo=UTC), 150)),
    "a new all-day event": (nothing, lambda c, _: c.add_day("2027-03-14")),
    "a new series": (nothing, lambda c, _: weekly(c)),
    "an event of odd minutes": (nothing, lambda c, _: c.add(TOMORROW + timedelta(minutes=7), 1)),
    "moved within its day": (lambda c: c.add(TOMORROW), lambda c, e: c.move(e, TOMORROW + 90 * MINUTE)),
    "moved to another month": (lambda c: c.add(TOMORROW), lambda c, e: c.move(e, IN_MARCH)),
    "moved out of the window": (lambda c: c.add(TOMORROW), lambda c, e: c.move(e, BEYOND)),
    "moved to before the window": (lambda c: c.add(TOMORROW), lambda c, e: c.move(e, BEFORE)),
    "moved into the window": (lambda c: c.add(BEYOND), lambda c, e: c.move(e, TOMORROW)),
    "made longer": (lambda c: c.add(TOMORROW), lambda c, e: c.move(e, TOMORROW, 26 * 60)),
    "made shorter": (lambda c: c.add(TOMORROW, 300), lambda c, e: c.move(e, TOMORROW, 15)),
    "deleted": (lambda c: c.add(TOMORROW), lambda c, e: c.remove(e)),
    "an all-day event deleted": (lambda c: c.add_day("2026-10-25"), lambda c, e: c.remove(e)),
    "now free": kind_from("busy", "free"),
    "now declined": kind_from("busy", "declined"),
    "now cancelled": kind_from("busy", "cancelled"),
    "now working elsewhere": kind_from("busy", "elsewhere"),
    "now tentative": kind_from("busy", "tentative"),
    "now private": kind_from("busy", "private"),
    "no longer free": kind_from("free", "busy"),
    "no longer declined": kind_from("declined", "busy"),
    "no longer cancelled": kind_from("cancelled", "busy"),
    "an occurrence deleted": (weekly, lambda c, e: c.remove(occurrence(c, e, 2))),
    "an occurrence moved": (weekly, lambda c, e: c.move(occurrence(c, e, 3), IN_MARCH)),
    "an occurrence now free": (weekly, lambda c, e: c.make(occurrence(c, e, 4), "free")),
    "a series moved": (weekly, lambda c, e: c.move(e, TOMORROW + 2 * 60 * MINUTE, 30)),
    "a series now free": (weekly, lambda c, e: c.make(e, "free")),
    "a series deleted": (weekly, lambda c, e: c.remove(e)),
    "a meeting of long ago declined": (nothing, lambda c, _: c.make(series_of(c)["series"], "declined")),
    "one of its occurrences deleted": (nothing, lambda c, _: c.remove(series_of(c)["id"])),
}


@in_modes()
def test_each_change_arrives_with_the_next_reading(scene):
    late = []
    for name, (prepare, change) in CHANGES.items():
        event = prepare(scene.calendar)
        scene.read()
        change(scene.calendar, event)

        scene.read()

        if not scene.is_true():
            late.append(name)
            read_everything_anew(scene.connection, [scene.member], now=scene.now)
    assert late == []


@in_modes()
def test_many_changes_one_by_one_leave_the_rows_of_a_full_reading(scene):
    for prepare, change in CHANGES.values():
        change(scene.calendar, prepare(scene.calendar))
        scene.read()
    rows = sorted(BusyPeriod.objects.values_list("provider_id", "starts", "ends", "kind"))

    read_everything_anew(scene.connection, [scene.member], now=scene.now)

    assert sorted(BusyPeriod.objects.values_list("provider_id", "starts", "ends", "kind")) == rows


# --- Google Free/Busy: events only tell which days to ask about ------------------------------------------------------
@pytest.fixture
def asked(monkeypatch) -> list[tuple[datetime, datetime]]:
    """The spans of free/busy questions, as they leave."""
    spans, request = [], ProviderSession.request

    def seen(session, method, url, **kwargs):
        if url.endswith("/freeBusy"):
            spans.append(
                tuple(datetime.fromisoformat(kwargs["json"][name]) for name in ("timeMin", "timeMax"))
            )
        return request(session, method, url, **kwargs)

    monkeypatch.setattr(ProviderSession, "request", seen)
    return spans


@in_modes(GOOGLE_FREE_BUSY)
def test_nothing_changed_means_no_question(scene, asked):
    scene.read()

    assert asked == []


@in_modes(GOOGLE_FREE_BUSY)
def test_only_the_day_of_a_new_event_is_asked_about(scene, asked):
    scene.calendar.add(TOMORROW)

    scene.read()

    assert asked == [whole_day(TOMORROW)]


@in_modes(GOOGLE_FREE_BUSY)
def test_of_a_moved_event_both_days_are_asked_about(scene, asked):
    event = scene.calendar.add(TOMORROW)
    scene.read()
    asked.clear()
    scene.calendar.move(event, IN_MARCH)

    scene.read()

    assert asked == [whole_day(TOMORROW), whole_day(IN_MARCH)]


@in_modes(GOOGLE_FREE_BUSY)
def test_of_a_deleted_event_the_day_where_it_was_is_asked_about(scene, asked):
    event = scene.calendar.add(IN_MARCH)
    scene.read()
    asked.clear()
    scene.calendar.remove(event)

    scene.read()

    assert asked == [whole_day(IN_MARCH)]


@in_modes(GOOGLE_FREE_BUSY)
def test_other_days_are_left_as_they_are(scene):
    other = BusyPeriod.objects.filter(starts__gt=minute_of(IN_MARCH)).first()
    other.delete()
    scene.calendar.add(TOMORROW)

    scene.read()

    assert not BusyPeriod.objects.filter(provider_id=other.provider_id).exists()
    assert (minute_of(TOMORROW), minute_of(TOMORROW) + 60) in stored(scene.member)


@in_modes(GOOGLE_FREE_BUSY)
def test_of_a_deleted_event_nobody_placed_the_whole_window_is_asked_about(scene, asked):
    event = scene.calendar.add(TOMORROW)
    scene.read()
    EventPosition.objects.all().delete()
    asked.clear()
    scene.calendar.remove(event)

    scene.read()

    assert (asked[0][0], asked[-1][1]) == (LOW, HIGH)
    assert scene.is_true()


@in_modes(GOOGLE_FREE_BUSY)
def test_no_change_takes_more_questions_than_reading_everything(scene, asked):
    scene.calendar.add(TOMORROW, rrule="FREQ=WEEKLY")

    scene.read()

    assert len(asked) == 4
    assert scene.is_true()


@in_modes(GOOGLE_READ_WRITE, MICROSOFT_FREE_BUSY, MICROSOFT_READ_WRITE)
def test_where_events_are_the_truth_no_free_busy_is_asked(scene):
    scene.calendar.add(TOMORROW)

    scene.read()

    operations = {call["operation"] for call in scene.providers.control("GET", "calls")["calls"]}
    assert "calendar.freebusy.query" not in operations
