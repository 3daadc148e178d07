"""Messages on push channels, true and false ones: at most a hint is stored, and nothing else ever happens."""

import json
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection as database
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from connections.channels import REAUTHORIZE, secret_hash
from connections.models import CalendarConnection, Mailbox, MemberCalendar, PushChannel
from connections.views.push import MOST_BYTES
from tests.builders import make_members
from tests.people import make_company

pytestmark = pytest.mark.django_db
State = PushChannel.State
SECRET = "a secret that nobody guesses".replace(" ", "-")


@dataclass
class Line:
    """One member's open channel, and the provider at its other end."""

    provider: str
    channel: PushChannel

    def says(self, channel_id: str = "", secret: str = SECRET, event: str = "exists", **more) -> HttpResponse:
        """One message with one change; `event` of Google's state or Microsoft's lifecycle."""
        channel_id = channel_id or self.channel.channel_id
        if self.provider == "google":
            return google(channel_id, secret, event)
        item = {"subscriptionId": channel_id, "clientState": secret, "changeType": "updated", **more}
        if event != "exists":
            return microsoft([item | {"lifecycleEvent": event}], "push_microsoft_lifecycle")
        return microsoft([item])

    def hint(self) -> object:
        return Mailbox.objects.get(pk=self.channel.mailbox_id).hinted_at


def google(channel_id: str, secret: str, event: str = "exists", **more) -> HttpResponse:
    headers = {"X-Goog-Channel-ID": channel_id, "X-Goog-Channel-Token": secret}
    headers |= {"X-Goog-Resource-State": event, "X-Goog-Message-Number": "7"}
    return Client(enforce_csrf_checks=True).generic("POST", reverse("push_google"), headers=headers, **more)


def microsoft(items: object, name: str = "push_microsoft") -> HttpResponse:
    body = json.dumps({"value": items})
    client = Client(enforce_csrf_checks=True)
    return client.generic("POST", reverse(name), body, content_type="application/json")


