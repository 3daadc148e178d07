"""Support's page where an application is approved. It is opened by Django admin, which asks for staff."""

from base64 import b64encode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from orgunits import applications
from orgunits.forms.applications import ApprovalForm
from orgunits.models import Application


def approval(request: HttpRequest, application: Application, frame: dict) -> HttpResponse:
    """What staff look at before they approve, and the reason they give. `frame`: what the admin's pages need."""
    approving = application.approved_at is None
    form = ApprovalForm(request.POST or None, initial={"seen": application.updated})
    if form.is_valid():
        verb = applications.approve if approving else applications.withdraw_approval
        try:
            verb(application, by=request.user, now=timezone.now(), **form.cleaned_data)
        except applications.ChangedMeanwhile:
            messages.warning(
                request, _("The application changed, or it is archived. Look at it as it is now.")
            )
        else:
            messages.success(request, _("Approved.") if approving else _("The approval is withdrawn."))
        return redirect("admin:orgunits_application_change", application.pk)
    context = {
        **frame,
        "form": form,
        "application": application,
        "approving": approving,
        "redirect_uris": application.redirect_uris.split(),
        "logo": b64encode(application.logo).decode()
        if application.logo
        else "",  # staff open no page of units
        "title": _("Approve application") if approving else _("Withdraw approval"),
    }
    template = "admin/orgunits/application/approval.html"
    return render(request, template, context, status=422 if form.errors else 200)
