"""Support's pages: where a connection is tried again, and a unit's health. Django admin opens them, which asks for
staff and for a reason."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from connections import support
from connections.models import Connection
from connections.states import NotPossibleNow
from orgunits.forms.support import ReasonForm
from orgunits.models import OrganizationalUnit

from .overview import context_of


def try_again(request: HttpRequest, connection: Connection, frame: dict) -> HttpResponse:
    """Says what is tried, asks for the reason. `frame`: what the admin's pages need."""
    form = ReasonForm(request.POST or None, initial={"why": request.support_visit.why})
    if form.is_valid():
        try:
            number = support.try_again(
                connection, by=request.user, why=form.cleaned_data["why"], now=timezone.now()
            )
        except NotPossibleNow:
            messages.warning(request, _("Only a connection that is active, in an active unit, can be tried."))
        else:
            messages.success(
                request, _("Asked for again. Failing mailboxes: %(number)s.") % {"number": number}
            )
        return redirect("admin:connections_calendarconnection_change", connection.pk)
    context = {**frame, "form": form, "connection": connection, "title": _("Try again now")}
    page = "admin/connections/calendarconnection/try_again.html"
    return render(request, page, context, status=422 if form.errors else 200)


def health(request: HttpRequest, unit: OrganizationalUnit, frame: dict) -> HttpResponse:
    """How reading the unit's calendars goes: counts, states and times, no member. `frame`: as above."""
    context = {**frame, **context_of(unit), "unit": unit, "title": _("Health of connections")}
    return render(request, "admin/connections/health.html", context)
