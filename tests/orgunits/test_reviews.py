"""Access reviews: begun once, decided role by role, signed off and then kept as they are."""

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orgunits import reviews, roles
from orgunits.access import access_to, rights_of
from orgunits.models import AccessReview, AccessReviewRow, AuditEvent, Member, RoleGrant
from orgunits.reviews import AlreadyOpen, AlreadySignedOff, NotDecided
from tests.builders import make_members
from tests.orgunits.access_reviews import begin, decide_all, decisions, grant_of, url
from tests.people import make_company, make_integrator, signed_in

pytestmark = pytest.mark.django_db


# --- begun


def test_a_review_holds_every_role_of_the_unit_as_it_stands_and_none_of_another_unit():
    tools, _company = make_integrator(), make_company()
    dora, until = tools.member(tools.dora), timezone.now() + timedelta(days=9)
    Member.objects.filter(pk=dora.pk).update(last_seen_on=date(2026, 11, 2))
    roles.grant_role(
        dora, "developer", by=tools.ethan, now=timezone.now(), application=tools.production, until=until
    )

    review = begin(tools, tools.irma)

    assert review.rows.count() == RoleGrant.objects.filter(unit=tools.unit).count() == 8
    row = review.rows.get(application=tools.production.public_id, role="developer")
    assert (row.member, row.granted_by, row.until) == (dora.public_id, tools.ethan.public_id, until)
    assert row.last_seen_on == date(2026, 11, 2)
    event = AuditEvent.objects.get(verb="review.begun")
    assert (event.actor, event.facts) == (tools.irma.public_id, {"grants": 8})


def test_who_was_removed_is_not_reviewed_and_who_is_suspended_is():
    company = make_company()
    Member.objects.filter(user=company.carl).update(state="removed")
    Member.objects.filter(user=company.emma).update(state="suspended")

    review = begin(company, company.olga)

    assert decisions(review) == {"Emma employee": "", "Olga ops_admin": ""}


def test_a_unit_has_one_review_at_a_time_however_often_it_is_begun():
    company = make_company()
    client, page = signed_in(company.olga), reverse("reviews", args=[company.unit.slug])

    first, second = client.post(page), client.post(page)

    assert first.headers["Location"] == second.headers["Location"]
    assert AccessReview.objects.count() == 1
    with pytest.raises(AlreadyOpen):
        begin(company, company.olga)


def test_fifty_thousand_roles_are_taken_down_in_one_statement(django_assert_max_num_queries):
    company = make_company()
    members = make_members(company.unit, [f"p{n:05}@kube.example" for n in range(2000)])
    RoleGrant.objects.bulk_create(
        RoleGrant(unit=company.unit, member=member, role="employee", granted_by=company.olga)
        for member in members
    )

    with django_assert_max_num_queries(20):
        review = begin(company, company.olga)

    assert review.rows.count() == 2003


# --- decided


def test_a_role_is_kept_and_another_one_taken_away_at_once():
    company = make_company()
    emma, carl = company.member(company.emma), company.member(company.carl)
    review, client = begin(company, company.olga), signed_in(company.olga)

    client.post(url(review), {"keep": grant_of(emma, "employee")})
    client.post(url(review), {"revoke": grant_of(carl, "coordinator"), "why": "Left the team"})

    assert decisions(review) == {"Carl coordinator": "revoke", "Emma employee": "keep", "Olga ops_admin": ""}
    assert rights_of(carl) == frozenset()
    assert signed_in(company.carl).get(reverse("members", args=[company.unit.slug])).status_code == 403
    event = AuditEvent.objects.get(verb="role.revoked")
    assert (event.actor, event.subject) == (company.olga.public_id, carl.public_id)
    kept = review.rows.get(mark="keep")
    assert kept.marked_by == company.olga.public_id
    assert kept.marked_at is not None


def test_the_ticked_rows_of_a_page_are_decided_together():
    tools = make_integrator()
    review, client = begin(tools, tools.irma), signed_in(tools.irma)
    ticked = list(
        RoleGrant.objects.filter(unit=tools.unit, role="developer").values_list("public_id", flat=True)
    )

    client.post(url(review), {"act": "keep", "grant": ticked})
    page = client.post(url(review), {"act": "revoke", "grant": ticked}, follow=True).content.decode()

    assert "2 roles were taken away." in page
    assert review.rows.filter(role="developer", mark="revoke").count() == 2
    assert not access_to(tools.dora, tools.unit.slug).chosen_for_application


def test_the_last_ops_admin_is_told_at_the_row_and_the_others_are_taken_all_the_same():
    company = make_company()
    olga, carl = company.member(company.olga), company.member(company.carl)
    review = begin(company, company.olga)
    ticked = [grant_of(olga, "ops_admin"), grant_of(carl, "coordinator")]

    answer = signed_in(company.olga).post(url(review), {"act": "revoke", "grant": ticked})

    assert answer.status_code == 422
    problems = {one["name"]: one["problem"] for one in answer.context["rows"] if one["problem"]}
    assert problems == {"Olga": "The last Ops Admin keeps the role. Make somebody else Ops Admin first."}
    assert decisions(review) == {"Carl coordinator": "revoke", "Emma employee": "", "Olga ops_admin": ""}


