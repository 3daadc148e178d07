"""Google's two doors: the administrator's sign-in, and tokens of a service account with domain-wide delegation.

https://developers.google.com/identity/openid-connect/openid-connect
https://developers.google.com/identity/protocols/oauth2/service-account
"""

import json
import re
import threading
import time
from collections.abc import Callable

import jwt
from django.conf import settings
from requests_oauthlib import OAuth2Session

from connections.providers import id_tokens
from connections.providers.base import (
    AuthorizationLost,
    Key,
    MailboxError,
    ProviderError,
    ScopeAnswer,
    SignedIn,
    Unreachable,
    Unreadable,
)
from connections.providers.http import ProviderSession, json_of, raise_if_busy_or_down

AUTHORIZE = f"{settings.GOOGLE_ACCOUNTS_URL}/o/oauth2/v2/auth"
TOKEN = f"{settings.GOOGLE_OAUTH_URL}/token"
REVOKE = f"{settings.GOOGLE_OAUTH_URL}/revoke"
TOKEN_INFO = f"{settings.GOOGLE_API_URL}/oauth2/v2/tokeninfo"
KEYS = f"{settings.GOOGLE_API_URL}/oauth2/v3/certs"
DIRECTORY = f"{settings.GOOGLE_DIRECTORY_URL}/admin/directory/v1"
ISSUERS = {"https://accounts.google.com", "accounts.google.com"}
AUDIENCE = "https://oauth2.googleapis.com/token"  # whatever address stands in for it in a test
SCOPE = "https://www.googleapis.com/auth/"
EMAIL_SCOPE = f"{SCOPE}userinfo.email"
# What the proof of an administrator asks for, once, as that person; the tokens are withdrawn again.
PROOF_SCOPES = (f"{SCOPE}admin.directory.user.readonly", f"{SCOPE}admin.directory.domain.readonly")
TOKEN_MARGIN = 120  # seconds before its end at which a token counts as over
CLIENT_ID, CLIENT_EMAIL = re.compile(r"[0-9]{1,40}\Z"), re.compile(r"[!-?A-~]{1,150}@[!-?A-~]{1,100}\Z")


# --- the administrator's sign-in --------------------------------------------------------------------------------
def authorization_url(
    *,
    redirect_uri: str,
    scopes: list[str],
    state: str,
    nonce: str,
    code_challenge: str,
    hint: str = "",
    offline: bool = False,
) -> str:
    """Where the browser goes. `offline` asks for a refresh token, which Google gives only when it asks the person
    for consent.
    """
    session = OAuth2Session(settings.GOOGLE_CLIENT_ID, redirect_uri=redirect_uri, scope=scopes)
    also = {"login_hint": hint} if hint else {}
    also |= {"access_type": "offline", "prompt": "consent"} if offline else {"prompt": "select_account"}
    url, _state = session.authorization_url(
        AUTHORIZE,
        state=state,
        nonce=nonce,
        code_challenge=code_challenge,
        code_challenge_method="S256",
        **also,
    )
    return url


def signed_in(
    code: str,
    *,
    redirect_uri: str,
    code_verifier: str,
    nonce: str,
    session: ProviderSession,
    prove: bool = False,
    granted_more: Callable[[str], bool],
) -> SignedIn:
    """Exchange the code and say who signed in. The tokens are withdrawn again: who it was is all we need.

    `prove` asks the directory, as that person, whether they are a super administrator. `granted_more` tells of a
    subject whether they granted this installation something that lasts: Google would end that too, so then these
    tokens are only thrown away (https://github.com/googleapis/google-auth-library-nodejs/issues/1338).
    Raises ProviderError when the exchange fails or the answer cannot be trusted.
    """
    body, claims = exchanged(
        code, redirect_uri=redirect_uri, code_verifier=code_verifier, nonce=nonce, session=session
    )
    token = str(body.get("access_token", ""))
    administrator = prove and _is_administrator(claims["sub"], token, session)
    domains = _verified_domains(token, session) if administrator else ()
    if not granted_more(claims["sub"]):
        session.post(REVOKE, data={"token": token})
    return SignedIn(
        tenant=claims.get("hd", ""),  # absent for private accounts
        subject=claims["sub"],
        address=address_in(claims),
        administrator=administrator,
        granted_scopes=tuple(str(body.get("scope", "")).split()),
        domains=domains,
    )


