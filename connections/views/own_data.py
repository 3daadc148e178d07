"""What is kept on one member: their own page, and the same for an Ops Admin who is asked for it."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone

from connections.own_data import kept_on
from orgunits import audit, limits, memberships
from orgunits.access import unit_view
from orgunits.models import Member, OrganizationalUnit

from .common import member_of


@unit_view("see_unit")
def my_data(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """What is kept on me here."""
    return _page(request, member_of(unit, request.access.member.public_id), own=True)


@unit_view("see_unit")
def my_data_download(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """The same as a file."""
    if not limits.within(request, "exports"):
        return limits.refuse(request)
    return _file(member_of(unit, request.access.member.public_id), own=True)


@unit_view("manage_members")
def member_data(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """What is kept on one member here, for whoever answers them."""
    return _page(request, member_of(unit, member_id), own=False)


@unit_view("manage_members")
def member_data_download(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """The same as a file; the audit log tells that it was taken."""
    row = member_of(unit, member_id)
    if not limits.within(request, "exports"):
        return limits.refuse(request)
    audit.record(unit, "member.exported", row, by=request.user, now=timezone.now())
    return _file(row, own=False)


def _page(request: HttpRequest, row: Member, *, own: bool) -> HttpResponse:
    others = row.pk != request.access.member.pk
    context = {
        "member": row,
        "own": own,
        "kept": kept_on(row, own=own),
        "may_erase": not own and others and memberships.within_reach(row, request.access.rights),
    }
    return render(request, "connections/member_data.html", context)


def _file(row: Member, *, own: bool) -> HttpResponse:
    answer = JsonResponse(kept_on(row, own=own), json_dumps_params={"indent": 2, "ensure_ascii": False})
    answer["Content-Disposition"] = f'attachment; filename="{row.public_id}.json"'
    return answer
