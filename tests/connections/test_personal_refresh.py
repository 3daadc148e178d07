"""Tokens of members' own authorizations: refreshed once however many ask, and never lost on the way."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests
from django.db import connection as database
from django.utils import timezone

from connections.models import CalendarConnection, Mailbox, PersonalGrant
from connections.personal_tokens import access_token
from connections.providers.base import MailboxError, Throttled, Unreachable
from connections.providers.http import ProviderSession
from connections.states import shown_with_counts
from orgunits.models import AuditEvent
from tests.connections.personal import GRACE, Personal
from tests.connections.reading import read_now
from tests.people import signed_in

pytestmark = pytest.mark.django_db
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def personal(providers) -> Personal:
    personal = Personal(providers)
    personal.grant()
    return personal


def kept() -> PersonalGrant:
    return PersonalGrant.objects.get()


def box() -> Mailbox:
    return Mailbox.objects.get(member__email=GRACE)


def refreshes(personal: Personal, since: float) -> int:
    calls = personal.providers.control("GET", f"calls?since={since}")["calls"]
    return sum(call["operation"] == "google.token" for call in calls)


class Killed(BaseException):
    """What kill -9 does to a worker: nothing after it runs, and the open transaction is rolled back."""


def killed_after_the_answer(monkeypatch) -> None:
    """The worker dies when Google's next answer to a refresh has arrived and nothing is written yet."""
    send = requests.Session.send

    def sent(session, request, **kwargs):
        answer = send(session, request, **kwargs)
        if isinstance(session, ProviderSession) and request.url.endswith("/token"):
            monkeypatch.setattr(requests.Session, "send", send)
            raise Killed
        return answer

    monkeypatch.setattr(requests.Session, "send", sent)


# --- refreshing


def test_a_token_is_used_until_two_minutes_before_its_end(personal):
    first, granted = kept().access_token, personal.now
    began = timezone.now().timestamp()

    early = access_token(kept(), now=granted + timedelta(seconds=3599 - 121))
    late = access_token(kept(), now=granted + timedelta(seconds=3599 - 119))

    assert early == first
    assert late != first
    assert refreshes(personal, began) == 1


@pytest.mark.parametrize("rotates", [False, True])
def test_what_is_handed_out_is_written_before(personal, rotates):
    old = kept().refresh_token
    if rotates:
        personal.providers.fault("refresh_rotates")

    token = access_token(kept(), now=personal.now + HOUR)

    row = kept()
    assert row.access_token == token
    assert (row.refresh_token != old) is rotates
    assert row.previous_refresh_token == (old if rotates else "")


def test_the_one_before_is_forgotten_once_the_new_one_worked(personal):
    personal.providers.fault("refresh_rotates", times=1)
    access_token(kept(), now=personal.now + HOUR)
    new = kept().refresh_token

    access_token(kept(), now=personal.now + 2 * HOUR)

    assert (kept().refresh_token, kept().previous_refresh_token) == (new, "")


def test_the_one_before_is_tried_when_the_new_one_is_not_taken(personal):
    old = kept().refresh_token
    PersonalGrant.objects.update(refresh_token="never-given", previous_refresh_token=old)

    token = access_token(kept(), now=personal.now + HOUR)

    assert token
    assert (kept().state, kept().refresh_token, kept().previous_refresh_token) == ("active", old, "")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rotates", [False, True])
def test_of_two_workers_one_refreshes_and_the_other_uses_what_it_wrote(personal, rotates):
    if rotates:
        personal.providers.fault("refresh_rotates")
    personal.providers.control("POST", "latency", ms=300)
    began, grant, later = timezone.now().timestamp(), kept(), personal.now + HOUR

    def worker(_number: int) -> str:
        try:
            return access_token(grant, now=later)
        finally:
            database.close()

    with ThreadPoolExecutor(2) as pool:
        tokens = list(pool.map(worker, range(2)))

    assert tokens == [kept().access_token] * 2
    assert refreshes(personal, began) == 1


# --- a worker that dies between the answer and the write


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rotates", [False, True])
def test_a_worker_killed_before_it_wrote_leaves_the_old_token_which_still_works(
    personal, monkeypatch, rotates
):
    """Where it rotates too: the old one dies only when the new one is used, and nobody has it."""
    old = kept().refresh_token
    if rotates:
        personal.providers.fault("refresh_rotates", times=1)
    killed_after_the_answer(monkeypatch)
    with pytest.raises(Killed):
        access_token(kept(), now=personal.now + HOUR)
    left = kept().refresh_token

    token = access_token(kept(), now=personal.now + HOUR)

    assert left == old
    assert (kept().state, kept().access_token) == ("active", token)


