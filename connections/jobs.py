"""What happens when nobody waits: thin, ids only, each may run twice. Verbs enqueue here and are called back."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone
from django_q.brokers import Broker, get_broker
from django_q.models import OrmQ, Task
from django_q.tasks import async_task

from orgunits.models import OrganizationalUnit, User

from .models import Connection, DirectorySheet

SLICE = "connections.jobs.read_slice"


SLICE_NAME = "slices of "
SOONER = timedelta(seconds=-60)  # announced changes pass what has not waited longer than that


def _queue(delay: timedelta = timedelta()) -> Broker:
    """The queue, for a task that is due `delay` from now."""
    broker = get_broker()
    broker.delay = delay
    return broker


def enqueue_start_reading(connection: Connection) -> None:
    async_task(
        "connections.jobs.start_reading", connection.pk, task_name=f"start reading {connection.public_id}"
    )


def enqueue_slice(
    connection: Connection, mailbox_ids: list[int], *, now: datetime, urgent: bool = False
) -> None:
    async_task(
        SLICE,
        connection.pk,
        mailbox_ids,
        now.timestamp(),
        task_name=f"{SLICE_NAME}{connection.public_id} {mailbox_ids[0]}",
        broker=_queue(SOONER if urgent else timedelta()),
    )


def slices_waiting() -> Counter[str]:
    """Slices in the queue, by the public id of their connection.

    Payloads are signed pickles: only names are looked at.
    """
    names = (task.name() for task in OrmQ.objects.all()[:2000])
    slices = (name.removeprefix(SLICE_NAME) for name in names if name.startswith(SLICE_NAME))
    return Counter(rest.split()[0] for rest in slices)


def enqueue_following(connection_id: int, *, delay: timedelta) -> None:
    async_task(
        "connections.jobs.follow_hints",
        connection_id,
        task_name=f"follow hints of connection {connection_id}",
        broker=_queue(delay or SOONER),
    )


def follow_hints(connection_id: int) -> None:
    """Read what a provider said has changed."""
    from . import free_busy, hints

    connection = Connection.objects.select_related("unit").filter(pk=connection_id).first()
    if connection is None:
        return
    now = timezone.now()
    Connection.objects.filter(pk=connection_id).update(pull_asked_at=None)  # who comes now asks anew
    free_busy.enqueue_due(connection, now=now)
    hints.go_on(connection, now=now)


def enqueue_asking(connection: Connection, by: User, *, after: int) -> None:
    async_task(
        "connections.jobs.ask_identities",
        connection.pk,
        by.pk,
        after,
        task_name=f"ask who is behind addresses of {connection.public_id} after {after}",
    )


def ask_identities(connection_id: int, user_id: int, after: int) -> None:
    from .identity import ask_slice

    connection = Connection.objects.select_related("unit").filter(pk=connection_id).first()
    by = User.objects.filter(pk=user_id).first()
    if connection is not None and by is not None:
        ask_slice(connection, by, after=after, now=timezone.now())


def start_reading(connection_id: int) -> None:
    from .free_busy import enqueue_due

    connection = Connection.objects.select_related("unit").filter(pk=connection_id).first()
    if connection is not None:
        enqueue_due(connection, now=timezone.now())


def read_slice(connection_id: int, mailbox_ids: list[int], asked_at: float) -> None:
    from . import free_busy, hints, slices

    connection = Connection.objects.select_related("unit", "credential").filter(pk=connection_id).first()
    if connection is None:
        return
    asked = datetime.fromtimestamp(asked_at, timezone.get_default_timezone())
    slices.read_slice(connection, mailbox_ids, asked_at=asked, now=timezone.now())
    connection.refresh_from_db(fields=["state", "slowed_until", "failures_in_row"])
    now = timezone.now()
    free_busy.enqueue_due(connection, now=now)  # the next ones, without waiting for the timetable
    hints.go_on(connection, now=now)


def poll_changes() -> None:
    """Every minute: hand out what is due, of every connection that works."""
    from .free_busy import enqueue_due

    now = timezone.now()
    working = Connection.objects.calendars().filter(
        state=Connection.State.ACTIVE, unit__state=OrganizationalUnit.State.ACTIVE
    )
    for connection in working.select_related("unit"):
        enqueue_due(connection, now=now)


def enqueue_directory(connection: Connection, *, asked_at: datetime | None = None) -> None:
    """`asked_at`: somebody wants it read at once; a reading that began since then answers them."""
    async_task(
        "connections.jobs.read_directory",
        connection.pk,
        asked_at.timestamp() if asked_at else 0,
        task_name=f"directory of {connection.public_id}",
    )


def enqueue_comparing(sheet: DirectorySheet) -> None:
    async_task("connections.jobs.compare_file", sheet.pk, task_name=f"compare {sheet.public_id}")


def compare_file(sheet_id: int) -> None:
    from .directory_sheets import compare

    compare(sheet_id)


def read_directories() -> None:
    """Every minute: directories whose time has come."""
    from .directory_reading import due

    for connection in due(now=timezone.now()):
        enqueue_directory(connection)


def read_directory(connection_id: int, asked_at: float = 0) -> None:
    """Read it, unless somebody did so since this was enqueued. `asked_at`: seconds since 1970, or 0."""
    from .directory_reading import due, read, whole_is_due

    now = timezone.now()
    asked = datetime.fromtimestamp(asked_at, UTC) if asked_at else None
    connection = (
        due(now=now, asked_at=asked).select_related("unit", "credential").filter(pk=connection_id).first()
    )
    if connection is not None:
        read(connection, now=now, whole=whole_is_due(connection, now=now, asked_at=asked))


def follow_members() -> None:
    """Every minute: mailboxes of members who went or came back."""
    from . import health_settings, mailboxes

    now = timezone.now()
    mailboxes.follow_members(now=now)
    health_settings.forget_removed(now=now)


def end_grants() -> None:
    """Every minute: members' own authorizations that are over here, and that Google has yet to be told of."""
    from . import personal_grants

    now = timezone.now()
    personal_grants.follow(now=now)
    personal_grants.revoke_due(now=now)
    personal_grants.forget_erased()


