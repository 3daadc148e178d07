"""Google's token address, token information and revocation.

https://developers.google.com/identity/protocols/oauth2/service-account and .../web-server. The errors are
those a caller meets in practice: a delegation is all or nothing, and a wrong `sub` is invalid_grant.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
from flask import Response, g, jsonify, request

from .. import keys
from ..app import base
from ..people import Person
from ..world import World, the_world
from .errors import ApiError, TokenError
from .grants import agree, find_refresh_token, give_refresh_token, used
from .operations import operation
from .routes import blueprint
from .tokens import (
    PREFIX,
    TOKEN_SECONDS,
    Token,
    find_token,
    give_token,
    google_id,
    revoke,
    scope_text,
    take_code,
    wire_scopes,
)

CLIENT_ID = "convoke-sandbox.apps.googleusercontent.com"
CLIENT_SECRET = "sandbox-google-secret"  # noqa: S105 - a made-up client of a made-up provider
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105
ISSUER = "https://accounts.google.com"
CLOCK_TOLERANCE_SECONDS = 300
LONGEST_ASSERTION_SECONDS = 3600
NOT_DELEGATED = (
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any "
    "of the scopes requested."
)
BAD_TIMES = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)


@lru_cache
def signing_key(home: Path) -> keys.SigningKey:
    """The key ID tokens are signed with."""
    return keys.SigningKey(home, "google")


@blueprint.post("/oauth2.googleapis.com/token")
def token() -> Response:
    """One of three grants: a service account's assertion, a code, a refresh token."""
    world = the_world()
    g.operation = "google.token"
    g.labels = ("token",)
    _fail_if_told(world)
    grant = request.form.get("grant_type", "")
    if grant == JWT_BEARER:
        return _assertion(world)
    if grant == "authorization_code":
        return _code(world)
    if grant == "refresh_token":
        return _refresh(world)
    raise TokenError("unsupported_grant_type", f"Invalid grant_type: {grant}")


def _fail_if_told(world: World) -> None:
    broken = world.faults.hit("token_unavailable", *g.labels)
    if broken:
        raise TokenError(
            broken.get("error", "internal_failure"), "Try again.", int(broken.get("status", 500))
        )


# Service accounts


def _assertion(world: World) -> Response:
    account, claims = _claims(world, request.form.get("assertion", ""))
    scopes = wire_scopes(str(claims.get("scope", "")))
    if not scopes:
        raise TokenError("invalid_scope", "Empty or missing scope not allowed.")
    address = str(claims.get("sub") or account["client_email"])
    g.who, g.scopes = address, scopes
    g.labels = ("token", address, account["client_id"], account["client_email"])
    for fault, description in (
        ("invalid_grant", "Invalid email or User ID"),
        ("access_denied", "Account restricted"),
    ):
        struck = world.faults.hit(fault, *g.labels)
        if struck:
            code = 400 if fault == "invalid_grant" else 403
            raise TokenError(fault, struck.get("description", description), code)
    person = _subject(world, address) if address != account["client_email"] else None
    if person:
        _check_delegation(world, account["client_id"], person, scopes)
    given = give_token(world, account["client_id"], person.email if person else address, person, scopes)
    return _token_answer(world, given)


