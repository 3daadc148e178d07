"""Pages of applications: the list, one application, its settings, logo and secrets."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orgunits import applications as verbs
from orgunits.access import application_view, applications_of, unit_view
from orgunits.audit_log import events_about
from orgunits.forms.applications import (
    ApplicationFilterForm,
    ApplicationForm,
    LogoForm,
    NewApplicationForm,
    SecretForm,
    SeenForm,
)
from orgunits.models import Application, OrganizationalUnit
from orgunits.paging import page_of
from orgunits.roles import ROLES

PAGE = 50
MOST_PEOPLE = 50


@unit_view("see_applications", any_application=True)
def applications(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """The applications that the viewer may see or look up states for, in the order they were made."""
    form = ApplicationFilterForm(request.GET or None)
    chosen = form.cleaned_data if form.is_valid() else {}
    rows = applications_of(request.access, archived=chosen.get("state") == Application.State.ARCHIVED)
    if environment := chosen.get("environment"):
        rows = rows.filter(environment=environment)
    if name := chosen.get("q"):
        rows = rows.filter(name__icontains=name)
    page = page_of(rows, ("pk",), after=request.GET.get("after", ""), size=PAGE)
    query = request.GET.copy()
    query.pop("after", None)
    first_url = f"?{query.urlencode()}"
    query["after"] = page.next_key
    filtered = any(chosen.values())
    some_archived = not (page.rows or filtered) and applications_of(request.access, archived=True).exists()
    context = {
        "form": form,
        "rows": [(row, request.access.may_with(row, "see_application")) for row in page.rows],
        "total": rows.count(),
        "filtered": filtered,
        "some_archived": some_archived,
        "first_url": first_url if request.GET.get("after") else "",
        "next_url": f"?{query.urlencode()}" if page.next_key else "",
    }
    return render(request, "orgunits/applications.html", context)


@unit_view("manage_applications")
def application_new(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Make an application. The answer to the form shows its secret, and nothing else ever does."""
    reserved = verbs.reserve(unit, request.user)
    form = NewApplicationForm(request.POST or None, initial={"reserved": reserved})
    if form.is_valid():
        try:
            row, secret = verbs.create(unit, by=request.user, now=timezone.now(), **form.cleaned_data)
        except verbs.AlreadyMade as made:
            messages.warning(
                request,
                _("This application is made already, and its secret was shown. Nothing was made twice."),
            )
            return redirect("application", slug=unit.slug, application_id=made.application.public_id)
        except verbs.NotReserved:
            messages.warning(request, _("This form was open for too long. Please send it once more."))
            form = NewApplicationForm({**request.POST.dict(), "reserved": reserved})
        else:
            return _shown_once(request, row, secret, first=True)
    context = {"form": form}
    return render(request, "orgunits/application_new.html", context, status=422 if form.errors else 200)


