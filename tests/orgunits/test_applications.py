"""Applications as verbs: made with a secret that is shown once, archived, and as the OAuth toolkit sees them."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth.hashers import identify_hasher
from django.core.management import call_command
from django.db import connection as database
from django.urls import get_resolver

from orgunits import applications
from orgunits.applications import ChangedMeanwhile, secret_matches
from orgunits.models import Application, AuditEvent, OrganizationalUnit
from tests.orgunits.integrators import LATER, NOW, approved, make, verbs
from tests.people import make_company, make_integrator

pytestmark = pytest.mark.django_db


# --- making


def test_a_new_application_is_in_development_mode_and_its_secret_is_kept_as_a_hash(tools):
    row, secret = make(tools)

    row.refresh_from_db()
    assert len(secret) == 128
    assert secret not in row.client_secret
    assert identify_hasher(row.client_secret).algorithm == "pbkdf2_sha256_random_secret"
    assert (row.approved_at, row.second_secret, row.client_secret_made_at) == (None, "", NOW)
    assert (row.client_type, row.authorization_grant_type) == ("confidential", "authorization-code")
    assert not row.skip_authorization
    assert len(row.client_id) >= 32
    assert secret_matches(row, secret)
    assert not secret_matches(row, secret[:-1])
    assert not secret_matches(row, "")
    assert not secret_matches(row, row.client_secret)


def test_making_one_is_audited_without_secret_or_name(tools):
    row, secret = make(tools)

    event = AuditEvent.objects.get(subject=row.public_id)
    assert (event.verb, event.actor, event.unit) == ("application.created", tools.ethan.public_id, tools.unit)
    assert event.facts == {"environment": "production"}
    assert event.after == {"redirect_uris": ["https://app.tools.example/callback"]}


def test_a_form_sent_twice_makes_one_application(tools):
    reserved = applications.reserve(tools.unit, tools.ethan)
    row, _secret = make(tools, reserved=reserved)

    with pytest.raises(applications.AlreadyMade) as again:
        make(tools, reserved=reserved, name="Scheduler once more")

    assert again.value.application == row
    assert tools.unit.applications.filter(name__startswith="Scheduler").count() == 1


def test_a_form_works_for_the_person_and_unit_it_was_made_for_and_for_a_day(tools):
    company = make_company()
    reserved = applications.reserve(tools.unit, tools.ethan)

    for wrong in ({"by": tools.irma}, {"reserved": "x"}, {"reserved": reserved + "x"}):
        with pytest.raises(applications.NotReserved):
            make(tools, **{"reserved": reserved, **wrong})
    with pytest.raises(applications.NotReserved):
        applications.create(
            company.unit,
            name="x",
            environment="staging",
            publisher="x",
            redirect_uris=[],
            reserved=reserved,
            by=tools.ethan,
            now=NOW,
        )


# --- archive


def test_an_archived_application_has_no_secret_and_comes_back_as_it_was(tools):
    row, secret = make(tools)
    approved(row, tools.irma)

    applications.archive(row, by=tools.ethan, now=LATER)
    assert not secret_matches(row, secret)
    with pytest.raises(ChangedMeanwhile):
        applications.make_second_secret(row, seen=row.updated, by=tools.ethan, now=LATER)
    with pytest.raises(ChangedMeanwhile):
        applications.archive(row, by=tools.ethan, now=LATER)

    applications.restore(row, by=tools.ethan, now=LATER + timedelta(minutes=1))
    assert secret_matches(row, secret)
    assert row.approved_at is not None
    with pytest.raises(ChangedMeanwhile):
        applications.restore(row, by=tools.ethan, now=LATER)
    assert verbs(row)[2:] == ["application.archived", "application.restored"]


def test_an_archived_units_applications_have_no_secret(tools):
    row, secret = make(tools)
    OrganizationalUnit.objects.filter(pk=tools.unit.pk).update(state="archived")

    assert not secret_matches(Application.objects.get(pk=row.pk), secret)


# --- the toolkit


def test_none_of_the_toolkits_own_tables_exists_beside_ours():
    tables = set(database.introspection.table_names())

    assert not [table for table in tables if table.startswith("oauth2_provider_")]
    assert {
        "orgunits_application",
        "organization_connect_grant",
        "organization_connect_accesstoken",
        "organization_connect_refreshtoken",
        "organization_connect_idtoken",
        "organization_connect_devicegrant",
    } <= tables
    swapped = {model.__name__ for model in apps.get_app_config("oauth2_provider").get_models()}
    assert swapped == set()


def test_the_models_are_as_the_migrations_made_them():
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


def test_no_address_of_the_toolkit_is_open():
    def walk(patterns):
        for pattern in patterns:
            if hasattr(pattern, "url_patterns"):
                yield from walk(pattern.url_patterns)
            else:
                yield pattern.callback.__module__

    assert not [module for module in walk(get_resolver().url_patterns) if "oauth2_provider" in module]


def test_a_random_secret_is_not_stretched():
    """A token call would take a third of a second with the rounds that passwords need."""
    row, _secret = make(make_integrator())

    assert identify_hasher(row.client_secret).decode(row.client_secret)["iterations"] == 1


def test_only_in_development_a_browser_is_sent_to_a_plain_http_address():
    tools = make_integrator()

    assert tools.development.get_allowed_schemes() == ["https", "http"]
    assert tools.staging.get_allowed_schemes() == tools.production.get_allowed_schemes() == ["https"]
