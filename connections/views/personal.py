"""Each member connects their own calendar: the wizard's second way at Google, and the member's pages."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from connections import personal_authorization, personal_grants
from connections.attempts import Refused, Traveller
from connections.credentials import sign_in_lacks
from connections.forms import DomainsForm
from connections.models import CalendarConnection
from connections.modes import AccessMode, capabilities, consequences, offered, scopes_for
from connections.reasons import reason
from orgunits.access import access_to, unit_view
from orgunits.models import OrganizationalUnit

from .common import traveller

GOOGLE = CalendarConnection.Provider.GOOGLE


@unit_view("manage_connections", fresh=True)
def connect_members(request: HttpRequest, unit: OrganizationalUnit, mode: str) -> HttpResponse:
    """What this way means and whom it serves; posting makes the connection, which opens nothing by itself."""
    if mode not in offered(GOOGLE) or not capabilities(GOOGLE, mode).reads_calendars:
        raise Http404
    lacks = sign_in_lacks("google", None)
    form = DomainsForm(request.POST or None)
    if form.is_valid() and not lacks:
        connection = personal_grants.create_personal_connection(
            unit, mode, declared_domains=form.cleaned_data["domains"], by=request.user, now=timezone.now()
        )
        return redirect("connection", slug=unit.slug, connection_id=connection.public_id)
    context = {
        "mode": AccessMode(mode),
        "scopes": scopes_for(GOOGLE, mode).organization,
        "answers": [(line.question, getattr(line, mode)) for line in consequences(GOOGLE)],
        "lacks": reason(lacks),
        "form": form,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "connections/connect_members.html", context, status=status)


@unit_view("see_unit")
def own_calendar(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """What a member is about to agree to, word for word; posting leads to Google."""
    member = request.access.member
    own = personal_grants.own(member)
    if own is None or not own.serves:
        return redirect("member", slug=unit.slug, member_id=member.public_id)
    if request.method == "POST":
        now = timezone.now()
        try:
            return redirect(
                personal_authorization.begin(own.connection, member, traveller=traveller(request), now=now)
            )
        except Refused as refused:
            messages.warning(request, reason(refused.reason).sentence)
    context = {"own": own, "mode": AccessMode(own.connection.mode), "member": member}
    return render(request, "connections/own_calendar.html", context)


@unit_view("see_unit")
@require_POST
def own_calendar_withdraw(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Take back what one agreed to: at Google first, then here."""
    member = request.access.member
    own = personal_grants.own(member)
    if own is None or own.grant is None:
        messages.info(request, _("There is nothing to take back."))
    elif personal_grants.withdraw(own.grant, by=request.user, now=timezone.now()):
        messages.success(request, _("Taken back. What was read of your calendar is deleted here."))
    else:
        text = _(
            "Taken back here, and what was read is deleted. Google did not confirm; we go on telling it."
        )
        messages.warning(request, text)
    return redirect("member", slug=unit.slug, member_id=member.public_id)


def member_came_back(request: HttpRequest) -> HttpResponse:
    """Google sent a member back: https://developers.google.com/identity/protocols/oauth2/web-server"""
    if request.session.session_key is None:
        request.session.create()
    user = request.user if request.user.is_authenticated else None
    try:
        grant = personal_authorization.complete(
            state=request.GET.get("state", ""),
            code=request.GET.get("code", ""),
            error=request.GET.get("error", ""),
            traveller=Traveller(request.session.session_key, user=user),
            now=timezone.now(),
        )
    except Refused as refused:
        return _refused(request, refused)
    messages.success(request, _("Your calendar is connected. It is read within a minute."))
    return redirect("member", slug=grant.unit.slug, member_id=grant.member.public_id)


def _refused(request: HttpRequest, refused: Refused) -> HttpResponse:
    """What happened instead, which permissions were left out, and the way back to the page before."""
    known = refused.connection
    if known is not None:
        request.access = access_to(request.user, known.unit.slug)  # the header then shows the unit
    context = {
        "reason": reason(refused.reason),
        "code": refused.reason,
        "missing": getattr(refused, "missing", ()),
        "connection": known,
        "own_url": reverse("own_calendar", args=[known.unit.slug]) if known else "",
    }
    return render(request, "connections/outcome.html", context, status=400)
