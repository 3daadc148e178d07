"""Pages of applications: who sees which, the secret that is shown once, and what is refused at which field."""

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection as database
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from orgunits import applications, roles, support
from orgunits.applications import secret_matches
from orgunits.models import Application, AuditEvent, AuditReason
from tests.people import Integrator, make_application, make_company, make_integrator, make_user, signed_in

pytestmark = pytest.mark.django_db
PAGES = [
    "application",
    "application_edit",
    "application_logo",
    "application_logo_change",
    "application_logo_remove",
    "application_secrets",
    "application_states",
]


@pytest.fixture
def tools() -> Integrator:
    return make_integrator()


def page(tools: Integrator, name: str, app: Application) -> str:
    return reverse(name, args=[tools.unit.slug, app.public_id])


def listed(tools: Integrator, user, query: str = "") -> str:
    answer = signed_in(user).get(reverse("applications", args=[tools.unit.slug]) + query)
    assert answer.status_code == 200
    return answer.content.decode()


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


def seen(app: Application) -> dict:
    app.refresh_from_db()
    return {"seen": app.updated.isoformat()}


def text(answer) -> str:
    return answer.content.decode()


# --- who sees which


def test_engineering_managers_and_ops_admins_see_all_those_made_later_included(tools):
    make_application(tools.unit, "production")

    for user in (tools.irma, tools.ethan):
        body = listed(tools, user)
        assert body.count("Tools Production</a>") == 2
        assert "Tools Staging" in body
        assert "Tools Development" in body


def test_a_developer_of_staging_and_development_does_not_see_production_anywhere(tools):
    client = signed_in(tools.dora)

    for query in ("", "?q=prod", "?environment=production", "?state=archived", "?q=Tools"):
        assert "Tools Production" not in listed(tools, tools.dora, query), query
        assert tools.production.public_id not in listed(tools, tools.dora, query), query
    answer = client.get(reverse("applications", args=[tools.unit.slug]))
    assert answer.context["total"] == 2
    assert client.get(reverse("applications", args=[tools.unit.slug]) + "?q=prod").context["total"] == 0
    for name in PAGES:
        refused = client.get(page(tools, name, tools.production))
        assert refused.status_code == 403, name
        assert "Tools Production" not in text(refused)
        assert client.post(page(tools, name, tools.production), {"act": "make"}).status_code == 403
    assert client.get(page(tools, "application", tools.staging)).status_code == 200
    home = client.get(reverse("unit_home", args=[tools.unit.slug]), follow=True)
    assert "Tools Production" not in text(home)
    assert "Applications" in text(home)


def test_application_support_sees_the_state_of_one_application_and_neither_settings_nor_secrets(tools):
    client = signed_in(tools.abel)

    body = listed(tools, tools.abel)
    assert page(tools, "application_states", tools.production) in body
    assert f'href="{page(tools, "application", tools.production)}"' not in body
    assert "Tools Staging" not in body
    states = client.get(page(tools, "application_states", tools.production))
    assert "No customer has authorized this application yet" in text(states)
    assert tools.production.client_id not in text(states)
    for name in set(PAGES) - {"application_states"}:
        assert client.get(page(tools, name, tools.production)).status_code == 403, name


def test_members_without_an_application_are_told_which_roles_have_some(tools):
    company = make_company()
    for user in (company.emma, company.carl):
        answer = signed_in(user).get(reverse("applications", args=[company.unit.slug]))
        assert answer.status_code == 403
        for role in ("Application Support", "Developer", "Engineering Manager", "Ops Admin"):
            assert role in text(answer)


def test_only_who_manages_applications_makes_or_archives_one(tools):
    for user in (tools.dora, tools.abel):
        client = signed_in(user)
        assert client.get(reverse("application_new", args=[tools.unit.slug])).status_code == 403
        assert client.post(page(tools, "application_archive", tools.staging)).status_code == 403
        assert client.post(page(tools, "application_restore", tools.staging)).status_code == 403


def test_a_grant_taken_away_closes_the_page_at_the_next_request(tools):
    client = signed_in(tools.dora)
    assert client.get(page(tools, "application", tools.staging)).status_code == 200

    roles.revoke_role(
        tools.member(tools.dora),
        roles.DEVELOPER.code,
        by=tools.irma,
        now=timezone.now(),
        application=tools.staging,
    )

    assert client.get(page(tools, "application", tools.staging)).status_code == 403
    assert "Tools Staging" not in listed(tools, tools.dora)


def test_an_application_of_another_unit_does_not_exist_here(tools):
    company = make_company()
    theirs = make_application(company.unit, "production")
    client = signed_in(tools.irma)

    for name in (*PAGES, "application_archive"):
        path = reverse(name, args=[tools.unit.slug, theirs.public_id])
        assert client.get(path).status_code == 404, name
    assert client.get(page(tools, "application", theirs)).status_code == 404


# --- the list


