"""Between two whole readings Microsoft Entra tells what changed; Google is read whole every time."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connections import directories, directory_reading
from connections.models import Connection, DirectoryPerson, DirectoryReading
from connections.sandbox import people as data
from tests.connecting import connect_directory
from tests.people import Company, make_company

pytestmark = pytest.mark.django_db
LATER = timedelta(minutes=16)


@pytest.fixture
def company(providers) -> Company:
    return make_company()


@pytest.fixture
def connection(company, providers) -> Connection:
    """A directory at Microsoft that was read whole."""
    row = connect_directory(company.unit, "microsoft", providers, by=company.olga)
    directory_reading.read(row, now=timezone.now())
    return row


def read_what_is_due(connection: Connection, *, later: timedelta = LATER) -> DirectoryReading:
    now = timezone.now() + later
    row = directory_reading.due(now=now).select_related("unit", "credential").get(pk=connection.pk)
    return directory_reading.read(row, now=now, whole=directory_reading.whole_is_due(row, now=now))


def somebody(connection: Connection) -> DirectoryPerson:
    return connection.directory_people.filter(kind="person").order_by("address")[40]


def facts(reading: DirectoryReading) -> tuple:
    return reading.whole, reading.state, reading.people, reading.added, reading.changed


def test_a_quarter_of_an_hour_later_only_what_changed_is_read(connection, providers):
    person = somebody(connection)
    providers.control("PATCH", f"people/{person.address}", department="Somewhere else")

    reading = read_what_is_due(connection)

    assert facts(reading) == (False, "complete", 1, 0, 1)
    person.refresh_from_db()
    assert person.department == "Somewhere else"
    assert not connection.directory_people.exclude(absences=0).exists()


def test_nothing_changed_nothing_is_written_and_the_next_round_goes_on_from_there(connection):
    before = list(connection.directory_people.order_by("pk").values())

    first = read_what_is_due(connection)
    second = read_what_is_due(connection, later=2 * LATER)

    assert facts(first) == facts(second) == (False, "complete", 0, 0, 0)
    assert (first.counted, first.absent) == (False, 0)
    assert list(connection.directory_people.order_by("pk").values()) == before


def test_changes_are_not_asked_sooner_and_everything_again_after_six_hours(connection):
    now = timezone.now()

    assert not directory_reading.due(now=now + timedelta(minutes=14)).exists()
    assert directory_reading.due(now=now + LATER).exists()
    assert read_what_is_due(connection, later=timedelta(hours=7)).whole


def test_whoever_is_told_as_removed_is_deleted_at_once(connection, providers):
    person = somebody(connection)
    providers.control("DELETE", f"people/{person.address}")

    reading = read_what_is_due(connection)

    person.refresh_from_db()
    assert facts(reading) == (False, "complete", 0, 0, 1)
    assert person.deleted_at is not None
    assert (person.absences, person.absent_since) == (0, None)


def test_who_was_removed_and_is_told_again_is_back(connection, providers):
    person = somebody(connection)
    DirectoryPerson.objects.filter(pk=person.pk).update(deleted_at=timezone.now(), absences=1)
    providers.control("PATCH", f"people/{person.address}", department="Back")

    read_what_is_due(connection)

    person.refresh_from_db()
    assert (person.department, person.deleted_at, person.absences) == ("Back", None, 0)


def test_410_leads_to_a_full_resync_with_mark_and_sweep(connection, providers):
    gone, stays = connection.directory_people.filter(kind="person").order_by("address")[40:42]
    providers.control("DELETE", f"people/{gone.address}")
    providers.control("PATCH", f"people/{stays.address}", department="Somewhere else")
    providers.control("POST", "faults", fault="delta_gone", times=1)

    reading = read_what_is_due(connection)

    assert (reading.whole, reading.state, reading.counted, reading.absent) == (True, "complete", True, 1)
    gone.refresh_from_db()
    stays.refresh_from_db()
    assert (gone.absences, gone.absent_since is not None) == (1, True)
    assert (stays.absences, stays.department) == (0, "Somewhere else")
    told = {one.email for one in data.people() if one.domain == "sigs.example"} - {gone.address}
    here = connection.directory_people.filter(kind="person", absences=0)
    assert set(here.values_list("address", flat=True)) == told
    assert not read_what_is_due(connection, later=2 * LATER).whole


def test_changes_that_fail_are_asked_again_from_the_same_place(connection, providers):
    person = somebody(connection)
    providers.control("PATCH", f"people/{person.address}", department="Somewhere else")
    providers.control("POST", "faults", fault="server_error", target="directory")

    failed = read_what_is_due(connection)
    providers.control("DELETE", "faults")
    again = read_what_is_due(connection, later=2 * LATER)

    assert (failed.state, failed.problem) == ("incomplete", "provider_down")
    assert facts(again) == (False, "complete", 1, 0, 1)


def test_asked_otherwise_than_the_last_time_everything_is_read(connection):
    Connection.objects.filter(pk=connection.pk).update(administrator="another@sigs.example")

    assert read_what_is_due(connection).whole


def test_many_readings_of_changes_do_not_push_the_whole_ones_out(connection):
    now = timezone.now()
    for minutes in range(directory_reading.KEPT + 5):
        connection.directory_readings.create(
            unit=connection.unit, state="complete", whole=False, started_at=now + timedelta(seconds=minutes)
        )

    read_what_is_due(connection, later=timedelta(hours=1))

    assert connection.directory_readings.filter(whole=False).count() == directory_reading.KEPT
    assert directories.last_complete(connection) is not None


def test_google_is_read_whole_every_time(company, providers):
    connection = connect_directory(company.unit, "google", providers, by=company.olga)
    directory_reading.read(connection, now=timezone.now())

    connection.refresh_from_db()
    assert connection.changes_cursor == ""
    assert not directory_reading.due(now=timezone.now() + LATER).exists()


def test_disconnected_it_keeps_no_place(connection, company):
    directories.disconnect(connection, by=company.olga, now=timezone.now())

    connection.refresh_from_db()
    assert connection.changes_cursor == ""
