"""Entra refuses a token, or gives one without what was asked: what each answer means for the connection.

Reference: Microsoft identity platform, client credentials grant and AADSTS error codes.
"""

import pytest

from connections.credentials import key_of
from connections.models import Mailbox
from connections.providers.microsoft.oauth import DEFAULT_SCOPE
from tests.connecting import ADMINISTRATORS, consent
from tests.people import MICROSOFT_TENANT
from tests.providers.striking import HOUR, MINUTE, SettingUp, Told, Working

pytestmark = pytest.mark.django_db

LOST = "needs_reauthorization"
STOPPED = Told("stopped")


def ended_by(providers, code: int) -> Working:
    """A working connection whose next token Entra refuses with this code."""
    working = Working(providers, "microsoft")
    working.strike("entra_error", code=code)
    working.read()
    assert [working.told(one) for one in (working.member, working.colleague)] == [STOPPED, STOPPED]
    return working


# --- the secret ---------------------------------------------------------------------------------------------------
def test_microsoft_a_wrong_secret_7000215_ends_the_connection_and_asks_for_a_new_one(providers):
    assert ended_by(providers, 7000215).state == (LOST, LOST, "secret_expired")


def test_microsoft_an_expired_secret_7000222_ends_the_connection_and_asks_for_a_new_one(providers):
    assert ended_by(providers, 7000222).state == (LOST, LOST, "secret_expired")


def test_microsoft_a_bad_client_assertion_700027_is_a_matter_of_the_secret_too(providers):
    assert ended_by(providers, 700027).state == (LOST, LOST, "secret_expired")


def test_microsoft_a_connection_whose_secret_expired_reads_on_from_where_it_was_with_a_good_one(providers):
    working = ended_by(providers, 7000222)
    known = working.in_window()

    working.heal()
    working.check(after=MINUTE)
    working.read()

    assert working.state == ("active", "healthy", "")
    assert working.is_read(working.member)
    assert known != []
    assert working.is_true()


def test_microsoft_a_secret_that_expired_before_the_first_consent_leaves_the_connection_pending(providers):
    setting_up = SettingUp(providers, "microsoft")
    consent(setting_up.connection, by=setting_up.company.olga)
    providers.fault("entra_error", code=7000222)

    setting_up.check()

    assert setting_up.state == ("pending", "pending", "secret_expired")
    assert setting_up.next_check is None


# --- the application in the tenant --------------------------------------------------------------------------------
def test_microsoft_an_application_that_was_removed_from_the_tenant_700016_asks_to_reconnect(providers):
    assert ended_by(providers, 700016).state == (LOST, LOST, "revoked")


def test_microsoft_a_consent_that_was_withdrawn_65001_asks_to_reconnect(providers):
    assert ended_by(providers, 65001).state == (LOST, LOST, "revoked")


@pytest.mark.parametrize("code", [7000112, 70001])
def test_microsoft_an_application_that_was_disabled_is_told_as_such(providers, code):
    assert ended_by(providers, code).state == (LOST, LOST, "app_disabled")


def test_microsoft_a_tenant_that_is_not_found_90002_ends_the_connection(providers):
    assert ended_by(providers, 90002).state == (LOST, LOST, "revoked")


def test_microsoft_conditional_access_53003_is_told_as_a_policy_of_the_tenant(providers):
    assert ended_by(providers, 53003).state == (LOST, LOST, "blocked_by_policy")


def test_microsoft_deleting_the_enterprise_application_ends_the_connection_and_keeps_what_was_read(providers):
    working = Working(providers, "microsoft")
    known = working.in_window()
    providers.control("DELETE", "consents", client_id=key_of(working.connection).client_id)

    working.read()

    assert working.state == (LOST, LOST, "revoked")
    assert working.in_window() == known != []


def test_microsoft_a_connection_that_ended_makes_no_more_calls(providers):
    working = ended_by(providers, 700016)
    before = working.calls()

    working.read()

    assert working.calls() == before


# --- a scope that is wrong, and other words of Entra's --------------------------------------------------------------
@pytest.mark.parametrize("code", [70011, 28002])
def test_microsoft_a_scope_it_does_not_know_is_our_mistake_and_takes_no_authorization_away(providers, code):
    working = Working(providers, "microsoft")
    working.strike("entra_error", code=code)

    working.read()

    told = working.told()
    assert (told.state, told.failure, told.again) == ("failing", "unreadable", HOUR)
    assert told.code == f"invalid_scope AADSTS{code}"
    assert working.state == ("active", "degraded", "")


def test_microsoft_we_only_ever_ask_for_the_default_scope_of_one_tenant_and_never_of_common(providers, wire):
    Working(providers, "microsoft")

    asked = [one for one in wire.exchanges if one.request.url.endswith("/oauth2/v2.0/token")]
    by_app = [one for one in asked if one.form["grant_type"] == "client_credentials"]
    assert {one.form["scope"] for one in by_app} == {DEFAULT_SCOPE}
    assert all(f"/{MICROSOFT_TENANT}/" in one.request.url for one in by_app)
    assert len(by_app) > 0


