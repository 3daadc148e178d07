"""Reading a directory: one walk through everything it tells, by as many jobs as it takes.

Only a walk that saw everything says anything about who is not there; and nobody is taken for gone here: that is
decided upstairs, by rule, plan and guard.
"""

import hashlib
import json
from array import array
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from orgunits.models import OrganizationalUnit

from . import circuits, directories, directory_store, jobs
from .directory_groups import all_groups_told, keep_group, keep_rooms
from .health import LOST, check_connection
from .models import Connection, DirectoryReading
from .modes import Extra
from .providers.base import FeedExpired, ProviderError, Throttled, readable
from .providers.directory import DirectoryService
from .reasons import code_of
from .services import directory_service
from .snapshots import Snapshot, counts_as_snapshot
from .states import State, explain

Reading = DirectoryReading.State
AGAIN = timedelta(minutes=10)  # after one that did not come to its end
LEASE = timedelta(minutes=2)  # of a job; a killed one's reading is begun anew afterwards
SECONDS = 35  # after which a job hands over to the next one
KEPT = 60  # readings of a connection
PEOPLE, GROUPS = "people", "groups"


class HandOver(Exception):
    """The job has worked long enough; the next one goes on from the reading's place."""


# --- when ---------------------------------------------------------------------------------------------------------
def due(*, now: datetime, asked_at: datetime | None = None) -> QuerySet[Connection]:
    """Directories whose time has come: never read, read long ago, or left unfinished.

    `asked_at`: when somebody asked; then every one that no reading began for since.
    """
    readings = DirectoryReading.objects.filter(connection=OuterRef("pk"))
    at_work = readings.filter(state=Reading.RUNNING, leased_until__gt=now)
    fresh = readings.filter(state=Reading.COMPLETE, started_at__gt=asked_at or now - directories.EVERY)
    failed = readings.filter(state=Reading.INCOMPLETE, started_at__gt=asked_at or now - AGAIN)
    rows = Connection.objects.directories().filter(
        state=State.ACTIVE, unit__state=OrganizationalUnit.State.ACTIVE
    )
    unfinished = Exists(readings.filter(state=Reading.RUNNING))
    rows = rows.filter(~Exists(at_work)).filter(unfinished | (~Exists(fresh) & ~Exists(failed)))
    return rows.filter(Q(slowed_until=None) | Q(slowed_until__lte=now))


def asked(connection: Connection) -> str:
    """A digest of what decides how much an answer holds: tenant, key, administrator and scopes. Two readings with
    different ones do not tell who left."""
    key = connection.credential.client_id if connection.credential else ""
    facts = [connection.tenant, key, connection.administrator, *connection.scopes.organization]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def take(connection: Connection, *, now: datetime) -> DirectoryReading | None:
    """The reading to go on with, or a new one; None while another job is at it.

    What a killed job left is begun anew: of its place nobody knows whether it was kept before or after the rows.
    """
    with transaction.atomic():
        left = connection.directory_readings.select_for_update().filter(state=Reading.RUNNING).first()
        if left is not None:
            if left.leased_until and left.leased_until > now:
                return None
            if left.leased_until:
                _forget_the_way(left)
            left.leased_until = now + LEASE
            left.save()
            return left
    try:
        with transaction.atomic():
            return DirectoryReading.objects.create(
                unit_id=connection.unit_id,
                connection=connection,
                asked=asked(connection),
                started_at=now,
                leased_until=now + LEASE,
            )
    except IntegrityError:
        return None


def _forget_the_way(reading: DirectoryReading) -> None:
    reading.place, reading.seen, reading.people, reading.added, reading.changed = {}, b"", 0, 0, 0


def counts(reading: DirectoryReading) -> bool:
    """Whether who is not told in this reading, which saw everything, is absent once more."""
    earlier = reading.connection.directory_readings.filter(state=Reading.COMPLETE, whole=True)
    earlier = earlier.exclude(pk=reading.pk).order_by("-started_at")
    last, counted = earlier.first(), earlier.filter(counted=True).first()
    return counts_as_snapshot(
        Snapshot(reading.started_at, reading.people, reading.asked),
        before=last and Snapshot(last.started_at, last.people, last.asked),
        counted_at=counted and counted.started_at,
        interval=timedelta(hours=settings.DIRECTORY_SNAPSHOT_HOURS),
    )


# --- the walk -----------------------------------------------------------------------------------------------------
def read(connection: Connection, *, now: datetime, seconds: float = SECONDS) -> DirectoryReading | None:
    """Read the directory, for about `seconds`; what is left is put into the queue.

    Never raises for what a provider answers: the reading says it in words. None while another job reads it.
    """
    reading = take(connection, now=now)
    if reading is None:
        return None
    try:
        with readable():
            missing = _Walk(connection, reading, until=monotonic() + seconds, now=now).go()
        _completed(connection, reading, missing, now=now)
        return reading
    except HandOver:
        _hand_over(connection, reading)
        return reading
    except ProviderError as error:
        problem = code_of(error)
        if isinstance(error, Throttled):
            patience = timedelta(seconds=min(error.retry_after or 60, 3600))
            circuits.be_patient(connection, until=now + patience)
        _ended_before(connection, reading, problem, error.code, now=now)
    if problem in LOST:  # one refusal alone ends nothing that worked
        check_connection(connection, by=None, now=now)
    return reading


