"""Spans of minutes since 1970-01-01T00:00Z, and what can be computed from them alone. Pure.

Starts are rounded down and ends up, so that a rounded span never hides busy time.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .models.busy import BusyPeriod
from .providers.base import EventSpan

Span = tuple[int, int]
DAY = 24 * 60
EPOCH, MINUTE = datetime(1970, 1, 1, tzinfo=UTC), timedelta(minutes=1)
Kind = BusyPeriod.Kind
LAST = 2**31 - 1  # what a column of minutes holds: the year 6053


def minute_of(moment: datetime, *, up: bool = False) -> int:
    """Minutes since 1970, rounded down, or up."""
    minutes, rest = divmod(moment - EPOCH, MINUTE)
    return minutes + 1 if up and rest else minutes


def moment_of(minute: int) -> datetime:
    """The instant of a minute, UTC."""
    return datetime.fromtimestamp(minute * 60, UTC)


def at_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of `day` in `zone`, also where midnight itself is skipped by a clock change."""
    midnight = datetime.combine(day, time(), tzinfo=zone)
    return midnight.astimezone(UTC)


def span_in_minutes(span: EventSpan, zone: ZoneInfo) -> Span:
    """An event's span; all-day dates run from midnight to midnight in `zone`, the end exclusive."""
    first, last = _minute(span.starts, zone), _minute(span.ends, zone, up=True)
    return first, max(last, first)


def _minute(value: datetime | date, zone: ZoneInfo, *, up: bool = False) -> int:
    """An end "for ever" (9999-12-31) is as late as can be kept."""
    try:
        moment = value if isinstance(value, datetime) else at_midnight(value, zone)
    except OverflowError:  # the zone's midnight is beyond the calendar
        return LAST if value > EPOCH.date() else -LAST
    return max(-LAST, min(minute_of(moment, up=up), LAST))


def merged(spans: Iterable[Span]) -> list[Span]:
    """Sorted, with overlapping and touching spans joined."""
    result: list[Span] = []
    for starts, ends in sorted(spans):
        if result and starts <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], ends))
        else:
            result.append((starts, ends))
    return result


def cut(span: Span, within: Span) -> Span | None:
    """The part of `span` inside `within`, or None."""
    starts, ends = max(span[0], within[0]), min(span[1], within[1])
    return (starts, ends) if starts < ends else None


def outside(spans: Iterable[Span], holes: list[Span]) -> list[Span]:
    """What remains of `spans` when `holes` (merged) are cut out of them."""
    rest: list[Span] = []
    for starts, ends in spans:
        for hole_starts, hole_ends in holes:
            if hole_ends <= starts or hole_starts >= ends:
                continue
            if starts < hole_starts:
                rest.append((starts, hole_starts))
            starts = max(starts, hole_ends)
            if starts >= ends:
                break
        if starts < ends:
            rest.append((starts, ends))
    return rest


def touched_days(spans: Iterable[Span], window: Span) -> list[Span]:
    """The whole UTC days that `spans` touch, joined, inside the window."""
    days = merged((starts // DAY * DAY, -(-max(ends, starts + 1) // DAY) * DAY) for starts, ends in spans)
    return [part for day in days if (part := cut(day, window))]


def in_chunks(spans: Iterable[Span], longest: int) -> list[Span]:
    """Spans no longer than `longest` minutes."""
    return [
        (starts, min(starts + longest, ends))
        for first, ends in spans
        for starts in range(first, ends, longest)
    ]


def replace_answer(
    stored: Iterable[tuple[int, int, int]], asked: list[Span], answer: Iterable[tuple[int, int, int]]
) -> list[tuple[int, int, int]]:
    """Stored free/busy time with the `asked` spans replaced by `answer`; rows are (starts, ends, kind).

    Kept rows are cut at the edges of what was asked, and rows of one kind that then touch are joined, so
    that reading a part gives the same rows as reading everything.
    """
    holes = merged(asked)
    stored, answer = list(stored), list(answer)
    rows: list[tuple[int, int, int]] = []
    for kind in Kind.values:
        kept = outside([(s, e) for s, e, k in stored if k == kind], holes)
        news = [part for s, e, k in answer if k == kind for hole in holes if (part := cut((s, e), hole))]
        rows += [(s, e, kind) for s, e in merged([*kept, *news])]
    return sorted(rows)


def window_of(now: datetime, *, back: int, ahead: int) -> tuple[datetime, datetime]:
    """Whole UTC days from `back` days before today to `ahead` days after, so that all day's reads agree."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=back), today + timedelta(days=ahead)
