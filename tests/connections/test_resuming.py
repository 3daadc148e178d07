"""Reading goes on after whatever came between: lost places, new days, errors, other workers, a stop half-way."""

from datetime import datetime, timedelta

import pytest
from django_q.models import OrmQ

from connections import busy_store, calendars, free_busy, slices
from connections.models import BusyPeriod, EventPosition, Mailbox, MemberCalendar, ReadingHour
from connections.modes import capabilities
from connections.periods import merged, minute_of, moment_of, outside
from connections.reading import KnownCalendar, MailboxReading, Task, read
from connections.services import calendar_service
from tests.connections.reading import set_clock, stored, stored_in, window
from tests.connections.sandbox_calendar import SandboxCalendar
from tests.connections.scene import (
    GOOGLE_FREE_BUSY,
    GOOGLE_READ_WRITE,
    HIGH,
    IN_MARCH,
    LOW,
    MICROSOFT_FREE_BUSY,
    MICROSOFT_READ_WRITE,
    MINUTE,
    NOW,
    TOMORROW,
    Scene,
    in_modes,
    whole_day,
)

pytestmark = pytest.mark.django_db


# --- the place in the feed is lost --------------------------------------------------------------------------------
LOST = [
    (GOOGLE_FREE_BUSY, ("sync_token_expired", {})),
    (GOOGLE_READ_WRITE, ("sync_token_expired", {})),
    (MICROSOFT_FREE_BUSY, ("delta_gone", {})),
    (MICROSOFT_READ_WRITE, ("delta_gone", {"code": "syncStateInvalid", "status": 400})),
    (MICROSOFT_READ_WRITE, ("delta_gone", {"code": "resyncRequired", "status": 410})),
    (MICROSOFT_READ_WRITE, ("delta_gone", {"code": "RESYNCREQUIRED", "status": 404})),
]


@pytest.mark.parametrize(("scene", "fault"), LOST, indirect=["scene"])
def test_a_lost_place_leads_to_a_full_round_that_sweeps_what_is_no_more(scene, fault):
    calendar = scene.member.mailbox.calendars.get(primary=True)
    ghost = {"calendar": calendar, "provider_id": "ghost", "starts": minute_of(IN_MARCH)}
    BusyPeriod.objects.create(**ghost, ends=minute_of(IN_MARCH) + 45, kind=1, member=scene.member)
    if scene.connection.mode == "free_busy" and scene.connection.provider == "google":
        EventPosition.objects.create(**ghost, ends=minute_of(IN_MARCH) + 45)
    scene.calendar.add(TOMORROW)
    scene.providers.fault(fault[0], times=1, **fault[1])

    scene.read()

    assert not BusyPeriod.objects.filter(provider_id="ghost").exists()
    assert not EventPosition.objects.filter(provider_id="ghost").exists()
    assert scene.is_true()
    calendar.refresh_from_db()
    assert calendar.full_round_at == scene.now - MINUTE


@in_modes()
def test_after_the_full_round_changes_are_read_again(scene):
    scene.providers.fault("sync_token_expired", times=1)
    scene.providers.fault("delta_gone", times=1)
    scene.read()
    calendar = scene.member.mailbox.calendars.get(primary=True)
    scene.calendar.add(TOMORROW)

    scene.read()

    assert scene.is_true()
    assert scene.member.mailbox.calendars.get(primary=True).full_round_at == calendar.full_round_at


# --- once a day everything is read, and the window moves with the days --------------------------------------------
@in_modes()
def test_the_next_day_the_window_is_read_anew(scene):
    scene.calendar.add(HIGH + timedelta(hours=2))
    scene.read()
    scene.now += timedelta(days=1)

    scene.read()

    low, high = window(scene.now)
    assert stored_in(scene.member, low, high) == instants(scene.calendar.busy(low, high))
    assert stored(scene.member)[-1][1] > minute_of(HIGH)
    calendar = scene.member.mailbox.calendars.get(primary=True)
    assert (calendar.window_starts, calendar.window_ends) == (low, high)


def instants(spans) -> list[tuple[datetime, datetime]]:
    return [(moment_of(starts), moment_of(ends)) for starts, ends in spans]


@in_modes()
def test_what_lies_before_the_window_is_swept_with_it(scene):
    scene.now += timedelta(days=20)

    scene.read()

    assert stored(scene.member)[0][1] > minute_of(window(scene.now)[0])


def test_each_mailbox_is_compared_once_a_day_at_a_minute_of_its_own():
    day = [slices.reconciliation_due(1, now=NOW + timedelta(minutes=n)) for n in range(24 * 60)]
    minutes = {slices.reconciliation_due(number, now=NOW).time() for number in range(24 * 60)}

    assert len(set(day)) == 2  # the last one before NOW, and the one in the 24 hours after it
    assert max(day) - min(day) == timedelta(days=1)
    assert len(minutes) == 24 * 60


