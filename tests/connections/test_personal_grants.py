"""Where an organization refuses delegation each member lets us read their own calendar, and only that."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from connections import mailboxes
from connections.attempts import Refused
from connections.models import BusyPeriod, CalendarConnection, Mailbox, PersonalGrant
from connections.modes import scopes_for
from connections.states import shown_with_counts
from orgunits.models import AuditEvent, Member
from tests.connecting import answer_provider_page
from tests.connections.personal import BENNO, GRACE, Personal
from tests.connections.reading import in_window, read_now, set_clock, window
from tests.connections.sandbox_calendar import SandboxCalendar
from tests.people import make_company, signed_in

pytestmark = pytest.mark.django_db
MODES = pytest.mark.parametrize("mode", ["free_busy", "read_write"])


@pytest.fixture
def personal(providers) -> Personal:
    return Personal(providers)


def box(member: Member) -> Mailbox:
    return Mailbox.objects.get(member=member)


# --- the connection


def test_an_ops_admin_makes_it_and_it_is_active_without_anybody_signing_in(providers):
    company = make_company()
    browser = signed_in(company.olga)
    url = reverse("connect_members", args=[company.unit.slug, "free_busy"])

    page = browser.get(url).content.decode()
    answer = browser.post(url, {"domains": "kube.example"})

    connection = CalendarConnection.objects.get()
    assert all(scope in page for scope in scopes_for("google", "free_busy").organization)
    assert answer.headers["Location"] == reverse("connection", args=[company.unit.slug, connection.public_id])
    assert (connection.state, connection.personal, connection.mode) == ("active", True, "free_busy")
    assert [(row.domain, row.verified) for row in connection.domains.all()] == [("kube.example", "declared")]
    assert box(company.member(company.emma)).connection == connection


@override_settings(GOOGLE_CLIENT_ID="")
def test_without_an_oauth_client_at_google_it_is_not_offered(providers):
    company = make_company()
    url = reverse("connect_members", args=[company.unit.slug, "free_busy"])

    page = signed_in(company.olga).get(url).content.decode()
    refused = signed_in(company.olga).post(url, {"domains": "kube.example"})

    assert "GOOGLE_CLIENT_ID" in page
    assert 'name="domains"' not in page
    assert refused.status_code == 422
    assert CalendarConnection.objects.count() == 0


def test_there_is_nothing_to_set_up_to_sign_in_to_or_to_give_a_key(personal):
    browser, args = signed_in(personal.company.olga), [personal.unit.slug, personal.connection.public_id]

    answers = [browser.get(reverse(name, args=args)) for name in ("set_up", "key_add", "key_rotate")]
    answers += [browser.post(reverse(name, args=args)) for name in ("sign_in", "check_now", "hand_off_new")]

    assert {answer.status_code for answer in answers} == {404}


def test_nothing_is_asked_of_google_before_a_member_agreed(personal):
    began = timezone.now().timestamp()

    read_now(personal.connection, [personal.grace], now=personal.now + timedelta(minutes=1))

    assert personal.providers.control("GET", f"calls?since={began}")["calls"] == []
    assert (box(personal.grace).state, box(personal.grace).failure) == ("failing", "not_granted")
    ((_row, state),) = shown_with_counts([CalendarConnection.objects.get()])
    assert state.code == "healthy"


# --- a member agrees


@MODES
def test_a_member_agrees_and_their_calendar_is_read_truly(providers, mode):
    personal = Personal(providers, mode)
    set_clock(providers, personal.now)
    read_now(personal.connection, [personal.grace], now=personal.now)

    grant = personal.grant()
    due = box(personal.grace).next_sync_at
    read_now(personal.connection, [personal.grace], now=personal.now + timedelta(minutes=1))

    low, high = window(personal.now)
    assert due == personal.now
    assert set(scopes_for("google", mode).organization) <= set(grant.scopes)
    assert box(personal.grace).state == "synced"
    assert in_window(personal.grace, low, high) == SandboxCalendar(providers, GRACE).busy(low, high)
    event = AuditEvent.objects.get(verb="personal.granted")
    assert (event.actor, event.subject) == (personal.grace.user.public_id, personal.grace.public_id)
    assert event.facts == {"connection": personal.connection.public_id}


def test_each_member_is_read_with_their_own_token_and_nobody_with_anothers(personal):
    benno = personal.member(BENNO, "Benno")
    mailboxes.assign(personal.unit, now=personal.now)
    personal.grant()
    began = timezone.now().timestamp()

    read_now(personal.connection, [personal.grace, benno], now=personal.now + timedelta(minutes=1))

    calls = personal.providers.control("GET", f"calls?since={began}")["calls"]
    assert {call["who"] for call in calls} == {GRACE}
    assert (box(personal.grace).state, box(benno).failure) == ("synced", "not_granted")
    assert not BusyPeriod.objects.filter(member=benno).exists()


def test_the_page_says_word_for_word_what_will_be_asked_and_leads_to_google(personal):
    browser = signed_in(personal.grace.user)
    url = reverse("own_calendar", args=[personal.unit.slug])

    home = browser.get(
        reverse("member", args=[personal.unit.slug, personal.grace.public_id])
    ).content.decode()
    page = browser.get(url).content.decode()
    answer = browser.post(url)

    asked = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert url in home
    assert all(scope in page for scope in scopes_for("google", "free_busy").organization)
    assert set(asked["scope"][0].split()) >= set(scopes_for("google", "free_busy").organization)
    assert (asked["access_type"], asked["prompt"], asked["login_hint"]) == (["offline"], ["consent"], [GRACE])
    assert asked["code_challenge_method"] == ["S256"]


def test_the_browser_comes_back_to_the_members_own_page(personal):
    browser = signed_in(personal.grace.user)
    url = browser.post(reverse("own_calendar", args=[personal.unit.slug])).headers["Location"]

    page = browser.get(reverse("callback_google"), answer_provider_page(url, GRACE), follow=True)

    assert page.redirect_chain[-1][0] == reverse(
        "member", args=[personal.unit.slug, personal.grace.public_id]
    )
    assert "Your calendar is connected" in page.content.decode()
    assert "Take it back" in page.content.decode()


def test_agreeing_again_keeps_one_grant(personal):
    first = personal.grant()

    again = personal.grant()

    assert PersonalGrant.objects.get() == again == first


# --- what is refused, and then nothing is kept here nor left at Google


def refused(personal, back: dict, **how) -> Refused:
    with pytest.raises(Refused) as refusal:
        personal.come_back(personal.grace, back, **how)
    assert not PersonalGrant.objects.exists()
    return refusal.value


def test_somebody_elses_account_is_refused_and_audited(personal):
    back = answer_provider_page(personal.begin(personal.grace), BENNO)

    assert refused(personal, back).reason == "personal_other_address"

    assert AuditEvent.objects.filter(verb="authorization.refused").get().facts == {
        "reason": "personal_other_address",
        "purpose": "personal",
    }
    assert personal.at_google() == []


def test_an_account_of_another_organization_is_refused_even_with_the_address(personal):
    Member.objects.filter(pk=personal.grace.pk).update(mail_domain="sigs.example")
    back = answer_provider_page(personal.begin(personal.grace), GRACE)

    assert refused(personal, back).reason == "personal_other_organization"
    assert personal.at_google() == []


def test_another_person_with_the_same_address_is_refused(personal):
    personal.grant()
    PersonalGrant.objects.update(subject="100000000000000000009")
    back = answer_provider_page(personal.begin(personal.grace), GRACE)

    with pytest.raises(Refused, match="personal_other_subject"):
        personal.come_back(personal.grace, back)

    assert PersonalGrant.objects.get().subject == "100000000000000000009"


def test_who_leaves_a_box_unticked_is_told_which(personal):
    browser = signed_in(personal.grace.user)
    url = browser.post(reverse("own_calendar", args=[personal.unit.slug])).headers["Location"]
    left_out = "https://www.googleapis.com/auth/calendar.events.freebusy"
    asked = parse_qs(urlsplit(url).query)["scope"][0].split()
    page = requests.get(url, timeout=10)
    form = {"account": GRACE, "other": "", "decision": "allow", "scope": [s for s in asked if s != left_out]}
    sent = requests.post(url, data=form, cookies=page.cookies, allow_redirects=False, timeout=10)

    answer = browser.get(sent.headers["Location"])

    text = answer.content.decode()
    assert answer.status_code == 400
    assert f"<code>{left_out}</code>" in text
    assert text.count('<ul class="plain scope-words"><li>') == 1
    assert reverse("own_calendar", args=[personal.unit.slug]) in text
    assert not PersonalGrant.objects.exists()
    assert personal.at_google() == []


def test_who_declines_changes_nothing(personal):
    back = answer_provider_page(personal.begin(personal.grace), GRACE, agree=False)

    assert refused(personal, back).reason == "personal_declined"


def test_an_answer_counts_once_only_in_its_browser_and_only_for_ten_minutes(personal):
    back = answer_provider_page(personal.begin(personal.grace), GRACE)
    late = answer_provider_page(personal.begin(personal.grace), GRACE)

    assert refused(personal, back, session="another browser").reason == "state_unknown"
    assert refused(personal, late, now=personal.now + timedelta(minutes=11)).reason == "state_late"
    personal.come_back(personal.grace, back)
    with pytest.raises(Refused, match="state_used"):
        personal.come_back(personal.grace, back)


def test_who_was_suspended_meanwhile_is_refused(personal):
    back = answer_provider_page(personal.begin(personal.grace), GRACE)
    Member.objects.filter(pk=personal.grace.pk).update(state="suspended")

    assert refused(personal, back).reason == "right_lost"


def test_a_connection_that_was_disconnected_meanwhile_takes_no_grant(personal):
    back = answer_provider_page(personal.begin(personal.grace), GRACE)
    CalendarConnection.objects.update(state="disconnected")

    assert refused(personal, back).reason == "disconnected_by_admin"


def test_nobody_authorizes_through_a_connection_that_does_not_serve_them(personal):
    url = reverse("own_calendar", args=[personal.company.stranger_unit.slug])

    sven = personal.company.member(personal.company.sven)

    answer = signed_in(personal.company.sven).post(url)

    own_page = reverse("member", args=[personal.company.stranger_unit.slug, sven.public_id])
    assert answer.headers["Location"] == own_page
