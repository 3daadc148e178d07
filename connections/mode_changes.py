"""Verbs of a change of access mode: begin, approve, consent, cancel, complete, and the old grant afterwards.

Until `complete_change` nothing of the connection is touched: it works on in its old mode, and cancelling leaves
every row as it was. What the new mode was granted is looked at in `mode_checks.py`.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, QuerySet

from orgunits import audit
from orgunits.models import User

from . import jobs, mailboxes, push
from .bare_spans import to_bare_spans
from .credentials import As, KeyNotAccepted, forget_unused, keep_registration, key_of, unit_credential
from .models import (
    CalendarConnection,
    Credential,
    EventPosition,
    HandOff,
    MemberCalendar,
    ModeChange,
    ScopeCheck,
)
from .modes import capabilities, scopes_for
from .providers.base import AuthorizationLost
from .scope_diff import ScopeDiff, scope_diff
from .states import NotPossibleNow, State, move

Proof = CalendarConnection.Proof
FRESH = timedelta(minutes=5)  # what was found longer ago has to be looked at again before the change
CAN_BEGIN = {State.ACTIVE}
CAN_COMPLETE = {State.ACTIVE, State.NEEDS_REAUTHORIZATION}  # the old grant may have been taken away meanwhile


# --- what a change is ---------------------------------------------------------------------------------------------
def diff_of(change: ModeChange) -> ScopeDiff:
    """What this change changes."""
    return scope_diff(change.connection.provider, change.from_mode, change.to_mode)


def instead(change: ModeChange) -> As:
    """Mode and key that the connection would have. Where both modes share one key it stays the connection's."""
    return As(
        change.to_mode, change.credential if diff_of(change).needs_consent else change.connection.credential
    )


def needs_approval(change: ModeChange) -> bool:
    """Whether an administrator of the tenant has to sign in for this change.

    The installation's key may have been granted more for another unit: without their word this unit would
    reap it. Nor does what a key of the unit proved hold for the installation's.
    """
    if instead(change).credential is not None or change.approved_at:
        return False
    return diff_of(change).widens or change.connection.proof == Proof.OWN_KEY


def open_change(connection: CalendarConnection) -> ModeChange | None:
    """The change that is under way."""
    return connection.mode_changes.filter(state=ModeChange.State.OPEN).first()


def latest_change(connection: CalendarConnection) -> ModeChange | None:
    """The change under way, else the last one that was made: its page says which old grant to remove."""
    rows = connection.mode_changes.exclude(state=ModeChange.State.CANCELLED).order_by("-pk")
    return rows.first()


# --- verbs --------------------------------------------------------------------------------------------------------
@transaction.atomic
def begin_change(connection: CalendarConnection, to_mode: str, *, by: User, now: datetime) -> ModeChange:
    """Wish for another mode; in a second tab the one already begun. Raises NotPossibleNow.

    Only of an active connection, and never where members authorize each for themselves.
    """
    row = _locked(connection.pk)
    before = open_change(row)
    if before is not None and before.to_mode == to_mode:
        return before
    if before is not None or row.state not in CAN_BEGIN or not row.unit.works or row.personal:
        raise NotPossibleNow
    try:
        diff = scope_diff(row.provider, row.mode, to_mode)
    except ValueError:
        raise NotPossibleNow from None
    needed = scopes_for(row.provider, to_mode).permission_set
    change = ModeChange.objects.create(
        unit_id=row.unit_id,
        connection=row,
        from_mode=row.mode,
        to_mode=to_mode,
        credential=unit_credential(row.unit, row.provider, needed) if diff.needs_consent else None,
        state_since=now,
        started_by=by,
        created_at=now,
    )
    _record(change, "connection.mode_begun", by=by, now=now)
    return change


@transaction.atomic
def cancel_change(change: ModeChange, *, by: User, now: datetime) -> None:
    """Drop the wish: everything stays as it was. A key that was pasted for it is forgotten. Raises NotPossibleNow."""
    _end(change, ModeChange.State.CANCELLED, now=now)
    _record(change, "connection.mode_cancelled", by=by, now=now)


@transaction.atomic
def drop_open(connection: CalendarConnection, *, now: datetime) -> None:
    """The connection ends, and with it what was to become of it."""
    change = open_change(connection)
    if change is not None:
        _end(change, ModeChange.State.CANCELLED, now=now)