# --- for now ------------------------------------------------------------------------------------------------------
def test_microsoft_too_many_requests_for_the_tenant_90055_is_patience_and_loses_nothing(providers):
    working = Working(providers, "microsoft")
    known = working.in_window()
    working.strike("entra_error", code=90055)

    working.read()
    told = working.told()
    working.heal()
    working.read(after=HOUR)

    assert (told.state, told.failure) == ("failing", "throttled")
    assert known != []
    assert working.state == ("active", "healthy", "")
    assert working.is_true()


@pytest.mark.parametrize("status", [500, 503])
def test_microsoft_a_token_address_that_is_down_loses_nothing_and_is_asked_again(providers, status):
    working = Working(providers, "microsoft")
    working.strike("server_error", status=status)

    working.read()
    told = working.told()
    working.heal()
    working.read(after=HOUR)

    assert (told.state, told.failure) == ("failing", "unreachable")
    assert working.state == ("active", "healthy", "")
    assert working.told().state == Mailbox.State.SYNCED


# --- tokens that hold less or more --------------------------------------------------------------------------------
def test_microsoft_a_consent_that_spreads_late_gives_tokens_without_roles_first_and_passes_by_itself(
    providers,
):
    setting_up = SettingUp(providers, "microsoft")
    providers.fault("consent_late", seconds=600)
    consent(setting_up.connection, by=setting_up.company.olga)
    setting_up.check()
    first, again = setting_up.state, setting_up.next_check

    providers.control("DELETE", "faults")
    setting_up.check(after=again)

    assert (first, again) == (("pending", "waiting", "consent_spreading"), MINUTE)
    assert setting_up.state == ("active", "healthy", "")


def test_microsoft_a_token_is_given_even_without_roles_and_that_is_no_consent(providers):
    setting_up = SettingUp(providers, "microsoft")
    consent(setting_up.connection, by=setting_up.company.olga)
    providers.fault("token_without_roles")

    setting_up.check()

    assert setting_up.state == ("pending", "waiting", "consent_spreading")
    assert "Calendars.ReadBasic.All" in setting_up.checks("missing")


@pytest.mark.parametrize("mode", ["free_busy", "read_write"])
def test_microsoft_a_role_that_is_taken_away_later_ends_the_connection(providers, mode):
    working = Working(providers, "microsoft", mode)
    working.strike("token_without_roles")

    working.read()

    assert working.state == (LOST, LOST, "revoked")
    assert working.told() == STOPPED


def test_microsoft_a_role_the_token_names_and_calls_refuse_is_found_by_the_live_probe(providers):
    setting_up = SettingUp(providers, "microsoft")
    consent(setting_up.connection, by=setting_up.company.olga)
    providers.fault("role_missing")

    setting_up.check()

    assert setting_up.state == ("pending", "waiting", "probe_refused")
    assert setting_up.checks("missing") == {"probe:mailbox"}


def test_microsoft_a_wider_role_than_asked_for_is_shown_as_never_asked_for(providers):
    working = Working(providers, "microsoft")
    client_id, roles = key_of(working.connection).client_id, ["Calendars.ReadBasic.All", "Mail.Read"]
    providers.control("POST", "consents", tenant=MICROSOFT_TENANT, client_id=client_id, roles=roles)

    working.check(after=MINUTE)

    assert working.checks("unrequested") == {"Mail.Read"}
    assert working.state == ("active", "healthy", "")


def test_microsoft_after_a_consent_a_fresh_token_is_asked_for_and_not_a_kept_one_with_old_roles(
    providers, wire
):
    setting_up = SettingUp(providers, "microsoft")
    client_id = key_of(setting_up.connection).client_id
    providers.control("POST", "consents", tenant=MICROSOFT_TENANT, client_id=client_id, roles=[])
    setting_up.check()
    before = setting_up.state

    consent(setting_up.connection, by=setting_up.company.olga)
    setting_up.check(after=MINUTE)

    assert before == ("pending", "waiting", "consent_spreading")
    assert setting_up.state == ("active", "healthy", "")


def test_microsoft_a_token_that_graph_takes_no_longer_is_asked_for_once_more_and_then_the_connection_ends(
    providers, wire
):
    working = Working(providers, "microsoft")
    wire.forget()
    working.strike("token_revoked")

    working.read()

    assert working.state == (LOST, LOST, "revoked")
    assert [one.answer.status_code for one in wire.exchanges].count(401) >= 2


def test_microsoft_a_token_that_died_early_is_asked_for_once_more_and_nobody_notices(providers):
    working = Working(providers, "microsoft")
    working.strike("token_revoked", times=1)

    working.read()

    assert working.state == ("active", "healthy", "")
    assert working.is_read(working.member)
    assert working.is_read(working.colleague)


def test_microsoft_a_clock_that_is_off_by_an_hour_harms_no_reading(providers):
    working = Working(providers, "microsoft")
    working.strike("clock_skew", seconds=4000)

    working.read()

    assert working.state == ("active", "healthy", "")


def test_microsoft_an_administrator_without_a_mailbox_is_named_and_the_members_are_read(providers):
    working = Working(providers, "microsoft")
    providers.fault("mailbox_missing", target=ADMINISTRATORS["microsoft"])

    working.check(after=MINUTE)
    working.read()

    state, _shown, reason = working.state
    assert (state, reason) == ("active", "no_administrator_mailbox")
    assert working.is_read(working.member)
