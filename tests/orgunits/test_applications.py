"""Applications: made with a secret that is known once, changed over without a gap, approved as they are."""

from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.contrib.auth.hashers import identify_hasher
from django.core.management import call_command
from django.db import connection as database
from django.urls import get_resolver

from orgunits import applications
from orgunits.applications import ChangedMeanwhile, secret_matches
from orgunits.models import Application, AuditEvent, AuditReason, OrganizationalUnit
from orgunits.redirect_uris import origins, problems
from tests.people import Integrator, make_company, make_integrator

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def tools() -> Integrator:
    return make_integrator()


def make(tools: Integrator, **values) -> tuple[Application, str]:
    given = {
        "name": "Scheduler",
        "environment": "production",
        "publisher": "Tools Ltd, books meetings",
        "redirect_uris": ["https://app.tools.example/callback"],
        "reserved": applications.reserve(tools.unit, tools.ethan),
        "by": tools.ethan,
        "now": NOW,
    }
    return applications.create(tools.unit, **{**given, **values})


def verbs(row: Application) -> list[str]:
    return list(
        AuditEvent.objects.filter(subject=row.public_id).order_by("pk").values_list("verb", flat=True)
    )


def change(row: Application, by, **values) -> None:
    given = {"name": row.name, "publisher": row.publisher, "redirect_uris": row.redirect_uris.split()}
    applications.change(row, **{"seen": row.updated, "by": by, "now": LATER, **given, **values})


def approved(row: Application, by) -> Application:
    applications.approve(
        row, seen=row.updated, by=by, now=NOW + timedelta(minutes=5), why="Seen their papers"
    )
    return row


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


# --- redirect URIs


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/callback",
        "https://app.example",
        "https://app.example:8443/cb?tenant=a&b=%20",
        "https://intranet/cb",
        "https://xn--bcher-kva.example/cb",
        "https://192.0.2.7/cb",
        "https://[2001:db8::1]:8443/cb",
        f"https://app.example/{'a' * 479}",
    ],
)
def test_an_exact_https_address_is_good(uri):
    assert problems(uri, plain_http=False) == []


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example/cb",
        "http://localhost/cb",
        "HTTPS://app.example/cb",
        "https://App.example/cb",
        "https://app.example/cb#",
        "https://app.example/cb#part",
        "https://*.app.example/cb",
        "https://app.example/*",
        "https://user@app.example/cb",
        "https://user:word@app.example/cb",
        "https://app.example@evil.example/cb",
        "https://app.example\\@evil.example/cb",
        "https://app.example:0/cb",
        "https://app.example:99999/cb",
        "https://app.example:/cb",
        "https://app.example./cb",
        "https://-app.example/cb",
        "https://app_one.example/cb",
        "https://bücher.example/cb",
        "https://app.example/ü",
        "https://app.example/a b",
        "https://app.example/a/../b",
        "https://app.example/a\tb",
        "https://app.example/a\u200bb",
        "https:///cb",
        "https:app.example",
        "//app.example/cb",
        "app.example/cb",
        "/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "com.example.app:/cb",
        "https://[::1/cb",
        "https://[zz]/cb",
        f"https://app.example/{'a' * 481}",
    ],
)
def test_everything_else_is_refused_with_its_line(uri):
    (said,) = problems(f"https://good.example/cb\n\n{uri}", plain_http=False)

    assert said.startswith("Line 3: ")


@pytest.mark.parametrize("uri", ["http://localhost:3000/cb", "http://127.0.0.1/cb", "https://app.example/"])
def test_plain_http_reaches_this_machine_alone_and_only_in_development(uri):
    assert problems(uri, plain_http=True) == []
    assert problems("http://app.example/cb", plain_http=True) == [
        "Line 1: https only, or http to localhost or 127.0.0.1."
    ]
    assert problems("http://localhost.evil.example/cb", plain_http=True) != []
    assert problems("http://127.0.0.1.evil.example/cb", plain_http=True) != []
    assert problems("http://localhost@evil.example/cb", plain_http=True) != []


def test_all_that_is_wrong_is_said_at_once_and_a_second_time_the_same_is_wrong():
    assert problems("ftp://a.example\nhttps://a.example/\nhttps://a.example/", plain_http=False) == [
        "Line 1: https only. Plain http is for applications in development, on localhost.",
        "Line 3: the same address stands in line 2.",
    ]


def test_there_are_at_most_twenty():
    many = "\n".join(f"https://a.example/{n}" for n in range(21))

    assert problems(many, plain_http=False) == ["At most 20 addresses."]


def test_a_redirect_is_compared_letter_by_letter(tools):
    row, _secret = make(tools, redirect_uris=["https://a.example/cb", "http://127.0.0.1:3000/cb"])

    assert row.redirect_uri_allowed("https://a.example/cb")
    for other in (
        "https://a.example/cb/",
        "https://a.example/cb?x=1",
        "https://a.example/CB",
        "http://127.0.0.1:3001/cb",
        "https://a.example/cb http://127.0.0.1:3000/cb",
        "",
    ):
        assert not row.redirect_uri_allowed(other), other


def test_an_origin_is_scheme_host_and_port():
    assert origins(["https://a.example/x", "https://a.example/y", "https://a.example:1/y"]) == {
        "https://a.example",
        "https://a.example:1",
    }


# --- two secrets


def test_a_running_application_changes_over_without_a_gap(tools):
    row, old = make(tools)

    new = applications.make_second_secret(row, seen=row.updated, by=tools.ethan, now=LATER)
    assert secret_matches(row, old)
    assert secret_matches(row, new)
    assert not secret_matches(row, "another")

    applications.retire_first_secret(row, seen=row.updated, by=tools.ethan, now=LATER + timedelta(minutes=1))
    row.refresh_from_db()
    assert not secret_matches(row, old)
    assert secret_matches(row, new)
    assert (row.client_secret_made_at, row.second_secret, row.second_secret_made_at) == (LATER, "", None)
    assert verbs(row)[1:] == ["application.secret_made", "application.secret_retired"]