def exchanged(
    code: str, *, redirect_uri: str, code_verifier: str, nonce: str, session: ProviderSession
) -> tuple[dict, dict]:
    """The token answer for a code, and the claims of its ID token, validated.

    Raises ProviderError when the exchange fails or the answer cannot be trusted.
    """
    answer = session.post(
        TOKEN,
        data={
            "grant_type": "authorization_code",
            "code": code,
            "client_id": settings.GOOGLE_CLIENT_ID,
            "client_secret": settings.GOOGLE_CLIENT_SECRET,
            "redirect_uri": redirect_uri,
            "code_verifier": code_verifier,
        },
    )
    raise_if_busy_or_down(answer, "token")
    body = json_of(answer)
    if answer.status_code != 200:
        raise ProviderError(str(body.get("error", "")), status=answer.status_code)
    claims = id_tokens.validated(
        str(body.get("id_token", "")),
        keys_url=KEYS,
        audience=settings.GOOGLE_CLIENT_ID,
        nonce=nonce,
        session=session,
    )
    if claims["iss"] not in ISSUERS:
        raise id_tokens.InvalidIdToken("issuer")
    return body, claims


def signed_claims(token: str, *, audience: str, session: ProviderSession) -> dict:
    """Who signed in to the portal itself, by an ID token. Raises ProviderError when it cannot be trusted."""
    claims = id_tokens.signed(token, keys_url=KEYS, audience=audience, session=session)
    if claims["iss"] not in ISSUERS:
        raise id_tokens.InvalidIdToken("issuer")
    return claims


def address_in(claims: dict) -> str:
    """The person's address, where Google vouches for it; else empty."""
    return claims.get("email", "") if claims.get("email_verified", True) else ""


def _is_administrator(subject: str, token: str, session: ProviderSession) -> bool:
    """The directory's own word, asked as that person; an ordinary employee is refused there."""
    answer = session.get(
        f"{DIRECTORY}/users/{subject}",
        params={"fields": "id,isAdmin"},
        headers={"Authorization": f"Bearer {token}"},
        log_scopes=PROOF_SCOPES[:1],
    )
    return answer.status_code == 200 and json_of(answer).get("isAdmin") is True


def _verified_domains(token: str, session: ProviderSession) -> tuple[str, ...]:
    """The Workspace's own domains that Google has verified; none when it does not tell."""
    answer = session.get(
        f"{DIRECTORY}/customer/my_customer/domains",
        headers={"Authorization": f"Bearer {token}"},
        log_scopes=PROOF_SCOPES[1:],
    )
    if answer.status_code != 200:
        return ()
    rows = json_of(answer).get("domains", [])
    return tuple(str(row["domainName"]).lower() for row in rows if row.get("verified"))


