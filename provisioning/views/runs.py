"""Pages of runs: the list, one run with what became of each person, and the guard's question."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRefresh

from orgunits import limits
from orgunits.access import unit_view
from orgunits.exports import as_csv
from orgunits.models import OrganizationalUnit
from provisioning import run_list
from provisioning import runs as verbs
from provisioning.guard import Outcome
from provisioning.models import ProvisioningRun
from provisioning.run_forms import ApproveForm, ItemFilterForm, KeepAllForm, RunFilterForm
from provisioning.run_list import Chosen, ChosenItems, State
from provisioning.runs import NotPossibleNow, OtherCandidates

RIGHT = "manage_members"
COLUMNS = ["position", "person", "member", "name", "address", "planned", "why", "result", "reason"]
EXPORTED_AT_A_TIME = 500


@unit_view(RIGHT)
def runs(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """The runs of all directories, the newest first."""
    form = RunFilterForm(request.GET, directories=run_list.directories_of(unit))
    form.is_valid()
    chosen = Chosen(**{name: form.cleaned_data.get(name, "") for name in Chosen.__dataclass_fields__})
    rows = run_list.runs(unit, chosen)
    found = run_list.page(rows, after=request.GET.get("after", ""))
    for row in found.rows:
        row.planned, row.why_words = run_list.planned_counts(row), run_list.why(row)
    context = {
        "form": form,
        "rows": found.rows,
        "total": rows.count(),
        "filtered": bool(chosen),
        **_pages(request, found.next_key),
    }
    return render(request, "provisioning/runs.html", context)


@unit_view(RIGHT)
def run(request: HttpRequest, unit: OrganizationalUnit, prn_id: str) -> HttpResponse:
    """How far the run is, why it is as it is, what became of each; and the guard's question where it asks."""
    return _page(request, _run(unit, prn_id))


def _page(request: HttpRequest, row: ProvisioningRun, *, approve=None, keep=None) -> HttpResponse:
    form, chosen = _chosen(request)
    asks = row.state == State.PAUSED
    context = {
        "run": row,
        "guard_shown": True,  # by the page itself, not by the banner
        "progress": run_list.progress(row),
        "going": row.state == State.RUNNING,
        "why": run_list.why(row),
        "fix": run_list.fix(row),
        "planned": run_list.planned_counts(row),
        "stale": run_list.because_stale(row),
        "form": form,
        "filtered": bool(chosen),
        "listed": bool(chosen) or not asks,  # else the guard's question lists those it is about
        "export_url": f"{reverse('run_export', args=[row.unit.slug, row.public_id])}?{request.GET.urlencode()}",
    }
    if context["listed"]:
        found = run_list.page_of_items(run_list.items(row, chosen), after=request.GET.get("after", ""))
        context |= {"rows": found.rows, **_pages(request, found.next_key)}
    if asks:
        context |= _question(row, approve=approve, keep=keep)
        context["held"] = [] if context["listed"] else run_list.held_items(row)
    wrong = any(one is not None and one.errors for one in (approve, keep))
    return render(request, "provisioning/run.html", context, status=422 if wrong else 200)


def _question(row: ProvisioningRun, *, approve, keep) -> dict:
    """What the guard asks, and all that helps to answer it."""
    plan = row.plan
    return {
        "blocked": plan.outcome == Outcome.BLOCKED,
        "may_approve": run_list.may_be_approved(row),
        "because": list(
            zip(
                run_list.guard_sentences(row),
                (run_list.explains(code) for code in plan.guard_codes),
                strict=True,
            )
        ),
        "hints": run_list.hints(row),
        "names_shown": run_list.NAMES_SHOWN,
        "approve_form": approve or _approval(row, initial={"digest": plan.candidates_digest}),
        "keep_form": keep or KeepAllForm(),
    }


def _approval(row: ProvisioningRun, **how) -> ApproveForm:
    return ApproveForm(name=row.unit.name, **how)


@unit_view(RIGHT)
def run_progress(request: HttpRequest, unit: OrganizationalUnit, prn_id: str) -> HttpResponse:
    """The fragment that is asked for again while the run goes on; then the whole page shows what came of it."""
    row = _run(unit, prn_id)
    if row.state != State.RUNNING:
        return HttpResponseClientRefresh()
    context = {"run": row, "progress": run_list.progress(row)}
    return render(request, "provisioning/run_progress.html", context)


@unit_view(RIGHT)
def run_export(
    request: HttpRequest, unit: OrganizationalUnit, prn_id: str
) -> HttpResponse | StreamingHttpResponse:
    """The people of a run as the filter shows them, as CSV; cells that a spreadsheet would run are harmless."""
    row = _run(unit, prn_id)
    if not limits.within(request, "exports"):
        return limits.refuse(request)
    _form, chosen = _chosen(request)
    rows = run_list.items(row, chosen).select_related("member", "person").order_by("position")
    return as_csv(f"run-{row.public_id}.csv", COLUMNS, _lines(rows))


