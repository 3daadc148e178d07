"""A directory is read as it is told: people, groups and rooms; who is not there is counted, never dropped."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils import timezone

from connections import directories, directory_reading, directory_store
from connections.directory_groups import keep_group
from connections.models import (
    Connection,
    DirectoryAddress,
    DirectoryGroup,
    DirectoryPerson,
    DirectoryReading,
    DirectoryRoom,
)
from connections.providers.directory import GroupSeen
from connections.sandbox import people as data
from tests.connecting import connect_directory
from tests.directories import make_directory, make_person
from tests.people import make_company
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
BOTH = pytest.mark.parametrize("provider", ["google", "microsoft"])
DOMAINS = {"google": "kube.example", "microsoft": "sigs.example"}
ALL = {"google": ("groups", "rooms"), "microsoft": ("groups",)}


@pytest.fixture
def company(providers):
    return make_company()


def connected(company, providers, provider: str, extras: tuple[str, ...] = ()) -> Connection:
    return connect_directory(company.unit, provider, providers, by=company.olga, extras=extras)


def read(connection: Connection, *, later: timedelta = timedelta(), **how) -> DirectoryReading:
    connection.refresh_from_db()
    return directory_reading.read(connection, now=timezone.now() + later, **how)


def read_to_the_end(connection: Connection) -> DirectoryReading:
    """As many jobs as it takes: Google's groups cost a call each."""
    reading = read(connection)
    while reading.state == "running":
        reading = read(connection)
    return reading


def of_the_data(provider: str) -> dict[str, data.Person]:
    return {one.email: one for one in data.people() if one.domain == DOMAINS[provider]}


def stored(connection: Connection) -> dict[str, DirectoryPerson]:
    return {row.address: row for row in connection.directory_people.filter(kind="person")}


@BOTH
def test_everybody_of_the_directory_is_kept_as_told(company, providers, provider):
    connection = connected(company, providers, provider)

    reading = read(connection)

    assert (reading.state, reading.problem) == ("complete", "")
    people, told = stored(connection), of_the_data(provider)
    assert set(people) == set(told)
    for address, person in told.items():
        row = people[address]
        assert (row.given_name, row.family_name) == (person.given_name, person.family_name)
        assert row.department == person.department
        assert row.employee_id == person.id
        assert row.enabled


@BOTH
def test_reading_again_writes_nobody(company, providers, provider, django_assert_max_num_queries):
    connection = connected(company, providers, provider)
    read(connection)
    before = list(connection.directory_people.order_by("pk").values())

    with django_assert_max_num_queries(35):
        again = read(connection)

    assert (again.added, again.changed, again.absent) == (0, 0, 0)
    assert list(connection.directory_people.order_by("pk").values()) == before


@BOTH
def test_the_connection_begins_to_read_when_it_works(company, providers, provider):
    connection = connected(company, providers, provider)

    run_waiting_jobs()

    assert connection.directory_readings.get().state == "complete"
    assert connection.directory_people.exists()
    assert not directory_reading.due(now=timezone.now()).exists()
    assert directory_reading.due(now=timezone.now() + timedelta(hours=7)).exists()


@pytest.mark.parametrize("provider", ["microsoft", pytest.param("google", marks=pytest.mark.soak)])
def test_groups_are_kept_with_their_nesting(company, providers, provider):
    connection = connected(company, providers, provider, ALL[provider])

    reading = read_to_the_end(connection)

    assert reading.groups == connection.directory_groups.count() > 10
    parents = [group for group in connection.directory_groups.all() if group.children.exists()]
    assert parents
    told = {group.name: group for group in data.groups()}
    people = {person.id: person for person in data.people()}
    for group in connection.directory_groups.order_by("pk")[:200]:
        here = {
            people[one].email for one in told[group.name].members if people[one].domain == DOMAINS[provider]
        }
        assert {row.address for row in group.members.all()} == here
    assert DirectoryRoom.objects.filter(connection=connection).count() == 4


@BOTH
def test_who_is_not_told_is_absent_and_back_when_told_again(company, providers, provider):
    connection = connected(company, providers, provider)
    read(connection)
    address = sorted(stored(connection))[40]
    providers.control("DELETE", f"people/{address}")

    assert read(connection).absent == 1
    once = stored(connection)[address]
    assert read(connection).absent == 1
    twice = stored(connection)[address]

    assert (once.absences, twice.absences) == (1, 2)
    assert once.absent_since == twice.absent_since is not None