def look_again(connection: CalendarConnection) -> None:
    """The connection's key was changed: what a change of mode found with the old one does not count."""
    connection.mode_changes.filter(state=ModeChange.State.OPEN).update(checked_at=None, answers=[])


@transaction.atomic
def use_registration(
    change: ModeChange, client_id: str, client_secret: str, *, by: User, now: datetime
) -> Credential:
    """Keep an app registration of this unit alone for the new mode. Raises KeyNotAccepted, NotPossibleNow.

    `known`: the unit has this registration already; its secret is not changed by the way, and one that carries
    the old mode's permission too would grant both.
    """
    unit, wanted = (
        change.connection.unit,
        scopes_for(change.connection.provider, change.to_mode).permission_set,
    )
    mine = change.credential_id if _pasted_for(change) else None
    if unit.credentials.filter(provider="microsoft", client_id=client_id.lower()).exclude(pk=mine).exists():
        raise KeyNotAccepted("known")
    old = change.credential if mine else None
    key = keep_registration(unit, wanted, client_id, client_secret, by=by, now=now)
    use_key(change, key, by=by, now=now)
    if old is not None and old.pk != key.pk:
        forget_unused(unit, old)
    return key


@transaction.atomic
def use_key(change: ModeChange, credential: Credential | None, *, by: User, now: datetime) -> None:
    """Take this key of the unit for the new mode, or the installation's (None): nothing found with another counts."""
    pasted = change.credential if _pasted_for(change) else None
    _update_open(change, credential=credential, consented_at=None, checked_at=None, answers=[], problem="")
    if pasted is not None and credential is None:
        forget_unused(change.connection.unit, pasted)
    _record(change, "key.chosen", by=by, now=now, key=credential.public_id if credential else "installation")


@transaction.atomic
def approved(change: ModeChange, *, by: User | HandOff | None, now: datetime) -> None:
    """An administrator of the tenant signed in for this change. Raises NotPossibleNow."""
    _update_open(change, approved_at=now)
    _record(change, "connection.mode_approved", by=by, now=now)


@transaction.atomic
def consented(change: ModeChange, *, by: User | HandOff | None, now: datetime) -> None:
    """An administrator came back from the consent page: a hint, the check decides. Raises NotPossibleNow."""
    _update_open(change, consented_at=now)
    _record(change, "consent.returned", by=by, now=now)


def complete_change(change: ModeChange, *, by: User, now: datetime) -> None:
    """Make the change, wholly or not at all. Raises NotPossibleNow.

    Wants a look (`mode_checks.check_change`) of the last minutes that found all of it granted. Members, choices,
    overrides and calendars stay; every calendar is read anew. A narrower mode keeps no ids of events, and where
    it has no push the provider is asked for some seconds to announce nothing more, which needs the old key.
    """
    if not _ready(now=now).filter(pk=change.pk, state=ModeChange.State.OPEN).exists():
        raise NotPossibleNow
    if not capabilities(change.connection.provider, change.to_mode).push:
        push.stop_all(change.connection, now=now)
    _complete(change, by=by, now=now)


def _ready(*, now: datetime) -> QuerySet[ModeChange]:
    """What a look of the last minutes found wholly granted."""
    return ModeChange.objects.filter(problem="", checked_at__gt=now - FRESH)


@transaction.atomic
def _complete(change: ModeChange, *, by: User, now: datetime) -> None:
    row = _locked(change.connection_id)
    change.refresh_from_db()
    change.connection = row
    mailboxes.one_decision_at_a_time(row.unit_id)
    if row.state not in CAN_COMPLETE or not row.unit.works or needs_approval(change):
        raise NotPossibleNow
    old, new, old_client_id = row.credential, instead(change), _client_id(row)
    ready = _ready(now=now).filter(from_mode=row.mode)
    _end(change, ModeChange.State.DONE, now=now, rows=ready, old_client_id=old_client_id)
    stopped = row.state != State.ACTIVE
    if stopped:
        move(row, State.ACTIVE, now=now)
        audit.record(row.unit, "connection.active", row, by=by, now=now)
    CalendarConnection.objects.filter(pk=row.pk, mode=change.from_mode).update(
        mode=change.to_mode,
        credential=new.credential,
        proof=Proof.ADMINISTRATOR if change.approved_at else row.proof,
        consented_at=change.consented_at or row.consented_at,
        state_reason="",
        waiting_since=None,
        next_check_at=None,
        last_checked_at=change.checked_at,
    )
    _replace_checks(change)
    _read_anew(row, change, stopped=stopped, now=now)
    if new.credential != old:
        forget_unused(row.unit, old)
    audit.record(
        row.unit, "connection.mode_changed", row, by=by, now=now, change=change.public_id,
        before={"mode": change.from_mode}, after={"mode": change.to_mode},
    )  # fmt: skip
    jobs.enqueue_start_reading(row)