def test_a_role_above_the_reviewers_own_is_told_at_the_row():
    company = make_company()
    review, olga = begin(company, company.olga), company.member(company.olga)
    access = access_to(company.carl, company.unit.slug)

    decided = reviews.revoke(access, review, [grant_of(olga, "ops_admin")], now=timezone.now())

    assert list(decided.problems.values()) == ["above"]
    assert olga.role_grants.exists()


def test_what_ended_meanwhile_shows_so_and_needs_no_decision():
    company = make_company()
    review, carl = begin(company, company.olga), company.member(company.carl)
    gone = grant_of(carl, "coordinator")
    roles.revoke_role(carl, "coordinator", by=company.olga, now=timezone.now())

    page = signed_in(company.olga).post(url(review), {"keep": gone}, follow=True).content.decode()

    assert "What had ended meanwhile needs no decision." in page
    assert "Ended by itself" in page
    assert decisions(review)["Carl coordinator"] == "gone"


def test_taking_away_in_two_tabs_takes_once():
    company = make_company()
    review, carl = begin(company, company.olga), company.member(company.carl)
    client, asked = signed_in(company.olga), {"revoke": grant_of(carl, "coordinator")}

    client.post(url(review), asked)
    second = client.post(url(review), asked)

    assert second.status_code == 302
    assert AuditEvent.objects.filter(verb="role.revoked").count() == 1
    assert decisions(review)["Carl coordinator"] == "revoke"


def test_a_role_of_another_unit_cannot_be_decided_here():
    company, tools = make_company(), make_integrator()
    review, theirs = begin(company, company.olga), grant_of(tools.member(tools.ethan), "engineering_manager")
    client = signed_in(company.olga)

    client.post(url(review), {"revoke": theirs})
    client.post(url(review), {"act": "keep", "grant": [theirs, "\0", "grt_x"]})

    assert RoleGrant.objects.filter(public_id=theirs).exists()
    assert set(decisions(review).values()) == {""}


def test_everything_that_matches_the_filter_is_kept_after_a_page_that_says_how_much():
    tools = make_integrator()
    review, client = begin(tools, tools.irma), signed_in(tools.irma)
    page = client.get(url(review, "review_keep") + "?role=developer")

    client.post(url(review, "review_keep") + "?role=developer")

    assert page.context["number"] == 2
    assert review.rows.filter(mark="keep").count() == 2
    assert set(review.rows.filter(mark="keep").values_list("role", flat=True)) == {"developer"}


# --- signed off


def test_nothing_is_signed_off_while_a_role_is_undecided_and_the_page_says_how_many():
    company = make_company()
    review, client = begin(company, company.olga), signed_in(company.olga)
    client.post(url(review), {"keep": grant_of(company.member(company.emma), "employee")})

    answer = client.post(url(review, "review_sign_off"))

    assert answer.status_code == 422
    assert "2 roles are neither kept nor taken away." in answer.content.decode()
    with pytest.raises(NotDecided) as told:
        reviews.sign_off(review, by=company.olga, now=timezone.now())
    assert told.value.left == 2


def test_a_review_signed_off_is_kept_with_who_and_when_and_changes_no_more():
    company = make_company()
    review, client = begin(company, company.olga), signed_in(company.olga)
    emma, carl = company.member(company.emma), company.member(company.carl)
    client.post(url(review), {"revoke": grant_of(carl, "coordinator")})
    decide_all(review, company.olga)

    assert client.post(url(review, "review_sign_off")).status_code == 302
    client.post(url(review), {"revoke": grant_of(emma, "employee")})
    client.post(url(review, "review_keep"))
    client.post(url(review, "review_sign_off"))

    review.refresh_from_db()
    assert (review.signed_off_by, emma.role_grants.count()) == (company.olga, 1)
    assert decisions(review) == {
        "Carl coordinator": "revoke",
        "Emma employee": "keep",
        "Olga ops_admin": "keep",
    }
    event = AuditEvent.objects.get(verb="review.signed_off")
    assert event.facts == {"kept": 2, "revoked": 1, "ended": 0}
    assert url(review) in client.get(reverse("reviews", args=[company.unit.slug])).content.decode()
    assert 'name="revoke"' not in client.get(url(review)).content.decode()


def test_later_changes_do_not_reach_a_review_that_is_signed_off():
    company = make_company()
    review, carl = begin(company, company.olga), company.member(company.carl)
    decide_all(review, company.olga)
    reviews.sign_off(review, by=company.olga, now=timezone.now())

    roles.revoke_role(carl, "coordinator", by=company.olga, now=timezone.now())

    assert decisions(review)["Carl coordinator"] == "keep"
    with pytest.raises(AlreadySignedOff):
        reviews.sign_off(review, by=company.olga, now=timezone.now())
    assert begin(company, company.olga) != review


def test_what_ended_by_itself_does_not_hold_up_the_sign_off():
    company = make_company()
    review, carl = begin(company, company.olga), company.member(company.carl)
    roles.revoke_role(carl, "coordinator", by=None, now=timezone.now())
    decide_all(review, company.olga)

    reviews.sign_off(review, by=company.olga, now=timezone.now())

    assert review.rows.get(role="coordinator").mark == AccessReviewRow.Mark.GONE
