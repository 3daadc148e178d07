"""What crosses inward from a directory: what is taken as it is, what is put right, and what nobody can keep."""

from dataclasses import replace

import pytest

from connections.providers.base import AuthorizationLost, Key, Unreadable
from connections.providers.directory import (
    GroupSeen,
    Kind,
    PersonSeen,
    Removed,
    RoomSeen,
    address_of,
    text_of,
)
from connections.providers.registry import open_directory

ANA = PersonSeen(
    external_id="1",
    address="ana@kube.example",
    aliases=("a.diaz@kube.example",),
    given_name="Ana",
    family_name="Diaz",
    department="Sales",
    path="/Sales",
    employee_id="E-7",
    time_zone="",
    enabled=True,
    kind=Kind.PERSON,
    attributes=(("job_title", "Lead"),),
)
OTHERWISE = {
    "external_id": "2", "address": "b@kube.example", "aliases": (), "given_name": "B", "family_name": "D",
    "department": "", "path": "/", "employee_id": "", "time_zone": "Europe/Berlin", "enabled": False,
    "kind": Kind.GUEST, "attributes": (),
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), OTHERWISE.items(), ids=OTHERWISE)
def test_whatever_is_told_otherwise_changes_the_digest(name, value):
    assert replace(ANA, **{name: value}).digest != ANA.digest


def test_the_order_and_the_case_of_addresses_change_nothing():
    one = replace(
        ANA, address="Ana@Kube.Example ", aliases=("B@x.example", "a@x.example", "ANA@kube.example", "")
    )
    other = replace(ANA, aliases=("a@x.example", "b@x.example"))

    assert one == other
    assert one.digest == other.digest
    assert one.aliases == ("a@x.example", "b@x.example")


def test_the_digest_is_the_same_in_every_version_of_this_portal():
    """A new one would make every member of every directory look changed once."""
    assert ANA.digest == "33969580a428e04d8ad5d81ae59e76f4"


@pytest.mark.parametrize(
    "wrong",
    [
        {"external_id": ""}, {"external_id": 7}, {"external_id": "x" * 255}, {"external_id": "a\n"},
        {"address": None}, {"aliases": ("x" * 255,)}, {"given_name": "a\x00"}, {"department": 7},
        {"enabled": "yes"}, {"kind": "robot"}, {"attributes": (("job_title", "x" * 255),)},
    ],
    ids=str,
)  # fmt: skip
def test_what_no_column_holds_is_unreadable(wrong):
    with pytest.raises(Unreadable):
        replace(ANA, **wrong)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Removed(""),
        lambda: GroupSeen("", "Sales", ""),
        lambda: GroupSeen("1", "Sales", "", members=("1", None)),
        lambda: GroupSeen("1", "Sales", "", children=("",)),
        lambda: RoomSeen("1", "", "Anchor", -1, "", ""),
        lambda: RoomSeen("1", "", "Anchor", 2**31, "", ""),
        lambda: RoomSeen("1", "", "Anchor", "4", "", ""),
        lambda: RoomSeen("1", "", "a\x00", 4, "", ""),
    ],
)
def test_nor_are_other_things(make):
    with pytest.raises(Unreadable):
        make()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("", ""),
        ("  Ana \n María ", "Ana María"),
        ("Ana\u00a0María", "Ana María"),
        ("\u202eAna\x00", "Ana"),
        ("x" * 300, "x" * 254),
    ],
)
def test_a_text_is_one_line_that_can_be_read(value, text):
    assert text_of(value) == text


@pytest.mark.parametrize("value", [7, ["a"], {}, True])
def test_what_is_no_text_is_unreadable(value):
    with pytest.raises(Unreadable):
        text_of(value)


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (" Ana@Kube.Example ", "ana@kube.example"),
        (None, ""),
        ("ana", ""),
        ("@kube.example", ""),
        ("ana@", ""),
        ("ana diaz@kube.example", ""),
        ("ana\x00@kube.example", ""),
        ("a" * 250 + "@kube.example", ""),
    ],
)
def test_what_nobody_could_write_to_is_no_address(value, address):
    assert address_of(value) == address


def test_a_provider_nobody_speaks_to_has_no_directory():
    with pytest.raises(AuthorizationLost) as lost:
        open_directory(
            "none",
            Key("none", "", "", ""),
            tenant="",
            scopes=(),
            administrator="",
            connection_id="",
            spend=int,
        )

    assert lost.value.reason == "key_missing"
