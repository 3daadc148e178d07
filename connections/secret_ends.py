"""When a secret ends, and when to warn of it. Pure."""

from datetime import date

WARNED_BEFORE = (30, 14, 3)  # days


def days_left(ends_on: date, *, today: date) -> int:
    """Days until the last day on which it works; 0 on that day, less when it is over."""
    return (ends_on - today).days


def due_warning(ends_on: date | None, warned_days: int | None, *, today: date) -> int | None:
    """Which warning is due: 30, 14 or 3 days before, or None.

    `warned_days` is the last one given. What was missed while nothing ran is not made up for: only the nearest
    warning is given. A secret that is over warns no more; it shows.
    """
    if ends_on is None:
        return None
    left = days_left(ends_on, today=today)
    reached = [days for days in WARNED_BEFORE if 0 <= left <= days]
    if not reached:
        return None
    nearest = min(reached)
    return nearest if warned_days is None or nearest < warned_days else None
