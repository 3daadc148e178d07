"""Ending memberships by odd means: no text makes it stumble, and who is erased is in no log of support either."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orgunits import erasure, memberships
from orgunits.models import AuditReason
from tests.people import make_company
from tests.support import make_staff

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("act", ["member_suspend", "member_remove", "member_erase"])
def test_a_reason_with_a_nul_in_it_is_kept_without_it(act, providers):
    company = make_company()
    client, emma = Client(), company.member(company.emma)
    client.force_login(company.olga)

    answer = client.post(reverse(act, args=[company.unit.slug, emma.public_id]), {"why": "left\0 us"})

    assert answer.status_code == 302
    emma.refresh_from_db()
    assert emma.state != "active"
    if act != "member_erase":  # erasing takes reasons along
        assert AuditReason.objects.get(text__startswith="left").text == "left us"


def test_who_is_erased_stands_in_supports_log_no_more(providers):
    company = make_company()
    emma = company.member(company.emma)
    address = EmailAddress.objects.create(user=company.emma, email="emma@home.example", verified=True)
    staff = make_staff("Sofia", is_superuser=True)
    entered = {"user": company.emma.pk, "email": "emma@home.example", "verified": "", "primary": ""}
    staff.post(reverse("admin:account_emailaddress_change", args=[address.pk]), entered)
    assert LogEntry.objects.filter(object_repr="emma@home.example").exists()

    memberships.remove_member(emma, by=company.olga, now=timezone.now())
    erasure.erase_member(emma, by=company.olga, now=timezone.now())

    assert not LogEntry.objects.filter(object_repr__contains="emma").exists()
    assert not EmailAddress.objects.filter(user=company.emma).exists()
