"""What Ops Admins are told by mail: once when a connection gets worse, once when it is well again."""

from datetime import date, timedelta

import pytest
from django.core import mail
from django.utils import timezone

from connections import calendar_connections, circuits, jobs, notices, states
from connections.models import CalendarConnection, Credential, Mailbox, Notice, ScopeCheck
from orgunits import roles
from tests.builders import make_members
from tests.people import Company, make_company
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def company(db) -> Company:
    return make_company()


@pytest.fixture
def connection(company) -> CalendarConnection:
    """A connection at work, with one member."""
    (member,) = make_members(company.unit, ["pat@kube.example"])
    row = CalendarConnection.objects.create(
        unit=company.unit, provider="google", mode="free_busy", state="active", connected_at=timezone.now()
    )
    Mailbox.objects.create(
        unit=company.unit, member=member, connection=row, state="synced", next_sync_at=timezone.now()
    )
    return row


def look(*, now=None) -> int:
    """One minute's look, and the mails it leads to; answers how many were sent."""
    before = len(mail.outbox)
    notices.tell_all(now=now or timezone.now())
    for pk in notices.due(now=timezone.now() + HOUR):
        notices.send(pk, now=timezone.now())
    return len(mail.outbox) - before


def lose(connection: CalendarConnection) -> None:
    calendar_connections.mark_lost(connection, "revoked", now=timezone.now())


def test_a_lost_connection_is_told_once_with_cause_consequence_and_who_can_fix_it(connection, company):
    lose(connection)

    sent = [look() for _ in range(3)]

    assert sent == [1, 0, 0]
    letter = mail.outbox[0]
    assert letter.to == [company.olga.email]
    assert letter.subject == f"{company.unit.name}: a calendar connection stopped working"
    assert "no longer accepts our authorization" in letter.body
    assert "No calendar of its one member is read any more" in letter.body
    assert "Who can do that" in letter.body
    assert f"/connections/{connection.public_id}/" in letter.body


def test_that_it_is_well_again_is_told_once(connection):
    lose(connection)
    look()

    calendar_connections.activate(connection, by=None, now=timezone.now())
    sent = [look(), look()]

    assert sent == [1, 0]
    assert "works again" in mail.outbox[-1].subject


def test_every_ops_admin_who_can_be_reached_is_told_and_nobody_else(connection, company):
    carl = company.member(company.carl)
    roles.grant_role(carl, "ops_admin", by=company.olga, now=timezone.now())
    lose(connection)

    look()

    assert sorted(letter.to[0] for letter in mail.outbox) == sorted([company.olga.email, company.carl.email])


def test_who_is_no_ops_admin_any_more_when_the_mail_goes_out_is_told_nothing(connection, company):
    carl = company.member(company.carl)
    roles.grant_role(carl, "ops_admin", by=company.olga, now=timezone.now())
    lose(connection)
    notices.tell_all(now=timezone.now())
    carl.role_grants.filter(role="ops_admin").delete()

    look()

    assert [letter.to[0] for letter in mail.outbox] == [company.olga.email]


def test_trouble_of_some_calendars_is_told_when_it_lasts_a_quarter_of_an_hour(connection):
    began = timezone.now()
    Mailbox.objects.update(state="failing", failure="unreachable", state_since=began)

    assert look(now=began + 14 * MINUTE) == 0
    notices.tell_all(now=began + 15 * MINUTE)
    assert look() == 1
    assert "has trouble" in mail.outbox[0].subject


def test_trouble_of_one_person_alone_is_no_trouble_of_the_connection(connection):
    began = timezone.now()
    Mailbox.objects.update(state="failing", failure="no_mailbox", state_since=began)

    assert notices.tell_all(now=began + HOUR) == 0


def test_trouble_that_comes_and_goes_is_told_once_an_hour_at_the_most(connection):
    began, told = timezone.now(), []
    for minute in range(0, 180, 30):
        now = began + minute * MINUTE
        Mailbox.objects.update(state="failing", failure="unreachable", state_since=now - 20 * MINUTE)
        told.append(notices.tell_all(now=now))
        Mailbox.objects.update(state="synced", failure="")
        notices.tell_all(now=now + MINUTE)

    assert Notice.objects.filter(kind="worse").count() <= 3


