"""A member leaves a unit by themselves; the only Ops Admin is told what to do first."""

import pytest
from django.urls import reverse
from django.utils import timezone

from orgunits import members, roles
from orgunits.models import AuditEvent, Member
from tests.people import Company, signed_in

pytestmark = pytest.mark.django_db


def leave_url(company: Company) -> str:
    return reverse("unit_leave", args=[company.unit.slug])


def test_the_page_says_what_ends_and_what_stays_before_anything_happens(company):
    page = signed_in(company.emma).get(leave_url(company)).content.decode()

    assert "Your roles end" in page
    assert "can have you back as you were for 30 days" in page
    assert company.member(company.emma).state == "active"


def test_who_leaves_is_removed_by_themselves_and_out_at_once(company):
    client = signed_in(company.emma)

    answer = client.post(leave_url(company), follow=True)

    member = company.member(company.emma)
    event = AuditEvent.objects.get(verb="member.removed")
    assert member.state == "removed"
    assert (event.actor, event.subject) == (company.emma.public_id, member.public_id)
    assert "You have left Kube." in answer.content.decode()
    assert client.get(reverse("unit_home", args=[company.unit.slug])).status_code in {302, 404}


def test_who_belongs_to_another_unit_stays_signed_in_and_goes_there(company):
    members.add_member(
        company.stranger_unit, company.emma.email, by=company.sven, now=timezone.now(), user=company.emma
    )
    client = signed_in(company.emma)

    client.post(leave_url(company))

    assert client.get(reverse("front_door")).headers["Location"] == reverse(
        "unit_home", args=[company.stranger_unit.slug]
    )
    assert client.get(reverse("unit_home", args=[company.unit.slug])).status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_only_ops_admin_is_told_what_to_do_first(company, method):
    client = signed_in(company.olga)

    answer = getattr(client, method)(leave_url(company))

    page = answer.content.decode()
    assert answer.status_code == {"get": 200, "post": 422}[method]
    assert "You are the only Ops Admin of this unit" in page
    assert reverse("members", args=[company.unit.slug]) in page
    assert reverse("unit_archive", args=[company.unit.slug]) in page
    assert company.member(company.olga).state == "active"


def test_an_ops_admin_beside_another_one_leaves(company):
    roles.grant_role(company.member(company.carl), "ops_admin", by=company.olga, now=timezone.now())

    signed_in(company.olga).post(leave_url(company))

    assert Member.objects.get(pk=company.member(company.olga).pk).state == "removed"


def test_the_way_out_stands_in_the_preferences(company):
    page = signed_in(company.emma).get(reverse("preferences")).content.decode()

    assert leave_url(company) in page
    assert reverse("unit_leave", args=[company.stranger_unit.slug]) not in page
