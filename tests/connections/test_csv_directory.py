"""A directory that is kept by files: what a file is taken for, and what taking it over does."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from connections import (
    directories,
    directory_files,
    directory_reading,
    directory_sheets,
    file_directory,
    health_runs,
    jobs,
)
from connections.directory_sheets import NotThisFile
from connections.models import (
    CalendarConnection,
    Connection,
    DirectoryAddress,
    DirectoryGroup,
    DirectoryPerson,
    DirectoryReading,
    DirectorySheet,
    DirectorySheetLine,
)
from connections.states import NotNow, NotPossibleNow
from orgunits.csv_files import Unreadable
from orgunits.models import AuditEvent
from tests.people import make_company
from tests.worker import run_waiting_jobs

HEADER = "id,email,given_name,family_name,department,groups,enabled\n"
ANNA = "p1,anna@etcd.example,Anna,Able,Core,Leads; Core,yes\n"
BEN = "p2,ben@etcd.example,Ben,Baker,Docs,Core,\n"
CLEO = "p3,cleo@etcd.example,Cleo,Cook,Core,,no\n"
WHOLE = HEADER + ANNA + BEN + CLEO


@pytest.fixture
def company():
    return make_company()


@pytest.fixture
def connection(company) -> Connection:
    return directories.create_file_directory(
        company.unit, "etcd.example", by=company.olga, now=timezone.now()
    )


def keep(connection: Connection, text: str, *, later: timedelta = timedelta()) -> DirectorySheet:
    connection.refresh_from_db()
    return directory_sheets.keep_file(
        connection,
        directory_files.read(text.encode()),
        by=connection.created_by,
        now=timezone.now() + later,
    )


def compared(sheet: DirectorySheet) -> DirectorySheet:
    """A long file after its job."""
    run_waiting_jobs()
    sheet.refresh_from_db()
    return sheet


def take(sheet: DirectorySheet) -> DirectorySheet:
    """Taken over by the jobs of the queue."""
    directory_sheets.take_over(sheet, by=sheet.made_by, now=timezone.now())
    run_waiting_jobs()
    sheet.refresh_from_db()
    return sheet


def taken(connection: Connection, text: str) -> DirectoryReading:
    """The reading that a file became."""
    sheet = take(keep(connection, text))
    assert sheet.state == "applied"
    return sheet.reading


def numbers(reading: DirectoryReading) -> tuple:
    return reading.state, reading.people, reading.added, reading.changed, reading.absent


def people(connection: Connection) -> dict[str, DirectoryPerson]:
    return {row.external_id: row for row in connection.directory_people.all()}


def members(connection: Connection) -> dict[str, set[str]]:
    """Who is in which group that is there."""
    rows = DirectoryGroup.objects.filter(connection=connection, absent_since=None)
    return {row.name: set(row.members.values_list("external_id", flat=True)) for row in rows}


def problems(text: str) -> dict[int, str]:
    return {line.line: line.problem for line in directory_files.read(text.encode()).lines if line.problem}


# --- what a file is taken for -------------------------------------------------------------------------------------
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_are_known_by_name_whatever_their_order_and_separator(mark, separator):
    cells = ["Family Name", "E-Mail", "ID", "Active", "Employee-ID", "time zone", "Path", "first_name"]
    values = ["Müller", "Mia@Etcd.Example", "p9", "No", "77", "Europe/Berlin", "/core", "Mia"]
    text = separator.join(cells) + "\r\n" + separator.join(values) + "\r\n"

    (line,) = directory_files.read(mark + text.encode()).lines

    person = line.person
    assert (person.external_id, person.address, person.enabled) == ("p9", "mia@etcd.example", False)
    assert (person.given_name, person.family_name, person.path) == ("Mia", "Müller", "/core")
    assert (person.employee_id, person.time_zone, person.kind) == ("77", "Europe/Berlin", "person")


def test_every_column_is_used_kept_as_an_attribute_or_reported():
    text = "email,Attribute Cost Center,job_title,salary,email,,attribute_\na@x.example,C 7,Chef,9999,b@x.example,,1\n"

    file = directory_files.read(text.encode())

    assert file.columns == ["email", "attribute:cost_center", "job_title"]
    assert file.unused_columns == ["salary", "email", "attribute_"]
    assert file.lines[0].person.attributes == (("cost_center", "C 7"), ("job_title", "Chef"))
    assert file.keyed_by_address
    assert file.lines[0].person.external_id == "a@x.example"


def test_groups_are_names_separated_by_semicolons_each_once():
    text = 'email;groups\na@x.example;"Core; Docs ;core;;"\n'

    (line,) = directory_files.read(text.encode()).lines

    assert set(line.groups) == {"core", "Docs"}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (",x@x.example,,,,,", "no_id"),
        ("p,,,,,,", "no_address"),
        ("p,nobody,,,,,", "not_an_address"),
        ("p,ı@x.example,,,,,", "not_an_address"),
        ("p,x@x.example,,,,", "cells"),
        ("p,x@x.example,,,,,,", "cells"),
        ("p,x@x.example,,,,,perhaps", "no_answer"),
        (f"p,x@x.example,{'x' * 255},,,,", "too_long"),
        (f"p,x@x.example,,,,{'x' * 255},", "too_long"),
        (f"{'p' * 255},x@x.example,,,,,", "too_long"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_its_number(line, problem):
    assert problems(HEADER + ANNA + line + "\n") == {3: problem}


def test_a_zone_nobody_knows_is_named():
    assert problems("email,time_zone\na@x.example,Mars/Base\nb@x.example,Europe/Rome\n") == {2: "no_zone"}


def test_of_two_lines_about_the_same_person_neither_is_believed():
    text = HEADER + ANNA + BEN.replace("p2", "p1") + CLEO + CLEO.replace("p3", "p4").replace("cleo", "CLEO")

    assert problems(text) == {2: "same_id", 3: "same_id", 4: "same_address", 5: "same_address"}


def test_numbers_of_lines_are_those_of_the_file_though_cells_span_several():
    text = 'email,department\n\n"a@x.example","Core\nteam"\nnobody,\n'

    file = directory_files.read(text.encode())

    assert [(line.line, line.problem) for line in file.lines] == [(3, ""), (5, "not_an_address")]
    assert file.lines[0].person.department == "Core team"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (b"email,id\n", "nobody"),
        (b"name,id\nAnna,1\n", "email"),
        (b"anna@x.example\n", "email"),
        ("email,given_name\na@x.example,Ren\xe9\n".encode("latin-1"), "UTF-8"),
        ("email\na@x.example\n".encode("utf-16"), "UTF-8"),
        (b"PK\x03\x04rest", "workbook"),
        (b"email\na@x\0.example\n", "text file"),
        (b'email,id\n"a@x.example,1\nb@x.example,2\n', "line 2"),
    ],
)
def test_what_is_no_list_of_people_is_refused_in_words(content, words):
    with pytest.raises(Unreadable) as refused:
        directory_files.read(content)

    assert words in str(refused.value)


def test_a_file_too_large_is_refused():
    for content, words in (
        (b"email\n" + b"x" * directory_files.LARGEST_BYTES, "16 MB"),
        (b"email\n" + b"a@x.example\n" * (directory_files.MOST_LINES + 1), "50,000"),
    ):
        with pytest.raises(Unreadable) as refused:
            directory_files.read(content)
        assert words in str(refused.value)


# --- the connection -----------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_it_is_pending_until_the_first_file_was_taken_over(connection):
    assert (connection.state, connection.state_reason) == ("pending", "no_file_yet")
    assert (connection.mode, connection.tenant, connection.credential) == ("", "", None)
    sheet = keep(connection, WHOLE)
    connection.refresh_from_db()
    assert connection.state == "pending"
    assert not connection.directory_people.exists()

    take(sheet)

    connection.refresh_from_db()
    assert (connection.state, connection.state_reason) == ("active", "")
    assert connection.connected_by == str(connection.created_by)
    assert connection.last_good_at


@pytest.mark.django_db
def test_nobody_is_ever_asked(connection):
    taken(connection, WHOLE)
    connection.refresh_from_db()
    later = timezone.now() + timedelta(days=2)

    assert not connection.capabilities.asks
    assert connection.scopes.organization == ()
    assert not directory_reading.due(now=later).exists()
    assert not health_runs.due(now=later).exists()
    with pytest.raises(NotNow):
        directories.read_now(connection, by=connection.created_by, now=later)


@pytest.mark.django_db
def test_a_file_is_never_a_calendar_nor_bound_to_a_tenant(company, connection):
    wrong = [
        Connection.objects.filter(pk=connection.pk).update,
        lambda **fields: CalendarConnection.objects.create(unit=company.unit, provider="csv", **fields),
    ]
    for write, fields in ((wrong[0], {"tenant": "etcd.example"}), (wrong[1], {"mode": "no_access"})):
        with pytest.raises(IntegrityError), transaction.atomic():
            write(**fields)


# --- what a file would do -----------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_preview_says_what_each_line_would_do_and_changes_nothing(connection):
    taken(connection, WHOLE)
    before = list(connection.directory_people.order_by("pk").values())

    sheet = keep(
        connection,
        HEADER + ANNA.replace("Core,L", "Docs,L") + CLEO + "p4,dan@etcd.example,Dan,,,,\nx,,,,,,\n",
    )

    assert sheet.counts == {"new": 1, "changed": 1, "same": 1, "missing": 1, "error": 1}
    rows = sheet.lines.order_by("number").values_list("line", "outcome", "external_id", "differs", "problem")
    assert list(rows) == [
        (2, "changed", "p1", ["department"], ""),
        (3, "same", "p3", [], ""),
        (4, "new", "p4", [], ""),
        (5, "error", "x", [], "no_address"),
        (0, "missing", "p2", [], ""),
    ]
    assert list(connection.directory_people.order_by("pk").values()) == before


@pytest.mark.django_db
def test_a_preview_sees_that_only_groups_changed(connection):
    taken(connection, WHOLE)

    sheet = keep(connection, HEADER + ANNA.replace("Leads; Core", "leads") + BEN + CLEO)

    assert sheet.counts == {"changed": 1, "same": 2}
    assert sheet.lines.get(outcome="changed").differs == ["groups"]


# --- taking it over -----------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_people_and_groups_are_kept_as_the_file_tells(connection):
    reading = taken(connection, WHOLE)

    assert numbers(reading) == ("complete", 3, 3, 0, 0)
    assert reading.groups == 2
    anna = people(connection)["p1"]
    assert (anna.address, anna.given_name, anna.department, anna.enabled) == (
        "anna@etcd.example", "Anna", "Core", True,
    )  # fmt: skip
    assert not people(connection)["p3"].enabled
    assert members(connection) == {"Leads": {"p1"}, "Core": {"p1", "p2"}}
    event = AuditEvent.objects.get(verb="directory.file_taken")
    assert (event.subject, event.facts) == (connection.public_id, {"lines": 3, "left_out": 0})


@pytest.mark.django_db
def test_the_same_file_again_changes_nobody(connection):
    taken(connection, WHOLE)
    before = list(connection.directory_people.order_by("pk").values())

    reading = taken(connection, WHOLE)

    assert numbers(reading) == ("complete", 3, 0, 0, 0)
    assert list(connection.directory_people.order_by("pk").values()) == before


@pytest.mark.django_db
def test_a_new_address_of_the_same_id_is_the_same_person(connection):
    taken(connection, WHOLE)

    reading = taken(connection, WHOLE.replace("ben@", "benedict@"))

    assert numbers(reading) == ("complete", 3, 0, 1, 0)
    assert people(connection)["p2"].address == "benedict@etcd.example"
    assert DirectoryAddress.objects.get().address == "ben@etcd.example"


@pytest.mark.django_db
def test_without_ids_a_new_address_is_another_person(connection):
    taken(connection, "email\nanna@x.example\nben@x.example\n")

    reading = taken(connection, "email\nanna@x.example\nbenedict@x.example\n")

    assert numbers(reading) == ("complete", 2, 1, 0, 1)
    assert people(connection)["ben@x.example"].absences == 1


@pytest.mark.django_db
def test_who_is_in_no_line_is_absent_by_each_file_once_and_back_by_the_next(connection):
    taken(connection, WHOLE)
    for times in (1, 2):
        reading = taken(connection, HEADER + ANNA + BEN)
        assert numbers(reading) == ("complete", 2, 0, 0, 1)
        assert people(connection)["p3"].absences == times
    assert keep(connection, HEADER + ANNA).lines.get(external_id="p3").detail == {"times": 3}
    assert keep(connection, WHOLE).counts == {"same": 2, "back": 1}

    taken(connection, WHOLE)

    assert people(connection)["p3"].absences == 0


@pytest.mark.django_db
def test_with_a_bad_line_people_are_added_and_changed_and_nobody_is_counted_as_missing(connection):
    taken(connection, WHOLE)
    text = (
        HEADER + ANNA.replace("Core,L", "Docs,L").replace("Leads; Core", "Leads") + BEN.replace("ben@", "ben")
    )

    reading = taken(connection, text)

    assert (reading.state, reading.problem) == ("incomplete", "lines_left_out")
    assert (reading.people, reading.changed, reading.absent) == (1, 1, 0)
    assert [row.absences for row in people(connection).values()] == [0, 0, 0]
    assert people(connection)["p1"].department == "Docs"
    assert members(connection)["Core"] == {"p1", "p2"}  # no line says that the group is there at all
    connection.refresh_from_db()
    assert (connection.state, connection.state_reason) == ("active", "lines_left_out")

    taken(connection, WHOLE)

    connection.refresh_from_db()
    assert connection.state_reason == ""


@pytest.mark.django_db
def test_nobody_leaves_a_group_by_a_line_that_was_left_out(connection):
    taken(connection, WHOLE)

    taken(connection, HEADER + ANNA + "p2,ben,Ben,Baker,Docs,,\n" + CLEO)

    assert members(connection) == {"Leads": {"p1"}, "Core": {"p1", "p2"}}


@pytest.mark.django_db
def test_a_group_that_no_line_names_is_gone_and_without_the_column_all_stay(connection):
    taken(connection, WHOLE)
    taken(connection, HEADER + ANNA.replace("Leads; Core", "Leads") + BEN.replace("Core", "") + CLEO)
    assert members(connection) == {"Leads": {"p1"}}

    taken(connection, "id,email\np1,anna@etcd.example\np2,ben@etcd.example\np3,cleo@etcd.example\n")

    assert members(connection) == {"Leads": {"p1"}}


# --- what is refused ----------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_ids_neither_come_nor_go_between_two_files(connection):
    taken(connection, WHOLE)
    without = "email\nanna@etcd.example\n"

    with pytest.raises(NotThisFile, match="other_key"):
        keep(connection, without)

    assert connection.directory_sheets.count() == 1


@pytest.mark.django_db
def test_a_file_is_taken_over_once_and_not_after_it_was_discarded_or_a_day_has_passed(connection):
    sheet, gone, old = keep(connection, WHOLE), keep(connection, WHOLE), keep(connection, WHOLE)
    assert directory_sheets.discard(gone)
    DirectorySheet.objects.filter(pk=old.pk).update(made_at=timezone.now() - timedelta(days=1))
    for one in (gone, old):
        with pytest.raises(NotThisFile, match="over"):
            directory_sheets.take_over(one, by=one.made_by, now=timezone.now())
    take(sheet)

    with pytest.raises(NotThisFile, match="over"):
        directory_sheets.take_over(sheet, by=sheet.made_by, now=timezone.now())

    assert not directory_sheets.discard(sheet)
    assert connection.directory_readings.count() == 1


@pytest.mark.django_db
def test_a_file_compared_before_another_one_was_taken_over_is_refused(connection):
    older, newer = keep(connection, WHOLE), keep(connection, HEADER + ANNA)
    take(newer)

    with pytest.raises(NotThisFile, match="older"):
        directory_sheets.take_over(older, by=older.made_by, now=timezone.now())


@pytest.mark.django_db
def test_while_one_file_is_taken_over_no_other_is(connection):
    first, second = keep(connection, WHOLE), keep(connection, WHOLE, later=timedelta(minutes=1))
    directory_sheets.take_over(first, by=first.made_by, now=timezone.now())

    with pytest.raises(NotThisFile, match="another"):
        keep(connection, WHOLE)
    with pytest.raises(NotThisFile, match="another"):
        directory_sheets.take_over(second, by=second.made_by, now=timezone.now() + timedelta(minutes=1))


@pytest.mark.django_db
def test_a_file_without_one_good_line_is_not_taken_over(connection):
    sheet = keep(connection, HEADER + "p1,nobody,,,,,\n")

    with pytest.raises(NotThisFile, match="nobody"):
        directory_sheets.take_over(sheet, by=sheet.made_by, now=timezone.now())


@pytest.mark.django_db
def test_a_paused_directory_takes_no_file(connection):
    taken(connection, WHOLE)
    waiting = keep(connection, HEADER + ANNA)
    connection.refresh_from_db()
    directories.pause(connection, by=connection.created_by, now=timezone.now())

    with pytest.raises(NotPossibleNow):
        keep(connection, WHOLE)
    with pytest.raises(NotPossibleNow):
        directory_sheets.take_over(waiting, by=waiting.made_by, now=timezone.now())


# --- jobs ---------------------------------------------------------------------------------------------------------
MANY = HEADER + "".join(f"n{n},n{n}@etcd.example,N{n},,Core,Core,\n" for n in range(2500))


def begun(connection: Connection, text: str) -> DirectorySheet:
    """A file whose job waits in the queue."""
    sheet = compared(keep(connection, text))
    directory_sheets.take_over(sheet, by=sheet.made_by, now=timezone.now())
    connection.refresh_from_db()
    return sheet


@pytest.mark.django_db
def test_a_long_file_is_compared_by_a_job_that_may_come_twice_or_too_late(connection):
    sheet, gone = keep(connection, MANY), keep(connection, MANY)
    assert (sheet.state, sheet.counts, sheet.lines.count()) == ("comparing", {}, 0)
    with pytest.raises(NotThisFile, match="nobody"):
        directory_sheets.take_over(sheet, by=sheet.made_by, now=timezone.now())
    assert directory_sheets.discard(gone)

    for _ in range(2):
        for one in (sheet, gone):
            jobs.compare_file(one.pk)

    sheet.refresh_from_db()
    assert (sheet.state, sheet.counts, bytes(sheet.content)) == ("preview", {"new": 2500}, b"")
    assert sheet.lines.count() == 2500
    gone.refresh_from_db()
    assert (gone.state, bytes(gone.content), gone.lines.count()) == ("discarded", b"", 0)


@pytest.mark.django_db
def test_a_long_file_is_taken_over_by_several_jobs_each_line_once(connection):
    sheet, parts = begun(connection, MANY), []
    while True:
        connection.refresh_from_db()
        reading = directory_reading.read(connection, now=timezone.now(), seconds=0)
        sheet.refresh_from_db()
        parts.append((reading.people, sheet.done))
        if reading.state != "running":
            break

    assert parts[:2] == [(1000, 0), (2000, 1000)]
    assert numbers(reading) == ("complete", 2500, 2500, 0, 0)
    assert connection.directory_people.count() == 2500
    assert (sheet.state, sheet.done) == ("applied", 2500)


@pytest.mark.django_db
def test_a_job_killed_half_way_is_begun_anew_and_nobody_is_there_twice(connection):
    taken(connection, HEADER + ANNA)
    sheet = begun(connection, MANY)
    directory = file_directory.of_connection(connection)
    pages = directory.people()
    reading = directory_reading.take(connection, now=timezone.now())
    known = directory_reading.directory_store.known(connection)
    directory_reading.directory_store.keep_people(connection, next(pages).people, known, now=timezone.now())
    assert connection.directory_people.count() == 1001
    later = timezone.now() + directory_reading.LEASE + timedelta(seconds=1)
    assert not directory_reading.due(now=timezone.now()).exists()
    assert list(directory_reading.due(now=later)) == [connection]

    again = directory_reading.read(connection, now=later)

    assert again.pk == reading.pk
    assert (again.state, again.people, again.absent) == ("complete", 2500, 1)
    assert connection.directory_people.count() == 2501
    assert people(connection)["p1"].absences == 1
    sheet.refresh_from_db()
    assert sheet.state == "applied"


@pytest.mark.django_db
def test_a_job_that_was_lost_is_found_by_the_timetable_and_one_that_comes_twice_does_nothing(connection):
    sheet = begun(connection, WHOLE)

    for _ in range(3):
        jobs.read_directory(connection.pk, 0)

    sheet.refresh_from_db()
    assert (sheet.state, connection.directory_readings.count()) == ("applied", 1)


@pytest.mark.django_db
def test_paused_half_way_it_goes_on_when_it_is_resumed(connection):
    taken(connection, WHOLE)
    sheet = begun(connection, HEADER + ANNA)
    directories.pause(connection, by=connection.created_by, now=timezone.now())
    run_waiting_jobs()
    sheet.refresh_from_db()
    assert (sheet.state, people(connection)["p2"].absences) == ("taking", 0)

    directories.resume(connection, by=connection.created_by, now=timezone.now())
    run_waiting_jobs()

    sheet.refresh_from_db()
    assert (sheet.state, people(connection)["p2"].absences) == ("applied", 1)


# --- what is forgotten --------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_after_a_day_files_are_forgotten_and_of_those_taken_over_only_numbers_stay(connection):
    done, waiting = take(keep(connection, WHOLE)), keep(connection, WHOLE)
    now = timezone.now()
    assert directory_sheets.forget_old(now=now + timedelta(hours=23)) == 0
    assert DirectorySheetLine.objects.count() == 6

    directory_sheets.forget_old(now=now + timedelta(hours=25))

    assert list(DirectorySheet.objects.values_list("public_id", "counts")) == [(done.public_id, {"new": 3})]
    assert not DirectorySheetLine.objects.exists()
    assert not DirectorySheet.objects.filter(pk=waiting.pk).exists()


@pytest.mark.django_db
def test_disconnecting_forgets_what_files_told(connection):
    taken(connection, WHOLE)
    keep(connection, WHOLE)
    connection.refresh_from_db()

    directories.disconnect(connection, by=connection.created_by, now=timezone.now())

    for model in (DirectoryPerson, DirectoryGroup, DirectorySheet, DirectorySheetLine):
        assert not model.objects.exists()
    connection.refresh_from_db()
    assert connection.state == "disconnected"
    with pytest.raises(NotPossibleNow):
        keep(connection, WHOLE)
