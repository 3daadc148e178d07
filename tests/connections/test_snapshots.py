"""Which readings of a directory say that somebody left. The rule, then the readings that follow it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from connections import directories, directory_reading
from connections.models import Connection, DirectoryPerson, DirectoryReading
from connections.snapshots import Snapshot, counts_as_snapshot
from tests.connecting import connect_directory
from tests.people import Company, make_company

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SIX = timedelta(hours=6)


def snapshot(*, hours: float = 0, people: int = 100, asked: str = "all") -> Snapshot:
    return Snapshot(NOON + timedelta(hours=hours), people, asked)


# The rule


def test_the_first_complete_reading_counts():
    assert counts_as_snapshot(snapshot(), before=None, counted_at=None, interval=SIX)


@pytest.mark.parametrize(("hours", "counts"), [(0.1, False), (5.9, False), (6, True), (30, True)])
def test_two_count_when_they_began_an_interval_apart(hours, counts):
    assert (
        counts_as_snapshot(snapshot(hours=hours), before=snapshot(), counted_at=NOON, interval=SIX) is counts
    )


def test_the_interval_is_from_the_last_that_counted_not_from_the_last():
    before = snapshot(hours=5)

    assert counts_as_snapshot(snapshot(hours=6), before=before, counted_at=NOON, interval=SIX)


def test_a_reading_that_was_asked_otherwise_than_the_last_does_not_count():
    narrowed = snapshot(hours=24, asked="less")

    assert not counts_as_snapshot(narrowed, before=snapshot(), counted_at=NOON, interval=SIX)


def test_the_next_one_that_is_asked_alike_counts_again():
    narrowed = snapshot(hours=24, asked="less")

    assert counts_as_snapshot(
        snapshot(hours=30, asked="less"), before=narrowed, counted_at=NOON, interval=SIX
    )


def test_nobody_at_all_does_not_count():
    assert not counts_as_snapshot(
        snapshot(hours=24, people=0), before=snapshot(), counted_at=NOON, interval=SIX
    )


# The readings


@pytest.fixture
def company(db, providers, settings) -> Company:
    settings.DIRECTORY_SNAPSHOT_HOURS = 6
    return make_company()


@pytest.fixture
def connection(company, providers) -> Connection:
    return connect_directory(company.unit, "microsoft", providers, by=company.olga)


def read(connection: Connection, *, hours: float = 0) -> DirectoryReading:
    connection.refresh_from_db()
    return directory_reading.read(connection, now=timezone.now() + timedelta(hours=hours))


def somebody_leaves(connection: Connection, providers) -> DirectoryPerson:
    person = connection.directory_people.filter(kind="person").order_by("address")[40]
    providers.control("DELETE", f"people/{person.address}")
    return person


def absences_of(person: DirectoryPerson) -> tuple[int, bool]:
    person.refresh_from_db()
    return person.absences, person.absent_since is not None


def test_read_twice_in_a_minute_nobody_is_missing_twice(connection, providers):
    read(connection)
    person = somebody_leaves(connection, providers)

    first, second = read(connection, hours=7), read(connection, hours=7.01)

    assert (first.counted, second.counted) == (True, False)
    assert (first.absent, second.absent) == (1, 1)
    assert absences_of(person) == (1, True)
    assert read(connection, hours=13).counted
    assert absences_of(person) == (2, True)


def test_who_is_missing_for_the_first_time_in_one_that_does_not_count_stays_as_they_were(
    connection, providers
):
    read(connection)
    person = somebody_leaves(connection, providers)

    reading = read(connection, hours=1)

    assert (reading.state, reading.counted, reading.absent) == ("complete", False, 1)
    assert absences_of(person) == (0, False)


def test_who_comes_back_in_one_that_does_not_count_is_back_at_once(connection):
    read(connection)
    person = connection.directory_people.order_by("pk")[0]
    DirectoryPerson.objects.filter(pk=person.pk).update(absences=1, absent_since=timezone.now())

    assert not read(connection, hours=1).counted

    assert absences_of(person) == (0, False)


def test_who_comes_back_in_one_that_fails_later_is_back_at_once(company, providers):
    connection = connect_directory(company.unit, "google", providers, by=company.olga)
    read(connection)
    person = connection.directory_people.order_by("pk")[0]  # on the first page
    DirectoryPerson.objects.filter(pk=person.pk).update(absences=1, deleted_at=timezone.now())
    providers.control("POST", "faults", fault="failing_page", page=2)

    assert read(connection, hours=1).state == "incomplete"

    person.refresh_from_db()
    assert (person.absences, person.deleted_at) == (0, None)


def test_another_administrators_reading_is_not_compared_with_the_last_ones(connection, providers):
    read(connection)
    person = somebody_leaves(connection, providers)
    DirectoryReading.objects.update(asked="as somebody else")

    assert not read(connection, hours=7).counted
    assert absences_of(person) == (0, False)

    assert read(connection, hours=13).counted
    assert absences_of(person) == (1, True)


def test_a_job_killed_at_the_very_end_counts_nobody_twice(connection, providers, monkeypatch):
    read(connection)
    person = somebody_leaves(connection, providers)

    def killed(*args, **kwargs):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(directory_reading, "_end", killed)
        with pytest.raises(SystemExit):
            read(connection, hours=7)
    read(connection, hours=7.1)

    assert absences_of(person) == (1, True)


def test_a_job_that_was_overtaken_writes_no_end(connection):
    slow = directory_reading.take(connection, now=timezone.now())
    read(connection, hours=0.1)

    directory_reading._ended_before(connection, slow, "provider_down", "", now=timezone.now())

    assert connection.directory_readings.get().state == "complete"
    assert directories.last_complete(connection) is not None
