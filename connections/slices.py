"""Reading one slice of mailboxes: threads talk to the provider, this thread writes."""

from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

from django.conf import settings

from orgunits.members import set_time_zone, set_working_hours
from orgunits.models import Member

from . import busy_store, circuits, mailboxes, reading_hours
from .budgets import Budget, renewed_at
from .calendar_connections import mark_lost
from .calendars import link_calendars
from .health import check_connection
from .models import CalendarConnection, Mailbox, MemberCalendar, PushChannel
from .modes import Truth
from .periods import window_of
from .personal_tokens import Tokens, access_token, tokens_for
from .providers.base import (
    AuthorizationLost,
    CalendarService,
    MailboxError,
    ProviderError,
    Throttled,
    Unreachable,
    readable,
)
from .reading import CalendarReading, KnownCalendar, MailboxReading, Task, ask_free_busy, read
from .services import calendar_service
from .states import State, explain

RELIST_AFTER = timedelta(hours=24)
CALLS_PER_READ, CALLS_PER_POLL = 10, 3  # what a job reserves for a mailbox before it knows
CALLS_SPARE = 200  # beside that, for mailboxes with many series or calendars; what is left is given back
SOON = timedelta(seconds=60)  # with a token that was renewed
MINUTES_A_DAY = 24 * 60
STRIDE = 7919  # puts neighbours far apart over the day; prime, so that every minute is used


def reconciliation_due(mailbox_id: int, *, now: datetime) -> datetime:
    """The last moment at which this mailbox was to be read wholly: once a day, spread evenly over the day."""
    minute = mailbox_id * STRIDE % MINUTES_A_DAY
    moment = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(minutes=minute)
    return moment if moment <= now else moment - timedelta(days=1)


def read_slice(
    connection: CalendarConnection, mailbox_ids: list[int], *, asked_at: datetime, now: datetime
) -> None:
    """Read these mailboxes with a bounded pool of threads, within the connection's budget of calls.

    Threads only talk to the provider; rows are written here. Running it again is harmless: a mailbox read
    since `asked_at` is left alone.
    """
    if connection.state != State.ACTIVE or not connection.unit.works:
        return
    if circuits.is_open(connection, now=now):  # since this was put into the queue
        mailboxes.put_off(mailbox_ids, connection, until=connection.slowed_until)
        return
    boxes = list(
        Mailbox.objects.filter(pk__in=mailbox_ids, connection=connection, member__state=Member.State.ACTIVE)
        .exclude(state__in=mailboxes.HELD)
        .exclude(last_attempt_at__gt=asked_at)
        .select_related("member__unit", "connection__unit")
        .prefetch_related("calendars", "push_channels")
    )
    if not boxes:
        return
    budget = Budget(connection, now=now)
    announced = all(box.hinted_at for box in boxes)  # they are handed out apart from the others
    budget.reserve(sum(_calls_for(box) for box in boxes) + CALLS_SPARE, announced=announced)
    fit = _that_fit(boxes, budget.left)
    left_over = [box.pk for box in boxes[len(fit) :]]
    mailboxes.put_off(left_over, connection, until=renewed_at(now))
    if not fit:
        return
    mailboxes.begin_reading([box.pk for box in fit], connection)
    tokens = None
    if connection.personal:  # here, because threads touch no row
        tokens = tokens_for(connection, [box.member for box in fit], now=now)
    try:
        service = calendar_service(connection, spend=budget.spend, tokens=tokens.held if tokens else None)
    except AuthorizationLost as error:
        budget.give_back()
        mark_lost(connection, error.reason, now=now)
        return
    with ThreadPoolExecutor(settings.SYNC_THREADS) as pool:
        _Slice(connection, service, pool, tokens=tokens, now=now).run(fit)
    budget.give_back()


def _calls_for(box: Mailbox) -> int:
    """About how many calls reading takes: a whole reading more than asking for changes."""
    known = box.state == Mailbox.State.SYNCED and all(c.feed_token for c in box.calendars.all() if c.counts)
    return CALLS_PER_POLL if known else CALLS_PER_READ


