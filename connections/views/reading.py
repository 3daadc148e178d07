""" "Sync now": have calendars read at once, and see what came of it. Works by reloading, too."""

from datetime import datetime, timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh, HttpResponseStopPolling

from connections import sync_now
from connections.states import NotNow
from orgunits import limits
from orgunits.access import unit_view
from orgunits.models import OrganizationalUnit

from .common import calendar_of, member_of

ASKED = "reading_asked"  # in the session: what this browser asked for last, and when


def remember(request: HttpRequest, public_id: str, now: datetime) -> None:
    request.session[ASKED] = {"of": public_id, "at": now.timestamp()}


def asked_at(request: HttpRequest, public_id: str) -> datetime | None:
    """When this browser asked last for this to be read; None when it did not."""
    asked = request.session.get(ASKED, {})
    if asked.get("of") != public_id:
        return None
    return datetime.fromtimestamp(asked["at"], timezone.get_default_timezone())


def say_not_now(request: HttpRequest, refused: NotNow) -> None:
    if refused.until is None:
        messages.warning(request, _("Nothing can be read just now: no working connection serves this."))
        return
    wait = timeuntil(refused.until + timedelta(minutes=1), depth=1)
    text = _("The provider asked for patience, or does not answer: we ask again in %(wait)s.")
    messages.warning(request, text % {"wait": wait})


@unit_view("see_members", own_member_too=True)
@require_POST
def member_read(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """Read one member's calendars at once; the page says what came of it."""
    row, now = member_of(unit, member_id), timezone.now()
    if not limits.within(request, "readings", key=row.public_id):
        return limits.refuse(request)
    try:
        sync_now.ask_for_member(row, now=now)
    except NotNow as refused:
        say_not_now(request, refused)
    else:
        remember(request, row.public_id, now)
    return redirect(reverse("member", args=[unit.slug, row.public_id]) + "#week")


@unit_view("see_members", own_member_too=True)
@require_GET
def member_reading(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """The fragment that is asked for again while the reading waits; then the whole page shows what is new."""
    row = member_of(unit, member_id)
    asked = asked_at(request, row.public_id)
    box = getattr(row, "mailbox", None)
    outcome = sync_now.outcome(box, asked_at=asked, now=timezone.now()) if asked else None
    if outcome is None:
        return HttpResponseStopPolling()
    if not outcome.waits:
        return HttpResponseClientRefresh()
    return render(request, "connections/_reading_outcome.html", {"outcome": outcome, "mailbox": box})


@unit_view("manage_connections")
@require_POST
def connection_read(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """Have every calendar of the connection read; its page counts along."""
    row, now = calendar_of(unit, connection_id), timezone.now()
    if not row.capabilities.reads_calendars:
        raise Http404
    if not limits.within(request, "readings", key=row.public_id):
        return limits.refuse(request)
    try:
        sync_now.ask_for_connection(row, by=request.user, now=now)
    except NotNow as refused:
        say_not_now(request, refused)
    else:
        remember(request, row.public_id, now)
    return redirect(reverse("connection", args=[unit.slug, row.public_id]) + "#reading")


@unit_view("see_connections")
@require_GET
def connection_reading(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """The fragment that is asked for again while the calendars are read."""
    row = calendar_of(unit, connection_id)
    asked = asked_at(request, row.public_id)
    found = sync_now.round_of(row, asked_at=asked, now=timezone.now()) if asked else None
    if found is None:
        return HttpResponseStopPolling()
    answer = render(request, "connections/_reading_round.html", {"round": found, "connection": row})
    return HttpResponseStopPolling(answer.content) if found.over else answer
