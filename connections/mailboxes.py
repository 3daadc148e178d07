"""Which connection serves each member, and what is known about reading their mailbox."""

from collections import defaultdict
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When

from orgunits import audit
from orgunits.models import Member, OrganizationalUnit, User

from .models import BusyPeriod, CalendarConnection, ConnectionDomain, EventPosition, Mailbox, MemberCalendar
from .states import State as ConnectionState

DecidedBy, State, Failure = Mailbox.DecidedBy, Mailbox.State, Mailbox.Failure

# When a failing mailbox is tried again. A refusal will not heal by asking often; a busy provider will.
RETRY_AFTER: dict[str, timedelta] = {
    Failure.NO_MAILBOX: timedelta(hours=12),
    Failure.ALIAS: timedelta(hours=24),
    Failure.LICENCE: timedelta(hours=12),
    Failure.REFUSED: timedelta(hours=6),
    Failure.THROTTLED: timedelta(minutes=1),
    Failure.UNREACHABLE: timedelta(minutes=1),
    Failure.UNREADABLE: timedelta(hours=1),
    Failure.NOT_GRANTED: timedelta(hours=24),  # the member's own authorization makes it due at once
    Failure.GRANT_LOST: timedelta(hours=24),
}
HELD = (State.PAUSED, State.STOPPED)  # a reading that ends meanwhile changes nothing
GROWING = {Failure.THROTTLED, Failure.UNREACHABLE}  # doubles with each failure in a row
LONGEST_RETRY = timedelta(hours=6)


def retry_at(failure: str, attempts: int, *, now: datetime, retry_after: float | None = None) -> datetime:
    """When to try again after `attempts` failures in a row; the provider's own wish is never undercut."""
    wait = RETRY_AFTER[failure]
    if failure in GROWING:
        wait = min(wait * 2 ** min(attempts - 1, 10), LONGEST_RETRY)
    return now + max(wait, timedelta(seconds=retry_after or 0))


@transaction.atomic
def assign(unit: OrganizationalUnit, *, now: datetime) -> None:
    """Decide for every active member which connection serves them: an override, else their verified domain.

    Where two connections serve a domain, a second one takes nobody away from the first: its members are
    listed as matched by two, and who was served goes on being served.

    Set-based: a handful of statements per connection, whatever the number of members. Choices on calendars
    survive; what was read through another connection does not.
    """
    one_decision_at_a_time(unit.pk)
    members = unit.members.active()
    Mailbox.objects.bulk_create(
        [
            Mailbox(unit=unit, member_id=pk, state_since=now)
            for pk in members.filter(mailbox=None).values_list("pk", flat=True)
        ],
        batch_size=2000,
    )
    living = (
        unit.connections.calendars()
        .filter(connected_at__isnull=False)
        .exclude(state=ConnectionState.DISCONNECTED)
    )
    by_domain: dict[str, list[int]] = defaultdict(list)
    served = ConnectionDomain.objects.filter(connection__in=living).exclude(verified="")
    for domain, connection_id in served.values_list("domain", "connection_id"):
        by_domain[domain].append(connection_id)

    boxes = Mailbox.objects.filter(unit=unit, member__state=Member.State.ACTIVE)
    chosen = boxes.filter(override__in=living)
    for pk in chosen.values_list("override_id", flat=True).distinct():
        _serve(chosen.filter(override_id=pk), living.get(pk=pk), DecidedBy.OVERRIDE, now=now)
    free = boxes.filter(Q(override=None) | ~Q(override__in=living))
    single: dict[int, list[str]] = defaultdict(list)
    for domain, ids in by_domain.items():
        if len(ids) == 1:
            single[ids[0]].append(domain)
    for pk, names in single.items():
        rows = free.filter(member__mail_domain__in=names)
        _serve(rows, living.get(pk=pk), DecidedBy.DOMAIN, now=now)
    for domain, ids in by_domain.items():
        if len(ids) > 1:  # who is served stays served by the same one, until a person decides
            rows = free.filter(member__mail_domain=domain)
            update_in_order(rows.filter(connection__in=ids), decided_by=DecidedBy.SEVERAL)
            others = rows.exclude(connection__in=ids) | rows.filter(connection=None)
            _serve(others, None, DecidedBy.SEVERAL, now=now)
    _serve(free.exclude(member__mail_domain__in=by_domain), None, DecidedBy.NONE, now=now)
    gone = Mailbox.objects.filter(unit=unit).exclude(member__state=Member.State.ACTIVE)
    _serve(gone, None, DecidedBy.INACTIVE, now=now)


