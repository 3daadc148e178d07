"""How the tests of Microsoft's side speak to the sandbox: consent, tokens, and checked Graph calls."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from tests.contracts import Contracts

from .server import SandboxServer

LOGIN = "https://login.microsoftonline.com"
GRAPH = "https://graph.microsoft.com/v1.0"
TENANT = "5165e0a1-0000-4000-8000-000000000001"
RIVAL = "5165e0a1-0000-4000-8000-000000000002"
DEFAULT = "https://graph.microsoft.com/.default"
CALLBACK = "http://localhost:8000/callback/microsoft"
CONSENT_CALLBACK = "http://localhost:8000/callback/microsoft-consent"

ADMIN = "lucas.hansen68@sigs.example"
EMPLOYEE = "paulo.dubois73@sigs.example"

NUMBERS = {
    "calendar-read-write": 1,
    "calendar-free-busy": 2,
    "directory": 3,
    "conferencing": 4,
    "directory-groups": 5,
}


_http = requests.Session()


def call(
    sandbox: SandboxServer, method: str, real: str, *, checked: bool = True, **kwargs: Any
) -> requests.Response:
    """Call a provider by its real address. The exchange must keep to the contracts unless `checked` is False."""
    url = real if real.startswith(sandbox.url) else sandbox.host(real.removeprefix("https://"))
    answer = _http.request(method, url, allow_redirects=False, **kwargs)
    if checked:
        assert Contracts.load().problems(answer) == []
    return answer


def client_id(name: str) -> str:
    """The id of a registration that ships with the sandbox."""
    return f"a0000001-0000-4000-8000-{NUMBERS[name]:012d}"


def consent(sandbox: SandboxServer, name: str, tenant: str = "sigs.example") -> None:
    """Let the administrator have consented."""
    sandbox.control("POST", "consents", tenant=tenant, client_id=client_id(name))


def ask_token(
    sandbox: SandboxServer, name: str, tenant: str = TENANT, *, checked: bool = True, **changes: str | None
) -> requests.Response:
    """The token call; `changes` replace (or with None remove) form fields."""
    form = {
        "grant_type": "client_credentials",
        "client_id": changes.get("client_id") or client_id(name),
        "client_secret": f"sandbox-secret-{name}",
        "scope": DEFAULT,
    } | changes
    sent = {key: value for key, value in form.items() if value is not None}
    return call(sandbox, "POST", f"{LOGIN}/{tenant}/oauth2/v2.0/token", data=sent, checked=checked)


def token(sandbox: SandboxServer, name: str, tenant: str = TENANT) -> str:
    """An app-only access token."""
    answer = ask_token(sandbox, name, tenant)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def returned(answer: requests.Response) -> dict[str, str]:
    """The query of the redirect back to the application."""
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def page_text(answer: requests.Response) -> str:
    """The visible text of a page."""
    return html.unescape(re.sub(r"<[^>]+>", " ", answer.text))


class Graph:
    """Graph as one registration sees it, after consent."""

    def __init__(
        self, sandbox: SandboxServer, name: str, tenant: str = TENANT, app_id: str | None = None
    ) -> None:
        self.sandbox, self.name, self.tenant = sandbox, name, tenant
        self.app_id = app_id or client_id(name)
        sandbox.control("POST", "consents", tenant=tenant, client_id=self.app_id)
        self.renew()

    def renew(self) -> None:
        """Fetch a new token."""
        answer = ask_token(self.sandbox, self.name, self.tenant, client_id=self.app_id)
        self.token = answer.json()["access_token"]

    def call(
        self, method: str, path: str, *, prefer: str | None = None, checked: bool = True, **kwargs: Any
    ) -> requests.Response:
        """A call, checked against the contracts."""
        headers = {"Authorization": f"Bearer {self.token}", **kwargs.pop("headers", {})}
        if prefer:
            headers["Prefer"] = prefer
        url = path if path.startswith("http") else f"{GRAPH}{path}"
        return call(self.sandbox, method, url, headers=headers, checked=checked, **kwargs)

    def get(self, path: str, **kwargs: Any) -> Any:
        """The JSON of a GET that succeeds."""
        answer = self.call("GET", path, **kwargs)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, sent: Any, status: int = 201, **kwargs: Any) -> Any:
        """The JSON of a POST that succeeds."""
        answer = self.call("POST", path, json=sent, **kwargs)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, **kwargs: Any) -> tuple[int, str]:
        """Status and code of a call that fails."""
        answer = self.call(method, path, **kwargs)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["error"]["code"]

    def all_pages(self, path: str, **kwargs: Any) -> tuple[list[dict], dict]:
        """Every item of a listing or a round, and the last page."""
        page = self.get(path, **kwargs)
        items = list(page["value"])
        kwargs.pop("params", None)
        while "@odata.nextLink" in page:
            page = self.get(page["@odata.nextLink"], **kwargs)
            items += page["value"]
        return items, page


def other_graph(sandbox: SandboxServer, name: str, roles: list[str]) -> Graph:
    """Graph as a registration with other permissions sees it, made for this test."""
    made = sandbox.control("POST", "registrations", name=name, roles=roles)
    return Graph(sandbox, name, app_id=made["client_id"])


def window(first: str, last: str) -> dict[str, str]:
    """The two parameters of a calendar view, from the midnights (UTC) of two dates."""
    return {"startDateTime": f"{first}T00:00:00Z", "endDateTime": f"{last}T00:00:00Z"}


def at(moment: str, zone: str = "UTC") -> dict[str, str]:
    """A dateTimeTimeZone."""
    return {"dateTime": moment, "timeZone": zone}


MONTH = window("2026-08-01", "2026-09-01")


def in_series(graph: Graph) -> tuple[str, list[dict]]:
    """Somebody with recurring meetings, and what a full round over the month gives for them."""
    people = Graph(graph.sandbox, "directory").get("/users?$top=200&$select=userPrincipalName,accountEnabled")
    for one in people["value"]:
        address = one["userPrincipalName"]
        items, _ = graph.all_pages(
            f"/users/{address}/calendarView/delta", params=MONTH, prefer="odata.maxpagesize=500"
        )
        if {"occurrence", "exception"} <= {item["type"] for item in items}:
            return address, items
    raise AssertionError("nobody has a series with an exception")


def add_event(sandbox: SandboxServer, address: str = ADMIN, **event: Any) -> dict:
    """An event on 5 August 2026 from ten to eleven (UTC), changed by the keywords, by the control address."""
    times = {"start": "2026-08-05T10:00:00+00:00", "end": "2026-08-05T11:00:00+00:00"}
    return sandbox.control("POST", f"mailboxes/{address}/events", **(times | event))


def start_of(item: dict) -> str:
    """An item's start, to the minute."""
    return item["start"]["dateTime"][:16]