def make_line(provider: str, unit, address: str = "one@kube.example") -> Line:
    connection, _created = CalendarConnection.objects.get_or_create(
        unit=unit, provider=provider, mode="read_write", state="active"
    )
    (member,) = make_members(unit, [address])
    box = Mailbox.objects.create(
        unit=unit, member=member, connection=connection, state="synced", last_attempt_at=timezone.now(),
        next_sync_at=timezone.now() + timedelta(minutes=9),
    )  # fmt: skip
    calendar = MemberCalendar.objects.create(
        unit=unit, mailbox=box, provider=provider, provider_id="primary", primary=True, counts=True
    )
    row = PushChannel.objects.create(
        unit=unit, connection=connection, mailbox=box, calendar=calendar, provider=provider,
        channel_id=f"channel-of-{address.split('@')[0]}", secret_hash=secret_hash(SECRET), state=State.OPEN,
        expires_at=timezone.now() + timedelta(days=2), due_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    return Line(provider, row)


@pytest.fixture(params=["google", "microsoft"])
def line(request) -> Line:
    return make_line(request.param, make_company().unit)


def stored() -> list:
    """All that a message could have changed."""
    rows = (Mailbox, CalendarConnection, PushChannel, OrmQ, Session)
    return [list(model.objects.order_by("pk").values()) for model in rows]


# --- what is true


def test_a_message_is_kept_as_a_hint_and_answered_at_once(line):
    answer = line.says()

    assert (answer.status_code, answer.content) == (202, b"")
    assert line.hint() is not None
    assert [task.func() for task in OrmQ.objects.all()] == ["connections.jobs.follow_hints"]


def test_the_same_message_again_and_again_costs_one_query_and_changes_nothing(line):
    line.says()
    before = stored()

    for _ in range(20):
        with CaptureQueriesContext(database) as queries:
            answer = line.says()

        assert answer.status_code == 202
        assert len(queries) == 1
    assert stored() == before


def test_a_message_that_comes_after_the_reading_leads_to_one_more(line):
    line.says()
    Mailbox.objects.update(hinted_at=None)  # as reading does when it begins
    before = line.hint()

    line.says()

    assert before is None
    assert line.hint() is not None


def test_messages_of_many_channels_in_one_request_are_all_heard():
    unit = make_company().unit
    lines = [make_line("microsoft", unit, f"m{number}@sigs.example") for number in range(5)]
    items = [{"subscriptionId": line.channel.channel_id, "clientState": SECRET} for line in lines]

    answer = microsoft([*items, *reversed(items), {"subscriptionId": "unknown", "clientState": SECRET}])

    assert answer.status_code == 202
    assert all(line.hint() for line in lines)
    assert OrmQ.objects.count() == 1


def test_one_forged_message_takes_nothing_from_the_true_one_beside_it():
    line = make_line("microsoft", make_company().unit)
    pair = [{"subscriptionId": line.channel.channel_id, "clientState": word} for word in ("forged", SECRET)]

    microsoft(pair)

    assert line.hint() is not None


def test_a_message_may_overtake_the_answer_that_opens_its_channel(line):
    PushChannel.objects.update(state=State.OPENING)

    assert line.says().status_code == 202
    assert line.hint() is not None


def test_nothing_is_taken_from_a_message_but_ids(line):
    told = {"resource": "Users/canary-1", "resourceData": {"id": "canary-2", "subject": "canary-3"}}

    line.says(**({} if line.provider == "google" else told))

    assert "canary" not in str(stored())


# --- what changes nothing


def test_a_first_message_that_only_says_the_channel_is_open_changes_nothing():
    line = make_line("google", make_company().unit)
    before = stored()

    assert line.says(event="sync").status_code == 202
    assert stored() == before


@pytest.mark.parametrize("event", ["exists", "sync", "missed", "subscriptionRemoved", REAUTHORIZE])
@pytest.mark.parametrize(
    "wrong",
    [{"secret": "forged"}, {"secret": SECRET.upper()}, {"channel_id": "nobody-knows"}, {"secret": "x" * 257}],
    ids=["forged", "capitals", "unknown", "long"],
)
def test_an_unknown_channel_and_a_forged_secret_get_one_answer_and_nothing_happens(line, wrong, event):
    before = stored()

    answer = line.says(event=event, **wrong)

    assert answer.status_code == (404 if line.provider == "google" else 202)
    assert answer.content == b""
    assert stored() == before


def test_the_secret_of_another_channel_opens_nothing():
    unit = make_company().unit
    one, other = (make_line("google", unit, f"{name}@kube.example") for name in ("one", "two"))
    PushChannel.objects.filter(pk=other.channel.pk).update(secret_hash=secret_hash("another"))

    assert other.says(secret=SECRET).status_code == 404
    assert one.says(secret="another").status_code == 404
    assert one.hint() is None


def test_a_channel_of_one_provider_is_unknown_to_the_other(line):
    name = line.channel.channel_id
    if line.provider == "google":
        answer = microsoft([{"subscriptionId": name, "clientState": SECRET}])
    else:
        answer = google(name, SECRET)

    assert answer.status_code == (202 if line.provider == "google" else 404)
    assert line.hint() is None


@pytest.mark.parametrize(
    "at_rest",
    [
        lambda: PushChannel.objects.update(state=State.CLOSING),
        lambda: CalendarConnection.objects.update(state="paused"),
        lambda: CalendarConnection.objects.update(state="needs_reauthorization"),
        lambda: Mailbox.objects.update(next_sync_at=None),
    ],
    ids=["channel closing", "connection paused", "connection lost", "mailbox held"],
)
def test_a_true_message_about_what_is_read_no_longer_is_accepted_and_dropped(line, at_rest):
    at_rest()

    assert line.says().status_code == 202
    assert line.hint() is None
    assert OrmQ.objects.count() == 0


# --- what is no message

NO_MESSAGES = [
    b"", b"{", b"[]", b"{}", b"null", b'"value"', b'{"value": null}', b'{"value": [1]}', b'{"value": [null]}',
    b'{"value": {"a": 1}}', b'{"value": [[]]}', b"\xff\xfe", b"[" * 100_000, b"subscriptionId=a&clientState=b",
    b'{"value": [{"clientState": "no id"}]}',
]  # fmt: skip


@pytest.mark.parametrize("name", ["push_microsoft", "push_microsoft_lifecycle"])
@pytest.mark.parametrize("body", NO_MESSAGES, ids=lambda body: body[:20].decode("latin-1"))
def test_what_is_no_message_is_refused(name, body):
    answer = Client().generic("POST", reverse(name), body, content_type="application/json")

    assert (answer.status_code, answer.content) == (400, b"")


@pytest.mark.parametrize("odd", [1, None, ["a"], {}, "a\0b", "x" * 70, "ü", "", True])
def test_odd_ids_and_secrets_are_passed_over(odd):
    line = make_line("microsoft", make_company().unit)
    good = {"subscriptionId": line.channel.channel_id, "clientState": SECRET}
    odd_ones = [good | {"subscriptionId": odd}, good | {"clientState": odd}, good | {"lifecycleEvent": odd}]

    for name in ("push_microsoft", "push_microsoft_lifecycle"):
        assert microsoft(odd_ones[:2], name).status_code == 202
    assert microsoft(odd_ones[2:], "push_microsoft_lifecycle").status_code == 202

    assert line.hint() is None


@pytest.mark.parametrize("odd", ["", "a b", "a\0b", "é", "x" * 65, "'; DROP TABLE members; --"])
def test_odd_channel_names_are_unknown_ones(odd):
    with CaptureQueriesContext(database) as queries:
        assert google(odd, SECRET).status_code == 404

    assert len(queries) == 0


@pytest.mark.parametrize("name", ["push_google", "push_microsoft", "push_microsoft_lifecycle"])
def test_a_message_that_is_too_large_is_not_read(name):
    body = b"x" * (MOST_BYTES + 1)

    answer = Client().generic("POST", reverse(name), body, content_type="application/json")

    assert answer.status_code == 413


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("name", ["push_google", "push_microsoft", "push_microsoft_lifecycle"])
def test_only_posts_are_messages(name, method):
    answer = Client().generic(method, f"{reverse(name)}?validationToken=abc")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"


# --- the handshake

ADDRESSES = ["push_microsoft", "push_microsoft_lifecycle"]


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_handshake_gives_back_the_decoded_token_as_plain_text(name):
    answer = Client().post(f"{reverse(name)}?validationToken=Validation%3A+Request-Id%3A%20a%2Bb")

    assert (answer.status_code, answer.content.decode()) == (200, "Validation: Request-Id: a+b")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("token", ["<script>", "a>b", "a\nb", "a\0b", "x" * 2001, "\u202e"])
@pytest.mark.parametrize("name", ADDRESSES)
def test_a_token_that_could_be_taken_for_a_page_is_not_given_back(name, token):
    answer = Client().post(reverse(name), query_params={"validationToken": token})

    assert (answer.status_code, answer.content) == (400, b"")


# --- nothing of a browser is needed


def test_no_session_no_cookie_and_no_second_factor_come_into_it(line, settings):
    settings.MFA_REQUIRED = settings.REAUTHENTICATION = True

    answer = line.says()

    assert answer.status_code == 202
    assert not answer.cookies
    assert Session.objects.count() == 0


def test_behind_a_proxy_https_is_asked_for_as_everywhere(settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    line = make_line("google", make_company().unit)

    assert google(line.channel.channel_id, SECRET).status_code == 301
    by_proxy = google(line.channel.channel_id, SECRET, HTTP_X_FORWARDED_PROTO="https")
    assert by_proxy.status_code == 202


# --- what the provider says of the channel itself


def test_missed_messages_are_a_hint():
    line = make_line("microsoft", make_company().unit)

    line.says(event="missed")

    assert line.hint() is not None


def test_a_removed_subscription_is_forgotten_and_a_new_one_asked_for_once():
    line = make_line("microsoft", make_company().unit)

    for _ in range(3):
        assert line.says(event="subscriptionRemoved").status_code == 202

    assert PushChannel.objects.count() == 0
    assert [task.func() for task in OrmQ.objects.all()] == ["connections.jobs.keep_channels_of"]


def test_a_wish_to_be_reauthorized_is_followed_once_however_often_it_comes():
    line = make_line("microsoft", make_company().unit)

    for _ in range(3):
        assert line.says(event=REAUTHORIZE).status_code == 202

    line.channel.refresh_from_db()
    assert (line.channel.state, line.channel.problem) == (State.OPEN, REAUTHORIZE)
    assert line.channel.due_at <= timezone.now()
    assert [task.func() for task in OrmQ.objects.all()] == ["connections.jobs.keep_channels_of"]


def test_an_event_nobody_knows_yet_changes_nothing():
    line = make_line("microsoft", make_company().unit)
    before = stored()

    assert line.says(event="somethingNew").status_code == 202
    assert stored() == before
