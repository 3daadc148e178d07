"""Microsoft's subscriptions: one for a mailbox in Read Write, renewed, and what Graph says of them."""

import pytest
from django.utils import timezone

from connections import calendars, jobs
from connections.models import MemberCalendar, PushChannel
from tests.connections.push import State, announced_in
from tests.connections.scene import MICROSOFT_FREE_BUSY, MICROSOFT_READ_WRITE
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
in_read_write = announced_in(MICROSOFT_READ_WRITE)


def lifecycle(announced, event: str):
    """Graph says this of the first member's subscription; the portal hears it."""
    before = len(announced.letterbox.messages)
    name = announced.channel.channel_id
    announced.providers.control("POST", "microsoft/lifecycle", event=event, subscription_id=name)
    answer = announced.letterbox.wait_for(before + 1)[-1].deliver()
    assert answer.status_code == 202


@in_read_write
def test_each_mailbox_has_one_subscription_of_its_own_calendar(announced):
    channels = announced.channels()

    own = MemberCalendar.objects.filter(primary=True, counts=True, mailbox__connection=announced.connection)
    assert sorted(channel.calendar_id for channel in channels) == sorted(own.values_list("pk", flat=True))
    assert {channel.state for channel in channels} == {State.OPEN}
    listed = announced.providers.control("GET", "microsoft/subscriptions")["subscriptions"]
    assert sorted(one["id"] for one in listed) == sorted(channel.channel_id for channel in channels)


@in_read_write
def test_a_change_is_announced_and_read(announced):
    before = announced.busy()
    message = announced.change()

    assert message.deliver().status_code == 202
    run_waiting_jobs()

    assert announced.busy() != before
    assert not announced.hinted()


@announced_in(MICROSOFT_FREE_BUSY)
def test_in_free_busy_nothing_is_asked_for(announced):
    jobs.keep_channels()
    run_waiting_jobs()

    assert announced.channels() == []
    assert announced.calls("subscriptions") == []


@in_read_write
def test_only_the_mailboxs_own_calendar_is_announced(announced):
    row = MemberCalendar.objects.get(mailbox=announced.box, primary=True)
    second = MemberCalendar.objects.create(
        unit=row.unit, mailbox=announced.box, provider="microsoft", provider_id="second", name="Second"
    )
    chosen = {second.public_id}
    calendars.choose_calendars(announced.members[0], chosen, by=announced.company.olga, now=timezone.now())

    announced.keep()

    assert [channel.mailbox.member for channel in announced.channels()] == announced.members[1:]


@in_read_write
def test_a_wish_to_be_reauthorized_is_followed_and_the_end_stays(announced):
    end = announced.channel.expires_at
    lifecycle(announced, "reauthorizationRequired")

    run_waiting_jobs()

    assert [call["status"] for call in announced.calls("/reauthorize")] == [200]
    channel = announced.channel
    assert (channel.state, channel.problem, channel.expires_at) == (State.OPEN, "", end)
    assert channel.due_at > timezone.now()


@in_read_write
def test_after_a_removed_subscription_a_new_one_is_opened_and_the_mailbox_is_read(announced):
    old = announced.channel.channel_id
    lifecycle(announced, "subscriptionRemoved")
    announced.calendar.add(timezone.now())  # announced to nobody
    before = announced.busy()

    run_waiting_jobs()

    assert announced.channel.state == State.OPEN
    assert announced.channel.channel_id != old
    assert announced.busy() != before


@in_read_write
def test_missed_messages_lead_to_a_reading(announced):
    announced.providers.fault("push_lost")
    announced.calendar.add(timezone.now())
    announced.providers.control("DELETE", "faults")
    before = announced.busy()

    lifecycle(announced, "missed")
    run_waiting_jobs()

    assert announced.busy() != before


@in_read_write
def test_a_forged_client_state_moves_nothing(announced):
    announced.providers.fault("client_state_wrong")

    answer = announced.change().deliver()

    assert answer.status_code == 202
    assert not announced.hinted()


@in_read_write
def test_a_portal_that_cannot_be_reached_is_told_why_and_read_at_its_times(announced):
    PushChannel.objects.all().delete()
    announced.providers.control("POST", "push-map", map="https://portal.example=http://localhost:1")

    announced.keep()

    channels = announced.channels()
    assert {(channel.state, channel.problem) for channel in channels} == {(State.REFUSED, "ValidationError")}
    assert all(channel.due_at > timezone.now() for channel in channels)
    announced.box.refresh_from_db()
    assert (announced.box.state, announced.box.failure) == ("synced", "")
