"""Pages of units: making one, and its settings. Pausing and archiving count in every app: config/unit_life.py."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orgunits import limits, units
from orgunits.access import open_to, unit_view
from orgunits.forms import UnitForm, UnitSettingsForm
from orgunits.models import OrganizationalUnit
from orgunits.units import NotPossibleNow, create_unit, may_create_units


@open_to("signed_in")
def unit_new(request: HttpRequest) -> HttpResponse:
    """A new unit, for whoever the setting allows."""
    if not may_create_units(request.user):
        raise PermissionDenied
    form = UnitForm(request.POST or None)
    if form.is_valid():
        if not limits.within(request, "units"):
            return limits.refuse(request)
        unit = create_unit(
            form.cleaned_data["name"],
            by=request.user,
            now=timezone.now(),
            shape=form.cleaned_data["shape"],
            time_zone=request.user.time_zone or "UTC",
        )
        return redirect("unit_home", slug=unit.slug)
    return render(request, "orgunits/unit_new.html", {"form": form}, status=422 if form.errors else 200)


@unit_view("manage_unit", archived_too=True)
def unit_settings(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Name and zone of the unit, its state, and the ways to the acts that change it."""
    if unit.state == OrganizationalUnit.State.ARCHIVED:
        late = units.too_late_to_restore(unit, now=timezone.now())
        return render(request, "orgunits/unit_restore.html", {"too_late": late})
    values = {"name": unit.name, "default_time_zone": unit.default_time_zone}
    form = UnitSettingsForm(request.POST or None, initial=values)
    if form.is_valid():
        _keep_settings(request, unit, form)
        return redirect("unit_settings", slug=unit.slug)
    return render(request, "orgunits/unit_settings.html", {"form": form}, status=422 if form.errors else 200)


def _keep_settings(request: HttpRequest, unit: OrganizationalUnit, form: UnitSettingsForm) -> None:
    now, name, zone = timezone.now(), form.cleaned_data["name"], form.cleaned_data["default_time_zone"]
    try:
        if "name" in form.changed_data:
            units.rename_unit(unit, name, by=request.user, now=now)
        if "default_time_zone" in form.changed_data:
            units.set_default_zone(unit, zone, by=request.user, now=now)
    except NotPossibleNow:
        messages.warning(request, _("Somebody archived this unit in the meantime. Nothing was saved."))
    else:
        messages.success(request, _("Saved."))


@unit_view("manage_unit")
@require_POST
def unit_resume(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    try:
        units.resume_unit(unit, by=request.user, now=timezone.now())
    except NotPossibleNow:
        messages.warning(request, _("This unit is not paused."))
    else:
        messages.success(request, _("Resumed. Everything goes on where it stopped."))
    return redirect("unit_settings", slug=unit.slug)


@unit_view("manage_unit", archived_too=True)
@require_POST
def unit_restore(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    try:
        units.restore_unit(unit, by=request.user, now=timezone.now())
    except NotPossibleNow:
        messages.warning(request, _("This unit is not archived."))
    except units.TooLateToRestore:
        messages.warning(request, _("It is too late: this unit is being erased."))
    else:
        messages.success(request, _("Restored. Everything goes on where it stopped."))
        return redirect("unit_home", slug=unit.slug)
    return redirect("unit_settings", slug=unit.slug)
