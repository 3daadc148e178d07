"""The wizard "Connect a calendar service": ordinary pages whose answers stand in their addresses."""

from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from connections import hand_offs
from connections.calendar_connections import create_connection
from connections.credentials import installation_key, sign_in_lacks, unit_credential
from connections.forms import AdministratorForm, DomainsForm, ServiceForm
from connections.models import Connection
from connections.modes import NOTES, AccessMode, consequences, offered, scopes_for
from connections.reasons import reason
from orgunits.access import unit_view
from orgunits.models import OrganizationalUnit

from .wizard import calendar_steps

Provider = Connection.Provider


def _pages(unit: OrganizationalUnit, administrator: str, provider: str = "") -> tuple[str, ...]:
    """The addresses of the wizard's first pages, with the answers given so far."""
    pages = [
        reverse("connect_start", args=[unit.slug]),
        reverse("connect_service", args=[unit.slug]) + f"?administrator={administrator}",
    ]
    if provider and provider != Provider.NONE:
        pages.append(reverse("connect_mode", args=[unit.slug, provider]) + f"?administrator={administrator}")
    return tuple(pages)


def connect_again_url(connection: Connection) -> str:
    """The wizard's beginning for the same service in the same mode; No Access has nobody to ask for."""
    slug, provider, mode = connection.unit.slug, connection.provider, connection.mode
    if provider == Provider.NONE:
        return reverse("connect_check", args=[slug, provider, mode]) + "?administrator=yes"
    return reverse("connect_start", args=[slug]) + "?" + urlencode({"provider": provider, "mode": mode})


def _administrator(request: HttpRequest) -> str:
    """The answer to the first question, carried in the address and at last in the form; without it the wizard
    begins anew."""
    answer = request.POST.get("administrator") or request.GET.get("administrator", "")
    return answer if answer in {"yes", "no"} else ""


@unit_view("manage_connections", fresh=True)
def start(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Are you an administrator of this tenant? Who connects again has chosen service and mode before."""
    form = AdministratorForm(request.GET if "asked" in request.GET else None)
    chosen = request.GET.get("provider", ""), request.GET.get("mode", "")
    again = chosen[1] in offered(chosen[0])
    if form.is_valid():
        name, choices = ("connect_check", chosen) if again else ("connect_service", ())
        url = reverse(name, args=[unit.slug, *choices])
        return redirect(f"{url}?administrator={form.cleaned_data['administrator']}")
    context = {"form": form, "chosen": chosen if again else None, "steps": calendar_steps(0)}
    return render(request, "connections/connect_start.html", context, status=422 if form.errors else 200)


@unit_view("manage_connections", fresh=True)
def service(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Which calendar service?"""
    administrator = _administrator(request)
    if not administrator:
        return redirect("connect_start", slug=unit.slug)
    form = ServiceForm(request.GET if "provider" in request.GET or "asked" in request.GET else None)
    if form.is_valid():
        provider = form.cleaned_data["provider"]
        if provider == Provider.NONE:
            url = reverse("connect_check", args=[unit.slug, provider, AccessMode.NO_ACCESS])
        else:
            url = reverse("connect_mode", args=[unit.slug, provider])
        return redirect(f"{url}?administrator={administrator}")
    return render(
        request,
        "connections/connect_service.html",
        {
            "form": form,
            "steps": calendar_steps(1, _pages(unit, administrator)),
            "administrator": administrator,
        },
        status=422 if form.errors else 200,
    )


@unit_view("manage_connections", fresh=True)
def mode(request: HttpRequest, unit: OrganizationalUnit, provider: str) -> HttpResponse:
    """The three modes side by side: the heart of the product."""
    administrator = _administrator(request)
    if not administrator:
        return redirect("connect_start", slug=unit.slug)
    if provider not in {Provider.GOOGLE, Provider.MICROSOFT}:
        raise Http404
    columns = []
    for code in AccessMode.values:
        of = provider if code in offered(provider) else Provider.NONE
        scopes = scopes_for(of, code)
        url = reverse("connect_check", args=[unit.slug, of, code])
        columns.append(
            {
                "code": code,
                "name": AccessMode(code).label,
                "scopes": scopes.contract,
                "differences": scopes.differences,
                "notes": NOTES[of, code],
                "url": f"{url}?administrator={administrator}",
            }
        )
    context = {
        "provider": Provider(provider),
        "columns": columns,
        "consequences": consequences(provider),
        "steps": calendar_steps(2, _pages(unit, administrator)),
        "administrator": administrator,
    }
    return render(request, "connections/connect_mode.html", context)


@unit_view("manage_connections", fresh=True)
def check(request: HttpRequest, unit: OrganizationalUnit, provider: str, mode: str) -> HttpResponse:
    """Check your answers; posting creates the connection and leads on."""
    administrator = _administrator(request)
    if not administrator:
        return redirect("connect_start", slug=unit.slug)
    if mode not in offered(provider):
        raise Http404
    needs_domains = provider == Provider.NONE
    form = DomainsForm(request.POST or None) if needs_domains else None
    if request.method == "POST" and (form is None or form.is_valid()):
        now = timezone.now()
        names = form.cleaned_data["domains"] if form is not None else None
        connection = create_connection(unit, provider, mode, by=request.user, now=now, declared_domains=names)
        if form is not None:
            return redirect("connection", slug=unit.slug, connection_id=connection.public_id)
        if administrator == "no":
            _hand_off, token = hand_offs.create_link(connection, by=request.user, now=now)
            request.session[f"hand_off_link:{connection.public_id}"] = token  # shown once, on the next page
        return redirect("set_up", slug=unit.slug, connection_id=connection.public_id)
    scopes = scopes_for(provider, mode)
    key = None
    if scopes.organization:
        key = unit_credential(unit, provider, scopes.permission_set) or installation_key(
            provider, scopes.permission_set
        )
    context = {
        "provider": Provider(provider),
        "mode": AccessMode(mode),
        "scopes": scopes,
        "notes": NOTES[provider, mode],
        "consequences": consequences(provider),
        "answers": [(line.question, getattr(line, mode)) for line in consequences(provider)],
        "key": key,
        "sign_in_lacks": reason(sign_in_lacks(provider, key) if scopes.sign_in else ""),
        "form": form,
        "administrator": administrator,
        "steps": calendar_steps(3, _pages(unit, administrator, provider)),
    }
    return render(
        request, "connections/connect_check.html", context, status=422 if form and form.errors else 200
    )
