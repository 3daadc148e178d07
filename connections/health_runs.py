"""Looking after a connection's health: what our own rows say, what the provider answers, and since when."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Aggregate, Count, Max, Min, Q, QuerySet
from django_q.models import OrmQ

from orgunits.models import OrganizationalUnit, User
from orgunits.names import domain_of

from . import circuits, directories, health_checks
from .health import check_connection
from .health_checks import Channels, Finding, Readings
from .models import Connection, DirectoryReading, HealthCheck, Mailbox, PushChannel
from .providers.base import (
    AuthorizationLost,
    MailboxError,
    ProviderError,
    readable,
)
from .reasons import code_of
from .services import Service, proven_domains, service_of
from .states import OF_THE_CONNECTION, State

Result = HealthCheck.Result
Provider = Connection.Provider
EVERY = timedelta(hours=1)  # how often each connection is looked after
SECONDS = 15  # after which no further question is begun: somebody may be waiting for the page
SECOND_EVERY = timedelta(hours=23)  # a second administrator: once a day, at whatever minute the hour comes to
READ = (Mailbox.State.WAITING, Mailbox.State.SYNCED, Mailbox.State.FAILING)
HELD = (Mailbox.State.PAUSED, Mailbox.State.STOPPED)


class Median(Aggregate):
    """The value in the middle of a column; null where there is none. PostgreSQL's ordered-set aggregate."""

    function = "percentile_disc"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"


# --- what our own rows say ----------------------------------------------------------------------------------------
def _how_reading_goes(*, now: datetime) -> dict[str, Aggregate]:
    """The fields of Readings, counted over mailboxes."""
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    due = free & Q(next_sync_at__lte=now)
    failing = Q(state=Mailbox.State.FAILING)
    return {
        "number": Count("pk"),
        "read": Count("last_synced_at"),
        "newest": Max("last_synced_at"),
        "oldest": Min("last_synced_at"),
        "median": Median("last_synced_at"),
        "oldest_of_well": Min("last_synced_at", filter=Q(state=Mailbox.State.SYNCED)),
        "due": Count("pk", filter=due),
        "due_since": Min("next_sync_at", filter=due),
        "failing": Count("pk", filter=failing),
        "failing_of_connection": Count("pk", filter=failing & Q(failure__in=OF_THE_CONNECTION)),
        "next_try": Min("next_sync_at", filter=failing),
    }


def readings_of(connection: Connection, *, now: datetime) -> Readings:
    """How reading goes, over all mailboxes of the connection; one query."""
    rows = connection.mailboxes.filter(state__in=(*READ, *HELD))
    return Readings(**rows.aggregate(**_how_reading_goes(now=now)))


def readings_by_connection(unit: OrganizationalUnit, *, now: datetime) -> dict[int, Readings]:
    """The same for each connection of the unit that serves somebody, by its key; one query."""
    rows = unit.mailboxes.filter(state__in=(*READ, *HELD), connection__isnull=False)
    found = rows.order_by().values("connection").annotate(**_how_reading_goes(now=now))
    return {row.pop("connection"): Readings(**row) for row in found}


def channels_of(connection: Connection, *, now: datetime) -> Channels:
    """What is known of the connection's push channels; one query."""
    State = PushChannel.State
    is_open, refused = Q(state=State.OPEN), Q(state=State.REFUSED)
    late = now - health_checks.RENEWAL_OVERDUE
    found = connection.push_channels.aggregate(
        open=Count("pk", filter=is_open & Q(expires_at__gt=now)),
        ended=Count("pk", filter=is_open & Q(expires_at__lte=now)),
        overdue=Count("pk", filter=is_open & Q(due_at__lt=late)),
        refused=Count("pk", filter=refused),
        problem=Max("problem", filter=refused),
        next_renewal=Min("due_at", filter=is_open),
        first_end=Min("expires_at", filter=is_open),
    )
    return Channels(**{**found, "problem": found["problem"] or ""})


def _secret(connection: Connection, *, now: datetime) -> Finding:
    own = connection.credential
    if own is not None:
        return health_checks.judge_secret(own.secret_since, own.secret_ends_on, own=True, today=now.date())
    permission_set = connection.scopes.permission_set
    ends_on = settings.INSTALLATION_SECRET_ENDS.get(permission_set)
    return health_checks.judge_secret(None, ends_on, own=False, today=now.date())


