"""Setting up one connection: sign in, grant, check. The same page serves an Ops Admin and a hand-off link."""

from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRefresh

from connections import (
    authorization,
    calendar_connections,
    credentials,
    delegation,
    domains,
    hand_offs,
    health,
)
from connections.attempts import Purpose, Refused
from connections.forms import RegistrationForm, ServiceAccountForm
from connections.models import Connection
from connections.providers.base import AuthorizationLost
from connections.reasons import reason
from connections.states import State, shown_with_counts
from orgunits.access import unit_view
from orgunits.models import OrganizationalUnit

from .common import connection_of, traveller
from .wizard import calendar_steps, directory_steps

CHECKS_A_MINUTE = 20  # for one connection: nobody makes us storm a provider
KEY_PROBLEMS = {
    "unreadable": gettext_lazy("This is not a service account key as Google’s console downloads it."),
    "in_use": gettext_lazy(
        "This key is already used elsewhere in this installation. Make a key for this unit alone."
    ),
    "at_work": gettext_lazy(
        "A connection of this unit works with another secret of this key. Replace it on the page of that "
        "connection: there it is tried first."
    ),
}


def set_up_context(connection: Connection) -> dict:
    """What the set-up page shows, for whoever does it."""
    ((_row, state),) = shown_with_counts([connection])
    try:
        key = credentials.key_of(connection)
    except AuthorizationLost:
        key = None
    scopes, sharing = connection.scopes, delegation.sharing_a_client(connection)
    return {
        "connection": connection,
        "state": state,
        "scopes": scopes,
        "scope_text": ",".join(delegation.scopes_to_paste(connection, sharing)),
        "sharing": sharing,
        "lines": health.check_lines(connection),
        "key": key,
        "sign_in_lacks": reason(credentials.sign_in_lacks(connection.provider, key)),
        "console_url": f"{settings.GOOGLE_ADMIN_CONSOLE_URL}/ac/owl/domainwidedelegation",
        "dns_row": connection.domains.filter(domain=connection.tenant).first() if connection.tenant else None,
        "dns_name": domains.dns_name(connection.tenant),
        "done": connection.state == State.ACTIVE,
        "waits": connection.state != State.ACTIVE and connection.next_check_at is not None,
        "others": others_on_this_tenant(connection),
    }


def others_on_this_tenant(connection: Connection) -> list[Connection]:
    """The unit's other living connections of this kind to the same tenant: who is in both is found twice."""
    if not connection.tenant:
        return []
    rows = connection.unit.connections.filter(
        kind=connection.kind, provider=connection.provider, tenant=connection.tenant
    )
    return list(rows.exclude(pk=connection.pk).exclude(state=State.DISCONNECTED)[:5])


def _to_set_up(unit: OrganizationalUnit, connection_id: str) -> Connection:
    """The unit's connection, or 404. Where each member authorizes, or files are uploaded, there is nothing to do."""
    connection = connection_of(unit, connection_id)
    if connection.personal or connection.capabilities.from_files:
        raise Http404
    return connection