class _Walk:
    """People, then groups and rooms where they were asked for. What was read is kept, whatever comes after; who was
    not told is counted at the very end, when everything was read."""

    def __init__(self, connection: Connection, reading: DirectoryReading, *, until: float, now: datetime):
        self.connection, self.reading, self.until, self.now = connection, reading, until, now

    def go(self) -> set[int]:
        """Answers whom the directory did not tell of: their keys. Raises ProviderError, HandOver."""
        connection, reading = self.connection, self.reading
        service, known = directory_service(connection), None
        if reading.place.get("phase", PEOPLE) == PEOPLE:
            known = self._people(service)
            reading.place = {"phase": GROUPS, "told": []}
        if Extra.GROUPS in connection.extras:
            self._groups(service)
        if self._has_rooms:
            reading.rooms = keep_rooms(connection, list(service.rooms()), now=self.now)
        return directory_store.not_told(known or self._known())

    @property
    def _has_rooms(self) -> bool:
        microsoft = self.connection.provider == Connection.Provider.MICROSOFT  # within the design's scopes
        return microsoft or Extra.ROOMS in self.connection.extras

    def _known(self) -> directory_store.Known:
        """Who is kept, and whom the jobs before this one saw."""
        known = directory_store.known(self.connection)
        known.seen |= set(array("Q", self.reading.seen))
        return known

    def _people(self, service: DirectoryService) -> directory_store.Known:
        connection, reading, known = self.connection, self.reading, self._known()
        try:
            for page in service.people(reading.place.get("token", "")):
                directory_store.still_works(connection)
                directory_store.keep_people(connection, page.people, known, now=self.now)
                if page.removed:
                    directory_store.keep_removals(connection, page.removed, now=self.now)
                if page.place and monotonic() > self.until:
                    self._count(known)
                    reading.place = {"phase": PEOPLE, "token": page.place}
                    raise HandOver
        except FeedExpired:  # the place, after a long pause: from the beginning
            if not reading.place:
                raise
            _forget_the_way(reading)
            return self._people(service)
        self._count(known)
        return known

    def _count(self, known: directory_store.Known) -> None:
        self.reading.seen = array("Q", sorted(known.seen)).tobytes()
        self.reading.people += known.told
        self.reading.added += known.added
        self.reading.changed += known.changed

    def _groups(self, service: DirectoryService) -> None:
        told = self.reading.place["told"]
        for group in service.groups(but=frozenset(told)):
            directory_store.still_works(self.connection)
            keep_group(self.connection, group)
            told.append(group.external_id)
            if monotonic() > self.until:
                raise HandOver
        self.reading.groups = all_groups_told(self.connection, told, now=self.now)


# --- its end ------------------------------------------------------------------------------------------------------
@transaction.atomic
def _hand_over(connection: Connection, reading: DirectoryReading) -> None:
    """The place and the job that goes on from it, together."""
    if _is_ours(reading):
        reading.leased_until = None
        reading.save()
        jobs.enqueue_directory(connection)


@transaction.atomic
def _completed(
    connection: Connection, reading: DirectoryReading, missing: set[int], *, now: datetime
) -> None:
    """Everything was seen. Who is absent is written together with the reading that says so: a job that is killed
    counts nobody twice. Raises AuthorizationLost."""
    if not _is_ours(reading):
        return
    counted = counts(reading)
    if counted and missing:
        directory_store.mark_absences(connection, missing, now=now)
    _end(connection, reading, Reading.COMPLETE, now=now, absent=len(missing), counted=counted)
    Connection.objects.filter(pk=connection.pk).update(last_good_at=now)
    if connection.state_reason:
        explain(connection, "")


@transaction.atomic
def _ended_before(
    connection: Connection, reading: DirectoryReading, problem: str, code: str, *, now: datetime
) -> None:
    """It did not come to its end: what was told is kept, and nobody is absent by it."""
    if _is_ours(reading):
        _end(connection, reading, Reading.INCOMPLETE, now=now, problem=problem, problem_code=code)
        explain(connection, problem)


def _is_ours(reading: DirectoryReading) -> bool:
    """Whether no other job took it over, because this one was slow to its lease's end. Locks the row."""
    rows = DirectoryReading.objects.select_for_update().filter(pk=reading.pk, state=Reading.RUNNING)
    return rows.filter(leased_until=reading.leased_until).exists()


def _end(
    connection: Connection, reading: DirectoryReading, state: Reading, *, now: datetime, **facts: object
) -> None:
    for name, value in facts.items():
        setattr(reading, name, value)
    reading.state, reading.finished_at = state, now
    reading.leased_until, reading.place, reading.seen = None, {}, b""
    reading.save()
    kept = connection.directory_readings.order_by("-started_at").values_list("pk", flat=True)[:KEPT]
    connection.directory_readings.exclude(pk__in=list(kept)).delete()
