"""How reading went, hour by hour: counted while it happens, kept for the 14 days that the chart shows."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from django.db.models import F

from .models import CalendarConnection, Mailbox, ReadingHour

KEPT = timedelta(days=15)
Failure = Mailbox.Failure
# Which column counts a failure; what is about one person alone is no fault of the connection.
COLUMN = {
    Failure.THROTTLED: "throttled",
    Failure.UNREACHABLE: "unreachable",
    Failure.UNREADABLE: "unreadable",
    Failure.REFUSED: "refused",
}


def column_of(failure: str) -> str:
    """The column that counts a failure of this class."""
    return COLUMN.get(failure, "of_one_person")


def hour_of(moment: datetime) -> datetime:
    """The beginning of the hour, UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def add(connection: CalendarConnection, counts: Counter[str], *, now: datetime) -> None:
    """Add to the counts of this hour. A job that is run twice counts twice: it did read twice."""
    if not counts:
        return
    hour = hour_of(now)
    new = ReadingHour(unit_id=connection.unit_id, connection=connection, hour=hour)
    ReadingHour.objects.bulk_create([new], ignore_conflicts=True)
    rows = ReadingHour.objects.filter(connection=connection, hour=hour)
    rows.update(**{name: F(name) + number for name, number in counts.items()})


def forget_old(*, now: datetime) -> int:
    """Hours before the chart's days are kept no longer."""
    return ReadingHour.objects.filter(hour__lt=now - KEPT).delete()[0]
