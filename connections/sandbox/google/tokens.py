"""Access tokens and codes Google's side has given out.

They live in memory and end with the process, and are judged by the real clock, not by the calendar clock. Refresh
tokens are in grants.py.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from hashlib import sha256

from ..people import Person
from ..world import World
from .grants import find_refresh_token, withdraw

PREFIX = "https://www.googleapis.com/auth/"
TOKEN_SECONDS = 3599
CODE_SECONDS = 600
SWEEP_EVERY = 2000
SHORT = {"email": PREFIX + "userinfo.email", "profile": PREFIX + "userinfo.profile"}


@dataclass(slots=True)
class Token:
    """Who may do what until when (epoch seconds). `person_id` is None for a service account as itself."""

    text: str
    client_id: str
    subject: str
    person_id: str | None
    scopes: frozenset[str]
    expires: float
    refresh_token: str | None = None


@dataclass(slots=True)
class Code:
    """An authorization code with everything its exchange must match."""

    client_id: str
    redirect_uri: str
    person_id: str
    scopes: frozenset[str]
    nonce: str | None
    challenge: str | None
    challenge_method: str | None
    offline: bool
    gives_refresh_token: bool
    expires: float


_lock = threading.Lock()
_tokens: dict[str, Token] = {}
_codes: dict[str, Code] = {}


def google_id(person_id: str) -> str:
    """The 21 digits Google shows as a user's id; they never change."""
    return f"1{int.from_bytes(sha256(person_id.encode()).digest()[:9], 'big') % 10**20:020d}"


def wire_scopes(scope: str) -> frozenset[str]:
    """A space-separated scope string as Google answers it: `email` and `profile` by their long names."""
    return frozenset(SHORT.get(one, one) for one in scope.split())


def scope_text(scopes: frozenset[str]) -> str:
    return " ".join(sorted(scopes))


def give_token(
    world: World,
    client_id: str,
    subject: str,
    person: Person | None,
    scopes: frozenset[str],
    refresh_token: str | None = None,
) -> Token:
    """A new access token."""
    text = f"ya29.{secrets.token_urlsafe(48)}"
    now = world.token_time()
    token = Token(
        text, client_id, subject, person.id if person else None, scopes, now + TOKEN_SECONDS, refresh_token
    )
    with _lock:
        _tokens[text] = token
        if len(_tokens) % SWEEP_EVERY == 0:
            for key in [key for key, one in _tokens.items() if one.expires < now]:
                del _tokens[key]
    return token


def find_token(world: World, text: str) -> Token | None:
    """The token, if it was given out and has not expired."""
    token = _tokens.get(text)
    return token if token and token.expires > world.token_time() else None


def give_code(code: Code) -> str:
    text = f"4/{secrets.token_urlsafe(32)}"
    with _lock:
        _codes[text] = code
    return text


def take_code(world: World, text: str) -> Code | None:
    """The code, once: a second exchange finds nothing."""
    with _lock:
        code = _codes.pop(text, None)
    return code if code and code.expires > world.token_time() else None


def revoke(world: World, text: str) -> bool:
    """Forget a token. One of a person's ends the person's whole grant to the client. False when unknown."""
    kept = find_refresh_token(world, text)
    with _lock:
        token = _tokens.pop(text, None)
    if kept:
        end_grant(world, kept["client_id"], kept["person_id"])
    elif token and token.person_id:
        end_grant(world, token.client_id, token.person_id)
    return bool(token or kept)


def end_grant(world: World, client_id: str, person_id: str) -> bool:
    """End what a person granted to a client in the browser, with every token of it. False when there was nothing."""
    if not withdraw(world, client_id, person_id):
        return False
    with _lock:
        same = [
            key for key, one in _tokens.items() if (one.client_id, one.person_id) == (client_id, person_id)
        ]
        for key in same:
            del _tokens[key]
    return True
