"""What went wrong elsewhere and must not go wrong here: published incidents of synchronization and tokens.

Each test names the incident and asserts the state the portal ends in, not what it logged.
"""

import json
from datetime import timedelta
from types import SimpleNamespace

import jwt
import pytest
import requests
from django.core import mail
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from connections import circuits, notices
from connections.models import CalendarConnection, Mailbox, MemberCalendar
from connections.providers.base import Key
from connections.providers.google import oauth as google
from connections.providers.http import ProviderSession
from connections.providers.microsoft import oauth as microsoft
from tests.builders import make_members
from tests.connecting import connect, consent, delegate
from tests.connections.independent_reader import people_of
from tests.connections.reading import read_now
from tests.connections.scene import NOW, TOMORROW
from tests.people import MICROSOFT_TENANT
from tests.providers.striking import DAY, HOUR, MINUTE, Working
from tests.providers.wire import wire

__all__ = ["wire"]

PROVIDERS = pytest.mark.parametrize("provider", ["google", "microsoft"])
OLGA = "olga@kube.example"  # the Ops Admin
FORGOTTEN = {"google": "sync_token_expired", "microsoft": "delta_gone"}


# --- a place in the feed that was lost ----------------------------------------------------------------------------
@PROVIDERS
@pytest.mark.django_db
def test_twenty_24095_a_410_is_no_empty_success_and_leaves_no_ghosts(providers, provider):
    working = Working(providers, provider, "read_write")
    ghosts = [working.calendar.add(TOMORROW + hour * HOUR) for hour in range(3)]
    working.read()
    for ghost in ghosts:
        working.calendar.remove(ghost)
    working.strike(FORGOTTEN[provider], working.member, times=1)

    working.read()

    assert working.is_true()
    assert working.in_window() != []


@PROVIDERS
@pytest.mark.django_db
def test_compass_1422_and_webhookdb_538_a_410_is_repaired_and_not_only_logged(providers, provider):
    working = Working(providers, provider)
    working.strike(FORGOTTEN[provider], working.member, times=1)
    working.read()
    row = MemberCalendar.objects.get(mailbox__member=working.member, primary=True)

    working.calendar.add(TOMORROW)
    working.read()

    assert row.full_round_at == NOW + 5 * MINUTE
    assert row.feed_token not in {"", MemberCalendar.objects.get(pk=row.pk).feed_token}, "read on by changes"
    assert working.told().state == Mailbox.State.SYNCED
    assert working.is_true()


# --- a grant that died --------------------------------------------------------------------------------------------
@PROVIDERS
@pytest.mark.django_db
def test_calcom_7564_5796_11964_a_dead_grant_is_seen_within_one_poll_and_everything_comes_back(
    providers, provider, settings
):
    working = Working(providers, provider)
    working.calendar.add(TOMORROW)
    providers.control("DELETE", "delegation" if provider == "google" else "consents")

    working.read(after=timedelta(seconds=settings.POLL_SECONDS))
    lost, told = working.state, mails(working)
    told_again = mails(working)
    if provider == "google":
        delegate(working.connection, providers)
    else:
        consent(working.connection, by=working.company.olga)
    working.check(after=MINUTE)
    working.read()

    assert lost == ("needs_reauthorization", "needs_reauthorization", "revoked")
    assert (told, told_again, mails(working)) == ([OLGA], [], [OLGA])
    assert working.state == ("active", "healthy", "")
    assert working.is_true()


def mails(working: Working) -> list[str]:
    """Who is written to now; each change for the worse or back is told once."""
    mail.outbox.clear()
    notices.tell_all(now=working.now)
    for notice_id in notices.due(now=working.now):
        notices.send(notice_id, now=working.now)
    return [address for letter in mail.outbox for address in letter.to]


# --- the life of a token ------------------------------------------------------------------------------------------
class Issuer:
    """A token address at the wire: it tells how many seconds a token lives, and remembers until when it does."""

    def __init__(self, lives: int) -> None:
        self.lives, self.now, self.ends = lives, 1_800_000_000.0, {}

    def send(self, _session, _request, **_kwargs) -> requests.Response:
        claims = {"tid": MICROSOFT_TENANT, "appid": "app", "jti": str(len(self.ends))}
        token = jwt.encode(claims, "of no use beyond this test, but long enough", algorithm="HS256")
        self.ends[token] = self.now + self.lives
        answer = requests.Response()
        answer.status_code, answer.url = 200, ""
        answer.request = SimpleNamespace(url="")
        answer._content = json.dumps({"access_token": token, "expires_in": self.lives}).encode()
        return answer


