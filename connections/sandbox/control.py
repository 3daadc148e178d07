"""The control address: JSON under `/control/`, for tests and for trying things out. Loopback only."""

from __future__ import annotations

import secrets
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from . import keys
from .people import Group, Person
from .push_map import PushMap
from .world import World, the_world

blueprint = Blueprint("control", __name__, url_prefix="/control")


@blueprint.before_request
def _loopback_only() -> None:
    if request.remote_addr not in ("127.0.0.1", "::1"):
        abort(403)


@blueprint.errorhandler(400)
@blueprint.errorhandler(404)
def _problem(error: Any) -> tuple[Response, int]:
    return jsonify(error=error.description), error.code


def sent(*needed: str) -> dict[str, Any]:
    """The JSON object that was sent; 400 when it is none, or lacks one of `needed`."""
    data = request.get_json(silent=True)
    if data is None:
        data = {}
    if not isinstance(data, dict):
        abort(400, "send a JSON object")
    missing = [one for one in needed if one not in data]
    if missing:
        abort(400, f"missing: {', '.join(missing)}")
    return data


def moment_of(text: str) -> datetime:
    """An instant in UTC; 400 for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        abort(400, f"not an ISO 8601 time: {text!r}")
    if moment.tzinfo is None:
        abort(400, f"a time needs an offset: {text!r}")
    return moment.astimezone(UTC)


def state(world: World) -> dict[str, Any]:
    """What stands now, as `GET /control/state` gives it."""
    return {
        "now": world.now().isoformat(),
        "latency_ms": world.latency_ms,
        "push_map": world.push_map.text,
        "faults": world.faults.active(),
        "delegations": world.delegations,
        "consents": world.consents,
        "registrations": world.registrations,
        "dns": world.dns,
        "directory": world.section("directory"),
        "last_change": world.calendars.last_change,
        "calls": len(world.calls),
    }


@blueprint.get("/state")
def show_state() -> Response:
    return jsonify(state(the_world()))


@blueprint.post("/reset")
def reset() -> Response:
    world = the_world()
    world.faults.remove()
    world.real_clock()
    world.latency_ms = 0
    world.push_map = PushMap.of_the_environment()
    if sent().get("all"):
        world.forget()
        world.calls.clear()
    return jsonify(state(world))


@blueprint.post("/clock")
def clock() -> Response:
    world, data = the_world(), sent()
    if data.get("real"):
        world.real_clock()
    if "now" in data:
        world.set_clock(moment_of(data["now"]), frozen=bool(data.get("frozen")))
    if "advance_seconds" in data:
        world.advance_clock(float(data["advance_seconds"]))
    return jsonify(now=world.now().isoformat())


@blueprint.post("/latency")
def latency() -> Response:
    world = the_world()
    world.latency_ms = int(sent("ms")["ms"])
    return jsonify(latency_ms=world.latency_ms)


@blueprint.post("/push-map")
def push_map() -> Response:
    """Where push messages really go, until the next reset."""
    world, text = the_world(), str(sent("map")["map"])
    try:
        world.push_map = PushMap(text)
    except ValueError as problem:
        abort(400, str(problem))
    return jsonify(push_map=text)


@blueprint.get("/faults")
def list_faults() -> Response:
    faults = the_world().faults
    return jsonify(known=faults.known, active=faults.active())


@blueprint.post("/faults")
def add_fault() -> Response:
    world, data = the_world(), sent("fault")
    name = data.pop("fault")
    data.pop("hits", None)
    data.pop("since", None)
    try:
        world.faults.add(name, **data)
    except KeyError:
        abort(400, f"no such fault: {name}")
    return jsonify(active=world.faults.active())


@blueprint.delete("/faults")
@blueprint.delete("/faults/<name>")
def remove_faults(name: str | None = None) -> Response:
    world = the_world()
    world.faults.remove(name)
    return jsonify(active=world.faults.active())


@blueprint.post("/delegation")
def add_delegation() -> Response:
    world, data = the_world(), sent("client_id", "scopes")
    domain = data.get("tenant", "kube.example")
    world.delegate(domain, str(data["client_id"]), data["scopes"], float(data.get("spread_seconds", 0)))
    return jsonify(world.delegations)


@blueprint.delete("/delegation")
def remove_delegation() -> Response:
    """Remove what matches `client_id` and `tenant` of the body or query; everything when neither is given."""
    world = the_world()
    data = {**request.args, **sent()}
    for key in list(world.delegations):
        domain, _, client_id = key.partition("|")
        if data.get("client_id", client_id) == client_id and data.get("tenant", domain) == domain:
            world.undelegate(domain, client_id)
    return jsonify(world.delegations)


@blueprint.post("/consents")
def add_consent() -> Response:
    world, data = the_world(), sent("tenant", "client_id")
    tenant = world.tenant(data["tenant"])
    registration = world.registrations.get(data["client_id"])
    if tenant is None or registration is None:
        abort(400, "no such tenant or client id")
    roles = data.get("roles", registration["roles"])
    world.consents[f"{tenant.id}|{data['client_id']}"] = {"since": time.time(), "roles": roles}
    world.changed()
    return jsonify(world.consents)


@blueprint.delete("/consents")
def remove_consent() -> Response:
    world = the_world()
    data = {**request.args, **sent()}
    tenant = world.tenant(data.get("tenant", ""))
    for key in list(world.consents):
        tenant_id, _, client_id = key.partition("|")
        if (tenant is None or tenant.id == tenant_id) and data.get("client_id", client_id) == client_id:
            del world.consents[key]
    world.changed()
    return jsonify(world.consents)


@blueprint.post("/service-accounts")
def add_service_account() -> Response:
    try:
        account = keys.service_account(the_world().home, str(sent("name")["name"]))
    except ValueError as problem:
        abort(400, str(problem))
    return jsonify(account)


@blueprint.post("/registrations")
def add_registration() -> Response:
    world, data = the_world(), sent("name", "roles")
    client_id = str(uuid.uuid4())
    entry = {"name": data["name"], "roles": list(data["roles"]), "secret": f"sandbox-secret-{data['name']}"}
    world.registrations[client_id] = entry
    world.changed()
    return jsonify(client_id=client_id, **entry)


@blueprint.post("/dns")
def set_dns() -> Response:
    world, data = the_world(), sent("name", "txt")
    name = data["name"].rstrip(".").lower()
    if data["txt"]:
        world.dns[name] = list(data["txt"])
    else:
        world.dns.pop(name, None)
    world.changed()
    return jsonify(world.dns)


@blueprint.get("/calls")
def calls() -> Response:
    """Calls of the providers' hosts, oldest first; `since` is epoch seconds."""
    since = float(request.args.get("since", 0))
    return jsonify(calls=[one for one in list(the_world().calls) if one["time"] > since])


