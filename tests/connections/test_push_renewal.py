"""Channels end; new ones are there before. What goes wrong is tried again by the row's own rule."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connections import channels, jobs
from connections.models import CalendarConnection, MemberCalendar, PushChannel
from connections.providers.base import OpenChannel
from orgunits.models import Member, OrganizationalUnit
from tests.connections.push import State, announced_in
from tests.connections.scene import GOOGLE_FREE_BUSY, MICROSOFT_READ_WRITE
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
of_google, of_microsoft = announced_in(GOOGLE_FREE_BUSY), announced_in(MICROSOFT_READ_WRITE)
of_both = announced_in(GOOGLE_FREE_BUSY, MICROSOFT_READ_WRITE)


def two_thirds(channel: PushChannel):
    return channel.state_since + (channel.expires_at - channel.state_since) * 2 / 3


def move_on(announced, **later):
    """Let that much time go by, here and at the provider."""
    now = timezone.now() + timedelta(**later)
    announced.providers.control("POST", "clock", now=now.isoformat())
    return now


@of_both
def test_a_channel_is_to_be_renewed_at_two_thirds_of_the_life_the_provider_gave_it(announced):
    for channel in announced.channels():
        assert abs(channel.due_at - two_thirds(channel)) < timedelta(seconds=1)


@of_google
def test_googles_channel_is_followed_by_a_new_one_before_it_ends_and_then_stopped(announced):
    old = announced.channels()
    now = move_on(announced, days=5)

    announced.keep(now=now)

    new = announced.channels()
    assert {channel.state for channel in new} == {State.OPEN}
    assert {c.calendar_id for c in new} == {c.calendar_id for c in old}
    assert not {c.channel_id for c in new} & {c.channel_id for c in old}
    assert all(channel.expires_at > now + timedelta(days=6) for channel in new)
    kinds = [call["path"].rsplit("/", 1)[-1] for call in announced.calls("calendar/v3/")]
    assert [kind for kind in kinds if kind in {"watch", "stop"}][2:] == ["watch", "watch", "stop", "stop"]


@of_google
def test_while_the_new_channel_is_refused_the_old_one_goes_on_to_its_end(announced):
    old = announced.channels()
    now = move_on(announced, days=5)
    announced.providers.fault("channel_refused")

    announced.keep(now=now)

    states = [(channel.state, channel.problem) for channel in announced.channels()]
    assert sorted(states) == [(State.OPEN, "")] * 2 + [(State.REFUSED, "push.webhookUrlUnauthorized")] * 2
    assert announced.letterbox.messages or announced.change().deliver().status_code == 202

    announced.keep(now=now + timedelta(days=2, minutes=5))  # they have ended

    assert {c.pk for c in announced.channels()}.isdisjoint(c.pk for c in old)


@of_microsoft
def test_microsofts_subscription_is_renewed_as_it_is(announced):
    old = announced.channel
    now = move_on(announced, hours=48)

    announced.keep(now=now)

    channel = announced.channel
    assert (channel.pk, channel.channel_id) == (old.pk, old.channel_id)
    assert channel.expires_at > now + timedelta(hours=70)
    assert channel.due_at > now + timedelta(hours=46)
    assert [call["method"] for call in announced.calls("/subscriptions")].count("PATCH") == 2


@of_microsoft
def test_a_subscription_the_provider_forgot_is_opened_anew_and_its_mailbox_read(announced):
    PushChannel.objects.filter(pk=announced.channel.pk).update(
        channel_id="00000000-0000-4000-8000-000000000000", due_at=timezone.now()
    )

    announced.keep()

    assert announced.channel.state == State.OPEN
    assert announced.channel.channel_id != "00000000-0000-4000-8000-000000000000"
    assert announced.hinted()


@of_both
def test_a_provider_that_is_down_is_asked_again_soon_and_ever_more_seldom(announced):
    PushChannel.objects.filter(pk=announced.channel.pk).update(due_at=timezone.now())
    announced.providers.fault("server_error", status=503)
    waits, now = [], timezone.now()

    for _ in range(3):
        announced.keep(now=now)
        row = max(announced.channels(), key=lambda channel: channel.attempts)
        waits.append((row.due_at - now).total_seconds() / 60)
        now = row.due_at

    assert waits == [1, 2, 4]
    announced.providers.control("DELETE", "faults")
    announced.providers.control("POST", "clock", now=now.isoformat())
    announced.keep(now=now)
    assert {(c.state, c.attempts) for c in announced.channels()} == {(State.OPEN, 0)}


@of_google
def test_a_channel_that_ended_unnoticed_is_replaced_and_its_mailbox_read(announced):
    PushChannel.objects.update(expires_at=timezone.now(), due_at=timezone.now())

    announced.keep()

    assert len(announced.channels(state=State.OPEN, expires_at__gt=timezone.now())) == 2
    assert announced.hinted()


@of_google
def test_a_refused_channel_is_asked_for_again_after_a_growing_wait(announced):
    PushChannel.objects.all().delete()
    announced.providers.fault("channel_refused")
    waits, now = [], timezone.now()

    for _ in range(3):
        announced.keep(now=now)
        (one, _other) = announced.channels()
        assert (one.state, one.problem) == (State.REFUSED, "push.webhookUrlUnauthorized")
        waits.append((one.due_at - now).total_seconds() / 3600)
        announced.keep(now=now + timedelta(minutes=1))  # not before its time
        now = one.due_at

    assert waits == [1, 2, 4]
    tries = 2  # a 401 is met with a fresh token once
    assert len(announced.calls("events/watch")) == 2 + 3 * 2 * tries


@of_google
def test_a_provider_that_refuses_all_is_not_asked_for_each_calendar(announced):
    PushChannel.objects.all().delete()
    announced.providers.fault("channel_refused")
    box = announced.box
    MemberCalendar.objects.bulk_create(
        MemberCalendar(unit=box.unit, mailbox=box, provider="google", provider_id=f"no-{n}", counts=True)
        for n in range(20)
    )

    for minute in range(3):
        announced.keep(now=timezone.now() + timedelta(minutes=minute))

    assert [channel.state for channel in announced.channels()] == [State.REFUSED] * channels.FEW


@of_google
def test_bookable_people_come_first(announced):
    PushChannel.objects.all().delete()
    Member.objects.filter(pk=announced.members[0].pk).update(bookable=False)
    taken = channels.take_to_open(announced.connection, most=1, now=timezone.now())

    assert [row.mailbox.member for row in taken] == [announced.members[1]]


@of_google
def test_a_job_that_died_in_the_middle_is_made_good_after_its_lease(announced):
    PushChannel.objects.all().delete()
    now = timezone.now()
    left = channels.take_to_open(announced.connection, most=10, now=now)
    assert channels.take_to_open(announced.connection, most=10, now=now) == []

    announced.keep(now=now + timedelta(minutes=1))
    assert announced.channels(state=State.OPEN) == []
    announced.keep(now=now + channels.LEASE)

    assert {channel.pk for channel in announced.channels(state=State.OPEN)} == {row.pk for row in left}


@of_google
def test_a_channel_that_nobody_wants_any_more_when_the_answer_comes_is_stopped(announced):
    PushChannel.objects.all().delete()
    (row, *_) = channels.take_to_open(announced.connection, most=10, now=timezone.now())
    channels.close_all(announced.connection, now=timezone.now())

    late = OpenChannel(row.channel_id, "resource", timezone.now() + timedelta(days=7))

    assert channels.opened(row, late, now=timezone.now()) is False
    assert announced.channels() == []


@of_google
def test_a_busy_provider_is_given_the_time_it_asks_for(announced):
    PushChannel.objects.all().delete()
    announced.providers.fault("rate_limited", status=429, retry_after=120)
    now = timezone.now()

    announced.keep(now=now)

    announced.connection.refresh_from_db()
    assert announced.connection.slowed_until == now + timedelta(seconds=120)
    jobs.keep_channels()
    assert run_waiting_jobs() == 0


@of_google
def test_nothing_is_opened_for_a_unit_that_is_paused_and_nothing_kept(announced):
    OrganizationalUnit.objects.filter(pk=announced.company.unit.pk).update(state="paused")

    jobs.keep_channels()
    run_waiting_jobs()

    assert announced.channels() == []


@of_google
def test_when_the_authorization_is_lost_channels_are_dropped_and_come_back_with_it(announced):
    CalendarConnection.objects.update(state="needs_reauthorization")
    announced.providers.control("DELETE", "delegation", client_id=announced.connection.credential.client_id)

    jobs.keep_channels()
    run_waiting_jobs()

    assert announced.channels() == []


@of_google
def test_a_run_takes_only_as_many_calls_as_the_minute_has_left(announced, settings):
    PushChannel.objects.all().delete()
    settings.GOOGLE_REQUESTS_PER_MINUTE = 0

    announced.keep()

    assert announced.channels(state=State.OPEN) == []
    settings.GOOGLE_REQUESTS_PER_MINUTE = 10_000
    announced.keep(now=timezone.now() + timedelta(minutes=1))
    assert len(announced.channels(state=State.OPEN)) == 2