def retry_checks() -> None:
    """Every minute: look again at connections that wait for their provider, or do not work wholly."""
    for pk, public_id in _due_for_a_check().values_list("pk", "public_id"):
        async_task("connections.jobs.check_connection", pk, task_name=f"self-test of {public_id}")


def _due_for_a_check() -> QuerySet[Connection]:
    """Paused ones, and those of paused units, keep their time, for when they are resumed."""
    from .services import SILENT

    due = Connection.objects.filter(
        next_check_at__lte=timezone.now(), unit__state=OrganizationalUnit.State.ACTIVE
    )
    return due.exclude(state__in=SILENT)


def check_connection(connection_id: int) -> None:
    """Look again, unless somebody did so since this was enqueued."""
    from .health import check_connection as check

    connection = _due_for_a_check().select_related("unit", "credential").filter(pk=connection_id).first()
    if connection is not None:
        check(connection, by=None, now=timezone.now())


def retry_mode_changes() -> None:
    """Every minute: look again at changes of mode whose grant may still come."""
    from .mode_checks import is_due, waiting_changes

    now = timezone.now()
    for change in waiting_changes():
        if is_due(change, now=now):
            async_task(
                "connections.jobs.check_mode_change", change.pk, task_name=f"look at {change.public_id}"
            )


def check_mode_change(change_id: int) -> None:
    """Look again, unless somebody did so since this was enqueued, or ended the change."""
    from .mode_checks import check_change, is_due, waiting_changes
    from .states import NotPossibleNow

    now = timezone.now()
    change = waiting_changes().filter(pk=change_id).first()
    if change is not None and is_due(change, now=now):
        with suppress(NotPossibleNow):
            check_change(change, by=None, now=now)


def enqueue_keeping(connection_id: int) -> None:
    async_task(
        "connections.jobs.keep_channels_of",
        connection_id,
        task_name=f"push channels of connection {connection_id}",
    )


def keep_channels() -> None:
    """Every minute: connections with a push channel to open, to renew or to close."""
    from .channels import to_look_after

    for pk in to_look_after(now=timezone.now()).values_list("pk", flat=True):
        enqueue_keeping(pk)


def keep_channels_of(connection_id: int) -> None:
    from .push import keep

    connection = Connection.objects.select_related("unit", "credential").filter(pk=connection_id).first()
    if connection is not None:
        keep(connection, now=timezone.now())


def check_health() -> None:
    """Every few minutes: look after the health of connections that were last looked after an hour ago."""
    from .health_runs import due

    for pk, public_id in due(now=timezone.now()).values_list("pk", "public_id"):
        async_task("connections.jobs.check_health_of", pk, task_name=f"health of {public_id}")


def check_health_of(connection_id: int) -> None:
    """Look after one connection, unless somebody did so since this was enqueued."""
    from .health_runs import due, run_checks

    now = timezone.now()
    connection = due(now=now).select_related("unit", "credential").filter(pk=connection_id).first()
    if connection is not None:
        run_checks(connection, by=None, now=now)


def warn_of_ends() -> None:
    """Every morning: what ends soon and still needs somebody."""
    from . import notices
    from .warnings import warn_of_ends as warn

    now = timezone.now()
    warn(now=now)
    notices.warn_of_secrets(now=now)


def tell_ops_admins() -> None:
    """Every minute: connections that got worse or well again, and mail that the server did not take."""
    from . import notices

    now = timezone.now()
    notices.tell_all(now=now)
    for pk in notices.due(now=now):
        async_task("connections.jobs.send_notice", pk, task_name=f"send notice {pk}")


def send_notice(notice_id: int) -> None:
    from . import notices

    notices.send(notice_id, now=timezone.now())


def forget() -> None:
    """Every night: what is kept no longer than needed."""
    from . import (
        attempts,
        budgets,
        directory_sheets,
        directory_store,
        free_busy,
        mailboxes,
        notices,
        reading_hours,
    )

    now = timezone.now()
    mailboxes.forget_erased()
    free_busy.forget_old(now=now)
    attempts.forget_old(now=now)
    budgets.forget_old(now=now)
    reading_hours.forget_old(now=now)
    notices.forget_old(now=now)
    directory_store.forget_gone(now=now)
    directory_sheets.forget_old(now=now)
    Task.objects.filter(stopped__lt=now - timedelta(days=14)).delete()
