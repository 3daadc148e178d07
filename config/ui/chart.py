"""Some days as bars: a drawing for the eye and a table with the same numbers for everybody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from django.template import TemplateSyntaxError
from django.template.loader import render_to_string

from .library import component
from .numbers import grouped

LOOKS = ("plain", "bad", "quiet")
SLOT, BAR = 20, 14  # widths in the drawing, whose height is 100
LEAST = 2  # how high a part is drawn that would be too small to be seen
STEPS = (1, 2, 4, 5, 10)


def round_up(number: int) -> int:
    """The next number that reads well at the top of a scale and halves well: 1, 2, 4, 5 or 10 times a power of 10."""
    power = 1
    while number > 10 * power:
        power *= 10
    return next(step * power for step in STEPS if step * power >= number)


def _bars(values: Sequence[int], top: int, left: int) -> list[dict]:
    """The parts of one bar, from the ground up; together never higher than the drawing."""
    heights = [max(100 * value / top, LEAST) if value else 0 for value in values]
    if (over := sum(heights) - 100) > 0:
        heights[heights.index(max(heights))] -= over
    parts, ground = [], 100.0
    for value, height in zip(values, heights, strict=True):
        ground -= height
        parts.append({"number": value, "x": left, "y": round(ground, 2), "height": round(height, 2)})
    return parts


@component
def day_chart(
    days: Iterable[dict], series: Sequence[dict], *, caption: str, zone: str = "", anchor: str = "chart"
) -> str:
    """`days`: dicts with date and values, in the order of `series`: dicts with label and look.

    `look`: plain (the usual), bad (asks for action) or quiet (beside the point). The first one is at the ground.
    `zone` names the zone of the days. `anchor` begins the ids, for a page with several.
    """
    for one in series:
        if one["look"] not in LOOKS:
            raise TemplateSyntaxError(f"There is no look “{one['look']}”. Known: {', '.join(LOOKS)}.")
    days = list(days)
    top = round_up(max((sum(day["values"]) for day in days), default=0) or 1)
    drawn = []
    for place, day in enumerate(days):
        parts = _bars(day["values"], top, place * SLOT + (SLOT - BAR) // 2)
        drawn.append(
            {
                "date": day["date"],
                "parts": [
                    {**part, **one, "words": grouped(part["number"])}
                    for part, one in zip(parts, series, strict=True)
                ],
                "all": grouped(sum(day["values"])),
            }
        )
    first: date | None = days[0]["date"] if days else None
    context = {
        "days": drawn,
        "series": series,
        "width": SLOT * len(days),
        "bar": BAR,
        "top": grouped(top),
        "half": grouped(top // 2) if top % 2 == 0 else "",
        "first": first,
        "last": days[-1]["date"] if days else None,
        "caption": caption,
        "zone": zone,
        "anchor": anchor,
    }
    return render_to_string("components/day_chart.html", context)
