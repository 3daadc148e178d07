"""ID tokens, validated: signature by the provider's published keys, issuer, audience, expiry and nonce.

OpenID Connect Core 1.0 §3.1.3.7. The browser's word is never enough to bind a tenant.
"""

import threading
import time

import jwt

from .base import ProviderError, Unreadable
from .http import ProviderSession, json_of

LEEWAY = 120  # seconds of clock skew
_KEYS_LIVE = 300  # seconds a provider's key set is kept
_key_sets: dict[str, tuple[float, jwt.PyJWKSet]] = {}
_lock = threading.Lock()


class InvalidIdToken(ProviderError):
    """The token is not one this provider gave for this attempt."""


def validated(token: str, *, keys_url: str, audience: str, nonce: str, session: ProviderSession) -> dict:
    """The claims of `token`; the caller checks the issuer. Raises InvalidIdToken, Unreachable, Unreadable."""
    claims = signed(token, keys_url=keys_url, audience=audience, session=session)
    if not nonce or claims.get("nonce") != nonce:
        raise InvalidIdToken("nonce")
    return claims


def signed(token: str, *, keys_url: str, audience: str, session: ProviderSession) -> dict:
    """`validated` without a nonce, where a code that PKCE tied to this browser was exchanged by the caller itself
    (RFC 9700 §2.1.1). Raises InvalidIdToken, Unreachable, Unreadable."""
    try:
        key_id = jwt.get_unverified_header(token).get("kid", "")
        key = _key(keys_url, key_id, session)
        return jwt.decode(
            token,
            key,
            algorithms=["RS256"],  # never what the token itself asks for
            audience=audience,
            leeway=LEEWAY,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except jwt.PyJWTError as error:
        raise InvalidIdToken(type(error).__name__) from None


def _key(url: str, key_id: str, session: ProviderSession):
    for fresh in (False, True):  # a key we do not know may be new: look once more
        for key in _key_set(url, session, fresh=fresh).keys:
            if key.key_id == key_id:
                return key.key
    raise InvalidIdToken("unknown key")


def _key_set(url: str, session: ProviderSession, *, fresh: bool) -> jwt.PyJWKSet:
    with _lock:
        until, keys = _key_sets.get(url, (0.0, None))
        if keys is not None and not fresh and until > time.monotonic():
            return keys
    try:
        keys = jwt.PyJWKSet.from_dict(json_of(session.get(url)))
    except jwt.PyJWTError as error:
        raise Unreadable(type(error).__name__) from None
    with _lock:
        _key_sets[url] = (time.monotonic() + _KEYS_LIVE, keys)
    return keys
