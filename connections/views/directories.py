"""Pages of directory connections: the wizard, and one connection with what it told and what can be done with it."""

from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from connections import (
    credentials,
    directories,
    directory_list,
    directory_sheets,
    directory_words,
    hand_offs,
    health_report,
)
from connections.directory_forms import DirectoryStartForm, ExtrasForm, FileDirectoryForm
from connections.health import CheckLine, check_lines
from connections.health_checks import SECOND
from connections.models import Connection
from connections.modes import extras_offered, scopes_for
from connections.reasons import reason
from connections.states import NotNow, NotPossibleNow, State, shown_with_counts
from orgunits import limits
from orgunits.access import unit_view
from orgunits.audit_log import events_about
from orgunits.models import OrganizationalUnit

from .common import directory_of
from .reading import asked_at, remember, say_not_now
from .wizard import directory_steps, file_steps

PROVIDERS = dict(DirectoryStartForm.base_fields["provider"].choices)
OFFERS_HAND_OFF = {State.PENDING, State.NEEDS_REAUTHORIZATION}
READINGS_SHOWN = 10

# What is said after an act: of a directory that is asked, and of one kept by files.
PAUSED = (
    gettext_lazy("Paused. We make no calls until you resume; what was read is kept."),
    gettext_lazy("Paused. No file is taken over until you resume; what was told is kept."),
)
RESUMED = (
    gettext_lazy("Resumed. The directory is read again when its time has come."),
    gettext_lazy("Resumed. Files can be taken over again."),
)