def _lines(rows):
    for item in rows.iterator(chunk_size=EXPORTED_AT_A_TIME):
        run_list.dress([item])
        yield [
            item.position,
            item.person.public_id if item.person else "",
            item.member.public_id if item.member else "",
            item.label,
            item.address,
            item.get_action_display(),
            item.why,
            item.get_result_display(),
            item.trouble,
        ]


@unit_view(RIGHT)
@require_POST
def run_cancel(request: HttpRequest, unit: OrganizationalUnit, prn_id: str) -> HttpResponse:
    """Do no more of it."""
    try:
        verbs.cancel(_run(unit, prn_id), by=request.user, now=timezone.now())
    except NotPossibleNow:
        messages.info(request, _("It was finished before."))
    else:
        messages.success(request, _("Cancelled. What is done stays done."))
    return redirect("run", slug=unit.slug, prn_id=prn_id)


@unit_view(RIGHT)
@require_POST
def run_again(request: HttpRequest, unit: OrganizationalUnit, prn_id: str) -> HttpResponse:
    """A plan for those with whom it failed, to be read and applied."""
    row = _run(unit, prn_id)
    try:
        plan = verbs.again(row, by=request.user, now=timezone.now())
    except NotPossibleNow:
        messages.info(request, _("There is nobody with whom it failed."))
        return redirect("run", slug=unit.slug, prn_id=prn_id)
    return redirect("plan", slug=unit.slug, plan_id=plan.public_id)


_APPROVED = gettext_lazy("Approved. The run goes on with exactly these people.")
_HALF = gettext_lazy("Your yes is kept for four hours. Another Ops Admin has to say yes to the same people.")


@unit_view(RIGHT, fresh=True)
def run_approve(request: HttpRequest, unit: OrganizationalUnit, prn_id: str) -> HttpResponse:
    """Exactly the people somebody looked at go, and nobody else."""
    row = _run(unit, prn_id)
    if request.method != "POST":  # who had to prove who they are comes back here
        return redirect("run", slug=unit.slug, prn_id=prn_id)
    form = _approval(row, data=request.POST)
    if not form.is_valid():
        return _page(request, row, approve=form)
    if row.state == State.PAUSED and not run_list.may_be_approved(row):
        raise PermissionDenied(
            _("This reading is not to be believed; nobody can approve what follows of it.")
        )
    try:
        goes = verbs.approve(row, digest=form.cleaned_data["digest"], by=request.user, now=timezone.now())
    except OtherCandidates:
        messages.error(request, _("The list is not the one you looked at any more. Look at it again."))
    except NotPossibleNow:
        messages.info(request, _("Nothing was changed: somebody decided this before, or it is over."))
    else:
        messages.success(request, _APPROVED if goes else _HALF)
    return redirect("run", slug=unit.slug, prn_id=prn_id)


@unit_view(RIGHT)
@require_POST
def run_keep(request: HttpRequest, unit: OrganizationalUnit, prn_id: str) -> HttpResponse:
    """Nobody of them goes, and none is asked about again before a day."""
    row, form = _run(unit, prn_id), KeepAllForm(request.POST)
    if not form.is_valid():
        return _page(request, row, keep=form)
    try:
        number = verbs.keep_everybody(
            row, until=form.cleaned_data["keep_until"], by=request.user, now=timezone.now()
        )
    except NotPossibleNow:
        messages.info(request, _("Nothing was changed: somebody decided this before, or it is over."))
    else:
        words = ngettext("%(n)d member is kept.", "%(n)d members are kept.", number)
        messages.success(request, words % {"n": number})
    return redirect("run", slug=unit.slug, prn_id=prn_id)


def _chosen(request: HttpRequest) -> tuple[ItemFilterForm, ChosenItems]:
    form = ItemFilterForm(request.GET)
    form.is_valid()
    names = ChosenItems.__dataclass_fields__
    return form, ChosenItems(**{name: form.cleaned_data.get(name, "") for name in names})


def _pages(request: HttpRequest, next_key: str) -> dict[str, str]:
    """The addresses of the first and the next page, with the filter as it is."""
    query = request.GET.copy()
    query.pop("after", None)
    narrowed = query.urlencode()
    query["after"] = next_key
    return {
        "first_url": f"?{narrowed}" if request.GET.get("after") else "",
        "next_url": f"?{query.urlencode()}" if next_key else "",
    }


def _run(unit: OrganizationalUnit, prn_id: str) -> ProvisioningRun:
    row = run_list.run_of(unit, prn_id)
    if row is None:
        raise Http404
    return row
