"""Entra's sign-in and token addresses.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow and
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

import base64
import binascii
import hashlib
import hmac
import time
import uuid

from flask import Response, g, jsonify, render_template, request

from ..app import base
from ..people import Person, Tenant
from ..world import World, the_world
from .blueprint import blueprint
from .entra_errors import EntraError
from .office import SignIn
from .registrations import DELEGATED
from .sign_in import application, back_with, chosen, error_page, offered, tenant_in_address
from .tokens import LIFETIME_SECONDS

LOGIN = "/login.microsoftonline.com/<tenant_text>"
DEFAULT_SCOPE = "https://graph.microsoft.com/.default"


@blueprint.get(f"{LOGIN}/discovery/v2.0/keys")
def keys(tenant_text: str) -> Response:
    """The public keys that ID tokens are signed with."""
    return jsonify(the_world().microsoft.tokens.key.jwks())


@blueprint.get(f"{LOGIN}/v2.0/.well-known/openid-configuration")
def metadata(tenant_text: str) -> Response:
    """OpenID metadata. The issuer is Microsoft's real one; addresses are those the caller can reach."""
    tenant = the_world().tenant(tenant_text)
    root = f"{base('login.microsoftonline.com')}/{tenant_text}"
    return jsonify(
        issuer=f"https://login.microsoftonline.com/{tenant.id if tenant else '{tenantid}'}/v2.0",
        authorization_endpoint=f"{root}/oauth2/v2.0/authorize",
        token_endpoint=f"{root}/oauth2/v2.0/token",
        jwks_uri=f"{root}/discovery/v2.0/keys",
        response_types_supported=["code"],
        response_modes_supported=["query", "form_post"],
        scopes_supported=sorted(DELEGATED),
        subject_types_supported=["pairwise"],
        id_token_signing_alg_values_supported=["RS256"],
        token_endpoint_auth_methods_supported=[
            "client_secret_post",
            "client_secret_basic",
            "private_key_jwt",
        ],
    )


@blueprint.route(f"{LOGIN}/oauth2/v2.0/authorize", methods=["GET", "POST"])
def authorize(tenant_text: str) -> Response | str | tuple[str, int]:
    """The sign-in page: choose an account, Allow or Cancel."""
    world = the_world()
    g.operation = "microsoft.authorize"
    try:
        tenant = tenant_in_address(world, tenant_text)
        client_id, entry = application(world, tenant_text)
    except EntraError as error:
        return error_page(error)
    state = request.args.get("state")
    refused = _refusal()
    if refused:
        return back_with(error=refused[0], error_description=refused[1], state=state)
    if request.method == "GET":
        return render_template(
            "microsoft/authorize.html",
            name=entry["name"],
            people=offered(world, tenant),
            hint=request.args.get("login_hint", ""),
            scopes=request.args["scope"].split(),
        )
    if request.form.get("action") != "allow":
        declined = EntraError(65004)
        return back_with(
            error="access_denied",
            error_subcode="cancel",
            error_description=declined.description(),
            state=state,
        )
    try:
        person = chosen(world, tenant, tenant_text)
    except EntraError as error:
        return error_page(error)
    g.who = person.email
    code = world.microsoft.new_code(_sign_in(person, client_id))
    if request.args.get("response_mode") == "form_post":
        return render_template(
            "microsoft/form_post.html", to=request.args["redirect_uri"], code=code, state=state
        )
    return back_with(code=code, state=state, session_state=str(uuid.uuid4()))


def _refusal() -> tuple[str, str] | None:
    """Error and text for a request that names a wrong response type or scope, None when it is right."""
    if request.args.get("response_type") != "code":
        return "unsupported_response_type", "AADSTS700054: response_type is not enabled for the application."
    scopes = request.args.get("scope", "").split()
    if not scopes:
        return "invalid_request", EntraError(900144, parameter="scope").description()
    unknown = [one for one in scopes if one.removeprefix("https://graph.microsoft.com/") not in DELEGATED]
    if unknown:
        return (
            "invalid_client",
            f"AADSTS650053: The application asked for scope '{unknown[0]}' that doesn't exist on the resource"
            " '00000003-0000-0000-c000-000000000000'. Contact the app vendor.",
        )
    if request.args.get("prompt") == "none":
        return (
            "interaction_required",
            "AADSTS50058: A silent sign-in request was sent but no user is signed in.",
        )
    return None


def _sign_in(person: Person, client_id: str) -> SignIn:
    return SignIn(
        person=person,
        tenant=person.tenant,
        client_id=client_id,
        redirect_uri=request.args["redirect_uri"],
        scopes=request.args["scope"].split(),
        nonce=request.args.get("nonce", ""),
        challenge=request.args.get("code_challenge", ""),
    )