@BOTH
def test_a_rename_is_the_same_person_with_the_old_address_remembered(company, providers, provider):
    connection = connected(company, providers, provider)
    read(connection)
    address = sorted(stored(connection))[40]
    person, renamed = stored(connection)[address], f"renamed@{DOMAINS[provider]}"
    providers.control("PATCH", f"people/{address}", email=renamed)

    assert read(connection).changed == 1

    row = DirectoryPerson.objects.get(pk=person.pk)
    assert (row.address, row.external_id) == (renamed, person.external_id)
    assert list(DirectoryAddress.objects.values_list("person", "address")) == [(person.pk, address)]


@BOTH
@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"fault": "rate_limited", "target": "directory"}, "provider_busy"),
        ({"fault": "server_error", "target": "directory"}, "provider_down"),
    ],
)
def test_a_reading_that_does_not_come_to_its_end_says_nothing_about_who_left(
    company, providers, provider, fault, problem
):
    connection = connected(company, providers, provider)
    read(connection)
    before = list(connection.directory_people.order_by("pk").values())
    providers.control("POST", "faults", **fault)

    reading = read(connection)

    assert (reading.state, reading.problem) == ("incomplete", problem)
    assert list(connection.directory_people.order_by("pk").values()) == before


def test_a_failing_page_in_the_middle_keeps_what_was_told_and_misses_nobody(company, providers):
    connection = connected(company, providers, "google")
    read(connection)
    providers.control("POST", "faults", fault="failing_page", page=2)

    reading = read(connection)

    assert reading.state == "incomplete"
    assert not connection.directory_people.exclude(absences=0).exists()


@BOTH
@pytest.mark.parametrize("seconds", [directory_reading.SECONDS, 0])
def test_a_reading_that_fails_after_the_people_counts_nobody_as_absent(company, providers, provider, seconds):
    connection = connected(company, providers, provider, ALL[provider])
    address = sorted(of_the_data(provider))[40]
    first = {"google": "directory.groups.list", "microsoft": "groups.list"}[provider]
    DirectoryPerson.objects.create(
        unit=company.unit, connection=connection, external_id="left", address=address, sort_key="left",
        digest="", first_seen_at=timezone.now(), changed_at=timezone.now(),
    )  # fmt: skip
    providers.control("POST", "faults", fault="server_error", target=first)
    reading = read(connection, seconds=seconds)
    while reading.state == "running":
        reading = read(connection, seconds=seconds)

    assert (reading.state, reading.problem) == ("incomplete", "provider_down")
    assert reading.people > 200
    assert not connection.directory_people.exclude(absences=0).exists()


@BOTH
def test_an_answer_with_nobody_in_it_makes_nobody_absent(company, providers, provider):
    connection = connected(company, providers, provider)
    read(connection)
    providers.control("POST", "faults", fault="directory_empty")

    reading = read(connection)

    assert reading.people == 0
    assert not connection.directory_people.filter(kind="person").exclude(absences=0).exists()


@pytest.mark.parametrize(
    ("provider", "extras", "seconds"), [("google", (), 0), ("microsoft", ("groups",), 0.1)]
)
def test_many_short_jobs_read_what_one_long_one_reads(company, providers, provider, extras, seconds):
    connection, jobs = connected(company, providers, provider, extras), 0
    reading = read(connection, seconds=seconds)
    while reading.state == "running":
        reading, jobs = read(connection, seconds=seconds), jobs + 1

    assert jobs > 1
    assert reading.state == "complete"
    assert reading.people == connection.directory_people.count()
    assert not connection.directory_people.exclude(absences=0).exists()
    assert reading.groups == DirectoryGroup.objects.filter(absent_since=None).count()


def test_a_killed_jobs_reading_is_begun_anew_and_two_at_once_are_one(company, providers):
    connection, now = connected(company, providers, "google"), timezone.now()
    left = directory_reading.take(connection, now=now)

    assert directory_reading.take(connection, now=now) is None
    again = directory_reading.read(connection, now=now + timedelta(minutes=5))

    assert again.pk == left.pk
    assert again.state == "complete"


