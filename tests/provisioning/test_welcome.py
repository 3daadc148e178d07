"""Welcome mails: off, at once or on a day, by the rule that brought somebody."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from orgunits import memberships
from orgunits.models import Invitation
from provisioning import welcome
from tests.people import make_company
from tests.provisioning.running import directory_of, everybody_rule, looked, tell, was_read
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
ADDRESS = "ada@kube.example"


@pytest.fixture
def company():
    return make_company()


def brought(company, **rule):
    """Ada comes by a rule that welcomes as it says."""
    directory = directory_of(company)
    tell(directory, ADDRESS, given_name="Ada")
    was_read(directory)
    everybody_rule(directory, company.olga, **rule)
    assert looked(directory).state == "succeeded"
    return company.unit.members.get(email=ADDRESS)


def sent(*, later: timedelta = timedelta()) -> list[str]:
    """The addresses that the minute's job mails."""
    welcome.send_due(now=timezone.now() + later)
    run_waiting_jobs()
    return [address for message in mail.outbox for address in message.to]


def test_without_a_welcome_nobody_is_mailed(company):
    brought(company)

    assert sent() == []


def test_somebody_who_is_welcomed_at_once_gets_one_link_to_sign_in_and_no_further_role(company):
    ada = brought(company, welcome="now")

    assert sent() == [ADDRESS]
    assert sent() == [ADDRESS]
    assert Invitation.objects.get().member == ada
    [grant] = ada.role_grants.all()
    assert (grant.by_rule, grant.by_hand) == (True, False)


def test_a_welcome_on_a_day_waits_for_the_day(company):
    day = timezone.now().date() + timedelta(days=3)
    brought(company, welcome="on_date", welcome_on=day.isoformat())

    assert sent() == []
    assert sent(later=timedelta(days=3)) == [ADDRESS]


def test_who_left_meanwhile_is_not_welcomed(company):
    ada = brought(company, welcome="now")
    memberships.suspend_member(ada, by=company.olga, now=timezone.now())

    assert sent() == []


def test_a_paused_unit_mails_nobody_until_it_goes_on(company):
    brought(company, welcome="now")
    type(company.unit).objects.filter(pk=company.unit.pk).update(state="paused")
    at_rest = sent()
    type(company.unit).objects.filter(pk=company.unit.pk).update(state="active")

    assert at_rest == []
    assert sent() == [ADDRESS]
