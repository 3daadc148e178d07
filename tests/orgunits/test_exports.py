"""Lists as CSV: asked for row by row, each cell on one line, and none that a spreadsheet would run."""

import csv
import io

import pytest
from django.utils.translation import gettext_lazy

from orgunits.exports import as_csv


def cells(*row) -> list[str]:
    answer = as_csv("x.csv", ["a"], [row])
    _header, read = csv.reader(io.StringIO(b"".join(answer.streaming_content).decode(), newline=""))
    return read


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "|", "%", "\t=", "\r\n=", " ="])
def test_no_cell_is_run_by_a_spreadsheet(begins):
    (cell,) = cells(f"{begins}1+1")

    assert cell.startswith("'")
    assert cell == " ".join(cell.split())


def test_whatever_has_words_is_a_cell():
    assert cells("Ada\nLovelace", gettext_lazy("Name"), 3, "") == ["Ada Lovelace", "Name", "3", ""]


def test_rows_are_asked_for_only_when_they_are_sent():
    asked = []

    def rows():
        for number in range(3):
            asked.append(number)
            yield [str(number)]

    answer = iter(as_csv("x.csv", ["a"], rows()))
    next(answer)
    assert asked == []
    next(answer)
    assert asked == [0]


def test_the_file_has_a_name():
    assert as_csv("x.csv", ["a"], []).headers["Content-Disposition"] == 'attachment; filename="x.csv"'
