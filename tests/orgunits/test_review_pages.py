"""Pages of access reviews: filters, the export, and who may look."""

import csv
import io
from datetime import date, timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from orgunits import limits, reviews
from orgunits.models import AccessReview, AuditEvent, AuditName, Member, RoleGrant
from orgunits.reviews import Chosen
from tests.builders import make_members
from tests.orgunits.access_reviews import begin, decide_all, decisions, grant_of, url
from tests.people import make_company, make_integrator, signed_in

pytestmark = pytest.mark.django_db


# --- looked at


def test_the_list_is_narrowed_by_role_decision_name_and_days_without_a_visit():
    company = make_company()
    today = timezone.now().date()
    for who, days in (("olga", 0), ("carl", 100), ("emma", None)):
        seen = None if days is None else today - timedelta(days=days)
        Member.objects.filter(user=getattr(company, who)).update(last_seen_on=seen)
    review = begin(company, company.olga)
    reviews.keep(
        review, [grant_of(company.member(company.carl), "coordinator")], by=company.olga, now=timezone.now()
    )

    def found(**chosen) -> list[str]:
        return [row.given_name for row in reviews.with_names(reviews.rows_of(review, Chosen(**chosen)))]

    assert found() == ["Carl", "Emma", "Olga"]
    assert found(role="employee") == ["Emma"]
    assert found(mark="keep") == ["Carl"]
    assert found(mark="open") == ["Emma", "Olga"]
    assert found(q="OLG") == ["Olga"]
    assert found(unseen=90) == ["Carl", "Emma"]
    assert found(unseen=101) == ["Emma"]


@pytest.mark.parametrize(
    "query", ["role=x", "mark=x", "unseen=-1", "unseen=x", "q=%00", "after=x", "after=%00"]
)
def test_an_odd_filter_does_not_narrow(query):
    company = make_company()
    review = begin(company, company.olga)

    page = signed_in(company.olga).get(f"{url(review)}?{query}")

    assert page.status_code == 200
    assert len(page.context["rows"]) == 3


def test_a_page_asks_the_same_few_questions_however_long_the_review_is():
    company = make_company()
    client = signed_in(company.olga)
    members = make_members(company.unit, [f"p{n:03}@kube.example" for n in range(120)])
    for member in members:
        RoleGrant.objects.create(unit=company.unit, member=member, role="employee", granted_by=company.olga)
    review = begin(company, company.olga)
    client.get(url(review))
    second = client.get(url(review)).context["next_url"]

    for page in (url(review), url(review) + second):
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(page)
        assert len(asked) <= 8, [query["sql"] for query in asked]
        assert len(answer.context["rows"]) == 50


def test_the_page_of_a_decision_leads_back_to_the_same_filter_and_page():
    company = make_company()
    review, emma = begin(company, company.olga), company.member(company.emma)
    here = f"{url(review)}?mark=open&role=employee"

    answer = signed_in(company.olga).post(here, {"keep": grant_of(emma, "employee")})

    assert answer.headers["Location"] == here


def test_who_was_erased_has_no_name_any_more():
    company = make_company()
    review, emma = begin(company, company.olga), company.member(company.emma)
    emma.delete()

    page = signed_in(company.olga).get(url(review)).content.decode()

    assert emma.public_id in page
    assert "emma@kube.example" not in page


# --- exported


def exported(client: Client, review: AccessReview, query: str = "") -> list[dict]:
    answer = client.get(url(review, "review_export") + query)
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_the_filters_rows_are_exported_and_cells_do_no_harm():
    tools = make_integrator()
    Member.objects.filter(user=tools.dora).update(
        given_name='=HYPERLINK("x")', last_seen_on=date(2026, 11, 2)
    )
    review, client = begin(tools, tools.irma), signed_in(tools.irma)
    client.post(url(review), {"keep": grant_of(tools.member(tools.abel), "application_support")})

    rows = exported(client, review)
    developers = exported(client, review, "?role=developer")

    assert len(rows) == 7
    assert {row["environment"] for row in developers} == {"staging", "development"}
    assert {row["name"] for row in developers} == {'\'=HYPERLINK("x")'}
    assert {row["last seen"] for row in developers} == {"2026-11-02"}
    abel = next(row for row in rows if row["role"] == "Application Support")
    assert (abel["application"], abel["decision"], abel["decided by"]) == ("Tools Production", "keep", "Irma")
    assert {row["decision"] for row in developers} == {"open"}


@override_settings(REAUTHENTICATION=True)
def test_the_export_asks_again_who_one_is():
    company = make_company()
    review = begin(company, company.olga)

    answer = signed_in(company.olga).get(url(review, "review_export"))

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))


def test_too_many_exports_are_refused_for_a_while(monkeypatch):
    monkeypatch.setitem(limits.RATES, "exports", "2/m/user")
    cache.clear()
    company = make_company()
    review, client = begin(company, company.olga), signed_in(company.olga)

    answers = [client.get(url(review, "review_export")).status_code for _ in range(3)]

    assert answers == [200, 200, 429]
    cache.clear()


# --- who may

PAGES = ["review", "review_keep", "review_sign_off", "review_export"]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", PAGES)
def test_only_who_reviews_access_comes_in_and_strangers_see_nothing(name, method):
    company = make_company()
    review = begin(company, company.olga)

    asked = {
        who: getattr(signed_in(getattr(company, who)), method)(url(review, name)) for who in ("carl", "sven")
    }

    assert (asked["carl"].status_code, asked["sven"].status_code) == (403, 404)
    assert set(decisions(review).values()) == {""}


@pytest.mark.parametrize("name", PAGES)
def test_a_review_of_another_unit_is_one_that_does_not_exist(name):
    company = make_company()
    review = begin(company, company.olga)

    answer = signed_in(company.sven).get(reverse(name, args=[company.stranger_unit.slug, review.public_id]))

    assert answer.status_code == 404


def test_names_in_the_audit_log_are_not_in_its_facts():
    company = make_company()
    review = begin(company, company.olga)
    decide_all(review, company.olga)

    event = AuditEvent.objects.get(verb="review.decided")

    assert event.facts == {"kept": 3}
    assert AuditName.objects.get(subject=review.public_id).name.startswith("Access review of ")
