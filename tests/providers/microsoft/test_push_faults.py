"""Graph's subscriptions fail in every way they can: a mailbox is never read wrongly, only later.

Reference: Microsoft Graph, change notifications and lifecycle events. Messages come by real HTTP from the sandbox,
or from a stranger.
"""

from datetime import timedelta
from urllib.parse import quote

import pytest
import requests

from connections.models import PushChannel
from tests.providers.announced import Announced
from tests.providers.striking import DAY, HOUR, MINUTE

pytestmark = pytest.mark.django_db(transaction=True)

State = PushChannel.State


@pytest.fixture
def announced(providers, live_server, settings) -> Announced:
    return Announced(providers, live_server, settings, "microsoft", "read_write")


def unopened(providers, live_server, settings, mode: str = "read_write") -> Announced:
    return Announced(providers, live_server, settings, "microsoft", mode, opened=False)


def message(announced: Announced, path: str, **item) -> int:
    """A message as Graph sends it; answers the portal's status."""
    body = {"value": [{"changeType": "updated", "resource": "Users/x/Events/y", **item}]}
    return requests.post(f"{announced.portal}/push/{path}", json=body, timeout=10).status_code


def subscriptions(announced: Announced) -> list[dict]:
    return announced.providers.control("GET", "microsoft/subscriptions")["subscriptions"]


# --- messages -----------------------------------------------------------------------------------------------------
def test_microsoft_a_change_is_announced_and_known_after_one_reading(announced, wire):
    wire.forget()
    announced.change()

    assert announced.messages(1) == [202]
    assert (announced.is_hinted(), announced.is_hinted(announced.colleague)) == (True, False)
    announced.follow()
    assert len(wire.of("calendars.calendarView.delta")) == 1
    assert announced.is_true()


def test_microsoft_a_message_that_comes_twice_leads_to_one_reading(announced, wire):
    announced.providers.fault("push_duplicate")
    wire.forget()
    announced.change()

    assert announced.messages(2) == [202, 202]
    announced.follow()
    assert len(wire.of("calendars.calendarView.delta")) == 1
    assert announced.is_true()


def test_microsoft_a_lost_message_is_not_replayed_and_the_slow_poll_finds_the_change(announced, settings):
    announced.providers.fault("push_lost")
    announced.change()
    again = announced.told().again

    announced.read(after=MINUTE)

    assert timedelta() < again <= timedelta(seconds=settings.PUSHED_POLL_SECONDS)
    assert not announced.is_hinted()
    assert announced.is_true()


def test_microsoft_a_late_message_after_its_change_was_read_changes_nothing(announced):
    announced.providers.fault("push_delay", seconds=1)
    announced.change()
    announced.read(after=timedelta())
    known = announced.in_window()

    assert announced.messages(1) == [202]
    announced.follow()

    assert announced.in_window() == known
    assert announced.is_true()


def test_microsoft_a_wrong_client_state_is_answered_202_and_believed_by_nobody(announced):
    announced.providers.fault("client_state_wrong")
    announced.change()

    assert announced.messages(1) == [202]
    assert not announced.is_hinted()
    assert announced.channel().notified_at is None


def test_microsoft_an_unknown_subscription_is_answered_202_and_dropped(announced):
    assert message(announced, "microsoft", subscriptionId="unknown", clientState="a secret") == 202
    assert not announced.is_hinted()


def test_microsoft_a_message_without_a_client_state_is_dropped(announced):
    channel_id = announced.channel().channel_id

    assert message(announced, "microsoft", subscriptionId=channel_id) == 202
    assert message(announced, "microsoft", subscriptionId=channel_id, clientState=None) == 202
    assert not announced.is_hinted()


