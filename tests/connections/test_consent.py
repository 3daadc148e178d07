"""Microsoft's consent page: only a true yes, for the tenant that signed in, counts."""

import pytest
from django.utils import timezone

from connections import authorization, calendar_connections
from connections.attempts import Purpose, Refused, Traveller
from connections.models import CalendarConnection
from tests.connecting import answer_provider_page, consent, sign_in
from tests.people import MICROSOFT_ADMINISTRATOR, MICROSOFT_TENANT, make_company

pytestmark = pytest.mark.django_db


def signed_in_microsoft(providers):
    company = make_company()
    connection = calendar_connections.create_connection(
        company.unit, "microsoft", "free_busy", by=company.olga, now=timezone.now()
    )
    sign_in(connection, MICROSOFT_ADMINISTRATOR, by=company.olga)
    connection.refresh_from_db()
    return company, connection


def test_consent_before_the_sign_in_is_not_possible(providers):
    company = make_company()
    connection = calendar_connections.create_connection(
        company.unit, "microsoft", "free_busy", by=company.olga, now=timezone.now()
    )

    with pytest.raises(Refused, match="not_signed_in"):
        consent(connection, by=company.olga)


def test_a_forged_tenant_in_the_consents_answer_is_refused(providers):
    company, connection = signed_in_microsoft(providers)
    providers.fault("consent_forged_tenant", tenant="5165e0a1-0000-4000-8000-000000000002")

    with pytest.raises(Refused, match="wrong_tenant"):
        consent(connection, by=company.olga)

    row = CalendarConnection.objects.get()
    assert (row.consented_at, row.tenant) == (None, MICROSOFT_TENANT)


@pytest.mark.parametrize(
    ("fault", "params", "reason"),
    [
        ("consent_forged_state", {"state": "made-up"}, "state_unknown"),
        ("consent_state_missing", {}, "state_missing"),
        ("consent_error", {"error": "access_denied", "error_description": "AADSTS65004"}, "declined"),
        ("consent_error", {"error": "permission_denied", "error_description": "x"}, "not_an_administrator"),
        ("consent_error", {"error": "server_error", "error_description": "x"}, "failed_at_provider"),
    ],
)
def test_an_answer_of_the_consent_page_that_is_no_consent_counts_for_nothing(
    providers, fault, params, reason
):
    company, connection = signed_in_microsoft(providers)
    providers.fault(fault, **params)

    with pytest.raises(Refused) as refused:
        consent(connection, by=company.olga)

    assert refused.value.reason == reason
    assert CalendarConnection.objects.get().consented_at is None


def test_the_cancel_button_counts_as_a_no_although_the_answer_says_admin_consent_true(providers):
    company, connection = signed_in_microsoft(providers)

    with pytest.raises(Refused, match="declined"):
        consent(connection, by=company.olga, agree=False)

    assert CalendarConnection.objects.get().consented_at is None


def test_a_consent_answer_counts_once(providers):
    company, connection = signed_in_microsoft(providers)
    now, who = timezone.now(), Traveller("olga's browser", user=company.olga)
    url = authorization.begin(connection, purpose=Purpose.ADMIN_CONSENT, traveller=who, now=now)
    back = answer_provider_page(url, MICROSOFT_ADMINISTRATOR)
    answer = {
        "state": back["state"],
        "tenant": back["tenant"],
        "consented": True,
        "error": "",
        "description": "",
        "traveller": who,
        "now": now,
    }
    authorization.complete_consent(**answer)

    with pytest.raises(Refused, match="state_used"):
        authorization.complete_consent(**answer)
