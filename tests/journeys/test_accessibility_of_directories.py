"""The same eye on the pages of directories, in every state."""

import pytest

from tests.journeys.directory_states import DirectoryStates, make_directory_states
from tests.journeys.eye import Eye, Look, at


def of_the_wizard(states: DirectoryStates) -> list[Look]:
    unit = states.unit.slug
    pending = states.directories["pending"].public_id
    return [
        ("wizard: which directory", at("directory_start", unit)),
        ("wizard: nothing answered", at("directory_start", unit, query="?asked=1")),
        ("wizard: Google", at("directory_check", unit, "google", query="?administrator=yes")),
        ("wizard: Microsoft", at("directory_check", unit, "microsoft", query="?administrator=no")),
        ("wizard: by file", at("directory_check", unit, "csv")),
        ("directory to set up", at("set_up", unit, pending)),
        ("directory that works, set up again", at("set_up", unit, states.directories["read"].public_id)),
        ("key of a directory", at("key_add", unit, pending)),
        ("hand-off of a directory", at("hand_off", states.hand_off_token)),
    ]


def of_directories(states: DirectoryStates) -> list[Look]:
    unit, rows = states.unit.slug, states.directories
    return [
        ("connections with directories", at("connections", unit)),
        ("integrations with directories", at("integrations", unit)),
        *((f"directory, {name}", at("directory", unit, row.public_id)) for name, row in rows.items()),
        ("directory to disconnect", at("directory_disconnect", unit, rows["read"].public_id)),
    ]


def of_files(states: DirectoryStates) -> list[Look]:
    unit, rows, files = states.unit.slug, states.directories, states.files
    by_file = files["whole"].connection.public_id
    return [
        *(
            (f"upload of one {name}", at("directory_upload", unit, rows[name].public_id))
            for name in ("by file, pending", "by file, paused")
        ),
        ("upload of one that has files", at("directory_upload", unit, by_file)),
        *(
            (f"file {name}", at("directory_file", unit, row.connection.public_id, row.public_id))
            for name, row in files.items()
        ),
        (
            "bad lines",
            at("directory_file", unit, by_file, files["with bad lines"].public_id, query="?show=error"),
        ),
        (
            "no line found",
            at("directory_file", unit, by_file, files["whole"].public_id, query="?q=nobodyatall"),
        ),
        ("directory by file", at("directory", unit, by_file)),
        ("directory by file to disconnect", at("directory_disconnect", unit, by_file)),
    ]


def of_lists(states: DirectoryStates) -> list[Look]:
    unit, rows = states.unit.slug, states.directories
    read, group = rows["read"].public_id, rows["read"].directory_groups.get(name="Hidden").public_id
    looks = []
    for name in ("directory_people", "directory_groups", "directory_rooms"):
        looks += [
            (name, at(name, unit, read)),
            (f"{name}, none found", at(name, unit, read, query="?q=nobodyatall")),
            *(
                (f"{name} of one that {how}", at(name, unit, rows[how].public_id))
                for how in ("waits", "incomplete", "over")
            ),
        ]
    return [
        *looks,
        ("people who are gone", at("directory_people", unit, read, query="?presence=gone")),
        ("people of a hidden group", at("directory_people", unit, read, query=f"?group={group}")),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("journeys: accessibility of directories")
def test_axe_finds_nothing_on_pages_of_directories(open_as):
    eye, states = Eye(), make_directory_states()

    for looks in (of_the_wizard, of_directories, of_files, of_lists):
        eye.look_at_all(open_as(states.olga), looks(states))

    assert eye.found == {}
