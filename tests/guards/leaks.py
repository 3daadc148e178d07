"""Looking for a word in everything the portal keeps, and for the secrets that went over the wire."""

import base64
import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django_q.models import OrmQ, Task
from django_q.signing import SignedPackage
from psycopg import sql

SECRET_NAMES = {
    "access_token",
    "id_token",
    "refresh_token",
    "assertion",
    "client_secret",
    "code",
    "code_verifier",
    "private_key",
}


def everything_kept() -> dict[str, str]:
    """Every row of every table as text, by table; what is packed is unpacked beside it."""
    with connection.cursor() as cursor:
        kept = {}
        for name in connection.introspection.table_names(cursor):
            cursor.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name)))
            kept[name] = "\n".join(row for (row,) in cursor.fetchall())
    kept["queue, unpacked"] = repr([SignedPackage.loads(row.payload) for row in OrmQ.objects.all()])
    tasks = Task.objects.values_list("name", "func", "args", "kwargs", "result")
    kept["finished jobs, unpacked"] = repr(list(tasks))
    kept["sessions, unpacked"] = repr([session.get_decoded() for session in Session.objects.all()])
    kept["cache, unpacked"] = repr(list(_cached()))
    if Path(settings.PROVIDER_CALL_LOG).exists():
        kept["log of calls"] = Path(settings.PROVIDER_CALL_LOG).read_text()
    return kept


def _cached() -> Iterator[object]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM cache")
        for (value,) in cursor.fetchall():
            yield pickle.loads(base64.b64decode(value))  # noqa: S301 our own test database


def places_of(word: str, kept: dict[str, str]) -> list[str]:
    """Where the word stands, with a little of what is around it."""
    return [
        f"{place}: …{text[max(0, hit.start() - 60) : hit.end() + 40]}…"
        for place, text in kept.items()
        for hit in list(re.finditer(re.escape(word), text))[:2]
    ]


class Wire:
    """What the portal sent and received: read along, never changed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.received: list[str] = []
        self.secrets: set[str] = set()
        send = requests.Session.send

        def read_along(session, request, **kwargs):
            answer = send(session, request, **kwargs)
            if "/control/" in request.url:  # the test's own word to the sandbox
                return answer
            self.received.append(answer.text)
            self._collect(request, answer)
            return answer

        monkeypatch.setattr(requests.Session, "send", read_along)

    def _collect(self, request: requests.PreparedRequest, answer: requests.Response) -> None:
        body = (
            request.body.decode(errors="replace") if isinstance(request.body, bytes) else request.body or ""
        )
        for query in (body, urlsplit(request.url).query, urlsplit(answer.headers.get("Location", "")).query):
            for name, values in parse_qs(query).items():
                if name in SECRET_NAMES:
                    self.secrets.update(values)
        try:
            found = json.loads(answer.text)
        except ValueError:
            return
        if isinstance(found, dict):
            self.secrets.update(str(v) for k, v in found.items() if k in SECRET_NAMES and isinstance(v, str))
            if "private_key" in found:
                self.secrets.update(found["private_key"].split("\n")[1:4])