# --- the wizard ---------------------------------------------------------------------------------------------------
@unit_view("manage_connections", fresh=True)
def directory_start(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Are you an administrator, and which directory? Who connects again has chosen the directory before."""
    asked = "asked" in request.GET
    initial = {name: request.GET.get(name, "") for name in ("administrator", "provider")}
    form = DirectoryStartForm(request.GET if asked else None, initial=initial)
    if form.is_valid():
        url = reverse("directory_check", args=[unit.slug, form.cleaned_data["provider"]])
        return redirect(f"{url}?administrator={form.cleaned_data['administrator']}")
    context = {"form": form, "steps": directory_steps(0)}
    return render(request, "connections/directory_start.html", context, status=422 if form.errors else 200)


@unit_view("manage_connections", fresh=True)
def directory_check(request: HttpRequest, unit: OrganizationalUnit, provider: str) -> HttpResponse:
    """What is read and what is not, and what more may be; posting creates the connection and leads on."""
    if provider == Connection.Provider.CSV:
        return _file_directory(request, unit)
    administrator = request.POST.get("administrator") or request.GET.get("administrator", "")
    if administrator not in {"yes", "no"}:
        return redirect("directory_start", slug=unit.slug)
    if provider not in PROVIDERS:
        raise Http404
    form = ExtrasForm(
        request.POST if request.method == "POST" else None,
        provider=provider,
        initial={
            "extras": [extra for extra in extras_offered(provider) if extra in request.GET.getlist("extras")]
        },
    )
    if form.is_valid():
        now = timezone.now()
        connection = directories.create_directory(
            unit, provider, extras=form.cleaned_data["extras"], by=request.user, now=now
        )
        if administrator == "no":
            _hand_off, token = hand_offs.create_link(connection, by=request.user, now=now)
            request.session[f"hand_off_link:{connection.public_id}"] = token  # shown once, on the next page
        return redirect("set_up", slug=unit.slug, connection_id=connection.public_id)
    scopes = scopes_for(provider, "")
    key = credentials.unit_credential(unit, provider, scopes.permission_set) or credentials.installation_key(
        provider, scopes.permission_set
    )
    query = urlencode({"administrator": administrator, "provider": provider})
    start_url = f"{reverse('directory_start', args=[unit.slug])}?{query}"
    context = {
        "provider": provider,
        "service": PROVIDERS[provider],
        "administrator": administrator,
        "start_url": start_url,
        "answers": directory_words.answers(provider),
        "notes": directory_words.NOTES[provider],
        "scopes": scopes,
        "key": key,
        "sign_in_lacks": reason(credentials.sign_in_lacks(provider, key)),
        "form": form,
        "steps": directory_steps(1, (start_url,)),
    }
    return render(request, "connections/directory_check.html", context, status=422 if form.errors else 200)


def _file_directory(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """What a directory kept by files means; posting creates it and leads to its first file."""
    form = FileDirectoryForm(request.POST or None)
    if form.is_valid():
        connection = directories.create_file_directory(
            unit, form.cleaned_data["label"], by=request.user, now=timezone.now()
        )
        return redirect("directory_upload", slug=unit.slug, connection_id=connection.public_id)
    start_url = f"{reverse('directory_start', args=[unit.slug])}?provider={Connection.Provider.CSV}"
    context = {
        "form": form,
        "answers": directory_words.answers_of_files(),
        "start_url": start_url,
        "steps": file_steps(1, (start_url,)),
    }
    return render(request, "connections/directory_file_new.html", context, status=422 if form.errors else 200)


# --- one directory ------------------------------------------------------------------------------------------------
@unit_view("see_connections")
def directory(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """One directory: its state, what it told in numbers, how the last readings went, its self-test."""
    row, now = directory_of(unit, connection_id), timezone.now()
    ((_row, state),) = shown_with_counts([row])
    lines = check_lines(row)
    over = row.state == State.DISCONNECTED
    again = reverse("directory_start", args=[unit.slug]) + f"?provider={row.provider}"
    context = {
        "connection": row,
        "state": state,
        "capabilities": row.capabilities,
        "progress": directory_list.progress(row, asked_at=asked_at(request, row.public_id), now=now),
        "numbers": directory_list.numbers(row),
        "last_complete": directories.last_complete(row),
        "readings": list(row.directory_readings.order_by("-started_at")[:READINGS_SHOWN]),
        "reads_groups": "groups" in row.extras,
        "health": [] if over or not row.capabilities.asks else _health(row, lines, now=now),
        "open_files": directory_sheets.open_files(row) if row.capabilities.from_files else [],
        "was_granted": [
            line.name for line in lines if line.result == "granted" and "probe:" not in line.name
        ],
        "hand_off": hand_offs.open_link(row, now=now) if row.state in OFFERS_HAND_OFF else None,
        "events": events_about(unit, row.public_id, 10) if request.access.may("see_audit") else None,
        "again_url": again if over else "",
    }
    for reading in context["readings"]:
        reading.why = reason(reading.problem)
    return render(request, "connections/directory.html", context)


def _health(connection: Connection, lines: list[CheckLine], *, now: datetime) -> list[health_report.Line]:
    """Every check but the one that is never set up for a directory: nobody names a second administrator."""
    found = health_report.lines(connection, now=now, scopes=lines)
    return [line for line in found if line.name != SECOND]


@unit_view("see_connections")
@require_GET
def directory_progress(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """The fragment that is asked for again while the directory is read; then the whole page shows what is new."""
    row = directory_of(unit, connection_id)
    found = directory_list.progress(row, asked_at=asked_at(request, row.public_id), now=timezone.now())
    if found is None:
        return HttpResponseClientRefresh()
    return render(request, "connections/_directory_progress.html", {"progress": found})


@unit_view("manage_connections")
@require_POST
def directory_read(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """Have the directory read at once; its page tells how far that is."""
    row, now = directory_of(unit, connection_id), timezone.now()
    if not row.capabilities.asks:
        raise Http404
    if not limits.within(request, "readings", key=row.public_id):
        return limits.refuse(request)
    try:
        directories.read_now(row, by=request.user, now=now)
    except NotNow as refused:
        say_not_now(request, refused)
    else:
        remember(request, row.public_id, now)
    return redirect(row.get_absolute_url() + "#readings")


def _said(connection: Connection, words: tuple[str, str]) -> str:
    return words[connection.capabilities.from_files]


@unit_view("manage_connections")
@require_POST
def directory_pause(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    row = directory_of(unit, connection_id)
    try:
        directories.pause(row, by=request.user, now=timezone.now())
    except NotPossibleNow:
        messages.warning(request, _("Only an active connection can be paused."))
    else:
        messages.success(request, _said(row, PAUSED))
    return redirect(row)


@unit_view("manage_connections")
@require_POST
def directory_resume(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    row = directory_of(unit, connection_id)
    if row.state != State.PAUSED:
        messages.warning(request, _("Only a paused connection can be resumed."))
        return redirect(row)
    try:
        directories.resume(row, by=request.user, now=timezone.now())
    except NotPossibleNow:
        messages.warning(request, _("Somebody changed this connection in the meantime."))
    else:
        messages.success(request, _said(row, RESUMED))
    return redirect(row)


@unit_view("manage_connections", fresh=True)
def directory_disconnect(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """Says what is forgotten and what is kept; posting is final."""
    row = directory_of(unit, connection_id)
    if row.state == State.DISCONNECTED:
        return redirect(row)
    if request.method == "POST":
        try:
            directories.disconnect(row, by=request.user, now=timezone.now())
        except NotPossibleNow:
            messages.warning(request, _("Somebody changed this connection in the meantime."))
        else:
            messages.success(
                request, _("Disconnected. What the directory told is deleted here; members stay.")
            )
        return redirect(row)
    context = {"connection": row, "forgotten": directories.what_is_forgotten(row)}
    return render(request, "connections/directory_disconnect.html", context)