# --- the service account ----------------------------------------------------------------------------------------
def key_from_json(text: str, *, unit_id: int | None) -> Key:
    """The key file that Google's console downloads. Raises ValueError with what is wrong."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(data, dict) or data.get("type") != "service_account":
        raise ValueError("not a service account key")
    for name in ("client_id", "client_email", "private_key", "private_key_id"):
        if not isinstance(data.get(name), str) or not data[name]:
            raise ValueError(f"{name} is missing")
    if not CLIENT_ID.match(data["client_id"]) or not CLIENT_EMAIL.match(data["client_email"]):
        raise ValueError("client_id or client_email is none of Google's")
    try:
        jwt.encode({}, data["private_key"], algorithm="RS256")  # a public, locked or other key cannot sign
    except (AttributeError, TypeError, ValueError, jwt.PyJWTError):
        raise ValueError("private_key cannot be read") from None
    return Key("google", "service_account", data["client_id"], text, data["client_email"].lower(), unit_id)


class ServiceAccount:
    """Mints tokens, each for one person and one set of scopes, and keeps them until shortly before their end."""

    def __init__(self, key: Key, session: ProviderSession):
        self.key, self.session = key, session
        data = json.loads(key.secret)
        self._private_key = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).prepare_key(
            data["private_key"]
        )
        self._key_id, self._email = data["private_key_id"], data["client_email"]
        self._tokens: dict[tuple[str, tuple[str, ...]], tuple[float, str]] = {}
        self._lock = threading.Lock()

    def token(self, subject: str, scopes: tuple[str, ...], *, fresh: bool = False) -> str:
        """A token to act as `subject` (an address) with `scopes`."""
        with self._lock:
            until, token = self._tokens.get((subject, scopes), (0.0, ""))
        if token and not fresh and until > time.time():
            return token
        body = self.mint(subject, scopes)
        token = str(body.get("access_token", ""))
        if not token:
            raise Unreadable("no access_token")
        with self._lock:
            until = time.time() + float(body.get("expires_in", 3600)) - TOKEN_MARGIN
            self._tokens[subject, scopes] = (until, token)
        return token

    def mint(self, subject: str, scopes: tuple[str, ...]) -> dict:
        """One JWT-bearer exchange (RFC 7523). Raises AuthorizationLost, MailboxError, Throttled, Unreachable."""
        now = int(time.time())
        claims = {
            "iss": self._email,
            "sub": subject,
            "scope": " ".join(scopes),
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 3600,
        }
        assertion = jwt.encode(claims, self._private_key, algorithm="RS256", headers={"kid": self._key_id})
        answer = self.session.post(
            TOKEN,
            data={"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion},
            log_scopes=scopes,
        )
        if answer.status_code == 200:
            return json_of(answer)
        raise token_error(answer)

    def probe(self, subject: str, scope: str, *, with_address: bool = True) -> ScopeAnswer:
        """Ask for one scope alone, beside the address scope where it is granted too, and read from tokeninfo what
        the token holds.

        Google grants an assertion wholly or not at all, so a missing scope only shows when probed alone.
        """
        try:
            try:
                beside = (EMAIL_SCOPE,) if with_address else ()
                body = self.mint(subject, tuple(dict.fromkeys((scope, *beside))))
            except AuthorizationLost:
                if not with_address:
                    raise
                body = self.mint(subject, (scope,))
            info = self.session.post(
                TOKEN_INFO, params={"access_token": str(body.get("access_token", ""))}, log_scopes=[scope]
            )
            raise_if_busy_or_down(info, "tokeninfo")
        except AuthorizationLost as error:
            if error.reason == "not_delegated":
                return ScopeAnswer(scope, granted=False, code=error.code)
            raise
        facts = json_of(info)
        held = str(facts.get("scope", "")).split()
        as_whom = str(facts.get("email", subject)).lower()
        if info.status_code != 200 or scope not in held or as_whom != subject.lower():
            return ScopeAnswer(scope, granted=False, code=str(facts.get("error", "not in token")))
        return ScopeAnswer(scope, granted=True)


def token_error(answer) -> ProviderError:
    """What a refused token means: for the connection, for one mailbox, or only for now."""
    try:
        body = json_of(answer)
    except Unreadable:
        body = {}
    code, text = str(body.get("error", "")), str(body.get("error_description", ""))
    try:
        raise_if_busy_or_down(answer, code)
    except ProviderError as error:
        return error
    if code == "unauthorized_client":
        return AuthorizationLost("not_delegated", code, status=answer.status_code)
    if code == "invalid_grant" and "JWT" in text:
        return AuthorizationLost("key_rejected", code, status=answer.status_code)
    if code == "invalid_grant":
        return MailboxError("no_mailbox", code, status=answer.status_code)
    if code in {"access_denied", "admin_policy_enforced"}:
        return MailboxError("refused", code, status=answer.status_code)
    if code == "invalid_client":
        return AuthorizationLost("key_rejected", code, status=answer.status_code)
    if code in {"internal_failure", "server_error", "temporarily_unavailable"}:
        return Unreachable(code, status=answer.status_code)
    return Unreadable(code or "token", status=answer.status_code)
