"""What a directory told is listed, found, filtered and exported."""

import csv
import io

import pytest
from django.test import Client
from django.utils import timezone

from connections.directory_list import presence_of
from tests.connections.directory_pages import address, page
from tests.directories import (
    make_directory,
    make_group,
    make_people,
    make_person,
    make_read_directory,
    make_reading,
    make_room,
)
from tests.people import make_company, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def company():
    return make_company()


@pytest.fixture
def olga(company) -> Client:
    return signed_in(company.olga)


def test_an_incomplete_reading_says_why_and_nobody_is_counted_as_gone(company, olga):
    directory = make_directory(company.unit, by=company.olga)
    make_reading(directory, "incomplete", problem="provider_down", problem_code="backendError", people=7)

    text = page(olga, "directory", directory)

    assert "It was never read whole" in text
    assert "backendError" in text
    assert "not known" in text


def test_people_are_found_by_name_address_kind_presence_and_group(company, olga):
    directory = make_directory(company.unit, by=company.olga)
    now = timezone.now()
    ada = make_person(directory, "Ada Here", member=company.member(company.emma), department="Engines")
    ben = make_person(directory, "Ben Off", enabled=False)
    make_person(directory, "Cleo Absent", absences=1, absent_since=now)
    make_person(directory, "Dan Deleted", deleted_at=now)
    make_person(directory, "Lobby Desk", kind="shared")
    group = make_group(directory, "Some", [ada, ben])
    everybody = make_group(directory, "All", everybody=True)
    names = ["Ada Here", "Ben Off", "Cleo Absent", "Dan Deleted", "Lobby Desk"]

    for query, found in {
        "": names,
        "?q=ada": ["Ada Here"],
        "?q=HERE": ["Ada Here"],
        "?q=cleo.abs": ["Cleo Absent"],
        "?q=kube.example": [],
        "?kind=shared": ["Lobby Desk"],
        "?kind=other": ["Lobby Desk"],
        "?presence=here": ["Ada Here", "Ben Off", "Lobby Desk"],
        "?presence=disabled": ["Ben Off"],
        "?presence=absent": ["Cleo Absent"],
        "?presence=deleted": ["Dan Deleted"],
        "?presence=gone": ["Cleo Absent", "Dan Deleted"],
        f"?group={group.public_id}": ["Ada Here", "Ben Off"],
        f"?group={everybody.public_id}": names,
    }.items():
        text = page(olga, "directory_people", directory, query)
        assert [name for name in names if f">{name}<" in text] == found, query
    text = page(olga, "directory_people", directory)
    assert address("member", company, company.member(company.emma).public_id) in text
    assert "Engines" in text
    assert presence_of(ben) == "disabled"


def test_a_group_of_another_directory_is_not_found(company, olga):
    one, other = (
        make_directory(company.unit, by=company.olga, tenant=f"{name}.example") for name in ("one", "other")
    )
    group = make_group(other, "Some", make_people(other, ["Ada Here"]))

    path = address("directory_people", company, one.public_id) + f"?group={group.public_id}"

    assert olga.get(path).status_code == 404


def test_people_come_page_by_page_each_exactly_once(company, olga):
    directory = make_directory(company.unit, by=company.olga)
    names = [f"Paul{n} Person{n % 7}" for n in range(120)]
    make_people(directory, names)
    path, seen = address("directory_people", company, directory.public_id), []

    url = "?presence=here"
    while url:
        answer = olga.get(path + url)
        assert len(answer.context["rows"]) <= 50
        assert answer.context["total"] == 120
        seen += [str(person) for person in answer.context["rows"]]
        url = answer.context["next_url"]

    assert len(seen) == 120
    assert set(seen) == set(names)


def test_the_export_holds_what_the_filter_finds_and_runs_in_no_spreadsheet(company, olga):
    directory = make_directory(company.unit, by=company.olga)
    make_person(directory, "=SUM(1) Evil", department="Labs", member=company.member(company.emma))
    make_person(directory, "Gone Away", deleted_at=timezone.now())

    answer = olga.get(address("directory_people_export", company, directory.public_id) + "?presence=here")

    (row,) = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert row["name"].startswith("'=")
    assert (row["department"], row["in the directory"]) == ("Labs", "Here")
    assert row["member"] == company.member(company.emma).public_id


def test_groups_tell_how_many_are_directly_in_them(company, olga):
    directory = make_directory(company.unit, by=company.olga)
    people = make_people(directory, ["A B", "C D", "E F"])
    outer, inner = make_group(directory, "Outer", people), make_group(directory, "Inner", people[:1])
    outer.children.add(inner)
    make_group(directory, "Secret", hidden=True)

    answer = olga.get(address("directory_groups", company, directory.public_id))

    found = {str(row): (row.number_of_members, row.number_of_children) for row in answer.context["rows"]}
    assert found == {"Outer": (3, 1), "Inner": (1, 0), "Secret": (0, 0)}
    assert "does not tell who is in it" in answer.content.decode()
    assert [str(r) for r in olga.get(answer.request["PATH_INFO"], {"q": "inn"}).context["rows"]] == ["Inner"]


def test_rooms_tell_places_and_building(company, olga):
    directory = make_directory(company.unit, by=company.olga)
    make_room(directory, "Aquarium", capacity=12, building="Main", floor="2")
    make_room(directory, "Cellar", absent_since=timezone.now())

    text = page(olga, "directory_rooms", directory)

    assert "Main, 2" in text
    assert "Not told any more" in text
    assert "Cellar" not in page(olga, "directory_rooms", directory, "?q=aqua")


def test_what_was_not_asked_for_is_said_to_be_so(company, olga):
    directory = make_read_directory(company.unit, by=company.olga, word="ours", extras=())
    directory.directory_groups.all().delete()
    directory.directory_rooms.all().delete()

    assert "Groups were not chosen" in page(olga, "directory_groups", directory)
    assert "Rooms were not chosen" in page(olga, "directory_rooms", directory)
