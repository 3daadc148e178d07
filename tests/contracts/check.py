"""Does one HTTP exchange keep to the contracts? Path, method, query names, body, status and answer.

Addresses may be the providers' own or those of the sandbox, where the real host is the first path segment.
Unknown query parameters count as problems, which OpenAPI validators let pass.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

HERE = Path(__file__).parent
FILES = ("google.openapi.json", "microsoft.openapi.json", "oauth_webhooks.openapi.json")
METHODS = {"get", "post", "put", "patch", "delete"}
FORM = "application/x-www-form-urlencoded"
# The offset may be missing: Google calls wall time beside a timeZone a date-time too.
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
formats = FormatChecker()


@formats.checks("date-time")
def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value))
    except ValueError:
        return False
    return RFC_3339.fullmatch(value) is not None


@formats.checks("time")
def _is_time_of_day(value: object) -> bool:
    # Graph's Edm.TimeOfDay, "08:00:00.0000000": unlike RFC 3339's time it has no offset.
    return not isinstance(value, str) or re.fullmatch(r"\d\d:\d\d:\d\d(\.\d{1,7})?", value) is not None


@dataclass(frozen=True)
class Operation:
    """One operation of a document: its id, where it is, and its own description."""

    id: str
    method: str
    host: str
    path: re.Pattern[str]
    template: str
    spec: dict[str, Any]
    parameters: tuple[dict[str, Any], ...]
    document: Document


class Document:
    """One OpenAPI file of this folder."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tree = json.loads((HERE / name).read_text())
        self.registry = Registry().with_resource(
            f"urn:{name}", Resource.from_contents(self.tree, default_specification=DRAFT202012)
        )
        self._validators: dict[str, Draft202012Validator] = {}

    def resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        """The node itself, or what its `$ref` points at."""
        while "$ref" in node:
            found: Any = self.tree
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def problems(self, schema: dict[str, Any], value: Any) -> list[str]:
        """What is wrong with the value, one sentence each."""
        text = json.dumps(schema)
        if text not in self._validators:
            absolute = json.loads(text.replace('"$ref": "#/', f'"$ref": "urn:{self.name}#/'))
            self._validators[text] = Draft202012Validator(
                absolute, registry=self.registry, format_checker=formats
            )
        return [
            f"{'/'.join(map(str, one.absolute_path)) or 'body'}: {one.message[:160]}"
            for one in self._validators[text].iter_errors(value)
        ]

    def operations(self) -> list[Operation]:
        """Every operation, once for each address it has."""
        out = []
        for template, item in self.tree["paths"].items():
            for server in item.get("servers") or self.tree["servers"]:
                address = urlsplit(server["url"])
                literal = re.split(r"\{[^}]+\}", address.path.rstrip("/") + template)
                pattern = re.compile("[^/]+".join(map(re.escape, literal)))
                for method, spec in item.items():
                    if method in METHODS:
                        rows = [*item.get("parameters", []), *spec.get("parameters", [])]
                        parameters = tuple(self.resolve(row) for row in rows)
                        out.append(
                            Operation(
                                spec["operationId"],
                                method.upper(),
                                address.netloc,
                                pattern,
                                template,
                                spec,
                                parameters,
                                self,
                            )
                        )
        return out


def real_address(url: str) -> tuple[str, str, str]:
    """Host, path and query of the provider's own address, for an address of the provider or the sandbox."""
    parts = urlsplit(url)
    host, path = parts.netloc, parts.path
    if parts.hostname in ("localhost", "127.0.0.1"):
        host, _, rest = path.lstrip("/").partition("/")
        path = f"/{rest}"
    return host, path, parts.query


