"""What every Graph call has in common: the token, permissions, parameters, preferences, errors, throttling.

A view is registered with `@operation("calendar.get")`; its address, parameters and permissions come from the
table in operations.py. The view gets a `Call` and the ids in the address and answers with a dict or a response.
"""

import functools
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, g, jsonify, request

from ..app import base
from ..people import Person, Room, Tenant
from ..world import World, the_world
from . import people
from .blueprint import blueprint
from .event_shapes import Style
from .odata import QueryRefused
from .operations import OPERATIONS, Operation, allows
from .tokens import TokenRefused
from .turns import CALLS_AT_A_TIME
from .zones import zone_named

HOST = "graph.microsoft.com"
ROOT = f"/{HOST}/v1.0"
# Other spellings of path parts that Graph takes, as its own SDKs send them.
SPELLINGS = {
    "delta": "delta()",
    "microsoft.graph.user": "graph.user",
    "microsoft.graph.room": "graph.room",
    "microsoft.graph.roomlist": "graph.roomList",
}


class GraphError(Exception):
    """An error in Graph's envelope."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


@dataclass
class Call:
    """One Graph call: whose token, in which tenant, and how the caller wants the answer."""

    world: World
    operation: Operation
    tenant: Tenant
    app_id: str
    roles: set[str]
    zone: ZoneInfo
    zone_name: str
    immutable_ids: bool
    page_size: int | None

    @property
    def basic(self) -> bool:
        """Whether calendars are only shown as Calendars.ReadBasic.All allows."""
        return not self.roles & {"Calendars.Read", "Calendars.ReadWrite"}

    def style(self, owner: Person | Room) -> Style:
        """How to write this owner's events for this caller."""
        return Style(owner.id, owner.name, self.zone, self.zone_name, self.immutable_ids, self.basic)

    def fault(self, name: str, *more: str) -> dict[str, Any] | None:
        """The fault's parameters if it strikes this call."""
        return self.world.faults.hit(name, *g.labels, *more)

    def shortened(self, people: list) -> list:
        """What a listing of people holds while a fault makes it shorter."""
        return self.world.faults.shortened(people, *g.labels)

    def fail_on_page(self, number: int) -> None:
        """Fail with 500 when the fault `failing_page` is meant for this page (1 is the first)."""
        for one in self.world.faults.active():
            if one["fault"] == "failing_page" and one.get("page", 2) == number and self.fault("failing_page"):
                raise GraphError(500, "InternalServerError", "An internal server error occurred.")


def operation(name: str, *, mailbox: bool = False) -> Callable:
    """Register a view for a documented operation. With `mailbox` it gets the owner instead of the user id."""
    described = OPERATIONS[name]

    def register(view: Callable) -> Callable:
        @functools.wraps(view)
        def answer(**ids: str) -> Any:
            call = _begin(described)
            if mailbox:
                ids["owner"] = find_mailbox(call, ids.pop("user_id"))
            _common_faults(call)
            return view(call, **ids)

        for path in _spellings(described.path):
            rule = ROOT + re.sub(r"\{([\w-]+)\}", _argument, path)
            blueprint.add_url_rule(
                rule, f"{name}:{path}".replace(".", "_"), answer, methods=[described.method]
            )
        return view

    return register


def _argument(placeholder: re.Match) -> str:
    """`{onlineMeeting-id}` of the table as the view's argument `<meeting_id>`."""
    return f"<{placeholder[1].replace('onlineMeeting', 'meeting').replace('-', '_')}>"


def _spellings(path: str) -> set[str]:
    other = re.sub(r"[\w.]+$|[\w.]+(?=/rooms$)", lambda part: SPELLINGS.get(part[0], part[0]), path)
    return {path, other}


def _begin(described: Operation) -> Call:
    world = the_world()
    g.operation = described.name
    g.labels = (HOST, described.name, described.api)
    if world.faults.hit("token_revoked", *g.labels):
        raise unauthorized(
            "Continuous access evaluation resulted in claims challenge with result: InteractionRequired."
        )
    claims = _claims(world)
    tenant = world.tenant(claims["tid"])
    g.who = claims.get("upn") or claims.get("app_displayname") or claims["appid"]
    g.scopes = claims.get("roles", [])
    g.labels = (*g.labels, claims["appid"], tenant.domain)
    call = Call(world, described, tenant, claims["appid"], set(claims.get("roles", [])), *_preferences())
    unknown = set(request.args) - described.parameters
    if unknown:
        raise GraphError(400, "BadRequest", f"Unsupported query parameter: {', '.join(sorted(unknown))}.")
    if described.permissions and (not allows(described, call.roles) or call.fault("role_missing")):
        raise forbidden(described.api == "calendar")
    return call


