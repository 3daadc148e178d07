"""Asking a provider about one mailbox: runs in threads, touches no row, and brings back plain values."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from .modes import Truth
from .periods import Span, in_chunks, minute_of, moment_of
from .providers.base import Busy, CalendarInfo, CalendarService, EventSpan, FeedExpired, readable

LONGEST_QUESTION = 60 * 24 * 60  # minutes; Google refuses free/busy questions over about three months


@dataclass(frozen=True)
class KnownCalendar:
    """A calendar that counts, and where reading it stands. No token: read everything.

    `compare`: after the changes read everything too, to find what the changes did not tell.
    """

    provider_id: str
    token: str = ""
    compare: bool = False


@dataclass(frozen=True)
class Task:
    """What to read of one mailbox."""

    mailbox_id: int
    connection_id: int  # whose reading it is
    mode: str  # in which it is read
    address: str
    calendars: tuple[KnownCalendar, ...]
    not_counting: frozenset[str]  # known calendars that a person or the default left out
    list_calendars: bool
    starts: datetime
    ends: datetime
    truth: Truth

    @property
    def window(self) -> Span:
        return minute_of(self.starts), minute_of(self.ends)


@dataclass(frozen=True)
class CalendarReading:
    """What was read of one calendar. `full`: everything in the window, else only what changed."""

    provider_id: str
    began_with: str  # the token the reading began with: if it is no longer the row's, another read came first
    full: bool
    spans: tuple[EventSpan, ...]
    token: str
    compares: bool = False  # full, right after the changes: what it finds beyond them was never told
    asked: tuple[Span, ...] = ()  # spans of free/busy questions, in minutes
    answers: tuple[Busy, ...] = ()


@dataclass(frozen=True)
class MailboxReading:
    """What was read of one mailbox."""

    task: Task
    listed: list[CalendarInfo] | None = None
    readings: list[CalendarReading] = field(default_factory=list)


@readable()
def read(service: CalendarService, task: Task) -> MailboxReading:
    """List calendars when it is time, then read each one that counts. Raises ProviderError."""
    listed = service.calendars(task.address) if task.list_calendars else None
    calendars = list(task.calendars)
    if listed is not None:
        here = {info.provider_id for info in listed}
        known = {calendar.provider_id for calendar in calendars} | task.not_counting
        calendars = [calendar for calendar in calendars if calendar.provider_id in here]
        calendars += [
            KnownCalendar(info.provider_id)
            for info in listed
            if info.primary and info.provider_id not in known
        ]
    return MailboxReading(
        task, listed, [part for known in calendars for part in _read_calendar(service, task, known)]
    )


def _read_calendar(service: CalendarService, task: Task, known: KnownCalendar) -> list[CalendarReading]:
    """The changes since the token, the whole window, or both: first the changes, so that what the whole one
    then finds beyond them was never told."""
    readings, place = [], known.token
    if known.token:
        try:
            feed = service.changes(task.address, known.provider_id, token=known.token)
        except FeedExpired:
            pass  # the provider forgot the place: a whole round, old rows are swept by the store
        else:
            readings.append(CalendarReading(known.provider_id, place, False, feed.spans, feed.token))
            if not known.compare:
                return readings
            place = feed.token
    feed = service.feed(task.address, known.provider_id, starts=task.starts, ends=task.ends)
    whole = CalendarReading(known.provider_id, place, True, feed.spans, feed.token, compares=bool(readings))
    if task.truth is Truth.FREE_BUSY_ANSWER:
        whole = ask_free_busy(service, task, whole, [task.window])
    return [*readings, whole]


@readable()
def ask_free_busy(
    service: CalendarService, task: Task, reading: CalendarReading, spans: list[Span]
) -> CalendarReading:
    """The reading with the free/busy answers for `spans` added.

    A changed series touches so many days that asking about the whole window takes fewer questions.
    """
    choices = in_chunks(spans, LONGEST_QUESTION), in_chunks([task.window], LONGEST_QUESTION)
    asked, answers = min(choices, key=len), []
    for starts, ends in asked:
        answer = service.free_busy(
            task.address, [reading.provider_id], starts=moment_of(starts), ends=moment_of(ends)
        )
        answers.append(answer[reading.provider_id])
    return replace(reading, asked=tuple(asked), answers=tuple(answers))
