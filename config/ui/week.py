"""A week of one person's time: a drawing for the eye and a table with the same blocks for everybody."""

from __future__ import annotations

from collections.abc import Iterable

from django.template import TemplateSyntaxError
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from .library import component

KINDS = {"busy": _("Busy"), "unknown": _("Not known"), "free": _("Free")}
USUAL = (8 * 60, 18 * 60)  # the hours drawn when nothing asks for more, in minutes of the day


def clock(minute: int) -> str:
    """A minute of the day as people write it: 570 is "09:30"."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _span(days: list[dict]) -> tuple[int, int]:
    """First and last minute to draw, in whole hours, so that every block and every working hour is seen."""
    starts = [USUAL[0], *(b["start_minute"] for d in days for b in d["blocks"])]
    ends = [USUAL[1], *(b["end_minute"] for d in days for b in d["blocks"])]
    hours = [pair for day in days for pair in day.get("hours", [])]
    first = min(starts + [start for start, _end in hours]) // 60 * 60
    last = -(-max(ends + [end for _start, end in hours]) // 60) * 60
    return first, min(last, 24 * 60)


def _block(block: dict, first: int) -> dict:
    if block["kind"] not in KINDS:
        raise TemplateSyntaxError(f"There is no kind “{block['kind']}”. Known: {', '.join(KINDS)}.")
    return {
        "kind": block["kind"],
        "word": KINDS[block["kind"]],
        "label": block.get("label", ""),
        "from": clock(block["start_minute"]),
        "to": clock(block["end_minute"]),
        "y": block["start_minute"] - first,
        "height": max(block["end_minute"] - block["start_minute"], 10),
    }


@component
def week_grid(days: Iterable[dict], *, caption: str, zone: str = "") -> str:
    """`days`: dicts, or objects, with date, label, blocks and hours.

    `blocks`: dicts with start_minute, end_minute, kind and label; `hours`: pairs (start, end).
    Minutes are minutes of that day's wall time; `zone` names the zone they are in. `hours` are the working hours.
    """
    days = [day if isinstance(day, dict) else vars(day) for day in days]
    first, last = _span(days)
    drawn = [
        {
            "date": day["date"],
            "label": day["label"],
            "hours": [{"y": start - first, "height": end - start} for start, end in day.get("hours", [])],
            "open": [(clock(start), clock(end)) for start, end in day.get("hours", [])],
            "blocks": [_block(block, first) for block in day["blocks"]],
        }
        for day in days
    ]
    hours = [{"clock": clock(minute), "y": minute - first} for minute in range(first, last, 60)]
    return render_to_string(
        "components/week_grid.html",
        {
            "days": drawn,
            "hours": hours,
            "height": last - first,
            "caption": caption,
            "zone": zone,
            "kinds": KINDS,
        },
    )