def observe(connection: Connection, *, now: datetime) -> dict[str, Finding]:
    """The checks that ask nobody outside: three queries, whatever the number of members."""
    if connection.capabilities.reads_directory:
        return _observe_directory(connection, now=now)
    push = connection.capabilities.push
    reachable = bool(settings.PUBLIC_URL)
    readings = readings_of(connection, now=now)
    channels = channels_of(connection, now=now) if push and reachable else Channels()
    seconds = settings.PUSHED_POLL_SECONDS if channels.open else settings.POLL_SECONDS
    every = timedelta(seconds=seconds)
    oldest_job = OrmQ.objects.filter(lock__lte=now).aggregate(first=Min("lock"))["first"]
    slowed = connection.slowed_until if circuits.is_open(connection, now=now) else None
    secret = {} if connection.personal else {health_checks.SECRET: _secret(connection, now=now)}
    reading = {
        health_checks.LAST_GOOD: health_checks.judge_last_good(
            connection.last_good_at, readings, every=every, now=now
        ),
        health_checks.DATA_AGE: health_checks.judge_age(readings, every=every, now=now),
        health_checks.QUEUE: health_checks.judge_queue(oldest_job, readings, now=now),
    }
    if slowed or connection.state in {State.PAUSED, State.NEEDS_REAUTHORIZATION}:
        said = (name for name in reading if name != health_checks.QUEUE or reading[name].code)
        reading |= {name: health_checks.while_nobody_asks(reading[name]) for name in list(said)}
    return {
        **secret,
        health_checks.PUSH: health_checks.judge_push(
            channels, possible=push, reachable=reachable, mailboxes=readings.number
        ),
        **reading,
        health_checks.RETRY: health_checks.judge_retry(connection.next_check_at, readings),
        health_checks.CIRCUIT: health_checks.judge_circuit(
            open_until=slowed, down=circuits.is_half_open(connection)
        ),
    }


def _observe_directory(connection: Connection, *, now: datetime) -> dict[str, Finding]:
    readings = connection.directory_readings.exclude(state=DirectoryReading.State.RUNNING)
    last = readings.order_by("-started_at").first()
    complete = directories.last_complete(connection)
    slowed = connection.slowed_until if circuits.is_open(connection, now=now) else None
    return {
        health_checks.SECRET: _secret(connection, now=now),
        health_checks.DIRECTORY: health_checks.judge_directory(
            complete.started_at if complete else None,
            last.problem if last else "",
            every=directories.EVERY,
            now=now,
        ),
        health_checks.CIRCUIT: health_checks.judge_circuit(
            open_until=slowed, down=circuits.is_half_open(connection)
        ),
    }


# --- what the provider answers ------------------------------------------------------------------------------------
def _no_answer(error: ProviderError) -> Finding:
    return Finding(Result.UNKNOWN, code_of(error))


def _must_be_refused(connection: Connection, service: Service) -> Finding:
    """A mailbox outside the tenant's application access policy.

    https://learn.microsoft.com/graph/auth-limit-mailbox-access
    """
    try:
        with readable():
            service.probe_mailbox(connection.must_be_refused)
    except MailboxError as error:
        if error.failure == Mailbox.Failure.REFUSED:
            return Finding(Result.WELL)
        return Finding(Result.UNKNOWN, "no_mailbox")
    except ProviderError as error:
        return _no_answer(error)
    restricts = connection.capabilities.obeys_mailbox_policy
    return Finding(Result.FAILING, "policy_does_not_restrict" if restricts else "policy_cannot_restrict")


def may_ask_as(connection: Connection, address: str) -> bool:
    """Whether `address` is in a domain of this tenant, so that asking tells nothing about another one."""
    domains = proven_domains(connection)
    return domains is None or domain_of(address) in domains


def _second_administrator(connection: Connection) -> Finding:
    """Everything the self-test asks as the first administrator, asked as the second one."""
    address = connection.second_administrator
    if not may_ask_as(connection, address):
        return Finding(Result.FAILING, "domain_not_proven")
    try:
        with readable():
            service = service_of(connection, administrator=address)
            answers = service.probe_scopes()
            if connection.capabilities.reads_directory:
                service.probe_directory()
            else:
                service.probe_mailbox(address)
    except MailboxError:
        return Finding(Result.FAILING, "second_refused")
    except AuthorizationLost as error:
        if error.reason == "not_an_administrator":  # Google's directory is closed to them
            return Finding(Result.FAILING, "second_refused")
        return _no_answer(error)
    except ProviderError as error:
        return _no_answer(error)
    granted = all(answer.granted for answer in answers if answer.requested)
    return Finding(Result.WELL) if granted else Finding(Result.FAILING, "incomplete")


