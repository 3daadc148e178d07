"""Writing what was read: busy periods and feed positions of one calendar, by difference, in one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import models, transaction

from orgunits.models import Member

from .models import BusyPeriod, EventPosition, Mailbox, MemberCalendar
from .modes import Truth
from .periods import Span, cut, minute_of, replace_answer, span_in_minutes, touched_days
from .reading import CalendarReading, Task

Kind = BusyPeriod.Kind
Rows = dict[str, tuple[int, ...]]  # provider id -> the columns that may change


@dataclass(frozen=True)
class Stored:
    """What storing one calendar's reading did. `known`: there is no span without an answer.

    `missed`: spans that a whole reading found to differ from what the changes had told, as far as both looked.
    """

    known: bool = True
    changed: int = 0
    missed: int = 0


NOTHING = Stored()


def write_difference(
    model: type[models.Model],
    calendar: MemberCalendar,
    wanted: Rows,
    removed: Iterable[str],
    *,
    columns: tuple[str, ...],
    everything: bool,
    also: dict | None = None,
) -> list[tuple[int, ...]]:
    """Make the calendar's rows equal `wanted`; answers the rows that were written or deleted.

    `everything`: rows not wanted go too (mark and sweep); else only those named in `removed`. One read, at
    most one delete and one upsert, and no write at all when nothing changed.
    """
    rows = model.objects.filter(calendar=calendar)
    if not everything:
        rows = rows.filter(provider_id__in=[*wanted, *removed])
    stored = {row[0]: row[1:] for row in rows.values_list("provider_id", *columns)}
    gone = {key: values for key, values in stored.items() if key not in wanted}
    changed = {key: values for key, values in wanted.items() if stored.get(key) != values}
    if gone:
        model.objects.filter(calendar=calendar, provider_id__in=gone).delete()
    if changed:
        model.objects.bulk_create(
            [
                model(
                    calendar=calendar, provider_id=key, **dict(zip(columns, row, strict=True)), **(also or {})
                )
                for key, row in changed.items()
            ],
            update_conflicts=True,
            unique_fields=["calendar", "provider_id"],
            update_fields=list(columns),
        )
    return [*gone.values(), *changed.values()]


def touched_by(calendar: MemberCalendar, reading: CalendarReading, task: Task) -> list[Span]:
    """The days to ask free/busy about after changes: where the events are now, and where they were."""
    zone = zone_of(calendar)
    spans = [span_in_minutes(s, zone) for s in reading.spans if s.starts is not None and s.ends is not None]
    before = EventPosition.objects.filter(
        calendar=calendar, provider_id__in=[s.provider_id for s in reading.spans]
    )
    known = {row[0]: row[1:] for row in before.values_list("provider_id", "starts", "ends")}
    spans += known.values()
    lost = any(s.starts is None and s.provider_id not in known for s in reading.spans)
    # A deleted event we never placed may have been anywhere in the window (a series we know by instances).
    return touched_days([task.window] if lost else spans, task.window)


def zone_of(calendar: MemberCalendar) -> ZoneInfo:
    """The zone in which the calendar's all-day events stand."""
    return ZoneInfo(calendar.time_zone or "UTC")


