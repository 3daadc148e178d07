"""Pages before a unit is paused or archived: what stops and what is kept, counted in every app."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.ui.moments import SHOWN
from connections.states import State as ConnectionState
from orgunits import units
from orgunits.access import unit_view
from orgunits.forms import UnitNameForm, WhyForm
from orgunits.models import Application, Invitation, Member, OrganizationalUnit

Unit = OrganizationalUnit.State


@dataclass(frozen=True)
class Effects:
    """What an act ends and what it leaves, as sentences for the page that asks."""

    stops: list[str]
    keeps: list[str]
    undo: str


@dataclass(frozen=True)
class _Counted:
    """What the unit holds, in words with numbers."""

    members: str
    connections: str
    applications: str
    invitations: str


def _count(unit: OrganizationalUnit) -> _Counted:
    members = unit.members.exclude(state=Member.State.REMOVED).count()
    connections = unit.connections.exclude(state=ConnectionState.DISCONNECTED).count()
    applications = unit.applications.filter(state=Application.State.ACTIVE).count()
    invitations = unit.invitations.filter(state=Invitation.State.PENDING).count()
    return _Counted(
        _shown(ngettext("%(n)s member", "%(n)s members", members), members),
        _shown(ngettext("%(n)s connection", "%(n)s connections", connections), connections),
        _shown(ngettext("%(n)s application", "%(n)s applications", applications), applications),
        _shown(ngettext("%(n)s open invitation", "%(n)s open invitations", invitations), invitations),
    )


def _shown(words: str, number: int) -> str:
    return words % {"n": number_format(number, force_grouping=True)}


def effects_of_pausing(unit: OrganizationalUnit) -> Effects:
    """What a pause stops and keeps; four queries."""
    held = vars(_count(unit))
    return Effects(
        stops=[
            _("Nothing is read from or written to calendars, through %(connections)s.") % held,
            _("No mail goes out. This holds back %(invitations)s.") % held,
        ],
        keeps=[
            _("All pages stay open, for %(members)s.") % held,
            _("The authorization of %(connections)s. What was read stays, and grows old.") % held,
            _("The settings and secrets of %(applications)s.") % held,
        ],
        undo=_("Any Ops Admin of the unit can resume it at any time."),
    )


def effects_of_archiving(unit: OrganizationalUnit, *, now: datetime) -> Effects:
    """What archiving stops and keeps; four queries."""
    day = timezone.localtime(now + timedelta(days=settings.RESTORE_DAYS))
    held = {**vars(_count(unit)), "day": date_format(day, SHOWN["date"])}
    return Effects(
        stops=[
            _("Every page of the unit closes, for %(members)s.") % held,
            _("Nothing is read from or written to calendars, through %(connections)s.") % held,
            _("Nobody can open %(applications)s here.") % held,
            _("No mail goes out, and nobody can accept %(invitations)s.") % held,
        ],
        keeps=[
            _("Everything is kept as it is until %(day)s.") % held,
            _("After that it is erased, with everything about people. The audit log stays, without names."),
        ],
        undo=_("Any Ops Admin of the unit can restore it until %(day)s. After that nobody can.") % held,
    )


@unit_view("manage_unit")
def unit_pause(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Says what a pause stops and keeps; posting pauses."""
    if unit.state != Unit.ACTIVE:
        return redirect("unit_settings", slug=unit.slug)
    form = WhyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            units.pause_unit(unit, by=request.user, now=timezone.now(), why=form.cleaned_data["why"])
        except units.NotPossibleNow:
            messages.warning(request, _("Somebody changed this unit in the meantime."))
        else:
            messages.success(request, _("Paused. Nothing goes out until somebody resumes the unit."))
        return redirect("unit_settings", slug=unit.slug)
    context = {"form": form, "effects": effects_of_pausing(unit)}
    return render(request, "orgunits/unit_pause.html", context, status=422 if form.errors else 200)


@unit_view("manage_unit", fresh=True)
def unit_archive(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Says what archiving stops and keeps; posting the unit's name archives."""
    form = UnitNameForm(request.POST if request.method == "POST" else None, name=unit.name)
    now = timezone.now()
    if form.is_valid():
        try:
            units.archive_unit(unit, by=request.user, now=now, why=form.cleaned_data["why"])
        except units.NotPossibleNow:
            messages.warning(request, _("Somebody changed this unit in the meantime."))
        else:
            messages.success(request, _("Archived."))
        return redirect("unit_settings", slug=unit.slug)
    context = {"form": form, "effects": effects_of_archiving(unit, now=now)}
    return render(request, "orgunits/unit_archive.html", context, status=422 if form.errors else 200)