# --- the handshake ------------------------------------------------------------------------------------------------
def test_microsoft_a_validation_token_is_echoed_as_plain_text_that_no_browser_takes_for_a_page(announced):
    token = "Validation: Testing client application reachability Request-Id: 1+2&3"  # noqa: S105

    answer = requests.post(
        f"{announced.portal}/push/microsoft?validationToken={quote(token, safe='')}", timeout=10
    )

    assert (answer.status_code, answer.text) == (200, token)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["microsoft", "microsoft/lifecycle"])
def test_microsoft_a_validation_token_with_angle_brackets_is_refused_and_not_echoed(announced, path):
    answer = requests.post(
        f"{announced.portal}/push/{path}?validationToken={quote('<script>alert(1)</script>')}", timeout=10
    )

    assert answer.status_code == 400
    assert "script" not in answer.text


def test_microsoft_a_handshake_that_goes_wrong_leaves_polling_at_its_usual_times(
    providers, live_server, settings
):
    announced = unopened(providers, live_server, settings)
    providers.fault("validation_wrong")

    announced.keep()
    announced.read(after=MINUTE)

    assert (announced.channel().state, announced.channel().problem) == (State.REFUSED, "ValidationError")
    assert subscriptions(announced) == []
    assert announced.state == ("active", "healthy", "")
    assert announced.told().again == timedelta(seconds=settings.POLL_SECONDS)


# --- refused ------------------------------------------------------------------------------------------------------
def test_microsoft_a_subscription_that_is_refused_is_tried_again_in_an_hour_and_polling_serves(
    providers, live_server, settings
):
    announced = unopened(providers, live_server, settings)
    providers.fault("subscription_refused")

    announced.keep()
    announced.read(after=MINUTE)

    channel = announced.channel()
    assert (channel.state, channel.problem) == (State.REFUSED, "ErrorAccessDenied")
    assert channel.due_at == announced.now - MINUTE + HOUR
    assert announced.state == ("active", "healthy", "")
    providers.control("DELETE", "faults")
    announced.keep(after=HOUR)
    assert announced.channel().state == State.OPEN


def test_microsoft_a_mailbox_outside_the_access_policy_gets_no_subscription_and_the_colleague_does(
    providers, live_server, settings
):
    announced = unopened(providers, live_server, settings)
    announced.strike("mailbox_policy", announced.member)

    announced.keep()

    assert announced.channel().state == State.REFUSED
    assert announced.channel(announced.colleague).state == State.OPEN


def test_microsoft_in_free_busy_no_subscription_is_ever_asked_for(providers, live_server, settings, wire):
    announced = unopened(providers, live_server, settings, "free_busy")

    announced.keep()
    announced.read(after=MINUTE)

    assert wire.of("subscriptions.create") == []
    assert not PushChannel.objects.exists()
    assert announced.told().again == timedelta(seconds=settings.POLL_SECONDS)


def test_microsoft_a_throttled_subscription_call_is_patience_of_the_whole_connection(
    providers, live_server, settings
):
    announced = unopened(providers, live_server, settings)
    providers.fault("rate_limited", target="subscriptions.create", retry_after=300)

    announced.keep()

    assert announced.row.slowed_until == announced.now + 5 * MINUTE
    assert not PushChannel.objects.filter(state=State.OPEN).exists()


# --- lifecycle events ---------------------------------------------------------------------------------------------
def tell(announced: Announced, event: str) -> str:
    """Graph sends this lifecycle event for the member's subscription; answers its id."""
    channel_id = announced.channel().channel_id
    announced.providers.control("POST", "microsoft/lifecycle", event=event, subscription_id=channel_id)
    assert announced.messages(1) == [202]
    return channel_id


def test_microsoft_missed_messages_lead_to_one_reading_of_the_mailbox(announced, wire):
    announced.providers.fault("push_lost", times=1)
    announced.change()
    wire.forget()

    tell(announced, "missed")

    assert announced.is_hinted()
    announced.follow()
    assert len(wire.of("calendars.calendarView.delta")) == 1
    assert announced.is_true()


