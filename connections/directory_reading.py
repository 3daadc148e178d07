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

from . import circuits, directories, directory_sheets, directory_store, jobs
from .directory_groups import all_groups_told, keep_group, keep_rooms
from .health import LOST, check_connection
from .models import Connection, DirectoryReading, DirectorySheet
from .modes import Extra
from .providers.base import FeedExpired, ProviderError, Throttled, readable
from .providers.directory import DirectoryService, PeoplePage
from .reasons import code_of
from .services import directory_service
from .snapshots import Snapshot, counts_as_snapshot
from .states import State, explain

Reading = DirectoryReading.State
AGAIN = timedelta(minutes=10)  # after one that did not come to its end
LEASE = timedelta(minutes=2)  # of a job; a killed one's reading is begun anew afterwards
SECONDS = 35  # after which a job hands over to the next one
KEPT = 60  # readings of a connection, of each kind, and the last that counted
PEOPLE, GROUPS = "people", "groups"


class HandOver(Exception):
    """The job has worked long enough; the next one goes on from the reading's place."""


# --- when ---------------------------------------------------------------------------------------------------------
def due(*, now: datetime, asked_at: datetime | None = None) -> QuerySet[Connection]:
    """Directories whose time has come: never read, read long ago, left unfinished, or with changes to be told.

    `asked_at`: when somebody asked; then every one that no reading began for since.
    """
    readings = DirectoryReading.objects.filter(connection=OuterRef("pk"))
    at_work = readings.filter(state=Reading.RUNNING, leased_until__gt=now)
    complete = readings.filter(state=Reading.COMPLETE)
    fresh = complete.filter(whole=True, started_at__gt=asked_at or now - directories.EVERY)
    told = complete.filter(started_at__gt=asked_at or now - directories.CHANGES_EVERY)
    files = DirectorySheet.objects.filter(connection=OuterRef("pk"), state=DirectorySheet.State.TAKING)
    file = Q(provider=Connection.Provider.CSV)  # read once, when it is taken over
    failed = readings.filter(state=Reading.INCOMPLETE, started_at__gt=asked_at or now - AGAIN)
    rows = Connection.objects.directories().filter(
        state=State.ACTIVE, unit__state=OrganizationalUnit.State.ACTIVE
    )
    unfinished = Exists(readings.filter(state=Reading.RUNNING))
    old = file | ~Exists(fresh) | (~Q(changes_cursor="") & ~Exists(told))
    rows = rows.filter(~Exists(at_work), ~file | Exists(files))
    rows = rows.filter(unfinished | (old & ~Exists(failed)))
    return rows.filter(Q(slowed_until=None) | Q(slowed_until__lte=now))


def whole_is_due(connection: Connection, *, now: datetime, asked_at: datetime | None = None) -> bool:
    """Whether everything is read, not only what changed: nobody tells what changed, the last whole reading is long
    ago or was asked otherwise, or somebody wants it.

    Google tells no changes of a directory: `users.list` has no sync token, and its push messages name one person
    each and are lost when nobody is there to hear them. So it is read whole every time.
    """
    last = directories.last_complete(connection)
    if not connection.changes_cursor or last is None or last.asked != asked(connection):
        return True
    return last.started_at <= (asked_at or now - directories.EVERY)


def asked(connection: Connection) -> str:
    """A digest of what decides how much an answer holds: tenant, key, administrator and scopes. Two readings with
    different ones do not tell who left."""
    key = connection.credential.client_id if connection.credential else ""
    facts = [connection.tenant, key, connection.administrator, *connection.scopes.organization]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def take(connection: Connection, *, now: datetime, whole: bool = True) -> DirectoryReading | None:
    """The reading to go on with, or a new one, `whole` or of what changed; None while another job is at it.

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
                whole=whole,
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
def read(
    connection: Connection, *, now: datetime, seconds: float = SECONDS, whole: bool = True
) -> DirectoryReading | None:
    """Read the directory, or not `whole` but what changed, for about `seconds`; what is left is put into the queue.

    Never raises for what a provider answers: the reading says it in words. None while another job reads it.
    """
    reading = take(connection, now=now, whole=whole)
    if reading is None:
        return None
    try:
        with readable():
            walk = _Walk(connection, reading, until=monotonic() + seconds, now=now)
            missing = walk.go()
        _completed(connection, reading, missing, walk.cursor, now=now)
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
        self.cursor = ""  # where the next round of changes begins

    def go(self) -> set[int]:
        """Answers whom the directory did not tell of: their keys. Raises ProviderError, HandOver."""
        connection, reading = self.connection, self.reading
        service, known = directory_service(connection), None
        if not reading.whole:
            try:
                self._changes(service)
                return set()  # who is not told did not change
            except FeedExpired:  # what changed meanwhile nobody tells any more: only everything is the truth
                _forget_the_way(reading)
                reading.whole = True
        if reading.place.get("phase", PEOPLE) == PEOPLE:
            known = self._people(service)
            reading.place = {"phase": GROUPS, "told": [], "cursor": self.cursor}
        self.cursor = reading.place["cursor"]
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
                self._keep(page, known)
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

    def _changes(self, service: DirectoryService) -> None:
        """Who changed, came or was removed since the cursor: people only. Raises FeedExpired."""
        reading = self.reading
        for page in service.changes(reading.place.get("token") or self.connection.changes_cursor):
            directory_store.still_works(self.connection)
            ids = [one.external_id for one in (*page.people, *page.removed)]
            known = directory_store.known(self.connection, only=ids)
            self._keep(page, known)
            self._count(known)
            if page.place and monotonic() > self.until:
                reading.place = {"phase": PEOPLE, "token": page.place}
                raise HandOver

    def _keep(self, page: PeoplePage, known: directory_store.Known) -> None:
        directory_store.keep_people(self.connection, page.people, known, now=self.now)
        if page.removed:
            directory_store.keep_removals(self.connection, page.removed, known, now=self.now)
        self.cursor = page.cursor

    def _count(self, known: directory_store.Known) -> None:
        if self.reading.whole:
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
    connection: Connection, reading: DirectoryReading, missing: set[int], cursor: str, *, now: datetime
) -> None:
    """Everything was seen. Who is absent is written together with the reading that says so: a job that is killed
    counts nobody twice. Raises AuthorizationLost."""
    if not _is_ours(reading):
        return
    counted = reading.whole and counts(reading)
    if counted and missing:
        directory_store.mark_absences(connection, missing, now=now)
    _end(connection, reading, Reading.COMPLETE, now=now, absent=len(missing), counted=counted)
    Connection.objects.filter(pk=connection.pk).update(last_good_at=now, changes_cursor=cursor)
    connection.changes_cursor = cursor
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
    if connection.capabilities.from_files:
        directory_sheets.finish(connection, reading, now=now)
    alike = connection.directory_readings.filter(whole=reading.whole).order_by("-started_at")
    kept = [
        *alike.values_list("pk", flat=True)[:KEPT],
        *alike.filter(counted=True).values_list("pk", flat=True)[:1],
    ]
    alike.exclude(pk__in=kept).delete()
