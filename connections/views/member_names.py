"""What a member is called: by hand, or as a directory tells."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from connections.forms import NamesForm
from orgunits import told
from orgunits.access import unit_view
from orgunits.models import Member, OrganizationalUnit

from .common import member_of


@unit_view("manage_members")
def member_names(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """Names and department by hand, each with its source; what was set by hand can be handed back."""
    row, now = member_of(unit, member_id), timezone.now()
    if request.method == "POST" and request.POST.get("hand_back") in told.NAMES:
        told.hand_back(row, name=request.POST["hand_back"], by=request.user, now=now)
        messages.success(request, _("A directory sets this again, when it next tells us."))
        return redirect("member_names", slug=unit.slug, member_id=member_id)
    form = NamesForm(request.POST or None, initial={name: getattr(row, name) for name in told.NAMES})
    if form.is_valid():
        for name in form.changed_data:
            told.set_name(row, name, form.cleaned_data[name], by=request.user, now=now)
        messages.success(request, _("Saved."))
        return redirect("member", slug=unit.slug, member_id=member_id)
    sources = [
        {
            "name": name,
            "label": form.fields[name].label,
            "source": Member.Source(told.source_of(row, name)).label,
            "by_hand": told.source_of(row, name) == Member.Source.HAND,
        }
        for name in told.NAMES
    ]
    context = {"member": row, "form": form, "sources": sources}
    return render(request, "connections/member_names.html", context, status=422 if form.errors else 200)
