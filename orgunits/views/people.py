"""Pages of people: the first staff person of an installation, and one's own preferences."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from orgunits import first_run
from orgunits.access import CLOSED, open_to, units_of
from orgunits.forms import FirstStaffForm, PreferencesForm


@open_to("everyone")
def first_staff(request: HttpRequest, token: str) -> HttpResponse:
    """The one-time page of an empty installation."""
    if not first_run.usable(token):
        raise Http404
    form = FirstStaffForm(request.POST or None)
    if form.is_valid():
        try:
            first_run.create_first_staff(token, form.cleaned_data["email"], form.cleaned_data["password"])
        except first_run.AlreadyRun:
            raise Http404 from None
        messages.success(request, _("You are the first staff person here. Sign in to go on."))
        return redirect("account_login")
    return render(request, "orgunits/first_staff.html", {"form": form}, status=422 if form.errors else 200)


@open_to("signed_in")
def preferences(request: HttpRequest) -> HttpResponse:
    """One's own name and time zone."""
    form = PreferencesForm(request.POST or None, instance=request.user)
    if form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("preferences")
    own = [unit for unit in units_of(request.user) if unit.state not in CLOSED]
    context = {"form": form, "own_units": own}
    return render(request, "orgunits/preferences.html", context, status=422 if form.errors else 200)