def _that_fit(boxes: list[Mailbox], calls: int) -> list[Mailbox]:
    """The first ones for which `calls` are about enough: a few finished are better than many begun."""
    fit: list[Mailbox] = []
    for box in boxes:
        if calls <= 0:
            break
        calls -= _calls_for(box)
        fit.append(box)
    return fit


def _failed_with(error: ProviderError) -> "Future[MailboxReading]":
    """What a thread would have brought back."""
    future: Future[MailboxReading] = Future()
    future.set_exception(error)
    return future


class _Slice:
    """One job's work: keeps threads busy with reading while this thread writes."""

    def __init__(
        self,
        connection: CalendarConnection,
        service: CalendarService,
        pool: ThreadPoolExecutor,
        *,
        tokens: Tokens | None,
        now: datetime,
    ):
        self.connection, self.service, self.pool, self.now = connection, service, pool, now
        self.tokens = tokens  # where each member authorized for their own calendar
        self.boxes: dict[int, Mailbox] = {}
        self.refused: list[tuple[Mailbox, ProviderError]] = []
        self.succeeded = False
        self.counts: Counter[str] = Counter()
        # Mailboxes that are being read, or were and wait to be written: else threads read a whole slice ahead of
        # the one that writes, and all of it is held in memory.
        self.ahead = settings.SYNC_THREADS + settings.SYNC_THREADS // 5

    def run(self, boxes: list[Mailbox]) -> None:
        self.boxes = {box.pk: box for box in boxes}
        self._learn_preferences([box for box in boxes if self._lists(box)])
        left, waiting = deque(boxes), {}
        while left or waiting:
            while left and len(waiting) < self.ahead:
                box = left.popleft()
                waiting[self._begin(box)] = box.pk
            done = wait(waiting, return_when=FIRST_COMPLETED).done
            while done:
                future = done.pop()  # what was read is let go as soon as it is written
                self._finish(self.boxes[waiting.pop(future)], future)
            future = None
            if circuits.is_open(self.connection, now=self.now):
                unasked = {other: pk for other, pk in waiting.items() if other.cancel()}
                self._stop([*unasked.values(), *(box.pk for box in left)])
                waiting = {other: pk for other, pk in waiting.items() if other not in unasked}
                left.clear()
        if self.refused:
            self._settle_refusals()
        if self.succeeded:
            CalendarConnection.objects.filter(pk=self.connection.pk).update(last_good_at=self.now)
            if self.tokens is not None and self.connection.state_reason:
                explain(self.connection, "")
        reading_hours.add(self.connection, self.counts, now=self.now)

    def _begin(self, box: Mailbox) -> "Future[MailboxReading]":
        """Ask in a thread; not at all for who has no token of their own."""
        lacks = self.tokens.lacking.get(box.member.email) if self.tokens is not None else None
        return _failed_with(lacks) if lacks else self.pool.submit(read, self.service, self._task(box))

    def _stop(self, ids: list[int]) -> None:
        """Who was not asked yet waits with the others for a provider that is down, or asked for patience."""
        if ids:
            mailboxes.put_off(ids, self.connection, until=self.connection.slowed_until)

    def _lists(self, box: Mailbox) -> bool:
        """Once a day, and as long as the zone of all-day events is not known."""
        if not box.calendars_listed_at or self.now - box.calendars_listed_at > RELIST_AFTER:
            return True
        return any(c.counts and not c.time_zone and not c.gone_at for c in box.calendars.all())

    def _task(self, box: Mailbox) -> Task:
        starts, ends = window_of(self.now, back=settings.WINDOW_DAYS_BACK, ahead=settings.WINDOW_DAYS_AHEAD)
        own = [c for c in box.calendars.all() if c.provider == self.connection.provider and not c.gone_at]
        return Task(
            mailbox_id=box.pk,
            connection_id=self.connection.pk,
            mode=self.connection.mode,
            address=box.member.email,
            calendars=tuple(
                KnownCalendar(c.provider_id, c.feed_token, self._compares(c)) for c in own if c.counts
            ),
            not_counting=frozenset(c.provider_id for c in own if not c.counts),
            list_calendars=self._lists(box),
            starts=starts,
            ends=ends,
            truth=self.connection.capabilities.truth,
        )

    def _compares(self, calendar: MemberCalendar) -> bool:
        """Once a day everything is read, each mailbox at a minute of its own: that is the truth."""
        due = reconciliation_due(calendar.mailbox_id, now=self.now)
        return calendar.full_round_at is None or calendar.full_round_at < due

    def _learn_preferences(self, boxes: list[Mailbox]) -> None:
        """Zone and hours first: all-day events need the zone. A provider that does not tell is no failure."""
        members = {box.member.email: box for box in boxes}
        try:
            with readable():
                told = list(self.service.preferences(list(members))) if members else []
        except ProviderError:
            return  # tried again when calendars are listed next time
        for address, preferences in told:
            box = members.get(address)
            if box is None:
                continue
            if preferences.time_zone:
                self._learn_zone(box, preferences.time_zone)
            if preferences.working_hours:
                source = Member.Source.PROVIDER
                hours = preferences.working_hours
                set_working_hours(box.member, hours, source=source, by=None, now=self.now)

    def _learn_zone(self, box: Mailbox, zone: str) -> None:
        box.provider_zone = zone
        set_time_zone(box.member, zone, source=Member.Source.PROVIDER, by=None, now=self.now)

    def _finish(self, box: Mailbox, future: "Future[MailboxReading]") -> None:
        """Write down what came of one mailbox."""
        try:
            with readable():
                reading = future.result()
                known, changes = self._keep(box, reading)
        except AuthorizationLost as error:
            self.refused.append((box, error))
        except MailboxError as error:
            if error.failure == Mailbox.Failure.REFUSED:
                self.refused.append((box, error))
            elif self.tokens is not None and error.status == 401:
                self._renew(box)
            else:
                self._failed(box, error.failure, error.code)
        except Throttled as error:
            self._slow_down(box, error)
        except Unreachable as error:
            self._failed(box, Mailbox.Failure.UNREACHABLE, error.code)
            circuits.failed(self.connection, now=self.now)
        except ProviderError as error:
            self._failed(box, Mailbox.Failure.UNREADABLE, error.code)
        else:
            circuits.answered(self.connection, now=self.now)
            again = self.now + self._pause(box, known=known)
            mailboxes.mark_synced(box, now=self.now, next_sync_at=again, changes=changes)
            self.counts["mailboxes_read"] += 1
            self.succeeded = True

    def _failed(self, box: Mailbox, failure: str, code: str, *, retry_after: float | None = None) -> None:
        mailboxes.mark_failing(box, failure, code, now=self.now, retry_after=retry_after)
        self.counts[reading_hours.column_of(failure)] += 1

    def _pause(self, box: Mailbox, *, known: bool) -> timedelta:
        """How long until the mailbox is polled again: longer while the provider announces its changes."""
        if not known:
            return timedelta(seconds=settings.POLL_SECONDS / 5)
        announced = self._announced(box)
        return timedelta(seconds=settings.PUSHED_POLL_SECONDS if announced else settings.POLL_SECONDS)

    def _announced(self, box: Mailbox) -> bool:
        """Whether each calendar that counts has an open channel."""
        channels = [c for c in box.push_channels.all() if c.state == PushChannel.State.OPEN and c.expires_at]
        live = {c.calendar_id for c in channels if c.expires_at > self.now}
        counting = {c.pk: c.primary for c in box.calendars.all() if c.counts and not c.gone_at}
        return bool(counting) and all(
            pk in live or (None in live and primary) for pk, primary in counting.items()
        )

    def _keep(self, box: Mailbox, reading: MailboxReading) -> tuple[bool, int]:
        """Store the calendars and what was read of each; answers whether all of it is known, and how many
        spans are otherwise than before."""
        unannounced = self._announced(box) and (not box.hinted_at or box.hinted_at > self.now)
        if reading.listed is not None:
            self._keep_list(box, reading)
        rows = {
            row.provider_id: row
            for row in box.calendars.filter(provider=self.connection.provider, counts=True)
        }
        known, changes = True, 0
        for part in reading.readings:
            if row := rows.get(part.provider_id):
                stored = busy_store.store(
                    row.pk, self._with_answers(row, part, reading.task), reading.task, now=self.now
                )
                known &= stored.known
                changes += stored.changed
                self.counts["reconciled"] += part.compares
                self.counts["missed"] += stored.missed
                if unannounced and not part.full:
                    self.counts["unannounced"] += stored.changed
        self.counts["hints"] += bool(box.hinted_at)
        return known, changes

    def _keep_list(self, box: Mailbox, reading: MailboxReading) -> None:
        primary_zone = next((info.time_zone for info in reading.listed if info.primary), "")
        if primary_zone:
            self._learn_zone(box, primary_zone)
        link_calendars(box, reading.listed, now=self.now)
        zone = getattr(box, "provider_zone", "")
        if zone and not primary_zone:  # the provider tells the zone of the mailbox, not of its calendars
            box.calendars.exclude(time_zone=zone).update(time_zone=zone, feed_token="")

    def _with_answers(self, row: MemberCalendar, part: CalendarReading, task: Task) -> CalendarReading:
        """After changes in a Free/Busy calendar, the touched days are asked again."""
        if task.truth is not Truth.FREE_BUSY_ANSWER or part.full or not part.spans:
            return part
        spans = busy_store.touched_by(row, part, task)
        return self.pool.submit(ask_free_busy, self.service, task, part, spans).result()

    def _settle_refusals(self) -> None:
        """A refusal may be about one person or about everybody: where that is open, the self-test tells.

        When the connection is lost nothing is written about mailboxes: what is known of them stays.
        """
        if self.tokens is not None:
            self._settle_one_by_one()
            return
        about_everybody = any(isinstance(error, AuthorizationLost) for _box, error in self.refused)
        if about_everybody or not self.succeeded:
            verdict = check_connection(self.connection, by=None, now=self.now)
            if verdict.reason == "incomplete":
                mark_lost(self.connection, verdict.reason, now=self.now)
            if self.connection.state != State.ACTIVE:
                return
        for box, error in self.refused:
            self._failed(box, Mailbox.Failure.REFUSED, error.code)

    def _settle_one_by_one(self) -> None:
        """Nobody authorized for everybody: a refusal is one member's, unless it is our client that is refused."""
        for box, error in self.refused:
            self._failed(box, Mailbox.Failure.REFUSED, error.code)
            if isinstance(error, AuthorizationLost) and error.reason != "incomplete":
                explain(self.connection, error.reason)

    def _renew(self, box: Mailbox) -> None:
        """The provider no longer takes a member's token: is their authorization over, or only the token?"""
        address = box.member.email
        try:
            refused = self.tokens.held[address]
            access_token(self.tokens.grants[address], now=self.now, refused=refused)
        except ProviderError as error:
            self._finish(box, _failed_with(error))
        else:
            mailboxes.put_off([box.pk], self.connection, until=self.now + SOON)

    def _slow_down(self, box: Mailbox, error: Throttled) -> None:
        """The budget of this minute is used up: come again. The provider says so: everybody waits."""
        if error.code == "own budget":
            mailboxes.put_off([box.pk], self.connection, until=renewed_at(self.now))
            return
        self._failed(box, Mailbox.Failure.THROTTLED, error.code, retry_after=error.retry_after)
        until = self.now + timedelta(seconds=error.retry_after or 30)
        circuits.be_patient(self.connection, until=until)