@unit_view("manage_connections")
def set_up(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """What is done and what comes next, for the Ops Admin."""
    connection = _to_set_up(unit, connection_id)
    over = connection.state == State.DISCONNECTED
    if over or not connection.capabilities.asks:
        return redirect(connection)
    token = request.session.pop(f"hand_off_link:{connection.public_id}", "")
    links = {
        name: reverse(name, args=[unit.slug, connection.public_id])
        for name in (
            "sign_in",
            "prove_administrator",
            "prove_dns",
            "consent",
            "check_now",
            "key_add",
            "key_shared",
        )
    }
    links["progress"] = reverse("set_up_progress", args=[unit.slug, connection.public_id])
    context = {
        **set_up_context(connection),
        "links": links,
        "steps": directory_steps(2) if connection.is_directory else calendar_steps(4),
        "hand_off_url": settings.PORTAL_URL + reverse("hand_off", args=[token]) if token else "",
        "hand_off": hand_offs.open_link(connection, now=timezone.now()),
    }
    return render(request, "connections/set_up.html", context)


@unit_view("manage_connections")
def set_up_progress(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """The fragment that the set-up page asks for again while we wait for the provider."""
    return progress_fragment(request, set_up_context(_to_set_up(unit, connection_id)))


def progress_fragment(request: HttpRequest, context: dict) -> HttpResponse:
    """How the self-test stands; once the waiting is over the browser loads the whole page, which tells it."""
    if not context["waits"]:
        return HttpResponseClientRefresh()
    return render(request, "connections/_set_up_polled.html", context)


def leave(request: HttpRequest, connection: Connection, purpose: str, back: str, who) -> HttpResponse:
    """Send the browser to the provider, or say on the page why not."""
    try:
        return redirect(authorization.begin(connection, purpose=purpose, traveller=who, now=timezone.now()))
    except Refused as refused:
        messages.warning(request, reason(refused.reason).sentence)
        return redirect(back)


@unit_view("manage_connections", fresh=True)
@require_POST
def sign_in(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    connection = _to_set_up(unit, connection_id)
    back = reverse("set_up", args=[unit.slug, connection_id])
    return leave(request, connection, Purpose.SIGN_IN, back, traveller(request))


@unit_view("manage_connections", fresh=True)
@require_POST
def prove_administrator(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    connection = _to_set_up(unit, connection_id)
    back = reverse("set_up", args=[unit.slug, connection_id])
    return leave(request, connection, Purpose.PROVE_ADMINISTRATOR, back, traveller(request))


@unit_view("manage_connections", fresh=True)
@require_POST
def consent(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    connection = _to_set_up(unit, connection_id)
    if connection.provider != Connection.Provider.MICROSOFT:
        raise Http404
    back = reverse("set_up", args=[unit.slug, connection_id])
    return leave(request, connection, Purpose.ADMIN_CONSENT, back, traveller(request))


@unit_view("manage_connections")
@require_POST
def check_now(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """Run the self-test and show what it found."""
    connection = _to_set_up(unit, connection_id)
    if not connection.capabilities.asks:
        raise Http404
    check_and_tell(request, connection, by=request.user)
    if connection.state == State.ACTIVE:
        return redirect(connection)
    return redirect("set_up", slug=unit.slug, connection_id=connection_id)


def checked_too_often(connection: Connection, *, now: datetime) -> bool:
    """Whether people had the provider asked about this connection too many times this minute; counts this one."""
    counter = f"checks:{connection.public_id}:{now:%H:%M}"
    cache.add(counter, 0, timeout=60)
    return cache.incr(counter) > CHECKS_A_MINUTE


def check_and_tell(request: HttpRequest, connection: Connection, *, by) -> None:
    """A self-test that a person asked for, and its result in a sentence."""
    now = timezone.now()
    if checked_too_often(connection, now=now):
        messages.info(request, _("This was checked many times just now. Try again in a minute."))
        return
    health.start_waiting_again(connection, now=now)
    tell(request, health.check_connection(connection, by=by, now=now), connection)


def tell(request: HttpRequest, verdict: health.Verdict, connection: Connection) -> None:
    """The self-test's result in a sentence."""
    if verdict.works and connection.is_directory:
        messages.success(request, _("Everything asked for is granted, and the directory answered."))
    elif verdict.works:
        messages.success(request, _("Everything asked for is granted, and a calendar answered."))
    else:
        messages.warning(request, reason(verdict.reason).sentence)


@unit_view("manage_connections", fresh=True)
@require_POST
def prove_dns(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """Name the tenant's domain for a DNS record, or look whether the record stands."""
    connection = _to_set_up(unit, connection_id)
    if connection.provider != Connection.Provider.GOOGLE or not connection.tenant:
        raise Http404
    if connection.state == State.DISCONNECTED:
        raise Http404
    now = timezone.now()
    fresh = not connection.domains.filter(domain=connection.tenant).exists()
    domains.add_domain(connection, connection.tenant, by=request.user, now=now)
    if not fresh:
        if domains.bind_by_dns(connection, by=request.user, now=now):
            messages.success(request, _("The DNS record was found."))
        else:
            messages.warning(
                request, _("The DNS record was not found. New records can take an hour to be seen.")
            )
    return redirect(reverse("set_up", args=[unit.slug, connection_id]) + "#proof")


@sensitive_post_parameters()
@unit_view("manage_connections", fresh=True)
def key_add(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """Paste a key of this unit alone."""
    connection = _to_set_up(unit, connection_id)
    scopes = connection.scopes
    if not scopes.organization or connection.state == State.DISCONNECTED:
        raise Http404
    google = connection.provider == Connection.Provider.GOOGLE
    form = (ServiceAccountForm if google else RegistrationForm)(request.POST or None)
    if form.is_valid():
        now, data = timezone.now(), form.cleaned_data
        try:
            if google:
                key = credentials.keep_service_account(unit, data["key_json"], by=request.user, now=now)
            else:
                key = credentials.keep_registration(
                    unit,
                    scopes.permission_set,
                    str(data["client_id"]),
                    data["client_secret"],
                    by=request.user,
                    now=now,
                )
        except credentials.KeyNotAccepted as refused:
            form.add_error("key_json" if google else "client_id", KEY_PROBLEMS[refused.problem])
        else:
            calendar_connections.use_key(connection, key, by=request.user, now=now)
            messages.success(request, _("The key is sealed and kept. This connection uses it from now on."))
            return redirect("set_up", slug=unit.slug, connection_id=connection_id)
    context = {"connection": connection, "form": form, "google": google}
    return render(request, "connections/key_add.html", context, status=422 if form.errors else 200)


@unit_view("manage_connections", fresh=True)
@require_POST
def key_shared(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """Use the installation's key instead of the unit's own."""
    connection = _to_set_up(unit, connection_id)
    if connection.state == State.DISCONNECTED:
        raise Http404
    calendar_connections.use_key(connection, None, by=request.user, now=timezone.now())
    return redirect("set_up", slug=unit.slug, connection_id=connection_id)


@unit_view("manage_connections", fresh=True)
@require_POST
def hand_off_new(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """A new link for an administrator; it is shown once, on the next page."""
    connection = _to_set_up(unit, connection_id)
    if connection.state == State.DISCONNECTED:
        raise Http404
    _hand_off, token = hand_offs.create_link(connection, by=request.user, now=timezone.now())
    request.session[f"hand_off_link:{connection.public_id}"] = token
    return redirect("set_up", slug=unit.slug, connection_id=connection_id)


@unit_view("manage_connections")
@require_POST
def hand_off_revoke(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    connection = _to_set_up(unit, connection_id)
    for hand_off in connection.hand_offs.filter(finished_at=None, revoked_at=None).select_related("unit"):
        hand_offs.revoke(hand_off, by=request.user, now=timezone.now())
    messages.success(request, _("The link is withdrawn."))
    return redirect("set_up", slug=unit.slug, connection_id=connection_id)