@pytest.mark.django_db(transaction=True)
def test_where_the_old_token_died_with_the_answer_the_member_is_asked_in_words(personal, monkeypatch):
    personal.providers.fault("refresh_rotates", times=1)
    personal.providers.fault("refresh_tokens_limited", most=1)
    killed_after_the_answer(monkeypatch)
    with pytest.raises(Killed):
        access_token(kept(), now=personal.now + HOUR)

    read_now(personal.connection, [personal.grace], now=personal.now + HOUR)

    page = signed_in(personal.grace.user).get(f"/ou/{personal.unit.slug}/members/{personal.grace.public_id}/")
    assert (kept().state, box().failure) == ("needs_reauthorization", "grant_lost")
    assert "Nothing new is read until you connect again" in page.content.decode()


# --- it ended at Google


def test_a_grant_revoked_at_google_is_lost_within_one_poll_after_a_second_try(personal):
    read_now(personal.connection, [personal.grace], now=personal.now + MINUTE)
    assert box().state == "synced"
    personal.providers.control("DELETE", "google/grants", address=GRACE)
    began = timezone.now().timestamp()

    read_now(personal.connection, [personal.grace], now=personal.now + 2 * MINUTE)

    row = kept()
    assert refreshes(personal, began) == 2
    assert (row.state, row.refresh_token, row.access_token) == ("needs_reauthorization", "", "")
    assert (box().state, box().failure) == ("failing", "grant_lost")
    event = AuditEvent.objects.get(verb="personal.lost")
    assert (event.subject, event.facts["code"]) == (personal.grace.public_id, "invalid_grant")
    ((connection, state),) = shown_with_counts([CalendarConnection.objects.get()])
    assert (connection.state, state.code) == ("active", "degraded")
    assert "their own authorization ended" in state.reason.sentence


def test_google_is_not_asked_again_and_again_about_a_grant_that_is_over(personal):
    personal.providers.control("DELETE", "google/grants", address=GRACE)
    read_now(personal.connection, [personal.grace], now=personal.now + HOUR)
    began = timezone.now().timestamp()

    for minutes in range(61, 66):
        read_now(personal.connection, [personal.grace], now=personal.now + minutes * MINUTE)

    assert personal.providers.control("GET", f"calls?since={began}")["calls"] == []
    assert box().next_sync_at >= personal.now + 24 * HOUR


def test_one_refusal_that_was_a_slip_loses_nothing(personal):
    personal.providers.fault("refresh_revoked", times=1)

    read_now(personal.connection, [personal.grace], now=personal.now + HOUR)

    assert (kept().state, box().state) == ("active", "synced")


def test_a_token_that_ended_early_is_renewed_and_the_member_read_a_minute_later(personal):
    personal.providers.fault("token_revoked", target=GRACE, times=1)
    first, now = kept().access_token, personal.now + MINUTE

    read_now(personal.connection, [personal.grace], now=now)

    due = box().next_sync_at
    assert (kept().state, due) == ("active", now + MINUTE)
    assert kept().access_token != first
    read_now(personal.connection, [personal.grace], now=due)
    assert box().state == "synced"


def test_connecting_again_brings_everything_back(personal):
    personal.providers.control("DELETE", "google/grants", address=GRACE)
    read_now(personal.connection, [personal.grace], now=personal.now + HOUR)
    personal.now += 2 * HOUR

    personal.grant()
    due = box().next_sync_at
    read_now(personal.connection, [personal.grace], now=personal.now + MINUTE)

    assert due == personal.now
    assert (kept().state, box().state, box().failure) == ("active", "synced", "")


# --- Google is busy, down, or blocks us


@pytest.mark.parametrize(
    ("fault", "params", "error"),
    [
        ("token_unavailable", {"status": 503}, Unreachable),
        ("token_unavailable", {"status": 429}, Throttled),
    ],
)
def test_while_google_gives_no_tokens_the_authorization_is_kept(personal, fault, params, error):
    old = kept().refresh_token
    personal.providers.fault(fault, **params)

    with pytest.raises(error):
        access_token(kept(), now=personal.now + HOUR)

    assert (kept().state, kept().refresh_token) == ("active", old)


def test_a_workspace_that_blocks_the_portal_fails_this_member_and_keeps_what_they_granted(personal):
    personal.providers.fault("admin_policy_enforced", target=GRACE)

    with pytest.raises(MailboxError) as refusal:
        access_token(kept(), now=personal.now + HOUR)

    assert refusal.value.failure == "refused"
    assert kept().state == "active"


# --- at rest


def test_tokens_stand_sealed_in_the_database(personal):
    plain = kept()
    with database.cursor() as cursor:
        cursor.execute("SELECT refresh_token, access_token FROM connections_personalgrant")
        (stored,) = cursor.fetchall()

    assert plain.refresh_token not in stored
    assert plain.access_token not in stored


def test_the_rotation_of_sealing_keys_seals_them_anew(personal, settings):
    from cryptography.fernet import Fernet

    from connections.rotation import rotate_keys

    plain = kept().refresh_token
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]

    rotate_keys()

    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    assert kept().refresh_token == plain
