"""The administrator's consent page, at its newer and its older address.

https://learn.microsoft.com/entra/identity-platform/v2-admin-consent. Consent covers everything configured on the
registration. `admin_consent=True` is sent with errors too, and `tenant` in the redirect is not proof of anything.
"""

import time

from flask import Response, g, render_template, request

from ..people import Person
from ..world import World, the_world
from .blueprint import blueprint
from .entra_errors import EntraError
from .oauth import DEFAULT_SCOPE, LOGIN
from .sign_in import application, back_with, chosen, error_page, offered, tenant_in_address

RIVAL = "5165e0a1-0000-4000-8000-000000000002"
DECLINED = (
    "AADSTS65004: The resource owner or authorization server denied the request."
    " The administrator declined to consent to access the app."
)


@blueprint.route(f"{LOGIN}/v2.0/adminconsent", methods=["GET", "POST"])
def admin_consent(tenant_text: str) -> Response | str | tuple[str, int]:
    """The address with a `scope`; not for `common`."""
    return _consent(tenant_text, older=False)


@blueprint.route(f"{LOGIN}/adminconsent", methods=["GET", "POST"])
def older_admin_consent(tenant_text: str) -> Response | str | tuple[str, int]:
    """The older address: no `scope`, and `common` is allowed."""
    return _consent(tenant_text, older=True)


def _consent(tenant_text: str, older: bool) -> Response | str | tuple[str, int]:
    world = the_world()
    g.operation = "microsoft.adminconsent"
    try:
        if tenant_text == "common" and not older:
            raise EntraError(9002313)
        tenant = tenant_in_address(world, tenant_text)
        client_id, entry = application(world, tenant_text)
    except EntraError as error:
        return error_page(error)
    if not older and request.args.get("scope") != DEFAULT_SCOPE:
        scope = request.args.get("scope", "")
        return _back(
            world,
            error="invalid_scope",
            error_description=EntraError(28002, scope=scope).description(),
        )
    if request.method == "GET":
        return render_template(
            "microsoft/consent.html",
            name=entry["name"],
            people=offered(world, tenant),
            hint=request.args.get("login_hint", ""),
            roles=entry["roles"],
        )
    if request.form.get("action") == "back":
        return _back(world, **_not_an_administrator())
    try:
        person = chosen(world, tenant, tenant_text)
    except EntraError as error:
        return error_page(error)
    g.who = person.email
    return _answer(world, person, client_id, older)


def _answer(world: World, person: Person, client_id: str, older: bool) -> Response | str:
    about = (client_id, person.domain, person.email)
    forced = world.faults.hit("consent_error", *about)
    if forced:
        return _back(
            world,
            admin_consent="True",
            error=forced.get("error", "access_denied"),
            error_description=forced.get("error_description", "AADSTS65004: The request was denied."),
        )
    if not world.is_administrator(person):
        return render_template("microsoft/need_approval.html", person=person)
    if request.form.get("action") != "accept":
        return _back(world, admin_consent="True", error="consent_required", error_description=DECLINED)
    entry = world.registrations[client_id]
    tenant = person.tenant
    world.consents[f"{tenant.id}|{client_id}"] = {"since": time.time(), "roles": list(entry["roles"])}
    world.changed()
    forged = world.faults.hit("consent_forged_tenant", *about)
    shown = forged.get("tenant", RIVAL) if forged else tenant.id
    return _back(world, admin_consent="True", tenant=shown, scope=None if older else DEFAULT_SCOPE)


def _not_an_administrator() -> dict[str, str]:
    error = EntraError(90094, app=request.args.get("client_id", ""), tenant="the organization")
    return {"admin_consent": "True", "error": "permission_denied", "error_description": error.description()}


def _back(world: World, **answer: str | None) -> Response:
    state = request.args.get("state")
    forged = world.faults.hit("consent_forged_state", request.args.get("client_id"))
    if forged:
        state = forged.get("state", "not-the-state-you-sent")
    if world.faults.hit("consent_state_missing", request.args.get("client_id")):
        state = None
    return back_with(**answer, state=state)
