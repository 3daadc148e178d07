"""Pages of access reviews: the list, one review with its decisions, and the sign-off."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orgunits import limits, reviews
from orgunits.access import unit_view
from orgunits.exports import as_csv
from orgunits.forms.reviews import ReviewFilterForm
from orgunits.forms.roles import ReasonForm
from orgunits.models import AccessReview, AccessReviewRow, Application, OrganizationalUnit
from orgunits.paging import page_of
from orgunits.reviews import AlreadyOpen, AlreadySignedOff, Decided, NotDecided
from orgunits.roles import ROLES

PAGE_SIZE = 50
REVIEWS_PAGE = 20
RIGHT = "review_access"
COLUMNS = [
    "member",
    "name",
    "address",
    "role",
    "application",
    "environment",
    "granted by",
    "granted at (UTC)",
    "until (UTC)",
    "last seen",
    "decision",
    "decided by",
    "decided at (UTC)",
]


def _problem(code: str) -> str:
    return {
        "above": _("This role is above your own: somebody who holds it decides."),
        "last_ops_admin": _("The last Ops Admin keeps the role. Make somebody else Ops Admin first."),
    }[code]


@unit_view(RIGHT)
def reviews_list(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """The review that is open, a button that begins one, and those signed off."""
    if request.method == "POST":
        try:
            review = reviews.begin(unit, by=request.user, now=timezone.now())
        except AlreadyOpen:
            messages.info(request, _("A review is open already."))
            review = unit.accessreviews.get(signed_off_at__isnull=True)
        return redirect("review", slug=unit.slug, review_id=review.public_id)
    rows = unit.accessreviews.select_related("begun_by", "signed_off_by")
    after = request.GET.get("after", "")
    page = page_of(
        rows.filter(signed_off_at__isnull=False), ("pk",), after=after, size=REVIEWS_PAGE, descending=True
    )
    context = {
        "open": reviews.with_counts(rows).filter(signed_off_at__isnull=True).first(),
        "past": page.rows,
        "first_url": "?" if after else "",
        "next_url": f"?after={page.next_key}" if page.next_key else "",
    }
    return render(request, "orgunits/reviews.html", context)


@unit_view(RIGHT)
def review(request: HttpRequest, unit: OrganizationalUnit, review_id: str) -> HttpResponse:
    """One review: its grants by filter and page, and what is decided of those that were chosen."""
    row = _review(unit, review_id)
    reason = ReasonForm(request.POST if request.method == "POST" else None)
    decided = None
    if reason.is_valid():
        try:
            decided = _decide(request, row, why=reason.cleaned_data["why"])
        except AlreadySignedOff:
            messages.info(request, _("This review has been signed off. Nothing of it changes any more."))
            return redirect(request.get_full_path())
        if not decided.problems:
            return redirect(request.get_full_path())
        row = _review(unit, review_id)
    problems = decided.problems if decided else {}
    form = ReviewFilterForm(request.GET)
    chosen = form.chosen()
    rows = reviews.rows_of(row, chosen)
    after = request.GET.get("after", "")
    page = page_of(reviews.with_names(rows), ("pk",), after=after, size=PAGE_SIZE)
    query = request.GET.copy()
    query.pop("after", None)
    filters = query.urlencode()
    context = {
        "review": row,
        "form": form,
        "filtered": any(vars(chosen).values()),
        "filters": filters,
        "rows": [_shown(one, problems) for one in page.rows],
        "reason": reason,
        "first_url": f"?{filters}" if after else "",
        "next_url": f"?{filters}&after={page.next_key}" if page.next_key else "",
    }
    wrong = bool(problems or reason.errors)
    return render(request, "orgunits/review.html", context, status=422 if wrong else 200)


def _decide(request: HttpRequest, row: AccessReview, *, why: str) -> Decided:
    """Keep or revoke: one row by its own button, else the ticked ones. Says what was done."""
    now, asked = timezone.now(), request.POST
    ticked = [value for value in asked.getlist("grant")[:PAGE_SIZE] if "\0" not in value]
    one_kept, one_revoked = (asked.get(name, "").replace("\0", "") for name in ("keep", "revoke"))
    if one_kept or asked.get("act") == "keep":
        decided = reviews.keep(row, [one_kept] if one_kept else ticked, by=request.user, now=now)
        words = ngettext("%(n)d role is kept.", "%(n)d roles are kept.", decided.done)
    elif one_revoked or asked.get("act") == "revoke":
        wanted = [one_revoked] if one_revoked else ticked
        decided = reviews.revoke(request.access, row, wanted, now=now, why=why)
        words = ngettext("%(n)d role was taken away.", "%(n)d roles were taken away.", decided.done)
    else:
        return Decided()
    if decided.done:
        messages.success(request, words % {"n": decided.done})
    ended = [grant_id for grant_id, code in decided.problems.items() if code == "ended"]
    for grant_id in ended:
        del decided.problems[grant_id]
    if ended:
        messages.info(request, _("What had ended meanwhile needs no decision."))
    return decided


@unit_view(RIGHT)
def review_keep(request: HttpRequest, unit: OrganizationalUnit, review_id: str) -> HttpResponse:
    """Keep everything undecided that the filter shows, after a page that says how much that is."""
    row = _review(unit, review_id)
    back = f"{reverse('review', args=[unit.slug, review_id])}?{request.GET.urlencode()}"
    if row.signed_off_at is not None:
        return redirect(back)
    chosen = ReviewFilterForm(request.GET).chosen()
    if request.method == "POST":
        try:
            done = reviews.keep_matching(row, chosen, by=request.user, now=timezone.now())
        except AlreadySignedOff:
            return redirect(back)
        words = ngettext("%(n)d role is kept.", "%(n)d roles are kept.", done)
        messages.success(request, words % {"n": done})
        return redirect(back)
    undecided = reviews.rows_of(row, chosen).filter(reviews.UNDECIDED)
    context = {
        "review": row,
        "number": undecided.count(),
        "back": back,
        "filtered": any(vars(chosen).values()),
    }
    return render(request, "orgunits/review_keep.html", context)


@unit_view(RIGHT)
def review_sign_off(request: HttpRequest, unit: OrganizationalUnit, review_id: str) -> HttpResponse:
    """The end of a review."""
    row = _review(unit, review_id)
    back = reverse("review", args=[unit.slug, review_id])
    left = row.left
    if request.method == "POST":
        try:
            reviews.sign_off(row, by=request.user, now=timezone.now())
        except AlreadySignedOff:
            messages.info(request, _("This review has been signed off already."))
            return redirect(back)
        except NotDecided as undecided:
            left = undecided.left
        else:
            messages.success(request, _("Signed off. The review is kept as it is."))
            return redirect(back)
    context = {"review": row, "left": left, "back": back}
    status = 422 if request.method == "POST" else 200
    return render(request, "orgunits/review_sign_off.html", context, status=status)


@unit_view(RIGHT, fresh=True)
def review_export(
    request: HttpRequest, unit: OrganizationalUnit, review_id: str
) -> HttpResponse | StreamingHttpResponse:
    """The filter's rows as CSV, after proving again who one is; cells that a spreadsheet would run are harmless."""
    row = _review(unit, review_id)
    if not limits.within(request, "exports"):
        return limits.refuse(request)
    rows = reviews.with_names(reviews.rows_of(row, ReviewFilterForm(request.GET).chosen()))
    told = (_cells(one, _shown(one, {})) for one in rows.order_by("pk").iterator(chunk_size=500))
    return as_csv(f"access-review-{row.begun_at:%Y-%m-%d}.csv", COLUMNS, told)


