"""Pages of one application: made, changed, given a logo and archived, with errors at their fields."""

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from orgunits.applications import secret_matches
from orgunits.models import AuditEvent
from tests.orgunits.integrators import listed, page, seen, text
from tests.people import Integrator, signed_in

pytestmark = pytest.mark.django_db


def new_form(client: Client, tools: Integrator, **values) -> dict:
    shown = client.get(reverse("application_new", args=[tools.unit.slug]))
    given = {
        "name": "Scheduler",
        "environment": "production",
        "publisher": "Tools Ltd",
        "redirect_uris": "https://app.tools.example/callback",
        "reserved": shown.context["form"]["reserved"].value(),
    }
    return {**given, **values}


def png(side: int = 40) -> SimpleUploadedFile:
    written = BytesIO()
    Image.new("RGB", (side, side), "red").save(written, "PNG")
    return SimpleUploadedFile("logo.png", written.getvalue(), content_type="image/png")


# --- making one


def test_the_secret_is_shown_once_and_the_answer_is_kept_by_no_cache(tools):
    client = signed_in(tools.ethan)
    form = new_form(client, tools)

    answer = client.post(reverse("application_new", args=[tools.unit.slug]), form)

    app = tools.unit.applications.get(name="Scheduler")
    secret = answer.context["secret"]
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert secret in text(answer)
    assert app.client_id in text(answer)
    assert secret_matches(app, secret)
    assert secret not in str(dict(client.session))
    assert not any(secret in cookie.value for cookie in client.cookies.values())
    for name in ("application", "application_edit", "application_secrets"):
        assert secret not in text(client.get(page(tools, name, app)))


def test_reloading_the_answer_makes_nothing_twice(tools):
    client, path = signed_in(tools.ethan), reverse("application_new", args=[tools.unit.slug])
    form = new_form(client, tools)
    client.post(path, form)

    again = client.post(path, form, follow=True)

    app = tools.unit.applications.get(name="Scheduler")
    assert again.redirect_chain == [(page(tools, "application", app), 302)]
    assert "Nothing was made twice" in text(again)


def test_a_stale_form_is_asked_for_again_and_loses_nothing(tools):
    client, path = signed_in(tools.ethan), reverse("application_new", args=[tools.unit.slug])

    answer = client.post(path, new_form(client, tools, reserved="stale"))

    assert "open for too long" in text(answer)
    assert 'value="Scheduler"' in text(answer)
    again = {**new_form(client, tools), "reserved": answer.context["form"]["reserved"].value()}
    assert "secret" in client.post(path, again).context


def test_errors_stand_at_the_field_with_the_line_and_nothing_is_saved(tools):
    client = signed_in(tools.ethan)
    uris = "https://a.example/cb\nhttp://a.example/cb\nhttps://*.a.example/cb"

    answer = client.post(
        reverse("application_new", args=[tools.unit.slug]),
        new_form(client, tools, name="", redirect_uris=uris),
    )

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["name", "redirect_uris"]
    assert [said[:7] for said in answer.context["form"].errors["redirect_uris"]] == ["Line 2:", "Line 3:"]
    assert tools.unit.applications.count() == 3


@pytest.mark.parametrize(("environment", "status"), [("development", 200), ("staging", 422), ("x", 422)])
def test_plain_http_on_this_machine_is_for_development(tools, environment, status):
    client = signed_in(tools.ethan)
    form = new_form(client, tools, environment=environment, redirect_uris="http://localhost:3000/cb")

    assert client.post(reverse("application_new", args=[tools.unit.slug]), form).status_code == status


def test_what_a_form_does_not_ask_is_not_set(tools):
    client = signed_in(tools.ethan)
    more = {
        "skip_authorization": "on",
        "approved_at": "2026-01-01",
        "client_id": "mine",
        "client_type": "public",
    }

    client.post(reverse("application_new", args=[tools.unit.slug]), {**new_form(client, tools), **more})

    app = tools.unit.applications.get(name="Scheduler")
    assert (app.skip_authorization, app.approved_at, app.client_type) == (False, None, "confidential")
    assert app.client_id != "mine"


# --- one application


