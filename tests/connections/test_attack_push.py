"""Push messages at the wrong moment, and senseless ones: none is lost, none does harm."""

from datetime import UTC, datetime

import pytest
import requests
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import channels
from connections.models import PushChannel
from connections.providers.base import OpenChannel, Unreadable
from connections.providers.http import ProviderSession
from tests.connections.push import announced_in
from tests.connections.scene import GOOGLE_READ_WRITE, MICROSOFT_READ_WRITE
from tests.connections.test_attack_races import apart
from tests.worker import run_waiting_jobs


@pytest.mark.django_db(transaction=True)
@announced_in(GOOGLE_READ_WRITE, MICROSOFT_READ_WRITE)
def test_what_changes_while_an_announced_change_is_being_read_is_not_lost(announced, monkeypatch):
    """The answer was on its way when the second change was made, so only the second message tells of it."""
    send, answers, second = requests.Session.send, [], []

    def hooked(session, request, **kwargs):
        answer = send(session, request, **kwargs)
        ours = isinstance(session, ProviderSession) and request.method == "GET"
        if ours and ("/events" in request.url or "/calendarView" in request.url):
            answers.append(request.url)
            if len(answers) == 1:
                message = announced.change()
                apart(lambda: second.append(message.deliver().status_code)).join()
        return answer

    before = len(announced.busy())
    announced.change().deliver()
    monkeypatch.setattr(requests.Session, "send", hooked)

    run_waiting_jobs()

    assert second == [202]
    assert len(announced.busy()) == before + 2
    assert not announced.hinted()


@pytest.mark.django_db(transaction=True)
@announced_in(MICROSOFT_READ_WRITE)
def test_a_provider_is_answered_while_somebody_holds_the_channels(announced):
    """As disconnecting does, in an order of its own; who waited for both could wait for ever."""
    message, answers = announced.change(), []

    with transaction.atomic():
        list(PushChannel.objects.select_for_update(no_key=True))
        telling = apart(lambda: answers.append(message.deliver().status_code))
        telling.join(10)
        assert answers == [202]

    telling.join()
    assert announced.hinted()
    assert announced.channel.notified_at is None


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["hex", "rot13", "idna", "undefined", "utf-7", "utf-16"])
def test_a_charset_that_is_none_breaks_nothing(charset):
    kind = f"text/plain; charset={charset}"

    for name in ("push_microsoft", "push_microsoft_lifecycle", "push_google"):
        answer = Client(raise_request_exception=False).generic(
            "POST", f"{reverse(name)}?validationToken=%2BADw-script%2BAD4-", b"", content_type=kind
        )
        assert answer.status_code in {200, 400, 404}
        assert b"<" not in answer.content


@pytest.mark.django_db
def test_a_length_that_no_number_holds_is_refused():
    for length in ("9" * 5000, "-1", "1e3", "\u0663" * 12):
        answer = Client(raise_request_exception=False).post(
            reverse("push_microsoft"), "{}", content_type="application/json", CONTENT_LENGTH=length
        )
        assert answer.status_code in {400, 413}


@pytest.mark.parametrize("name", ["x" * 101, "a\0b", "", 7, None, ["x"]])
def test_a_channel_whose_name_no_row_can_keep_is_no_answer(name):
    with pytest.raises(Unreadable):
        OpenChannel(name, "", datetime(2026, 12, 1, tzinfo=UTC))


@pytest.mark.parametrize("resource", ["x" * 201, "a\0b", 7, None])
def test_nor_one_whose_second_name_it_cannot_keep(resource):
    with pytest.raises(Unreadable):
        OpenChannel("channel", resource, datetime(2026, 12, 1, tzinfo=UTC))


@pytest.mark.django_db
@announced_in(MICROSOFT_READ_WRITE)
def test_a_provider_that_answers_two_openings_with_one_name_stops_nobody_elses_channel(announced):
    """Taken for ours it would be stopped as one that nobody wants, and with it the first one."""
    first, second = announced.channels()
    row = type(second).objects.get(pk=second.pk)
    type(second).objects.filter(pk=second.pk).update(state="opening", channel_id="asked-for-anew")
    row.refresh_from_db()

    answer = OpenChannel(first.channel_id, "", timezone.now() + (first.expires_at - first.state_since))

    with pytest.raises(Unreadable):
        channels.opened(row, answer, now=timezone.now())

    first.refresh_from_db()
    assert first.state == "open"
