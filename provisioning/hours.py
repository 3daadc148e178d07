"""Weekly working hours in a few words. Pure."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from orgunits.members import WEEKDAYS

SHORT = dict(
    zip(WEEKDAYS, (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")), strict=True)
)


def in_short(hours: Mapping[str, list]) -> str:
    """“Mon–Thu 09:00–17:00; Fri 09:00–13:00”. Days that follow each other with the same hours stand together."""
    spans: list[tuple[list[str], list]] = []
    for day in WEEKDAYS:
        periods = hours.get(day)
        if not periods:
            spans.append(([], []))  # a day off parts what stands before it from what follows
        elif spans and spans[-1][0] and spans[-1][1] == periods:
            spans[-1][0].append(day)
        else:
            spans.append(([day], periods))
    return "; ".join(f"{_days(days)} {_times(periods)}" for days, periods in spans if days)


def _days(days: list[str]) -> str:
    if len(days) == 1:
        return str(SHORT[days[0]])
    return f"{SHORT[days[0]]}–{SHORT[days[-1]]}" if len(days) > 2 else f"{SHORT[days[0]]}, {SHORT[days[1]]}"


def _times(periods: list) -> str:
    return ", ".join(f"{start}–{end}" for start, end in periods)
