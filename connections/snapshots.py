"""When a complete reading of a directory says something about who left. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A reading that came to its true end."""

    began_at: datetime
    people: int  # that it told
    asked: str  # a digest of what decides how much an answer holds: tenant, key, administrator, scopes


def counts_as_snapshot(
    snapshot: Snapshot, *, before: Snapshot | None, counted_at: datetime | None, interval: timedelta
) -> bool:
    """Whether who is missing in this snapshot is one absence further from being gone.

    `before`: the last complete one; `counted_at`: when the last one began that counted. Nobody told is no answer;
    one that was asked otherwise than the last may only be narrower; and a provider that tells half of its people
    for some minutes does so however often it is asked, so that two must be an interval apart.
    """
    narrowed = before is not None and before.asked != snapshot.asked
    apart = counted_at is None or snapshot.began_at - counted_at >= interval
    return snapshot.people > 0 and not narrowed and apart
