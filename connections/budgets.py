"""How many calls a connection may still make this minute, shared by all workers through one row a minute."""

import threading
import time
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from .models import Connection, RequestBudget
from .providers.base import Spend, Throttled, Unreachable
from .providers.registry import requests_per_minute

FOR_NEWS = 5  # one in so many calls of a minute is kept for changes that were announced


def renewed_at(now: datetime) -> datetime:
    """When calls are there again for who found none left: the next minute begins."""
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


class Budget:
    """Calls reserved for one job. `spend` may be called from several threads; the rest touches the database.

    `seconds` is how long calls may be begun: a job ends well before its time-out, also when a provider is slow.
    """

    def __init__(self, connection: Connection, *, now: datetime, seconds: float = 25):
        self.until = time.monotonic() + seconds
        self.connection = connection
        self.minute = int(now.timestamp() // 60)
        self.left = 0
        self._lock = threading.Lock()

    @transaction.atomic
    def reserve(self, calls: int, *, announced: bool = False) -> int:
        """Take up to `calls` from this minute's share; answers how many there were.

        `announced`: to read changes that the provider told of. A part of the share is theirs alone, so that a
        first reading of thousands of calendars does not make them wait for the next minute.
        """
        RequestBudget.objects.bulk_create(
            [
                RequestBudget(
                    unit_id=self.connection.unit_id, connection=self.connection, minute=self.minute, used=0
                )
            ],
            ignore_conflicts=True,
        )
        row = RequestBudget.objects.select_for_update().get(connection=self.connection, minute=self.minute)
        share = requests_per_minute(self.connection.provider)
        if not announced:
            share -= share // FOR_NEWS
        given = max(0, min(calls, share - row.used))
        RequestBudget.objects.filter(pk=row.pk).update(used=F("used") + given)
        self.left += given
        return given

    def spend(self, calls: int) -> None:
        """Take `calls` from what was reserved. Raises Throttled when it or the time is used up: come again."""
        with self._lock:
            if self.left < calls or time.monotonic() > self.until:
                raise Throttled("own budget")
            self.left -= calls

    def give_back(self) -> None:
        """Return what was reserved and not spent."""
        RequestBudget.objects.filter(connection=self.connection, minute=self.minute).update(
            used=F("used") - self.left
        )
        self.left = 0


def of_a_self_test(*, seconds: float = 20) -> Spend:
    """For the few calls of a person who waits: no budget holds them back, but they are begun only so long."""
    until = time.monotonic() + seconds

    def spend(calls: int) -> None:
        if time.monotonic() > until:
            raise Unreachable("too slow")

    return spend


def forget_old(*, now: datetime) -> None:
    """Drop the rows of past minutes."""
    RequestBudget.objects.filter(minute__lt=int(now.timestamp() // 60) - 60).delete()
