"""The audit log of a unit."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from orgunits import audit
from orgunits.access import unit_view
from orgunits.models import OrganizationalUnit
from orgunits.paging import page_of

AUDIT_PAGE = 100


@unit_view("see_audit")
def audit_log(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """What happened in this unit, the newest first."""
    rows = unit.audit_events.all()
    page = page_of(rows, ("pk",), after=request.GET.get("after", ""), size=AUDIT_PAGE, descending=True)
    names = audit.names(page.rows)
    events = [
        {
            "event": event,
            "verb": audit.VERBS.get(event.verb, event.verb),
            "actor": names.get(event.actor, event.actor),
            "subject": names.get(event.subject, event.subject),
        }
        for event in page.rows
    ]
    context = {"events": events, "next_url": f"?after={page.next_key}" if page.next_key else ""}
    return render(request, "orgunits/audit_log.html", context)
