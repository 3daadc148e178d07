"""Google's push channels fail in every way they can: a calendar is never read wrongly, only later.

Reference: Google Calendar API, push notifications. Messages come by real HTTP from the sandbox, or from a stranger.
"""

from datetime import timedelta

import pytest
import requests

from connections.models import PushChannel
from tests.connections.reading import read_now
from tests.providers.announced import Announced
from tests.providers.striking import DAY, HOUR, MINUTE

pytestmark = pytest.mark.django_db(transaction=True)

State = PushChannel.State


@pytest.fixture
def announced(providers, live_server, settings) -> Announced:
    return Announced(providers, live_server, settings, "google", "free_busy")


def message(announced: Announced, channel_id: str, token: str, state: str = "exists") -> int:
    """A message as Google sends it; answers the portal's status."""
    headers = {
        "X-Goog-Channel-ID": channel_id,
        "X-Goog-Channel-Token": token,
        "X-Goog-Resource-ID": "resource",
        "X-Goog-Resource-State": state,
        "X-Goog-Message-Number": "2",
    }
    return requests.post(f"{announced.portal}/push/google", headers=headers, timeout=10).status_code


# --- messages -----------------------------------------------------------------------------------------------------
def test_google_a_change_is_announced_and_known_after_one_reading(announced, wire):
    wire.forget()
    announced.change()

    assert announced.messages(1) == [202]
    assert (announced.is_hinted(), announced.is_hinted(announced.colleague)) == (True, False)
    announced.follow()
    assert len(wire.of("calendar.events.list")) == 1
    assert announced.is_true()


def test_google_the_sync_message_of_a_new_channel_is_answered_and_announces_nothing(announced):
    assert {(one["what"], one["status"]) for one in announced.pushes()} == {("sync", 202)}
    assert not announced.is_hinted()


def test_google_a_message_that_comes_twice_leads_to_one_reading(announced, wire):
    announced.providers.fault("push_duplicate")
    wire.forget()
    announced.change()

    assert announced.messages(2) == [202, 202]
    announced.follow()
    assert len(wire.of("calendar.events.list")) == 1
    assert announced.is_true()


def test_google_a_lost_message_is_made_up_for_by_the_slow_poll(announced, settings):
    announced.providers.fault("push_lost")
    announced.change()
    again = announced.told().again

    announced.read(after=MINUTE)

    assert timedelta() < again <= timedelta(seconds=settings.PUSHED_POLL_SECONDS)
    assert not announced.is_hinted()
    assert announced.is_true()


def test_google_a_message_that_comes_after_its_change_was_read_changes_nothing(announced):
    announced.providers.fault("push_delay", seconds=1)
    announced.change()
    announced.read(after=timedelta())
    known = announced.in_window()

    assert announced.messages(1) == [202]
    announced.follow()

    assert announced.in_window() == known
    assert announced.is_true()


def test_google_messages_in_another_order_than_their_changes_end_in_what_is_true(announced):
    announced.providers.fault("push_delay", seconds=1, times=1)
    announced.change()
    event = announced.calendar.add(announced.now + DAY)
    announced.calendar.remove(event)

    announced.messages(1)
    announced.follow()
    announced.messages(3)
    announced.follow()

    assert announced.is_true()


def test_google_an_unknown_channel_is_refused_with_404_and_nothing_happens(announced):
    assert message(announced, "a-channel-of-somebody-else", "a token") == 404
    assert not announced.is_hinted()


def test_google_a_forged_token_on_a_known_channel_is_refused_like_an_unknown_one(announced):
    known = announced.channel()

    assert message(announced, known.channel_id, "forged") == 404
    assert message(announced, known.channel_id, "") == 404
    assert message(announced, known.channel_id, known.secret_hash) == 404
    assert not announced.is_hinted()
    assert announced.channel().notified_at is None


def test_google_a_channel_that_was_followed_by_another_is_stopped_and_not_believed_any_more(announced):
    known = announced.channel().channel_id
    announced.keep(after=timedelta(days=5))
    announced.change()

    assert announced.messages(1) == [202]
    assert {one["channel"] for one in announced.pushes() if one["what"] == "exists"} != {known}
    assert message(announced, known, "its old token") == 404


