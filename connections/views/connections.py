"""Pages of calendar connections: the list, one connection, and what can be done with it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseStopPolling

from connections import (
    calendar_connections,
    domains,
    hand_offs,
    health_report,
    mode_changes,
    personal_grants,
    sync_now,
)
from connections.forms import DomainForm
from connections.free_busy import progress
from connections.health import PROBE, check_lines
from connections.models import CalendarConnection, Mailbox
from connections.providers.base import AuthorizationLost, ProviderError
from connections.push_overview import overview as push_overview
from connections.reasons import reason
from connections.states import NotPossibleNow, State, shown_with_counts
from orgunits.access import unit_view
from orgunits.audit_log import events_about
from orgunits.models import OrganizationalUnit

from .common import calendar_of, connection_of
from .connect import connect_again_url
from .reading import asked_at

MailboxState = Mailbox.State
OFFERS_HAND_OFF = {State.PENDING, State.NEEDS_REAUTHORIZATION}


@unit_view("see_connections")
def connections(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Every connection of the unit, the living ones first."""
    rows = list(unit.connections.prefetch_related("domains").order_by("-created_at", "-pk")[:200])
    pairs = shown_with_counts(rows)
    living = [pair for pair in pairs if pair[0].state != State.DISCONNECTED]
    context = {
        "living": [pair for pair in living if not pair[0].is_directory],
        "directories": [pair for pair in living if pair[0].is_directory],
        "over": [pair for pair in pairs if pair[0].state == State.DISCONNECTED],
    }
    return render(request, "connections/connections.html", context)


def progress_of(connection: CalendarConnection) -> dict:
    """The first sync in numbers: done of total, what waits, and failures by class with words."""
    counts = progress(connection)
    kept_here = counts.get(MailboxState.KEPT_HERE, 0)
    total = sum(number for state, number in counts.items() if not state.startswith("failing:")) - kept_here
    done = counts.get(MailboxState.SYNCED, 0) + counts.get(MailboxState.FAILING, 0)
    return {
        "total": total,
        "done": done,
        "synced": counts.get(MailboxState.SYNCED, 0),
        "waiting": counts.get(MailboxState.WAITING, 0),
        "failing": counts.get(MailboxState.FAILING, 0),
        "paused": counts.get(MailboxState.PAUSED, 0),
        "stopped": counts.get(MailboxState.STOPPED, 0),
        "kept_here": kept_here,
        "failures": [
            {"code": code, "label": label, "number": counts[f"failing:{code}"]}
            for code, label in Mailbox.Failure.choices
            if f"failing:{code}" in counts
        ],
        "finished": total == done or connection.state != State.ACTIVE,
    }