class Contracts:
    """All contracts together."""

    def __init__(self) -> None:
        found = [one for name in FILES for one in Document(name).operations()]
        # The address with fewer placeholders is the nearer one: /events/watch before /events/{eventId}.
        self.operations = sorted(found, key=lambda one: (one.template.count("{"), -len(one.template)))

    @classmethod
    @cache
    def load(cls) -> Contracts:
        """The contracts, read once."""
        return cls()

    def operation(self, method: str, url: str) -> Operation:
        """The operation of this call. Raises AssertionError when there is none."""
        host, path, _ = real_address(url)
        for one in self.operations:
            if one.method == method.upper() and one.host == host and one.path.fullmatch(path):
                return one
        raise AssertionError(f"no such operation: {method} {host}{path}")

    def request_problems(
        self,
        method: str,
        url: str,
        content: str | bytes | None = None,
        content_type: str = "application/json",
    ) -> list[str]:
        """What is wrong with a call: query names and values, and the body."""
        operation = self.operation(method, url)
        return self._query_problems(operation, url) + self._body_problems(operation, content, content_type)

    def _query_problems(self, operation: Operation, url: str) -> list[str]:
        known = {one["name"]: one for one in operation.parameters if one["in"] == "query"}
        sent = parse_qsl(real_address(url)[2], keep_blank_values=True)
        names = {name for name, _ in sent}
        out = [f"unknown query parameter {name}" for name in sorted(names - set(known))]
        out += [
            f"missing query parameter {name}"
            for name, one in known.items()
            if one.get("required") and name not in names
        ]
        for name, value in sent:
            if name in known:
                schema = operation.document.resolve(known[name].get("schema", {}))
                if schema.get("type") == "array":
                    schema = schema.get("items", {})
                    for part in value.split(",") if not known[name].get("explode", True) else [value]:
                        out += self._value_problems(operation, name, schema, part)
                else:
                    out += self._value_problems(operation, name, schema, value)
        return out

    def _value_problems(
        self, operation: Operation, name: str, schema: dict[str, Any], text: str
    ) -> list[str]:
        value: Any = text
        if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", text):
            value = int(text)
        elif schema.get("type") == "boolean":
            value = {"true": True, "false": False}.get(text, text)
        return [f"{name}: {one}" for one in operation.document.problems(schema, value)]

    def _body_problems(
        self, operation: Operation, content: str | bytes | None, content_type: str
    ) -> list[str]:
        wanted = operation.document.resolve(operation.spec.get("requestBody", {}))
        if not content:
            return ["the body is missing"] if wanted.get("required") else []
        if not wanted:
            return ["a body where none belongs"]
        kind = content_type.partition(";")[0].strip().lower()
        if kind not in wanted["content"]:
            return [f"the body is {kind}, not {' or '.join(wanted['content'])}"]
        text = content.decode() if isinstance(content, bytes) else content
        value = dict(parse_qsl(text, keep_blank_values=True)) if kind == FORM else json.loads(text)
        return operation.document.problems(wanted["content"][kind]["schema"], value)

    def response_problems(
        self, method: str, url: str, status: int, content: bytes, content_type: str = "application/json"
    ) -> list[str]:
        """What is wrong with an answer: its status, its kind and its body."""
        operation = self.operation(method, url)
        answers = operation.spec["responses"]
        answer = answers.get(str(status)) or answers.get(f"{status // 100}XX")
        if answer is None and status >= 400:
            answer = answers.get("default")
        if answer is None:
            return [f"the status {status} is not one of this operation"]
        described = operation.document.resolve(answer).get("content", {})
        if "application/json" not in described:
            return ["a body where none belongs"] if content and status == 204 else []
        if not content:
            return ["the answer has no body"]
        if not content_type.startswith("application/json"):
            return [f"the answer is {content_type}"]
        return operation.document.problems(described["application/json"]["schema"], json.loads(content))

    def problems(self, response: requests.Response) -> list[str]:
        """Everything wrong with one exchange made with `requests`."""
        sent = response.request
        kind = sent.headers.get("Content-Type", "application/json")
        answer_kind = response.headers.get("Content-Type", "")
        return [
            f"request: {one}" for one in self.request_problems(sent.method, sent.url, sent.body, kind)
        ] + [
            f"answer: {one}"
            for one in self.response_problems(
                sent.method, sent.url, response.status_code, response.content, answer_kind
            )
        ]
