"""Subscriptions at Microsoft, made, renewed, reauthorized and ended as the portal does."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from connections.modes import capabilities
from connections.providers.base import (
    AuthorizationLost,
    ChannelGone,
    ChannelRefused,
    MailboxError,
    OpenChannel,
    Throttled,
    Unreachable,
    Unreadable,
)
from connections.providers.microsoft.push import channel_of
from tests.people import MICROSOFT_ADMINISTRATOR
from tests.providers.clients import REGISTRATIONS, Counted, open_microsoft
from tests.providers.sandbox.microsoft_client import EMPLOYEE, add_event
from tests.providers.sandbox.receiver import PUBLIC
from tests.providers.sandbox.test_microsoft_subscriptions import Portal

STATE = "a client state nobody guesses"


@pytest.fixture
def portal(providers) -> Iterator[Portal]:
    """The portal's endpoint, which Graph reaches under PUBLIC."""
    made = Portal()
    providers.control("POST", "push-map", map=f"{PUBLIC}={made.url}")
    yield made
    made.server.shutdown()
    made.server.server_close()


def in_minutes(count: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=count)


def open_channel(service, address: str = EMPLOYEE, **changes) -> OpenChannel:
    wanted = {
        "client_state": STATE,
        "url": f"{PUBLIC}/hooks/microsoft",
        "lifecycle_url": f"{PUBLIC}/hooks/microsoft/lifecycle",
        "expires_at": in_minutes(60),
    }
    return service.open_channel(address, **wanted | changes)


def subscriptions(providers) -> dict[str, dict]:
    found = providers.control("GET", "microsoft/subscriptions")["subscriptions"]
    return {one["id"]: one for one in found}


def test_a_subscription_is_validated_at_both_addresses_and_tells_about_changes(providers, portal):
    spent, end = Counted(), in_minutes(4230)
    service = open_microsoft(providers, spend=spent)

    channel = open_channel(service, expires_at=end)

    add_event(providers, EMPLOYEE)
    (message,) = portal.wait(1)
    made = subscriptions(providers)[channel.channel_id]
    assert channel == OpenChannel(made["id"], "", end)
    assert len(portal.validations) == 2
    assert (made["resource"], made["changeType"]) == (f"users/{EMPLOYEE}/events", "created,updated,deleted")
    assert made["lifecycleNotificationUrl"] == f"{PUBLIC}/hooks/microsoft/lifecycle"
    assert made["immutable_ids"]
    assert (message["subscriptionId"], message["clientState"]) == (channel.channel_id, STATE)
    assert spent.calls == 1
    logged = json.loads(Path(settings.PROVIDER_CALL_LOG).read_text().splitlines()[-1])
    assert (logged["scopes"], logged["connection"], logged["status"]) == (
        ["Calendars.ReadWrite"],
        "con_of_a_test",
        201,
    )


def test_the_longest_life_is_granted_and_a_minute_more_is_not(providers, portal):
    service = open_microsoft(providers)
    now = datetime.now(UTC)

    channel = open_channel(service, expires_at=now + service.longest_channel)

    assert channel.expires_at - now > timedelta(minutes=4229)
    with pytest.raises(ChannelRefused):
        open_channel(service, expires_at=now + service.longest_channel + timedelta(minutes=2))


def test_a_subscription_is_renewed_and_stays_the_same(providers, portal):
    service = open_microsoft(providers)
    channel = open_channel(service)

    renewed = service.renew_channel(channel.channel_id, in_minutes(4000))

    assert renewed.channel_id == channel.channel_id
    assert renewed.expires_at > channel.expires_at
    assert len(portal.validations) == 2, "a renewal is no new handshake"
    assert list(subscriptions(providers)) == [channel.channel_id]


def test_a_subscription_is_reauthorized_and_keeps_its_end(providers, portal):
    service = open_microsoft(providers)
    channel = open_channel(service)
    providers.control("POST", "microsoft/lifecycle", event="reauthorizationRequired")
    before = subscriptions(providers)[channel.channel_id]

    service.reauthorize_channel(channel.channel_id)

    after = subscriptions(providers)[channel.channel_id]
    assert before["reauthorization_required"]
    assert after == {**before, "reauthorization_required": False}


