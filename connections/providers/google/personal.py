"""One person's own authorization: ordinary OAuth with a refresh token, where an organization refuses delegation.

https://developers.google.com/identity/protocols/oauth2/web-server#offline
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings

from connections.providers.base import (
    GrantLost,
    MailboxError,
    RefreshTokenMissing,
    ScopeAnswer,
    Unreadable,
    must_be_names,
    readable,
)
from connections.providers.http import ProviderSession, json_of, raise_if_busy_or_down

from . import oauth

MARGIN = timedelta(seconds=oauth.TOKEN_MARGIN)


@dataclass(frozen=True)
class Personal:
    """Who agreed, to what, and the tokens. `expires_at`: from then on the access token counts as over."""

    subject: str  # who it is at Google, for ever: an address can change hands
    address: str  # empty when Google does not vouch for it
    hosted_domain: str  # of the Workspace; empty for a private account
    granted_scopes: tuple[str, ...]  # people may leave some out
    expires_at: datetime
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)

    def __post_init__(self) -> None:
        must_be_names(self.subject, self.address, self.hosted_domain)


@dataclass(frozen=True)
class Refreshed:
    """A new access token; `refresh_token` is empty unless Google replaced it: then the old one is about to die."""

    expires_at: datetime
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


class GrantedTokens:
    """Access tokens of several people, by address, as the database had them. Never refreshes: threads use it."""

    def __init__(self, tokens: dict[str, str]):
        self._tokens = tokens

    def token(self, subject: str, scopes: tuple[str, ...], *, fresh: bool = False) -> str:
        """What `subject` granted, whatever `scopes`: it holds those of the mode. Raises MailboxError."""
        if fresh or subject not in self._tokens:
            raise MailboxError("grant_lost", "token refused", status=401)
        return self._tokens[subject]

    def probe(self, subject: str, scope: str) -> ScopeAnswer:
        """Nobody granted anything for everybody."""
        return ScopeAnswer(scope, granted=False, code="personal")


def authorization_url(
    *,
    redirect_uri: str,
    scopes: tuple[str, ...],
    state: str,
    nonce: str,
    code_challenge: str,
    hint: str = "",
) -> str:
    """Where the browser goes. `scopes`: those of the mode for the organization, here for one person."""
    return oauth.authorization_url(
        redirect_uri=redirect_uri,
        scopes=list(dict.fromkeys(("openid", "email", *scopes))),
        state=state,
        nonce=nonce,
        code_challenge=code_challenge,
        hint=hint,
        offline=True,
    )


def exchange(
    code: str, *, redirect_uri: str, code_verifier: str, nonce: str, session: ProviderSession, now: datetime
) -> Personal:
    """The code for the person's tokens. Raises RefreshTokenMissing, and ProviderError like `oauth.signed_in`."""
    body, claims = oauth.exchanged(
        code, redirect_uri=redirect_uri, code_verifier=code_verifier, nonce=nonce, session=session
    )
    access_token = _text(body, "access_token")
    if not body.get("refresh_token"):
        raise RefreshTokenMissing("no refresh_token")
    return Personal(
        subject=claims["sub"],
        address=oauth.address_in(claims),
        hosted_domain=claims.get("hd", ""),
        granted_scopes=_scopes(body, access_token, session),
        expires_at=_end(body, now),
        access_token=access_token,
        refresh_token=_text(body, "refresh_token"),
    )


def refresh(refresh_token: str, *, session: ProviderSession, now: datetime) -> Refreshed:
    """A new access token. Raises GrantLost when the person has to agree again; MailboxError when their Workspace
    blocks the client; AuthorizationLost when Google refuses the client itself; Throttled, Unreachable, Unreadable.
    """
    answer = session.post(
        oauth.TOKEN,
        data={
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": settings.GOOGLE_CLIENT_ID,
            "client_secret": settings.GOOGLE_CLIENT_SECRET,
        },
    )
    if answer.status_code != 200:
        error = oauth.token_error(answer)
        raise GrantLost(error.code, status=error.status) if error.code == "invalid_grant" else error
    body = json_of(answer)
    new = _text(body, "refresh_token") if body.get("refresh_token") else ""
    return Refreshed(_end(body, now), _text(body, "access_token"), new if new != refresh_token else "")


def revoke(token: str, *, session: ProviderSession) -> None:
    """Withdraw what the person agreed to. A token that is over already is withdrawn.

    Google ends all that this person ever granted to this client, also through other tokens.
    """
    answer = session.post(oauth.REVOKE, data={"token": token})
    raise_if_busy_or_down(answer, "revoke")
    if answer.status_code == 200:
        return
    error = str(json_of(answer).get("error", ""))
    if error not in {"invalid_token", "invalid_grant"}:
        raise Unreadable(error or "revoke", status=answer.status_code)


@readable()
def _end(body: dict, now: datetime) -> datetime:
    """Google says how long a token lives, not until when; ours is over a little earlier."""
    return now + timedelta(seconds=float(body.get("expires_in", 3600))) - MARGIN


def _scopes(body: dict, access_token: str, session: ProviderSession) -> tuple[str, ...]:
    """What was granted; asked of the token itself when the answer does not say it."""
    if "scope" not in body:
        answer = session.post(oauth.TOKEN_INFO, params={"access_token": access_token})
        raise_if_busy_or_down(answer, "tokeninfo")
        body = json_of(answer)
    return tuple(str(body.get("scope", "")).split())


def _text(body: dict, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Unreadable(name)
    return value
