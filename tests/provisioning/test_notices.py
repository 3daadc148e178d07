"""What Ops Admins are told by mail of a paused run: once, numbers and a link, and no name."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from orgunits import memberships, roles
from orgunits.models import OrganizationalUnit
from provisioning import jobs, notices
from provisioning import runs as verbs
from provisioning.models import ProvisioningRun, RunNotice
from tests.people import Company, make_company
from tests.provisioning.paused import GONE, paused_run
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def paused(company) -> ProvisioningRun:
    run = paused_run(company)
    mail.outbox.clear()
    return run


def look(*, now=None) -> int:
    """One minute's look, and the mails it leads to; answers how many were sent."""
    before, now = len(mail.outbox), now or timezone.now()
    notices.tell_paused(now=now)
    for pk in notices.due(now=now):
        notices.send(pk, now=now)
    return len(mail.outbox) - before


def test_a_paused_run_is_told_once_with_numbers_and_a_link(company, paused):
    sent = [look() for _ in range(3)]

    (letter,) = mail.outbox
    assert sent == [1, 0, 0]
    assert letter.to == [company.olga.email]
    assert letter.subject == "Kube: a run of a directory is paused by guard"
    assert "5 of 10 members would lose access or a role. 3 may go" in letter.body
    assert f"/ou/kube/people/runs/{paused.public_id}/" in letter.body
    assert not any(address.split("@")[0] in letter.body for address in GONE)
    paused.refresh_from_db()
    assert paused.told_at is not None


def test_the_job_of_every_minute_sends_it(paused):
    jobs.tell_ops_admins()
    run_waiting_jobs()

    assert [letter.subject for letter in mail.outbox] == ["Kube: a run of a directory is paused by guard"]


def test_every_ops_admin_is_told_and_nobody_else(company, paused):
    roles.grant_role(company.member(company.carl), "ops_admin", by=company.olga, now=timezone.now())

    assert look() == 2
    assert {letter.to[0] for letter in mail.outbox} == {company.olga.email, company.carl.email}


def test_mail_that_the_server_does_not_take_is_tried_again(paused, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 1, 1
    now = timezone.now()
    look(now=now)
    waiting = RunNotice.objects.get()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    assert (waiting.attempts, waiting.sent_at) == (1, None)
    assert waiting.next_try_at == now + MINUTE
    assert look(now=now + MINUTE) == 1
    assert look(now=now + HOUR) == 0


def test_nobody_is_told_of_what_was_decided_meanwhile(company, paused):
    notices.tell_paused(now=timezone.now())
    verbs.keep_everybody(
        paused, until=timezone.localdate() + timedelta(days=9), by=company.olga, now=timezone.now()
    )

    assert look() == 0
    assert RunNotice.objects.get().next_try_at is None


def test_who_is_no_ops_admin_any_more_is_told_nothing(company, paused):
    carl = company.member(company.carl)
    roles.grant_role(carl, "ops_admin", by=company.olga, now=timezone.now())
    notices.tell_paused(now=timezone.now())
    memberships.suspend_member(carl, by=company.olga, now=timezone.now())

    assert look() == 1
    assert mail.outbox[0].to == [company.olga.email]


def test_a_paused_unit_is_told_when_it_works_again(company, paused):
    rows = OrganizationalUnit.objects.filter(pk=company.unit.pk)
    rows.update(state="paused")
    meanwhile = look()
    rows.update(state="active")

    assert (meanwhile, look()) == (0, 1)


def test_old_mails_are_forgotten(paused):
    look()

    assert notices.forget_old(now=timezone.now() + timedelta(days=13)) == 0
    assert notices.forget_old(now=timezone.now() + timedelta(days=15)) == 1
