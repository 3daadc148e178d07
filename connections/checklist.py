"""The unit's set-up steps about calendars, derived from data: what is done, what waits, what needs somebody."""

from dataclasses import dataclass

from django.db.models import Count
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orgunits.models import Member, OrganizationalUnit

from .models import Connection, Mailbox, ScopeCheck
from .states import State

NOT_STARTED, IN_PROGRESS, NEEDS_ATTENTION, DONE = "not_started", "in_progress", "needs_attention", "done"


@dataclass(frozen=True)
class Step:
    """One step: what it is, how far it is, and where to go on."""

    title: str
    state: str
    text: str
    url: str = ""


def _number(value: int) -> str:
    """1,489 as the viewer's language writes it."""
    return number_format(value, force_grouping=True)


def steps(unit: OrganizationalUnit) -> list[Step]:
    """The steps of this app; four queries."""
    states = list(unit.connections.calendars().values_list("state", flat=True))
    living = [state for state in states if state != State.DISCONNECTED]
    missing = ScopeCheck.objects.filter(
        unit=unit,
        result=ScopeCheck.Result.MISSING,
        connection__state=State.ACTIVE,
        connection__kind=Connection.Kind.CALENDAR,
    ).exists()
    boxes = Mailbox.objects.filter(unit=unit, member__state=Member.State.ACTIVE)
    by_state = dict(boxes.values_list("state").annotate(Count("pk")).order_by())
    members = unit.members.active().count()
    served = members - by_state.get(Mailbox.State.NOT_SERVED, 0) - (members - sum(by_state.values()))
    return [
        _mode_chosen(unit, living),
        _verified(unit, living, missing=missing),
        _served(unit, served, members, started=bool(living)),
        _read(unit, by_state),
    ]


def _mode_chosen(unit: OrganizationalUnit, living: list[str]) -> Step:
    title, connect = _("Choose how calendars are reached"), reverse("connect_start", args=[unit.slug])
    if not living:
        text = _("Pick a calendar service and one of three access modes: Read Write, Free/Busy or No Access.")
        return Step(title, NOT_STARTED, text, connect)
    text = ngettext("One connection.", "%(count)d connections.", len(living)) % {"count": len(living)}
    return Step(title, DONE, text, reverse("connections", args=[unit.slug]))


def _verified(unit: OrganizationalUnit, living: list[str], *, missing: bool) -> Step:
    title, url = _("Verify each connection"), reverse("connections", args=[unit.slug])
    if not living:
        return Step(
            title, NOT_STARTED, _("A self-test asks for each permission alone and reads one calendar.")
        )
    broken = living.count(State.NEEDS_REAUTHORIZATION)
    if broken or missing:
        return Step(title, NEEDS_ATTENTION, _("A connection needs an administrator."), url)
    waiting = living.count(State.PENDING)
    if waiting:
        text = ngettext(
            "One connection is not set up yet.", "%(count)d connections are not set up yet.", waiting
        ) % {"count": waiting}
        return Step(title, IN_PROGRESS, text, url)
    return Step(title, DONE, _("Every connection passed its self-test."), url)


def _served(unit: OrganizationalUnit, served: int, members: int, *, started: bool) -> Step:
    title = _("Serve every member by one connection")
    url = reverse("members", args=[unit.slug])
    numbers = {"served": _number(served), "members": _number(members)}
    if not started or not served:
        return Step(title, NOT_STARTED, _("Members are matched by their verified mail domain."), url)
    text = _("%(served)s of %(members)s members are served.") % numbers
    if served < members:
        return Step(title, NEEDS_ATTENTION, text, f"{url}?calendar=not_served")
    return Step(title, DONE, text, url)


def _read(unit: OrganizationalUnit, by_state: dict[str, int]) -> Step:
    title, url = _("Read busy times"), reverse("members", args=[unit.slug])
    synced, failing = by_state.get(Mailbox.State.SYNCED, 0), by_state.get(Mailbox.State.FAILING, 0)
    waiting = by_state.get(Mailbox.State.WAITING, 0)
    paused, stopped = by_state.get(Mailbox.State.PAUSED, 0), by_state.get(Mailbox.State.STOPPED, 0)
    held = paused + stopped
    kept_here = by_state.get(Mailbox.State.KEPT_HERE, 0)
    if not synced + failing + waiting + held + kept_here:
        return Step(title, NOT_STARTED, _("Starts by itself when a connection works."))
    total = synced + failing + waiting + held
    text = _("%(synced)s of %(total)s calendars are up to date.") % {
        "synced": _number(synced),
        "total": _number(total),
    }
    if kept_here:
        text += " " + ngettext(
            "%(count)d member keeps their time here.", "%(count)d members keep their time here.", kept_here
        ) % {"count": kept_here}
    if held:
        text += " " + _(
            "%(held)s are not being read: their connection is paused or needs reauthorization."
        ) % {"held": _number(held)}
        return Step(title, NEEDS_ATTENTION, text, f"{url}?calendar={'stopped' if stopped else 'paused'}")
    if failing:
        return Step(title, NEEDS_ATTENTION, text, f"{url}?calendar=failing")
    return Step(title, IN_PROGRESS if waiting else DONE, text, url)
