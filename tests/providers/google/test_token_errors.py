"""Google refuses a token: what each refusal means for the connection, for one person, or only for now.

Reference: Google's service accounts with domain-wide delegation, and the errors of its token address.
"""

from datetime import timedelta

import pytest

from connections.attempts import Refused
from connections.credentials import key_of
from connections.models import Mailbox
from connections.modes import scopes_for
from tests.connecting import ADMINISTRATORS, StayedAtProvider, delegate, sign_in
from tests.providers.striking import DAY, HOUR, MINUTE, SettingUp, Told, Working

pytestmark = pytest.mark.django_db

SCOPES = "https://www.googleapis.com/auth/"
FREE_BUSY_SCOPE, LIST_SCOPE = f"{SCOPES}calendar.events.freebusy", f"{SCOPES}calendar.calendarlist.readonly"
STOPPED = Told("stopped")


# --- unauthorized_client: what was delegated ----------------------------------------------------------------------
def test_google_without_any_delegation_the_connection_waits_and_tries_again_in_a_minute(providers):
    setting_up = SettingUp(providers, "google")

    setting_up.check()

    assert setting_up.state == ("pending", "waiting", "not_delegated")
    assert setting_up.next_check == MINUTE


def test_google_a_delegation_that_has_not_come_after_a_day_is_overdue_and_waits_for_a_person(providers):
    setting_up = SettingUp(providers, "google")
    setting_up.check()

    setting_up.check(after=DAY)

    assert setting_up.state == ("pending", "waiting", "delegation_overdue")
    assert setting_up.next_check is None


def test_google_a_delegation_that_spreads_late_fails_first_and_passes_then_by_itself(providers):
    setting_up = SettingUp(providers, "google")
    delegate(setting_up.connection, providers)
    providers.fault("delegation_pending", times=10)
    setting_up.check()
    before = setting_up.state

    providers.control("DELETE", "faults")
    setting_up.check(after=setting_up.next_check)

    assert before == ("pending", "waiting", "not_delegated")
    assert setting_up.state == ("active", "healthy", "")


@pytest.mark.parametrize("scope", scopes_for("google", "free_busy").organization)
def test_google_one_scope_that_was_not_delegated_is_named_and_the_others_are_ticked(providers, scope):
    setting_up = SettingUp(providers, "google")
    asked = set(scopes_for("google", "free_busy").organization)
    delegate(setting_up.connection, providers, sorted(asked - {scope}))

    setting_up.check()

    assert setting_up.state == ("pending", "incomplete", "incomplete")
    assert setting_up.checks("missing") - {"probe:mailbox"} == {scope}
    assert setting_up.checks("granted") - {"probe:mailbox"} == asked - {scope}


def test_google_a_delegation_that_is_removed_ends_the_connection_and_keeps_what_was_read(providers):
    working = Working(providers, "google")
    known = working.in_window()
    providers.control("DELETE", "delegation", client_id=key_of(working.connection).client_id)

    working.read()

    assert working.state == ("needs_reauthorization", "needs_reauthorization", "revoked")
    assert [working.told(one) for one in (working.member, working.colleague)] == [STOPPED, STOPPED]
    assert working.in_window() == known != []


def test_google_a_scope_that_is_removed_later_ends_the_connection_and_is_named(providers):
    working = Working(providers, "google")
    others = [s for s in scopes_for("google", "free_busy").organization if s != FREE_BUSY_SCOPE]
    delegate(working.connection, providers, others)

    working.read()

    assert working.state == ("needs_reauthorization", "needs_reauthorization", "incomplete")
    assert FREE_BUSY_SCOPE in working.checks("missing")
    assert working.told() == STOPPED


def test_google_delegating_again_and_looking_again_makes_the_connection_work_as_before(providers):
    working = Working(providers, "google")
    providers.control("DELETE", "delegation")
    working.read()

    delegate(working.connection, providers)
    working.check(after=MINUTE)
    working.read()

    assert working.state == ("active", "healthy", "")
    assert working.is_read(working.member)
    assert working.is_true()


def test_google_more_delegated_than_asked_for_never_widens_a_free_busy_token(providers, wire):
    working = Working(providers, "google", "free_busy")
    delegate(
        working.connection, providers, [*scopes_for("google", "free_busy").organization, f"{SCOPES}calendar"]
    )
    before = len(providers.control("GET", "calls")["calls"])

    working.read()

    calls = providers.control("GET", "calls")["calls"][before:]
    assert {scope for call in calls for scope in call["scopes"]} == {FREE_BUSY_SCOPE, LIST_SCOPE}


