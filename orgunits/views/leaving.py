"""The page on which a member leaves a unit by themselves."""

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from orgunits import memberships, roles
from orgunits.access import unit_view
from orgunits.models import OrganizationalUnit


@unit_view("see_unit")
def unit_leave(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Says what ends and what stays; posting leaves. The only Ops Admin is told what to do first."""
    member = request.access.member
    if request.method == "POST":
        try:
            memberships.remove_member(member, by=request.user, now=timezone.now())
        except roles.LastOpsAdmin:
            return render(request, "orgunits/unit_leave_last.html", status=422)
        except memberships.WrongState:
            return redirect("front_door")  # somebody removed them just now
        return _goodbye(request, unit)
    try:
        roles.keep_an_ops_admin(member)
    except roles.LastOpsAdmin:
        return render(request, "orgunits/unit_leave_last.html")
    stops = [
        _("You no longer open this unit, and nobody books you here."),
        _("Your roles end, and so do your rights on its applications."),
        _("Your calendar is no longer read for this unit."),
    ]
    keeps = [
        _("Your sign-in, and the other units you belong to."),
        _("What you did stays in the unit’s audit log."),
    ]
    return render(request, "orgunits/unit_leave.html", {"stops": stops, "keeps": keeps})


def _goodbye(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """To the other units; who belongs to none was signed out everywhere, here too."""
    user = request.user
    if not user.is_staff and not user.memberships.active().exists():
        logout(request)
    messages.success(request, _("You have left %(unit)s.") % {"unit": unit.name})
    return redirect("front_door")
