"""Keeping a connection's push channels: open, renew, reauthorize, stop. Threads ask, this thread writes.

Every failure ends in the row's own next try; reading at the usual times goes on whatever happens here.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse

from orgunits.models import Member

from . import channels, circuits, hints
from .budgets import Budget, of_a_self_test
from .models import CalendarConnection, PushChannel
from .personal_tokens import tokens_for
from .providers.base import (
    AuthorizationLost,
    CalendarService,
    ChannelGone,
    OpenChannel,
    ProviderError,
    Spend,
    Throttled,
    Unreachable,
    readable,
)
from .services import calendar_service

State = PushChannel.State
MOST_IN_A_RUN, AT_A_TIME = 500, 100  # channels opened by one job, so that reading gets its turn
CALLS_IN_A_RUN = (
    3 * MOST_IN_A_RUN
)  # a token and a call each, and some that are stopped; the rest is given back
PATIENCE = 30  # seconds, when a busy provider does not say how long
SKEW = timedelta(minutes=5)  # our clock may be ahead: who asks for more than the longest life is refused
STOPPED_AT_ONCE = 500  # channels, while a person waits for a connection to end
SECONDS_TO_STOP = 8


def keep(connection: CalendarConnection, *, now: datetime) -> None:
    """Close what is no longer wanted, renew what comes to its end, open what is missing; bookable people first.

    Within the connection's budget of calls, and for less than half a minute. What is left is for the next run.
    """
    if circuits.is_open(connection, now=now):
        return
    channels.tidy(connection, now=now)
    budget = Budget(connection, now=now)
    with ThreadPoolExecutor(settings.SYNC_THREADS) as pool:
        try:
            run = _Run(connection, budget.spend, pool, now=now)
        except AuthorizationLost:  # nobody can be asked: what is open ends by itself
            connection.push_channels.filter(state=State.CLOSING).delete()
            return
        budget.reserve(CALLS_IN_A_RUN)
        run.run()
    budget.give_back()


def stop_all(connection: CalendarConnection, *, now: datetime) -> None:
    """Before a key is forgotten or changed: ask the provider to stop every channel, for a few seconds at most.

    Never in a transaction. What could not be stopped stays to be closed, or ends by itself.
    """
    rows = channels.close_all(connection, now=now)[:STOPPED_AT_ONCE]
    if not rows:
        return
    pool = ThreadPoolExecutor(settings.SYNC_THREADS)
    try:
        spend = of_a_self_test(seconds=SECONDS_TO_STOP)
        _Run(connection, spend, pool, now=now).stop(rows, seconds=SECONDS_TO_STOP)
    except (AuthorizationLost, TimeoutError):
        pass  # nobody to ask, or nobody who answers in time
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class _OfCalendars:
    """Channels of single calendars, each followed by a new one before it ends."""

    renews = False

    def __init__(self, service):
        self.service = service

    def open(self, row: PushChannel, *, now: datetime) -> OpenChannel:
        return self.service.open_channel(
            row.mailbox.member.email,
            row.calendar.provider_id,
            channel_id=row.channel_id,
            token=row.secret,
            url=address("push_google"),
            expires_at=now + self.service.longest_channel - SKEW,
        )

    def stop(self, row: PushChannel) -> None:
        self.service.stop_channel(row.mailbox.member.email, row.channel_id, row.resource_id)


class _OfMailboxes:
    """Channels of whole mailboxes, which are renewed."""

    renews = True

    def __init__(self, service):
        self.service = service

    def open(self, row: PushChannel, *, now: datetime) -> OpenChannel:
        return self.service.open_channel(
            row.mailbox.member.email,
            client_state=row.secret,
            url=address("push_microsoft"),
            lifecycle_url=address("push_microsoft_lifecycle"),
            expires_at=now + self.service.longest_channel - SKEW,
        )

    def renew(self, row: PushChannel, *, now: datetime) -> datetime | None:
        """The new end; None when the provider only wanted to hear that we still may."""
        if row.problem == channels.REAUTHORIZE:
            self.service.reauthorize_channel(row.channel_id)
            return None
        return self.service.renew_channel(
            row.channel_id, now + self.service.longest_channel - SKEW
        ).expires_at

    def stop(self, row: PushChannel) -> None:
        self.service.stop_channel(row.channel_id)


_WIRES = {
    CalendarConnection.Provider.GOOGLE: _OfCalendars,
    CalendarConnection.Provider.MICROSOFT: _OfMailboxes,
}


def address(name: str) -> str:
    """Where providers reach one of our addresses from outside."""
    return settings.PUBLIC_URL + reverse(name)


class _Run:
    """One job's work. `over` once the provider is down, asks for patience, or the budget is used up."""

    def __init__(
        self, connection: CalendarConnection, spend: Spend, pool: ThreadPoolExecutor, *, now: datetime
    ):
        self.connection, self.spend, self.pool, self.now = connection, spend, pool, now
        self.wire = _WIRES[connection.provider](self._service([]))
        self.until = time.monotonic() + 25
        self.over = False

    def run(self) -> None:
        self.stop(self._due(State.CLOSING))
        if self.connection.state != CalendarConnection.State.ACTIVE or not self.connection.unit.works:
            return
        if self.wire.renews:
            self._ask(self._due(State.OPEN), self._renew, self._renewed)
        else:
            channels.take_to_follow(self.connection, now=self.now)
        self._open()
        self.stop(self._due(State.CLOSING))  # those that were followed by new ones

    def stop(self, rows: list[PushChannel], *, seconds: float | None = None) -> None:
        self._ask(rows, self.wire.stop, lambda row, _answer: channels.ended(row), seconds=seconds)

    def _service(self, members: list[Member]) -> CalendarService:
        """How the provider is reached; where each member authorized alone, with the tokens of these."""
        tokens = None
        if self.connection.personal:  # here, because threads touch no row
            tokens = tokens_for(self.connection, members, now=self.now).held
        return calendar_service(self.connection, spend=self.spend, stopping=True, tokens=tokens)

    def _due(self, state: str) -> list[PushChannel]:
        if self.over:
            return []
        return channels.take_due(self.connection, state, most=MOST_IN_A_RUN, now=self.now)

    def _open(self) -> None:
        tried = 0
        while not self.over and tried < MOST_IN_A_RUN and time.monotonic() < self.until:
            taken = channels.take_to_open(self.connection, most=AT_A_TIME, now=self.now)
            if not taken:
                return
            tried += len(taken)
            self._ask(taken, self._open_one, self._opened)

    def _open_one(self, row: PushChannel) -> OpenChannel:
        return self.wire.open(row, now=self.now)

    def _ask(
        self,
        rows: list[PushChannel],
        ask: Callable[[PushChannel], object],
        write: Callable[[PushChannel, object], None],
        *,
        seconds: float | None = None,
    ) -> None:
        """Ask about each row in a thread and write down here what came of it. Raises TimeoutError."""
        if rows and self.connection.personal:
            self.wire.service = self._service([row.mailbox.member for row in rows])
        waiting = {self.pool.submit(ask, row): row for row in rows}
        for future in as_completed(waiting, timeout=seconds):
            row = waiting[future]
            if future.cancelled():
                channels.put_back(row)
                continue
            self._finish(row, future, write)
            if self.over:
                for other in waiting:
                    other.cancel()

    def _finish(self, row: PushChannel, future: Future, write: Callable[[PushChannel, object], None]) -> None:
        try:
            with readable():
                answer = future.result()
            write(row, answer)
        except ChannelGone:
            channels.ended(row)  # a new one is opened in this run or the next
        except (AuthorizationLost, Throttled, Unreachable) as error:
            self._not_now(row, error)
        except ProviderError as error:
            code = error.code or type(error).__name__
            if row.state == State.CLOSING:
                channels.ended(row)
            elif row.state == State.OPENING:
                channels.refused(row, code, now=self.now)
            else:
                channels.failed(row, code, now=self.now)

    def _not_now(self, row: PushChannel, error: ProviderError) -> None:
        """Nobody to ask at the moment: the others of this run wait too."""
        self.over = True
        if isinstance(error, Throttled) and error.code == "own budget":
            channels.put_back(row)
            return
        if isinstance(error, Throttled):
            wait = timedelta(seconds=error.retry_after or PATIENCE)
            circuits.be_patient(self.connection, until=self.now + wait)
        if row.state == State.CLOSING and (self._at_rest or isinstance(error, AuthorizationLost)):
            channels.ended(row)  # one try, then it ends by itself
        else:
            channels.failed(row, error.code or type(error).__name__, now=self.now)

    @property
    def _at_rest(self) -> bool:
        """Nobody is to be called for it: a connection or unit that is paused."""
        paused = self.connection.state == CalendarConnection.State.PAUSED
        return paused or not self.connection.unit.works

    def _renew(self, row: PushChannel) -> datetime | None:
        return self.wire.renew(row, now=self.now)

    def _renewed(self, row: PushChannel, expires_at: datetime | None) -> None:
        if expires_at is None:
            channels.reauthorized(row)
        else:
            channels.renewed(row, expires_at, now=self.now)

    def _opened(self, row: PushChannel, channel: OpenChannel) -> None:
        """One reading follows: what changed before the channel was open was announced to nobody."""
        if channel.expires_at <= self.now:
            channels.refused(row, "ended at once", now=self.now)
        elif channels.opened(row, channel, now=self.now):
            hints.take(row.mailbox_id, row.connection_id, now=self.now)
        else:
            row.channel_id, row.resource_id = channel.channel_id, channel.resource_id
            with suppress(ProviderError):
                self.pool.submit(self.wire.stop, row).result()