# --- invalid_grant: the person, or the key ------------------------------------------------------------------------
@pytest.mark.parametrize(
    "description", ["Invalid email or User ID", "Not a valid email", "The account has been deleted"]
)
def test_google_a_member_whose_address_it_does_not_know_fails_alone_until_tomorrow(providers, description):
    working = Working(providers, "google")
    working.strike("invalid_grant", working.member, description=description)

    working.read()

    assert working.told() == Told("failing", "no_mailbox", "invalid_grant", 12 * HOUR)
    assert working.state == ("active", "healthy", "")
    assert working.is_read(working.colleague)


def test_google_a_member_who_was_deleted_there_fails_alone(providers):
    working = Working(providers, "google")
    providers.control("DELETE", f"people/{working.member.email}")

    working.read()

    assert working.told() == Told("failing", "no_mailbox", "invalid_grant", 12 * HOUR)
    assert working.state == ("active", "healthy", "")


def test_google_an_administrator_who_left_is_named_and_the_members_go_on_being_read(providers):
    working = Working(providers, "google")
    providers.control("DELETE", f"people/{ADMINISTRATORS['google']}")

    working.check(after=MINUTE)
    working.read()

    state, _shown, reason = working.state
    assert (state, reason) == ("active", "no_administrator_mailbox")
    assert working.is_read(working.member)


def test_google_a_removed_key_ends_the_connection_and_says_that_the_operator_must_act(providers):
    working = Working(providers, "google")
    working.strike("service_key_removed")

    working.read()

    assert working.state == ("needs_reauthorization", "needs_reauthorization", "key_rejected")
    assert working.told() == STOPPED


@pytest.mark.parametrize("seconds", [4000, -4000])
def test_google_a_clock_that_is_off_by_an_hour_is_told_as_key_or_clock(providers, seconds):
    working = Working(providers, "google")
    working.strike("clock_skew", seconds=seconds)

    working.read()

    assert working.state == ("needs_reauthorization", "needs_reauthorization", "key_rejected")


def test_google_a_clock_that_is_off_by_minutes_is_no_failure(providers):
    setting_up = SettingUp(providers, "google")
    providers.fault("clock_skew", seconds=200)
    delegate(setting_up.connection, providers)

    setting_up.check()

    assert setting_up.state == ("active", "healthy", "")


# --- access_denied and policies -----------------------------------------------------------------------------------
@pytest.mark.parametrize("description", ["Requested client not authorized", "Account restricted"])
def test_google_a_member_whom_a_policy_keeps_from_us_fails_alone_and_is_tried_in_six_hours(
    providers, description
):
    working = Working(providers, "google")
    working.strike("access_denied", working.member, description=description)

    working.read()

    assert working.told() == Told("failing", "refused", "access_denied", 6 * HOUR)
    assert working.state == ("active", "healthy", "")
    assert working.is_read(working.colleague)


def test_google_a_suspended_member_fails_alone_and_is_read_again_when_they_are_back(providers):
    working = Working(providers, "google")
    providers.control("PATCH", f"people/{working.member.email}", suspended=True)
    working.read()
    suspended = working.told()

    providers.control("PATCH", f"people/{working.member.email}", suspended=False)
    working.read(after=suspended.again)

    assert (suspended.state, suspended.failure) == ("failing", "refused")
    assert working.told().state == Mailbox.State.SYNCED


def test_google_a_member_whom_the_delegation_does_not_reach_is_refused_alone_while_the_others_are_read(
    providers,
):
    working = Working(providers, "google")
    working.strike("delegation_pending", working.member)

    working.read()

    assert working.told() == Told("failing", "refused", "unauthorized_client", 6 * HOUR)
    assert working.state == ("active", "healthy", "")
    assert working.is_read(working.colleague)


def test_google_a_sign_in_that_was_denied_changes_nothing_and_can_be_begun_again(providers):
    setting_up = SettingUp(providers, "google")
    before = setting_up.row.signed_in_at
    providers.fault("consent_denied", times=1)

    with pytest.raises(Refused, match="sign_in_cancelled"):
        sign_in(setting_up.connection, ADMINISTRATORS["google"], by=setting_up.company.olga)
    denied = setting_up.row.signed_in_at
    sign_in(setting_up.connection, ADMINISTRATORS["google"], by=setting_up.company.olga)

    assert denied == before < setting_up.row.signed_in_at


