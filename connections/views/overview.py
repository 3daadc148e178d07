"""The page of a unit's health: how reading its calendars goes, what does not work, and who can mend it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from connections.overview import Counts, Overview, overview
from orgunits.access import unit_view
from orgunits.models import OrganizationalUnit


@unit_view("see_connections")
def unit_health(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """The whole unit at this moment; loading it again looks again."""
    return render(request, "connections/overview.html", context_of(unit))


def context_of(unit: OrganizationalUnit) -> dict:
    """What the page shows, for the unit's people and for support; days are those of the viewer's zone."""
    zone = timezone.get_current_timezone()
    found = overview(unit, zone=zone, now=timezone.now())
    return {
        "overview": found,
        "providers": [
            {
                "name": provider.name,
                "spans": [_span(_("24 hours"), provider.day), _span(_("7 days"), provider.week)],
            }
            for provider in found.providers
        ],
        "of_all": _("of %(number)s")
        % {"number": number_format(found.mailboxes.to_read, force_grouping=True)},
        "tone": "warning" if found.mailboxes.not_working else "",
        "age": timesince(found.oldest, found.at, depth=1) if found.oldest else "",
        "rate": percent(found.last_day.error_rate),
        "chart": _chart(found),
        "series": [
            {"label": _("read"), "look": "plain"},
            {"label": _("failed"), "look": "bad"},
            {"label": _("failed for one person"), "look": "quiet"},
        ],
        "zone": timezone.get_current_timezone_name(),
    }


def _span(label: str, counts: Counts) -> dict:
    return {"label": label, "counts": counts, "rate": percent(counts.error_rate)}


def _chart(found: Overview) -> list[dict]:
    return [
        {"date": day.date, "values": [day.counts.mailboxes_read, day.counts.failed, day.counts.of_persons]}
        for day in found.days
    ]


def percent(rate: float | None) -> str:
    """A part of all as people read it. Little is never said to be nothing, and almost all never to be all."""
    if rate is None:
        return "–"
    if 0 < rate < 0.001:
        return _("below 0.1 %")
    if 0.999 < rate < 1:
        return _("over 99.9 %")
    return _("%(number)s %%") % {"number": number_format(round(100 * rate, 1), 0 if rate in {0, 1} else 1)}
