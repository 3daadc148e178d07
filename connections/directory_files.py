"""Reading a file of people as somebody uploads it for a directory: a table with a header line, in any order.

Pure: no row, no clock. Every line is read, and what is wrong with one is said with its number; nothing is cut
short or guessed, since a file counts who is missing.
"""

import csv
import hashlib
import io
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from zoneinfo import available_timezones

from django.utils.translation import gettext_lazy as _

from orgunits.csv_files import Unreadable, decode, delimiter_of
from orgunits.invitation_sheets import problem_of_address, tidy
from orgunits.names import normal_address

from .providers.directory import LONGEST_TEXT, Kind, PersonSeen

LARGEST_BYTES = 16 * 1024 * 1024
MOST_LINES = 50_000
MOST_ATTRIBUTES = 20
LONGEST_ATTRIBUTE = 40

# The names a column may have, without spaces, hyphens, underscores and case. The first is the one we tell.
COLUMNS = {
    "id": ("id", "externalid", "immutableid", "objectid"),
    "email": ("email", "emailaddress", "mail", "mailaddress", "address"),
    "given_name": ("givenname", "firstname", "forename"),
    "family_name": ("familyname", "lastname", "surname"),
    "department": ("department",),
    "path": ("path", "orgunitpath", "organizationalunitpath"),
    "employee_id": ("employeeid", "employeenumber", "personnelnumber"),
    "time_zone": ("timezone", "zone", "tz"),
    "groups": ("groups", "group"),
    "enabled": ("enabled", "active", "accountenabled"),
    "display_name": ("displayname",),
    "job_title": ("jobtitle",),
    "office": ("office",),
}
_ATTRIBUTES = ("display_name", "job_title", "office")  # kept as attributes, as from every directory
_ATTRIBUTE = re.compile(r"attribute[\s_.-]+(.+)", re.IGNORECASE | re.DOTALL)
_WORDS = {word: column for column, words in COLUMNS.items() for word in words}
_YES, _NO = {"", "yes", "true", "1", "active", "enabled"}, {"no", "false", "0", "inactive", "disabled"}

# What can be wrong with a line, and in what words.
PROBLEMS = {
    "cells": _(
        "It has %(found)s cells, the header has %(wanted)s: look for a separator or a quotation mark."
    ),
    "no_id": _("There is no id in it."),
    "no_address": _("There is no address in it."),
    "not_an_address": _("“%(value)s” is not an e-mail address."),
    "same_id": _("Line %(line)s has the same id."),
    "same_address": _("Line %(line)s has the same address."),
    "too_long": _("The text in the column %(column)s is too long."),
    "no_zone": _("“%(value)s” is not a time zone such as Europe/Berlin."),
    "no_answer": _("“%(value)s” in the column enabled is neither yes nor no."),
}


@dataclass
class Line:
    """One person as the file tells of them. `problem` is a code of PROBLEMS; `detail` fills its words."""

    line: int  # in the file, from 1
    cells: dict[str, str]
    groups: tuple[str, ...] = ()
    person: PersonSeen | None = None  # None where something is wrong
    problem: str = ""
    detail: dict = field(default_factory=dict)


