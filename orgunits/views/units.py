"""Pages of units: making one, and its audit log."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from orgunits import audit
from orgunits.access import open_to, unit_view
from orgunits.forms import UnitForm
from orgunits.models import OrganizationalUnit
from orgunits.paging import page_of
from orgunits.units import create_unit, may_create_units

AUDIT_PAGE = 100


@open_to("signed_in")
def unit_new(request: HttpRequest) -> HttpResponse:
    """A new unit, for whoever the setting allows."""
    if not may_create_units(request.user):
        raise PermissionDenied
    form = UnitForm(request.POST or None)
    if form.is_valid():
        zone = request.user.time_zone or "UTC"
        unit = create_unit(form.cleaned_data["name"], by=request.user, now=timezone.now(), time_zone=zone)
        return redirect("unit_home", slug=unit.slug)
    return render(request, "orgunits/unit_new.html", {"form": form}, status=422 if form.errors else 200)


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
