"""Changing a connection's access mode: what it means, who agrees, how far it is, and the change itself."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRefresh

from connections import authorization, credentials, delegation, mode_changes, mode_checks
from connections.attempts import Purpose, Refused
from connections.forms import RegistrationForm
from connections.models import CalendarConnection, ModeChange
from connections.modes import AccessMode, consequences, offered, scopes_for
from connections.providers.base import AuthorizationLost
from connections.reasons import reason
from connections.scope_diff import scope_diff
from connections.states import NotPossibleNow
from orgunits import limits
from orgunits.access import unit_view
from orgunits.models import OrganizationalUnit

from .common import calendar_of, traveller
from .set_up import KEY_PROBLEMS

MODE_KEY_PROBLEMS = {
    **KEY_PROBLEMS,
    "known": gettext_lazy(
        "This unit has this app registration already. Each access mode needs a registration of its own: "
        "consent grants all that a registration holds."
    ),
}


def change_of(unit: OrganizationalUnit, connection_id: str, change_id: str) -> ModeChange:
    """The change of this connection, or 404."""
    connection = calendar_of(unit, connection_id)
    if "\0" in change_id:
        raise Http404
    row = (
        connection.mode_changes.filter(public_id=change_id).select_related("credential", "started_by").first()
    )
    if row is None:
        raise Http404
    row.connection = connection
    return row


def _page(change: ModeChange) -> HttpResponse:
    connection = change.connection
    return redirect(
        "mode_change",
        slug=connection.unit.slug,
        connection_id=connection.public_id,
        change_id=change.public_id,
    )


def _comparison(provider: str, before: str, after: str) -> dict:
    """Both modes side by side, question by question, the one in use first."""
    pair = (before, after)
    return {
        "modes": [{"code": mode, "name": AccessMode(mode).label, "summary": ""} for mode in pair],
        "rows": [
            {"label": line.question, "values": {mode: getattr(line, mode) for mode in pair}}
            for line in consequences(provider)
        ],
    }


def _diff_context(connection: CalendarConnection, before: str, after: str) -> dict:
    return {
        "diff": scope_diff(connection.provider, before, after),
        "comparison": _comparison(connection.provider, before, after),
        "before": AccessMode(before),
        "after": AccessMode(after),
    }


@unit_view("manage_connections", fresh=True)
def mode_new(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """What another mode would change, before anybody agrees to anything; posting begins."""
    connection = calendar_of(unit, connection_id)
    if not connection.capabilities.reads_calendars:
        raise Http404
    if under_way := mode_changes.open_change(connection):
        return redirect(
            "mode_change", slug=unit.slug, connection_id=connection_id, change_id=under_way.public_id
        )
    (other,) = (mode for mode in offered(connection.provider) if mode != connection.mode)
    if request.method == "POST":
        try:
            change = mode_changes.begin_change(connection, other, by=request.user, now=timezone.now())
        except NotPossibleNow:
            messages.warning(request, _("Only the mode of an active connection can be changed."))
            return redirect("connection", slug=unit.slug, connection_id=connection_id)
        return _page(change)
    context = {
        "connection": connection,
        "members": connection.mailboxes.count(),
        "possible": connection.state in mode_changes.CAN_BEGIN and not connection.personal,
        **_diff_context(connection, connection.mode, other),
    }
    return render(request, "connections/mode_new.html", context)


def _context(change: ModeChange) -> dict:
    """What the page of a change shows."""
    connection, asks = change.connection, mode_changes.instead(change)
    try:
        key = credentials.key_of(connection, instead=asks)
    except AuthorizationLost:
        key = None
    diff = _diff_context(connection, change.from_mode, change.to_mode)
    sharing = delegation.sharing_a_client(connection)  # a list that is pasted replaces what they need, too
    after = scopes_for(connection.provider, change.to_mode).organization
    names = (
        "approve",
        "consent",
        "check",
        "complete",
        "cancel",
        "key",
        "key_shared",
        "progress",
        "old_grant",
    )
    where = [connection.unit.slug, connection.public_id, change.public_id]
    return {
        **diff,
        "connection": connection,
        "change": change,
        "state": mode_checks.shown(change),
        "ready": mode_checks.is_ready(change),
        "waits": mode_checks.next_look(change) is not None,
        "lines": mode_checks.lines_of(change),
        "key": key,
        "own_key": asks.credential is not None,
        "needs_approval": mode_changes.needs_approval(change),
        "to_add": ",".join(diff["diff"].to_add),
        "while_both": ",".join(delegation.with_those_of(sharing, diff["diff"].while_both)),
        "to_remove": ",".join(delegation.may_be_removed(diff["diff"].to_remove, sharing)),
        "remains": ",".join(delegation.with_those_of(sharing, after)),
        "console_url": f"{settings.GOOGLE_ADMIN_CONSOLE_URL}/ac/owl/domainwidedelegation",
        "members": connection.mailboxes.count(),
        "links": {name: reverse(f"mode_{name}", args=where) for name in names},
    }


@unit_view("manage_connections")
def mode_change(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, change_id: str
) -> HttpResponse:
    """How far the change is, what comes next; once it is made, which old grant to remove."""
    change = change_of(unit, connection_id, change_id)
    pages = {
        ModeChange.State.OPEN: "connections/mode_change.html",
        ModeChange.State.DONE: "connections/mode_done.html",
        ModeChange.State.CANCELLED: "connections/mode_cancelled.html",
    }
    return render(request, pages[change.state], _context(change))


@unit_view("manage_connections")
def mode_progress(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, change_id: str
) -> HttpResponse:
    """The fragment that the page asks for again while we wait; when that is over the whole page tells it."""
    change = change_of(unit, connection_id, change_id)
    context = _context(change)
    if change.state != ModeChange.State.OPEN or not context["waits"]:
        return HttpResponseClientRefresh()
    return render(request, "connections/_mode_progress.html", context)


def _leave(request: HttpRequest, change: ModeChange, purpose: str) -> HttpResponse:
    """Send the browser to the provider, or say on the page why not."""
    try:
        url = authorization.begin(
            change.connection,
            purpose=purpose,
            traveller=traveller(request),
            now=timezone.now(),
            mode_change=change,
        )
    except Refused as refused:
        messages.warning(request, reason(refused.reason).sentence)
        return _page(change)
    return redirect(url)


@unit_view("manage_connections", fresh=True)
@require_POST
def mode_approve(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, change_id: str
) -> HttpResponse:
    """An administrator of the tenant signs in, because the key is not this unit's alone."""
    change = change_of(unit, connection_id, change_id)
    google = change.connection.provider == CalendarConnection.Provider.GOOGLE
    return _leave(request, change, Purpose.PROVE_ADMINISTRATOR if google else Purpose.SIGN_IN)


