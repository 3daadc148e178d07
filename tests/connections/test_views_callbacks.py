"""Coming back from a provider: every answer ends on a page that says what happened and where to go on."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections
from connections.models import CalendarConnection
from connections.reasons import REASONS
from tests.connecting import answer_provider_page, own_google_key
from tests.people import GOOGLE_ADMINISTRATOR, MICROSOFT_ADMINISTRATOR, make_company

pytestmark = pytest.mark.django_db

ADMINISTRATOR = {"google": GOOGLE_ADMINISTRATOR, "microsoft": MICROSOFT_ADMINISTRATOR}


class Trip:
    """Olga's browser on the way to the sign-in of a connection."""

    def __init__(self, provider: str, providers):
        self.company = make_company()
        self.client = Client()
        self.client.force_login(self.company.olga)
        if provider == "google":
            own_google_key(self.company.unit, providers, by=self.company.olga)
        self.connection = calendar_connections.create_connection(
            self.company.unit, provider, "free_busy", by=self.company.olga, now=timezone.now()
        )
        self.args = [self.company.unit.slug, self.connection.public_id]
        self.back = reverse(f"callback_{provider}")
        self.answer = answer_provider_page(self.leave("sign_in"), ADMINISTRATOR[provider])

    def leave(self, name: str) -> str:
        return self.client.post(reverse(name, args=self.args)).headers["Location"]


@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_the_way_back_leads_to_the_set_up_page(providers, provider):
    trip = Trip(provider, providers)

    landed = trip.client.get(trip.back, trip.answer)

    assert landed.headers["Location"] == reverse("set_up", args=trip.args)


@pytest.mark.parametrize("provider", ["google", "microsoft"])
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"state": ""}, "state_missing"),
        ({"state": "made up"}, "state_unknown"),
        ({"state": "nul\x00"}, "state_unknown"),
        ({"code": ""}, "answer_invalid"),
        ({"code": "nul\x00"}, "answer_invalid"),
        ({"error": "access_denied"}, "sign_in_cancelled"),
        ({"error": "<script>alert(1)</script>"}, "failed_at_provider"),
        ({"error": "x" * 5000}, "failed_at_provider"),
    ],
)
def test_an_answer_without_effect_is_explained(providers, provider, changed, reason):
    trip = Trip(provider, providers)

    page = trip.client.get(trip.back, {**trip.answer, **changed})

    assert page.status_code == 400
    assert page.context["code"] == reason
    assert str(REASONS[reason].sentence) in page.content.decode().replace("&#x27;", "'")
    assert b"<script>alert" not in page.content
    assert CalendarConnection.objects.get().tenant == ""


@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_going_back_in_the_browser_shows_that_the_answer_was_used(providers, provider):
    trip = Trip(provider, providers)
    trip.client.get(trip.back, trip.answer)

    again = trip.client.get(trip.back, trip.answer)

    assert (again.status_code, again.context["code"]) == (400, "state_used")
    assert reverse("set_up", args=trip.args) in again.content.decode()


@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_who_signed_out_on_the_way_changes_nothing(providers, provider):
    trip = Trip(provider, providers)
    trip.client.logout()

    page = trip.client.get(trip.back, trip.answer)

    assert (page.status_code, page.context["code"]) == (400, "state_unknown")
    assert CalendarConnection.objects.get().tenant == ""


@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_nothing_of_the_answer_stands_on_the_page_or_in_its_links(providers, provider):
    trip = Trip(provider, providers)

    page = trip.client.get(trip.back, {**trip.answer, "error": "access_denied"}).content.decode()

    assert trip.answer["state"] not in page
    assert trip.answer["code"] not in page


@pytest.mark.parametrize(
    ("provider", "service"), [("google", "Google Workspace"), ("microsoft", "Microsoft 365")]
)
def test_a_cancelled_sign_in_is_called_so_and_can_be_tried_again(providers, provider, service):
    trip = Trip(provider, providers)

    page = trip.client.get(trip.back, {**trip.answer, "error": "access_denied"})

    text = page.content.decode()
    assert f"The sign-in to {service} was cancelled" in text
    assert "consent" not in text.lower()
    again = reverse("sign_in", args=trip.args)
    assert page.context["again_url"] == again
    assert "state=" in trip.client.post(again).headers["Location"]


def test_the_unit_stands_above_the_page_when_the_attempt_is_known(providers):
    trip = Trip("google", providers)

    refused = trip.client.get(trip.back, {**trip.answer, "error": "access_denied"})
    unknown = trip.client.get(trip.back, {**trip.answer, "state": "made up"})

    assert refused.context["unit"] == trip.company.unit
    assert reverse("connections", args=[trip.company.unit.slug]) in refused.content.decode()
    assert (unknown.context["unit"], unknown.context["again_url"]) == (None, "")


def test_an_attempt_at_a_connection_that_is_over_is_not_begun_again(providers):
    trip = Trip("google", providers)
    calendar_connections.disconnect(trip.connection, by=trip.company.olga, now=timezone.now())

    page = trip.client.get(trip.back, trip.answer)

    assert (page.context["code"], page.context["again_url"]) == ("disconnected_by_admin", "")


def test_consent_comes_back_to_a_working_connection(providers):
    trip = Trip("microsoft", providers)
    trip.client.get(trip.back, trip.answer)

    answer = answer_provider_page(trip.leave("consent"), MICROSOFT_ADMINISTRATOR)
    landed = trip.client.get(reverse("callback_microsoft_consent"), answer)

    assert landed.headers["Location"] == reverse("connection", args=trip.args)
    assert CalendarConnection.objects.get().state == "active"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"admin_consent": "False"}, "declined"),
        ({"admin_consent": ""}, "declined"),
        ({"tenant": "5165e0a1-0000-4000-8000-000000000002"}, "wrong_tenant"),
        ({"tenant": ""}, "wrong_tenant"),
        ({"tenant": "nul\x00"}, "wrong_tenant"),
        ({"error": "access_denied", "admin_consent": "True"}, "declined"),
        ({"error": "x", "error_description": "AADSTS90094: need an admin"}, "not_an_administrator"),
        ({"error": "x", "error_description": "AADSTS53003: blocked"}, "blocked_by_policy"),
    ],
)
def test_a_consent_that_is_none_is_explained(providers, changed, reason):
    trip = Trip("microsoft", providers)
    trip.client.get(trip.back, trip.answer)
    answer = answer_provider_page(trip.leave("consent"), MICROSOFT_ADMINISTRATOR)

    page = trip.client.get(reverse("callback_microsoft_consent"), {**answer, **changed})

    assert (page.status_code, page.context["code"]) == (400, reason)
    assert page.context["again_url"] == reverse("consent", args=trip.args)
    assert CalendarConnection.objects.get().consented_at is None
