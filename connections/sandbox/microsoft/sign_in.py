"""What the sign-in page and the consent page share: tenant in the address, application, account, return address."""

from urllib.parse import urlencode, urlsplit, urlunsplit

from flask import Response, redirect, render_template, request

from ..people import TENANTS, Person, Tenant
from ..world import World
from .entra_errors import EntraError
from .registrations import CALLBACKS

MANY_TENANTS = ("common", "organizations")
ORDINARY_SHOWN = 4


def tenant_in_address(world: World, wanted: str) -> Tenant | None:
    """The tenant a login address names by guid or domain; None for `common` and `organizations`.

    Raises EntraError 90002 for one that does not exist.
    """
    if wanted in MANY_TENANTS:
        return None
    tenant = world.tenant(wanted)
    if tenant is None or tenant.provider != "microsoft":
        raise EntraError(90002, tenant=wanted)
    return tenant


def application(world: World, tenant_text: str) -> tuple[str, dict]:
    """Client id and registration of the asking application, with its return address checked.

    Raises EntraError: without a registered application and return address there is nowhere to return to.
    """
    client_id, back = request.args.get("client_id", ""), request.args.get("redirect_uri", "")
    entry = world.registrations.get(client_id)
    if entry is None:
        raise EntraError(700016, app=client_id, tenant=tenant_text)
    parts = urlsplit(back)
    local = parts.scheme in ("http", "https") and parts.hostname in ("localhost", "127.0.0.1")
    if not local or not parts.path.endswith(CALLBACKS):
        raise EntraError(50011, app=client_id, redirect_uri=back)
    return client_id, entry


def offered(world: World, tenant: Tenant | None) -> list[Person]:
    """The accounts to choose from: the administrator of each tenant first, then a few ordinary people."""
    tenants = [tenant] if tenant else [one for one in TENANTS.values() if one.provider == "microsoft"]
    shown = [world.administrator(one.domain) for one in tenants]
    shown += world.people_of(tenants[0].domain)[1 : 1 + ORDINARY_SHOWN]
    hint = world.person(request.args.get("login_hint", ""))
    return shown if hint is None or hint in shown else [hint, *shown]


def chosen(world: World, tenant: Tenant | None, tenant_text: str) -> Person:
    """The account of the submitted form: the typed address, else the ticked one.

    Raises EntraError 50034 (no such account) or 50020 (of another tenant).
    """
    address = (request.form.get("other") or request.form.get("account") or "").strip()
    person = world.person(address)
    if person is None or person.tenant is None or person.tenant.provider != "microsoft" or person.suspended:
        raise EntraError(50034, account=address, tenant=tenant_text)
    if tenant and person.tenant != tenant:
        raise EntraError(50020, account=address, tenant=tenant.name, app=request.args.get("client_id", ""))
    return person


def back_with(**answer: str | None) -> Response:
    """Return to the application with these query members; those that are None are left out."""
    parts = urlsplit(request.args["redirect_uri"])
    query = urlencode({name: value for name, value in answer.items() if value is not None})
    return redirect(urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, query))))), 302)


def error_page(error: EntraError) -> tuple[str, int]:
    """Entra's own page for what cannot be told to the application."""
    return render_template("microsoft/error.html", description=error.description()), error.status
