"""The numbers of a unit's health, each against rows made by hand, and how much it costs to count them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from connections import overview, slices
from connections.models import Mailbox, PushChannel
from connections.overview_words import CAUSES
from orgunits.models import OrganizationalUnit
from tests.connections.read_by_hand import NOW, calendar, connect, count, serve
from tests.people import make_company

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Failure, State = Mailbox.Failure, Mailbox.State


@pytest.fixture
def unit() -> OrganizationalUnit:
    """Without any mailbox but those that a test makes."""
    unit = make_company().unit
    Mailbox.objects.all().delete()
    return unit


def look(unit, *, zone=UTC, now: datetime = NOW) -> overview.Overview:
    return overview.overview(unit, zone=zone, now=now)


# --- what does not work


def test_calendars_that_are_not_working_are_counted_by_cause_the_most_first(unit):
    google = connect(unit)
    serve(google, 5)
    serve(google, 2, state=State.FAILING, failure=Failure.LICENCE, next_sync_at=NOW + HOUR)
    serve(google, 3, state=State.FAILING, failure=Failure.REFUSED, state_since=NOW - DAY)
    serve(google, 1, state=State.WAITING)

    found = look(unit).mailboxes

    assert [(one.code, one.number) for one in found.troubles] == [("refused", 3), ("licence", 2)]
    assert [one.since for one in found.troubles] == [NOW - DAY, NOW - HOUR]
    assert [one.next_try for one in found.troubles] == [None, NOW + HOUR]
    assert (found.well, found.waiting, found.not_working, found.to_read) == (5, 1, 5, 11)


def test_a_stopped_a_paused_and_no_connection_are_causes_too(unit):
    serve(connect(unit, state="needs_reauthorization"), 3, state=State.STOPPED)
    serve(connect(unit, state="paused"), 2, state=State.PAUSED)
    serve(None, 1, unit, state=State.NOT_SERVED, decided_by="none")
    serve(None, 3, unit, state=State.NOT_SERVED, decided_by="several")

    found = look(unit).mailboxes

    numbers = [(one.code, one.number) for one in found.troubles]
    assert numbers == [("not_served", 4), ("stopped", 3), ("paused", 2)]


def test_who_is_suspended_or_keeps_their_time_here_is_no_trouble(unit):
    serve(connect(unit, "none", "no_access"), 4, state=State.KEPT_HERE)
    serve(None, 2, unit, state=State.NOT_SERVED, decided_by="inactive")

    found = look(unit).mailboxes

    assert (found.kept_here, found.not_working, found.to_read) == (4, 0, 0)


def test_every_failure_class_has_a_cause_in_words_and_what_to_do():
    assert set(Failure.values) | {"stopped", "paused", "not_served"} == set(CAUSES)
    assert all(cause.sentence and cause.todo for cause in CAUSES.values())


# --- error rates


def test_the_error_rate_counts_the_providers_failures_and_leaves_single_people_apart(unit):
    google, microsoft = connect(unit), connect(unit, "microsoft", "read_write")
    count(google, NOW.replace(minute=0), mailboxes_read=90, throttled=3, unreachable=1, unreadable=1)
    count(microsoft, NOW.replace(minute=0), mailboxes_read=10, refused=4, of_one_person=6)

    by_name = {provider.name: provider.day for provider in look(unit).providers}

    one, other = by_name["Google Workspace"], by_name["Microsoft 365"]
    assert (one.readings, one.failed, one.of_persons, one.error_rate) == (95, 5, 0, 5 / 95)
    assert (other.readings, other.failed, other.of_persons, other.error_rate) == (20, 0, 10, 0)


def test_a_provider_that_was_not_asked_has_no_error_rate(unit):
    count(connect(unit), (NOW - 3 * DAY).replace(minute=0), mailboxes_read=1)

    (google,) = look(unit).providers

    assert (google.day.error_rate, google.week.error_rate) == (None, 0)


def test_a_day_is_the_hour_that_runs_and_the_23_before_it_and_a_week_is_seven_of_them(unit):
    google, hour = connect(unit), NOW.replace(minute=0)
    for power, back in enumerate((0, 23, 24, 7 * 24 - 1, 7 * 24)):
        count(google, hour - back * HOUR, mailboxes_read=10**power)

    (found,) = look(unit).providers

    assert (found.day.mailboxes_read, found.week.mailboxes_read) == (11, 1111)


def test_connections_of_one_provider_are_added_up(unit):
    for _n in range(2):
        count(connect(unit), NOW.replace(minute=0), mailboxes_read=3, unreachable=1)

    (google,) = look(unit).providers

    assert (google.day.readings, google.day.failed) == (8, 2)


# --- 14 days


def test_the_chart_has_fourteen_days_and_the_last_one_is_today(unit):
    google = connect(unit)
    count(google, NOW.replace(minute=0), mailboxes_read=5)
    count(google, datetime(2026, 11, 8, 0, tzinfo=UTC), mailboxes_read=7, throttled=2, refused=1)
    count(google, datetime(2026, 11, 7, 23, tzinfo=UTC), mailboxes_read=100)

    days = look(unit).days

    assert [day.date for day in days] == [date(2026, 11, 8) + n * DAY for n in range(14)]
    assert [day.counts.readings for day in days] == [10, *[0] * 12, 5]
    assert (days[0].counts.failed, days[0].counts.of_persons) == (2, 1)


def test_an_hour_belongs_to_the_day_in_which_it_begins_in_the_viewers_zone(unit):
    google = connect(unit)
    count(google, datetime(2026, 11, 20, 22, tzinfo=UTC), mailboxes_read=1)
    count(google, datetime(2026, 11, 20, 23, tzinfo=UTC), mailboxes_read=10)

    in_berlin = look(unit, zone=ZoneInfo("Europe/Berlin")).days[-2:]
    in_new_york = look(unit, zone=ZoneInfo("America/New_York")).days[-2:]

    assert [day.counts.readings for day in in_berlin] == [1, 10]
    assert [day.counts.readings for day in in_new_york] == [11, 0]


# --- age, queue, channels


def test_each_connection_tells_its_last_reading_and_the_oldest_and_middle_of_its_data(unit):
    google = connect(unit, last_good_at=NOW - timedelta(minutes=1))
    for minutes in (1, 3, 70):
        serve(google, 1, last_synced_at=NOW - timedelta(minutes=minutes))
    serve(google, 1, state=State.WAITING)

    (lag,) = look(unit).lags

    assert lag.last_read == NOW - timedelta(minutes=1)
    assert lag.readings.median == NOW - timedelta(minutes=3)
    assert lag.readings.oldest == NOW - timedelta(minutes=70)
    assert (lag.readings.number, lag.readings.read, lag.result) == (4, 3, "warning")


def test_the_queue_is_as_old_as_the_first_mailbox_or_job_that_waits(unit):
    google = connect(unit)
    serve(google, 2, next_sync_at=NOW - timedelta(minutes=2))
    serve(google, 1, next_sync_at=NOW + HOUR)
    serve(google, 1, next_sync_at=NOW - HOUR, leased_until=NOW + HOUR)

    mailboxes_wait = look(unit).queue
    OrmQ.objects.create(key="default", payload="x", lock=NOW - timedelta(minutes=31))
    jobs_wait = look(unit).queue

    assert (mailboxes_wait.due, mailboxes_wait.since) == (2, NOW - timedelta(minutes=2))
    assert mailboxes_wait.result == "well"
    assert (jobs_wait.due, jobs_wait.since) == (2, NOW - timedelta(minutes=31))
    assert jobs_wait.result == "failing"


def test_only_channels_that_are_open_still_count(unit):
    google = connect(unit)
    (box,) = serve(google, 1)
    for name, state, ends in (("a", "open", HOUR), ("b", "open", -HOUR), ("c", "refused", HOUR)):
        PushChannel.objects.create(
            unit=unit, connection=google, mailbox=box, provider="google", channel_id=name, secret_hash="x",
            state=state, expires_at=NOW + ends,
        )  # fmt: skip

    (lag,) = look(unit).lags

    assert lag.channels == 1


def test_announcements_and_what_they_missed_are_those_of_the_last_day(unit):
    google, hour = connect(unit), NOW.replace(minute=0)
    count(google, hour, hints=4, unannounced=1, reconciled=30, missed=2)
    count(google, hour - 23 * HOUR, hints=3, reconciled=1)
    count(google, hour - 24 * HOUR, hints=100, unannounced=100, reconciled=100, missed=100)

    found = look(unit).last_day

    assert (found.hints, found.unannounced, found.reconciled, found.missed) == (7, 1, 31, 2)


# --- reading everything once a day


def test_the_next_calendar_is_the_one_whose_minute_comes_first(unit):
    boxes = serve(connect(unit), 5)
    for box in boxes:
        calendar(box, NOW)  # else its minute may lie between

    found = look(unit).reconciliation

    ends_of_minutes = [slices.reconciliation_due(box.pk, now=NOW) + DAY for box in boxes]
    assert found.next_at == min(ends_of_minutes)
    assert (found.calendars, found.done, found.never, found.late) == (5, 5, 0, 0)
    assert (found.each_minute, overview.Reconciliation(calendars=50_000).each_minute) == (0, 35)


def test_a_calendar_is_late_when_its_minute_passed_a_while_ago_and_nobody_read_it(unit):
    boxes = serve(connect(unit), 3)
    due = slices.reconciliation_due(boxes[0].pk, now=NOW)
    calendar(boxes[0], due - timedelta(minutes=1))
    calendar(boxes[1], slices.reconciliation_due(boxes[1].pk, now=NOW) + timedelta(minutes=1))
    calendar(boxes[2], None)

    soon = look(unit, now=due + timedelta(minutes=20)).reconciliation
    later = look(unit, now=due + timedelta(minutes=40)).reconciliation

    assert (soon.late, later.late) == (0, 1)
    assert later.never == 1
    assert later.oldest == min(due - timedelta(minutes=1), *_read(boxes[1]))


def _read(box: Mailbox) -> list[datetime]:
    return list(box.calendars.values_list("full_round_at", flat=True))


def test_only_calendars_that_count_and_are_read_well_are_compared(unit):
    google, paused = connect(unit), connect(unit, state="paused")
    (box,) = serve(google, 1)
    calendar(box, NOW - 23 * HOUR)
    calendar(box, NOW - 2 * DAY, provider_id="left out", counts=False)
    calendar(box, NOW - 3 * DAY, provider_id="gone", gone_at=NOW)
    calendar(box, NOW - 4 * DAY, provider_id="of another", provider="microsoft")
    (failing,) = serve(google, 1, state=State.FAILING, failure=Failure.REFUSED)
    calendar(failing, NOW - 5 * DAY)
    (held,) = serve(paused, 1, state=State.PAUSED)
    calendar(held, NOW - 6 * DAY)

    found = look(unit).reconciliation

    assert (found.calendars, found.done, found.oldest) == (1, 1, NOW - 23 * HOUR)


def test_a_unit_at_rest_has_no_next_calendar(unit):
    (box,) = serve(connect(unit), 1)
    calendar(box, NOW - HOUR)
    OrganizationalUnit.objects.filter(pk=unit.pk).update(state="paused")
    unit.refresh_from_db()

    assert look(unit).reconciliation.next_at is None


# --- nothing yet, others, and the cost


def test_a_unit_says_why_there_is_nothing_to_see(unit):
    assert look(unit).empty == "no_connection"

    connect(unit, "none", "no_access")
    assert look(unit).empty == "no_access"

    google = connect(unit, state="pending")
    assert look(unit).empty == "nothing_read"

    serve(google, 1, last_synced_at=NOW)
    assert look(unit).empty == ""


def test_what_an_ended_connection_read_stays_in_the_days(unit):
    count(connect(unit, state="disconnected"), NOW.replace(minute=0), mailboxes_read=3)

    found = look(unit)

    assert (found.empty, found.lags, found.days[-1].counts.readings) == ("", (), 3)


def test_nothing_of_another_unit_is_counted(unit):
    other = OrganizationalUnit.objects.exclude(pk=unit.pk).get()
    google = connect(other)
    (box,) = serve(google, 1, state=State.FAILING, failure=Failure.REFUSED)
    calendar(box, NOW)
    count(google, NOW.replace(minute=0), mailboxes_read=3)

    found = look(unit)

    assert (found.mailboxes.not_working, found.lags, found.providers) == (0, (), ())
    assert (found.last_day.readings, found.reconciliation.calendars) == (0, 0)


@pytest.mark.parametrize("members", [3, 300])
def test_it_takes_eight_queries_whatever_the_number_of_members(unit, members):
    google = connect(unit)
    connect(unit, "microsoft", "read_write")
    for box in serve(google, members, last_synced_at=NOW):
        calendar(box, NOW)
    for back in range(members):
        count(google, NOW.replace(minute=0) - back * HOUR, mailboxes_read=1)

    with CaptureQueriesContext(database) as asked:
        look(unit)

    assert len(asked) == 8, "\n".join(query["sql"] for query in asked)