def _shown_once(request: HttpRequest, application: Application, secret: str, *, first: bool) -> HttpResponse:
    """The page with the secret: an answer that no cache keeps and no address leads back to."""
    context = {"application": application, "secret": secret, "first": first}
    answer = render(request, "orgunits/application_secret.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


@application_view("see_application")
def application(request: HttpRequest, unit: OrganizationalUnit, application: Application) -> HttpResponse:
    """One application: settings, secrets without their values, and who works on it."""
    people = application.role_grants.select_related("member").order_by("member__sort_key", "pk")
    context = {
        "application": application,
        "may_edit": request.access.may_with(application, "edit_application"),
        "may_rotate": request.access.may_with(application, "rotate_secret"),
        "may_look_up": request.access.may_with(application, "look_up_state"),
        "people": [(grant, ROLES[grant.role]) for grant in people[:MOST_PEOPLE]],
        "number": people.count(),
        "redirect_uris": application.redirect_uris.split(),
        "events": events_about(unit, application.public_id, 10) if request.access.may("see_audit") else None,
    }
    return render(request, "orgunits/application.html", context)


@application_view("edit_application")
def application_edit(
    request: HttpRequest, unit: OrganizationalUnit, application: Application
) -> HttpResponse:
    """Name, publisher and redirect URIs."""
    if application.state == Application.State.ARCHIVED:
        return _archived(request, application)
    form = ApplicationForm(request.POST or None, application=application)
    if form.is_valid():
        try:
            verbs.change(application, by=request.user, now=timezone.now(), **form.cleaned_data)
        except verbs.ChangedMeanwhile:
            return _changed_meanwhile(request, application, "application_edit")
        messages.success(request, _("Saved."))
        return _to(application)
    context = {"form": form, "application": application}
    return render(request, "orgunits/application_edit.html", context, status=422 if form.errors else 200)


@application_view("edit_application")
def application_logo_change(
    request: HttpRequest, unit: OrganizationalUnit, application: Application
) -> HttpResponse:
    """Upload a logo."""
    if application.state == Application.State.ARCHIVED:
        return _archived(request, application)
    form = LogoForm(request.POST or None, request.FILES or None, initial={"seen": application.updated})
    if form.is_valid():
        try:
            verbs.set_logo(application, by=request.user, now=timezone.now(), **form.cleaned_data)
        except verbs.ChangedMeanwhile:
            return _changed_meanwhile(request, application, "application_logo_change")
        messages.success(request, _("The logo is changed."))
        return _to(application)
    remove_form = SeenForm(initial={"seen": application.updated}, auto_id=False)
    context = {"form": form, "remove_form": remove_form, "application": application}
    return render(request, "orgunits/application_logo.html", context, status=422 if form.errors else 200)


@application_view("edit_application")
@require_POST
def application_logo_remove(
    request: HttpRequest, unit: OrganizationalUnit, application: Application
) -> HttpResponse:
    """Show no logo any more."""
    form = SeenForm(request.POST)
    try:
        if not form.is_valid():
            raise verbs.ChangedMeanwhile
        verbs.set_logo(application, None, by=request.user, now=timezone.now(), **form.cleaned_data)
    except verbs.ChangedMeanwhile:
        return _changed_meanwhile(request, application, "application_logo_change")
    messages.success(request, _("The logo is removed."))
    return _to(application)


@application_view("see_application")
def application_logo(
    request: HttpRequest, unit: OrganizationalUnit, application: Application
) -> HttpResponse:
    """The image itself, a PNG made by this portal."""
    if not application.has_logo:
        raise Http404
    answer = HttpResponse(bytes(application.logo), content_type="image/png")
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Disposition"] = 'inline; filename="logo.png"'
    return answer


@application_view("rotate_secret", fresh=True)
def application_secrets(
    request: HttpRequest, unit: OrganizationalUnit, application: Application
) -> HttpResponse:
    """Change over from one secret to another: make a second, then retire the first, or discard the second."""
    if application.state == Application.State.ARCHIVED:
        return _archived(request, application)
    if request.method == "POST":
        return _act_on_secrets(request, application)
    form = SeenForm(initial={"seen": application.updated}, auto_id=False)
    return render(request, "orgunits/application_secrets.html", {"form": form, "application": application})


def _act_on_secrets(request: HttpRequest, application: Application) -> HttpResponse:
    form, who = SecretForm(request.POST), {"by": request.user, "now": timezone.now()}
    if not form.is_valid():
        return _changed_meanwhile(request, application, "application_secrets")
    act, who["seen"] = form.cleaned_data["act"], form.cleaned_data["seen"]
    try:
        if act == "make":
            return _shown_once(
                request, application, verbs.make_second_secret(application, **who), first=False
            )
        if act == "retire":
            verbs.retire_first_secret(application, **who)
            messages.success(request, _("The old secret is retired: only the new one is accepted."))
        else:
            verbs.discard_second_secret(application, **who)
            messages.success(request, _("The new secret is discarded: the one before it stays valid."))
    except verbs.ChangedMeanwhile:
        return _changed_meanwhile(request, application, "application_secrets")
    return redirect("application_secrets", slug=application.unit.slug, application_id=application.public_id)


@unit_view("manage_applications")
def application_archive(request: HttpRequest, unit: OrganizationalUnit, application_id: str) -> HttpResponse:
    """Says what stops and what is kept; posting archives."""
    row = _application_of(request, application_id)
    if request.method == "POST":
        try:
            verbs.archive(row, by=request.user, now=timezone.now())
        except verbs.ChangedMeanwhile:
            messages.warning(request, _("This application is archived already."))
        else:
            messages.success(request, _("Archived. Its secrets are refused until it is restored."))
        return _to(row)
    if row.state == Application.State.ARCHIVED:
        return _archived(request, row)
    context = {
        "application": row,
        "stops": [
            _("Its secrets are refused at once: no code or token is given out."),
            _("It leaves the list of applications."),
        ],
        "keeps": [
            _("Settings, logo, secrets and approval."),
            _("Who was chosen to work on it."),
            _("The audit log, and this application’s page."),
        ],
        "cancel_url": reverse("application", args=[unit.slug, row.public_id]),
    }
    return render(request, "orgunits/application_archive.html", context)


@unit_view("manage_applications")
@require_POST
def application_restore(request: HttpRequest, unit: OrganizationalUnit, application_id: str) -> HttpResponse:
    """Take an application out of the archive."""
    row = _application_of(request, application_id)
    try:
        verbs.restore(row, by=request.user, now=timezone.now())
    except verbs.ChangedMeanwhile:
        messages.warning(request, _("This application is not archived."))
    else:
        messages.success(request, _("Restored. Its secrets are accepted again."))
    return _to(row)


@application_view("look_up_state")
def application_states(
    request: HttpRequest, unit: OrganizationalUnit, application: Application
) -> HttpResponse:
    """How the customers' connections that this application reaches are doing."""
    context = {
        "application": application,
        "may_see": request.access.may_with(application, "see_application"),
    }
    return render(request, "orgunits/application_states.html", context)


def _application_of(request: HttpRequest, application_id: str) -> Application:
    """The unit's application, for whoever manages them all."""
    row = request.unit.applications.defer("logo").filter(public_id=application_id).first()
    if row is None:
        raise Http404
    return row


def _to(application: Application) -> HttpResponse:
    return redirect("application", slug=application.unit.slug, application_id=application.public_id)


def _archived(request: HttpRequest, application: Application) -> HttpResponse:
    messages.warning(request, _("This application is archived. Restore it to change it."))
    return _to(application)


def _changed_meanwhile(request: HttpRequest, application: Application, page: str) -> HttpResponse:
    """Back to the page as things are now; nothing was done."""
    messages.warning(
        request,
        _(
            "This application has changed since that page was opened, by you or somebody else. This is how it is now."
        ),
    )
    return redirect(page, slug=application.unit.slug, application_id=application.public_id)