@dataclass(frozen=True)
class File:
    """All lines in their order, and what the header tells."""

    lines: list[Line]
    columns: list[str]  # that are read, by our names
    unused_columns: list[str]  # unknown ones, repetitions, and attributes beyond what is kept
    content: bytes

    @property
    def digest(self) -> str:
        """The same for the same bytes."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def keyed_by_address(self) -> bool:
        """Without ids an address is who somebody is: with another address they are somebody else."""
        return "id" not in self.columns


def read(content: bytes) -> File:
    """The people of an uploaded file. Raises Unreadable for what is no list of people at all."""
    text = decode(content, most=LARGEST_BYTES, too_large=_("This file is larger than 16 MB."))
    if not text.strip():
        raise Unreadable(_("This file is empty."))
    delimiter = delimiter_of(text, _column)
    if not delimiter:
        raise Unreadable(_("The first line must name the columns, and one of them must be “email”."))
    columns, unused, lines = _table(text, delimiter)
    if not lines:
        raise Unreadable(_("There is nobody in this file."))
    _judge(lines, columns)
    return File(lines, [c for c in columns if c], unused, content)


def _column(header: str) -> str:
    """The column a header means, "attribute:name" for a further one to keep; empty for one that nobody reads."""
    header = tidy(header)
    if known := _WORDS.get(re.sub(r"[\s_.-]", "", header).casefold()):
        return known
    further = _ATTRIBUTE.fullmatch(header)
    name = re.sub(r"\W+", "_", further.group(1).casefold()).strip("_") if further else ""
    return f"attribute:{name}" if name and len(name) <= LONGEST_ATTRIBUTE else ""


def _table(text: str, delimiter: str) -> tuple[list[str], list[str], list[Line]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns, unused, lines, before = [], [], [], 0
    try:
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns, unused = _header(cells)
                continue
            if len(lines) == MOST_LINES:
                raise Unreadable(_("These are more than 50,000 lines."))
            lines.append(_line(line, columns, cells))
    except csv.Error:
        raise Unreadable(
            _("From line %(line)s on this cannot be read as a table: look for a quotation mark too many.")
            % {"line": before + 1}
        ) from None
    return columns, unused, lines


def _header(cells: list[str]) -> tuple[list[str], list[str]]:
    """For each column what it means (empty: not read), and the names of those that are not read."""
    columns, unused, further = [], [], 0
    for cell in cells:
        column = _column(cell)
        further += column.startswith("attribute:")
        if not column or column in columns or (column.startswith("attribute:") and further > MOST_ATTRIBUTES):
            unused += [tidy(cell)[:100]] if cell.strip() else []
            column = ""
        columns.append(column)
    return columns, unused


def _line(line: int, columns: list[str], cells: list[str]) -> Line:
    told = {column: tidy(cell) for column, cell in zip(columns, cells, strict=False) if column and cell}
    found = Line(line, told)
    if len(cells) != len(columns):
        found.problem, found.detail = "cells", {"found": len(cells), "wanted": len(columns)}
    names = {tidy(name).casefold(): tidy(name) for name in told.pop("groups", "").split(";")}
    names.pop("", None)
    found.groups = tuple(names.values())
    return found


def _judge(lines: list[Line], columns: list[str]) -> None:
    """Find what is wrong with each line by itself and beside the others; who is well becomes a person."""
    by_id, zones = "id" in columns, available_timezones()
    for line in lines:
        line.cells["email"] = normal_address(line.cells.get("email", ""))
        if not line.problem:
            line.problem, line.detail = _problem(line, by_id, zones)
    for name, problem in (("id", "same_id"), ("email", "same_address")):
        for line, other in _twice(lines, name):
            if not line.problem:
                line.problem, line.detail = problem, {"line": other}
    for line in lines:
        if not line.problem:
            line.person = _person(line.cells, by_id)


def _problem(line: Line, by_id: bool, zones: set[str]) -> tuple[str, dict]:
    cells = line.cells
    for column, text in [*cells.items(), *(("groups", group) for group in line.groups)]:
        if len(text) > LONGEST_TEXT:
            return "too_long", {"column": column.removeprefix("attribute:")}
    if by_id and not cells.get("id"):
        return "no_id", {}
    if problem := problem_of_address(cells["email"]):
        return ("not_an_address", {"value": cells["email"]}) if cells["email"] else (problem, {})
    if (zone := cells.get("time_zone", "")) and zone not in zones:
        return "no_zone", {"value": zone}
    if (answer := cells.get("enabled", "").casefold()) not in _YES | _NO:
        return "no_answer", {"value": answer}
    return "", {}


def _twice(lines: list[Line], column: str) -> Iterator[tuple[Line, int]]:
    """Lines that have the same in `column` as another one, whose number comes along. Which of them is meant
    nobody can tell."""
    same: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if text := line.cells.get(column):
            same[text].append(line)
    for first, *others in same.values():
        for other in others:
            yield other, first.line
        if others:
            yield first, others[0].line


def _person(cells: dict[str, str], by_id: bool) -> PersonSeen:
    further = {
        name.removeprefix("attribute:"): text
        for name, text in cells.items()
        if name in _ATTRIBUTES or name.startswith("attribute:")
    }
    return PersonSeen(
        external_id=cells["id"] if by_id else cells["email"],
        address=cells["email"],
        aliases=(),
        given_name=cells.get("given_name", ""),
        family_name=cells.get("family_name", ""),
        department=cells.get("department", ""),
        path=cells.get("path", ""),
        employee_id=cells.get("employee_id", ""),
        time_zone=cells.get("time_zone", ""),
        enabled=cells.get("enabled", "").casefold() in _YES,
        kind=Kind.PERSON,
        attributes=tuple(further.items()),
    )
