"""Choosing members of the list for one act on all of them. What follows stands in orgunits/views/bulk.py."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from connections import member_list
from orgunits import bulk
from orgunits.access import unit_view
from orgunits.forms.bulk import MOST_TICKED, BulkForm
from orgunits.models import OrganizationalUnit

from .members import chosen_of


@unit_view(bulk.RIGHT)
@require_POST
def bulk_new(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Freeze the ticked members, or all that match the filter in the address, as a preview of the act."""
    form = BulkForm(request.POST, access=request.access)
    back = f"{reverse('members', args=[unit.slug])}?{request.GET.urlencode()}"
    if not form.is_valid():
        messages.error(request, _("Choose what to do. Nothing was changed."))
        return redirect(back)
    if form.cleaned_data["whom"] == "all":
        _form, chosen = chosen_of(request, unit)
        members = member_list.members(unit, chosen)
    else:
        ticked = [value for value in request.POST.getlist("member")[:MOST_TICKED] if "\0" not in value]
        members = unit.members.filter(public_id__in=ticked)
    if not members.exists():
        messages.error(request, _("Tick some members, or choose all that match. Nothing was changed."))
        return redirect(back)
    run = bulk.prepare(
        request.access,
        members,
        form.cleaned_data["act"],
        now=timezone.now(),
        role=form.cleaned_data["role"],
        why=form.cleaned_data["why"],
    )
    return redirect("bulk_run", slug=unit.slug, run_id=run.public_id)
