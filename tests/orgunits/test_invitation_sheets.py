"""Reading pasted addresses and CSV files: every line is read, and everything wrong with it is said."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orgunits.csv_files import Unreadable
from orgunits.invitation_sheets import MOST_ROWS, PROBLEMS, decode, read


def emails(text: str) -> list[str]:
    return [row.email for row in read(text).rows]


def problems(text: str) -> dict[int, str]:
    return {row.line: row.problem for row in read(text).rows if row.problem}


# --- plain addresses


@pytest.mark.parametrize("separator", ["\n", "\r\n", ",", ", ", ";", " ; ", "\t", ",\n", "\n\n"])
def test_addresses_stand_one_by_line_or_are_separated(separator):
    assert emails(separator.join(["a@x.example", "B@X.example ", "c@x.example"])) == [
        "a@x.example",
        "b@x.example",
        "c@x.example",
    ]


@pytest.mark.parametrize(
    ("text", "given", "family"),
    [
        ("Pat Guest <pat@x.example>", "Pat", "Guest"),
        ('"Guest, Pat" <pat@x.example>', "Pat", "Guest"),
        ("Pat <pat@x.example>", "Pat", ""),
        ("Anna Maria Guest <pat@x.example>", "Anna Maria", "Guest"),
        ("<pat@x.example>", "", ""),
        ("pat@x.example", "", ""),
    ],
)
def test_a_name_before_the_address_is_kept(text, given, family):
    (row,) = read(text).rows

    assert (row.email, row.given_name, row.family_name, row.problem) == ("pat@x.example", given, family, "")


def test_every_wrong_line_is_named_at_once():
    text = "a@x.example\nnobody\nb@\n\nA@x.example, c@x.example\n"

    assert problems(text) == {2: "no_address", 3: "not_an_address", 5: "twice"}
    assert len(emails(text)) == 5
    twice = next(row for row in read(text).rows if row.problem == "twice")
    assert PROBLEMS["twice"] % twice.detail == "This address stands in line 1 already."


# --- tables


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["email", "E-Mail", "Email Address", "ADDRESS", "\ufeffe_mail"])
def test_a_table_is_known_by_its_header(delimiter, header):
    lines = [(header, "First name", "Surname", "Role", "Department", "Time zone")]
    lines += [("pat@x.example", "Pat", "Guest", "Employee", "Sales", "Europe/Berlin")]

    (row,) = read("\n".join(delimiter.join(line) for line in lines)).rows

    assert (row.line, row.email, row.given_name, row.family_name) == (2, "pat@x.example", "Pat", "Guest")
    assert (row.role, row.department, row.time_zone) == ("Employee", "Sales", "Europe/Berlin")


def test_columns_nobody_reads_are_all_named():
    sheet = read("email,Cost center,role,email,,Shoe size\na@x.example,1,employee,b@x.example,x,44\n")

    assert sheet.unused_columns == ["Cost center", "email", "Shoe size"]
    assert sheet.rows[0].email == "a@x.example"


def test_a_line_break_in_quotes_does_not_shift_the_line_numbers():
    text = 'name,email\n"Pat\nGuest",pat@x.example\n,nobody\n'

    rows = read(text).rows

    assert [(row.line, row.email) for row in rows] == [(2, "pat@x.example"), (4, "nobody")]
    assert rows[0].given_name == "Pat"


def test_a_row_shorter_or_longer_than_the_header_is_read_as_far_as_it_goes():
    rows = read("email,role\na@x.example\nb@x.example,employee,more\n").rows

    assert [(row.email, row.role) for row in rows] == [("a@x.example", ""), ("b@x.example", "employee")]


def test_what_is_wrong_in_other_columns_is_said():
    text = f"email;name;zone\na@x.example;;Mars/Base\nb@x.example;{'n' * 101};\n"

    assert problems(text) == {2: "no_zone", 3: "too_long"}


def test_control_characters_in_names_are_dropped():
    (row,) = read("email,name\npat@x.example,P\x07at\u2028\u202eGuest\n").rows

    assert (row.given_name, row.family_name) == ("P at", "Guest")


# --- what is no sheet


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04\x14\0", "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "workbook"),
        ("email\nzoë@x.example".encode("utf-16"), "UTF-8"),
        ("name,email\nZoë,zoe@x.example".encode("latin-1"), "UTF-8"),
        (b"a@x.example\0", "not a text file"),
        (b"x" * (1024 * 1024 + 1), "1 MB"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(content, words):
    with pytest.raises(Unreadable) as refused:
        decode(content)

    assert words in str(refused.value)


def test_a_byte_order_mark_does_not_matter():
    assert emails(decode("\ufeffemail\na@x.example\n".encode())) == ["a@x.example"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no address"),
        (" \n;,\n", "no address"),
        ("email,name\n", "no address"),
        ('email,name\na@x.example,"Pat\nb@x.example,Bo\n', "line 2"),
        ("\n".join(f"{n}@x.example" for n in range(MOST_ROWS + 1)), "5,000"),
        ("ä" * (600 * 1024), "1 MB"),
    ],
)
def test_a_text_that_is_no_list_says_so(text, words):
    with pytest.raises(Unreadable) as refused:
        read(text)

    assert words in str(refused.value)


# --- whatever people paste

cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300))
@example('"')
@example("<<<>>>")
@example("email\r\r\n\x85a@x.example")
@example("a@x.example\x0bb@x.example")
def test_any_text_is_read_or_refused_in_words(text):
    try:
        rows = read(text).rows
    except Unreadable:
        return
    good = [row.email for row in rows if not row.problem]
    assert len(good) == len(set(good))
    for row in rows:
        assert 1 <= row.line <= text.count("\n") + text.count("\r") + len(text.splitlines()) + 1
        assert row.problem in {"", *PROBLEMS}
        assert all(value.isprintable() for value in (row.given_name, row.family_name, row.department))
        assert row.problem or ("@" in row.email and "\n" not in row.email)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=8), st.sampled_from([",", ";", "\t"]))
def test_what_a_spreadsheet_writes_comes_back_row_by_row(people, delimiter):
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow(["email", "first name", "department"])
    for number, (name, department) in enumerate(people):
        writer.writerow([f"p{number}@x.example", name, department])

    rows = read(file.getvalue()).rows

    assert [row.email for row in rows] == [f"p{number}@x.example" for number in range(len(people))]
