"""What every Microsoft Graph v1.0 call has in common: the token, links that stay at home, what an error means."""

from collections.abc import Iterator
from urllib.parse import quote

from django.conf import settings

from connections.providers.base import (
    MOST_PAGES,
    AuthorizationLost,
    FeedExpired,
    Key,
    MailboxError,
    ProviderError,
    ScopeAnswer,
    Spend,
    Unreadable,
)
from connections.providers.http import ProviderSession, json_of, raise_if_busy_or_down

from .oauth import AppToken

BASE = f"{settings.MICROSOFT_GRAPH_URL}/v1.0"
PAGE = "odata.maxpagesize=500"
EXPIRED_FEED = {"syncstatenotfound", "syncstateinvalid", "resyncrequired"}


class Graph:
    """Calls in one tenant through one app registration. `prefer`: wishes sent with each call beside the page size."""

    def __init__(
        self,
        key: Key,
        *,
        tenant: str,
        scopes: tuple[str, ...],
        session: ProviderSession,
        spend: Spend,
        prefer: str = "",
    ):
        self.scopes, self.session, self.spend = scopes, session, spend
        self.app = AppToken(key, tenant, session)
        self.prefer = ", ".join(filter(None, (prefer, PAGE)))

    def probe_scopes(self) -> list[ScopeAnswer]:
        """The `roles` of a fresh token, as a hint; what was never asked for is shown too."""
        roles = self.app.roles()
        asked = [
            ScopeAnswer(scope, granted=scope in roles, code="" if scope in roles else "not in roles")
            for scope in self.scopes
        ]
        return asked + [
            ScopeAnswer(role, granted=True, requested=False) for role in roles if role not in self.scopes
        ]

    def call(
        self, method: str, path: str, query: dict, *, scopes: tuple[str, ...] | None = None, **sent
    ) -> dict:
        """One call. `scopes`: those it is covered by, where not all are for it. `sent`: what else `requests` is
        told, such as `json` or a `timeout` of its own.
        """
        url = path if path.startswith(("http://", "https://")) else f"{BASE}/{path}"
        for fresh in (False, True):  # a token that ended early is asked for once more
            self.spend(1)
            answer = self.session.request(
                method,
                url,
                params=query or None,
                headers={
                    "Authorization": f"Bearer {self.app.get(fresh=fresh)}",
                    "Prefer": self.prefer,
                },
                log_scopes=self.scopes if scopes is None else scopes,
                **sent,
            )
            if answer.status_code != 401:
                break
        if answer.status_code in {200, 204} and not answer.content and method != "GET":
            return {}  # stopping and reauthorizing have no other answer
        if answer.status_code in {200, 201}:
            return json_of(answer)
        raise api_error(answer)

    def pages(
        self, first: str, query: dict, *, scopes: tuple[str, ...] | None = None, most: int = MOST_PAGES
    ) -> Iterator[dict]:
        """The pages of a listing to its end. Raises Unreadable for one that turns in a circle, has no end or leads
        elsewhere: our token goes to the Graph that is configured and to nobody else.
        """
        page = self.call("GET", first, query, scopes=scopes)
        yield page
        followed: set[str] = set()
        while len(followed) < most:
            following = page.get("@odata.nextLink")
            if not following:
                return
            if not isinstance(following, str) or not following.startswith(f"{BASE}/"):
                raise Unreadable("link of another host")
            if following in followed:
                break
            followed.add(following)
            page = self.call("GET", following, {}, scopes=scopes)
            yield page
        raise Unreadable("pages without end")


def segment(name: str) -> str:
    """A name as one part of a path: an address may hold a slash, and two dots lead elsewhere."""
    return quote(name, safe="")


def api_error(answer) -> ProviderError:
    """What a refused call means. https://learn.microsoft.com/graph/errors"""
    try:
        error = json_of(answer).get("error", {})
        code = str(error.get("code", "")) if isinstance(error, dict) else ""
    except Unreadable:
        code = ""
    try:
        raise_if_busy_or_down(answer, code)
    except ProviderError as problem:
        return problem
    status = answer.status_code
    if status == 410 or code.lower() in EXPIRED_FEED:
        return FeedExpired(code, status=status)
    if status == 401:
        return AuthorizationLost("revoked", code, status=status)
    if status == 403 and code == "Authorization_RequestDenied":
        return AuthorizationLost("incomplete", code, status=status)
    if status == 403 and code == "ErrorAccessDenied":
        return MailboxError("refused", code, status=status)
    if status == 404 and code == "MailboxNotEnabledForRESTAPI":
        return MailboxError("licence", code, status=status)
    if status == 404:
        return MailboxError("no_mailbox", code, status=status)
    if status == 403:
        return MailboxError("refused", code, status=status)
    return Unreadable(code or "refused", status=status)
