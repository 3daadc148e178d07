"""Google's push channels: opened for each calendar that counts, followed by new ones, stopped when not wanted."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connections import calendar_connections, calendars, jobs
from connections.models import Mailbox, MemberCalendar, PushChannel
from tests.connections.push import State, announced_in
from tests.connections.scene import GOOGLE_FREE_BUSY, GOOGLE_READ_WRITE
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
in_both_modes = announced_in(GOOGLE_READ_WRITE, GOOGLE_FREE_BUSY)
in_one_mode = announced_in(GOOGLE_FREE_BUSY)


@in_both_modes
def test_each_calendar_that_counts_has_one_open_channel(announced):
    channels = announced.channels()

    counting = MemberCalendar.objects.filter(counts=True, mailbox__connection=announced.connection)
    assert {channel.calendar_id for channel in channels} == set(counting.values_list("pk", flat=True))
    assert len(channels) == 2
    assert {channel.state for channel in channels} == {State.OPEN}
    assert all(channel.resource_id and len(channel.secret_hash) == 64 for channel in channels)
    assert len({channel.secret_hash for channel in channels}) == 2


@in_both_modes
def test_a_change_is_announced_and_read(announced):
    before = announced.busy()

    answer = announced.change().deliver()
    assert answer.status_code == 202
    assert announced.hinted()
    run_waiting_jobs()

    assert not announced.hinted()
    assert len(announced.busy()) != len(before)


@in_one_mode
def test_what_is_announced_is_polled_more_seldom(announced, settings):
    run_waiting_jobs()

    announced.box.refresh_from_db()

    wait = announced.box.next_sync_at - announced.box.last_synced_at
    assert wait == timedelta(seconds=settings.PUSHED_POLL_SECONDS)


@in_one_mode
def test_running_again_opens_nothing_twice(announced):
    before = announced.channels()

    announced.keep()
    jobs.keep_channels()

    assert [channel.channel_id for channel in announced.channels()] == [c.channel_id for c in before]
    assert len(announced.calls("events/watch")) == 2
    assert run_waiting_jobs() == 0


@in_one_mode
def test_opening_is_followed_by_one_reading_of_what_was_announced_to_nobody(announced):
    PushChannel.objects.all().delete()
    announced.calendar.add(timezone.now() + timedelta(hours=1))
    before = announced.busy()

    announced.keep()
    assert announced.hinted()
    run_waiting_jobs()

    assert announced.busy() != before


@in_one_mode
def test_a_calendar_that_no_longer_counts_is_announced_no_longer(announced):
    calendars.choose_calendars(announced.members[0], set(), by=announced.company.olga, now=timezone.now())

    announced.keep()

    assert [channel.mailbox.member for channel in announced.channels()] == announced.members[1:]
    assert len(announced.calls("channels/stop")) == 1


@in_one_mode
def test_a_suspended_member_is_announced_no_longer(announced):
    announced.members[0].state = "suspended"
    announced.members[0].save()

    announced.keep()

    assert [channel.mailbox.member for channel in announced.channels()] == announced.members[1:]


@in_one_mode
def test_a_paused_connection_wants_no_messages_and_opens_again_when_resumed(announced):
    calendar_connections.pause(announced.connection, by=announced.company.olga, now=timezone.now())
    jobs.keep_channels()
    run_waiting_jobs()
    assert announced.channels() == []
    assert len(announced.calls("channels/stop")) == 2

    calendar_connections.resume(announced.connection, by=announced.company.olga, now=timezone.now())
    run_waiting_jobs()
    jobs.keep_channels()
    run_waiting_jobs()

    assert [channel.state for channel in announced.channels()] == [State.OPEN, State.OPEN]


@in_one_mode
def test_disconnecting_stops_channels_before_the_key_is_forgotten(announced):
    calendar_connections.disconnect(announced.connection, by=announced.company.olga, now=timezone.now())

    assert [call["status"] for call in announced.calls("channels/stop")] == [204, 204]
    assert announced.channels() == []
    announced.connection.refresh_from_db()
    assert announced.connection.credential is None


@in_one_mode
def test_a_provider_that_is_down_holds_up_no_disconnecting(announced):
    announced.providers.fault("server_error", target="www.googleapis.com", status=503)

    calendar_connections.disconnect(announced.connection, by=announced.company.olga, now=timezone.now())

    announced.connection.refresh_from_db()
    assert announced.connection.state == "disconnected"
    assert announced.channels() == []  # its key is gone: they end by themselves


@in_one_mode
def test_without_a_public_address_there_are_no_channels(announced, settings):
    settings.PUBLIC_URL = ""

    jobs.keep_channels()
    run_waiting_jobs()
    announced.keep()

    assert announced.channels() == []


@in_one_mode
def test_only_a_mailbox_that_was_read_is_announced(announced):
    PushChannel.objects.all().delete()
    Mailbox.objects.filter(pk=announced.box.pk).update(state=Mailbox.State.FAILING)

    announced.keep()

    assert [channel.mailbox.member for channel in announced.channels()] == announced.members[1:]
