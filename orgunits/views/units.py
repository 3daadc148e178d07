"""Pages of units: making one."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from orgunits.access import open_to
from orgunits.forms import UnitForm
from orgunits.units import create_unit, may_create_units


@open_to("signed_in")
def unit_new(request: HttpRequest) -> HttpResponse:
    """A new unit, for whoever the setting allows."""
    if not may_create_units(request.user):
        raise PermissionDenied
    form = UnitForm(request.POST or None)
    if form.is_valid():
        unit = create_unit(
            form.cleaned_data["name"],
            by=request.user,
            now=timezone.now(),
            shape=form.cleaned_data["shape"],
            time_zone=request.user.time_zone or "UTC",
        )
        return redirect("unit_home", slug=unit.slug)
    return render(request, "orgunits/unit_new.html", {"form": form}, status=422 if form.errors else 200)
