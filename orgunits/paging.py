"""Paging by key: the next page starts after the last row shown, so that page 500 costs what page 1 does."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, QuerySet, Value
from django.db.models.expressions import Func
from django.db.models.fields import BooleanField


@dataclass(frozen=True)
class Page:
    """One page of rows, and the key with which the next one begins (empty on the last)."""

    rows: list
    next_key: str


class _RowAfter(Func):
    """`(a, b) > (x, y)` as one row comparison, which an index on (a, b) answers."""

    output_field = BooleanField()
    conditional = True

    def as_sql(self, compiler, connection, **kwargs):
        half = len(self.source_expressions) // 2
        parts, params = [], []
        for expression in self.source_expressions:
            sql, its_params = compiler.compile(expression)
            parts.append(sql)
            params += its_params
        sign = "<" if self.extra.get("descending") else ">"
        return f"({', '.join(parts[:half])}) {sign} ({', '.join(parts[half:])})", params


def page_of(
    rows: QuerySet,
    columns: tuple[str, ...],
    *,
    after: str,
    size: int,
    descending: bool = False,
    moments: tuple[str, ...] = (),
) -> Page:
    """The page of `rows` that follows `after`, ordered by `columns`: texts (or, those named in `moments`,
    instants), and a unique number as the last one; none of them null.

    An `after` that is not one of ours shows the first page.
    """
    sign = "-" if descending else ""
    rows = rows.order_by(*(f"{sign}{column}" for column in columns))
    if values := _opened(after, [column in moments for column in columns]):
        compared = [*(F(column) for column in columns), *(Value(value) for value in values)]
        rows = rows.filter(_RowAfter(*compared, descending=descending))
    found = list(rows[: size + 1])
    if len(found) <= size:
        return Page(found, "")
    last = found[size - 1]
    values = [_value(last, column) for column in columns]
    values = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return Page(found[:size], urlsafe_b64encode(json.dumps(values).encode()).decode())


def _value(row, column: str):
    for name in column.split("__"):
        row = getattr(row, name)
    return row


def _opened(after: str, are_moments: list[bool]) -> list | None:
    """The values in a key that `page_of` made, or None: texts or instants, and the number of the row as the last."""
    try:
        values = json.loads(urlsafe_b64decode(after.encode()))
    except (ValueError, NotBase64, RecursionError):
        return None
    if not isinstance(values, list) or len(values) != len(are_moments):
        return None
    *texts, row = values
    if type(row) is not int or abs(row) >= 2**63 or not all(map(_is_storable_text, texts)):
        return None
    try:
        opened = [_moment(text) if moment else text for text, moment in zip(texts, are_moments, strict=False)]
    except ValueError:
        return None
    return [*opened, row]


def _moment(text: str) -> datetime:
    """The instant in a key. Raises ValueError, also where it names no zone or a year no database knows."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not 1000 < moment.year < 9000:
        raise ValueError
    return moment


def _is_storable_text(value: object) -> bool:
    """Whether PostgreSQL takes it as text: no NUL, no half of a surrogate pair."""
    try:
        return isinstance(value, str) and b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False
