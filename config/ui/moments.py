"""Times as people read them: in the zone Django has activated for the viewer, always with the zone's name."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _

from .library import component

SHOWN = {"full": "j M Y, H:i", "date": "j M Y", "time": "H:i", "day": "D j M, H:i"}


def zone_name(moment: datetime) -> str:
    """The zone's short name at that moment: "CET". Zones without letters get their offset: "UTC+4"."""
    name = moment.strftime("%Z")
    if match := re.fullmatch(r"([+-])(\d\d):?(\d\d)?", name):
        sign, hours, minutes = match.groups()
        return f"UTC{sign}{int(hours)}" + (f":{minutes}" if minutes and minutes != "00" else "")
    return name


def relative(moment: datetime, now: datetime) -> str:
    """How long ago, or how far ahead, in the largest unit: "3 minutes ago", "in 2 days"."""
    if abs((moment - now).total_seconds()) < 60:
        return _("just now") if moment <= now else _("in less than a minute")
    if moment < now:
        return _("%(time)s ago") % {"time": timesince(moment, now, depth=1)}
    return _("in %(time)s") % {"time": timeuntil(moment, now, depth=1)}


@component
def when(
    value: datetime | date | None, *, show: str = "full", relative: bool = False, never: str = ""
) -> str:
    """`value` in the viewer's zone with its name: "21 Nov 2026, 14:05 CET".

    `show`: "full", "date", "time", "day" ("Mon 23 Nov, 14:05"), or "last_day" of what ends at `value`: the day
    that is over then, and the full time where that is in the middle of the viewer's day. A date stands as it is,
    without a zone.
    `relative` adds "(3 minutes ago)". `never` is said where there is no time.
    """
    if value is None or value == "":
        return format_html('<span class="muted">{}</span>', never or _("not yet"))
    if not isinstance(value, datetime):
        return format_html(
            '<time datetime="{}">{}</time>', value.isoformat(), date_format(value, SHOWN["date"])
        )
    local = timezone.localtime(value)
    said = local
    if show == "last_day":
        ends_a_day = local.time() == time()
        said, show = (local - timedelta(days=1), "date") if ends_a_day else (local, "full")
    words = date_format(said, SHOWN[show])
    if show != "date":
        words = f"{words} {zone_name(local)}"
    tag = _time_tag(value, words, "")
    return format_html('{} <span class="muted">({})</span>', tag, _since(value)) if relative else tag


@component
def ago(value: datetime | None, *, never: str = "") -> str:
    """How long ago, with the full time on hover. Beside a `{% when %}`, never alone in a place that matters."""
    if value is None or value == "":
        return format_html('<span class="muted">{}</span>', never or _("never"))
    local = timezone.localtime(value)
    return _time_tag(value, _since(value), f"{date_format(local, SHOWN['full'])} {zone_name(local)}")


def _since(value: datetime) -> str:
    return relative(value, timezone.now())


def _time_tag(value: datetime, words: str, title: str) -> str:
    stamp = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    hover = format_html(' title="{}"', title) if title else ""
    return format_html('<time datetime="{}"{}>{}</time>', stamp, hover, words)
