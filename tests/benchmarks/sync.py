"""Storing a page of a calendar's feed (P9), and a first sync over a slow line (P19)."""

import random
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection as database
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from connections import busy_store, slices
from connections.models import BusyPeriod, CalendarConnection, Mailbox, MemberCalendar
from connections.modes import Truth
from connections.periods import minute_of, window_of
from connections.providers.base import EventSpan
from connections.reading import CalendarReading, Task
from tests.benchmarks import processes
from tests.benchmarks.companies import add_people_of_google
from tests.benchmarks.measure import Figure, best, figures, the_company
from tests.builders import make_members
from tests.connecting import connect

PAGE, OTHER_ROWS = 250, 100_000
LATENCY_MS, SLOW_MEMBERS, ONE_BY_ONE = 200, 100, 8


@figures("sync.page_changed", "sync.page_queries", "sync.page_unchanged", "sync.page_writes")
def page() -> list[Figure]:
    """A page of 250 events of one member, in a table that holds many others."""
    calendar = _calendar_among_others()
    task, now = _task(calendar), timezone.now()
    shift = [0]

    def spans() -> tuple[EventSpan, ...]:
        begin = task.starts + timedelta(minutes=shift[0])
        return tuple(
            EventSpan(f"event-{n}", begin + timedelta(hours=n), begin + timedelta(hours=n, minutes=30), True)
            for n in range(PAGE)
        )

    def store() -> None:
        reading = CalendarReading(calendar.provider_id, "token", False, spans(), "token")
        busy_store.store(calendar.pk, reading, task, now=now)

    def event_by_event() -> None:
        for span in spans():
            BusyPeriod.objects.update_or_create(
                calendar=calendar,
                provider_id=span.provider_id,
                defaults={
                    "member_id": calendar.mailbox.member_id,
                    "starts": minute_of(span.starts),
                    "ends": minute_of(span.ends),
                    "kind": BusyPeriod.Kind.BUSY,
                },
            )

    def move() -> None:
        shift[0] += 1

    MemberCalendar.objects.filter(pk=calendar.pk).update(
        feed_token="token"
    )  # where each page begins and ends
    store()
    one_by_one = best(event_by_event, prepare=move)
    changed = best(store, prepare=move)
    unchanged = best(store)
    move()
    with CaptureQueriesContext(database) as queries:
        store()
    with CaptureQueriesContext(database) as quiet:
        store()
    statements = [
        q["sql"] for q in queries if not q["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))
    ]
    writes = [
        q["sql"] for q in quiet if "busyperiod" in q["sql"] and q["sql"].startswith(("INSERT", "DELETE"))
    ]
    return [
        Figure("sync.page_changed", one_by_one / changed, "x faster than event by event", ">=", 12),
        Figure("sync.page_queries", len(statements), "queries", "<=", 5),
        Figure("sync.page_unchanged", unchanged / changed, "of a changed page", "<=", 0.5),
        Figure("sync.page_writes", len(writes), "writes when nothing changed", "<=", 0),
    ]


def _calendar_among_others() -> MemberCalendar:
    company = the_company()
    members = make_members(company.unit, [f"page{n}@bench.example" for n in range(200)])
    connection = CalendarConnection.objects.create(unit=company.unit, provider="google", mode="read_write")
    calendars = []
    for member in members:
        box = Mailbox.objects.create(
            unit=company.unit, member=member, connection=connection, next_sync_at=timezone.now()
        )
        calendars.append(
            MemberCalendar.objects.create(
                unit=company.unit, mailbox=box, provider="google", provider_id=member.email, counts=True
            )
        )
    chance, each = random.Random(1), OTHER_ROWS // len(members)  # noqa: S311 seeded on purpose
    first = minute_of(datetime(2026, 1, 1, tzinfo=UTC))
    BusyPeriod.objects.bulk_create(
        [
            BusyPeriod(
                calendar=calendar,
                member_id=calendar.mailbox.member_id,
                provider_id=f"old-{n}",
                starts=(begin := first + chance.randrange(500_000)),
                ends=begin + 30,
                kind=BusyPeriod.Kind.BUSY,
            )
            for calendar in calendars[1:]
            for n in range(each)
        ],
        batch_size=5000,
    )
    with database.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE connections_busyperiod")
    return calendars[0]


def _task(calendar: MemberCalendar) -> Task:
    starts, ends = window_of(timezone.now(), back=14, ahead=201)
    return Task(
        mailbox_id=calendar.mailbox_id,
        connection_id=calendar.mailbox.connection_id,
        mode=calendar.mailbox.connection.mode,
        address=calendar.provider_id,
        calendars=(),
        not_counting=frozenset(),
        list_calendars=False,
        starts=starts,
        ends=ends,
        truth=Truth.EVENTS,
    )


@figures("sync.throughput")
def throughput() -> list[Figure]:
    """A first sync with 200 ms on each call: many at a time against one call at a time, for each member."""
    with processes.sandbox() as server:
        company = the_company()
        add_people_of_google(company.unit, SLOW_MEMBERS + ONE_BY_ONE)
        connection = connect(company.unit, "google", "free_busy", server, by=company.olga)
        server.control("POST", "latency", ms=LATENCY_MS)
        boxes = list(connection.mailboxes.order_by("pk").values_list("pk", flat=True))
        with override_settings(SYNC_THREADS=1):
            slow = _seconds(connection, boxes[:ONE_BY_ONE]) / ONE_BY_ONE
        fast_boxes = boxes[ONE_BY_ONE : ONE_BY_ONE + SLOW_MEMBERS]
        halves = [fast_boxes[: settings.SYNC_SLICE], fast_boxes[settings.SYNC_SLICE :]]
        fast = sum(_seconds(connection, half) for half in halves) / len(fast_boxes)
        synced = connection.mailboxes.filter(pk__in=fast_boxes, state=Mailbox.State.SYNCED).count()
        if synced != len(fast_boxes):
            raise AssertionError(f"only {synced} of {len(fast_boxes)} were synced")
        return [Figure("sync.throughput", slow / fast, "x faster than one call at a time", ">=", 8)]


def _seconds(connection: CalendarConnection, boxes: list[int]) -> float:
    now = timezone.now()
    return best(lambda: slices.read_slice(connection, boxes, asked_at=now, now=now), times=1)


BENCHMARKS = [page, throughput]
