"""Pages of a directory that is kept by files: upload, look, take over."""

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from connections import directory_sheets
from connections.directory_files import PROBLEMS
from connections.directory_forms import LinesFilterForm, UploadForm
from connections.directory_sheets import NotThisFile, Outcome, Sheet
from connections.directory_words import DIFFERS
from connections.models import Connection, DirectorySheet, DirectorySheetLine
from connections.states import NotPossibleNow, State
from orgunits import limits
from orgunits.access import unit_view
from orgunits.exports import as_csv
from orgunits.models import OrganizationalUnit
from orgunits.names import sort_key
from orgunits.paging import page_of

from .common import directory_of
from .wizard import file_steps

LINES_SHOWN = 100
TONES = {
    Outcome.NEW: ("success", "user-plus"),
    Outcome.CHANGED: ("info", "edit"),
    Outcome.BACK: ("success", "arrow-back-up"),
    Outcome.SAME: ("neutral", "equal"),
    Outcome.MISSING: ("warning", "user-question"),
    Outcome.ERROR: ("danger", "alert-circle"),
}
REFUSALS = {
    "over": gettext_lazy(
        "Nothing was taken over now: this file was taken over, discarded or forgotten before."
    ),
    "nobody": gettext_lazy("Nothing was taken over: no line of this file can be read."),
    "older": gettext_lazy(
        "Nothing was taken over: another file was taken over since this one was compared. Upload it again."
    ),
    "another": gettext_lazy("Another file is being taken over right now. Wait until it is done."),
    "other_key": gettext_lazy(
        "The files before had ids, or had none: with this one everybody would be somebody else. Use the same "
        "columns, or connect another directory."
    ),
}
NOT_NOW = gettext_lazy("No file is taken over now: the directory or its unit is paused or over.")
CELLS = [
    "id",
    "email",
    "given_name",
    "family_name",
    "department",
    "path",
    "employee_id",
    "time_zone",
    "enabled",
]


def _of_files(unit: OrganizationalUnit, connection_id: str) -> Connection:
    """The unit's directory that is kept by files, or 404."""
    row = directory_of(unit, connection_id)
    if not row.capabilities.from_files:
        raise Http404
    return row


def _file_of(unit: OrganizationalUnit, connection_id: str, file_id: str) -> DirectorySheet:
    """A file of this directory that was not discarded, with the one taken over last as `last`; or 404. One query."""
    files = unit.directory_sheets.filter(connection__public_id=connection_id)
    last = directory_sheets.were_taken(files).values("pk")[:1]
    rows = files.exclude(state=Sheet.DISCARDED).filter(Q(public_id=file_id) | Q(pk__in=last)).defer("content")
    found = list(rows.select_related("connection__unit", "made_by", "reading"))
    sheet = next((row for row in found if row.public_id == file_id), None)
    if sheet is None:
        raise Http404
    sheet.last = next((row for row in found if row.taken_at and row.state in directory_sheets.TAKEN), None)
    return sheet


