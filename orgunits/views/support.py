"""Pages of support staff beside Django admin's own: look up a member, say why, leave a unit."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orgunits import limits, support
from orgunits.access import open_to
from orgunits.forms.support import LookUpForm, ReasonForm
from orgunits.models import OrganizationalUnit

_LAST = "support_last_reason"


def _page(request: HttpRequest, name: str, title: str, context: dict, form) -> HttpResponse:
    frame = {**admin.site.each_context(request), **context, "title": title, "form": form}
    return render(request, f"admin/support/{name}.html", frame, status=422 if form.errors else 200)


@open_to("staff")
def look_up(request: HttpRequest) -> HttpResponse:
    """By a whole address, in all units; each of them reads that support looked, and why."""
    form = LookUpForm(request.POST or None)
    context: dict = {"found": None}
    if form.is_valid():
        if not limits.within(request, "look_ups"):
            return limits.refuse(request)
        entered = form.cleaned_data
        context["found"] = support.look_up(
            entered["address"], entered["why"], by=request.user, now=timezone.now()
        )
        request.session[_LAST] = entered["why"]
    return _page(request, "look_up", _("Look up a member"), context, form)


@open_to("staff")
def reason(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Why support looks into this unit; then on to what was asked for."""
    unit = get_object_or_404(OrganizationalUnit, public_id=unit_id.replace("\0", ""))
    form = ReasonForm(request.POST or None, initial={"why": request.session.get(_LAST, "")})
    if form.is_valid():
        support.begin(request.session, unit, form.cleaned_data["why"], now=timezone.now())
        return redirect(_next(request, unit))
    context = {
        "unit": unit,
        "next": _next(request, unit),
        "minutes": int(support.VISIT.total_seconds() // 60),
    }
    return _page(request, "reason", _("Why do you look?"), context, form)


@open_to("staff")
@require_POST
def leave(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Close the unit again."""
    support.end(request.session, unit_id)
    return redirect("admin:index")


def _next(request: HttpRequest, unit: OrganizationalUnit) -> str:
    """The page of the admin that was asked for, else the unit's."""
    asked = request.POST.get("next") or request.GET.get("next", "")
    home = reverse("admin:index")
    if asked.startswith(home) and url_has_allowed_host_and_scheme(asked, allowed_hosts=None):
        return asked
    return reverse("admin:orgunits_organizationalunit_change", args=[unit.pk])
