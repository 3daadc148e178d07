"""Paging by key: every row exactly once, in order, however odd the keys."""

import json
from base64 import urlsafe_b64encode

import pytest

from orgunits.models import Member, OrganizationalUnit
from orgunits.paging import page_of
from tests.builders import make_members

pytestmark = pytest.mark.django_db

BY_NAME = ("sort_key", "pk")
NAMES = ["", "a", "a", "A", "é", "e", "日本", "z' OR 1=1", 'quote"', "back\\slash", "%", "_", " ", "ß", "ss"]


def make_unit() -> OrganizationalUnit:
    return OrganizationalUnit.objects.create(name="U", slug="u")


def walk(rows, size: int, **how) -> list[list]:
    pages, after = [], ""
    while True:
        page = page_of(rows, BY_NAME, after=after, size=size, **how)
        pages.append(page.rows)
        if not page.next_key:
            return pages
        after = page.next_key
        assert len(pages) < 100


@pytest.mark.parametrize("size", [1, 2, 4, 15, 16])
@pytest.mark.parametrize("descending", [False, True])
def test_walking_all_pages_shows_every_row_once_and_in_order(size, descending):
    unit = make_unit()
    for number, name in enumerate(NAMES):
        Member.objects.create(unit=unit, email=f"{number}@x.example", family_name=name)

    pages = walk(unit.members.all(), size, descending=descending)

    seen = [member.pk for page in pages for member in page]
    sign = "-" if descending else ""
    assert seen == list(unit.members.order_by(f"{sign}sort_key", f"{sign}pk").values_list("pk", flat=True))
    assert {len(page) for page in pages[:-1]} <= {size}


def test_a_full_last_page_is_followed_by_none():
    unit = make_unit()
    make_members(unit, [f"{n}@x.example" for n in range(4)])

    assert [len(page) for page in walk(unit.members.all(), 2)] == [2, 2]


def test_nothing_is_one_empty_page():
    assert walk(make_unit().members.all(), 10) == [[]]


def test_a_row_that_comes_between_two_looks_moves_nobody():
    unit = make_unit()
    make_members(unit, ["b@x.example", "d@x.example"])
    first = page_of(unit.members.all(), BY_NAME, after="", size=1)

    make_members(unit, ["a@x.example"])
    second = page_of(unit.members.all(), BY_NAME, after=first.next_key, size=1)

    assert [member.email for member in second.rows] == ["d@x.example"]


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        None,
        "text",
        [1],
        ["a", "b"],
        ["a", True],
        ["a", 1.5],
        ["a", None],
        ["a", 2**63],
        ["a", -(2**63)],
        [5, 1],
        ["a", "1"],
        ["half of a pair \ud800", 1],
        ["nul\x00", 1],
        ["a", 1, 2],
        [["a"], 1],
    ],
)
def test_a_key_that_is_none_of_ours_shows_the_first_page(value):
    unit = make_unit()
    make_members(unit, ["a@x.example"])
    key = urlsafe_b64encode(json.dumps(value).encode()).decode()

    page = page_of(unit.members.all(), BY_NAME, after=key, size=10)

    assert len(page.rows) == 1


@pytest.mark.parametrize("key", ["%%%", "a", "é", "\x00", "=" * 50, "AAAA", "//////"])
def test_nonsense_for_a_key_shows_the_first_page(key):
    unit = make_unit()
    make_members(unit, ["a@x.example"])

    assert len(page_of(unit.members.all(), BY_NAME, after=key, size=10).rows) == 1


def test_a_very_deep_key_shows_the_first_page():
    unit = make_unit()
    make_members(unit, ["a@x.example"])
    key = urlsafe_b64encode(b"[" * 5000).decode()

    assert len(page_of(unit.members.all(), BY_NAME, after=key, size=10).rows) == 1


def test_the_second_page_follows_the_first():
    unit = make_unit()
    make_members(unit, [f"{n:05}@x.example" for n in range(150)])
    first = page_of(unit.members.all(), BY_NAME, after="", size=100)

    page = page_of(unit.members.all(), BY_NAME, after=first.next_key, size=100)

    assert page.rows[0].email == "00100@x.example"
