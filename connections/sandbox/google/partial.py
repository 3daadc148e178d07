"""Partial answers: the `fields` parameter, as in `items(id,start/dateTime),nextPageToken`.

https://developers.google.com/workspace/calendar/api/guides/performance#partial
"""

from __future__ import annotations

from typing import Any

from .errors import bad_request

Mask = dict[str, "Mask | None"]


def only(value: Any, fields: str) -> Any:
    """The members of `value` the mask names. Raises ApiError 400 for a mask that cannot be read."""
    mask, rest = _list(fields)
    if rest:
        raise bad_request(f"Invalid field selection {fields}", "invalidParameter", "fields")
    return _cut(value, mask)


def _list(text: str) -> tuple[Mask, str]:
    mask: Mask = {}
    while True:
        name = ""
        while text and text[0] not in ",/()":
            name, text = name + text[0], text[1:]
        if not name.strip():
            raise bad_request("Invalid field selection", "invalidParameter", "fields")
        below: Mask | None = None
        if text.startswith("/"):
            below, text = _path(text[1:])
        elif text.startswith("("):
            below, text = _list(text[1:])
            if not text.startswith(")"):
                raise bad_request("Invalid field selection", "invalidParameter", "fields")
            text = text[1:]
        known = mask.get(name.strip(), {}) if name.strip() in mask else {}
        mask[name.strip()] = None if below is None or known is None else {**known, **below}
        if not text.startswith(","):
            return mask, text
        text = text[1:]


def _path(text: str) -> tuple[Mask, str]:
    """What follows a slash: one name, which may go on with a slash or a list in brackets."""
    name = ""
    while text and text[0] not in ",/()":
        name, text = name + text[0], text[1:]
    if text.startswith("/"):
        below, text = _path(text[1:])
        return {name: below}, text
    if text.startswith("("):
        below, text = _list(text[1:])
        return {name: below}, text.removeprefix(")")
    return {name: None}, text


def _cut(value: Any, mask: Mask | None) -> Any:
    if mask is None or "*" in mask:
        return value
    if isinstance(value, list):
        return [_cut(one, mask) for one in value]
    if isinstance(value, dict):
        return {name: _cut(one, mask[name]) for name, one in value.items() if name in mask}
    return value
