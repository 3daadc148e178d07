"""Verbs of a directory's file: keep it to be looked at, take it over, finish, discard, forget."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from orgunits import audit
from orgunits.models import User

from . import jobs, life
from .directory_files import File, read
from .directory_sheet_plans import Outcome, write_lines
from .models import Connection, DirectoryReading, DirectorySheet, DirectorySheetLine
from .states import NotPossibleNow, State

Sheet = DirectorySheet.State
KEPT = timedelta(days=1)
TAKES = (State.PENDING, State.ACTIVE)
TAKEN = (Sheet.TAKING, Sheet.APPLIED)
AT_ONCE = 2000  # lines that are compared while somebody waits; more are a job's


class NotThisFile(Exception):
    """It cannot be taken over (any more). The argument: `over`, `nobody`, `older`, `another` or `other_key`."""


def must_take_files(connection: Connection) -> None:
    """Whether files are taken over now. Raises NotPossibleNow for a paused or ended connection or unit."""
    if connection.state not in TAKES or not connection.unit.works:
        raise NotPossibleNow


@transaction.atomic
def keep_file(connection: Connection, file: File, *, by: User, now: datetime) -> DirectorySheet:
    """Keep an uploaded file for a day and find out what taking it over would do; nothing else is changed.

    Raises NotPossibleNow; NotThisFile while another file is being taken over, and (`other_key`) for a file without
    ids after files with ids, or the other way round: everybody would be somebody else.
    """
    must_take_files(connection)
    if connection.directory_sheets.filter(state=Sheet.TAKING).exists():
        raise NotThisFile("another")
    _must_have_the_same_key(connection, file.keyed_by_address)
    sheet = DirectorySheet.objects.create(
        unit_id=connection.unit_id,
        connection=connection,
        state=Sheet.COMPARING,
        content=file.content,
        digest=file.digest,
        columns=file.columns,
        unused_columns=file.unused_columns,
        keyed_by_address=file.keyed_by_address,
        made_by=by,
        made_at=now,
    )
    if len(file.lines) > AT_ONCE:
        jobs.enqueue_comparing(sheet)
    else:
        _compare(sheet, file)
    return sheet


@transaction.atomic
def compare(sheet_id: int) -> None:
    """Find out what a long file would do, unless that was done before or it was discarded."""
    rows = DirectorySheet.objects.select_for_update(of=("self",)).select_related("connection")
    sheet = rows.filter(pk=sheet_id, state=Sheet.COMPARING).first()
    if sheet is not None:
        _compare(sheet, read(bytes(sheet.content)))


def _compare(sheet: DirectorySheet, file: File) -> None:
    sheet.counts, sheet.content, sheet.state = dict(write_lines(sheet, file)), b"", Sheet.PREVIEW
    sheet.save(update_fields=["counts", "content", "state"])


def last_taken(connection: Connection) -> DirectorySheet | None:
    """The file that was taken over last, or is being so."""
    return were_taken(connection.directory_sheets.all()).first()


def were_taken(files: QuerySet[DirectorySheet]) -> QuerySet[DirectorySheet]:
    """Those of `files` that were taken over or are being so; the last one first."""
    return files.filter(state__in=TAKEN).order_by("-taken_at")


def open_files(connection: Connection) -> list[DirectorySheet]:
    """Files that wait to be looked at, or are being taken over; the newest first."""
    rows = connection.directory_sheets.filter(state__in=(Sheet.COMPARING, Sheet.PREVIEW, Sheet.TAKING))
    rows = rows.defer("content")
    return list(rows.select_related("made_by").order_by("-made_at")[:5])


def _must_have_the_same_key(connection: Connection, keyed_by_address: bool) -> None:
    last = last_taken(connection)
    if last is not None and last.keyed_by_address != keyed_by_address:
        raise NotThisFile("other_key")


@transaction.atomic
def take_over(sheet: DirectorySheet, *, by: User, now: datetime) -> None:
    """Have a job write what the file tells; the first file makes the connection active.

    Raises NotPossibleNow; NotThisFile when it was taken over or discarded, tells nobody, was compared before
    another file was taken over, or another one is being taken over right now.
    """
    rows = Connection.objects.select_related("unit").select_for_update(no_key=True, of=("self",))
    connection = rows.get(pk=sheet.connection_id)
    must_take_files(connection)
    _must_have_the_same_key(connection, sheet.keyed_by_address)
    last = last_taken(connection)
    if last is not None and last.pk != sheet.pk and last.taken_at > sheet.made_at:
        raise NotThisFile("older")
    if not any(sheet.counts.get(outcome) for outcome in (*_WRITTEN, Outcome.SAME)):
        raise NotThisFile("nobody")
    preview = DirectorySheet.objects.filter(pk=sheet.pk, state=Sheet.PREVIEW, made_at__gt=now - KEPT)
    try:
        with transaction.atomic():
            taken = preview.update(state=Sheet.TAKING, taken_by=by, taken_at=now)
    except IntegrityError:
        raise NotThisFile("another") from None
    if not taken:
        raise NotThisFile("over")
    if connection.state == State.PENDING:
        life.begin_to_work(connection, by=by, now=now)
    facts = {
        "lines": sum(map(sheet.counts.get, _lines(sheet))),
        "left_out": sheet.counts.get(Outcome.ERROR, 0),
    }
    audit.record(connection.unit, "directory.file_taken", connection, by=by, now=now, **facts)
    jobs.enqueue_directory(connection, asked_at=now)


_WRITTEN = (Outcome.NEW, Outcome.CHANGED, Outcome.BACK)


def _lines(sheet: DirectorySheet) -> list[str]:
    return [outcome for outcome in sheet.counts if outcome != Outcome.MISSING]


def finish(connection: Connection, reading: DirectoryReading, *, now: datetime) -> None:
    """The file was read to its end: it is over. What stopped it otherwise lets it go on when its time has come.

    The caller holds the transaction in which the reading ends.
    """
    if reading.state == DirectoryReading.State.COMPLETE or reading.problem == "lines_left_out":
        connection.directory_sheets.filter(state=Sheet.TAKING).update(
            state=Sheet.APPLIED, finished_at=now, reading=reading
        )


@transaction.atomic
def discard(sheet: DirectorySheet) -> bool:
    """Forget a file that was only looked at. Answers whether it still could be."""
    looked_at = DirectorySheet.objects.filter(pk=sheet.pk, state__in=(Sheet.COMPARING, Sheet.PREVIEW))
    if not looked_at.update(state=Sheet.DISCARDED, content=b""):
        return False
    sheet.lines.all().delete()
    return True


def forget_old(*, now: datetime) -> int:
    """After a day: files that were not taken over, and the lines of those that were. Answers how many files."""
    old = DirectorySheet.objects.filter(made_at__lte=now - KEPT)
    DirectorySheetLine.objects.filter(
        sheet__in=old.filter(state=Sheet.APPLIED, finished_at__lte=now - KEPT)
    ).delete()
    return old.exclude(state__in=(Sheet.TAKING, Sheet.APPLIED)).delete()[0]
