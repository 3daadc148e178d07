"""What every call of Google's APIs has in common: whose token, how pages follow each other, what an error means."""

import hashlib
from collections.abc import Iterator
from typing import Protocol

from connections.providers.base import (
    MOST_PAGES,
    AuthorizationLost,
    ChannelRefused,
    FeedExpired,
    MailboxError,
    ProviderError,
    ScopeAnswer,
    Spend,
    Throttled,
    Unreadable,
)
from connections.providers.http import ProviderSession, json_of, raise_if_busy_or_down
from orgunits.names import domain_of

RATE_REASONS = {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"}


class TokenSource(Protocol):
    """Where the tokens come from: a service account with domain-wide delegation, or each person's own grant."""

    def token(self, subject: str, scopes: tuple[str, ...], *, fresh: bool = False) -> str:
        """A token to act as `subject` (an address); `fresh` after one was refused."""

    def probe(self, subject: str, scope: str) -> ScopeAnswer: ...


class GoogleApi:
    """Calls below one address, each made as somebody. `only_domains`: mail domains beyond which nobody is acted as."""

    def __init__(
        self,
        account: TokenSource,
        base: str,
        *,
        only_domains: frozenset[str] | None,
        session: ProviderSession,
        spend: Spend,
    ):
        self.account, self.base, self.only_domains = account, base, only_domains
        self.session, self.spend = session, spend

    def call(
        self,
        address: str,
        method: str,
        path: str,
        query: dict,
        *,
        scope: str,
        token_scopes: tuple[str, ...] = (),
        json: dict | None = None,
    ) -> dict:
        """One call as `address` that needs `scope`; its token holds `token_scopes` where those are more."""
        if self.only_domains is not None and domain_of(address) not in self.only_domains:
            raise MailboxError("refused", "domain not proven")
        for fresh in (False, True):  # a token that ended early is minted once more
            self.spend(1)
            token = self.account.token(address, token_scopes or (scope,), fresh=fresh)
            answer = self.session.request(
                method,
                f"{self.base}/{path}",
                params={**query, "quotaUser": hashlib.sha256(address.encode()).hexdigest()[:40]},
                json=json,
                headers={"Authorization": f"Bearer {token}"},
                log_scopes=[scope],
            )
            if answer.status_code != 401:
                break
        if answer.status_code == 204:  # stopping a channel has no other answer
            return {}
        if answer.status_code == 200:
            return json_of(answer)
        raise api_error(answer)

    def pages(
        self,
        address: str,
        path: str,
        query: dict,
        *,
        scope: str,
        token_scopes: tuple[str, ...] = (),
        most: int = MOST_PAGES,
    ) -> Iterator[dict]:
        """The pages of a listing to its end. Raises Unreadable for one that turns in a circle or has no end."""
        more: dict[str, str] = {}
        followed: set[str] = set()
        while len(followed) < most:
            page = self.call(address, "GET", path, {**query, **more}, scope=scope, token_scopes=token_scopes)
            yield page
            following = page.get("nextPageToken")
            if not following:
                return
            if not isinstance(following, str) or following in followed:
                break
            followed.add(following)
            more = {"pageToken": following}
        raise Unreadable("pages without end")


def api_error(answer) -> ProviderError:
    """What a refused call means. https://developers.google.com/workspace/calendar/api/guides/errors"""
    try:
        error = json_of(answer).get("error", {})
        reason = str((error.get("errors") or [{}])[0].get("reason", "")) if isinstance(error, dict) else ""
    except Unreadable:
        reason = ""
    try:
        raise_if_busy_or_down(answer, reason)
    except ProviderError as problem:
        return problem
    status = answer.status_code
    if status == 403 and reason in RATE_REASONS:
        return Throttled(reason, status=status)
    if reason.startswith("push."):  # also with a 401: it is our address that Google does not take
        return ChannelRefused(reason, status=status)
    if status == 410:
        return FeedExpired(reason, status=status)
    if status == 401:
        return AuthorizationLost("revoked", reason, status=status)
    if status == 403 and reason == "accessNotConfigured":
        return AuthorizationLost("api_not_enabled", reason, status=status)
    if status == 403 and reason == "insufficientPermissions":
        return AuthorizationLost("incomplete", reason, status=status)
    if status == 403 and reason == "notACalendarUser":
        return MailboxError("licence", reason, status=status)
    if status in {403, 404}:
        return MailboxError("no_mailbox" if status == 404 else "refused", reason, status=status)
    return Unreadable(reason or "refused", status=status)