@in_modes()
def test_comparing_finds_nothing_where_changes_told_everything(scene):
    scene.calendar.add(TOMORROW)
    scene.now += timedelta(days=1)

    scene.read()

    assert is_true_today(scene)
    assert missed(scene) == [0]


@in_modes()
def test_comparing_counts_and_mends_what_changes_had_missed(scene):
    scene.calendar.add(TOMORROW)
    scene.read()
    row = BusyPeriod.objects.get(member=scene.member, starts=minute_of(TOMORROW))
    row.delete()  # as if its change had never been told
    scene.now += timedelta(days=1)

    scene.read()

    assert is_true_today(scene)
    assert missed(scene) == [1]
    assert sum(ReadingHour.objects.values_list("missed", flat=True)) == 1
    assert sum(ReadingHour.objects.values_list("reconciled", flat=True)) == 1


def is_true_today(scene: Scene) -> bool:
    low, high = window(scene.now)
    return stored_in(scene.member, low, high) == instants(scene.calendar.busy(low, high))


def missed(scene: Scene) -> list[int]:
    return list(scene.member.mailbox.calendars.filter(counts=True).values_list("missed", flat=True))


# --- an error inside a good answer --------------------------------------------------------------------------------
@in_modes(GOOGLE_FREE_BUSY)
def test_an_error_for_the_calendar_means_unknown_not_free(scene):
    scene.providers.fault("calendar_error", target=scene.calendar.address)
    MemberCalendar.objects.update(feed_token="")

    scene.read()

    assert stored(scene.member) == []
    assert stored(scene.member, kind=BusyPeriod.Kind.UNKNOWN) == [(minute_of(LOW), minute_of(HIGH))]


@in_modes(GOOGLE_FREE_BUSY)
def test_an_error_for_one_question_makes_only_its_span_unknown(scene):
    scene.providers.fault("calendar_error", times=1)
    scene.calendar.add(TOMORROW)

    scene.read()

    day = tuple(minute_of(moment) for moment in whole_day(TOMORROW))
    assert stored(scene.member, kind=BusyPeriod.Kind.UNKNOWN) == [day]
    assert stored(scene.member) == outside(scene.calendar.busy(LOW, HIGH), [day])


@in_modes(GOOGLE_FREE_BUSY)
def test_a_later_good_answer_heals_what_was_unknown_and_comes_soon(scene, settings):
    scene.providers.fault("calendar_error", times=2)
    MemberCalendar.objects.update(feed_token="")
    scene.read()
    box = Mailbox.objects.get(member=scene.member)
    assert box.next_sync_at - box.last_attempt_at == timedelta(seconds=settings.POLL_SECONDS / 5)

    scene.read()

    assert stored(scene.member, kind=BusyPeriod.Kind.UNKNOWN) == []
    assert scene.is_true()


# --- occurrences without facts ------------------------------------------------------------------------------------
@in_modes(MICROSOFT_FREE_BUSY, MICROSOFT_READ_WRITE)
def test_each_series_that_began_before_the_window_is_asked_for_once(scene):
    scene.providers.control("POST", "reset")
    set_clock(scene.providers, NOW)
    since = scene.providers.control("GET", "state")["calls"]
    MemberCalendar.objects.update(feed_token="")

    scene.read()

    calls = scene.providers.control("GET", "calls")["calls"][since:]
    series = {e["series"] for e in scene.calendar.events(LOW, HIGH) if e["series"]}
    assert len([call for call in calls if call["operation"] == "events.get"]) == len(series) > 0
    assert scene.is_true()


@in_modes(MICROSOFT_FREE_BUSY, MICROSOFT_READ_WRITE)
def test_a_series_that_cannot_be_asked_for_leaves_everything_as_it_was(scene):
    before = stored(scene.member)
    MemberCalendar.objects.update(feed_token="")
    scene.providers.fault("server_error", target="events.get", times=1)

    scene.read()

    box = Mailbox.objects.get(member=scene.member)
    assert (box.state, box.failure) == (Mailbox.State.FAILING, Mailbox.Failure.UNREACHABLE)
    assert stored(scene.member) == before
    scene.read()
    assert Mailbox.objects.get(member=scene.member).state == Mailbox.State.SYNCED


# --- one reading after the other ----------------------------------------------------------------------------------
def own_reading(scene: Scene) -> MailboxReading:
    """What another worker read, which has not been written yet."""
    row = scene.member.mailbox.calendars.get(primary=True)
    task = Task(
        mailbox_id=scene.member.mailbox.pk,
        connection_id=scene.connection.pk,
        mode=scene.connection.mode,
        address=scene.member.email,
        calendars=(KnownCalendar(row.provider_id, row.feed_token),),
        not_counting=frozenset(),
        list_calendars=False,
        starts=LOW,
        ends=HIGH,
        truth=capabilities(scene.connection.provider, scene.connection.mode).truth,
    )
    return read(calendar_service(scene.connection), task)


