"""Microsoft's doors: the administrator's sign-in, the admin-consent page, and client-credentials tokens.

https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

import re
import threading
import time
from urllib.parse import urlencode

import jwt
from django.conf import settings
from requests_oauthlib import OAuth2Session

from connections.providers import id_tokens
from connections.providers.base import (
    AuthorizationLost,
    Key,
    ProviderError,
    SignedIn,
    Unreachable,
    Unreadable,
)
from connections.providers.http import ProviderSession, json_of, raise_if_busy_or_down

DEFAULT_SCOPE = "https://graph.microsoft.com/.default"
KEYS = f"{settings.MICROSOFT_LOGIN_URL}/organizations/discovery/v2.0/keys"
TENANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
# Who may grant application permissions on Graph for everybody: Global and Privileged Role Administrator.
# https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
ADMINISTRATOR_ROLES = {
    "62e90394-69f5-4237-9190-012177145e10",
    "e8611ab8-c189-46e8-94e1-60213ab1f814",
}
TOKEN_MARGIN = 120  # seconds before its end at which a token counts as over


def authorization_url(
    key: Key, *, redirect_uri: str, scopes: list[str], state: str, nonce: str, code_challenge: str
) -> str:
    """Where the browser goes to sign in; any organization's accounts, no private ones."""
    session = OAuth2Session(key.client_id, redirect_uri=redirect_uri, scope=scopes)
    url, _state = session.authorization_url(
        f"{settings.MICROSOFT_LOGIN_URL}/organizations/oauth2/v2.0/authorize",
        state=state,
        nonce=nonce,
        code_challenge=code_challenge,
        code_challenge_method="S256",
        prompt="select_account",
    )
    return url


def signed_in(
    key: Key, code: str, *, redirect_uri: str, code_verifier: str, nonce: str, session: ProviderSession
) -> SignedIn:
    """Exchange the code and say who signed in, to which tenant, and whether as an administrator (`wids`)."""
    answer = session.post(
        f"{settings.MICROSOFT_LOGIN_URL}/organizations/oauth2/v2.0/token",
        data={
            "grant_type": "authorization_code",
            "code": code,
            "client_id": key.client_id,
            "client_secret": key.secret,
            "redirect_uri": redirect_uri,
            "code_verifier": code_verifier,
            "scope": "openid email",
        },
    )
    if answer.status_code != 200:
        raise token_error(answer)
    body = json_of(answer)
    claims = id_tokens.validated(
        str(body.get("id_token", "")),
        keys_url=KEYS,
        audience=key.client_id,
        nonce=nonce,
        session=session,
    )
    return SignedIn(
        tenant=_tenant_in(claims),
        subject=str(claims.get("oid") or ""),
        address=str(claims.get("preferred_username") or claims.get("email") or ""),
        administrator=bool(ADMINISTRATOR_ROLES & set(claims.get("wids", []))),
        granted_scopes=tuple(str(body.get("scope", "")).split()),
    )


def signed_claims(token: str, *, audience: str, session: ProviderSession) -> dict:
    """Who signed in to the portal itself, by an ID token. Raises ProviderError when it cannot be trusted."""
    keys = f"{settings.MICROSOFT_LOGIN_URL}/common/discovery/v2.0/keys"  # those of private accounts too
    claims = id_tokens.signed(token, keys_url=keys, audience=audience, session=session)
    _tenant_in(claims)
    if not claims.get("oid"):
        raise id_tokens.InvalidIdToken("oid")
    return claims


def _tenant_in(claims: dict) -> str:
    """The tenant, which the issuer has to name too: one key signs for all of them."""
    tenant = str(claims.get("tid", ""))
    if not TENANT.match(tenant) or claims["iss"] != f"https://login.microsoftonline.com/{tenant}/v2.0":
        raise id_tokens.InvalidIdToken("issuer")
    return tenant


