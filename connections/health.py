"""The self-test: each scope alone, one live mailbox; and what follows from the answers."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from orgunits import audit
from orgunits.models import User
from orgunits.names import domain_of

from . import domains
from .kinds import of_kind
from .models import Connection, ConnectionDomain, HandOff, ScopeCheck
from .providers.base import (
    AuthorizationLost,
    MailboxError,
    ProviderError,
    ScopeAnswer,
    readable,
)
from .reasons import code_of
from .services import Service, service_of
from .states import State

Result = ScopeCheck.Result
PATIENCE = timedelta(hours=24)  # how long a grant may take to spread
RECHECK = timedelta(minutes=30)  # of a connection that works, but not wholly
PROBE = "probe:mailbox"
FOR_NOW = {"provider_down", "provider_busy", "failed_at_provider"}  # says nothing of the authorization
# What ends a connection that worked, and the reason then shown: nothing of this heals by waiting.
LOST = {
    "not_delegated": "revoked",
    "consent_spreading": "revoked",
    "revoked": "revoked",
    "key_rejected": "key_rejected",
    "secret_expired": "secret_expired",
    "app_disabled": "app_disabled",
    "api_not_enabled": "api_not_enabled",
    "blocked_by_policy": "blocked_by_policy",
}


@dataclass(frozen=True)
class Verdict:
    """What a self-test means for the connection. `reason` is empty when it works."""

    works: bool
    reason: str = ""
    waits: bool = False  # trying again by ourselves makes sense


def judge(provider: str, answers: list[ScopeAnswer], probe: str | None) -> Verdict:
    """What the answers mean. Pure.

    `probe` is the reason code with which the live probe failed, "" when it answered, None when not tried.
    Live probes decide; Microsoft's list of roles is a hint, because Exchange can grant more.
    """
    asked = [answer for answer in answers if answer.requested]
    if any(answer.granted is None for answer in asked):
        return Verdict(False, "provider_down", waits=True)
    if probe == "":
        missing = [a for a in asked if not a.granted] if provider == "google" else []
        return Verdict(False, "incomplete", waits=True) if missing else Verdict(True)
    if not any(answer.granted for answer in asked):
        reason = "not_delegated" if provider == "google" else "consent_spreading"
        return Verdict(False, reason, waits=True)
    if not all(answer.granted for answer in asked):
        return Verdict(False, "incomplete", waits=True)
    return Verdict(False, probe or "probe_refused", waits=True)


def next_try(waiting_since: datetime, *, now: datetime) -> datetime | None:
    """When to look again while a grant spreads: soon at first, then every half hour; None after 24 hours."""
    waited = now - waiting_since
    if waited >= PATIENCE:
        return None
    if waited < timedelta(minutes=10):
        return now + timedelta(minutes=1)
    if waited < timedelta(hours=1):
        return now + timedelta(minutes=5)
    return now + timedelta(minutes=30)


def check_connection(
    connection: Connection,
    *,
    by: User | HandOff | None,
    now: datetime,
    service: Service | None = None,
) -> Verdict:
    """Run the self-test and act on it: activate, wait for the provider, or say what is missing.

    `service`: the connection's, where the caller opened it already.
    Never raises for what a provider answers: the row says it in words. While the unit is paused or archived
    nobody is asked and nothing changes.
    """
    if not connection.unit.works:
        return Verdict(False, "unit_at_rest")
    if connection.personal:  # nobody authorized for everybody: there is nothing to test
        return Verdict(True)
    verdict, answers, probe = _look(connection, service)
    if connection.state == State.ACTIVE and verdict.reason in LOST:
        verdict, answers, probe = _look(connection, service)  # one refusal alone ends nothing that worked
    with transaction.atomic():
        same_mode = Connection.objects.filter(pk=connection.pk, mode=connection.mode)
        if same_mode.select_for_update(no_key=True).first() is None:
            return verdict  # of a mode that is no longer the connection's
        _write_down(connection, answers, probe, now=now)
        _act(connection, verdict, by=by, now=now)
    return verdict


def _look(connection: Connection, service: Service | None) -> tuple[Verdict, list[ScopeAnswer], str | None]:
    """Ask once, whatever comes of it."""
    try:
        return ask(connection, service or service_of(connection))
    except AuthorizationLost as error:
        return _refused(connection, error.reason), [], None
    except ProviderError as error:
        return Verdict(False, code_of(error), waits=True), [], None


def _refused(connection: Connection, reason: str) -> Verdict:
    """The provider knows nothing of us: before the first consent that is no loss, only not yet."""
    if reason == "revoked" and connection.state == State.PENDING:
        return (
            Verdict(False, "consent_spreading", waits=True)
            if connection.consented_at
            else Verdict(False, "not_consented")
        )
    return Verdict(False, reason)


@readable()
def ask(connection: Connection, service: Service) -> tuple[Verdict, list[ScopeAnswer], str | None]:
    """Try each scope, and the mailbox or the directory that must answer, through `service`. Raises ProviderError."""
    mailbox = probed_mailbox(connection)
    if not mailbox:
        return Verdict(False, "no_administrator_mailbox"), [], None
    try:
        answers = service.probe_scopes()
    except MailboxError as error:  # Google asks for scopes as the administrator
        return Verdict(False, _probe_failed(error), waits=True), [], None
    probe: str | None = None
    if any(answer.granted for answer in answers if answer.requested) or connection.provider == "microsoft":
        try:
            if connection.capabilities.reads_directory:
                service.probe_directory()
            else:
                service.probe_mailbox(mailbox)
            probe = ""
        except MailboxError as error:
            probe = _probe_failed(error)
        except AuthorizationLost as error:
            probe = error.reason if error.reason != "not_delegated" else "incomplete"
    return judge(connection.provider, answers, probe), answers, probe


def probed_mailbox(connection: Connection) -> str:
    """The address of the mailbox that must work: one that was named, else the administrator's.

    Empty when the administrator's account tells none; Google asks for scopes as them, so that it needs one.
    """
    if connection.provider == Connection.Provider.GOOGLE and not connection.administrator:
        return ""
    return connection.test_mailbox or connection.administrator


def _probe_failed(error: MailboxError) -> str:
    return "probe_refused" if error.failure == "refused" else "no_administrator_mailbox"


def _write_down(
    connection: Connection, answers: list[ScopeAnswer], probe: str | None, *, now: datetime
) -> None:
    """Keep each line of the self-test with since when it is so; lines no longer asked disappear."""
    rows = {
        answer.name: (
            Result.UNKNOWN
            if answer.granted is None
            else Result.UNREQUESTED
            if not answer.requested
            else Result.GRANTED
            if answer.granted
            else Result.MISSING,
            answer.code,
        )
        for answer in answers
    }
    if probe is not None:
        rows[PROBE] = (Result.GRANTED if probe == "" else Result.MISSING, probe)
    if not rows:
        return
    before = {check.name: check for check in connection.checks.all()}
    connection.checks.exclude(name__in=rows).delete()
    for name, (result, code) in rows.items():
        same = before.get(name) and before[name].result == result
        ScopeCheck.objects.update_or_create(
            connection=connection,
            name=name,
            defaults={
                "unit_id": connection.unit_id,
                "result": result,
                "code": code,
                "checked_at": now,
                "since": before[name].since if same else now,
            },
        )


def _act(connection: Connection, verdict: Verdict, *, by: User | HandOff | None, now: datetime) -> None:
    """Move the connection to what the verdict says."""
    # no stronger a lock: who is given members of this connection meanwhile holds it by its key
    row = Connection.objects.select_for_update(no_key=True).get(pk=connection.pk)
    row.last_checked_at = now
    if row.state in {State.PAUSED, State.DISCONNECTED}:
        return
    if verdict.works:
        row.state_reason, row.waiting_since, row.next_check_at = "", None, None
        row.save(update_fields=["state_reason", "waiting_since", "next_check_at", "last_checked_at"])
        if row.capabilities.reads_calendars and probed_mailbox(connection) == row.administrator:
            # The administrator's own mailbox answered through this connection: that proves its domain.
            with suppress(domains.NotADomain):  # Microsoft: a user name need not be an address
                domain, how = domain_of(row.administrator), ConnectionDomain.Verified.MAILBOX
                domains.add_domain(row, domain, by=by, now=now, verified=how)
        if row.state != State.ACTIVE:
            of_kind(row).activate(row, by=by, now=now)
    elif row.state == State.ACTIVE and verdict.reason in LOST:
        row.save(update_fields=["last_checked_at"])
        of_kind(row).mark_lost(row, LOST[verdict.reason], now=now)
    else:
        _wait(row, verdict, now=now)
    if by is not None:
        audit.record(
            row.unit, "connection.checked", row, by=by, now=now, works=verdict.works, reason=verdict.reason
        )
    for name in ("state", "state_since", "state_reason", "waiting_since", "next_check_at", "last_checked_at"):
        setattr(connection, name, getattr(row, name))


def _wait(row: Connection, verdict: Verdict, *, now: datetime) -> None:
    if row.state != State.NEEDS_REAUTHORIZATION or verdict.reason not in FOR_NOW:
        row.state_reason = verdict.reason  # a moment's trouble does not hide why it was lost
    row.next_check_at = None
    if row.state in {State.PENDING, State.NEEDS_REAUTHORIZATION} and verdict.waits:
        row.waiting_since = row.waiting_since or now
        row.next_check_at = next_try(row.waiting_since, now=now)
        if row.next_check_at is None and verdict.reason == "not_delegated":
            row.state_reason = "delegation_overdue"
    elif row.state == State.ACTIVE and verdict.waits:
        row.next_check_at = now + RECHECK
    row.save(update_fields=["state_reason", "waiting_since", "next_check_at", "last_checked_at"])


def start_waiting_again(connection: Connection, *, now: datetime) -> None:
    """A person looks again after the 24 hours: they begin anew."""
    overdue = connection.waiting_since and now - connection.waiting_since >= PATIENCE
    if overdue:
        Connection.objects.filter(pk=connection.pk).update(waiting_since=now)
        connection.waiting_since = now


@dataclass(frozen=True)
class CheckLine:
    """One line of the self-test as it is shown."""

    name: str
    result: str  # granted | missing | unrequested | unknown | not_asked
    code: str = ""
    since: datetime | None = None
    checked_at: datetime | None = None


def check_lines(connection: Connection) -> list[CheckLine]:
    """Asked scopes in their order, then what was granted beyond, then the live probe."""
    done = {check.name: check for check in connection.checks.all()}
    asked = connection.scopes.organization
    names = [*asked, *(n for n in done if n not in asked and n != PROBE), PROBE]
    return [
        CheckLine(n, done[n].result, done[n].code, done[n].since, done[n].checked_at)
        if n in done
        else CheckLine(n, "not_asked")
        for n in names
        if n in done or n in asked
    ]
