"""Invitations in bad hands: no Ops Admin without a fresh proof, no flood, no address that looks like another."""

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from orgunits import bulk, invitation_plans, invitations
from orgunits.access import access_to
from orgunits.invitation_sheets import read
from orgunits.models import Invitation, InvitationSheet, Member
from tests.people import Company, make_company, signed_in
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
PAT = "pat@guests.example"


@pytest.fixture
def company() -> Company:
    cache.clear()
    return make_company()


def invited(company: Company) -> Invitation:
    return invitations.invite(company.unit, PAT, role="employee", by=company.olga, now=timezone.now())


def sheet(company: Company, text: str) -> InvitationSheet:
    return invitation_plans.keep_sheet(
        company.unit, text, default_role="employee", by=company.olga, now=timezone.now()
    )


def send(company: Company, row: InvitationSheet):
    page = reverse("invitation_sheet", args=[company.unit.slug, row.public_id])
    return signed_in(company.olga).post(page, {"digest": row.digest})


@override_settings(REAUTHENTICATION=True)
def test_a_row_left_out_now_makes_no_ops_admin_later_without_a_fresh_proof(company):
    waiting = invited(company)
    row = sheet(company, f"email,role\n{PAT},ops_admin\nquinn@guests.example,employee")

    answer = send(company, row)
    invitations.revoke(waiting, by=company.olga, now=timezone.now())
    run_waiting_jobs()

    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert not Member.objects.filter(role_grants__role="ops_admin", state="invited").exists()


@override_settings(REAUTHENTICATION=True)
def test_a_sheet_without_ops_admins_asks_for_no_proof(company):
    answer = send(company, sheet(company, "quinn@guests.example"))

    assert not answer.headers["Location"].startswith(reverse("account_reauthenticate"))


@override_settings(REAUTHENTICATION=True)
def test_another_address_is_added_to_a_sign_in_after_a_fresh_proof_only(company):
    entered = {"email": "thief@elsewhere.example", "action_add": ""}

    answer = signed_in(company.olga).post(reverse("account_email"), entered)

    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert not EmailAddress.objects.filter(email="thief@elsewhere.example").exists()


def test_nobody_is_flooded_with_one_invitation(company):
    row = invited(company)
    client = signed_in(company.olga)
    page = reverse("invitation_resend", args=[company.unit.slug, row.public_id])

    answers = [client.post(page, follow=True).content.decode() for _turn in range(6)]
    run = bulk.prepare(
        access_to(company.olga, company.unit.slug), company.unit.members.all(), "resend", now=timezone.now()
    )
    bulk.start(run, by=company.olga, now=timezone.now())
    run_waiting_jobs()

    assert [f"Sent again to {PAT}" in answer for answer in answers] == [True] * 5 + [False]
    assert "was mailed often enough today" in answers[-1]
    assert run.rows.get(member=row.member).reason == "mailed_often"
    assert company.unit.audit_events.filter(verb="invitation.sent_again").count() == 5


@pytest.mark.parametrize(
    "address",
    [
        "ſam@guests.example",  # U+017F long s
        "pıp@guests.example",  # U+0131 dotless i
        "İp@guests.example",  # U+0130, two characters in lower case
        "pat＠guests.example",  # U+FF20
        "pat@guests.example.",
        "p\u202eat@guests.example",
        "pat@guests..example",
    ],
)
def test_an_address_that_only_looks_like_another_is_none(address):
    assert [row.email for row in read(address).rows if not row.problem] == []
