"""The self-test: what its answers mean, how long it waits for a grant to spread, and what a person can do then."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from connections import calendar_connections, health, jobs, warnings
from connections.credentials import key_of
from connections.health import PATIENCE, PROBE, Verdict, judge, next_try
from connections.models import CalendarConnection, ScopeCheck
from connections.modes import scopes_for
from connections.providers.base import ScopeAnswer
from connections.reasons import REASONS
from connections.states import State, shown_with_counts
from tests.connecting import ADMINISTRATORS, connect, consent, delegate, own_google_key, sign_in
from tests.people import MICROSOFT_TENANT, make_company
from tests.worker import run_waiting_jobs

NOW = datetime(2026, 10, 20, 9, 17, 23, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


# --- how long to wait ---------------------------------------------------------------------------------------------
@given(st.timedeltas(timedelta(), PATIENCE - timedelta(microseconds=1)))
def test_within_a_day_there_is_always_a_next_try_and_never_far_away(waited):
    again = next_try(NOW, now=NOW + waited)

    assert timedelta(minutes=1) <= again - (NOW + waited) <= timedelta(minutes=30)


@given(st.timedeltas(PATIENCE, timedelta(days=400)))
def test_after_a_day_we_stop_trying_by_ourselves(waited):
    assert next_try(NOW, now=NOW + waited) is None


@given(st.timedeltas(timedelta(), timedelta(hours=30)), st.timedeltas(timedelta(), timedelta(hours=30)))
def test_waiting_longer_never_makes_us_ask_more_often(some, more):
    first, second = sorted((some, more))
    pauses = [next_try(NOW, now=NOW + waited) for waited in (first, second)]

    if None not in pauses:
        assert pauses[0] - (NOW + first) <= pauses[1] - (NOW + second)


def test_a_day_of_waiting_takes_a_bearable_number_of_tries():
    tries, now = 0, NOW
    while now := next_try(NOW, now=now):
        tries += 1

    assert tries == 66


# --- what the answers mean ----------------------------------------------------------------------------------------
def answers(*granted: bool | None) -> list[ScopeAnswer]:
    return [ScopeAnswer(f"scope {number}", granted=one) for number, one in enumerate(granted)]


JUDGED = [
    ("google", answers(True, True), "", Verdict(True)),
    ("google", answers(True, False), "", Verdict(False, "incomplete", waits=True)),
    ("google", answers(False, False), None, Verdict(False, "not_delegated", waits=True)),
    ("google", answers(True, False), "incomplete", Verdict(False, "incomplete", waits=True)),
    ("google", answers(True, None), "", Verdict(False, "provider_down", waits=True)),
    ("google", answers(True, True), "no_administrator_mailbox",
     Verdict(False, "no_administrator_mailbox", waits=True)),
    ("google", answers(True, True), None, Verdict(False, "probe_refused", waits=True)),
    ("microsoft", answers(True), "", Verdict(True)),
    # Exchange can grant what the token does not name: the live probe decides.
    ("microsoft", answers(False), "", Verdict(True)),
    ("microsoft", answers(False), "probe_refused", Verdict(False, "consent_spreading", waits=True)),
    ("microsoft", answers(True), "probe_refused", Verdict(False, "probe_refused", waits=True)),
    ("microsoft", answers(None), "", Verdict(False, "provider_down", waits=True)),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "given_answers", "probe", "verdict"), JUDGED)
def test_the_answers_mean_this(provider, given_answers, probe, verdict):
    assert judge(provider, given_answers, probe) == verdict


@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_what_was_never_asked_for_changes_no_verdict(provider):
    extra = ScopeAnswer("Mail.Read", granted=True, requested=False)

    assert judge(provider, [*answers(True), extra], "") == Verdict(True)
    assert judge(provider, [*answers(False), extra], None) == judge(provider, answers(False), None)


def test_every_reason_of_a_verdict_has_words():
    reasons = {verdict.reason for *_asked, verdict in JUDGED} | set(health.LOST) | set(health.LOST.values())

    assert reasons <= set(REASONS)


# --- for real -----------------------------------------------------------------------------------------------------
def signed_in(providers, provider: str, mode: str = "free_busy"):
    company = make_company()
    if provider == "google":
        own_google_key(company.unit, providers, by=company.olga)
    connection = calendar_connections.create_connection(
        company.unit, provider, mode, by=company.olga, now=timezone.now()
    )
    sign_in(connection, ADMINISTRATORS[provider], by=company.olga)
    connection.refresh_from_db()
    return company, connection


def results(connection: CalendarConnection) -> dict[str, str]:
    return dict(connection.checks.values_list("name", "result"))


def look(connection: CalendarConnection, now: datetime) -> tuple[str, str, datetime | None]:
    health.check_connection(connection, by=None, now=now)
    row = CalendarConnection.objects.get(pk=connection.pk)
    return row.state, row.state_reason, row.next_check_at


@pytest.mark.django_db
def test_a_delegation_that_spreads_late_is_found_without_anybody_doing_anything(providers):
    _company, connection = signed_in(providers, "google")
    providers.control(
        "POST", "delegation", client_id=key_of(connection).client_id, spread_seconds=3600,
        scopes=list(scopes_for("google", "free_busy").organization),
    )  # fmt: skip
    first = look(connection, NOW)
    delegate(connection, providers)  # as it will stand in an hour

    CalendarConnection.objects.update(next_check_at=timezone.now() - MINUTE)
    jobs.retry_checks()
    run_waiting_jobs()

    assert first == ("pending", "not_delegated", NOW + MINUTE)
    assert CalendarConnection.objects.get().state == State.ACTIVE


@pytest.mark.django_db
def test_nobody_is_asked_before_it_is_time(providers):
    signed_in(providers, "google")
    CalendarConnection.objects.update(next_check_at=timezone.now() + MINUTE)

    jobs.retry_checks()

    assert run_waiting_jobs() == 0


@pytest.mark.django_db
def test_after_a_day_a_person_is_asked_to_compare_and_can_begin_the_day_anew(providers):
    company, connection = signed_in(providers, "google")
    look(connection, NOW)

    almost = look(connection, NOW + PATIENCE - MINUTE)
    over = look(connection, NOW + PATIENCE)
    connection.refresh_from_db()
    health.start_waiting_again(connection, now=NOW + PATIENCE + MINUTE)
    anew = look(connection, NOW + PATIENCE + MINUTE)

    assert almost == ("pending", "not_delegated", NOW + PATIENCE + 29 * MINUTE)
    assert over == ("pending", "delegation_overdue", None)
    assert anew == ("pending", "not_delegated", NOW + PATIENCE + 2 * MINUTE)


@pytest.mark.django_db
def test_looking_again_within_the_day_does_not_prolong_it(providers):
    _company, connection = signed_in(providers, "google")
    look(connection, NOW)
    connection.refresh_from_db()

    health.start_waiting_again(connection, now=NOW + timedelta(hours=23))

    assert CalendarConnection.objects.get().waiting_since == NOW


@pytest.mark.django_db
def test_that_waiting_comes_to_its_end_is_announced_once(providers):
    company, connection = signed_in(providers, "google")
    look(connection, NOW)

    sent = [warnings.warn_of_ends(now=NOW + timedelta(hours=hours)) for hours in (11, 13, 14)]

    assert sent == [0, 1, 0]
    assert mail.outbox[0].to == [company.olga.email]


@pytest.mark.django_db
@pytest.mark.parametrize("missing", scopes_for("google", "free_busy").organization)
def test_of_a_partial_delegation_exactly_what_lacks_is_named(providers, missing):
    _company, connection = signed_in(providers, "google")
    asked = scopes_for("google", "free_busy").organization
    delegate(connection, providers, [scope for scope in asked if scope != missing])

    look(connection, NOW)

    scopes = {name: result for name, result in results(connection).items() if name != PROBE}
    assert scopes == {scope: "missing" if scope == missing else "granted" for scope in asked}
    assert shown_with_counts([CalendarConnection.objects.get()])[0][1].code == "incomplete"


@pytest.mark.django_db
def test_a_consent_to_less_than_was_asked_waits_and_to_more_is_shown(providers):
    _company, connection = signed_in(providers, "microsoft")
    client_id = key_of(connection).client_id
    providers.control("POST", "consents", tenant=MICROSOFT_TENANT, client_id=client_id, roles=[])
    less = look(connection, NOW)

    roles = ["Calendars.ReadBasic.All", "Mail.Read"]
    providers.control("POST", "consents", tenant=MICROSOFT_TENANT, client_id=client_id, roles=roles)
    more = look(connection, NOW + MINUTE)

    assert less[:2] == ("pending", "consent_spreading")
    assert more[:2] == ("active", "")
    assert results(connection) == {
        "Calendars.ReadBasic.All": "granted",
        "Mail.Read": "unrequested",
        PROBE: "granted",
    }


@pytest.mark.django_db
def test_each_line_says_since_when_it_is_so(providers):
    company, connection = signed_in(providers, "microsoft")
    consent(connection, by=company.olga)
    connection.refresh_from_db()
    look(connection, NOW)

    look(connection, NOW + MINUTE)

    check = ScopeCheck.objects.get(name=PROBE)
    assert (check.since, check.checked_at) == (NOW, NOW + MINUTE)


@pytest.mark.django_db
def test_before_the_consent_nothing_waits(providers):
    _company, connection = signed_in(providers, "microsoft")

    assert look(connection, NOW) == ("pending", "not_consented", None)


@pytest.mark.django_db
def test_an_administrator_who_left_makes_a_working_connection_incomplete_until_somebody_else_signs_in(
    providers,
):
    company = make_company()
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    providers.control("DELETE", f"people/{ADMINISTRATORS['google']}")

    state, reason, again = look(connection, NOW)

    assert (state, reason) == ("active", "no_administrator_mailbox")
    assert again == NOW + health.RECHECK


@pytest.mark.django_db
def test_a_working_connection_whose_provider_was_down_is_well_again_by_itself(providers):
    company = make_company()
    connection = connect(company.unit, "microsoft", "free_busy", providers, by=company.olga)
    run_waiting_jobs()
    providers.fault("server_error", target="graph.microsoft.com", times=1)
    down = look(connection, timezone.now() - health.RECHECK - MINUTE)

    jobs.retry_checks()
    run_waiting_jobs()

    assert down[:2] == ("active", "provider_down")
    row = CalendarConnection.objects.get()
    assert (row.state, row.state_reason, row.next_check_at) == ("active", "", None)


@pytest.mark.django_db
@pytest.mark.parametrize("verb", [calendar_connections.pause, calendar_connections.disconnect])
def test_a_check_that_comes_late_revives_nothing(providers, verb):
    company = make_company()
    connection = connect(company.unit, "microsoft", "free_busy", providers, by=company.olga)
    late = CalendarConnection.objects.get()
    verb(connection, by=company.olga, now=NOW)

    health.check_connection(late, by=company.olga, now=NOW + MINUTE)

    assert CalendarConnection.objects.get().state == connection.state


@pytest.mark.django_db
@pytest.mark.parametrize("verb", [calendar_connections.pause, calendar_connections.disconnect])
def test_a_silent_connection_is_not_even_tested(providers, verb):
    company = make_company()
    connection = connect(company.unit, "microsoft", "free_busy", providers, by=company.olga)
    verb(connection, by=company.olga, now=NOW)
    calls = providers.control("GET", "state")["calls"]

    jobs.check_connection(connection.pk)

    assert providers.control("GET", "state")["calls"] == calls


# --- a connection that worked ends only after a second refusal ------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(("times", "state"), [(1, State.ACTIVE), (2, State.NEEDS_REAUTHORIZATION)])
def test_one_refusal_alone_ends_nothing_that_worked(providers, times, state):
    company = make_company()
    connection = connect(company.unit, "microsoft", "free_busy", providers, by=company.olga)
    providers.fault("entra_error", code=7000222, times=times)

    health.check_connection(connection, by=None, now=timezone.now())

    connection.refresh_from_db()
    assert connection.state == state
