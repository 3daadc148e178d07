"""Pages of a plan: what would be done with whom and why, decisions about who is whom, and applying it."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from orgunits import limits
from orgunits.access import unit_view
from orgunits.exports import as_csv
from orgunits.models import OrganizationalUnit
from provisioning import decisions, plan_list, plan_words, plans, rule_list, verdicts
from provisioning.clauses import Clause
from provisioning.forms import PlanFilterForm
from provisioning.guard import Outcome
from provisioning.models import Plan, PlanItem
from provisioning.plan_list import Chosen
from provisioning.plans import BusyDirectory, NotPossibleNow

from .common import RIGHT, directory_of, plan_of

State = Plan.State
MOST_TICKED = 200
COLUMNS = [
    "position",
    "action",
    "why",
    "name",
    "address",
    "member",
    "rule",
    "changes",
    "loses access or a role",
]


@unit_view(RIGHT)
@require_POST
def plan_new(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """Have a plan made of what the rules would do now; `of` an earlier plan, with the change of a rule it was for."""
    row = directory_of(unit, connection_id)
    if not limits.within(request, "plans", key=row.public_id):
        return limits.refuse(request)
    now, earlier = timezone.now(), request.GET.get("of", "").replace("\0", "")
    before = row.plans.select_related("connection", "rule").filter(public_id=earlier).first()
    if before is None:
        plan = plans.request_plan(row, by=request.user, now=now)
    else:
        plan = plans.plan_anew(before, by=request.user, now=now)
        if before.draft is not None and plan.draft is None:
            messages.warning(
                request, _("The rule was changed since. This plan is of the rules as they are now.")
            )
    return redirect("plan", slug=unit.slug, plan_id=plan.public_id)


@unit_view(RIGHT)
@require_GET
def plan(request: HttpRequest, unit: OrganizationalUnit, plan_id: str) -> HttpResponse:
    """One plan: being made, or to be read and decided, or what has become of it."""
    row = plan_of(unit, plan_id)
    context = {
        "plan": row,
        "connection": row.connection,
        "said": plan_words.title(row),
        "purpose": plan_words.PURPOSES[row.purpose],
        "problem": plan_words.problem(row),
    }
    if row.state in {State.MAKING, State.FAILED}:
        return render(request, "provisioning/plan.html", context)
    form, chosen = _chosen(request, row)
    page = plan_list.page_of_items(plan_list.items(row, chosen), row, after=request.GET.get("after", ""))
    total = plan_list.number_of(row, chosen)
    query = request.GET.copy()
    query.pop("after", None)
    first_url = f"?{query.urlencode()}"
    query["after"] = page.next_key
    context |= {
        "form": form,
        "chosen": chosen,
        "rows": page.rows,
        "total": total,
        "query": request.GET.urlencode(),
        "first_url": first_url if request.GET.get("after") else "",
        "next_url": f"?{query.urlencode()}" if page.next_key else "",
        "counts": _counts(row),
        "untouched": row.counts.get("nothing", 0),
        "reasons": plan_list.reasons(row),
        "changes": rule_list.changes_of(row),
        "stale": plan_words.stale(row),
        "verdict": verdicts.in_words(row),
        "mails": plan_list.welcome_mails(row),
        "decidable": row.state != State.TAKEN and any(item.decidable for item in page.rows),
    }
    return render(request, "provisioning/plan.html", context)


def _chosen(request: HttpRequest, row: Plan) -> tuple[PlanFilterForm, Chosen]:
    form = PlanFilterForm(request.GET, plan=row)
    form.is_valid()
    data = form.cleaned_data
    return form, Chosen(**{name: data[name] for name in Chosen.__dataclass_fields__ if data.get(name)})


def _counts(row: Plan) -> list[dict]:
    return [
        {
            "action": action,
            "label": PlanItem.Action(action).label,
            "number": row.counts.get(action, 0),
            "tone": plan_words.TONES[action] if row.counts.get(action) and action in _CALL_FOR_A_LOOK else "",
        }
        for action in PlanItem.Action.values
    ]


_CALL_FOR_A_LOOK = {PlanItem.Action.SUSPEND, PlanItem.Action.CONFLICT}


@unit_view(RIGHT)
@require_GET
def plan_progress(request: HttpRequest, unit: OrganizationalUnit, plan_id: str) -> HttpResponse:
    """The fragment that is asked for again while the plan is made; then the page shows it."""
    row = plan_of(unit, plan_id)
    if row.state != State.MAKING:
        return HttpResponseClientRefresh()
    return render(request, "provisioning/_plan_progress.html", {"plan": row})


@unit_view(RIGHT)
@require_GET
def plan_export(
    request: HttpRequest, unit: OrganizationalUnit, plan_id: str
) -> HttpResponse | StreamingHttpResponse:
    """The same filter as CSV; cells that a spreadsheet would run are made harmless."""
    row = plan_of(unit, plan_id)
    if not limits.within(request, "exports"):
        return limits.refuse(request)
    _form, chosen = _chosen(request, row)
    rows = plan_list.exported(plan_list.items(row, chosen), row)
    return as_csv(f"plan-{row.public_id}.csv", COLUMNS, map(_cells, rows))


def _cells(item: PlanItem) -> list:
    """One person; the order is that of COLUMNS."""
    others = [_("Also: %s") % ", ".join(other.name for other in item.others)] if item.others else []
    return [
        item.position,
        item.get_action_display(),
        item.why,
        item.label,
        item.address,
        item.member.public_id if item.member else "",
        item.rule_name,
        "; ".join([*map(plan_words.line_as_text, item.lines), *others]),
        _("yes") if item.candidate else _("no"),
    ]


@unit_view(RIGHT)
@require_POST
def plan_decide(request: HttpRequest, unit: OrganizationalUnit, plan_id: str) -> HttpResponse:
    """Say of ticked conflicts, or of all that the filter shows, that the two are one person, or are not."""
    row, now = plan_of(unit, plan_id), timezone.now()
    back = f"{reverse('plan', args=[unit.slug, row.public_id])}?{request.GET.urlencode()}#who"
    same, number = request.POST.get("same"), 0
    if same in {"yes", "no"}:
        said = {"same": same == "yes", "by": request.user, "now": now}
        number = decisions.decide(_conflicts(request, row, same=said["same"]), **said)
        if request.POST.get("whom") != "all":
            rows, pairs = _pairs(request, row)
            number += decisions.decide(rows, **said, only=pairs)
    if not number:
        messages.error(request, _("Tick some conflicts, or choose all that are shown. Nothing was decided."))
        return redirect(back)
    words = ngettext(
        "Decided about %d pair. A new plan takes it into account.",
        "Decided about %d pairs. A new plan takes them into account.",
        number,
    )
    messages.success(request, words % number)
    return redirect(back)


def _conflicts(request: HttpRequest, row: Plan, *, same: bool) -> QuerySet[PlanItem]:
    """The conflicts that are meant as a whole. Nobody is several members, so “the same” never means all of them."""
    if request.POST.get("whom") == "all":
        rows = plan_list.to_decide(row, _chosen(request, row)[1])
    else:
        ticked = [value for value in request.POST.getlist("item")[:MOST_TICKED] if _is_position(value)]
        rows = plan_list.to_decide(row).filter(position__in=ticked)
    return rows.exclude(clause=Clause.TWO_MEMBERS) if same else rows


def _pairs(request: HttpRequest, row: Plan) -> tuple[list[PlanItem], set[tuple[int, int]]]:
    """Of conflicts between members, the ticked ones: “position-member”. The items, and the pairs of keys."""
    ticked = [
        value.partition("-") for value in request.POST.getlist("pair")[:MOST_TICKED] if "\0" not in value
    ]
    ticked = [(int(position), member) for position, _dash, member in ticked if _is_position(position)]
    if not ticked:
        return [], set()
    items = {item.position: item for item in plan_list.to_decide(row).filter(position__in=dict(ticked))}
    named = {member for _position, member in ticked}
    members = dict(row.unit.members.filter(public_id__in=named).values_list("public_id", "pk"))
    pairs = {
        (items[position].person_id, members[member])
        for position, member in ticked
        if position in items and member in members
    }
    return list(items.values()), pairs


def _is_position(value: str) -> bool:
    return value.isdecimal() and value.isascii() and len(value) < 10


@unit_view(RIGHT, fresh=True)
def plan_apply(request: HttpRequest, unit: OrganizationalUnit, plan_id: str) -> HttpResponse:
    """Says in numbers what would be done; posting does it."""
    row = plan_of(unit, plan_id)
    if row.state != State.READY:
        messages.info(request, _("This plan cannot be applied any more."))
        return redirect("plan", slug=unit.slug, plan_id=plan_id)
    if request.method == "POST":
        try:
            run = plans.apply_plan(row, by=request.user, now=timezone.now())
        except NotPossibleNow:
            messages.warning(request, _("Somebody applied or discarded this plan in the meantime."))
        except BusyDirectory:
            messages.warning(
                request, _("Another run of this directory is not over. Apply this plan when it is.")
            )
        else:
            return redirect("run", slug=unit.slug, prn_id=run.public_id)
        return redirect("plan", slug=unit.slug, plan_id=plan_id)
    context = {
        "plan": row,
        "connection": row.connection,
        "said": plan_words.title(row),
        "counts": row.counts,
        "mails": plan_list.welcome_mails(row),
        "waits_for_guard": row.outcome == Outcome.PAUSED,
        "blocked": row.outcome == Outcome.BLOCKED,
    }
    return render(request, "provisioning/plan_apply.html", context)


@unit_view(RIGHT)
@require_POST
def plan_discard(request: HttpRequest, unit: OrganizationalUnit, plan_id: str) -> HttpResponse:
    """Do nothing of it."""
    row = plan_of(unit, plan_id)
    try:
        plans.discard(row, by=request.user, now=timezone.now())
    except NotPossibleNow:
        messages.info(request, _("Somebody applied or discarded this plan in the meantime."))
        return redirect("plan", slug=unit.slug, plan_id=plan_id)
    messages.success(request, _("Discarded. Nothing was changed."))
    return redirect("people", slug=unit.slug)
