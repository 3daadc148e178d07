"""Where providers send the browser back to. The connection is found from `state`, never from the address."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from connections import attempts, authorization, health, mode_checks, personal_authorization
from connections.attempts import Purpose, Refused, Traveller
from connections.models import Connection, ModeChange
from connections.reasons import reason
from connections.states import NotPossibleNow, State
from orgunits.access import access_to, open_to

from .hand_offs import current_hand_off
from .personal import member_came_back
from .set_up import tell


def _who(request: HttpRequest) -> Traveller:
    """The browser session that came back: a signed-in person, or the holder of a hand-off link."""
    if request.session.session_key is None:
        request.session.create()
    hand_off = current_hand_off(request)
    if hand_off is not None and attempts.begun_by_hand_off(request.GET.get("state", "")):
        return Traveller(request.session.session_key, hand_off=hand_off)
    user = request.user if request.user.is_authenticated else None
    return Traveller(request.session.session_key, user=user)


def _next_page(who: Traveller, connection: Connection, change: ModeChange | None = None) -> str:
    if who.hand_off is not None:
        return reverse("hand_off_set_up")
    if change is not None:
        return reverse("mode_change", args=[connection.unit.slug, connection.public_id, change.public_id])
    if connection.state == State.ACTIVE:
        return connection.get_absolute_url()
    return reverse("set_up", args=[connection.unit.slug, connection.public_id])


# Where a trip is begun again: for a signed-in person, and for the holder of a hand-off link.
AGAIN = {
    Purpose.SIGN_IN: ("sign_in", "hand_off_sign_in"),
    Purpose.PROVE_ADMINISTRATOR: ("prove_administrator", "hand_off_prove"),
    Purpose.ADMIN_CONSENT: ("consent", "hand_off_consent"),
}


def _again(who: Traveller, refused: Refused) -> str:
    """The address that begins the same trip anew; empty when that cannot help."""
    connection = refused.connection
    if connection is None or not refused.purpose or connection.state == State.DISCONNECTED:
        return ""
    own, by_hand_off = AGAIN[refused.purpose]
    if who.hand_off is not None:
        return reverse(by_hand_off)
    return reverse(own, args=[connection.unit.slug, connection.public_id])


def _refused(request: HttpRequest, who: Traveller, refused: Refused) -> HttpResponse:
    """The page for every outcome that changed nothing: what happened, who can fix it, where to go."""
    known, change = refused.connection, attempts.mode_change_of(request.GET.get("state", ""))
    if known is not None and who.user is not None:
        request.access = access_to(who.user, known.unit.slug)  # the header then shows the unit
    context = {
        "reason": reason(refused.reason),
        "code": refused.reason,
        "connection": known,
        "again_url": "" if change else _again(who, refused),
        "next_url": _next_page(who, known, change) if known else "",
        "of_change": change is not None,
        "hand_off": who.hand_off,
    }
    return render(request, "connections/outcome.html", context, status=400)


@open_to("everyone")
@require_GET
def google(request: HttpRequest) -> HttpResponse:
    """https://developers.google.com/identity/openid-connect/openid-connect#handle-the-response"""
    if personal_authorization.is_personal(request.GET.get("state", "")):
        return member_came_back(request)
    return _sign_in_came_back(request, "google")


@open_to("everyone")
@require_GET
def microsoft(request: HttpRequest) -> HttpResponse:
    """https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow"""
    return _sign_in_came_back(request, "microsoft")


def _sign_in_came_back(request: HttpRequest, provider: str) -> HttpResponse:
    who = _who(request)
    try:
        connection = authorization.complete_sign_in(
            provider=provider,
            state=request.GET.get("state", ""),
            code=request.GET.get("code", ""),
            error=request.GET.get("error", ""),
            traveller=who,
            now=timezone.now(),
        )
    except Refused as refused:
        return _refused(request, who, refused)
    messages.success(request, _("Signed in."))
    change = attempts.mode_change_of(request.GET.get("state", ""))
    if change is not None:
        _look(request, who, change)
    return redirect(_next_page(who, connection, change))


def _look(request: HttpRequest, who: Traveller, change: ModeChange) -> None:
    """What the new mode is granted now, in a sentence."""
    try:
        tell(request, mode_checks.check_change(change, by=who.actor, now=timezone.now()), change.connection)
    except NotPossibleNow:
        messages.warning(request, reason("change_over").sentence)


@open_to("everyone")
@require_GET
def microsoft_consent(request: HttpRequest) -> HttpResponse:
    """https://learn.microsoft.com/entra/identity-platform/v2-admin-consent : error first, tenant only a hint."""
    who = _who(request)
    try:
        connection = authorization.complete_consent(
            state=request.GET.get("state", ""),
            tenant=request.GET.get("tenant", ""),
            consented=request.GET.get("admin_consent", "").lower() == "true",
            error=request.GET.get("error", ""),
            description=request.GET.get("error_description", ""),
            traveller=who,
            now=timezone.now(),
        )
    except Refused as refused:
        return _refused(request, who, refused)
    change = attempts.mode_change_of(request.GET.get("state", ""))
    if change is not None:
        _look(request, who, change)
    else:
        tell(request, health.check_connection(connection, by=who.actor, now=timezone.now()), connection)
    return redirect(_next_page(who, connection, change))
