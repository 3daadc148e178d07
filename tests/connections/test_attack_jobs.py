"""Jobs that come twice, late, or about what is no longer as it was: no exception, no call, no second effect."""

import inspect
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from connections import calendar_connections, jobs
from connections.models import (
    BusyPeriod,
    CalendarConnection,
    ConnectionDomain,
    EventPosition,
    HandOff,
    Mailbox,
    MemberCalendar,
    PendingAuthorization,
    ScopeCheck,
)
from orgunits.models import AuditEvent, Member
from tests.connections.scene import GOOGLE_FREE_BUSY, MICROSOFT_READ_WRITE, Scene, in_modes
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
JOBS = [
    name
    for name, job in vars(jobs).items()
    if inspect.isfunction(job)
    and job.__module__ == jobs.__name__
    and not name.startswith(("enqueue", "_", "slices"))
]
KEPT = [
    AuditEvent,
    BusyPeriod,
    CalendarConnection,
    ConnectionDomain,
    EventPosition,
    HandOff,
    Mailbox,
    Member,
    MemberCalendar,
    PendingAuthorization,
    ScopeCheck,
]
WHEN_LOOKED_AT = {"last_checked_at", "checked_at", "next_check_at", "last_attempt_at", "last_synced_at"}
WHEN_LOOKED_AT |= {"next_sync_at", "full_round_at", "feed_token"}  # another token of the same place
WHEN_LOOKED_AT |= {"told_code", "told_at"}  # a loss is told by mail: test_notices


def everything() -> dict[str, list]:
    """All that is kept, but for when it was last looked at."""
    return {
        model.__name__: list(
            model.objects.order_by("pk").values(
                *(field.attname for field in model._meta.concrete_fields if field.name not in WHEN_LOOKED_AT)
            )
        )
        for model in KEPT
    }


def run(name: str, scene: Scene, *, asked_at: float) -> None:
    """The job as the queue calls it."""
    job, given = (
        getattr(jobs, name),
        {
            "connection_id": scene.connection.pk,
            "mailbox_ids": list(Mailbox.objects.values_list("pk", flat=True)),
            "asked_at": asked_at,
            "change_id": 0,
            "notice_id": 0,
            "sheet_id": 0,
            "user_id": scene.company.olga.pk,
            "after": 0,
        },
    )
    job(*(given[parameter] for parameter in inspect.signature(job).parameters))


def calls(scene: Scene) -> int:
    """How many calls the providers have received."""
    return scene.providers.control("GET", "state")["calls"]


@in_modes(GOOGLE_FREE_BUSY, MICROSOFT_READ_WRITE)
@pytest.mark.parametrize("name", JOBS)
def test_a_job_that_comes_twice_changes_nothing_the_second_time(scene, name):
    Mailbox.objects.update(next_sync_at=timezone.now())
    asked_at = timezone.now().timestamp()
    run(name, scene, asked_at=asked_at)
    run_waiting_jobs()
    before = everything()

    run(name, scene, asked_at=asked_at)
    run_waiting_jobs()

    assert everything() == before


def paused(scene: Scene) -> None:
    calendar_connections.pause(scene.connection, by=scene.company.olga, now=timezone.now())


def disconnected(scene: Scene) -> None:
    calendar_connections.disconnect(scene.connection, by=scene.company.olga, now=timezone.now())


def lost(scene: Scene) -> None:
    calendar_connections.mark_lost(scene.connection, "revoked", now=timezone.now())


def deleted(scene: Scene) -> None:
    CalendarConnection.objects.filter(pk=scene.connection.pk).delete()


def nobody_left(scene: Scene) -> None:
    Member.objects.filter(unit=scene.company.unit, user=None).delete()
    Mailbox.objects.all().delete()
    Member.objects.update(state=Member.State.SUSPENDED)


OVER = [paused, disconnected, lost, deleted, nobody_left]


@in_modes(GOOGLE_FREE_BUSY)
@pytest.mark.parametrize("become", OVER)
@pytest.mark.parametrize(
    "name", sorted({*JOBS} - {"check_connection", "check_health", "check_health_of", "forget"})
)
def test_a_job_about_what_has_changed_meanwhile_asks_nobody_and_changes_nothing(
    scene, name, become: Callable
):
    now = timezone.now()
    CalendarConnection.objects.update(next_check_at=now - timedelta(minutes=1))  # a self-test is due as well
    jobs.follow_members()  # the other unit's people are new here
    scene.connection.refresh_from_db()
    become(scene)
    if become is nobody_left:
        CalendarConnection.objects.update(next_check_at=None)
    OrmQ.objects.all().delete()
    before, asked = everything(), calls(scene)

    run(name, scene, asked_at=now.timestamp())
    if become is not lost:  # then looking again is what is wanted
        assert not OrmQ.objects.exists()
        run_waiting_jobs()

    assert everything() == before
    assert calls(scene) == asked


@in_modes(GOOGLE_FREE_BUSY)
@pytest.mark.parametrize("become", [paused, disconnected, deleted])
def test_a_self_test_that_comes_after_the_end_asks_nobody(scene, become: Callable):
    become(scene)
    before, asked = everything(), calls(scene)

    jobs.check_connection(scene.connection.pk)

    assert everything() == before
    assert calls(scene) == asked


@in_modes(GOOGLE_FREE_BUSY)
def test_of_two_self_tests_that_were_due_at_once_one_asks(scene):
    OrmQ.objects.all().delete()
    CalendarConnection.objects.update(next_check_at=timezone.now() - timedelta(minutes=1))
    jobs.retry_checks()
    jobs.retry_checks()
    asked = calls(scene)

    run_waiting_jobs()

    twice = calls(scene) - asked
    CalendarConnection.objects.update(next_check_at=timezone.now() - timedelta(minutes=1))
    jobs.retry_checks()
    asked = calls(scene)
    run_waiting_jobs()
    assert twice == calls(scene) - asked > 0