@in_modes(GOOGLE_READ_WRITE, MICROSOFT_FREE_BUSY)
def test_a_reading_that_began_from_an_old_place_is_dropped(scene):
    event = scene.calendar.add(TOMORROW)
    slow = own_reading(scene)
    scene.calendar.remove(event)
    scene.read()
    row = scene.member.mailbox.calendars.get(primary=True)

    busy_store.store(row.pk, slow.readings[0], slow.task, now=scene.now)

    assert scene.is_true()
    assert scene.member.mailbox.calendars.get(primary=True).feed_token == row.feed_token


@in_modes(GOOGLE_FREE_BUSY, MICROSOFT_READ_WRITE)
def test_a_reading_of_a_calendar_that_counts_no_longer_is_dropped(scene):
    scene.calendar.add(TOMORROW)
    slow = own_reading(scene)
    calendars.choose_calendars(scene.member, set(), by=scene.company.olga, now=scene.now)

    busy_store.store(
        MemberCalendar.objects.get(mailbox__member=scene.member, primary=True).pk,
        slow.readings[0],
        slow.task,
        now=scene.now,
    )

    assert not BusyPeriod.objects.exists()


@in_modes()
def test_running_a_slice_twice_asks_and_changes_nothing(scene):
    scene.calendar.add(TOMORROW)
    ids, asked_at = [scene.member.mailbox.pk], scene.now
    slices.read_slice(scene.connection, ids, asked_at=asked_at, now=scene.now + timedelta(seconds=3))
    rows, calls = sorted(BusyPeriod.objects.values_list()), scene.providers.control("GET", "state")["calls"]

    slices.read_slice(scene.connection, ids, asked_at=asked_at, now=scene.now + timedelta(seconds=90))

    assert sorted(BusyPeriod.objects.values_list()) == rows
    assert scene.providers.control("GET", "state")["calls"] == calls


@in_modes(GOOGLE_FREE_BUSY)
def test_a_job_that_died_is_handed_out_again_when_its_lease_ends(scene):
    Mailbox.objects.exclude(member=scene.member).update(next_sync_at=None)
    OrmQ.objects.all().delete()
    due = Mailbox.objects.get(member=scene.member).next_sync_at
    free_busy.enqueue_due(scene.connection, now=due)
    OrmQ.objects.all().delete()  # whoever took it was killed

    early = free_busy.enqueue_due(scene.connection, now=due + free_busy.LEASE - MINUTE)
    late = free_busy.enqueue_due(scene.connection, now=due + free_busy.LEASE)

    assert (early, late) == (0, 1)


# --- stopped between two calendars --------------------------------------------------------------------------------
def with_private_plans(scene: Scene) -> SandboxCalendar:
    """The member's second calendar, chosen to count and read."""
    names = set(MemberCalendar.objects.values_list("public_id", flat=True))
    calendars.choose_calendars(scene.member, names, by=scene.company.olga, now=scene.now)
    scene.read()
    assert len(names) == 2
    return SandboxCalendar(scene.providers, scene.member.email, "private-plans")


def is_true_of_both(scene: Scene, plans: SandboxCalendar) -> bool:
    return scene.in_window() == merged([*scene.calendar.busy(LOW, HIGH), *plans.busy(LOW, HIGH)])


@in_modes(GOOGLE_FREE_BUSY, GOOGLE_READ_WRITE)
def test_a_failure_in_the_second_calendar_is_made_up_for(scene):
    plans = with_private_plans(scene)
    scene.calendar.add(TOMORROW)
    plans.add(TOMORROW + timedelta(hours=5))
    second = MemberCalendar.objects.get(primary=False)
    scene.providers.fault("server_error", target=second.provider_id, times=1)

    scene.read()
    failing = Mailbox.objects.get(member=scene.member).state
    scene.read()

    assert failing == Mailbox.State.FAILING
    assert is_true_of_both(scene, plans)


@in_modes(GOOGLE_FREE_BUSY)
def test_what_was_written_before_the_stop_stays_and_the_rest_is_read_again(scene):
    plans = with_private_plans(scene)
    plans.add(TOMORROW + timedelta(hours=5))
    second = MemberCalendar.objects.get(primary=False)
    scene.providers.fault("server_error", target="calendar.freebusy.query", times=1)

    scene.read()
    stopped_at = scene.now - MINUTE
    synced = dict(MemberCalendar.objects.values_list("primary", "last_synced_at"))
    scene.read()

    assert synced[True] == stopped_at
    assert synced[False] == second.last_synced_at
    assert is_true_of_both(scene, plans)


@in_modes(MICROSOFT_FREE_BUSY)
def test_a_second_calendar_of_microsoft_is_made_up_for_too(scene):
    plans = with_private_plans(scene)
    scene.calendar.add(TOMORROW)
    plans.add(TOMORROW + timedelta(hours=5))
    scene.providers.fault("failing_page", page=1, times=1)

    scene.read()
    scene.read()

    assert is_true_of_both(scene, plans)
