"""What comes between the wish for another mode and the change: other tabs, other people, kills, losses."""

from datetime import timedelta
from threading import Thread

import pytest
from django.db import connections as databases
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from connections import busy_store, calendar_connections, health, jobs, mode_changes
from connections.bare_spans import to_bare_spans
from connections.models import BusyPeriod, CalendarConnection, Mailbox, MemberCalendar, ModeChange
from connections.periods import replace_answer
from connections.states import NotPossibleNow
from orgunits import units
from tests.connections.changing import bare_names, begin, check, complete, grant_at_google, granted, rows
from tests.connections.reading import stored
from tests.connections.scene import GOOGLE_FREE_BUSY, GOOGLE_READ_WRITE, MICROSOFT_READ_WRITE, in_modes
from tests.connections.test_resuming import own_reading
from tests.guards.leaks import everything_kept, places_of
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
narrower, wider = in_modes(GOOGLE_READ_WRITE), in_modes(GOOGLE_FREE_BUSY)
USERINFO = [f"https://www.googleapis.com/auth/userinfo.{name}" for name in ("email", "profile")]
both_providers = in_modes(GOOGLE_READ_WRITE, MICROSOFT_READ_WRITE)


def ready(scene) -> ModeChange:
    """A change for which everything is granted."""
    change = begin(scene)
    granted(scene, change)
    assert check(change).works
    return change


def pause(scene) -> None:
    calendar_connections.pause(scene.connection, by=scene.company.olga, now=timezone.now())


def disconnect(scene) -> None:
    calendar_connections.disconnect(scene.connection, by=scene.company.olga, now=timezone.now())


def rest(scene) -> None:
    units.pause_unit(scene.company.unit, by=scene.company.olga, now=timezone.now())


# --- the connection became something else meanwhile


@both_providers
@pytest.mark.parametrize("become", [pause, disconnect, rest])
def test_a_connection_that_makes_no_calls_is_not_changed(scene, become):
    change = ready(scene)
    become(scene)
    before = rows()

    with pytest.raises(NotPossibleNow):
        complete(scene, change)

    assert rows() == before
    assert CalendarConnection.objects.get().mode == "read_write"


@narrower
def test_paused_and_resumed_the_change_goes_on(scene):
    change = ready(scene)
    pause(scene)
    assert check(change).reason == "paused_by_admin"
    calendar_connections.resume(CalendarConnection.objects.get(), by=scene.company.olga, now=timezone.now())

    assert check(change).works
    complete(scene, change)

    assert CalendarConnection.objects.get().mode == "free_busy"


@narrower
def test_a_connection_lost_because_the_old_scopes_were_replaced_works_again_by_the_change(scene):
    change = begin(scene)
    grant_at_google(scene, change, scopes=list(mode_changes.diff_of(change).to_add) + USERINFO)
    health.check_connection(CalendarConnection.objects.get(), by=None, now=timezone.now())
    calendar_connections.mark_lost(CalendarConnection.objects.get(), "incomplete", now=timezone.now())
    assert Mailbox.objects.filter(state=Mailbox.State.STOPPED).exists()

    assert check(change).works
    complete(scene, change)

    connection = CalendarConnection.objects.get()
    assert (connection.state, connection.state_reason, connection.mode) == ("active", "", "free_busy")
    assert not Mailbox.objects.filter(state=Mailbox.State.STOPPED).exists()
    scene.read()
    assert scene.is_true()


# --- twice, late, and after a kill


@narrower
def test_the_change_is_made_once_in_two_tabs(scene):
    change = ready(scene)
    complete(scene, change)
    before = rows()

    with pytest.raises(NotPossibleNow):
        complete(scene, change)

    assert rows() == before


@narrower
def test_what_was_found_some_minutes_ago_is_not_enough(scene):
    change = ready(scene)
    before = rows()

    with pytest.raises(NotPossibleNow):
        complete(scene, change, now=timezone.now() + timedelta(minutes=6))

    assert rows() == before
    assert check(change).works
    complete(scene, change)


@narrower
def test_killed_between_the_grant_and_the_change_looking_again_goes_on(scene, monkeypatch):
    change = ready(scene)
    before = rows()

    class Killed(BaseException):
        pass

    def killed(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "async_task", killed)  # the last thing that the step does
        with pytest.raises(Killed):
            complete(scene, change)

    assert rows() == before
    assert ModeChange.objects.values_list("state", flat=True).get() == "open"
    assert check(change).works
    complete(scene, change)
    assert CalendarConnection.objects.get().mode == "free_busy"


@narrower
def test_the_same_look_twice_finds_the_same(scene):
    change = ready(scene)
    first = ModeChange.objects.values("answers", "problem", "state").get()

    check(change)

    assert ModeChange.objects.values("answers", "problem", "state").get() == first


@narrower
def test_a_change_back_begins_after_the_first_is_made_and_needs_nothing_from_it(scene):
    complete(scene, ready(scene))
    scene.read()

    back = begin(scene)
    grant_at_google(scene, back)
    assert check(back).works
    complete(scene, back)

    scene.read()
    assert scene.is_true()
    assert CalendarConnection.objects.get().mode == "read_write"
    assert mode_changes.latest_change(CalendarConnection.objects.get()).pk == back.pk