@transaction.atomic
def store(calendar_id: int, reading: CalendarReading, task: Task, *, now: datetime) -> Stored:
    """Keep one calendar's reading and its token together. Answers what that changed.

    One lock per calendar; a reading that began from a token that is no longer the row's is dropped, because
    another read came first. So is one of a connection that was stopped, has another mode now, or no longer
    serves the member.
    """
    calendar = MemberCalendar.objects.select_for_update().get(pk=calendar_id)
    # Looked at after the lock was granted: whoever takes the mailbox away touches its calendars first.
    due = Mailbox.objects.filter(connection=task.connection_id, connection__mode=task.mode)
    due = due.filter(next_sync_at__isnull=False)
    mailbox = due.filter(pk=calendar.mailbox_id, member__state=Member.State.ACTIVE).first()
    if mailbox is None or calendar.feed_token != reading.began_with or not calendar.counts:
        return NOTHING
    calendar.mailbox = mailbox
    if task.truth is Truth.FREE_BUSY_ANSWER:
        changed = _store_answers(calendar, reading, task)
    else:
        changed = _store_events(calendar, reading, task)
    unknown = any(busy.error for busy in reading.answers)
    compared = _compared(calendar, reading, task)
    missed = sum(row[0] >= compared[0] and row[1] <= compared[1] for row in changed) if compared else 0
    # An unknown span is asked again: without a token the next read is a full one.
    calendar.feed_token = "" if unknown else reading.token
    calendar.last_synced_at = now
    if reading.full:
        calendar.full_round_at, calendar.window_starts, calendar.window_ends = now, task.starts, task.ends
        calendar.missed = missed
    calendar.save(
        update_fields=[
            "feed_token", "last_synced_at", "full_round_at", "window_starts", "window_ends", "missed",
        ]
    )  # fmt: skip
    return Stored(not unknown, len(changed), missed)


def _compared(calendar: MemberCalendar, reading: CalendarReading, task: Task) -> Span | None:
    """The span in which a whole reading can be held against what the changes told: seen by both windows."""
    if not reading.compares or not calendar.window_starts or not calendar.window_ends:
        return None
    before = minute_of(calendar.window_starts), minute_of(calendar.window_ends)
    return cut(before, task.window)


def _store_events(calendar: MemberCalendar, reading: CalendarReading, task: Task) -> list[tuple[int, ...]]:
    """Busy time from the events themselves; what does not block is not kept."""
    zone, (first, last) = zone_of(calendar), task.window
    wanted: Rows = {}
    removed = []
    for span in reading.spans:
        if not span.removed and span.blocks:
            starts, ends = span_in_minutes(span, zone)
            if starts < last and ends > first:
                wanted[span.provider_id] = (starts, ends, int(Kind.BUSY))
                continue
        removed.append(span.provider_id)
        wanted.pop(span.provider_id, None)
    return write_difference(
        BusyPeriod,
        calendar,
        wanted,
        removed,
        columns=("starts", "ends", "kind"),
        everything=reading.full,
        also={"member_id": calendar.mailbox.member_id},
    )


def _store_answers(calendar: MemberCalendar, reading: CalendarReading, task: Task) -> list[tuple[int, ...]]:
    """Busy time from free/busy answers; events only leave their places, to know what to ask next time."""
    answer = []
    for (starts, ends), busy in zip(reading.asked, reading.answers, strict=True):
        if busy.error:
            answer.append((starts, ends, int(Kind.UNKNOWN)))
        answer += [(minute_of(s), minute_of(e, up=True), int(Kind.BUSY)) for s, e in busy.periods]
    stored = BusyPeriod.objects.filter(calendar=calendar).values_list("starts", "ends", "kind")
    rows = replace_answer([] if reading.full else stored, list(reading.asked), answer)
    changed: list[tuple[int, ...]] = []
    if reading.full or reading.asked:
        wanted = {f"{starts}-{ends}-{kind}": (starts, ends, kind) for starts, ends, kind in rows}
        changed = write_difference(
            BusyPeriod,
            calendar,
            wanted,
            (),
            columns=("starts", "ends", "kind"),
            everything=True,
            also={"member_id": calendar.mailbox.member_id},
        )
    _store_positions(calendar, reading)
    return changed


def _store_positions(calendar: MemberCalendar, reading: CalendarReading) -> None:
    zone = zone_of(calendar)
    places = {
        s.provider_id: span_in_minutes(s, zone)
        for s in reading.spans
        if not s.removed and s.starts is not None and s.ends is not None
    }
    removed = [s.provider_id for s in reading.spans if s.removed]
    write_difference(
        EventPosition, calendar, places, removed, columns=("starts", "ends"), everything=reading.full
    )
