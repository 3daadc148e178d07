"""Push channels at Google, opened and stopped as the portal does."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from connections.providers.base import (
    AuthorizationLost,
    ChannelRefused,
    MailboxError,
    OpenChannel,
    Throttled,
    Unreachable,
    Unreadable,
)
from connections.providers.google.push import channel_of
from tests.people import GOOGLE_ADMINISTRATOR, GOOGLE_EMPLOYEE
from tests.providers.clients import Counted, open_google
from tests.providers.sandbox.google_client import CALENDAR, FREE_BUSY
from tests.providers.sandbox.receiver import PUBLIC, Receiver


@pytest.fixture
def receiver(providers) -> Iterator[Receiver]:
    """The portal's endpoint, which Google reaches under PUBLIC."""
    made = Receiver()
    providers.control("POST", "push-map", map=f"{PUBLIC}={made.url}")
    yield made
    made.close()


def in_days(count: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=count)


def open_channel(
    service, address: str = GOOGLE_EMPLOYEE, calendar_id: str = "primary", **changes
) -> OpenChannel:
    wanted = {
        "channel_id": uuid.uuid4().hex,
        "token": "a secret",
        "url": f"{PUBLIC}/hooks/google",
        "expires_at": in_days(6),
    }
    return service.open_channel(address, calendar_id, **wanted | changes)


def channels(providers) -> dict[str, dict]:
    return {one["id"]: one for one in providers.control("GET", "google/channels")["channels"]}


@pytest.mark.parametrize(("mode", "scope"), [("free_busy", FREE_BUSY), ("read_write", CALENDAR)])
def test_a_channel_tells_about_changes_in_both_modes(providers, receiver, mode, scope):
    spent, end = Counted(), in_days(6)
    service = open_google(providers, mode, spend=spent)

    channel = open_channel(service, channel_id="chn-1", expires_at=end)

    receiver.wait_for(1)
    providers.control(
        "POST",
        f"mailboxes/{GOOGLE_EMPLOYEE}/events",
        start="2026-09-01T10:00:00+00:00",
        end="2026-09-01T11:00:00+00:00",
    )
    messages = [one["headers"] for one in receiver.wait_for(2)]
    assert channel.channel_id == "chn-1"
    assert abs(channel.expires_at - end) < timedelta(milliseconds=1)
    assert [one["X-Goog-Resource-State"] for one in messages] == ["sync", "exists"]
    assert {one["X-Goog-Channel-Token"] for one in messages} == {"a secret"}
    assert {one["X-Goog-Resource-ID"] for one in messages} == {channel.resource_id}
    assert channels(providers)["chn-1"]["subject"] == GOOGLE_EMPLOYEE
    assert spent.calls == 1
    logged = json.loads(Path(settings.PROVIDER_CALL_LOG).read_text().splitlines()[-1])
    assert (logged["scopes"], logged["connection"], logged["status"]) == ([scope], "con_of_a_test", 200)


def test_the_end_that_google_answers_counts(providers, receiver):
    providers.fault("channel_short", seconds=60)

    channel = open_channel(open_google(providers), expires_at=in_days(6))

    assert timedelta(seconds=50) < channel.expires_at - datetime.now(UTC) < timedelta(seconds=70)


def test_a_stopped_channel_is_silent_and_may_be_stopped_again(providers, receiver):
    service = open_google(providers)
    channel = open_channel(service)
    kept = open_channel(service, GOOGLE_ADMINISTRATOR)

    for _ in range(2):
        service.stop_channel(GOOGLE_EMPLOYEE, channel.channel_id, channel.resource_id)

    assert set(channels(providers)) == {kept.channel_id}


def test_a_calendar_of_ones_own_is_watched_by_its_id(providers, receiver):
    service = open_google(providers)
    ids = {one.provider_id for one in service.calendars(GOOGLE_EMPLOYEE)}

    opened = [open_channel(service, calendar_id=one) for one in sorted(ids)]

    assert {one.channel_id for one in opened} == set(channels(providers))


def test_a_second_channel_overlaps_the_first(providers, receiver):
    service = open_google(providers)

    first, second = open_channel(service), open_channel(service)

    assert first.resource_id == second.resource_id
    assert set(channels(providers)) == {first.channel_id, second.channel_id}


@pytest.mark.parametrize(
    ("fault", "changes", "code"),
    [
        ("", {"channel_id": "used"}, "channelIdNotUnique"),
        ("channel_refused", {}, "push.webhookUrlUnauthorized"),
    ],
)
def test_a_refused_channel_is_nothing_else(providers, receiver, fault, changes, code):
    service = open_google(providers)
    open_channel(service, channel_id="used")
    if fault:
        providers.fault(fault)

    with pytest.raises(ChannelRefused) as refused:
        open_channel(service, **changes)

    assert refused.value.code == code
    assert set(channels(providers)) == {"used"}


@pytest.mark.parametrize(
    ("fault", "params", "error"),
    [
        ("rate_limited", {"retry_after": 60}, Throttled),
        ("rate_limited", {"status": 403, "reason": "quotaExceeded"}, Throttled),
        ("server_error", {}, Unreachable),
        ("lost_answer", {}, Unreachable),
        ("nonsense", {"target": "calendar"}, Unreadable),
        ("truncated", {"target": "calendar"}, Unreadable),
        ("token_revoked", {}, AuthorizationLost),
        ("access_not_configured", {}, AuthorizationLost),
        ("delegation_pending", {}, AuthorizationLost),
        ("invalid_grant", {}, MailboxError),
    ],
)
def test_what_else_goes_wrong_has_the_name_it_has_elsewhere(providers, receiver, fault, params, error):
    service = open_google(providers)
    providers.fault(fault, **params)

    with pytest.raises(error) as raised:
        open_channel(service)

    assert type(raised.value) is error


def test_stopping_as_another_person_finds_no_channel_and_ends_nothing(providers, receiver):
    service = open_google(providers)
    channel = open_channel(service)

    service.stop_channel(GOOGLE_ADMINISTRATOR, channel.channel_id, channel.resource_id)

    assert set(channels(providers)) == {channel.channel_id}


def test_stopping_a_channel_fails_like_any_call(providers, receiver):
    service = open_google(providers)
    channel = open_channel(service)
    providers.fault("server_error", times=1)

    with pytest.raises(Unreachable):
        service.stop_channel(GOOGLE_EMPLOYEE, channel.channel_id, channel.resource_id)

    assert set(channels(providers)) == {channel.channel_id}


def test_nobody_beyond_the_proven_domains_is_watched(providers, receiver):
    service = open_google(providers, only_domains=frozenset({"rival.example"}))

    with pytest.raises(MailboxError):
        open_channel(service)

    assert channels(providers) == {}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"id": "asked", "resourceId": "r"},
        {"id": "asked", "resourceId": "r", "expiration": "soon"},
        {"id": "asked", "resourceId": "r", "expiration": "9" * 30},
        {"id": "asked", "resourceId": None, "expiration": "1790000000000"},
        {"id": "another", "resourceId": "r", "expiration": "1790000000000"},
    ],
)
def test_an_answer_that_is_no_channel_is_unreadable(answer):
    with pytest.raises(Unreadable):
        channel_of(answer, asked="asked")
