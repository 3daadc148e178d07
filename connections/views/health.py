"""Looking after one connection: check it now, say which mailboxes to try and when its secret ends, report it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from connections import health_report, health_settings
from connections.health import PROBE
from connections.health_forms import ProbesForm, SecretEndForm
from connections.health_runs import Change, can_be_looked_at, run_checks
from connections.health_words import TITLES
from connections.models import Connection, HealthCheck, ScopeCheck
from connections.states import State, shown_with_counts
from orgunits import limits
from orgunits.access import unit_view
from orgunits.models import OrganizationalUnit

from .common import connection_of

WORDS = {**dict(HealthCheck.Result.choices), **dict(ScopeCheck.Result.choices)}
MOST_TOLD = 8


def _looked_after(unit: OrganizationalUnit, connection_id: str) -> Connection:
    """The connection, unless there is nothing to look after: No Access, or a disconnected one."""
    row = connection_of(unit, connection_id)
    if row.state == State.DISCONNECTED or not row.capabilities.asks:
        raise Http404
    return row


def _back(connection: Connection) -> str:
    return connection.get_absolute_url() + "#health"


@unit_view("manage_connections")
@require_POST
def check_now(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """Run every check and say what changed."""
    row = _looked_after(unit, connection_id)
    if not limits.within(request, "checks", key=row.public_id):
        return limits.refuse(request)
    if not can_be_looked_at(row):
        messages.info(request, _("Nothing is asked while it is paused."))
        return redirect(_back(row))
    _tell(request, row, run_checks(row, by=request.user, now=timezone.now()))
    return redirect(_back(row))


def _tell(request: HttpRequest, connection: Connection, changes: list[Change]) -> None:
    told = [change for change in changes if change.before]
    if not told:
        messages.success(request, _("Checked. Nothing changed; the lines say how it is."))
        return
    sentences = [
        _("%(check)s: %(before)s, now %(after)s.")
        % {
            "check": health_report.probe_title(connection)
            if change.name == PROBE
            else TITLES.get(change.name, [change.name])[0],
            "before": WORDS[change.before],
            "after": WORDS[change.after],
        }
        for change in told[:MOST_TOLD]
    ]
    messages.info(request, " ".join([_("Checked. This changed:"), *sentences]))


@unit_view("manage_connections")
def probes(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """Which mailboxes are tried: one that must work, one that must be refused, a second administrator."""
    row = _looked_after(unit, connection_id)
    if not row.capabilities.reads_calendars:
        raise Http404
    form = ProbesForm(request.POST or None, connection=row)
    if form.is_valid():
        changed = health_settings.choose_probes(row, by=request.user, now=timezone.now(), **form.cleaned_data)
        if changed:
            messages.success(request, _("Saved. “Check now” tries it at once."))
        return redirect(_back(row))
    context = {"connection": row, "form": form, "restricts": row.capabilities}
    return render(request, "connections/probes.html", context, status=422 if form.errors else 200)


@unit_view("manage_connections")
def secret_end(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """When the unit's own key ends. The installation's is told in its settings."""
    row = _looked_after(unit, connection_id)
    if row.credential is None:
        return redirect(_back(row))  # whose line says who tells it
    now = timezone.now()
    initial = {"ends_on": row.credential.secret_ends_on}
    form = SecretEndForm(request.POST or None, initial=initial, today=now.date())
    if request.method == "POST" and form.is_valid():
        health_settings.tell_end(row.credential, form.cleaned_data["ends_on"], by=request.user, now=now)
        messages.success(request, _("Saved."))
        return redirect(_back(row))
    context = {"connection": row, "form": form}
    return render(request, "connections/secret_end.html", context, status=422 if form.errors else 200)


def _report(connection: Connection) -> str:
    now = timezone.now()
    ((_row, state),) = shown_with_counts([connection])
    return health_report.text(connection, state, health_report.lines(connection, now=now), now=now)


@unit_view("see_connections")
@require_GET
def report(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """A plain text to paste into a ticket, to look at before it is sent."""
    row = _looked_after(unit, connection_id)
    return render(request, "connections/health_report.html", {"connection": row, "report": _report(row)})


@unit_view("see_connections")
@require_GET
def report_download(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    row = _looked_after(unit, connection_id)
    answer = HttpResponse(_report(row), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="convoke-{row.public_id}.txt"'
    return answer
