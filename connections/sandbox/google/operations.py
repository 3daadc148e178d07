"""What every API call goes through: token, faults, scopes, query names, partial answers.

`operations.json` holds for each operation (Google's Discovery id) the scopes of which any one is enough, without
their common prefix, and the query parameters it knows; taken from Google's Discovery documents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from flask import Response, g, jsonify, request

from ..people import Person, Room
from ..world import World, the_world
from .errors import ApiError, bad_request
from .partial import only
from .tokens import PREFIX, Token, find_token

OPERATIONS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "operations.json").read_text())
ANY_CALL = {"alt", "fields", "key", "prettyPrint", "quotaUser"}
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
SIGN_IN_SCOPES = {"openid"}


def operation(name: str) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Make a view the answer to this operation. It returns a dict, or a Response, or raises ApiError."""
    known = OPERATIONS[name]

    def decorate(view: Callable[..., Any]) -> Callable[..., Response]:
        @wraps(view)
        def run(**path: str) -> Response:
            world = the_world()
            g.operation = name
            token = _token(world)
            g.token, g.who, g.scopes = token, token.subject, token.scopes
            api = name.partition(".")[0]
            host = request.path.split("/")[1]
            g.labels = (name, api, host, token.subject, token.client_id, *path.values())
            _refuse_by_fault(world)
            if not {_long(one) for one in known["scopes"]} & token.scopes:
                raise ApiError(
                    403,
                    "insufficientPermissions",
                    "Request had insufficient authentication scopes.",
                )
            _check_query(known["query"])
            answer = view(**path)
            if isinstance(answer, Response):
                return answer
            fields = request.args.get("fields")
            return jsonify(only(answer, fields) if fields else answer)

        return run

    return decorate


def _long(scope: str) -> str:
    return scope if scope in SIGN_IN_SCOPES else PREFIX + scope


def _token(world: World) -> Token:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    token = find_token(world, text) if kind.lower() == "bearer" else None
    labels = (token.subject, token.client_id) if token else ()
    if token is None or world.faults.hit("token_revoked", g.operation, *labels):
        raise ApiError(
            401,
            "authError",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
            "other valid authentication credential.",
        )
    return token


def _refuse_by_fault(world: World) -> None:
    limited = world.faults.hit("rate_limited", *g.labels)
    if limited:
        code = int(limited.get("status", 429))
        reason = limited.get("reason", "rateLimitExceeded")
        headers = {"Retry-After": str(limited["retry_after"])} if "retry_after" in limited else {}
        domain = "calendar" if reason == "quotaExceeded" else "usageLimits"
        message = limited.get(
            "message", "Calendar usage limits exceeded." if domain == "calendar" else "Rate Limit Exceeded"
        )
        raise ApiError(code, reason, message, domain, headers)
    broken = world.faults.hit("server_error", *g.labels)
    if broken:
        raise ApiError(int(broken.get("status", 500)), "backendError", "Backend Error")
    if world.faults.hit("access_not_configured", *g.labels):
        raise ApiError(
            403,
            "accessNotConfigured",
            "The API has not been used in project convoke-sandbox before or it is disabled.",
            "usageLimits",
        )


def _check_query(known: dict[str, dict[str, Any]]) -> None:
    for name, value in request.args.items(multi=True):
        if name in ANY_CALL:
            continue
        if name not in known:
            raise bad_request(f'Unknown name "{name}": Cannot bind query parameter.', "badRequest", name)
        problem = _problem(known[name], value)
        if problem:
            raise bad_request(f"Invalid value for {name}: {problem}", "invalidParameter", name)


def _problem(rule: dict[str, Any], value: str) -> str | None:
    if rule["type"] == "integer":
        if not re.fullmatch(r"-?\d+", value):
            return "not a number"
        if not rule.get("minimum", -(10**9)) <= int(value) <= rule.get("maximum", 10**9):
            return f"must be between {rule.get('minimum')} and {rule.get('maximum')}"
    elif rule["type"] == "boolean" and value not in ("true", "false"):
        return "not true or false"
    elif rule.get("format") == "date-time" and not RFC_3339.fullmatch(value):
        return "not an RFC 3339 time with an offset"
    elif "enum" in rule and value not in rule["enum"]:
        return f"not one of {', '.join(rule['enum'])}"
    return None


def flag(name: str) -> bool:
    """A boolean query parameter, false when absent."""
    return request.args.get(name) == "true"


def number(name: str, default: int) -> int:
    """A number of the query, already checked."""
    return int(request.args.get(name, default))


def body() -> dict[str, Any]:
    """The JSON object sent. Raises ApiError 400 for anything else."""
    data = request.get_json(silent=True) if request.get_data() else {}
    if not isinstance(data, dict):
        raise bad_request("Parse Error", "parseError")
    return data


def caller() -> Person | Room | None:
    """The person the token acts as; None for a service account as itself."""
    return the_world().mailbox(g.token.person_id) if g.token.person_id else None


def page_fails(number_of_page: int) -> None:
    """Raise 500 when the fault `failing_page` is on for this page (counted from 1)."""
    world = the_world()
    for active in world.faults.active():
        here = active["fault"] == "failing_page" and int(active.get("page", 2)) == number_of_page
        if here and world.faults.hit("failing_page", *g.labels):
            raise ApiError(500, "backendError", "Backend Error")
