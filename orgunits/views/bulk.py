"""Pages of one act on many members: the preview, the progress, what became of each."""

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseStopPolling

from orgunits import bulk, limits
from orgunits.access import unit_view
from orgunits.bulk import RIGHT, ROLES, NotPossibleNow
from orgunits.exports import as_csv
from orgunits.models import BulkRow, BulkRun, OrganizationalUnit
from orgunits.paging import page_of
from orgunits.roles import OPS_ADMIN, AboveOwnRole, NotGrantable

Row, State = BulkRow.State, BulkRun.State
NAMES_SHOWN = 50
PAGE_SIZE = 50
RUNS_SHOWN = 50
TONES = {Row.DONE: "success", Row.SKIPPED: "neutral", Row.FAILED: "danger", Row.TODO: "info"}


def _run_of(unit: OrganizationalUnit, run_id: str) -> BulkRun:
    run = unit.bulkruns.filter(public_id=run_id).select_related("unit", "made_by").first()
    if run is None:
        raise Http404
    return run


def _said(run: BulkRun) -> str:
    """The act in words, with its role."""
    if not run.role:
        return run.get_act_display()
    return f"{run.get_act_display()}: {ROLES[run.role].name}"


def _prove_again(request: HttpRequest, run: BulkRun) -> None:
    """Making Ops Admins asks again who one is, and so does having suspended ones back."""
    makes = run.act == BulkRun.Act.GRANT_ROLE and run.role == OPS_ADMIN.code
    back = run.rows.filter(state=Row.TODO, member__role_grants__role=OPS_ADMIN.code)
    if makes or (run.act == BulkRun.Act.REINSTATE and back.exists()):
        raise_if_reauthentication_required(request, app="orgunits")


def _groups(run: BulkRun) -> list[dict]:
    """What will happen, or has happened, in numbers: one entry for each state of rows that occurs."""
    words = {
        Row.TODO: _("Will change") if run.state == State.PREVIEW else _("Waiting"),
        Row.SKIPPED: _("Left as it is") if run.state == State.PREVIEW else _("Left as it was"),
        Row.FAILED: _("Not possible") if run.state == State.PREVIEW else _("Failed"),
        Row.DONE: _("Done"),
    }
    return [
        {
            "state": state,
            "label": words[state],
            "tone": TONES[state],
            "number": sum(by_reason.values()),
            "reasons": [(bulk.REASONS[code], number) for code, number in by_reason.items() if code],
        }
        for state, by_reason in bulk.counts(run).items()
        if by_reason
    ]


def _rows(run: BulkRun, state: str) -> QuerySet[BulkRow]:
    return run.rows.filter(state=state).select_related("member").order_by("pk")