def test_microsoft_a_removed_subscription_is_made_again_and_its_mailbox_read(announced):
    old = tell(announced, "subscriptionRemoved")
    announced.change()  # told to nobody

    announced.follow()

    assert announced.channel().state == State.OPEN
    assert announced.channel().channel_id != old
    assert announced.is_true()


def test_microsoft_a_subscription_that_must_be_reauthorized_is_and_keeps_its_id(announced, wire):
    wire.forget()
    old = tell(announced, "reauthorizationRequired")

    announced.follow()

    assert announced.channel().channel_id == old
    assert announced.channel().problem == ""
    assert len(wire.of("subscriptions.reauthorize")) == 1
    assert [one["reauthorization_required"] for one in subscriptions(announced)] == [False, False]


@pytest.mark.parametrize(
    "event", ["missed", "subscriptionRemoved", "reauthorizationRequired", "something new"]
)
def test_microsoft_a_lifecycle_event_with_a_wrong_client_state_changes_nothing(announced, event):
    channel = announced.channel()
    item = {"subscriptionId": channel.channel_id, "clientState": "forged", "lifecycleEvent": event}

    assert message(announced, "microsoft/lifecycle", **item) == 202

    assert not announced.is_hinted()
    assert PushChannel.objects.get(pk=channel.pk).problem == ""


def test_microsoft_the_same_lifecycle_event_twice_is_followed_once(announced, wire):
    announced.providers.fault("push_duplicate")
    wire.forget()
    old = announced.channel().channel_id
    announced.providers.control(
        "POST", "microsoft/lifecycle", event="subscriptionRemoved", subscription_id=old
    )
    announced.messages(2)

    announced.follow()

    assert len(wire.of("subscriptions.create")) == 1
    assert announced.channel().state == State.OPEN


# --- renewing -----------------------------------------------------------------------------------------------------
def test_microsoft_at_two_thirds_of_its_life_a_subscription_is_renewed_and_keeps_its_id(announced, wire):
    old = announced.channel()
    wire.forget()

    announced.keep(after=(old.expires_at - announced.now) * 2 / 3 + MINUTE)

    new = announced.channel()
    assert new.channel_id == old.channel_id
    assert new.expires_at > old.expires_at
    assert len(wire.of("subscriptions.update")) == 2


def test_microsoft_a_renewal_that_fails_is_tried_again_long_before_the_end(announced):
    old = announced.channel()
    announced.providers.fault("server_error", target="subscriptions.update")

    announced.keep(after=2 * DAY)

    failed = announced.channel()
    assert (failed.state, failed.attempts, failed.problem) == (State.OPEN, 1, "InternalServerError")
    assert failed.due_at == announced.now + MINUTE < old.expires_at
    announced.heal()
    announced.keep(after=2 * MINUTE)
    assert announced.channel().expires_at > old.expires_at


def test_microsoft_a_subscription_that_is_gone_404_at_its_renewal_is_made_again(announced):
    old = announced.channel()
    announced.providers.fault("server_error", target="subscriptions.update", status=404)

    announced.keep(after=2 * DAY)

    assert announced.channel().state == State.OPEN
    assert announced.channel().channel_id != old.channel_id
    assert announced.is_hinted(), "what it did not announce meanwhile is read"


def test_microsoft_a_subscription_that_ended_while_nobody_looked_is_made_again_and_its_mailbox_read(
    announced,
):
    old = announced.channel()
    announced.change()

    announced.keep(after=4 * DAY)

    assert announced.channel().channel_id != old.channel_id
    assert announced.is_hinted()


def test_microsoft_only_ids_are_taken_from_a_message_and_nothing_it_says_of_the_event(announced):
    channel = announced.channel()
    before = PushChannel.objects.filter(pk=channel.pk).values().get()
    announced.change()
    announced.messages(1)

    after = PushChannel.objects.filter(pk=channel.pk).values().get()
    assert {name for name in after if after[name] != before[name]} == {"notified_at"}
