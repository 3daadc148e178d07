"""Pages of leavers: the list, one dossier with undo and sign-off, and offboarding somebody by hand."""

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from connections.views.common import member_of
from orgunits import limits, memberships
from orgunits.access import unit_view
from orgunits.exports import as_csv
from orgunits.models import Member, OrganizationalUnit
from orgunits.roles import OPS_ADMIN, LastOpsAdmin
from provisioning import leaver_list, offboarding
from provisioning.dossiers import digest_of
from provisioning.leaver_forms import KeepForm, LeaverFilterForm, SignOffForm
from provisioning.leaver_list import GRACE, Chosen, shown
from provisioning.models import Offboarding
from provisioning.offboarding import NotPossibleNow

RIGHT = "manage_members"
COLUMNS = [
    "id",
    "member",
    "name",
    "address",
    "state",
    "why",
    "directory",
    "left (UTC)",
    "forgotten on (UTC)",
    "signed off (UTC)",
    "signed off by",
]


def _chosen(request: HttpRequest, unit: OrganizationalUnit) -> tuple[LeaverFilterForm, Chosen]:
    form = LeaverFilterForm(request.GET, directories=leaver_list.directories_of(unit))
    form.is_valid()
    return form, Chosen(**{name: form.cleaned_data.get(name, "") for name in Chosen.__dataclass_fields__})