def use_of(provider: str, providers, session: ProviderSession):
    """A function that answers the token the portal would use now."""
    if provider == "microsoft":
        app = microsoft.AppToken(Key("microsoft", "x", "app", "secret"), MICROSOFT_TENANT, session)
        return app.get
    text = (providers.home / "service-accounts" / "kube-community.json").read_text()
    account = google.ServiceAccount(google.key_from_json(text, unit_id=None), session)
    return lambda: account.token("someone@kube.example", ("scope",))


@PROVIDERS
def test_fluidcalendar_196_a_tokens_life_is_counted_from_now_and_none_is_used_after_its_end(
    providers, provider, monkeypatch
):
    module = google if provider == "google" else microsoft

    @effort(max_examples=40, deadline=None)
    @given(st.integers(1, 90_000), st.lists(st.integers(0, 20_000), min_size=1, max_size=8))
    def hold(lives, pauses):
        issuer = Issuer(lives)
        with monkeypatch.context() as patched:
            patched.setattr(requests.Session, "send", lambda *args, **kwargs: issuer.send(*args, **kwargs))
            patched.setattr(module, "time", SimpleNamespace(time=lambda: issuer.now))
            use = use_of(provider, providers, ProviderSession())
            for pause in pauses:
                issuer.now += pause
                assert issuer.ends[use()] - issuer.now >= min(lives, module.TOKEN_MARGIN)

    hold()


@PROVIDERS
def test_fluidcalendar_196_a_token_is_used_as_long_as_it_lives_and_not_asked_for_each_time(
    providers, provider, monkeypatch
):
    module = google if provider == "google" else microsoft
    issuer = Issuer(3600)
    monkeypatch.setattr(requests.Session, "send", lambda *args, **kwargs: issuer.send(*args, **kwargs))
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: issuer.now))
    use = use_of(provider, providers, ProviderSession())

    for _minute in range(120):
        issuer.now += 60
        use()

    assert len(issuer.ends) == 3, "one at the beginning, and a new one shortly before each end"


# --- outages ------------------------------------------------------------------------------------------------------
@PROVIDERS
@pytest.mark.django_db
def test_cronofy_february_2026_a_failure_is_tried_again_for_a_day_and_one_good_answer_heals_it(
    providers, provider
):
    working = Working(providers, provider)
    began, waits = working.now, []
    working.strike("server_error", working.member)

    while working.now - began < DAY:
        working.read(after=working.told().again)
        waits.append(working.told().again)
    working.calendar.add(TOMORROW + 2 * DAY)
    working.heal()
    working.read(after=working.told().again)

    assert waits == sorted(waits)
    assert max(waits) <= 6 * HOUR
    assert working.told().state == Mailbox.State.SYNCED
    assert working.state == ("active", "healthy", "")
    assert working.is_true()


@pytest.mark.django_db
def test_cronofy_2023_a_provider_that_is_down_is_asked_less_and_less_and_the_other_is_read_as_ever(providers):
    working = Working(providers, "google")
    addresses = [person["email"] for person in people_of("sigs.example")[: circuits.OPENS_AFTER + 3]]
    people = make_members(working.company.unit, addresses)
    other = connect(working.company.unit, "microsoft", "free_busy", providers, by=working.company.olga)
    providers.fault("server_error", target="graph.microsoft.com")

    read_now(other, people, now=working.now + MINUTE)
    row = CalendarConnection.objects.get(pk=other.pk)
    before = asked_of_microsoft(providers)
    read_now(other, people, now=working.now + MINUTE)
    working.calendar.add(TOMORROW)
    working.read(after=MINUTE)

    assert (row.state, row.state_reason) == ("active", "provider_down")
    assert row.slowed_until > working.now
    assert asked_of_microsoft(providers) == before, "an open circuit asks nothing"
    assert working.state == ("active", "healthy", "")
    assert working.is_true()
    working.heal()
    read_now(other, people[:1], now=row.slowed_until + MINUTE)
    assert CalendarConnection.objects.get(pk=other.pk).state_reason == ""


def asked_of_microsoft(providers) -> int:
    calls = providers.control("GET", "calls")["calls"]
    return len([call for call in calls if call["host"] == "graph.microsoft.com"])
