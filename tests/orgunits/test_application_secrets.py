"""An application's secrets: two valid at a time, each shown once, by verb and by page."""

from datetime import timedelta

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from orgunits import applications
from orgunits.applications import ChangedMeanwhile, secret_matches
from orgunits.models import Application
from tests.orgunits.integrators import LATER, NOW, make, page, seen, text, verbs
from tests.people import Integrator, signed_in

pytestmark = pytest.mark.django_db


# --- by verb


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


# --- by page


def act(client: Client, tools: Integrator, app: Application, what: str, **values):
    return client.post(page(tools, "application_secrets", app), {"act": what, **seen(app), **values})


def test_a_developer_changes_over_to_another_secret(tools):
    client, app = signed_in(tools.dora), tools.staging

    made = act(client, tools, app, "make")
    app.refresh_from_db()
    secret = made.context["secret"]
    assert (made.status_code, made["Cache-Control"]) == (200, "no-store")
    assert secret_matches(app, secret)
    shown = text(client.get(page(tools, "application_secrets", app)))
    assert "Retire the old secret" in shown
    assert "Discard the new secret" in shown
    assert secret not in shown
    act(client, tools, app, "retire")
    app.refresh_from_db()
    assert secret_matches(app, secret)
    assert app.second_secret == ""


def test_reloading_the_page_with_a_secret_makes_no_other(tools):
    client, app = signed_in(tools.dora), tools.staging
    form = {"act": "make", **seen(app)}
    client.post(page(tools, "application_secrets", app), form)
    act(client, tools, app, "discard")

    again = client.post(page(tools, "application_secrets", app), form, follow=True)

    app.refresh_from_db()
    assert app.second_secret == ""
    assert "This application has changed since that page was opened" in text(again)


@pytest.mark.parametrize(
    "values", [{"act": "x"}, {"seen": "x"}, {"seen": ""}, {"seen": "2026-01-01T00:00:00Z"}]
)
def test_an_odd_form_about_secrets_changes_nothing(tools, values):
    before = tools.staging.client_secret

    answer = act(signed_in(tools.dora), tools, tools.staging, "make", **values)

    tools.staging.refresh_from_db()
    assert answer.status_code == 302
    assert (tools.staging.client_secret, tools.staging.second_secret) == (before, "")


@override_settings(REAUTHENTICATION=True)
def test_changing_secrets_asks_again_who_one_is(tools):
    client = signed_in(tools.dora)

    for answer in (
        client.get(page(tools, "application_secrets", tools.staging)),
        act(client, tools, tools.staging, "make"),
    ):
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("account_reauthenticate"))
    tools.staging.refresh_from_db()
    assert tools.staging.second_secret == ""