@unit_view(RIGHT)
def bulk_runs(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """The latest acts on many members."""
    runs = unit.bulkruns.exclude(state=State.PREVIEW).select_related("made_by").order_by("-pk")[:RUNS_SHOWN]
    return render(request, "orgunits/bulk_runs.html", {"runs": [(run, _said(run)) for run in runs]})


@unit_view(RIGHT)
def bulk_run(request: HttpRequest, unit: OrganizationalUnit, run_id: str) -> HttpResponse:
    """A preview with names and numbers, or how far the run is and what became of each member."""
    run = _run_of(unit, run_id)
    if run.state == State.PREVIEW:
        _prove_again(request, run)
        return _preview(request, run)
    rows = run.rows.select_related("member")
    state = request.GET.get("state", "")
    if state in Row.values:
        rows = rows.filter(state=state)
    page = page_of(rows, ("pk",), after=request.GET.get("after", ""), size=PAGE_SIZE)
    for row in page.rows:
        row.words, row.tone = bulk.REASONS.get(row.reason, ""), TONES[row.state]
    query = f"state={state}&" if state in Row.values else ""
    context = {
        **_progress(run),
        "rows": page.rows,
        "state": state,
        "first_url": f"?{query}" if request.GET.get("after") else "",
        "next_url": f"?{query}after={page.next_key}" if page.next_key else "",
    }
    return render(request, "orgunits/bulk_run.html", context)


def _preview(request: HttpRequest, run: BulkRun) -> HttpResponse:
    groups = _groups(run)
    impossible = list(_rows(run, Row.FAILED)[:NAMES_SHOWN])
    for row in impossible:
        row.words = bulk.REASONS[row.reason]
    context = {
        "run": run,
        "said": _said(run),
        "groups": groups,
        "will_change": next((group["number"] for group in groups if group["state"] == Row.TODO), 0),
        "changing": list(_rows(run, Row.TODO)[:NAMES_SHOWN]),
        "impossible": impossible,
        "shown": NAMES_SHOWN,
        "own": run.made_by_id == request.user.pk,
    }
    return render(request, "orgunits/bulk_preview.html", context)


def _progress(run: BulkRun) -> dict:
    groups = _groups(run)
    waiting = sum(group["number"] for group in groups if group["state"] == Row.TODO)
    total = sum(group["number"] for group in groups)
    return {
        "run": run,
        "said": _said(run),
        "groups": groups,
        "done": total - waiting,
        "total": total,
        "failed": sum(group["number"] for group in groups if group["state"] == Row.FAILED),
        "running": run.state == State.RUNNING,
    }


@unit_view(RIGHT)
def bulk_progress(request: HttpRequest, unit: OrganizationalUnit, run_id: str) -> HttpResponse:
    """The fragment that the page asks for again while the run goes on."""
    context = _progress(_run_of(unit, run_id))
    answer = render(request, "orgunits/_bulk_progress.html", context)
    return answer if context["running"] else HttpResponseStopPolling(answer.content)


@unit_view(RIGHT)
@require_POST
def bulk_start(request: HttpRequest, unit: OrganizationalUnit, run_id: str) -> HttpResponse:
    """Hand a preview to the worker."""
    run = _run_of(unit, run_id)
    _prove_again(request, run)
    if run.act == BulkRun.Act.RESEND and not limits.within(request, "invitations"):
        return limits.refuse(request)
    try:
        bulk.start(run, by=request.user, now=timezone.now())
    except bulk.NotTheirs:
        raise PermissionDenied(_("Only who made this preview can start it.")) from None
    except NotPossibleNow:
        messages.info(request, _("This was started or cancelled before."))
    return redirect("bulk_run", slug=unit.slug, run_id=run_id)


@unit_view(RIGHT)
@require_POST
def bulk_cancel(request: HttpRequest, unit: OrganizationalUnit, run_id: str) -> HttpResponse:
    """Do no more of it."""
    run = _run_of(unit, run_id)
    was_preview = run.state == State.PREVIEW
    try:
        bulk.cancel(run, by=request.user, now=timezone.now())
    except NotPossibleNow:
        messages.info(request, _("It was finished before."))
    else:
        if was_preview:
            messages.success(request, _("Cancelled. Nothing was changed."))
            return redirect("members", slug=unit.slug)
        messages.success(request, _("Cancelled. What is done stays done."))
    return redirect("bulk_run", slug=unit.slug, run_id=run_id)


@unit_view(RIGHT)
@require_POST
def bulk_again(request: HttpRequest, unit: OrganizationalUnit, run_id: str) -> HttpResponse:
    """A preview of the same act for those with whom it failed."""
    run = _run_of(unit, run_id)
    try:
        fresh = bulk.again(request.access, run, now=timezone.now())
    except (AboveOwnRole, NotGrantable):
        messages.error(request, _("This role cannot be given or taken by you here."))
        return redirect("bulk_run", slug=unit.slug, run_id=run_id)
    return redirect("bulk_run", slug=unit.slug, run_id=fresh.public_id)


@unit_view(RIGHT)
def bulk_export(
    request: HttpRequest, unit: OrganizationalUnit, run_id: str
) -> HttpResponse | StreamingHttpResponse:
    """What became of each member, as CSV; cells that a spreadsheet would run are made harmless."""
    run = _run_of(unit, run_id)
    if not limits.within(request, "exports"):
        return limits.refuse(request)
    rows = run.rows.select_related("member").order_by("pk").iterator(chunk_size=500)
    told = (
        (
            row.member.public_id,
            row.member.name,
            row.member.email,
            row.get_state_display(),
            bulk.REASONS.get(row.reason, ""),
        )
        for row in rows
    )
    return as_csv(f"{run.public_id}.csv", ["id", "name", "address", "result", "reason"], told)
