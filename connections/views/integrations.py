"""Everything a unit is connected with, on one page: what it is, how it is, and who can mend it."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from connections.models import Connection
from connections.states import Shown, State, shown_with_counts
from orgunits.access import Access, applications_of, unit_view
from orgunits.models import Application, OrganizationalUnit

MOST_APPLICATIONS = 50


@dataclass(frozen=True)
class Line:
    """One integration: its name and page, its state since when and why, and who can do what about it."""

    name: str
    detail: str
    url: str
    code: str
    label: str
    tone: str
    since: datetime
    why: str = ""
    fix: str = ""


@unit_view("see_unit")
def integrations(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Each part to whom it concerns: calendars by the right to see connections, applications by their own rights."""
    access = request.access
    applications = list(applications_of(access).order_by("pk")[: MOST_APPLICATIONS + 1])
    context = {
        "sees_calendars": access.may("see_connections"),
        "sees_applications": access.opens_applications,
        **(_connections(unit) if access.may("see_connections") else {}),
        "applications": [_application(access, row) for row in applications[:MOST_APPLICATIONS]],
        "more_applications": len(applications) > MOST_APPLICATIONS,
    }
    return render(request, "connections/integrations.html", context)


def _connections(unit: OrganizationalUnit) -> dict[str, list[Line]]:
    living = unit.connections.exclude(state=State.DISCONNECTED).prefetch_related("domains")
    found: dict[str, list[Line]] = {"calendars": [], "directories": []}
    for connection, state in shown_with_counts(list(living.order_by("pk")[:200])):
        found["directories" if connection.is_directory else "calendars"].append(_line(connection, state))
    return found


def _line(connection: Connection, state: Shown) -> Line:
    domains = ", ".join(row.domain for row in connection.domains.all())
    reason = state.reason
    fix = _("%(todo)s Who can do that: %(who)s.") % {"todo": reason.todo, "who": reason.who}
    return Line(
        name=str(connection).removesuffix(f" · {connection.known_as}"),
        detail=domains or connection.known_as,
        url=connection.get_absolute_url(),
        code=state.code,
        label=state.label,
        tone=state.tone,
        since=state.since,
        why=str(reason.sentence),
        fix=fix if reason.who else str(reason.todo),
    )


def _application(access: Access, application: Application) -> Line:
    page = "application" if access.may_with(application, "see_application") else "application_states"
    line = {
        "name": application.name,
        "detail": application.get_environment_display(),
        "url": reverse(page, args=[access.member.unit.slug, application.public_id]),
    }
    if application.approved_at:
        return Line(
            **line, code="approved", label=_("Approved"), tone="success", since=application.approved_at
        )
    return Line(
        **line,
        code="development_mode",
        label=_("Development mode"),
        tone="warning",
        since=application.state_since,
        why=_("It is not approved yet."),
        fix=_("Who can do that: the staff of this installation."),
    )