def test_an_empty_list_says_why_and_what_next(tools):
    company = make_company()
    empty = signed_in(company.olga).get(reverse("applications", args=[company.unit.slug]))
    assert "No application yet" in text(empty)
    assert reverse("application_new", args=[company.unit.slug]) in text(empty)
    assert "No application matches this filter" in listed(tools, tools.irma, "?q=nothing")
    for app in (tools.staging, tools.development):
        applications.archive(app, by=tools.irma, now=timezone.now())
    assert "All your applications are archived" in listed(tools, tools.dora)
    assert "Tools Staging" in listed(tools, tools.dora, "?state=archived")


def test_the_list_filters_and_pages(tools):
    for _number in range(60):
        make_application(tools.unit, "staging")
    client, path = signed_in(tools.irma), reverse("applications", args=[tools.unit.slug])

    first = client.get(path + "?environment=staging")
    second = client.get(path + first.context["next_url"])

    assert (first.context["total"], len(first.context["rows"]), len(second.context["rows"])) == (61, 50, 11)
    assert second.context["next_url"] == ""
    assert "Tools Production" not in text(first)


def test_the_list_asks_at_most_eight_questions_however_long_it_is(tools):
    client, path, asked = signed_in(tools.dora), reverse("applications", args=[tools.unit.slug]), []
    client.get(path)
    for number in (0, 40):
        for _time in range(number):
            app = make_application(tools.unit, "staging")
            roles.grant_role(
                tools.member(tools.dora),
                roles.DEVELOPER.code,
                by=tools.irma,
                now=timezone.now(),
                application=app,
            )
        with CaptureQueriesContext(database) as queries:
            client.get(path)
        asked.append(len(queries))
        assert not [query for query in queries.captured_queries if '"logo",' in query["sql"]]

    assert asked[0] == asked[1] <= 8


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


# --- secrets


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


# --- approval


def approval_page(app: Application) -> str:
    return reverse("admin:orgunits_application_approval", args=[app.pk])


def staff(tools: Integrator) -> Client:
    """Support, who said why they look into the unit."""
    client = signed_in(make_user("Sami", "sami@x.example", is_staff=True, is_superuser=True))
    session = client.session
    support.begin(session, tools.unit, "Asked to approve", now=timezone.now())
    session.save()
    return client


def test_staff_approve_with_a_reason_that_the_unit_reads(tools):
    sami, app = staff(tools), tools.production
    applications.set_logo(app, b"png", seen=app.updated, by=tools.ethan, now=timezone.now())
    shown = text(sami.get(approval_page(app)))
    assert "data:image/png;base64,cG5n" in shown
    assert "https://production.tools.example/callback" in shown
    assert approval_page(app) in text(sami.get(reverse("admin:orgunits_application_change", args=[app.pk])))

    sami.post(approval_page(app), {"why": "We know them", **seen(app)})

    event = AuditEvent.objects.get(subject=app.public_id, verb="application.approved")
    assert (event.unit, event.origin) == (tools.unit, "support")
    assert AuditReason.objects.get(event=event.public_id).text == "We know them"
    assert "Development mode" not in text(signed_in(tools.ethan).get(page(tools, "application", app)))
    body = text(signed_in(tools.irma).get(page(tools, "application", app)))
    assert "Application approved" in body
    assert "We know them" in body


def test_an_approval_needs_a_reason_and_what_was_looked_at(tools):
    sami, app = staff(tools), tools.production

    assert sami.post(approval_page(app), {"why": " ", **seen(app)}).status_code == 422
    looked_at = seen(app)
    applications.set_logo(app, b"png", seen=app.updated, by=tools.ethan, now=timezone.now())
    sami.post(approval_page(app), {"why": "Fine", **looked_at})

    app.refresh_from_db()
    assert app.approved_at is None


def test_staff_withdraw_an_approval(tools):
    sami, app = staff(tools), tools.production
    sami.post(approval_page(app), {"why": "We know them", **seen(app)})

    sami.post(approval_page(app), {"why": "Complaints", **seen(app)})

    app.refresh_from_db()
    assert app.approved_at is None
    assert AuditEvent.objects.filter(subject=app.public_id, verb="application.approval_ended").exists()


def test_nobody_of_the_unit_and_no_staff_without_a_reason_to_look_approves(tools):
    helper = make_user("Hal", "hal@x.example", is_staff=True)
    for user in (tools.irma, tools.ethan, helper):
        signed_in(user).post(approval_page(tools.production), {"why": "x", **seen(tools.production)})
    tools.production.refresh_from_db()
    assert tools.production.approved_at is None


def test_support_sees_no_secret_of_an_application(tools):
    applications.make_second_secret(
        tools.production, seen=tools.production.updated, by=tools.ethan, now=timezone.now()
    )
    sami, app = staff(tools), tools.production
    app.refresh_from_db()

    for path in (
        approval_page(app),
        reverse("admin:orgunits_application_change", args=[app.pk]),
        f"{reverse('admin:orgunits_application_changelist')}?unit__public_id__exact={tools.unit.public_id}",
    ):
        body = text(sami.get(path))
        assert "Tools Production" in body
        assert app.client_secret not in body
        assert app.second_secret not in body
        assert "pbkdf2" not in body
    assert "oauth2_provider" not in text(sami.get(reverse("admin:index")))
