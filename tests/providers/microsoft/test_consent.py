"""Microsoft's consent page and what comes back from it: only a true yes, for the tenant that signed in, counts.

Each row of the fault table changes nothing in the connection; these sentences say what an Ops Admin is told, and
that the attempt can be begun again.
"""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from connections.attempts import Purpose, Refused, Traveller
from connections.authorization import begin, complete_sign_in
from connections.models import CalendarConnection
from orgunits.models import AuditEvent
from tests.connecting import ADMINISTRATORS, consent, sign_in
from tests.people import MICROSOFT_TENANT
from tests.providers.sandbox.microsoft_client import RIVAL
from tests.providers.striking import SettingUp

pytestmark = pytest.mark.django_db


def refused_consent(setting_up: SettingUp, **trip) -> str:
    """The reason with which a trip to the consent page ends; nothing has changed then, and it can begin anew."""
    before = CalendarConnection.objects.values().get(pk=setting_up.connection.pk)
    with pytest.raises(Refused) as refused:
        consent(setting_up.connection, by=setting_up.company.olga, **trip)
    assert CalendarConnection.objects.values().get(pk=setting_up.connection.pk) == before
    setting_up.providers.control("DELETE", "faults")
    consent(setting_up.connection, by=setting_up.company.olga)
    setting_up.check()
    assert setting_up.state == ("active", "healthy", "")
    return refused.value.reason


def consenting(providers) -> SettingUp:
    return SettingUp(providers, "microsoft")


# --- the consent page ---------------------------------------------------------------------------------------------
def test_microsoft_a_consent_declined_65004_with_admin_consent_true_beside_it_is_a_no(providers):
    setting_up = consenting(providers)

    assert refused_consent(setting_up, agree=False) == "declined"


@pytest.mark.parametrize("error", ["access_denied", "consent_required"])
def test_microsoft_a_consent_denied_with_either_word_is_a_no(providers, error):
    setting_up = consenting(providers)
    providers.fault("consent_error", error=error, error_description="AADSTS65004: declined")

    assert refused_consent(setting_up) == "declined"


def test_microsoft_a_consent_by_somebody_who_is_no_administrator_90094_says_who_is_needed(providers):
    setting_up = consenting(providers)
    providers.fault("consent_error", error="permission_denied", error_description="AADSTS90094: a policy")

    assert refused_consent(setting_up) == "not_an_administrator"


def test_microsoft_a_consent_blocked_by_conditional_access_53003_is_told_as_a_policy(providers):
    setting_up = consenting(providers)
    providers.fault("consent_error", error="interaction_required", error_description="AADSTS53003: blocked")

    assert refused_consent(setting_up) == "blocked_by_policy"


def test_microsoft_a_server_error_of_the_consent_page_changes_nothing(providers):
    setting_up = consenting(providers)
    providers.fault("consent_error", error="server_error", error_description="AADSTS90033: transient")

    assert refused_consent(setting_up) == "failed_at_provider"


def test_microsoft_a_forged_tenant_in_the_redirect_is_refused_and_ours_stays(providers):
    setting_up = consenting(providers)
    providers.fault("consent_forged_tenant", tenant=RIVAL)

    assert refused_consent(setting_up) == "wrong_tenant"
    assert setting_up.row.tenant == MICROSOFT_TENANT


def test_microsoft_a_forged_state_belongs_to_no_attempt_and_changes_nothing(providers):
    setting_up = consenting(providers)
    providers.fault("consent_forged_state", state="made-up")

    assert refused_consent(setting_up) == "state_unknown"


def test_microsoft_a_missing_state_shows_a_page_and_changes_nothing(providers):
    setting_up = consenting(providers)
    providers.fault("consent_state_missing")

    assert refused_consent(setting_up) == "state_missing"


def test_microsoft_a_refused_consent_is_written_down_with_its_reason(providers):
    setting_up = consenting(providers)

    refused_consent(setting_up, agree=False)

    assert [event.facts["reason"] for event in AuditEvent.objects.filter(verb="authorization.refused")] == [
        "declined"
    ]


# --- the sign-in before it ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "reason"),
    [("interaction_required", "failed_at_provider"), ("access_denied", "sign_in_cancelled")],
)
def test_microsoft_a_sign_in_that_comes_back_with_an_error_can_be_begun_again(providers, error, reason):
    setting_up = consenting(providers)
    before = setting_up.row.signed_in_at
    olga, now = setting_up.company.olga, timezone.now()
    who = Traveller("olga's browser", user=olga)
    url = begin(setting_up.connection, purpose=Purpose.SIGN_IN, traveller=who, now=now)
    state = parse_qs(urlsplit(url).query)["state"][0]

    with pytest.raises(Refused) as refused:
        complete_sign_in(provider="microsoft", state=state, code="", error=error, traveller=who, now=now)

    assert (refused.value.reason, setting_up.row.signed_in_at) == (reason, before)
    sign_in(setting_up.connection, ADMINISTRATORS["microsoft"], by=olga)
    assert setting_up.row.signed_in_at > before


@pytest.mark.parametrize(
    "claims",
    [{"nonce": "another"}, {"aud": "another app"}, {"tid": RIVAL}],
    ids=lambda claims: next(iter(claims)),
)
def test_microsoft_an_id_token_that_was_not_meant_for_this_sign_in_proves_nobody(providers, claims):
    setting_up = consenting(providers)
    before = CalendarConnection.objects.values().get(pk=setting_up.connection.pk)
    providers.fault("id_token_claims", claims=claims)

    with pytest.raises(Refused, match="answer_invalid"):
        sign_in(setting_up.connection, ADMINISTRATORS["microsoft"], by=setting_up.company.olga)

    assert CalendarConnection.objects.values().get(pk=setting_up.connection.pk) == before


def test_microsoft_a_person_without_an_email_claim_is_known_by_their_user_name(providers):
    setting_up = consenting(providers)
    providers.fault("id_token_claims", claims={"email": None})

    sign_in(setting_up.connection, ADMINISTRATORS["microsoft"], by=setting_up.company.olga)

    assert setting_up.row.administrator == ADMINISTRATORS["microsoft"]


def test_microsoft_a_connection_that_worked_never_changes_its_tenant(providers):
    setting_up = consenting(providers)
    consent(setting_up.connection, by=setting_up.company.olga)
    setting_up.check()

    with pytest.raises(Refused, match="wrong_tenant"):
        sign_in(setting_up.connection, "rosa.rival@rival-ms.example", by=setting_up.company.olga)

    assert setting_up.row.tenant == MICROSOFT_TENANT
    assert setting_up.state == ("active", "healthy", "")