def follow_members(*, now: datetime) -> int:
    """Read nothing more for members who were suspended or removed, and read again for those who are back.

    Looks at states only, so it does not matter who changed them or how. Answers how many units it decided for.
    """
    active = Member.State.ACTIVE
    gone = Mailbox.objects.exclude(member__state=active).exclude(decided_by=DecidedBy.INACTIVE)
    back = Mailbox.objects.filter(member__state=active, decided_by=DecidedBy.INACTIVE)
    new = Member.objects.active().filter(mailbox=None)
    ids = {pk for rows in (gone, back, new) for pk in rows.values_list("unit_id", flat=True).distinct()}
    for unit in OrganizationalUnit.objects.filter(pk__in=ids).order_by("pk"):
        assign(unit, now=now)
    return len(ids)


def forget_erased() -> int:
    """Mailboxes of erased members go, with their calendars and all that was read. Answers how many rows."""
    return Mailbox.objects.filter(member__erased_at__isnull=False).delete()[0]


def one_decision_at_a_time(unit_id: int) -> None:
    """Wait for whoever decides about mailboxes of this unit, until the end of the transaction.

    Taken before any calendar or mailbox is locked, and after the row of a connection: in one order everywhere,
    so that two people's decisions wait for each other and never in a circle. No stronger a lock: rows that jobs
    insert hold their unit by its key meanwhile.
    """
    OrganizationalUnit.objects.select_for_update(no_key=True).get(pk=unit_id)


def _serve(rows, connection: CalendarConnection | None, decided_by: str, *, now: datetime) -> None:
    """Put the mailboxes of `rows` under `connection`; those already there keep what is known of them."""
    update_in_order(rows.filter(connection=connection).exclude(decided_by=decided_by), decided_by=decided_by)
    if connection is None:
        moved = rows.filter(~Q(connection=None) | ~Q(state=State.NOT_SERVED) | ~Q(decided_by=decided_by))
    else:
        moved = rows.filter(Q(connection=None) | ~Q(connection=connection))
    ids = list(moved.values_list("pk", flat=True))
    if not ids:
        return
    calendars = MemberCalendar.objects.filter(mailbox__in=ids)
    calendars.update(  # first, because it waits for readings that are just being stored
        feed_token="", full_round_at=None, last_synced_at=None, window_starts=None, window_ends=None
    )
    BusyPeriod.objects.filter(calendar__in=calendars).delete()
    EventPosition.objects.filter(calendar__in=calendars).delete()
    state, due = _first_state(connection, now=now)
    update_in_order(
        Mailbox.objects.filter(pk__in=ids),
        connection=connection,
        decided_by=decided_by,
        state=state,
        state_since=now,
        next_sync_at=due,
        leased_until=None,
        hinted_at=None,
        failure="",
        failure_code="",
        attempts=0,
        last_synced_at=None,
        calendars_listed_at=None,
    )


def _first_state(connection: CalendarConnection | None, *, now: datetime) -> tuple[str, datetime | None]:
    if connection is None:
        return State.NOT_SERVED, None
    if not connection.capabilities.reads_calendars:
        return State.KEPT_HERE, None
    if connection.state == ConnectionState.PAUSED:
        return State.PAUSED, None
    if connection.state == ConnectionState.NEEDS_REAUTHORIZATION:
        return State.STOPPED, None
    return State.WAITING, now