@transaction.atomic
def old_grant_is_gone(change: ModeChange, *, by: User, now: datetime) -> None:
    """An Ops Admin says that the administrator removed what the old mode was granted."""
    rows = ModeChange.objects.filter(pk=change.pk, state=ModeChange.State.DONE, old_grant_gone_at=None)
    if rows.update(old_grant_gone_at=now):
        _record(change, "connection.old_grant_gone", by=by, now=now)


# --- steps of the change ------------------------------------------------------------------------------------------
def _locked(connection_id: int) -> CalendarConnection:
    rows = CalendarConnection.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("unit", "credential").get(pk=connection_id)


def _end(change: ModeChange, state: str, *, now: datetime, rows=None, **also) -> None:
    """Leave `open`, once. A key that was pasted for a change that is not made is forgotten with it."""
    pasted = change.credential if state == ModeChange.State.CANCELLED and _pasted_for(change) else None
    _update_open(change, rows=rows, state=state, state_since=now, **also)
    if pasted is not None:
        forget_unused(change.connection.unit, pasted)


def _update_open(change: ModeChange, *, rows=None, **changes) -> None:
    """Raises NotPossibleNow when the change is over."""
    rows = ModeChange.objects.all() if rows is None else rows
    if not rows.filter(pk=change.pk, state=ModeChange.State.OPEN).update(**changes):
        raise NotPossibleNow
    for name, value in changes.items():
        setattr(change, name, value)


def _pasted_for(change: ModeChange) -> bool:
    """Whether its key came with it, rather than being the unit's before."""
    return change.credential is not None and change.credential.created_at >= change.created_at


def _client_id(connection: CalendarConnection) -> str:
    """What the old mode was granted to; empty when the installation has no such key any more."""
    try:
        return key_of(connection).client_id
    except AuthorizationLost:
        return ""


def _replace_checks(change: ModeChange) -> None:
    """The self-test's lines are those of the last look, which was made in the new mode."""
    change.connection.checks.all().delete()
    ScopeCheck.objects.bulk_create(
        ScopeCheck(
            unit_id=change.unit_id,
            connection_id=change.connection_id,
            name=name,
            result=result,
            code=code,
            checked_at=change.checked_at,
            since=change.checked_at,
        )
        for name, result, code in change.answers
    )


def _read_anew(row: CalendarConnection, change: ModeChange, *, stopped: bool, now: datetime) -> None:
    """Forget every place in a feed. Busy time stays until it is read again, in a narrower mode as bare spans.

    A reading in the old mode that ends meanwhile is dropped by the store, which looks at the mode under the
    calendar's lock. Calendars that such a reading is just listing hold their mailbox by its key: when the
    mailboxes are ours they are here too, or wait until the mode is the new one.
    """
    calendars = MemberCalendar.objects.filter(mailbox__connection=row)
    last = calendars.aggregate(last=Max("pk"))["last"] or 0
    nowhere = {"feed_token": "", "window_starts": None, "window_ends": None, "full_round_at": None}
    calendars.update(**nowhere)
    if stopped:  # after the calendars, as everywhere
        mailboxes.go_on(row, now=now)
    due = row.mailboxes.filter(next_sync_at__isnull=False)
    mailboxes.update_in_order(due, next_sync_at=now, calendars_listed_at=None)
    calendars.filter(pk__gt=last).update(**nowhere)
    EventPosition.objects.filter(calendar__in=calendars).delete()
    if not capabilities(row.provider, change.to_mode).writes_events:
        to_bare_spans(calendars)
    if not capabilities(row.provider, change.to_mode).push:
        row.push_channels.all().delete()  # of the old registration: those not stopped end by themselves


def _record(change: ModeChange, verb: str, *, by: User | HandOff | None, now: datetime, **facts) -> None:
    connection = change.connection
    audit.record(
        connection.unit, verb, connection, by=by, now=now, change=change.public_id, mode=change.to_mode, **facts
    )  # fmt: skip
