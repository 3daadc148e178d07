"""The list of applications: who sees which, its filters, and how much it asks."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from orgunits import applications, roles
from tests.orgunits.integrators import listed, page, text
from tests.people import make_application, make_company, signed_in

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
