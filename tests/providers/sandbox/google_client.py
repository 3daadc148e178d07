"""A small caller of Google's APIs that checks every exchange against the contracts."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any

import jwt
import requests
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.contracts import Contracts

from .server import SandboxServer

AUTH = "https://www.googleapis.com/auth/"
CALENDAR = AUTH + "calendar"
CALENDAR_LIST = AUTH + "calendar.calendarlist.readonly"
FREE_BUSY = AUTH + "calendar.events.freebusy"
USERS = AUTH + "admin.directory.user.readonly"
DOMAINS = AUTH + "admin.directory.domain.readonly"
GROUPS = AUTH + "admin.directory.group.readonly"
ROOMS = AUTH + "admin.directory.resource.calendar.readonly"
UNITS = AUTH + "admin.directory.orgunit.readonly"
CUSTOMER = AUTH + "admin.directory.customer.readonly"
MEET = AUTH + "meetings.space.created"
EMAIL = AUTH + "userinfo.email"
PROFILE = AUTH + "userinfo.profile"
EVERYTHING = [
    CALENDAR,
    CALENDAR_LIST,
    FREE_BUSY,
    USERS,
    DOMAINS,
    GROUPS,
    ROOMS,
    UNITS,
    CUSTOMER,
    MEET,
    EMAIL,
    PROFILE,
]
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_URL = "https://oauth2.googleapis.com/token"

ADMINISTRATOR = "lukas.martin38@kube.example"
EMPLOYEE = "chiara.castro85@kube.example"


class GoogleClient:
    """Calls as the service account `kube-community`. Answers are checked unless `checked` is False."""

    def __init__(self, sandbox: SandboxServer, contracts: Contracts) -> None:
        self.sandbox, self.contracts = sandbox, contracts
        path = sandbox.home / "service-accounts" / "kube-community.json"
        self.account = json.loads(path.read_text())
        self._tokens: dict[tuple[str, str], str] = {}

    def delegate(self, *scopes: str, **more: Any) -> None:
        """What a super administrator types into the Admin console; all scopes when none are named."""
        wanted = list(scopes) or EVERYTHING
        client_id = self.account["client_id"]
        self.sandbox.control("POST", "delegation", client_id=client_id, scopes=wanted, **more)

    def assertion(self, subject: str | None, scope: str, **claims: Any) -> str:
        now = int(time.time())
        values = {
            "iss": self.account["client_email"],
            "scope": scope,
            "aud": TOKEN_URL,
            "iat": now,
            "exp": now + 3600,
            **({"sub": subject} if subject else {}),
            **claims,
        }
        key_id = {"kid": self.account["private_key_id"]}
        return jwt.encode(values, _key(self.account["private_key"]), algorithm="RS256", headers=key_id)

    def exchange(self, assertion: str) -> requests.Response:
        answer = requests.post(
            self.sandbox.host("oauth2.googleapis.com") + "/token",
            data={"grant_type": JWT_BEARER, "assertion": assertion},
        )
        assert self.contracts.problems(answer) == []
        return answer

    def token(self, subject: str, scope: str) -> str:
        if (subject, scope) not in self._tokens:
            answer = self.exchange(self.assertion(subject, scope))
            assert answer.status_code == 200, answer.text
            self._tokens[subject, scope] = answer.json()["access_token"]
        return self._tokens[subject, scope]

    def call(
        self,
        method: str,
        path: str,
        subject: str = EMPLOYEE,
        scope: str = CALENDAR,
        checked: bool = True,
        headers: dict[str, str] | None = None,
        json: Any = None,
        **query: Any,
    ) -> requests.Response:
        """One call to `www.googleapis.com/calendar/v3/` or, with a path that begins with a host, elsewhere."""
        first = path.partition("/")[0]
        if "." not in first or "@" in first:
            path = f"www.googleapis.com/calendar/v3/{path}"
        answer = requests.request(
            method,
            f"{self.sandbox.url}/{path}",
            headers={"Authorization": f"Bearer {self.token(subject, scope)}", **(headers or {})},
            params={name: _text(value) for name, value in query.items()},
            json=json,
        )
        if checked:
            assert self.contracts.problems(answer) == []
        return answer

    def directory(self, path: str, **more: Any) -> requests.Response:
        """One GET of the Directory, as the administrator unless told otherwise."""
        values = {"subject": ADMINISTRATOR, "scope": USERS, **more}
        return self.call("GET", f"admin.googleapis.com/admin/directory/v1/{path}", **values)


@cache
def _key(pem: str) -> Any:
    """The key itself, because reading one takes 40 ms."""
    return load_pem_private_key(pem.encode(), password=None)


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def reason(answer: requests.Response) -> tuple[int, str]:
    """Status and reason of an error answer."""
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


def refusal(answer: requests.Response) -> tuple[int, str, str]:
    """Status, error and description of a refused token."""
    body = answer.json()
    return answer.status_code, body["error"], body["error_description"]
