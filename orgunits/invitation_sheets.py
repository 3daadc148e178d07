"""Reading what people paste or upload to invite others: plain addresses, or a table with a header line.

Pure: no row, no clock. Every line is read, and everything that is wrong with one is said at once.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import parseaddr
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from . import csv_files
from .csv_files import Unreadable, delimiter_of
from .names import normal_address

LARGEST_BYTES = 1024 * 1024
MOST_ROWS = 5000
LONGEST = {"given_name": 100, "family_name": 100, "department": 200, "role": 60, "time_zone": 64}

# The names a column may have, without spaces, hyphens, underscores and case.
COLUMNS = {
    "email": ("email", "emailaddress", "mail", "mailaddress", "address"),
    "name": ("name", "fullname", "displayname"),
    "given_name": ("givenname", "firstname", "forename"),
    "family_name": ("familyname", "lastname", "surname"),
    "role": ("role",),
    "department": ("department",),
    "time_zone": ("timezone", "zone", "tz"),
}

# What can be wrong with a row, and in what words.
PROBLEMS = {
    "no_address": _("There is no address in this line."),
    "not_an_address": _("This is not an e-mail address."),
    "twice": _("This address stands in line %(line)s already."),
    "too_long": _("A name, department or role is too long."),
    "no_zone": _("“%(value)s” is not a time zone such as Europe/Berlin."),
}


@dataclass
class Row:
    """One person as somebody wrote them down. `problem` is a code of PROBLEMS; `detail` fills its words."""

    line: int  # in the text, from 1
    email: str
    given_name: str = ""
    family_name: str = ""
    role: str = ""  # as written; empty: the sheet's default
    department: str = ""
    time_zone: str = ""
    problem: str = ""
    detail: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Sheet:
    """All rows in their order, and the columns nobody reads."""

    rows: list[Row]
    unused_columns: list[str]


def decode(content: bytes) -> str:
    """The text of an uploaded file: UTF-8, with or without a byte order mark. Raises Unreadable."""
    too_large = _("This file is larger than 1 MB. Bring it in several parts.")
    return csv_files.decode(content, most=LARGEST_BYTES, too_large=too_large)


def read(text: str) -> Sheet:
    """Rows of a pasted or uploaded text. Raises Unreadable for what is no list of people at all."""
    text = text.removeprefix("\ufeff")
    if len(text.encode()) > LARGEST_BYTES:
        raise Unreadable(_("This is more than 1 MB. Bring it in several parts."))
    delimiter = delimiter_of(text, _column)
    rows, unused = _table(text, delimiter) if delimiter else (_plain(text), [])
    if not rows:
        raise Unreadable(_("There is no address in it."))
    if len(rows) > MOST_ROWS:
        raise Unreadable(_("These are more than 5,000 lines. Bring them in several parts."))
    _judge(rows)
    return Sheet(rows, unused)


def _column(header: str) -> str:
    """The column a header means; empty for one that nobody reads."""
    word = re.sub(r"[\s_.-]", "", header).casefold()
    return next((column for column, words in COLUMNS.items() if word in words), "")


def _table(text: str, delimiter: str) -> tuple[list[Row], list[str]]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, columns, unused, before = [], [], [], 0
    try:
        for cells in lines:
            line, before = before + 1, lines.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns, unused = _header(cells)
                continue
            rows.append(_row(line, dict(zip(columns, cells, strict=False))))
    except csv.Error:
        raise Unreadable(
            _("From line %(line)s on this cannot be read as a table: look for a quotation mark too many.")
            % {"line": before + 1}
        ) from None
    return rows, unused


def _header(cells: list[str]) -> tuple[list[str], list[str]]:
    """For each column what it means, and the names of those that are not read: unknown ones and repetitions."""
    columns, unused = [], []
    for cell in cells:
        column = _column(cell)
        if column in columns or not column:
            unused += [" ".join(cell.split())] if cell.strip() else []
            column = ""
        columns.append(column)
    return columns, unused


def _row(line: int, cells: dict[str, str]) -> Row:
    values = {column: tidy(cell) for column, cell in cells.items() if column}
    name, address = parseaddr(values.pop("email", "")) if "<" in values.get("email", "") else ("", "")
    email = address or values.pop("email", "")
    whole = values.pop("name", "") or tidy(name)
    given, family = _split_name(whole)
    values.setdefault("given_name", "")
    values.setdefault("family_name", "")
    if not (values["given_name"] or values["family_name"]):
        values |= {"given_name": given, "family_name": family}
    return Row(line, normal_address(email), **values)


def tidy(text: str) -> str:
    """`text` on one line and without control characters."""
    printable = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())


def _split_name(name: str) -> tuple[str, str]:
    """Given and family name: "Pat Guest" and "Guest, Pat" alike."""
    if "," in name:
        family, _comma, given = name.partition(",")
        return given.strip(), family.strip()
    given, _space, family = name.rpartition(" ")
    return (given, family) if given else (family, "")


def _plain(text: str) -> list[Row]:
    """Addresses separated by line ends, commas, semicolons or tabs; each alone or as "Name <address>"."""
    return [
        _row(number, {"email": piece})
        for number, line in enumerate(text.splitlines(), 1)
        for piece in _pieces(line)
    ]


_PIECE = re.compile(r'(?:"[^"]*"|<[^>]*>|[^,;\t"<]|["<])+')


def _pieces(line: str) -> Iterator[str]:
    """What stands between the separators; those inside quotation marks and angle brackets do not count."""
    return (piece.group().strip() for piece in _PIECE.finditer(line) if piece.group().strip())


def _judge(rows: list[Row]) -> None:
    """Find what is wrong with each row by itself, and addresses that stand there twice."""
    seen: dict[str, int] = {}
    zones = available_timezones()
    for row in rows:
        row.problem = problem_of_address(row.email)
        if not row.problem and row.email in seen:
            row.problem, row.detail = "twice", {"line": seen[row.email]}
        if not row.problem and any(len(getattr(row, name)) > most for name, most in LONGEST.items()):
            row.problem = "too_long"
        if not row.problem and row.time_zone and row.time_zone not in zones:
            row.problem, row.detail = "no_zone", {"value": row.time_zone}
        seen.setdefault(row.email, row.line)


def problem_of_address(email: str) -> str:
    """What is wrong with an address by itself: a code of PROBLEMS, or nothing."""
    if not email:
        return "no_address"
    try:
        validate_email(email)
    except ValidationError:
        return "no_address" if "@" not in email else "not_an_address"
    # Django's validator takes letters that differ from ours in case only to a database: ſ for s, ı for i.
    return "" if email.rpartition("@")[0].isascii() else "not_an_address"
