"""Signing in as an administrator, and what the same person granted for longer at the same provider."""

import base64
import secrets
from hashlib import sha256

import pytest
from django.utils import timezone

from connections import calendar_connections
from connections.attempts import Purpose
from connections.models import PersonalGrant
from connections.modes import scopes_for
from connections.providers.base import GrantLost
from connections.providers.google import personal
from connections.providers.http import ProviderSession
from tests.builders import make_members
from tests.connecting import answer_provider_page, sign_in
from tests.people import GOOGLE_ADMINISTRATOR, make_company

pytestmark = pytest.mark.django_db

CALLBACK = "http://localhost:8000/callback/google"


def agree() -> personal.Personal:
    """The administrator lets the portal read their own calendar, as one person."""
    verifier = secrets.token_urlsafe(48)
    url = personal.authorization_url(
        redirect_uri=CALLBACK,
        scopes=scopes_for("google", "free_busy").organization,
        state="s",
        nonce="n",
        code_challenge=base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("="),
    )
    return personal.exchange(
        answer_provider_page(url, GOOGLE_ADMINISTRATOR)["code"],
        redirect_uri=CALLBACK,
        code_verifier=verifier,
        nonce="n",
        session=ProviderSession(),
        now=timezone.now(),
    )


def works(grant: personal.Personal) -> bool:
    try:
        personal.refresh(grant.refresh_token, session=ProviderSession(), now=timezone.now())
    except GrantLost:
        return False
    return True


@pytest.mark.parametrize("purpose", [Purpose.SIGN_IN, Purpose.PROVE_ADMINISTRATOR])
@pytest.mark.parametrize(
    ("state", "lives"),
    [
        (PersonalGrant.State.ACTIVE, True),
        (PersonalGrant.State.NEEDS_REAUTHORIZATION, True),
        (PersonalGrant.State.WITHDRAWN, False),
    ],
)
def test_signing_in_ends_no_grant_that_the_same_person_gave_to_any_unit(providers, purpose, state, lives):
    company = make_company()
    connection, other = (
        calendar_connections.create_connection(
            unit, "google", "free_busy", by=company.olga, now=timezone.now()
        )
        for unit in (company.unit, company.stranger_unit)
    )
    (member,) = make_members(company.stranger_unit, [GOOGLE_ADMINISTRATOR])
    grant = agree()
    PersonalGrant.objects.create(
        unit=other.unit,
        connection=other,
        member=member,
        subject=grant.subject,
        refresh_token=grant.refresh_token,
        state=state,
    )

    sign_in(connection, GOOGLE_ADMINISTRATOR, by=company.olga, purpose=purpose)

    assert works(grant) == lives, "Google ends all that a person granted when any token is withdrawn"


def test_the_tokens_of_a_sign_in_are_withdrawn_where_nothing_else_hangs_on_them(providers):
    company = make_company()
    connection = calendar_connections.create_connection(
        company.unit, "google", "free_busy", by=company.olga, now=timezone.now()
    )

    sign_in(connection, GOOGLE_ADMINISTRATOR, by=company.olga)

    assert providers.control("GET", "google/grants")["grants"] == []
