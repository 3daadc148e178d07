"""Pages of inviting: paste or upload, look, send; and the list of invitations."""

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from defusedcsv import csv
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseStopPolling

from orgunits import invitation_plans, invitations, limits, roles
from orgunits.access import unit_view
from orgunits.forms.invitations import InvitationFilterForm, InviteForm
from orgunits.invitation_plans import DONE, ERROR, INVITED, MEMBER, WILL_INVITE, WILL_OPEN, NotThisSheet
from orgunits.invitations import NotOpen, TooOften, UnitNotActive
from orgunits.models import Invitation, InvitationSheet, OrganizationalUnit
from orgunits.paging import page_of

ROWS_SHOWN = 100
PAGE_SIZE = 50

# code: badge code, words, tone
OUTCOMES = {
    WILL_INVITE: (gettext_lazy("Will be invited"), "info", "mail-forward"),
    WILL_OPEN: (gettext_lazy("A member: gets a sign-in"), "info", "mail-forward"),
    DONE: (gettext_lazy("Invited"), "success", "check"),
    INVITED: (gettext_lazy("Already invited"), "neutral", "mail"),
    MEMBER: (gettext_lazy("Already a member"), "neutral", "user-check"),
    ERROR: (gettext_lazy("Left out"), "danger", "alert-circle"),
}