# --- opening ------------------------------------------------------------------------------------------------------
def test_google_a_channel_that_is_refused_leaves_reading_at_its_usual_times_and_is_tried_in_an_hour(
    providers, live_server, settings
):
    announced = Announced(providers, live_server, settings, "google", "free_busy", opened=False)
    providers.fault("channel_refused")

    announced.keep()
    announced.read(after=MINUTE)

    channel = announced.channel()
    assert (channel.state, channel.problem) == (State.REFUSED, "push.webhookUrlUnauthorized")
    assert HOUR - MINUTE <= channel.due_at - announced.now + MINUTE <= HOUR
    assert announced.state == ("active", "healthy", "")
    assert announced.told().again == timedelta(seconds=settings.POLL_SECONDS)
    providers.control("DELETE", "faults")
    announced.keep(after=HOUR)
    assert announced.channel().state == State.OPEN


def test_google_a_lost_answer_to_the_watch_call_is_followed_by_a_channel_of_another_name(
    providers, live_server, settings, wire
):
    wire.answers_break = True
    announced = Announced(providers, live_server, settings, "google", "free_busy", opened=False)
    providers.fault("lost_answer", target="calendar.events.watch", times=2)
    announced.keep()
    lost = announced.channel()

    announced.keep_again()
    announced.follow()

    opened = announced.channel()
    assert (lost.state, opened.state) == (State.OPENING, State.OPEN)
    assert lost.channel_id != opened.channel_id
    announced.change()
    assert sorted(announced.messages(2)) == [202, 404], "what the forgotten channel says is not believed"
    announced.follow()
    assert announced.is_true()


def test_google_a_channel_that_lives_shorter_than_asked_is_followed_before_its_own_end(
    providers, live_server, settings
):
    announced = Announced(providers, live_server, settings, "google", "free_busy", opened=False)
    providers.fault("channel_short", seconds=3600, times=2)
    announced.keep()
    short = announced.channel()

    announced.keep(after=41 * MINUTE)

    assert abs(short.expires_at - short.state_since - HOUR) < MINUTE
    followed = announced.channel()
    assert followed.state == State.OPEN
    assert followed.channel_id != short.channel_id
    assert followed.expires_at > short.expires_at


# --- the end of a channel -----------------------------------------------------------------------------------------
def test_google_before_a_channel_ends_a_new_one_is_opened_and_the_old_one_stopped(announced, wire):
    old = announced.channel()
    wire.forget()

    announced.keep(after=old.expires_at - announced.now - 2 * DAY)

    new = announced.channel()
    assert new.channel_id != old.channel_id
    assert len(wire.of("calendar.events.watch")) == 2
    stopped = [one.body for one in wire.of("calendar.channels.stop")]
    assert {"id": old.channel_id, "resourceId": old.resource_id} in stopped


def test_google_a_renewal_that_fails_leaves_the_old_channel_at_work_and_is_tried_again(announced):
    old = announced.channel()
    announced.providers.fault("server_error", target="calendar.events.watch")

    announced.keep(after=5 * DAY)

    rows = PushChannel.objects.filter(mailbox__member=announced.member)
    assert rows.get(state=State.OPEN).channel_id == old.channel_id
    follower = rows.get(state=State.OPENING)
    assert (follower.problem, follower.attempts) == ("backendError", 1)
    assert follower.due_at == announced.now + MINUTE
    announced.heal()
    announced.keep(after=2 * MINUTE)
    assert announced.channel().pk == follower.pk
    assert announced.channel().state == State.OPEN


def test_google_a_channel_that_it_no_longer_knows_404_when_stopped_is_done_with(announced):
    announced.providers.control("POST", "reset", all=False)
    announced.providers.fault("server_error", target="calendar.channels.stop", status=404)

    announced.keep(after=5 * DAY)

    assert announced.channel().state == State.OPEN
    assert not PushChannel.objects.filter(state=State.CLOSING).exists()


def test_google_a_channel_that_ended_while_nobody_looked_is_opened_anew_and_its_calendar_read(announced):
    old = announced.channel()
    announced.change()

    announced.keep(after=8 * DAY)

    assert announced.channel().channel_id != old.channel_id
    assert announced.is_hinted()


def test_google_a_revoked_delegation_opens_no_channel_and_the_connection_tells_why(announced):
    announced.providers.control("DELETE", "delegation")

    announced.keep(after=5 * DAY)
    read_now(announced.connection, [announced.member], now=announced.now)

    assert announced.state == ("needs_reauthorization", "needs_reauthorization", "revoked")
    announced.keep()  # asks once to stop what is open, which ends by itself otherwise
    before = announced.calls()
    announced.keep()
    assert announced.calls() == before
    assert not PushChannel.objects.exists()