@pytest.mark.parametrize("act", ["pause", "disconnect"])
def test_who_stops_the_connection_in_the_middle_of_a_reading_has_nothing_more_written(
    company, providers, monkeypatch, act
):
    connection = connected(company, providers, "google")
    keep, pages = directory_store.keep_people, []

    def stopped_after_one_page(row, people, known, *, now):
        if pages:
            getattr(directories, act)(Connection.objects.get(pk=row.pk), by=company.olga, now=now)
        pages.append(1)
        keep(row, people, known, now=now)

    monkeypatch.setattr(directory_store, "keep_people", stopped_after_one_page)

    reading = read(connection)

    left = {"pause": 500, "disconnect": 0}[act]
    assert connection.directory_people.count() == left
    assert reading.state == "incomplete"
    assert not connection.directory_people.exclude(absences=0).exists()
    connection.refresh_from_db()
    assert connection.state == {"pause": "paused", "disconnect": "disconnected"}[act]


def test_a_pause_ends_a_reading_that_has_nothing_to_write(company, providers, monkeypatch):
    connection = connected(company, providers, "google")
    told = read(connection).people
    keep, pages = directory_store.keep_people, []

    def paused_after_one_page(row, people, known, *, now):
        keep(row, people, known, now=now)
        if not pages:
            directories.pause(Connection.objects.get(pk=row.pk), by=company.olga, now=now)
        pages.append(len(people))

    monkeypatch.setattr(directory_store, "keep_people", paused_after_one_page)

    reading = read(connection)

    assert (reading.state, reading.problem) == ("incomplete", "paused_by_admin")
    assert sum(pages) < told


def test_groups_that_are_as_they_were_are_not_written(company, providers, django_assert_num_queries):
    connection = make_directory(company.unit, by=company.olga)
    ana = make_person(connection, "Ana Silva")
    group = GroupSeen("g", "Sales", "sales@kube.example", members=(ana.external_id,), children=("h",))
    keep_group(connection, group)
    before = row_versions(DirectoryGroup), row_versions(DirectoryGroup.members.through)

    with django_assert_num_queries(3):
        keep_group(connection, group)

    assert (row_versions(DirectoryGroup), row_versions(DirectoryGroup.members.through)) == before
    keep_group(connection, replace(group, members=()))
    assert not connection.directory_groups.get().members.exists()


def row_versions(model: type) -> list[tuple]:
    """PostgreSQL's own mark on each row of the last transaction that wrote it."""
    with database.cursor() as cursor:
        cursor.execute(f"SELECT id, xmin, ctid FROM {model._meta.db_table} ORDER BY id")  # noqa: S608
        return cursor.fetchall()


@BOTH
def test_a_revoked_grant_is_confirmed_and_told_and_nobody_is_taken_for_gone(company, providers, provider):
    connection = connected(company, providers, provider)
    read(connection)
    if provider == "google":
        providers.control("DELETE", "delegation")
    else:
        providers.control("DELETE", "consents")

    reading = read(connection)

    connection.refresh_from_db()
    assert reading.state == "incomplete"
    assert (connection.state, connection.state_reason) == ("needs_reauthorization", "revoked")
    assert not connection.directory_people.exclude(absences=0).exists()


@BOTH
def test_disconnecting_forgets_people_groups_and_rooms_and_keeps_members(company, providers, provider):
    connection, members = connected(company, providers, provider, ALL[provider]), company.unit.members.count()
    if provider == "microsoft":
        read(connection)

    directories.disconnect(connection, by=company.olga, now=timezone.now())

    assert not DirectoryPerson.objects.exists()
    assert not DirectoryGroup.objects.exists()
    assert not DirectoryRoom.objects.exists()
    assert company.unit.members.count() == members


def test_who_is_gone_for_good_is_forgotten_after_thirty_days(company, providers):
    connection = connected(company, providers, "microsoft")
    read(connection)
    first, second, *_ = DirectoryPerson.objects.order_by("pk")
    member = company.member(company.emma)
    long_ago = timezone.now() - timedelta(days=31)
    DirectoryPerson.objects.filter(pk__in=[first.pk, second.pk]).update(absent_since=long_ago, absences=9)
    DirectoryPerson.objects.filter(pk=second.pk).update(member=member)

    assert directory_store.forget_gone(now=timezone.now()) == 1

    assert not DirectoryPerson.objects.filter(pk=first.pk).exists()