def _ask(
    connection: Connection,
    service: Service | None,
    *,
    whole: bool,
    until: float,
    now: datetime,
) -> dict[str, Finding]:
    """The checks beside the self-test that need the provider, as far as they are due.

    `until`, by the monotonic clock: when a slow provider has taken so long, the rest stays as it was.
    """
    found = {health_checks.CLOCK: health_checks.judge_clock(service.clock_skew if service else None)}
    if connection.provider == Provider.MICROSOFT and connection.capabilities.reads_calendars:
        if not connection.must_be_refused:
            found[health_checks.REFUSED] = Finding(Result.NOT_SET_UP, "not_set_up")
        elif service is not None and time.monotonic() < until:
            found[health_checks.REFUSED] = _must_be_refused(connection, service)
    if connection.provider == Provider.GOOGLE:
        if not connection.second_administrator:
            found[health_checks.SECOND] = Finding(Result.NOT_SET_UP, "not_set_up")
        elif time.monotonic() < until and (whole or _second_is_due(connection, now=now)):
            found[health_checks.SECOND] = _second_administrator(connection)
    return found


def _second_is_due(connection: Connection, *, now: datetime) -> bool:
    last = connection.health_checks.filter(name=health_checks.SECOND, checked_at__gt=now - SECOND_EVERY)
    return not last.exists()


# --- looking ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Change:
    """A check whose result is another one than before; `name` is a scope, "probe:mailbox" or a health check."""

    name: str
    before: str  # empty: it was never looked at
    after: str


def can_be_looked_at(connection: Connection) -> bool:
    """Whether anybody is asked: not for a paused or disconnected connection, a unit at rest, or No Access."""
    return (
        connection.unit.works
        and connection.state not in {State.PAUSED, State.DISCONNECTED}
        and connection.capabilities.asks
    )


def due(*, now: datetime) -> QuerySet[Connection]:
    """Working connections that nobody looked after for an hour. Each has its own minute: when it was last done."""
    rows = Connection.objects.filter(state=State.ACTIVE, unit__state=OrganizationalUnit.State.ACTIVE)
    rows = rows.exclude(provider__in=(Provider.NONE, Provider.CSV))
    return rows.filter(Q(health_checked_at=None) | Q(health_checked_at__lte=now - EVERY))


def run_checks(connection: Connection, *, by: User | None, now: datetime) -> list[Change]:
    """Run the self-test and every other check, and keep each result with since when it is so.

    Answers what changed. Never raises for what a provider answers. `by`: who asked to look now; then all is
    tried, also what is tried once a day.
    """
    if not can_be_looked_at(connection):
        return []
    before = _results(connection)
    found: dict[str, Finding] = {}
    quiet = by is None and circuits.is_open(connection, now=now)  # then a person alone may ask
    if not connection.personal and not quiet:  # personal: nobody authorized for the whole organization
        until = time.monotonic() + SECONDS
        service = _open(connection)
        check_connection(connection, by=by, now=now, service=service)
        found = _ask(connection, service, whole=by is not None, until=until, now=now)
    connection.refresh_from_db()
    found |= observe(connection, now=now)
    _write_down(connection, found, now=now)
    after = _results(connection)
    return [
        Change(name, before.get(name, ""), result)
        for name, result in after.items()
        if before.get(name, "") != result
    ]


def _open(connection: Connection) -> Service | None:
    try:
        with readable():
            return service_of(connection)
    except ProviderError:
        return None  # the self-test says why


def _results(connection: Connection) -> dict[str, str]:
    scopes = connection.checks.order_by("pk").values_list("name", "result")
    return {**dict(scopes), **dict(connection.health_checks.order_by("pk").values_list("name", "result"))}


@transaction.atomic
def _write_down(connection: Connection, found: Mapping[str, Finding], *, now: datetime) -> None:
    rows = Connection.objects.filter(pk=connection.pk)
    rows.select_for_update(no_key=True).get()  # one at a time: `since` is what the last one wrote
    before = {row.name: row for row in connection.health_checks.all()}
    HealthCheck.objects.bulk_create(
        [
            HealthCheck(
                unit_id=connection.unit_id,
                connection=connection,
                name=name,
                result=finding.result,
                code=finding.code,
                facts=dict(finding.facts),
                since=before[name].since if name in before and before[name].result == finding.result else now,
                checked_at=now,
            )
            for name, finding in sorted(found.items())
        ],
        update_conflicts=True,
        unique_fields=["connection", "name"],
        update_fields=["result", "code", "facts", "since", "checked_at"],
    )
    rows.update(health_checked_at=now)