def admin_consent_url(key: Key, *, tenant: str, redirect_uri: str, state: str) -> str:
    """Where an administrator agrees for the tenant, to all that the registration holds."""
    query = urlencode(
        {"client_id": key.client_id, "scope": DEFAULT_SCOPE, "redirect_uri": redirect_uri, "state": state}
    )
    return f"{settings.MICROSOFT_LOGIN_URL}/{tenant}/v2.0/adminconsent?{query}"


class AppToken:
    """Client-credentials tokens of one tenant, kept until shortly before their end."""

    def __init__(self, key: Key, tenant: str, session: ProviderSession):
        if not TENANT.match(tenant):
            raise AuthorizationLost("not_signed_in", "tenant")
        self.key, self.tenant, self.session = key, tenant, session
        self._until, self._token = 0.0, ""
        self._lock = threading.Lock()

    def get(self, *, fresh: bool = False) -> str:
        """A token; `fresh` asks anew, because a kept one keeps the permissions of its birth."""
        with self._lock:
            if fresh or self._until <= time.time():
                self._token, lives = self._ask()
                self._until = time.time() + lives - TOKEN_MARGIN
            return self._token

    def _ask(self) -> tuple[str, float]:
        answer = self.session.post(
            f"{settings.MICROSOFT_LOGIN_URL}/{self.tenant}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": self.key.client_id,
                "client_secret": self.key.secret,
                "scope": DEFAULT_SCOPE,
            },
            log_scopes=[DEFAULT_SCOPE],
        )
        if answer.status_code != 200:
            raise token_error(answer)
        body = json_of(answer)
        token = str(body.get("access_token", ""))
        claims = unverified_claims(token)
        if claims.get("tid") != self.tenant or claims.get("appid", self.key.client_id) != self.key.client_id:
            raise Unreadable("token of another tenant or app")
        return token, float(body.get("expires_in", 3600))

    def roles(self) -> tuple[str, ...]:
        """The permissions a fresh token claims to hold: a hint; Exchange can grant more, probes decide."""
        return tuple(unverified_claims(self.get(fresh=True)).get("roles", []))


def unverified_claims(token: str) -> dict:
    """An access token's claims. It came straight from the issuer over TLS and is meant for Graph, not for us."""
    try:
        return jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise Unreadable(type(error).__name__) from None


def token_error(answer) -> ProviderError:
    """What a refused token means. https://learn.microsoft.com/entra/identity-platform/reference-error-codes"""
    try:
        body = json_of(answer)
    except Unreadable:
        body = {}
    status, error = answer.status_code, str(body.get("error", ""))
    codes = {str(number) for number in body.get("error_codes", [])}
    code = f"{error} AADSTS{'/'.join(sorted(codes))}" if codes else error
    try:
        raise_if_busy_or_down(answer, code)
    except ProviderError as problem:
        return problem
    if codes & {"7000215", "7000222", "700027"} or error == "invalid_client":
        return AuthorizationLost("secret_expired", code, status=status)
    if codes & {"7000112", "70001"}:
        return AuthorizationLost("app_disabled", code, status=status)
    if codes & {"53003"}:
        return AuthorizationLost("blocked_by_policy", code, status=status)
    if error == "unauthorized_client" or codes & {"700016", "65001", "90002"}:
        return AuthorizationLost("revoked", code, status=status)
    if error == "temporarily_unavailable" or codes & {"90055"}:
        return Unreachable(code, status=status)
    return ProviderError(code, status=status)


def consent_outcome(error: str, description: str) -> str:
    """The reason code for what the consent page answered. Look at `error` first: it also comes with
    `admin_consent=True`."""
    if error in {"consent_required", "access_denied"} or "AADSTS65004" in description:
        return "declined"
    if error == "permission_denied" or "AADSTS90094" in description:
        return "not_an_administrator"
    if "AADSTS53003" in description:
        return "blocked_by_policy"
    return "failed_at_provider"