def _cells(row: AccessReviewRow, shown: dict) -> list:
    """One grant; the order is that of COLUMNS."""

    def moment(value) -> str:
        return value.isoformat(timespec="seconds") if value else ""

    return [
        row.member,
        shown["name"],
        row.email or "",
        shown["role"],
        row.application_name or row.application,
        row.environment or "",
        row.granted_by_name or row.granted_by,
        moment(row.granted_at),
        moment(row.until),
        row.last_seen_on or "",
        shown["mark"] or "open",
        row.marked_by_name or row.marked_by,
        moment(row.marked_at),
    ]


def _shown(row: AccessReviewRow, problems: dict[str, str]) -> dict:
    """A row in words."""
    name = f"{row.given_name or ''} {row.family_name or ''}".strip() or row.email or row.member
    role = ROLES.get(row.role)
    problem = problems.get(row.grant_id_shown or "")
    return {
        "row": row,
        "name": name,
        "there": row.member_state not in (None, "removed"),
        "role": role.name if role else row.role,
        "environment": dict(Application.Environment.choices).get(row.environment, ""),
        "mark": reviews.mark_of(row),
        "problem": _problem(problem) if problem else "",
    }


def _review(unit: OrganizationalUnit, review_id: str) -> AccessReview:
    """The unit's review with this public id and its counts, or 404."""
    rows = reviews.with_counts(unit.accessreviews.select_related("unit", "begun_by", "signed_off_by"))
    row = rows.filter(public_id=review_id).first()
    if row is None:
        raise Http404
    return row