@unit_view("see_connections")
def connection(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """One connection: state, domains, mode and capabilities, self-test, progress of reading.

    Whoever knows only an id, as the audit log does, comes here for every kind of connection.
    """
    row = connection_of(unit, connection_id)
    if row.is_directory:
        return redirect(row)
    ((_row, state),) = shown_with_counts([row])
    now, lines = timezone.now(), check_lines(row)
    reads = row.capabilities.reads_calendars and row.state != State.DISCONNECTED
    asked = asked_at(request, row.public_id)
    context = {
        "connection": row,
        "state": state,
        "round": sync_now.round_of(row, asked_at=asked, now=now) if asked else None,
        "capabilities": row.capabilities,
        "scopes": row.scopes,
        "lines": lines,
        "grants": personal_grants.counted(row) if row.personal else None,
        "health": health_report.lines(row, now=now, scopes=lines) if reads else [],
        "was_granted": [line.name for line in lines if line.result == "granted" and line.name != PROBE],
        "push": push_overview(row, now=timezone.now()) if row.state == State.ACTIVE else None,
        "domains": list(row.domains.all()),
        "dns_prefix": domains.DNS_PREFIX,
        "progress": progress_of(row),
        "hand_off": hand_offs.open_link(row, now=now) if row.state in OFFERS_HAND_OFF else None,
        "domain_form": DomainForm(),
        "mode_change": mode_changes.latest_change(row),
        "events": events_about(unit, row.public_id, 10) if request.access.may("see_audit") else None,
        "again_url": connect_again_url(row) if row.state == State.DISCONNECTED else "",
    }
    return render(request, "connections/connection.html", context)


@unit_view("see_connections")
def connection_progress(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """The fragment that the connection's page asks for again while reading goes on."""
    row = calendar_of(unit, connection_id)
    numbers = progress_of(row)
    answer = render(request, "connections/_progress.html", {"connection": row, "progress": numbers})
    return HttpResponseStopPolling(answer.content) if numbers["finished"] else answer


@unit_view("manage_connections")
@require_POST
def pause(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    row = calendar_of(unit, connection_id)
    try:
        calendar_connections.pause(row, by=request.user, now=timezone.now())
    except NotPossibleNow:
        messages.warning(request, _("Only an active connection can be paused."))
    else:
        messages.success(request, _("Paused. We make no calls until you resume; the authorization is kept."))
    return redirect("connection", slug=unit.slug, connection_id=row.public_id)


@unit_view("manage_connections")
@require_POST
def resume(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    row = calendar_of(unit, connection_id)
    if row.state != State.PAUSED:
        messages.warning(request, _("Only a paused connection can be resumed."))
    else:
        try:
            calendar_connections.resume(row, by=request.user, now=timezone.now())
            messages.success(request, _("Resumed. Calendars are being read again."))
        except NotPossibleNow:
            messages.warning(request, _("Somebody changed this connection in the meantime."))
    return redirect("connection", slug=unit.slug, connection_id=row.public_id)


@unit_view("manage_connections", fresh=True)
def disconnect(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """Says what stops and what is kept; posting is final."""
    row = calendar_of(unit, connection_id)
    if row.state == State.DISCONNECTED:
        return redirect("connection", slug=unit.slug, connection_id=row.public_id)
    if request.method == "POST":
        try:
            calendar_connections.disconnect(row, by=request.user, now=timezone.now())
        except NotPossibleNow:
            messages.warning(request, _("Somebody changed this connection in the meantime."))
        else:
            messages.success(request, _("Disconnected. What was read through it is deleted here."))
        return redirect("connection", slug=unit.slug, connection_id=row.public_id)
    context = {
        "connection": row,
        "stops": calendar_connections.what_stops(row),
        "cancel_url": reverse("connection", args=[unit.slug, row.public_id]),
    }
    return render(request, "connections/disconnect.html", context)


@unit_view("manage_connections", fresh=True)
@require_POST
def domain_add(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """Name one more domain; it serves members once a fact proves it."""
    row = calendar_of(unit, connection_id)
    if row.state == State.DISCONNECTED:
        raise Http404
    form = DomainForm(request.POST)
    if form.is_valid():
        domains.add_domain(row, form.cleaned_data["domain"], by=request.user, now=timezone.now())
        return redirect(reverse("connection", args=[unit.slug, row.public_id]) + "#domains")
    context = {"connection": row, "domain_form": form}
    return render(request, "connections/domain_add.html", context, status=422)


def _domain_of(unit: OrganizationalUnit, connection_id: str, domain: str):
    row = (
        calendar_of(unit, connection_id)
        .domains.filter(domain=domain)
        .select_related("connection__unit")
        .first()
    )
    if row is None:
        raise Http404
    return row


@unit_view("manage_connections")
@require_POST
def domain_verify(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, domain: str
) -> HttpResponse:
    """Look for a proof of the domain now."""
    row = _domain_of(unit, connection_id, domain)
    try:
        if domains.verify_domain(row, now=timezone.now()):
            messages.success(request, _("%(domain)s is verified.") % {"domain": row.domain})
        else:
            text = _(
                "Nothing proves %(domain)s yet: no mailbox of a member in it answered, and no DNS record was found."
            )
            messages.warning(request, text % {"domain": row.domain})
    except AuthorizationLost as error:
        messages.warning(request, reason(error.reason).sentence)
    except ProviderError:
        messages.warning(request, _("The provider did not answer. Try again in some minutes."))
    return redirect(reverse("connection", args=[unit.slug, connection_id]) + "#domains")


@unit_view("manage_connections", fresh=True)
@require_POST
def domain_remove(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, domain: str
) -> HttpResponse:
    row = _domain_of(unit, connection_id, domain)
    domains.remove_domain(row, by=request.user, now=timezone.now())
    messages.success(request, _("%(domain)s is no longer served by this connection.") % {"domain": domain})
    return redirect(reverse("connection", args=[unit.slug, connection_id]) + "#domains")