@blueprint.get("/pushes")
def pushes() -> Response:
    """Push messages sent to the portal, oldest first; status 0 means nobody answered."""
    since = float(request.args.get("since", 0))
    return jsonify(pushes=[one for one in list(the_world().pushes) if one["time"] > since])


# The directory


@blueprint.post("/directory")
def use_snapshot() -> Response:
    world, data = the_world(), sent("snapshot")
    try:
        world.use_snapshot(data["snapshot"])
    except KeyError:
        abort(400, "no such snapshot")
    return jsonify(snapshot=data["snapshot"], people=len(world.people))


def _person(address: str) -> Person:
    person = the_world().person(address)
    if person is None:
        abort(404, f"nobody has this address: {address}")
    return person


@blueprint.post("/people")
def add_person() -> Response:
    world, data = the_world(), sent("email", "given_name", "family_name")
    person = Person(
        id=data.get("id") or secrets.token_hex(10),
        given_name=data["given_name"],
        family_name=data["family_name"],
        email=data["email"],
        department=data.get("department", ""),
        time_zone=data.get("time_zone", "Europe/Berlin"),
    )
    world.change_person(person)
    world.tell_directory("add", person)
    return jsonify(vars(person))


@blueprint.patch("/people/<address>")
def change_person(address: str) -> Response:
    person, data = _person(address), sent()
    allowed = {
        "given_name",
        "family_name",
        "email",
        "department",
        "time_zone",
        "suspended",
        "archived",
        "aliases",
    }
    if set(data) - allowed:
        abort(400, f"only {', '.join(sorted(allowed))} can be changed")
    the_world().change_person(person, **data)
    the_world().tell_directory("update", person)
    return jsonify(vars(person))


@blueprint.delete("/people/<address>")
def remove_person(address: str) -> Response:
    world, person = the_world(), _person(address)
    world.change_person(person, deleted_at=world.now().isoformat())
    world.tell_directory("delete", person)
    return jsonify(vars(person))


@blueprint.post("/groups")
def set_group() -> Response:
    """A group with these members (addresses), whatever it was before; `parent` is the id of another group."""
    data = sent("id", "name", "members")
    members = [_person(address).id for address in data["members"]]
    group = Group(id=data["id"], name=data["name"], parent=data.get("parent"), members=members)
    the_world().set_group(group)
    return jsonify(vars(group))