@unit_view(RIGHT)
def leavers(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Who left, who can still be brought back, and who is forgotten."""
    form, chosen = _chosen(request, unit)
    rows, now = leaver_list.leavers(unit, chosen), timezone.now()
    found = leaver_list.page(rows, after=request.GET.get("after", ""))
    query = request.GET.copy()
    query.pop("after", None)
    narrowed = query.urlencode()
    query["after"] = found.next_key
    context = {
        "form": form,
        "rows": [shown(row, now=now) for row in found.rows],
        "total": rows.count(),
        "filtered": bool(chosen),
        "restore_days": settings.RESTORE_DAYS,
        "first_url": f"?{narrowed}" if request.GET.get("after") else "",
        "next_url": f"?{query.urlencode()}" if found.next_key else "",
        "export_url": f"{reverse('leavers_export', args=[unit.slug])}?{narrowed}",
    }
    return render(request, "provisioning/leavers.html", context)


@unit_view(RIGHT)
def leavers_export(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse | StreamingHttpResponse:
    """The same filter as CSV; cells that a spreadsheet would run are made harmless."""
    if not limits.within(request, "exports"):
        return limits.refuse(request)
    _form, chosen = _chosen(request, unit)
    rows = leaver_list.leavers(unit, chosen).select_related("member", "connection", "signed_off_by")
    now = timezone.now()
    told = (_cells(shown(row, now=now)) for row in rows.order_by("-begun_at", "-pk").iterator(chunk_size=500))
    return as_csv(f"leavers-{unit.slug}.csv", COLUMNS, told)


def _cells(one: leaver_list.Shown) -> list[str]:
    """One leaver; the order is that of COLUMNS."""
    row = one.row
    return [
        row.public_id,
        row.member.public_id,
        one.name,
        one.address,
        one.label,
        one.why,
        str(row.connection or ""),
        row.begun_at.isoformat(timespec="seconds"),
        row.grace_until.isoformat(timespec="seconds") if one.state == GRACE else "",
        row.signed_off_at.isoformat(timespec="seconds") if row.signed_off_at else "",
        str(row.signed_off_by or ""),
    ]


@unit_view(RIGHT)
def leaver(request: HttpRequest, unit: OrganizationalUnit, leaver_id: str) -> HttpResponse:
    """One leaver's dossier: what they had, what becomes of it, undo and sign-off."""
    return _page(request, _leaver(unit, leaver_id))


def _page(request: HttpRequest, row: Offboarding, *, keep=None, sign=None) -> HttpResponse:
    one, now = shown(row, now=timezone.now()), timezone.now()
    wrong = (keep is not None and keep.errors) or (sign is not None and sign.errors)
    context = {
        "row": row,
        "one": one,
        "dossier": leaver_list.in_words(row.dossier),
        "digest": digest_of(row.dossier),
        "overdue": row.grace_until <= now,
        "may_undo": one.state == GRACE and row.member.state == Member.State.SUSPENDED,
        "kept": getattr(row.member, "kept", None),
        "keep_form": keep or KeepForm(),
        "sign_form": sign or SignOffForm(),
    }
    return render(request, "provisioning/leaver.html", context, status=422 if wrong else 200)


@unit_view(RIGHT)
@require_POST
def leaver_undo(request: HttpRequest, unit: OrganizationalUnit, leaver_id: str) -> HttpResponse:
    """The member takes part again, and no run takes them for a leaver until a day."""
    row = _leaver(unit, leaver_id)
    _of_others(request, row.member)
    if any(grant.role == OPS_ADMIN.code for grant in row.member.role_grants.all()):
        raise_if_reauthentication_required(request, app="orgunits")  # as making an Ops Admin does
    form = KeepForm(request.POST)
    if not form.is_valid():
        return _page(request, row, keep=form)
    try:
        offboarding.undo(row, by=request.user, now=timezone.now(), keep_until=form.cleaned_data["keep_until"])
    except NotPossibleNow:
        messages.info(request, _("Nothing was changed: this was undone or ended before."))
    else:
        messages.success(
            request, _("%(name)s takes part again, with the roles they had.") % {"name": row.member.name}
        )
    return redirect("leaver", slug=unit.slug, leaver_id=leaver_id)


@unit_view(RIGHT)
@require_POST
def leaver_sign_off(request: HttpRequest, unit: OrganizationalUnit, leaver_id: str) -> HttpResponse:
    """Somebody looked at the dossier and answers for it."""
    row, form = _leaver(unit, leaver_id), SignOffForm(request.POST)
    if not form.is_valid():
        return _page(request, row, sign=form)
    try:
        offboarding.sign_off(row, by=request.user, now=timezone.now(), note=form.cleaned_data["note"])
    except NotPossibleNow:
        messages.info(request, _("Nothing was changed: it was signed off before, or is over."))
    else:
        messages.success(request, _("Signed off. Download the record if you keep such files elsewhere."))
    return redirect("leaver", slug=unit.slug, leaver_id=leaver_id)


@unit_view(RIGHT)
def leaver_record(request: HttpRequest, unit: OrganizationalUnit, leaver_id: str) -> HttpResponse:
    """The dossier as a file, with who signed it off and its checksum."""
    row = _leaver(unit, leaver_id)
    if not limits.within(request, "exports"):
        return limits.refuse(request)
    record = leaver_list.record_of(row, now=timezone.now())
    answer = JsonResponse(record, json_dumps_params={"indent": 2, "ensure_ascii": False})
    answer["Content-Disposition"] = f'attachment; filename="leaver-{row.public_id}.json"'
    return answer


@unit_view(RIGHT)
def leaver_new(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """What ends at once, what is kept and how it is undone; then the member is offboarded."""
    row = member_of(unit, member_id)
    _of_others(request, row)
    back = reverse("member", args=[unit.slug, member_id])
    if request.method == "POST":
        try:
            begun = offboarding.begin(
                row, by=request.user, now=timezone.now(), why=request.POST.get("why", "").strip()[:500]
            )
        except LastOpsAdmin:
            messages.error(
                request,
                _("A unit always keeps one Ops Admin who can sign in. Make somebody else Ops Admin first."),
            )
        except memberships.WrongState:
            messages.info(request, _("Only an active member can be offboarded."))
        else:
            messages.success(request, _("%(name)s has no access any more.") % {"name": row.name})
            return redirect("leaver", slug=unit.slug, leaver_id=begun.public_id)
        return redirect(back)
    context = {"member": row, "back": back, "stops": _stops(row), "keeps": _keeps(), "undo": _undo()}
    return render(request, "provisioning/leaver_new.html", context)


def _stops(member: Member) -> list[str]:
    words = [
        _("Access to this unit and all sessions, at once"),
        _("The effect of their roles on the unit and on applications"),
    ]
    box = getattr(member, "mailbox", None)
    if box and box.connection:
        words.append(_("Reading their calendar: %(connection)s") % {"connection": box.connection})
        words.append(_("Messages about changes in their calendar"))
    if member.personal_grants.exclude(state="withdrawn").exists():
        words.append(_("What they authorized for their own calendar; Google is told"))
    return words


def _keeps() -> list[str]:
    days = {"days": settings.RESTORE_DAYS}
    return [
        _("A dossier of what they had: roles with who gave them, applications, groups, calendars"),
        _("Roles and settings, without effect, for %(days)s days") % days,
        _("What the audit log tells; it holds ids and no names"),
    ]


def _undo() -> str:
    return _(
        "For %(days)s days one click brings them back as they were. After that a job removes them and erases "
        "name and address. An authorization of their own they have to give again."
    ) % {"days": settings.RESTORE_DAYS}


def _of_others(request: HttpRequest, row: Member) -> None:
    """Nobody does this to themselves, or to who holds a role above their own."""
    if row.pk == request.access.member.pk:
        raise PermissionDenied(
            _("Nobody does this to themselves. You can leave the unit on a page of its own.")
        )
    if not memberships.within_reach(row, request.access.rights):
        raise PermissionDenied(_("This member holds a role above your own."))


def _leaver(unit: OrganizationalUnit, leaver_id: str) -> Offboarding:
    rows = unit.offboardings.select_related(
        "unit", "member__unit", "member__kept", "connection", "run", "begun_by", "undone_by", "signed_off_by"
    )
    row = rows.filter(public_id=leaver_id).first()
    if row is None:
        raise Http404
    return row