def test_the_page_shows_settings_and_never_a_hash(tools):
    answer = signed_in(tools.dora).get(page(tools, "application", tools.staging))

    assert tools.staging.client_id in text(answer)
    assert "https://staging.tools.example/callback" in text(answer)
    assert "Development mode" in text(answer)
    assert "Dora" in text(answer)
    assert tools.staging.client_secret not in text(answer)
    assert "pbkdf2" not in text(answer)


def test_a_developer_changes_the_settings(tools):
    client = signed_in(tools.dora)
    form = {"name": "Tools S", "publisher": "Tools Ltd", "redirect_uris": "https://s.tools.example/a\n"}

    answer = client.post(page(tools, "application_edit", tools.staging), {**form, **seen(tools.staging)})

    assert answer.status_code == 302
    tools.staging.refresh_from_db()
    assert (tools.staging.name, tools.staging.redirect_uris) == ("Tools S", "https://s.tools.example/a")


def test_of_two_people_who_edit_the_second_is_told(tools):
    form = {
        "name": "First",
        "publisher": "x",
        "redirect_uris": "https://s.tools.example/a",
        **seen(tools.staging),
    }
    signed_in(tools.dora).post(page(tools, "application_edit", tools.staging), form)

    answer = signed_in(tools.ethan).post(
        page(tools, "application_edit", tools.staging), {**form, "name": "Second"}, follow=True
    )

    tools.staging.refresh_from_db()
    assert tools.staging.name == "First"
    assert "This application has changed since that page was opened" in text(answer)


def test_an_edit_keeps_to_the_environment_it_was_made_for(tools):
    form = {
        "name": "x",
        "publisher": "x",
        "redirect_uris": "http://localhost/cb",
        "environment": "development",
    }

    answer = signed_in(tools.dora).post(
        page(tools, "application_edit", tools.staging), {**form, **seen(tools.staging)}
    )

    assert answer.status_code == 422


# --- the logo


def test_a_logo_is_uploaded_shown_and_removed(tools):
    client, show = signed_in(tools.dora), page(tools, "application_logo", tools.staging)
    assert client.get(show).status_code == 404

    client.post(
        page(tools, "application_logo_change", tools.staging), {"logo": png(600), **seen(tools.staging)}
    )

    answer = client.get(show)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "no-store")
    assert Image.open(BytesIO(answer.content)).size == (256, 256)
    assert signed_in(tools.abel).get(show).status_code == 403
    client.post(page(tools, "application_logo_remove", tools.staging), seen(tools.staging))
    assert client.get(show).status_code == 404


@pytest.mark.parametrize(
    "uploaded",
    [
        SimpleUploadedFile("logo.png", b"<svg onload=alert(1)>", content_type="image/png"),
        SimpleUploadedFile("logo.png", b"\0" * (1024 * 1024 + 1), content_type="image/png"),
        SimpleUploadedFile("logo.png", b"", content_type="image/png"),
    ],
)
def test_what_is_no_logo_is_refused_at_the_field(tools, uploaded):
    answer = signed_in(tools.dora).post(
        page(tools, "application_logo_change", tools.staging), {"logo": uploaded, **seen(tools.staging)}
    )

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["logo"]
    tools.staging.refresh_from_db()
    assert tools.staging.logo is None


# --- archive


def test_archiving_says_what_stops_and_can_be_undone(tools):
    client, app = signed_in(tools.ethan), tools.production
    before = text(client.get(page(tools, "application_archive", app)))
    assert "What stops" in before
    assert "What is kept" in before

    client.post(page(tools, "application_archive", app))
    assert "Tools Production" not in listed(tools, tools.ethan)
    assert "Tools Production" in listed(tools, tools.ethan, "?state=archived")
    assert "Restore" in text(client.get(page(tools, "application", app)))
    for name in ("application_edit", "application_secrets", "application_logo_change"):
        assert client.get(page(tools, name, app))["Location"] == page(tools, "application", app)

    client.post(page(tools, "application_restore", app))
    assert "Tools Production" in listed(tools, tools.ethan)
    assert list(
        AuditEvent.objects.filter(subject=app.public_id, verb__startswith="application.")
        .order_by("pk")
        .values_list("verb", flat=True)
    ) == ["application.archived", "application.restored"]