def test_a_second_secret_can_be_discarded(tools):
    row, old = make(tools)
    new = applications.make_second_secret(row, seen=row.updated, by=tools.ethan, now=LATER)

    applications.discard_second_secret(row, seen=row.updated, by=tools.ethan, now=LATER + timedelta(1))

    row.refresh_from_db()
    assert secret_matches(row, old)
    assert not secret_matches(row, new)
    assert row.client_secret_made_at == NOW
    assert verbs(row)[1:] == ["application.secret_made", "application.secret_discarded"]


def test_there_are_never_three_secrets_nor_none(tools):
    row, _old = make(tools)

    for step in (applications.retire_first_secret, applications.discard_second_secret):
        with pytest.raises(ChangedMeanwhile):
            step(row, seen=row.updated, by=tools.ethan, now=LATER)
    applications.make_second_secret(row, seen=row.updated, by=tools.ethan, now=LATER)
    with pytest.raises(ChangedMeanwhile):
        applications.make_second_secret(row, seen=row.updated, by=tools.ethan, now=LATER + timedelta(1))


def test_of_two_tabs_the_second_changes_nothing(tools):
    row, old = make(tools)
    in_the_other_tab = Application.objects.get(pk=row.pk)
    new = applications.make_second_secret(row, seen=row.updated, by=tools.ethan, now=LATER)

    with pytest.raises(ChangedMeanwhile):
        applications.make_second_secret(
            in_the_other_tab, seen=in_the_other_tab.updated, by=tools.irma, now=LATER + timedelta(1)
        )
    in_the_other_tab.refresh_from_db()
    applications.discard_second_secret(row, seen=row.updated, by=tools.ethan, now=LATER + timedelta(1))
    with pytest.raises(ChangedMeanwhile):
        applications.retire_first_secret(
            in_the_other_tab, seen=in_the_other_tab.updated, by=tools.irma, now=LATER + timedelta(2)
        )

    row.refresh_from_db()
    assert secret_matches(row, old)
    assert not secret_matches(row, new)


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


# --- approval


def test_approval_holds_who_when_and_why(tools):
    row = approved(make(tools)[0], tools.irma)

    row.refresh_from_db()
    event = AuditEvent.objects.get(subject=row.public_id, verb="application.approved")
    assert (row.approved_by, row.approved_at) == (tools.irma, NOW + timedelta(minutes=5))
    assert AuditReason.objects.get(event=event.public_id).text == "Seen their papers"
    with pytest.raises(ChangedMeanwhile):
        approved(row, tools.irma)


def test_what_was_looked_at_is_what_is_approved(tools):
    row, _secret = make(tools)
    looked_at = row.updated
    change(row, tools.ethan, redirect_uris=["https://evil.example/cb"])

    with pytest.raises(ChangedMeanwhile):
        applications.approve(row, seen=looked_at, by=tools.irma, now=LATER, why="Fine")


@pytest.mark.parametrize(
    "values",
    [
        {"name": "Another"},
        {"publisher": "Another"},
        {"redirect_uris": ["https://app.tools.example/callback", "https://new.tools.example/cb"]},
        {"redirect_uris": ["https://app.tools.example:8443/callback"]},
    ],
)
def test_what_customers_would_read_or_reach_differently_needs_a_new_approval(tools, values):
    row = approved(make(tools)[0], tools.irma)

    change(row, tools.ethan, **values)

    row.refresh_from_db()
    assert (row.approved_at, row.approved_by) == (None, None)
    assert verbs(row)[2:] == ["application.changed", "application.approval_ended"]


@pytest.mark.parametrize(
    "uris",
    [
        ["https://app.tools.example/callback", "https://app.tools.example/other"],
        ["https://app.tools.example/other"],
    ],
)
def test_another_path_on_an_approved_host_keeps_the_approval(tools, uris):
    row = approved(make(tools)[0], tools.irma)

    change(row, tools.ethan, redirect_uris=uris)

    event = AuditEvent.objects.get(subject=row.public_id, verb="application.changed")
    assert row.approved_at is not None
    assert event.before == {"redirect_uris": ["https://app.tools.example/callback"]}
    assert event.after == {"redirect_uris": uris}
    assert event.facts == {"fields": ["redirect_uris"]}


def test_another_logo_needs_a_new_approval(tools):
    row = approved(make(tools)[0], tools.irma)

    applications.set_logo(row, b"png", seen=row.updated, by=tools.ethan, now=LATER)
    applications.set_logo(row, None, seen=row.updated, by=tools.ethan, now=LATER + timedelta(1))

    row.refresh_from_db()
    assert row.approved_at is None
    assert verbs(row)[2:] == [
        "application.logo_changed",
        "application.approval_ended",
        "application.logo_removed",
    ]


def test_saving_without_a_change_leaves_no_trace(tools):
    row = approved(make(tools)[0], tools.irma)

    change(row, tools.ethan)

    assert verbs(row) == ["application.created", "application.approved"]


def test_approval_can_be_withdrawn_with_a_reason(tools):
    row = approved(make(tools)[0], tools.irma)

    applications.withdraw_approval(row, seen=row.updated, by=tools.irma, now=LATER, why="Complaints")

    row.refresh_from_db()
    assert row.approved_at is None
    with pytest.raises(ChangedMeanwhile):
        applications.withdraw_approval(row, seen=row.updated, by=tools.irma, now=LATER, why="Complaints")


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