def _claims(world: World) -> dict:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise unauthorized("Access token is empty.")
    try:
        return world.microsoft.tokens.read(token)
    except TokenRefused as error:
        raise unauthorized(str(error)) from error


def unauthorized(message: str) -> GraphError:
    """401: the token is missing, expired, or not for Graph."""
    where = 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
    return GraphError(401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": where})


def forbidden(by_exchange: bool) -> GraphError:
    """403: the token lacks the permission. Exchange words it differently from the directory."""
    if by_exchange:
        return GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    return GraphError(
        403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
    )


def _preferences() -> tuple[ZoneInfo, str, bool, int | None]:
    wanted = {}
    for part in ",".join(request.headers.getlist("Prefer")).split(","):
        name, _, value = part.strip().partition("=")
        wanted[name.strip().lower()] = value.strip().strip('"')
    zone_name = wanted.get("outlook.timezone", "UTC")
    zone = zone_named(zone_name)
    if zone is None:
        raise GraphError(
            400,
            "TimeZoneNotSupportedException",
            f"A valid TimeZone value must be specified. The following TimeZone value is not supported: '{zone_name}'.",
        )
    size = wanted.get("odata.maxpagesize")
    if size is not None and (not size.isdecimal() or int(size) < 1):
        raise GraphError(400, "BadRequest", f"Invalid value '{size}' for odata.maxpagesize.")
    return zone, zone_name, wanted.get("idtype", "").lower() == "immutableid", int(size) if size else None


def find_mailbox(call: Call, wanted: str) -> Person | Room:
    """The mailbox a calendar call is about, after everything that can keep a caller out of it."""
    owner = people.account(call.world, call.tenant, wanted)
    if owner is None:
        raise GraphError(404, "ErrorInvalidUser", f"The requested user '{wanted}' is invalid.")
    address = getattr(owner, "email", getattr(owner, "upn", ""))
    g.labels = (*g.labels, address)
    g.who = f"{g.who} for {address}"
    if g.get("calls_under_way", 0) > CALLS_AT_A_TIME:
        raise GraphError(
            429,
            "ApplicationThrottled",
            "Application is over its MailboxConcurrency limit.",
            {"Retry-After": "1"},
        )
    if not getattr(owner, "has_mailbox", False) or call.fault("mailbox_missing"):
        raise GraphError(
            404,
            "MailboxNotEnabledForRESTAPI",
            "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
        )
    if not call.basic and call.fault("mailbox_policy"):
        raise GraphError(403, "ErrorAccessDenied", "Access to OData is disabled.")
    return owner


def _common_faults(call: Call) -> None:
    if limited := call.fault("rate_limited"):
        raise throttled(
            limited.get("status", 429), limited.get("reason") or "TooManyRequests", limited.get("retry_after")
        )
    if broken := call.fault("server_error"):
        raise GraphError(
            broken.get("status", 500), "InternalServerError", "An internal server error occurred."
        )


def throttled(status: int, code: str, retry_after: int | None) -> GraphError:
    """429 (or 503, 504): too many calls."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return GraphError(status, code, "Too many requests. Please retry later.", headers)


# Answers


@blueprint.errorhandler(GraphError)
def _graph_error(error: GraphError) -> Response:
    request_id = str(uuid.uuid4())
    inner = {
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}",
        "request-id": request_id,
        "client-request-id": request.headers.get("client-request-id", request_id),
    }
    response = jsonify(error={"code": error.code, "message": error.message, "innerError": inner})
    response.status_code = error.status
    response.headers.update(error.headers | {"request-id": request_id})
    return response


@blueprint.errorhandler(QueryRefused)
def _query_refused(error: QueryRefused) -> Response:
    return _graph_error(GraphError(400, "BadRequest", str(error)))


@blueprint.route(f"{ROOT}/<path:rest>", methods=["GET", "POST", "PATCH", "PUT", "DELETE"])
def _unknown_path(rest: str) -> Response:
    """Everything that is not in the table: Graph calls it an unknown segment."""
    segment = rest.rstrip("/").rpartition("/")[2]
    raise GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}'.")


def body() -> dict[str, Any]:
    """The JSON object the caller sent, without its `@odata.` annotations, which anybody may send."""
    data = request.get_json(silent=True)
    if not isinstance(data, dict):
        raise GraphError(400, "BadRequest", "Unable to read JSON request payload.")
    return _without_annotations(data)


def _without_annotations(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_annotations(one) for name, one in value.items() if not name.startswith("@odata.")
        }
    return [_without_annotations(one) for one in value] if isinstance(value, list) else value


def context(path: str) -> str:
    """The @odata.context of an answer."""
    return f"{base(HOST)}/v1.0/$metadata#{path}"


def link(path: str, query: str) -> str:
    """An absolute address of this Graph, as links in answers carry it."""
    return f"{base(HOST)}/v1.0{path}?{query}"