@unit_view("manage_members")
def invite(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Addresses in, nothing sent: the next page shows what would happen. `?sheet=` brings one back to correct."""
    own = [role for role in roles.grantable_in(unit) if roles.may_grant(role, request.access.rights)]
    wanted = request.GET.get("sheet", "")
    earlier = _sheets(request, unit).filter(public_id=wanted).first() if wanted.isprintable() else None
    initial = {"role": roles.EMPLOYEE.code}
    if earlier is not None:
        initial = {"addresses": earlier.text, "role": earlier.default_role}
    form = InviteForm(request.POST or None, request.FILES or None, roles=own, initial=initial)
    if form.is_valid():
        sheet = invitation_plans.keep_sheet(
            unit,
            form.cleaned_data["text"],
            default_role=form.cleaned_data["role"],
            by=request.user,
            now=timezone.now(),
        )
        return redirect("invitation_sheet", slug=unit.slug, sheet_id=sheet.public_id)
    context = {"form": form, "roles": own}
    return render(request, "orgunits/invite.html", context, status=422 if form.errors else 200)


def _sheets(request: HttpRequest, unit: OrganizationalUnit):
    """The viewer's own sheets: what somebody pasted is shown to nobody else."""
    return InvitationSheet.objects.filter(unit=unit, made_by=request.user).select_related("unit", "made_by")


def _sheet_of(request: HttpRequest, unit: OrganizationalUnit, sheet_id: str) -> InvitationSheet:
    sheet = _sheets(request, unit).filter(public_id=sheet_id).first()
    if sheet is None:
        raise Http404
    return sheet


@unit_view("manage_members")
def sheet(request: HttpRequest, unit: OrganizationalUnit, sheet_id: str) -> HttpResponse:
    """What each row would do, all errors at once; posting sends exactly what is shown here."""
    row = _sheet_of(request, unit, sheet_id)
    plan = invitation_plans.plan(row, request.access.rights)
    if plan.makes_ops_admins and row.sent_at is None:
        raise_if_reauthentication_required(request, app="orgunits")
    if request.method == "POST":
        return _send(request, row, plan)
    return render(request, "orgunits/invitation_sheet.html", _sheet_context(request, row, plan))


def _send(request: HttpRequest, row: InvitationSheet, plan: invitation_plans.Plan) -> HttpResponse:
    back = redirect("invitation_sheet", slug=row.unit.slug, sheet_id=row.public_id)
    if not plan.to_send:
        messages.warning(request, _("There is nobody to invite on this sheet."))
        return back
    if not limits.within(request, "invitations"):
        return limits.refuse(request)
    try:
        invitation_plans.start(row, digest=request.POST.get("digest", ""), now=timezone.now())
    except NotThisSheet:
        messages.warning(
            request, _("Nothing was sent now: this sheet was sent before, or is not what you saw.")
        )
    except UnitNotActive:
        messages.warning(request, _("Nothing was sent: this unit is paused."))
    return back


def _sheet_context(request: HttpRequest, row: InvitationSheet, plan: invitation_plans.Plan) -> dict:
    wanted = request.GET.get("show", "")
    shown = [one for one in plan.rows if one.outcome == wanted] if wanted in OUTCOMES else plan.rows
    after = request.GET.get("after", "")
    start = int(after) if after.isascii() and after.isdecimal() and len(after) < 6 else 0
    rows = [one for one in shown if one.number > start][: ROWS_SHOWN + 1]
    more = len(rows) > ROWS_SHOWN
    rows = rows[:ROWS_SHOWN]
    query = f"show={wanted}&" if wanted in OUTCOMES else ""
    return {
        "sheet": row,
        "rows": [{"planned": one, "outcome": OUTCOMES[one.outcome]} for one in rows],
        "total": len(shown),
        "counts": [
            {"code": code, "label": label, "number": plan.counts[code], "tone": tone, "shown": code == wanted}
            for code, (label, tone, _icon) in OUTCOMES.items()
            if plan.counts[code]
        ],
        "filtered": wanted in OUTCOMES,
        "sending": len(plan.to_send),
        "errors": plan.counts[ERROR],
        "unused_columns": plan.unused_columns,
        "first_url": f"?{query}" if start else "",
        "next_url": f"?{query}after={rows[-1].number}" if more else "",
        **_progress(row, plan),
    }


def _progress(row: InvitationSheet, plan: invitation_plans.Plan) -> dict:
    done = plan.counts[DONE]
    return {"sheet": row, "done": done, "all": done + len(plan.to_send), "unsent": len(plan.to_send)}


@unit_view("manage_members")
@require_GET
def sheet_progress(request: HttpRequest, unit: OrganizationalUnit, sheet_id: str) -> HttpResponse:
    """The fragment that the page asks for again while a sheet is being sent."""
    row = _sheet_of(request, unit, sheet_id)
    plan = invitation_plans.plan(row, request.access.rights)
    answer = render(request, "orgunits/_sheet_progress.html", _progress(row, plan))
    return HttpResponseStopPolling(answer.content) if row.finished_at else answer


@unit_view("manage_members")
@require_GET
def sheet_left_out(request: HttpRequest, unit: OrganizationalUnit, sheet_id: str) -> HttpResponse:
    """The rows that are left out, with the reason, as CSV: to correct and bring again."""
    row = _sheet_of(request, unit, sheet_id)
    if not limits.within(request, "exports"):
        return limits.refuse(request)
    plan = invitation_plans.plan(row, request.access.rights)
    answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="left-out-{row.public_id}.csv"'
    writer = csv.writer(answer)
    writer.writerow(["email", "first name", "last name", "role", "department", "time zone", "line", "reason"])
    for planned in plan.rows:
        if planned.outcome == ERROR:
            one = planned.row
            cells = [one.email, one.given_name, one.family_name, one.role, one.department, one.time_zone]
            writer.writerow([*cells, one.line, planned.why])
    return answer


# --- the list


@unit_view("manage_members")
def invitation_list(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Who is invited, and what became of it; the newest first."""
    form = InvitationFilterForm(request.GET)
    form.is_valid()
    rows = invitations.of_unit(
        unit, state=form.cleaned_data.get("state", ""), q=form.cleaned_data.get("q", "")
    )
    page = page_of(rows, ("pk",), after=request.GET.get("after", ""), size=PAGE_SIZE, descending=True)
    query = request.GET.copy()
    query.pop("after", None)
    first_url = f"?{query.urlencode()}"
    query["after"] = page.next_key
    context = {
        "form": form,
        "rows": [{"invitation": row, "roles": invitations.role_names(row)} for row in page.rows],
        "filtered": any(form.cleaned_data.values()),
        "first_url": first_url if request.GET.get("after") else "",
        "next_url": f"?{query.urlencode()}" if page.next_key else "",
        "sendable": invitations.SENDABLE,
    }
    return render(request, "orgunits/invitations.html", context)


def _invitation_of(unit: OrganizationalUnit, invitation_id: str) -> Invitation:
    row = unit.invitations.select_related("unit", "member").filter(public_id=invitation_id).first()
    if row is None:
        raise Http404
    return row


@unit_view("manage_members")
@require_POST
def invitation_resend(request: HttpRequest, unit: OrganizationalUnit, invitation_id: str) -> HttpResponse:
    row = _invitation_of(unit, invitation_id)
    if not limits.within(request, "invitations"):
        return limits.refuse(request)
    try:
        invitations.resend(row, by=request.user, now=timezone.now())
    except NotOpen:
        messages.warning(request, _("This invitation is over: nothing was sent."))
    except UnitNotActive:
        messages.warning(request, _("Nothing was sent: this unit is paused."))
    except TooOften:
        messages.warning(
            request, _("%(email)s was mailed often enough today. Try again tomorrow.") % {"email": row.email}
        )
    else:
        messages.success(request, _("Sent again to %(email)s, with a new end.") % {"email": row.email})
    return _back(request, unit)


@unit_view("manage_members")
@require_POST
def invitation_revoke(request: HttpRequest, unit: OrganizationalUnit, invitation_id: str) -> HttpResponse:
    row = _invitation_of(unit, invitation_id)
    try:
        invitations.revoke(row, by=request.user, now=timezone.now())
    except NotOpen:
        messages.warning(request, _("This invitation is over already."))
    else:
        messages.success(
            request, _("Revoked: the link mailed to %(email)s opens nothing.") % {"email": row.email}
        )
    return _back(request, unit)


def _back(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """To the list as it was filtered; the query comes with the form."""
    form = InvitationFilterForm(request.POST)
    answer = redirect("invitations", slug=unit.slug)
    if form.is_valid() and form.cleaned_data["state"]:
        answer["Location"] += f"?state={form.cleaned_data['state']}"
    return answer