@unit_view("manage_connections")
def directory_upload(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """A file in, nothing taken over: the next page shows what it would do."""
    row = _of_files(unit, connection_id)
    if row.state == State.DISCONNECTED:
        return redirect(row)
    if request.method == "POST" and not limits.within(request, "uploads"):
        return limits.refuse(request)
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if form.is_valid():
        try:
            sheet = directory_sheets.keep_file(
                row, form.cleaned_data["people"], by=request.user, now=timezone.now()
            )
        except NotThisFile as refused:
            form.add_error("file", REFUSALS[refused.args[0]])
        except NotPossibleNow:
            form.add_error(None, NOT_NOW)
        else:
            return redirect(
                "directory_file", slug=unit.slug, connection_id=row.public_id, file_id=sheet.public_id
            )
    context = {
        "connection": row,
        "form": form,
        "takes_files": row.state in directory_sheets.TAKES,
        "last": directory_sheets.last_taken(row),
        "open_files": directory_sheets.open_files(row),
        "steps": file_steps(2) if row.state == State.PENDING else [],
    }
    return render(request, "connections/directory_upload.html", context, status=422 if form.errors else 200)


@unit_view("manage_connections")
def directory_file(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, file_id: str
) -> HttpResponse:
    """What each line would do, counts first; posting takes over exactly what is shown here."""
    sheet = _file_of(unit, connection_id, file_id)
    if request.method == "POST":
        return _take_over(request, sheet)
    form = LinesFilterForm(request.GET)
    form.is_valid()
    lines = _lines(sheet, form.cleaned_data)
    page = page_of(lines, ("number",), after=request.GET.get("after", ""), size=LINES_SHOWN)
    query = request.GET.copy()
    query.pop("after", None)
    first_url = f"?{query.urlencode()}"
    query["after"] = page.next_key
    context = {
        **_about(sheet),
        "form": form,
        "rows": [_shown(line) for line in page.rows],
        "total": lines.count(),
        "filtered": any(form.cleaned_data.values()),
        "first_url": first_url if request.GET.get("after") else "",
        "next_url": f"?{query.urlencode()}" if page.next_key else "",
    }
    return render(request, "connections/directory_file.html", context)


def _take_over(request: HttpRequest, sheet: DirectorySheet) -> HttpResponse:
    try:
        directory_sheets.take_over(sheet, by=request.user, now=timezone.now())
    except NotThisFile as refused:
        messages.warning(request, REFUSALS[refused.args[0]])
    except NotPossibleNow:
        messages.warning(request, NOT_NOW)
    return redirect(request.path)


def _lines(sheet: DirectorySheet, chosen: dict) -> QuerySet[DirectorySheetLine]:
    rows = sheet.lines.all()
    if show := chosen.get("show"):
        rows = rows.filter(outcome=show)
    if words := chosen.get("q", "").strip():
        rows = rows.filter(sought__contains=sort_key(words))
    return rows


def _shown(line: DirectorySheetLine) -> dict:
    """One line as its row shows it."""
    tone, icon = TONES[line.outcome]
    return {
        "line": line,
        "tone": tone,
        "icon": icon,
        "department": line.told.get("department", ""),
        "why": _why(line),
    }


def _why(line: DirectorySheetLine) -> str:
    """What is said beside the outcome of a line."""
    if line.problem:
        return str(PROBLEMS[line.problem]) % line.detail
    if line.outcome == Outcome.MISSING and line.detail["times"] > 1:
        return _("for the %(times)s. time in a row") % line.detail
    return ", ".join(str(DIFFERS[name]) for name in line.differs)


def _about(sheet: DirectorySheet) -> dict:
    """What the page and its polled part know of a file."""
    counts, last = sheet.counts, sheet.last
    errors, missing = counts.get(Outcome.ERROR, 0), counts.get(Outcome.MISSING, 0)
    before = set(last.columns) if last is not None and last.pk != sheet.pk else set()
    people = sum(
        counts.get(outcome, 0) for outcome in Outcome if outcome not in {Outcome.ERROR, Outcome.MISSING}
    )
    return {
        "sheet": sheet,
        "connection": sheet.connection,
        "counts": [
            {
                "code": outcome,
                "label": outcome.label,
                "number": counts.get(outcome, 0),
                "tone": TONES[outcome][0],
            }
            for outcome in Outcome
        ],
        "people": people,
        "errors": errors,
        "missing": missing,
        "same_as_last": bool(before) and last.digest == sheet.digest,
        "last": last,
        "columns_gone": sorted(before - set(sheet.columns)),
        "has_lines": sheet.state in {Sheet.PREVIEW, Sheet.TAKING} or sheet.lines.exists(),
        "can_take": sheet.state == Sheet.PREVIEW
        and people
        and sheet.connection.state in directory_sheets.TAKES,
        "ends_at": sheet.made_at + directory_sheets.KEPT,
    }


@unit_view("manage_connections")
@require_GET
def directory_file_progress(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, file_id: str
) -> HttpResponse:
    """The fragment that is asked for again while a job is at the file; then the whole page tells what became."""
    sheet = _file_of(unit, connection_id, file_id)
    if sheet.state not in {Sheet.COMPARING, Sheet.TAKING}:
        return HttpResponseClientRefresh()
    return render(request, "connections/_directory_file_progress.html", _about(sheet))


@unit_view("manage_connections")
@require_POST
def directory_file_discard(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, file_id: str
) -> HttpResponse:
    """Forget a file that was only looked at."""
    sheet = _file_of(unit, connection_id, file_id)
    if directory_sheets.discard(sheet):
        messages.success(request, _("Discarded. Nothing was taken over, and the file is forgotten."))
    else:
        messages.warning(request, _("This file was taken over already."))
    return redirect("directory_upload", slug=unit.slug, connection_id=sheet.connection.public_id)


@unit_view("manage_connections")
@require_GET
def directory_file_errors(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, file_id: str
) -> HttpResponse | StreamingHttpResponse:
    """The lines that are left out, with the reason, as CSV."""
    sheet = _file_of(unit, connection_id, file_id)
    if not limits.within(request, "exports"):
        return limits.refuse(request)
    rows = sheet.lines.filter(outcome=Outcome.ERROR).order_by("number").iterator(chunk_size=500)
    header = ["line", "reason", *CELLS, "groups"]
    return as_csv(f"left-out-{sheet.public_id}.csv", header, map(_cells, rows))


def _cells(line: DirectorySheetLine) -> list[str]:
    return [line.line, _why(line), *(line.told.get(name, "") for name in CELLS), "; ".join(line.groups)]