def test_a_subscription_that_is_gone_is_opened_anew_not_renewed(providers, portal):
    service = open_microsoft(providers)
    channel = open_channel(service)

    for _ in range(2):
        service.stop_channel(channel.channel_id)

    assert subscriptions(providers) == {}
    with pytest.raises(ChannelGone):
        service.renew_channel(channel.channel_id, in_minutes(60))
    with pytest.raises(ChannelGone):
        service.reauthorize_channel(channel.channel_id)


def test_a_subscription_that_microsoft_ended_is_gone(providers, portal):
    service = open_microsoft(providers)
    channel = open_channel(service)
    providers.control("POST", "microsoft/lifecycle", event="subscriptionRemoved")

    with pytest.raises(ChannelGone):
        service.renew_channel(channel.channel_id, in_minutes(60))


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("subscription_refused", "ErrorAccessDenied"),
        ("mailbox_policy", "ErrorAccessDenied"),
        ("validation_wrong", "ValidationError"),
    ],
)
def test_a_refused_subscription_is_nothing_else(providers, portal, fault, code):
    service = open_microsoft(providers)
    providers.fault(fault)

    with pytest.raises(ChannelRefused) as refused:
        open_channel(service)

    assert refused.value.code == code
    assert subscriptions(providers) == {}


def test_a_portal_that_does_not_echo_gets_no_subscription(providers, portal):
    portal.echo = False

    with pytest.raises(ChannelRefused) as refused:
        open_channel(open_microsoft(providers))

    assert refused.value.code == "ValidationError"


def test_an_address_without_a_mailbox_is_its_own_trouble(providers, portal):
    with pytest.raises(MailboxError) as missing:
        open_channel(open_microsoft(providers), "nobody@sigs.example")

    assert missing.value.failure == "no_mailbox"


@pytest.mark.parametrize(
    ("fault", "params", "error"),
    [
        ("rate_limited", {"retry_after": 60}, Throttled),
        ("server_error", {}, Unreachable),
        ("lost_answer", {"target": "subscriptions"}, Unreachable),
        ("nonsense", {"target": "subscriptions"}, Unreadable),
        ("token_revoked", {}, AuthorizationLost),
        ("entra_error", {"code": 7000222}, AuthorizationLost),
    ],
)
@pytest.mark.parametrize("verb", ["open", "renew", "reauthorize", "stop"])
def test_what_else_goes_wrong_has_the_name_it_has_elsewhere(providers, portal, fault, params, error, verb):
    channel = open_channel(open_microsoft(providers))
    service = open_microsoft(providers)
    providers.fault(fault, **params)
    calls = {
        "open": lambda: open_channel(service),
        "renew": lambda: service.renew_channel(channel.channel_id, in_minutes(60)),
        "reauthorize": lambda: service.reauthorize_channel(channel.channel_id),
        "stop": lambda: service.stop_channel(channel.channel_id),
    }

    with pytest.raises(error) as raised:
        calls[verb]()

    assert type(raised.value) is error


def test_free_busy_has_no_push_and_asking_all_the_same_is_refused(providers, portal):
    assert not capabilities("microsoft", "free_busy").push

    with pytest.raises(ChannelRefused):
        open_channel(open_microsoft(providers, "free_busy"))


def test_one_application_cannot_touch_the_subscription_of_another(providers, portal):
    channel = open_channel(open_microsoft(providers))
    stranger = open_microsoft(providers, "free_busy")

    stranger.stop_channel(channel.channel_id)

    assert subscriptions(providers)[channel.channel_id]["applicationId"] == REGISTRATIONS["read_write"][0]
    with pytest.raises(ChannelGone):
        stranger.renew_channel(channel.channel_id, in_minutes(60))


def test_two_mailboxes_have_subscriptions_of_their_own(providers, portal):
    service = open_microsoft(providers)

    made = {open_channel(service, one).channel_id for one in (EMPLOYEE, MICROSOFT_ADMINISTRATOR)}

    assert made == set(subscriptions(providers))


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"id": "s"},
        {"id": None, "expirationDateTime": "2026-10-20T09:00:00Z"},
        {"id": "s", "expirationDateTime": "soon"},
    ],
)
def test_an_answer_that_is_no_subscription_is_unreadable(answer):
    with pytest.raises(Unreadable):
        channel_of(answer)


def test_seven_decimals_of_graph_are_read():
    channel = channel_of({"id": "s", "expirationDateTime": "2026-10-20T09:00:01.1234567Z"})

    assert channel.expires_at == datetime(2026, 10, 20, 9, 0, 1, tzinfo=UTC)
