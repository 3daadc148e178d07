"""The audit log of a unit: its page, and the same as CSV."""

from collections.abc import Iterable, Iterator
from datetime import UTC
from itertools import islice

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from orgunits import limits
from orgunits.access import unit_view
from orgunits.audit_log import Chosen, Line, Value, events_of, lines_of, page_of_events
from orgunits.exports import as_csv
from orgunits.forms.audit import AuditFilterForm
from orgunits.models import OrganizationalUnit

AUDIT_PAGE = 100
CHUNK = 500
COLUMNS = [
    "id", "when (UTC)", "action", "what happened", "who", "who (id)", "about", "about (id)", "reason", "changes",
    "details", "origin", "request",
]  # fmt: skip


@unit_view("see_audit")
def audit_log(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """What happened in this unit, the newest first."""
    form = AuditFilterForm(request.GET)
    chosen = form.chosen
    rows = events_of(unit, chosen) if chosen else unit.audit_events.none()
    page = page_of_events(rows, after=request.GET.get("after", ""), size=AUDIT_PAGE)
    query = request.GET.copy()
    query.pop("after", None)
    first_url = f"?{query.urlencode()}"
    query["after"] = page.next_key
    context = {
        "form": form,
        "events": lines_of(unit, page.rows),
        "filtered": chosen != Chosen(),
        "zone": timezone.get_current_timezone_name(),
        "first_url": first_url if request.GET.get("after") else "",
        "next_url": f"?{query.urlencode()}" if page.next_key else "",
        "export_url": f"{reverse('audit_export', args=[unit.slug])}{first_url}",
    }
    return render(request, "orgunits/audit_log.html", context, status=422 if form.errors else 200)


@unit_view("see_audit")
def audit_export(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """The same filter as CSV, streamed; cells that a spreadsheet would run are made harmless."""
    chosen = AuditFilterForm(request.GET).chosen
    if chosen is None:
        return audit_log(request, slug=unit.slug)
    if not limits.within(request, "exports"):
        return limits.refuse(request)
    events = events_of(unit, chosen).order_by("-at", "-pk").iterator(chunk_size=CHUNK)
    return as_csv(f"audit-{unit.slug}.csv", COLUMNS, _rows(unit, events))


def _rows(unit: OrganizationalUnit, events: Iterator) -> Iterator[list[str]]:
    while chunk := list(islice(events, CHUNK)):
        for line in lines_of(unit, chunk):
            yield _cells(line)


def _cells(line: Line) -> list[str]:
    """One event; the order is that of COLUMNS."""
    event = line.event
    changes = (f"{c.label}: {_plain([c.before])} → {_plain([c.after])}" for c in line.changes)
    return [
        event.public_id,
        event.at.astimezone(UTC).isoformat(timespec="seconds"),
        event.verb,
        line.verb,
        line.actor.words,
        event.actor,
        line.subject.words,
        event.subject,
        line.reason,
        "; ".join(changes),
        "; ".join(f"{label}: {_plain(values)}" for label, values in line.facts),
        str(event.get_origin_display()),
        event.request_id,
    ]


def _plain(values: Iterable[Value | None]) -> str:
    return ", ".join(value.words if value else "–" for value in values)