@blueprint.post(f"{LOGIN}/oauth2/v2.0/token")
def token(tenant_text: str) -> Response:
    """Codes for ID tokens, and client credentials for app-only tokens."""
    world = the_world()
    g.operation = "microsoft.token"
    g.who = request.form.get("client_id")
    g.labels = ("login.microsoftonline.com", "microsoft.token", g.who or "", tenant_text)
    correlation = request.headers.get("client-request-id")
    try:
        if forced := world.faults.hit("entra_error", *g.labels):
            raise EntraError(int(forced.get("code", 90055)), app=g.who or "", tenant=tenant_text, scope="")
        if broken := world.faults.hit("server_error", *g.labels):
            error = EntraError(90033)
            error.status = broken.get("status", 500)
            raise error
        grant = _needed("grant_type")
        if grant == "client_credentials":
            return _no_store(_app_token(world, tenant_text))
        if grant == "authorization_code":
            return _no_store(_user_tokens(world, tenant_text))
        raise EntraError(70003, grant_type=grant)
    except EntraError as error:
        return error.response(correlation)


def _no_store(answer: dict) -> Response:
    response = jsonify(answer)
    response.headers["Cache-Control"] = "no-store, no-cache"
    return response


def _needed(name: str) -> str:
    value = request.form.get(name)
    if not value:
        raise EntraError(900144, parameter=name)
    return value


def _app_token(world: World, tenant_text: str) -> dict:
    if tenant_text in ("common", "consumers"):
        raise EntraError(9001023)
    tenant = tenant_in_address(world, tenant_text)
    if tenant is None:
        # "organizations" is nobody's tenant: an app-only token belongs to one.
        raise EntraError(90002, tenant=tenant_text)
    client_id, entry = _client(world, tenant_text)
    scope = _needed("scope")
    if scope != DEFAULT_SCOPE:
        raise EntraError(70011, scope=scope)
    consent = world.consents.get(f"{tenant.id}|{client_id}")
    if consent is None:
        raise EntraError(700016, app=client_id, tenant=tenant.name)
    roles = consent["roles"]
    late = world.faults.hit("consent_late", client_id, tenant.domain)
    if late and time.time() < consent["since"] + late.get("seconds", 60):
        roles = []
    if world.faults.hit("token_without_roles", client_id, tenant.domain):
        roles = []
    g.scopes = roles
    return {
        "token_type": "Bearer",
        "expires_in": LIFETIME_SECONDS,
        "ext_expires_in": LIFETIME_SECONDS,
        "access_token": world.microsoft.tokens.app_token(tenant, client_id, entry["name"], roles),
    }


def _user_tokens(world: World, tenant_text: str) -> dict:
    tenant = tenant_in_address(world, tenant_text)
    client_id, _ = _client(world, tenant_text)
    sign_in, used_before = world.microsoft.redeem(_needed("code"))
    _check_code(sign_in, used_before, client_id, tenant)
    tokens, person, scopes = world.microsoft.tokens, sign_in.person, sign_in.scopes
    g.scopes = scopes
    answer = {
        "token_type": "Bearer",
        "scope": " ".join(scopes),
        "expires_in": LIFETIME_SECONDS,
        "ext_expires_in": LIFETIME_SECONDS,
        "access_token": tokens.user_token(person, sign_in.tenant, client_id, scopes),
    }
    if "openid" in scopes:
        answer["id_token"] = tokens.id_token(person, sign_in.tenant, client_id, sign_in.nonce, scopes)
    return answer


def _check_code(sign_in: SignIn | None, used_before: bool, client_id: str, tenant: Tenant | None) -> None:
    if sign_in is None or sign_in.client_id != client_id or (tenant and tenant != sign_in.tenant):
        raise EntraError(70000)
    if used_before:
        raise EntraError(54005)
    if sign_in.expired:
        raise EntraError(70008)
    if request.form.get("redirect_uri") != sign_in.redirect_uri:
        raise EntraError(70000)
    if sign_in.challenge:
        hashed = hashlib.sha256(_needed("code_verifier").encode()).digest()
        expected = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
        if not hmac.compare_digest(expected, sign_in.challenge):
            raise EntraError(50148)


def _client(world: World, tenant_text: str) -> tuple[str, dict]:
    """Client id and registration of a caller that proved itself with its secret."""
    client_id, secret = request.form.get("client_id"), request.form.get("client_secret")
    basic = request.headers.get("Authorization", "")
    if basic.startswith("Basic "):
        try:
            client_id, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
        except (binascii.Error, ValueError):
            raise EntraError(9002313) from None
    if not client_id:
        raise EntraError(900144, parameter="client_id")
    entry = world.registrations.get(client_id)
    if entry is None:
        raise EntraError(700016, app=client_id, tenant=tenant_text)
    if "client_assertion" in request.form:
        # No registration of the sandbox has a certificate.
        raise EntraError(700027)
    if not secret:
        raise EntraError(900144, parameter="client_secret")
    secrets = [entry["secret"], *entry.get("more_secrets", [])]
    if not any(hmac.compare_digest(secret.encode(), one.encode()) for one in secrets):
        raise EntraError(7000215, app=client_id)
    return client_id, entry