def test_from_trouble_to_loss_is_a_change_for_the_worse_and_the_way_back_is_one_mail(connection):
    began = timezone.now()
    circuits_open(connection, since=began - HOUR)
    first = notices.tell_all(now=began)
    lose(connection)
    second = notices.tell_all(now=began + MINUTE)
    third = notices.tell_all(now=began + 2 * MINUTE)

    assert (first, second, third) == (1, 1, 0)


def circuits_open(connection, *, since) -> None:
    states.explain(connection, circuits.DOWN)
    Mailbox.objects.update(state="failing", failure="unreachable", state_since=since)


def test_a_missing_scope_is_told_at_once(connection):
    now = timezone.now()
    ScopeCheck.objects.create(
        unit=connection.unit, connection=connection, name="x", result="missing", checked_at=now, since=now
    )

    assert notices.tell_all(now=now) == 1


def test_what_an_ops_admin_stopped_is_told_to_nobody(connection, company):
    lose(connection)
    notices.tell_all(now=timezone.now())
    calendar_connections.disconnect(connection, by=company.olga, now=timezone.now())

    assert notices.tell_all(now=timezone.now()) == 0
    assert CalendarConnection.objects.get().told_code == ""


def test_connections_in_set_up_and_of_paused_units_are_told_of_to_nobody(connection, company):
    now = timezone.now()
    lose(connection)
    company.unit.state = "paused"
    company.unit.save(update_fields=["state"])

    assert notices.tell_all(now=now) == 0


def test_a_mail_that_the_server_does_not_take_is_tried_again(connection, company, mail_server):
    lose(connection)
    mail_server.fault("mail_deferred", times=1)
    notices.tell_all(now=timezone.now())
    notice = Notice.objects.get()

    notices.send(notice.pk, now=timezone.now())
    first = Notice.objects.get()
    notices.send(notice.pk, now=timezone.now())
    second = Notice.objects.get()
    notices.send(notice.pk, now=timezone.now())

    assert (first.sent_at, first.attempts, first.next_try_at is None) == (None, 1, False)
    assert second.sent_at is not None
    assert len(mail_server.mail_to(company.olga.email)) == 1


def test_an_address_that_the_server_refuses_is_left_alone(connection, company, mail_server):
    lose(connection)
    mail_server.fault("mail_refused", target=company.olga.email, words="Nobody")
    notices.tell_all(now=timezone.now())

    notices.send(Notice.objects.get().pk, now=timezone.now())

    row = Notice.objects.get()
    assert (row.refused, row.next_try_at, row.sent_at) == (True, None, None)


# --- before a secret ends -----------------------------------------------------------------------------------------
def test_of_a_secret_is_warned_30_14_and_3_days_before_once_each(connection, company):
    secret = Credential.objects.create(
        unit=company.unit, provider="google", permission_set="service_account", client_id="1",
        secret_ends_on=date(2027, 3, 31),
    )  # fmt: skip
    CalendarConnection.objects.update(credential=secret)
    morning = timezone.now().replace(year=2027, month=2, day=20)

    days = [
        (morning + timedelta(days=n)).date()
        for n in range(45)
        if notices.warn_of_secrets(now=morning + timedelta(days=n))
    ]

    assert days == [date(2027, 3, 1), date(2027, 3, 17), date(2027, 3, 28)]
    assert set(Notice.objects.values_list("kind", flat=True)) == {"secret_ends"}
    notices.send(Notice.objects.earliest("pk").pk, now=morning)
    assert "31 March 2027" in mail.outbox[0].body


def test_the_minute_s_job_tells_and_sends(connection):
    lose(connection)

    jobs.tell_ops_admins()
    run_waiting_jobs()

    assert len(mail.outbox) == 1


def test_looking_at_many_connections_takes_few_queries(connection, django_assert_max_num_queries):
    CalendarConnection.objects.bulk_create(
        CalendarConnection(unit=connection.unit, provider="google", mode="free_busy", state="active")
        for _ in range(30)
    )

    with django_assert_max_num_queries(4):
        notices.tell_all(now=timezone.now())