@unit_view("manage_connections", fresh=True)
@require_POST
def mode_consent(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, change_id: str
) -> HttpResponse:
    """To Microsoft's consent page of the new mode's registration."""
    change = change_of(unit, connection_id, change_id)
    if not mode_changes.diff_of(change).needs_consent:
        raise Http404
    return _leave(request, change, Purpose.ADMIN_CONSENT)


@unit_view("manage_connections")
@require_POST
def mode_check(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, change_id: str
) -> HttpResponse:
    """Look what is granted now."""
    change = change_of(unit, connection_id, change_id)
    if not limits.within(request, "checks", key=change.connection.public_id):
        return limits.refuse(request)
    _look(request, change)
    return _page(change)


def _look(request: HttpRequest, change: ModeChange) -> bool:
    """Whether everything is granted; if not, it is said."""
    try:
        verdict = mode_checks.check_change(change, by=request.user, now=timezone.now())
    except NotPossibleNow:
        messages.warning(request, reason("change_over").sentence)
        return False
    if verdict.works:
        messages.success(request, _("Everything asked for is granted, and a calendar answered."))
    else:
        messages.warning(request, reason(verdict.reason).sentence)
    return verdict.works


@unit_view("manage_connections", fresh=True)
@require_POST
def mode_complete(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, change_id: str
) -> HttpResponse:
    """Look once more, then make the change."""
    change = change_of(unit, connection_id, change_id)
    if not limits.within(request, "checks", key=change.connection.public_id):
        return limits.refuse(request)
    try:
        if mode_checks.check_change(change, by=None, now=timezone.now()).works:
            mode_changes.complete_change(change, by=request.user, now=timezone.now())
            text = _("The access mode is %(mode)s now. Every calendar is being read anew.")
            messages.success(request, text % {"mode": AccessMode(change.to_mode).label})
        else:
            messages.warning(request, _("Not everything is granted any more. Nothing was changed."))
    except NotPossibleNow:
        messages.warning(request, _("Somebody changed this connection in the meantime. Nothing was changed."))
    return _page(change)


@unit_view("manage_connections")
@require_POST
def mode_cancel(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, change_id: str
) -> HttpResponse:
    change = change_of(unit, connection_id, change_id)
    try:
        mode_changes.cancel_change(change, by=request.user, now=timezone.now())
    except NotPossibleNow:
        messages.warning(request, reason("change_over").sentence)
    else:
        messages.success(request, _("Cancelled. The connection is as it was."))
    return _page(change)


@sensitive_post_parameters()
@unit_view("manage_connections", fresh=True)
def mode_key(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, change_id: str
) -> HttpResponse:
    """Paste an app registration of this unit alone for the new mode."""
    change = change_of(unit, connection_id, change_id)
    if not mode_changes.diff_of(change).needs_consent or change.state != ModeChange.State.OPEN:
        raise Http404
    form = RegistrationForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            mode_changes.use_registration(
                change, str(data["client_id"]), data["client_secret"], by=request.user, now=timezone.now()
            )
        except credentials.KeyNotAccepted as refused:
            form.add_error("client_id", MODE_KEY_PROBLEMS[refused.problem])
        except NotPossibleNow:
            messages.warning(request, reason("change_over").sentence)
            return _page(change)
        else:
            messages.success(request, _("The key is sealed and kept. The change uses it from now on."))
            return _page(change)
    context = {"connection": change.connection, "change": change, "form": form}
    context["scopes"] = scopes_for(change.connection.provider, change.to_mode)
    return render(request, "connections/mode_key.html", context, status=422 if form.errors else 200)


@unit_view("manage_connections", fresh=True)
@require_POST
def mode_key_shared(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, change_id: str
) -> HttpResponse:
    """Use the installation's registration for the new mode."""
    change = change_of(unit, connection_id, change_id)
    if not mode_changes.diff_of(change).needs_consent:
        raise Http404
    try:
        mode_changes.use_key(change, None, by=request.user, now=timezone.now())
    except NotPossibleNow:
        messages.warning(request, reason("change_over").sentence)
    return _page(change)


@unit_view("manage_connections")
@require_POST
def mode_old_grant(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, change_id: str
) -> HttpResponse:
    """Somebody says that the old grant is removed at the provider: remind no more."""
    change = change_of(unit, connection_id, change_id)
    if change.state == ModeChange.State.DONE:
        mode_changes.old_grant_is_gone(change, by=request.user, now=timezone.now())
        messages.success(request, _("Noted. The connection’s page reminds of it no more."))
    return _page(change)
