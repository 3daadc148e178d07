"""Uploaded tables of people as text: what a file may be, and what separates its columns."""

import csv
from collections.abc import Callable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Unreadable(ValueError):
    """The whole file cannot be read. The argument: what is wrong, for the person who brought it."""


def decode(content: bytes, *, most: int, too_large: str | Promise) -> str:
    """The text of an uploaded file of at most `most` bytes: UTF-8, with or without a byte order mark.

    Raises Unreadable.
    """
    if len(content) > most:
        raise Unreadable(too_large)
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Unreadable(_("This is a workbook. Save it as “CSV UTF-8” and upload that file."))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(_("This file is not UTF-8 text. Save it as “CSV UTF-8” and try again.")) from None
    if "\0" in text:
        raise Unreadable(_("This is not a text file."))
    return text


def delimiter_of(text: str, column: Callable[[str], str]) -> str:
    """What separates the columns when the first line is a header that names an address; else empty.

    `column`: which column a header means.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    for delimiter in ("\t", ";", ","):
        try:
            cells = next(csv.reader([first], delimiter=delimiter), [])
        except csv.Error:
            continue
        if "email" in map(column, cells):
            return delimiter
    return ""
