"""What every page knows of its viewer: the time zone to show times in, and the menu around the page."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import JSONObject
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from connections.models import Connection
from orgunits.access import CLOSED, Access, units_of
from orgunits.models import OrganizationalUnit
from provisioning.guard import Outcome
from provisioning.models import ProvisioningRun


class ViewerMiddleware:
    """Times are shown in the viewer's zone; who chose none sees UTC, and every time names its zone."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest):
        zone = request.user.time_zone if request.user.is_authenticated else ""
        try:
            timezone.activate(ZoneInfo(zone or settings.TIME_ZONE))
        except (ZoneInfoNotFoundError, ValueError):
            timezone.activate(settings.TIME_ZONE)
        try:
            response = self.get_response(request)
        finally:
            timezone.deactivate()
        if "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"  # pages about people stay out of caches, hand-offs' too
        return response


def page_context(request: HttpRequest) -> dict:
    """The frame of the page: units to switch between, the current unit's menu, the sample's notes."""
    context = {"sample": settings.SAMPLE_INSTALLATION, "sandbox_url": settings.SANDBOX_URL}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        if settings.SAMPLE_INSTALLATION and request.path == reverse("account_login"):
            from provisioning.sample import sign_ins

            context["sample_sign_ins"] = sign_ins()
        return context
    context["gallery_open"] = settings.SAMPLE_INSTALLATION or (settings.DEBUG and user.is_staff)
    if settings.SAMPLE_INSTALLATION and request.path == reverse("account_reauthenticate"):
        from provisioning.sample import sign_ins

        context["sample_sign_in"] = next((one for one in sign_ins() if one.email == user.email), None)
    access = getattr(request, "access", None)
    context["unit"] = access.member.unit if access else None
    context["access"] = access
    units = units_of(
        user,
        has_lost=Exists(lost_connections().filter(unit=OuterRef("pk"))),
        paused_runs=ArraySubquery(_paused_runs()),
    )
    context["units"] = [
        {
            "name": unit.name,
            "url": reverse("unit_home", args=[unit.slug]),
            "current": access is not None and unit.pk == access.member.unit_id,
        }
        for unit in units
    ]
    if access and access.member.unit.state not in CLOSED:
        here = next((unit for unit in units if unit.pk == access.member.unit_id), None)
        context |= _banner(access, here) if here is not None else {}
    context["unit_menu"] = unit_menu(request) if access and access.member.unit.state not in CLOSED else []
    return context


def _banner(access: Access, here: OrganizationalUnit) -> dict:
    """What needs somebody, for those who may do something about it. Pages of a healthy unit need no query for it."""
    found = {}
    if here.has_lost and access.may("see_connections"):
        lost = lost_connections().filter(unit=here).select_related("unit").order_by("state_since")
        found["lost_connections"] = lost[:5]
    if access.may("manage_members"):
        found["paused_runs"] = [_as_paused_run(told) for told in here.paused_runs]
    return found


@dataclass(frozen=True)
class PausedRun:
    """A run that the guard holds until somebody looked."""

    public_id: str
    directory: str
    since: datetime
    candidates: int
    blocked: bool


def _paused_runs() -> QuerySet:
    """Those of the unit of the query around it, as values: no page needs a query more for them."""
    rows = ProvisioningRun.objects.filter(state=ProvisioningRun.State.PAUSED, unit=OuterRef("pk"))
    told = JSONObject(
        public_id="public_id",
        kind="connection__kind",
        provider="connection__provider",
        mode="connection__mode",
        tenant="connection__tenant",
        since="state_since",
        candidates="plan__candidates",
        outcome="plan__outcome",
    )
    return rows.order_by("state_since", "pk").values(told=told)[:5]


def _as_paused_run(told: dict) -> PausedRun:
    of = {name: told[name] for name in ("kind", "provider", "mode", "tenant")}
    return PausedRun(
        told["public_id"],
        str(Connection(**of)),
        datetime.fromisoformat(told["since"]),
        told["candidates"],
        told["outcome"] == Outcome.BLOCKED,
    )


def lost_connections() -> QuerySet[Connection]:
    """Connections that need somebody: named at the top of every page, for those who look after them."""
    return Connection.objects.filter(state=Connection.State.NEEDS_REAUTHORIZATION)


def unit_menu(request: HttpRequest) -> list[dict]:
    """The unit's pages that the viewer may open."""
    access = request.access
    unit, me = access.member.unit, access.member
    concerned = access.may("see_connections") or access.opens_applications
    connections = [
        ("see_connections", _("Connections"), "plug-connected", reverse("connections", args=[unit.slug])),
        ("see_connections", _("Health"), "heartbeat", reverse("unit_health", args=[unit.slug])),
    ]
    applications = [("see_unit", _("Applications"), "apps", reverse("applications", args=[unit.slug]))]
    applications = applications if access.opens_applications else []
    integrations = [("see_unit", _("Integrations"), "puzzle", reverse("integrations", args=[unit.slug]))]
    integrator = unit.shape == OrganizationalUnit.Shape.INTEGRATOR
    entries = [
        ("see_unit", _("Home"), "home", reverse("unit_home", args=[unit.slug])),
        *(applications + connections if integrator else connections + applications),
        *(integrations if concerned else []),
        ("see_members", _("Members"), "users", reverse("members", args=[unit.slug])),
        ("manage_members", _("People by rule"), "users-group", reverse("people", args=[unit.slug])),
        ("see_unit", _("My calendar"), "calendar-user", reverse("member", args=[unit.slug, me.public_id])),
        ("see_unit", _("Roles"), "shield-check", reverse("roles", args=[unit.slug])),
        ("see_audit", _("Audit log"), "list-details", reverse("audit_log", args=[unit.slug])),
        ("manage_unit", _("Settings"), "settings", reverse("unit_settings", args=[unit.slug])),
    ]
    visible = [entry for entry in entries if access.may(entry[0])]
    current = max((url for *_, url in visible if request.path.startswith(url)), key=len, default="")
    return [
        {"label": label, "icon": icon, "url": url, "current": url == current}
        for _right, label, icon, url in visible
    ]