@narrower
def test_another_key_chosen_meanwhile_makes_the_last_look_worthless(scene):
    change = ready(scene)
    calendar_connections.use_key(
        CalendarConnection.objects.get(), None, by=scene.company.olga, now=timezone.now()
    )

    with pytest.raises(NotPossibleNow):
        complete(scene, change)

    assert CalendarConnection.objects.get().mode == "read_write"


# --- readings under way in the old mode


@narrower
def test_a_reading_that_began_in_the_old_mode_brings_back_no_id(scene):
    MemberCalendar.objects.update(feed_token="")  # a whole round, which begins where the change leaves off
    late = own_reading(scene)
    seen = stored(scene.member)
    complete(scene, ready(scene))

    row = MemberCalendar.objects.get(mailbox=scene.member.mailbox, primary=True)
    busy_store.store(row.pk, late.readings[0], late.task, now=timezone.now())

    assert bare_names()
    assert stored(scene.member) == seen
    assert MemberCalendar.objects.get(pk=row.pk).feed_token == ""


@narrower
def test_a_refusal_met_in_the_old_mode_does_not_lose_the_connection(scene):
    in_old_mode = CalendarConnection.objects.select_related("unit", "credential").get()
    change = ready(scene)
    complete(scene, change)
    scene.providers.control(
        "POST",
        "delegation",
        client_id=mode_changes.key_of(in_old_mode).client_id,
        scopes=[*USERINFO, *mode_changes.diff_of(change).to_add],
    )

    health.check_connection(in_old_mode, by=None, now=timezone.now())
    calendar_connections.mark_lost(in_old_mode, "incomplete", now=timezone.now())

    connection = CalendarConnection.objects.get()
    assert connection.state == "active"
    assert not connection.checks.filter(name="https://www.googleapis.com/auth/calendar").exists()
    assert not connection.checks.exclude(result="granted").exists()


@both_providers
def test_after_the_narrower_mode_no_id_and_no_word_of_an_event_stands_anywhere(scene):
    ids = set(BusyPeriod.objects.values_list("provider_id", flat=True))
    assert any(places_of(name, everything_kept()) for name in ids)

    complete(scene, ready(scene))

    kept = everything_kept()
    assert [place for name in ids for place in places_of(name, kept)] == []
    assert places_of("canary-", kept) == []


@wider
def test_members_are_read_by_the_queue_right_after_the_change(scene):
    change = ready_at_google(scene)
    complete(scene, change)

    run_waiting_jobs()

    assert MemberCalendar.objects.get(mailbox=scene.member.mailbox, primary=True).full_round_at is not None
    assert not BusyPeriod.objects.filter(member=scene.member, provider_id__regex=r"^\d+-\d+-\d$").exists()


def ready_at_google(scene) -> ModeChange:
    change = begin(scene)
    grant_at_google(scene, change)
    check(change)
    return change


@pytest.mark.django_db(transaction=True)
@narrower
def test_whoever_looks_while_the_change_is_made_never_finds_somebody_free(scene):
    """The rewriting is one statement of one transaction: before it and after it the same minutes are busy."""
    seen, looks = stored(scene.member), []
    change = ready(scene)
    stop = []

    def look() -> None:
        while not stop:
            looks.append(stored(scene.member))
        databases.close_all()

    looker = Thread(target=look)
    looker.start()
    try:
        complete(scene, change)
    finally:
        stop.append(True)
        looker.join()

    assert looks
    assert all(found == seen for found in looks)


# --- bare spans


SPAN = some.tuples(some.integers(0, 300), some.integers(0, 60), some.sampled_from(BusyPeriod.Kind.values))


@narrower
def test_bare_spans_are_what_a_free_busy_answer_with_the_same_minutes_would_be(scene):
    calendar = MemberCalendar.objects.get(mailbox=scene.member.mailbox, primary=True)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(some.lists(SPAN, max_size=30))
    def same(spans):
        BusyPeriod.objects.filter(calendar=calendar).delete()
        BusyPeriod.objects.bulk_create(
            BusyPeriod(
                calendar=calendar,
                member=scene.member,
                provider_id=f"event{number}",
                starts=starts,
                ends=starts + length,
                kind=kind,
            )
            for number, (starts, length, kind) in enumerate(spans)
        )
        everything = [(0, 400)]
        wanted = replace_answer([], everything, [(s, s + n, k) for s, n, k in spans if n])

        for _twice in range(2):
            to_bare_spans(MemberCalendar.objects.filter(pk=calendar.pk))

            assert bare_names()
            found = BusyPeriod.objects.filter(calendar=calendar).order_by("starts", "ends", "kind")
            assert [row for row in found.values_list("starts", "ends", "kind") if row[0] < row[1]] == wanted

    same()


@narrower
def test_the_calendars_of_other_connections_keep_their_rows(scene):
    before = list(BusyPeriod.objects.order_by("pk").values())

    to_bare_spans(MemberCalendar.objects.filter(mailbox__connection=0))

    assert list(BusyPeriod.objects.order_by("pk").values()) == before


# --- the job


@narrower
def test_the_job_looks_again_when_it_is_time_and_not_before(scene):
    change = begin(scene)
    check(change)
    grant_at_google(scene, change)

    jobs.check_mode_change(change.pk)
    assert ModeChange.objects.get().problem == "incomplete"
    ModeChange.objects.update(checked_at=timezone.now() - timedelta(minutes=2))
    jobs.check_mode_change(change.pk)

    assert ModeChange.objects.get().problem == ""
