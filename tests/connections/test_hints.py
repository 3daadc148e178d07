"""Hints: any number of them lead to one reading within an interval, and none is lost."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from connections import free_busy, hints, jobs, mailboxes
from connections.models import CalendarConnection, Mailbox
from orgunits.models import Member
from tests.builders import make_members
from tests.people import Company, make_company
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def box(company) -> Mailbox:
    """A mailbox that was read a minute ago and is polled in a quarter of an hour."""
    connection = CalendarConnection.objects.create(
        unit=company.unit, provider="google", mode="free_busy", state="active"
    )
    (member,) = make_members(company.unit, ["pat@kube.example"])
    return a_box(connection, member)


def a_box(connection: CalendarConnection, member: Member) -> Mailbox:
    now = timezone.now()
    return Mailbox.objects.create(
        unit=connection.unit,
        member=member,
        connection=connection,
        state="synced",
        last_attempt_at=now - 60 * SECOND,
        last_synced_at=now - 60 * SECOND,
        next_sync_at=now + 900 * SECOND,
    )


def names() -> list[str]:
    return sorted(task.name().split(" of ")[0] for task in OrmQ.objects.all())


def test_a_hint_makes_the_mailbox_due_at_once_and_one_job_follows_it(box):
    now = timezone.now()

    news = hints.take(box.pk, box.connection_id, now=now)

    box.refresh_from_db()
    assert (news, box.hinted_at, box.next_sync_at) == (True, now, now)
    assert names() == ["follow hints"]


def test_a_hundred_hints_are_one(box):
    now = timezone.now()

    news = [hints.take(box.pk, box.connection_id, now=now + number * SECOND / 100) for number in range(100)]

    assert sum(news) == 1
    assert names() == ["follow hints"]


def test_hints_of_many_mailboxes_are_followed_by_one_job(box, company):
    now = timezone.now()
    others = make_members(company.unit, [f"p{n}@kube.example" for n in range(30)])
    boxes = [box, *(a_box(box.connection, member) for member in others)]

    for one in boxes:
        hints.take(one.pk, one.connection_id, now=now)

    assert names() == ["follow hints"]


def test_announced_changes_go_before_those_who_are_only_due(box, company, settings):
    settings.SYNC_SLICE, now = 1, timezone.now()
    others = make_members(company.unit, [f"p{n}@kube.example" for n in range(3)])
    for member in others:
        a_box(box.connection, member)
    Mailbox.objects.exclude(pk=box.pk).update(next_sync_at=now - 3600 * SECOND)
    hints.take(box.pk, box.connection_id, now=now)
    OrmQ.objects.all().delete()

    free_busy.enqueue_due(box.connection, now=now)

    first = OrmQ.objects.order_by("lock", "id").first()
    assert first.task["args"][1] == [box.pk]


def test_soon_after_a_reading_the_interval_is_kept(box, settings):
    now = timezone.now()
    Mailbox.objects.update(last_attempt_at=now - SECOND)
    hints.take(box.pk, box.connection_id, now=now)
    OrmQ.objects.all().delete()

    jobs.follow_hints(box.connection_id)

    box.refresh_from_db()
    due = now + (settings.PUSH_INTERVAL_SECONDS - 1) * SECOND
    assert box.next_sync_at == due
    (task,) = OrmQ.objects.all()
    assert task.name().startswith("follow hints")
    assert abs(task.lock - due) < 2 * SECOND


def test_a_hint_that_comes_while_the_mailbox_is_read_is_followed_after_it(box, settings):
    began = timezone.now()
    Mailbox.objects.update(leased_until=began + 600 * SECOND)
    hints.take(box.pk, box.connection_id, now=began + SECOND)

    mailboxes.mark_synced(box, now=began, next_sync_at=began + 900 * SECOND)

    box.refresh_from_db()
    assert box.hinted_at == began + SECOND
    assert box.next_sync_at == began + settings.PUSH_INTERVAL_SECONDS * SECOND
    assert box.leased_until is None


def test_a_hint_that_came_before_the_reading_is_done_with_it(box):
    began = timezone.now()
    hints.take(box.pk, box.connection_id, now=began - SECOND)

    mailboxes.mark_synced(box, now=began, next_sync_at=began + 900 * SECOND)

    box.refresh_from_db()
    assert (box.hinted_at, box.next_sync_at) == (None, began + 900 * SECOND)


def test_while_it_is_being_read_it_is_not_handed_out_again(box):
    now = timezone.now()
    Mailbox.objects.update(next_sync_at=now)
    first = free_busy.enqueue_due(box.connection, now=now)
    hints.take(box.pk, box.connection_id, now=now + SECOND)

    second = free_busy.enqueue_due(box.connection, now=now + 2 * SECOND)

    assert (first, second) == (1, 0)


@pytest.mark.parametrize("state", ["paused", "needs_reauthorization", "disconnected"])
def test_a_hint_about_a_connection_that_makes_no_calls_leads_to_none(box, state):
    CalendarConnection.objects.update(state=state)
    now = timezone.now()
    hints.take(box.pk, box.connection_id, now=now)

    run_waiting_jobs()

    assert OrmQ.objects.count() == 0


def test_a_hint_for_a_mailbox_that_is_not_read_or_belongs_elsewhere_is_nothing(box, company):
    other = CalendarConnection.objects.create(unit=company.stranger_unit, provider="google", mode="free_busy")

    elsewhere = hints.take(box.pk, other.pk, now=timezone.now())
    Mailbox.objects.update(next_sync_at=None)
    unread = hints.take(box.pk, box.connection_id, now=timezone.now())

    assert (elsewhere, unread, OrmQ.objects.count()) == (False, False, 0)


def test_a_job_that_was_lost_is_asked_for_again_after_a_minute(box):
    now = timezone.now()
    hints.take(box.pk, box.connection_id, now=now)
    OrmQ.objects.all().delete()  # with the server it ran on
    Mailbox.objects.update(hinted_at=None)

    hints.take(box.pk, box.connection_id, now=now + 59 * SECOND)
    too_early = names()
    Mailbox.objects.update(hinted_at=None)
    hints.take(box.pk, box.connection_id, now=now + 61 * SECOND)

    assert (too_early, names()) == ([], ["follow hints"])


def test_taking_a_hint_is_few_statements(box, django_assert_max_num_queries):
    now = timezone.now()
    with django_assert_max_num_queries(6):  # with begin and commit
        hints.take(box.pk, box.connection_id, now=now)

    with django_assert_max_num_queries(1):
        hints.take(box.pk, box.connection_id, now=now)