@transaction.atomic
def update_in_order(rows: QuerySet[Mailbox], **changes) -> None:
    """UPDATE many mailboxes, locking them in the order of their keys: two such updates cannot deadlock."""
    ids = list(rows.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
    Mailbox.objects.filter(pk__in=ids).update(**changes)


@transaction.atomic
def hold(connection: CalendarConnection, state: str, *, now: datetime) -> None:
    """Nothing of this connection is read any more: `state` is paused or stopped."""
    one_decision_at_a_time(connection.unit_id)
    rows = connection.mailboxes.exclude(state=State.KEPT_HERE)
    update_in_order(
        rows,
        state=state,
        state_since=now,
        next_sync_at=None,
        leased_until=None,
        hinted_at=None,
        failure="",
        failure_code="",
    )


@transaction.atomic
def go_on(connection: CalendarConnection, *, now: datetime) -> None:
    """Read again what was held; what was read before is as old as it says."""
    one_decision_at_a_time(connection.unit_id)
    held = connection.mailboxes.filter(state__in=HELD)
    due = {"state_since": now, "next_sync_at": now, "attempts": 0}
    update_in_order(held.filter(last_synced_at__isnull=False), state=State.SYNCED, **due)
    update_in_order(held.filter(last_synced_at=None), state=State.WAITING, **due)


@transaction.atomic
def set_override(member: Member, connection: CalendarConnection | None, *, by: User, now: datetime) -> None:
    """Choose by hand which connection serves a member; None goes back to the mail domain."""
    one_decision_at_a_time(member.unit_id)
    Mailbox.objects.get_or_create(unit=member.unit, member=member, defaults={"state_since": now})
    Mailbox.objects.filter(member=member).update(override=connection)
    audit.record(
        member.unit, "connection.chosen", member, by=by, now=now,
        connection=connection.public_id if connection else "",
    )  # fmt: skip
    assign(member.unit, now=now)


@transaction.atomic
def make_due(member: Member, connection: CalendarConnection, *, now: datetime) -> bool:
    """Read this member now: something that kept us from it is over. False when another connection serves them."""
    rows = Mailbox.objects.filter(member=member, connection=connection).exclude(state__in=HELD)
    due = {"next_sync_at": now, "leased_until": None, "failure": "", "failure_code": "", "attempts": 0}
    failing = rows.filter(state=State.FAILING)
    return bool(failing.update(state=State.WAITING, state_since=now, **due) or rows.update(**due))


@transaction.atomic
def forget_mailbox(member: Member, connection: CalendarConnection, *, now: datetime) -> None:
    """What was read of this member through `connection` goes; they have not authorized it any more."""
    calendars = MemberCalendar.objects.filter(mailbox__member=member, mailbox__connection=connection)
    calendars.update(  # first, because it waits for readings that are just being stored
        feed_token="", full_round_at=None, last_synced_at=None, window_starts=None, window_ends=None
    )
    BusyPeriod.objects.filter(calendar__in=calendars).delete()
    EventPosition.objects.filter(calendar__in=calendars).delete()
    rows = Mailbox.objects.filter(member=member, connection=connection)
    rows.update(last_synced_at=None, calendars_listed_at=None)
    rows.exclude(state__in=HELD).update(
        state=State.FAILING,
        state_since=now,
        failure=Failure.NOT_GRANTED,
        failure_code="",
        next_sync_at=retry_at(Failure.NOT_GRANTED, 1, now=now),
        leased_until=None,
        hinted_at=None,
    )


def put_off(ids: list[int], connection: CalendarConnection, *, until: datetime) -> None:
    """Try these again at `until`, as far as they are still this connection's to read."""
    rows = Mailbox.objects.filter(pk__in=ids, connection=connection, next_sync_at__isnull=False)
    update_in_order(rows, next_sync_at=until, leased_until=None)


def begin_reading(ids: list[int], connection: CalendarConnection) -> None:
    """What was announced until now is found by the reading that begins; what is announced from now on is news."""
    rows = Mailbox.objects.filter(pk__in=ids, connection=connection, hinted_at__isnull=False)
    update_in_order(rows, hinted_at=None)


def mark_synced(mailbox: Mailbox, *, now: datetime, next_sync_at: datetime, changes: int = 0) -> None:
    """Reading, begun at `now`, succeeded. A pause or a change of connection in between wins.

    A hint that came since then may speak of what was not read yet: it stays, and is followed soon.
    """
    rows = Mailbox.objects.filter(pk=mailbox.pk, connection_id=mailbox.connection_id)
    rows = rows.exclude(state__in=HELD)
    changed = rows.exclude(state=State.SYNCED).update(state=State.SYNCED, state_since=now)
    rows.update(
        last_attempt_at=now,
        last_synced_at=now,
        last_changes=changes,
        next_sync_at=Case(
            When(hinted_at__gt=now, then=Value(now + timedelta(seconds=settings.PUSH_INTERVAL_SECONDS))),
            default=Value(next_sync_at),
        ),
        leased_until=None,
        hinted_at=Case(When(hinted_at__gt=now, then=F("hinted_at"))),
        attempts=0,
        failure="",
        failure_code="",
    )
    if changed:
        mailbox.state, mailbox.state_since = State.SYNCED, now


def mark_failing(
    mailbox: Mailbox, failure: str, code: str, *, now: datetime, retry_after: float | None = None
) -> None:
    """Reading failed, in this class, with the provider's code; tried again by the class's own rule."""
    rows = Mailbox.objects.filter(pk=mailbox.pk, connection_id=mailbox.connection_id).exclude(state__in=HELD)
    rows.exclude(state=State.FAILING, failure=failure).update(state_since=now)
    rows.update(
        state=State.FAILING,
        failure=failure,
        failure_code=code,
        attempts=F("attempts") + 1,
        last_attempt_at=now,
        leased_until=None,
        hinted_at=None,
        next_sync_at=retry_at(failure, mailbox.attempts + 1, now=now, retry_after=retry_after),
    )
