"""The pages that may look into every app: the way in, and a unit's home."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static

from connections import checklist
from connections.states import State, shown_with_counts
from orgunits.access import applications_of, open_to, unit_view, units_of
from orgunits.models import OrganizationalUnit
from orgunits.units import may_create_units

APPLICATIONS_SHOWN = 10


@open_to("signed_in")
def front_door(request: HttpRequest) -> HttpResponse:
    """To one's unit; to a choice where there are several; to an explanation where there is none."""
    units = units_of(request.user)
    if len(units) == 1:
        return redirect("unit_home", slug=units[0].slug)
    context = {"own_units": units, "may_create": may_create_units(request.user)}
    return render(request, "orgunits/front_door.html", context)


@unit_view("see_unit")
def unit_home(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """What the unit is mostly for comes first: set-up and calendars, or applications. Who looks after neither
    goes to what is theirs."""
    access = request.access
    if not (access.may("see_connections") or access.may("see_applications")):
        if access.chosen_for_application:
            return redirect("applications", slug=unit.slug)
        return redirect("member", slug=unit.slug, member_id=access.member.public_id)
    integrator = unit.shape == OrganizationalUnit.Shape.INTEGRATOR
    applications = list(applications_of(access).order_by("pk")[:APPLICATIONS_SHOWN])
    context = {
        "integrator": integrator,
        "applications": applications,
        "shows_applications": access.opens_applications and (integrator or bool(applications)),
    }
    if access.may("see_connections"):
        context |= _calendars(unit)
    return render(request, "orgunits/unit_home.html", context)


def _calendars(unit: OrganizationalUnit) -> dict:
    """The set-up steps and the living connections."""
    steps = checklist.steps(unit)
    living = unit.connections.calendars().exclude(state=State.DISCONNECTED).prefetch_related("domains")
    return {
        "steps": steps,
        "done": sum(step.state == checklist.DONE for step in steps),
        "connections": shown_with_counts(list(living.order_by("pk")[:20])),
    }


@open_to("everyone")
def live(request: HttpRequest) -> HttpResponse:
    """For load balancers: this process answers."""
    return HttpResponse("ok", content_type="text/plain")


@open_to("everyone")
def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask at this address where a page names no icon, as Django admin's pages do."""
    return redirect(static("img/favicon.svg"))