def _claims(world: World, assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The service account that signed and what it claims. Raises TokenError for every flaw."""
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
        key_id = jwt.get_unverified_header(assertion).get("kid")
    except jwt.PyJWTError:
        raise TokenError("invalid_grant", "Invalid JWT: Failed to parse the assertion.") from None
    its_keys = _accounts(world).get(str(claims.get("iss")), {})
    if not its_keys:
        raise TokenError("invalid_grant", "Invalid grant: account not found")
    account = its_keys.get(key_id) if key_id else next(iter(its_keys.values()))
    names = ("client_id", "client_email", "private_key_id")
    if account is None or world.faults.hit("service_key_removed", *(account[name] for name in names)):
        raise TokenError("invalid_grant", "Invalid JWT Signature.")
    try:
        jwt.decode(
            assertion,
            keys.public_key_of(account["private_key"]),
            algorithms=["RS256"],
            options={"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
    except jwt.PyJWTError:
        raise TokenError("invalid_grant", "Invalid JWT Signature.") from None
    if claims.get("aud") not in (TOKEN_URL, f"{base('oauth2.googleapis.com')}/token"):
        raise TokenError(
            "invalid_grant", "Invalid JWT: Failed audience check. The right audience is " + TOKEN_URL
        )
    now = world.token_time()
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int | float) or not isinstance(expires, int | float):
        raise TokenError("invalid_grant", BAD_TIMES)
    in_future = issued > now + CLOCK_TOLERANCE_SECONDS
    too_long = expires - issued > LONGEST_ASSERTION_SECONDS
    if in_future or too_long or expires < now - CLOCK_TOLERANCE_SECONDS:
        raise TokenError("invalid_grant", BAD_TIMES)
    return account, claims


def _accounts(world: World) -> dict[str, dict[str, dict[str, Any]]]:
    """The keys of service accounts, by address and key id; read again when a key file was added."""
    folder = world.home / "service-accounts"
    return _read_accounts(world.home, folder.stat().st_mtime_ns if folder.exists() else 0)


@lru_cache(maxsize=4)
def _read_accounts(home: Path, _version: int) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for one in keys.service_accounts(home):
        found.setdefault(one["client_email"], {})[one["private_key_id"]] = one
    return found


def _subject(world: World, address: str) -> Person:
    if "@" not in address:
        raise TokenError("invalid_grant", "Not a valid email or user ID.")
    person = world.person(address)
    if person is None:
        gone = [
            one for one in world.people.values() if one.deleted_at and one.email.lower() == address.lower()
        ]
        raise TokenError(
            "invalid_grant", "The account has been deleted" if gone else "Invalid email or User ID"
        )
    if person.tenant is None or person.tenant.provider != "google":
        raise TokenError("invalid_grant", "Invalid email or User ID")
    if person.suspended or person.archived:
        raise TokenError("access_denied", "Account restricted", 403)
    return person


def _check_delegation(world: World, client_id: str, person: Person, scopes: frozenset[str]) -> None:
    """All or nothing: one scope that is not delegated literally refuses the whole assertion."""
    labels = (client_id, person.email, person.domain)
    grant = world.delegations.get(f"{person.domain}|{client_id}")
    spread = grant and world.token_time() >= grant["since"] + grant["spread_seconds"]
    if not grant or not spread or world.faults.hit("delegation_pending", *labels):
        raise TokenError("unauthorized_client", NOT_DELEGATED, 401)
    delegated = {*wire_scopes(" ".join(grant["scopes"])), "openid"}
    for active in world.faults.active():
        lacking = wire_scopes(active.get("scope", ""))
        strikes = active["fault"] == "delegation_scope_missing" and bool(lacking & scopes)
        if strikes and world.faults.hit("delegation_scope_missing", *labels):
            delegated -= lacking
    if not scopes <= delegated:
        raise TokenError("unauthorized_client", NOT_DELEGATED, 401)


# The browser's client


def _check_client() -> str:
    basic = request.authorization
    client_id = basic.username if basic else request.form.get("client_id", "")
    secret = basic.password if basic else request.form.get("client_secret", "")
    if client_id != CLIENT_ID:
        raise TokenError("invalid_client", "The OAuth client was not found.", 401)
    if secret != CLIENT_SECRET:
        raise TokenError("invalid_client", "Unauthorized", 401)
    return client_id


def _code(world: World) -> Response:
    client_id = _check_client()
    code = take_code(world, request.form.get("code", ""))
    person = world.person(code.person_id) if code else None
    if code is None or person is None:
        raise TokenError("invalid_grant", "Malformed auth code.")
    g.who, g.scopes = person.email, code.scopes
    if request.form.get("redirect_uri") != code.redirect_uri:
        raise TokenError("redirect_uri_mismatch", "Bad Request")
    if code.challenge:
        verifier = request.form.get("code_verifier", "")
        if not verifier:
            raise TokenError("invalid_grant", "Missing code verifier.")
        if _challenge(verifier, code.challenge_method) != code.challenge:
            raise TokenError("invalid_grant", "Invalid code verifier.")
    agree(world, client_id, person, code.scopes, offline=code.offline)
    refresh = give_refresh_token(world, client_id, person, code.scopes) if code.gives_refresh_token else None
    given = give_token(world, client_id, person.email, person, code.scopes, refresh)
    return _token_answer(world, given, refresh, code.nonce)


def _challenge(verifier: str, method: str | None) -> str:
    if method != "S256":
        return verifier
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


def _refresh(world: World) -> Response:
    client_id = _check_client()
    text = request.form.get("refresh_token", "")
    kept = find_refresh_token(world, text)
    person = world.person(kept["person_id"]) if kept else None
    if kept is None or person is None or person.suspended or kept["client_id"] != client_id:
        raise TokenError("invalid_grant", "Token has been expired or revoked.")
    g.who, g.scopes = person.email, frozenset(kept["scopes"])
    if world.faults.hit("refresh_revoked", person.email):
        raise TokenError("invalid_grant", "Token has been expired or revoked.")
    if world.faults.hit("admin_policy_enforced", person.email, person.domain):
        raise TokenError("admin_policy_enforced", "The administrator of this Workspace blocks this app.")
    used(world, text)
    scopes, new = frozenset(kept["scopes"]), None
    if world.faults.hit("refresh_rotates", person.email, client_id):
        new = give_refresh_token(world, client_id, person, scopes, replaces=text)
    given = give_token(world, client_id, person.email, person, scopes, new or text)
    return _token_answer(world, given, new)


def _token_answer(
    world: World, given: Token, refresh_token: str | None = None, nonce: str | None = None
) -> Response:
    answer: dict[str, Any] = {
        "access_token": given.text,
        "expires_in": TOKEN_SECONDS,
        "token_type": "Bearer",
    }
    if not world.faults.hit("no_scope_in_token", given.subject, given.client_id):
        answer["scope"] = scope_text(given.scopes)
    if refresh_token:
        answer["refresh_token"] = refresh_token
    if "openid" in given.scopes and given.person_id and given.client_id == CLIENT_ID:
        answer["id_token"] = signing_key(world.home).sign(_identity(world, given, nonce))
    response = jsonify(answer)
    response.headers["Cache-Control"] = "no-store"
    return response


def _identity(world: World, given: Token, nonce: str | None) -> dict[str, Any]:
    person = world.people[given.person_id or ""]
    now = int(world.token_time())
    half = sha256(given.text.encode()).digest()[:16]
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "azp": given.client_id,
        "aud": given.client_id,
        "sub": google_id(person.id),
        "hd": person.domain,
        "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
        "iat": now,
        "exp": now + TOKEN_SECONDS + 1,
    }
    if PREFIX + "userinfo.email" in given.scopes:
        claims |= {"email": person.email, "email_verified": True}
    if PREFIX + "userinfo.profile" in given.scopes:
        claims |= {"name": person.name, "given_name": person.given_name, "family_name": person.family_name}
    if nonce:
        claims["nonce"] = nonce
    if changed := world.faults.hit("id_token_claims", given.client_id, person.email):
        claims |= changed.get("claims", {})
    return {name: value for name, value in claims.items() if value is not None}


# What a token is, and its end


@blueprint.post("/oauth2.googleapis.com/revoke")
def end_token() -> Response:
    g.operation = "google.revoke"
    g.labels = ("revoke",)
    _fail_if_told(the_world())
    text = request.form.get("token") or request.args.get("token", "")
    if not revoke(the_world(), text):
        raise TokenError("invalid_token", "Token expired or revoked")
    return jsonify({})


@blueprint.post("/www.googleapis.com/oauth2/v2/tokeninfo")
def token_info() -> Response:
    world = the_world()
    g.operation = "oauth2.tokeninfo"
    text = request.args.get("access_token") or request.form.get("access_token", "")
    given = find_token(world, text)
    if given is None or world.faults.hit("token_revoked", g.operation, given.subject):
        raise TokenError("invalid_token", "Invalid Value")
    g.who, g.scopes = given.subject, given.scopes
    answer: dict[str, Any] = {
        "issued_to": given.client_id,
        "audience": given.client_id,
        "scope": scope_text(given.scopes),
        "expires_in": int(given.expires - world.token_time()),
        "access_type": "offline" if given.refresh_token else "online",
    }
    person = world.people.get(given.person_id or "")
    if person and {"openid", PREFIX + "userinfo.profile"} & given.scopes:
        answer["user_id"] = google_id(person.id)
    if PREFIX + "userinfo.email" in given.scopes:
        answer |= {"email": person.email if person else given.subject, "verified_email": True}
    return jsonify(answer)


@blueprint.get("/www.googleapis.com/oauth2/v2/userinfo")
@operation("oauth2.userinfo.get")
def user_info() -> dict[str, Any]:
    person = the_world().people.get(g.token.person_id or "")
    if person is None:
        raise ApiError(401, "authError", "Invalid Credentials")
    answer: dict[str, Any] = {"id": google_id(person.id), "hd": person.domain}
    if PREFIX + "userinfo.email" in g.token.scopes:
        answer |= {"email": person.email, "verified_email": True}
    if PREFIX + "userinfo.profile" in g.token.scopes:
        answer |= {"name": person.name, "given_name": person.given_name, "family_name": person.family_name}
    return answer


@blueprint.get("/www.googleapis.com/oauth2/v3/certs")
def certs() -> Response:
    g.operation = "google.certs"
    return jsonify(signing_key(the_world().home).jwks())
