"""Pages of members: the list, one member's week, calendars and settings."""

from datetime import date
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from connections import calendars, mailboxes, member_list, personal_grants, sync_now
from connections.forms import MemberFilterForm, MemberSettingsForm
from connections.free_busy import busy_periods
from connections.identity import person_of, shown_identity
from connections.member_list import Chosen
from connections.states import State
from connections.week import monday_of, week_bounds, week_days
from orgunits import grants, limits, memberships
from orgunits import members as member_verbs
from orgunits.access import refuse, unit_view
from orgunits.audit_log import events_about
from orgunits.exports import as_csv
from orgunits.forms.bulk import BulkForm
from orgunits.models import Member, OrganizationalUnit

from .common import calendar_of, member_of
from .reading import asked_at

COLUMNS = [
    "id",
    "name",
    "address",
    "department",
    "state",
    "roles",
    "identity",
    "source",
    "last seen (day in UTC)",
    "connection",
    "mode",
    "calendar",
    "failure",
    "last synced (UTC)",
]


def chosen_of(request: HttpRequest, unit: OrganizationalUnit) -> tuple[MemberFilterForm, Chosen]:
    """The filter in the address: as a form, and as what the list is narrowed to."""
    living = list(unit.connections.calendars().exclude(state=State.DISCONNECTED).order_by("pk")[:200])
    form = MemberFilterForm(request.GET, connections=living)
    form.is_valid()
    return form, Chosen(**{name: form.cleaned_data.get(name, "") for name in Chosen.__dataclass_fields__})