def test_google_a_token_address_that_is_down_during_the_sign_in_changes_nothing(providers):
    setting_up = SettingUp(providers, "google")
    before = setting_up.row.signed_in_at
    providers.fault("token_unavailable")

    with pytest.raises(Refused, match="provider_down"):
        sign_in(setting_up.connection, ADMINISTRATORS["google"], by=setting_up.company.olga)

    assert setting_up.row.signed_in_at == before


def test_google_a_workspace_that_blocks_our_client_keeps_the_browser_and_nothing_changes(providers):
    setting_up = SettingUp(providers, "google")
    before = setting_up.state
    providers.fault("admin_policy_enforced")

    with pytest.raises(StayedAtProvider, match="admin_policy_enforced"):
        sign_in(setting_up.connection, ADMINISTRATORS["google"], by=setting_up.company.olga)

    assert setting_up.state == before


# --- for now ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "trouble",
    [
        {"error": "internal_failure", "status": 500},
        {"error": "server_error", "status": 500},
        {"error": "temporarily_unavailable", "status": 400},
        {"error": "temporarily_unavailable", "status": 503},
    ],
    ids=lambda trouble: f"{trouble['error']}-{trouble['status']}",
)
def test_google_a_token_address_that_is_down_loses_no_connection_and_is_asked_again(providers, trouble):
    working = Working(providers, "google")
    known = working.in_window()
    working.strike("token_unavailable", **trouble)

    working.read()
    struck = working.told()
    working.heal()
    working.read(after=HOUR)

    assert (struck.state, struck.failure) == ("failing", "unreachable")
    assert timedelta(seconds=60) <= struck.again <= HOUR
    assert known != []
    assert working.state == ("active", "healthy", "")
    assert working.is_true()


def test_google_a_token_address_that_stays_down_is_asked_ever_less_often(providers):
    working = Working(providers, "google")
    working.strike("token_unavailable")
    waits = []

    for _ in range(4):
        working.read(after=HOUR)
        waits.append(working.told().again)

    assert waits == sorted(waits)
    assert waits[0] < waits[-1]
    assert working.state[0] == "active"


# --- answers that are good and yet not what one expects -----------------------------------------------------------
def test_google_a_token_answer_without_scope_is_no_failure_and_no_proof(providers):
    setting_up = SettingUp(providers, "google")
    asked = set(scopes_for("google", "free_busy").organization)
    delegate(setting_up.connection, providers, sorted(asked - {FREE_BUSY_SCOPE}))
    providers.fault("no_scope_in_token")

    setting_up.check()

    assert setting_up.state == ("pending", "incomplete", "incomplete")
    assert FREE_BUSY_SCOPE in setting_up.checks("missing")


def test_google_email_and_profile_answered_by_their_long_names_are_what_was_asked(providers):
    setting_up = SettingUp(providers, "google")

    assert set(setting_up.row.sign_in_scopes) == {
        "openid", f"{SCOPES}userinfo.email", f"{SCOPES}userinfo.profile"
    }  # fmt: skip
    assert setting_up.row.administrator == ADMINISTRATORS["google"]


def test_google_a_token_belongs_to_one_person_and_is_minted_for_nobody_else(providers):
    working = Working(providers, "google", read=False)
    before = len(providers.control("GET", "calls")["calls"])

    working.read()

    calls = providers.control("GET", "calls")["calls"][before:]
    minted = [call["who"] for call in calls if call["operation"] == "google.token"]
    assert sorted(minted) == sorted([working.member.email, working.colleague.email])


def test_google_a_token_that_died_early_is_minted_once_more_and_nobody_notices(providers, wire):
    working = Working(providers, "google")
    working.strike("token_revoked", working.member, times=1)

    working.read()

    assert [one.answer.status_code for one in wire.exchanges].count(401) == 1
    assert working.state == ("active", "healthy", "")
    assert working.is_read(working.member)


def test_google_a_second_401_in_a_row_is_a_refusal_of_this_person_alone(providers, wire):
    working = Working(providers, "google")
    wire.forget()
    working.strike("token_revoked", working.member)

    working.read()

    refused = [one for one in wire.exchanges if one.answer.status_code == 401]
    assert len(refused) == 2
    assert working.told() == Told("failing", "refused", "authError", 6 * HOUR)
    assert working.is_read(working.colleague)
