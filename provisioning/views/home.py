"""The page that shows, for each directory of a unit, who comes and goes by which rule."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from orgunits.access import unit_view
from orgunits.models import OrganizationalUnit
from provisioning import rule_list

from .common import RIGHT


@unit_view(RIGHT)
def people(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Each directory with its rules, and what came of them last."""
    return render(request, "provisioning/home.html", {"directories": rule_list.followed(unit)})