@unit_view("see_members")
def members(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Who is here, which connection serves them, and how reading goes."""
    form, chosen = chosen_of(request, unit)
    rows = member_list.members(unit, chosen)
    order = request.GET.get("sort", "name")
    page = member_list.page(rows, order=order, after=request.GET.get("after", ""))
    totals = member_list.totals(rows)
    query = request.GET.copy()
    query.pop("after", None)
    narrowed = query.copy()
    first_url = f"?{query.urlencode()}"
    query["after"] = page.next_key
    context = {
        "form": form,
        "members": page.rows,
        "total": sum(totals.values()),
        "totals": [
            {"state": state, "label": Member.State(state).label, "number": number}
            for state, number in totals.items()
        ],
        "filtered": bool(chosen),
        "state": chosen.state,
        "bulk_form": BulkForm(access=request.access) if request.access.may("manage_members") else None,
        "query": narrowed.urlencode(),
        "restore_days": settings.RESTORE_DAYS,
        "first_url": first_url if request.GET.get("after") else "",
        "next_url": f"?{query.urlencode()}" if page.next_key else "",
        "export_url": f"{reverse('members_export', args=[unit.slug])}?{request.GET.urlencode()}",
    }
    return render(request, "connections/members.html", context)


@unit_view("see_members")
def members_export(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse | StreamingHttpResponse:
    """The same filter as CSV; cells that a spreadsheet would run are made harmless."""
    if not limits.within(request, "exports"):
        return limits.refuse(request)
    _form, chosen = chosen_of(request, unit)
    rows = member_list.shown(member_list.members(unit, chosen)).order_by("sort_key", "pk")
    told = (_cells(row) for row in rows.iterator(chunk_size=500))
    return as_csv(f"members-{unit.slug}.csv", COLUMNS, told)


def _cells(member: Member) -> list[str]:
    """One member; the order is that of COLUMNS."""
    box = getattr(member, "mailbox", None)
    served = box.connection if box else None
    return [
        member.public_id,
        member.name,
        member.email,
        member.department,
        member.get_state_display(),
        ", ".join(member_list.role_names(member)),
        member_list.identity_of(member).label,
        member.get_came_by_display(),
        member.last_seen_on.isoformat() if member.last_seen_on else "",
        served.get_provider_display() if served else "",
        served.get_mode_display() if served else "",
        box.get_state_display() if box else "",
        box.get_failure_display() if box and box.failure else "",
        box.last_synced_at.isoformat(timespec="seconds") if box and box.last_synced_at else "",
    ]


def _monday(request: HttpRequest, zone: ZoneInfo) -> date:
    """The Monday of `?week=2026-11-16`, else of this week."""
    today = timezone.now().astimezone(zone).date()
    try:
        day = date.fromisoformat(request.GET.get("week", ""))
    except ValueError:
        day = today
    near = abs(day.year - today.year) <= 100  # at the ends of the calendar a week has no neighbours
    return monday_of(day if near else today)


def _week(member: Member, monday: date, zone: ZoneInfo) -> list:
    starts, ends = week_bounds(monday, zone)
    days = week_days(
        monday,
        zone,
        busy_periods(member, starts, ends),
        hours=member_verbs.hours_of(member),
        hours_zone=ZoneInfo(member.time_zone),
    )
    for day in days:
        day.label = date_format(day.date, "D j M")
    return days


def _same_clock(one: ZoneInfo, other: ZoneInfo, monday: date) -> bool:
    """Whether two zones show the same times all week, as Asia/Kolkata and Asia/Calcutta do."""
    return week_bounds(monday, one) == week_bounds(monday, other)


@unit_view("see_members", own_member_too=True)
def member(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """One member: who serves them, their week in the viewer's zone and in their own, their calendars."""
    row = member_of(unit, member_id)
    own_zone = ZoneInfo(row.time_zone)
    viewer_zone = ZoneInfo(timezone.get_current_timezone_name())
    monday = _monday(request, viewer_zone)
    weeks = [{"zone": viewer_zone.key, "whose": "viewer", "days": _week(row, monday, viewer_zone)}]
    if not _same_clock(own_zone, viewer_zone, monday):
        weeks.append({"zone": own_zone.key, "whose": "member", "days": _week(row, monday, own_zone)})
    box, asked = getattr(row, "mailbox", None), asked_at(request, row.public_id)
    own = request.access.member.pk == row.pk
    person = person_of(row)
    manages = request.access.may("manage_members")
    context = {
        "member": row,
        "mailbox": box,
        "outcome": sync_now.outcome(box, asked_at=asked, now=timezone.now()) if asked else None,
        "calendars": list(box.calendars.all()) if box else [],
        "weeks": weeks,
        "monday": monday,
        "previous_url": f"?week={date.fromordinal(monday.toordinal() - 7)}",
        "next_url": f"?week={date.fromordinal(monday.toordinal() + 7)}",
        "hours": member_verbs.hours_of(row),
        "own": own,
        "personal": personal_grants.own(row),
        "identity": shown_identity(row, box, in_directory=person is not None),
        "person": person,
        "question": row.identity_confirmations.order_by("pk").last(),
        "may_change": own or manages,
        "manages": manages,
        "may_end": manages and not own and memberships.within_reach(row, request.access.rights),
        "held": grants.held_by(row, request.access),
        "events": events_about(unit, row.public_id) if request.access.may("see_audit") else None,
        "overrides": list(
            unit.connections.calendars()
            .filter(connected_at__isnull=False)
            .exclude(state=State.DISCONNECTED)[:200]
        )
        if manages
        else [],
    }
    return render(request, "connections/member.html", context)


def _may_change(request: HttpRequest, member_id: str) -> bool:
    return request.access.may("manage_members") or request.access.member.public_id == member_id


@unit_view("see_members", own_member_too=True)
@require_POST
def choose_calendars(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """Count exactly the ticked calendars."""
    row = member_of(unit, member_id)
    if not _may_change(request, member_id):
        return refuse(request, "manage_members")
    calendars.choose_calendars(
        row, set(request.POST.getlist("calendar")), by=request.user, now=timezone.now()
    )
    messages.success(request, _("Saved. Calendars that now count are read within some minutes."))
    return redirect("member", slug=unit.slug, member_id=member_id)


@unit_view("manage_members")
@require_POST
def choose_connection(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """Choose by hand which connection serves this member."""
    row = member_of(unit, member_id)
    wanted = request.POST.get("connection", "")
    connection = calendar_of(unit, wanted) if wanted else None
    if connection is not None and (connection.connected_at is None or connection.state == State.DISCONNECTED):
        raise Http404
    mailboxes.set_override(row, connection, by=request.user, now=timezone.now())
    messages.success(request, _("Saved."))
    return redirect("member", slug=unit.slug, member_id=member_id)


@unit_view("see_members", own_member_too=True)
def member_settings(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """Zone and working hours by hand, or handed back to the service."""
    row = member_of(unit, member_id)
    if not _may_change(request, member_id):
        return refuse(request, "manage_members")
    now, by = timezone.now(), request.user
    if request.method == "POST" and request.POST.get("hand_back") in {"time_zone", "working_hours"}:
        member_verbs.hand_back(row, field=request.POST["hand_back"], by=by, now=now)
        messages.success(request, _("The calendar service sets this again, when it next tells us."))
        return redirect("member", slug=unit.slug, member_id=member_id)
    hours = member_verbs.hours_of(row)
    first = next(iter(hours.values()))[0]
    initial = {"time_zone": row.time_zone, "starts": first[0], "ends": first[1], "days": list(hours)}
    form = MemberSettingsForm(request.POST or None, initial=initial)
    if form.is_valid():
        source = Member.Source.HAND
        if "time_zone" in form.changed_data:
            member_verbs.set_time_zone(row, form.cleaned_data["time_zone"], source=source, by=by, now=now)
        if {"starts", "ends", "days"} & set(form.changed_data):
            member_verbs.set_working_hours(row, form.hours, source=source, by=by, now=now)
        messages.success(request, _("Saved."))
        return redirect("member", slug=unit.slug, member_id=member_id)
    context = {"member": row, "form": form, "Source": Member.Source}
    return render(request, "connections/member_settings.html", context, status=422 if form.errors else 200)
