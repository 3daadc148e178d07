"""The control address: JSON under `/control/`, for tests and for trying things out. Loopback only."""

from __future__ import annotations

import secrets
import time
import uuid
from dataclasses import replace as _replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from . import keys
from .events import KINDS, Event, event_to_json
from .mailboxes import PRIMARY, canary, instant
from .people import Person
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


def _body(*needed: str) -> dict[str, Any]:
    data = request.get_json(silent=True)
    if data is None:
        data = {}
    if not isinstance(data, dict):
        abort(400, "send a JSON object")
    missing = [one for one in needed if one not in data]
    if missing:
        abort(400, f"missing: {', '.join(missing)}")
    return data


def _moment(text: str) -> datetime:
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
    if _body().get("all"):
        world.forget()
        world.calls.clear()
    return jsonify(state(world))


@blueprint.post("/clock")
def clock() -> Response:
    world, data = the_world(), _body()
    if data.get("real"):
        world.real_clock()
    if "now" in data:
        world.set_clock(_moment(data["now"]), frozen=bool(data.get("frozen")))
    if "advance_seconds" in data:
        world.advance_clock(float(data["advance_seconds"]))
    return jsonify(now=world.now().isoformat())


@blueprint.post("/latency")
def latency() -> Response:
    world = the_world()
    world.latency_ms = int(_body("ms")["ms"])
    return jsonify(latency_ms=world.latency_ms)


@blueprint.post("/push-map")
def push_map() -> Response:
    """Where push messages really go, until the next reset."""
    world, text = the_world(), str(_body("map")["map"])
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
    world, data = the_world(), _body("fault")
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
    world, data = the_world(), _body("client_id", "scopes")
    domain = data.get("tenant", "kube.example")
    world.delegate(domain, str(data["client_id"]), data["scopes"], float(data.get("spread_seconds", 0)))
    return jsonify(world.delegations)


@blueprint.delete("/delegation")
def remove_delegation() -> Response:
    """Remove what matches `client_id` and `tenant` of the body or query; everything when neither is given."""
    world = the_world()
    data = {**request.args, **_body()}
    for key in list(world.delegations):
        domain, _, client_id = key.partition("|")
        if data.get("client_id", client_id) == client_id and data.get("tenant", domain) == domain:
            world.undelegate(domain, client_id)
    return jsonify(world.delegations)


@blueprint.post("/consents")
def add_consent() -> Response:
    world, data = the_world(), _body("tenant", "client_id")
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
    data = {**request.args, **_body()}
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
        account = keys.service_account(the_world().home, str(_body("name")["name"]))
    except ValueError as problem:
        abort(400, str(problem))
    return jsonify(account)


@blueprint.post("/registrations")
def add_registration() -> Response:
    world, data = the_world(), _body("name", "roles")
    client_id = str(uuid.uuid4())
    entry = {"name": data["name"], "roles": list(data["roles"]), "secret": f"sandbox-secret-{data['name']}"}
    world.registrations[client_id] = entry
    world.changed()
    return jsonify(client_id=client_id, **entry)


@blueprint.post("/dns")
def set_dns() -> Response:
    world, data = the_world(), _body("name", "txt")
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
    world, data = the_world(), _body("snapshot")
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
    world, data = the_world(), _body("email", "given_name", "family_name")
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
    person, data = _person(address), _body()
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


# Mailboxes


def _mailbox(address: str) -> Any:
    owner = the_world().mailbox(address)
    if owner is None or not owner.has_mailbox:
        abort(404, f"no mailbox has this address: {address}")
    return owner


def _times(data: dict[str, Any], zone: str, start: datetime | None = None) -> dict[str, Any]:
    """start, end and all_day of the event from {start, end} or {date}."""
    if "date" in data:
        try:
            day = date.fromisoformat(data["date"])
        except ValueError:
            abort(400, "date is YYYY-MM-DD")
        end = instant(day + timedelta(days=1), 0, zone)
        return {"start": instant(day, 0, zone), "end": end, "all_day": True}
    begin = _moment(data["start"]) if "start" in data else start
    if begin is None or "end" not in data:
        abort(400, "give start and end, or date")
    end = _moment(data["end"])
    if end <= begin:
        abort(400, "end must be after start")
    return {"start": begin, "end": end, "all_day": False}


def _traits(kind: str) -> dict[str, Any]:
    if kind not in KINDS:
        abort(400, f"kind is one of {', '.join(KINDS)}")
    plain = {"show_as": "busy", "response": "organizer", "private": False, "cancelled": False}
    traits = {**plain, **KINDS[kind], "kind": kind}
    traits.pop("all_day", None)
    return traits


@blueprint.post("/mailboxes/<address>/events")
def add_event(address: str) -> Response:
    world, data, owner = the_world(), _body(), _mailbox(address)
    zone = data.get("time_zone", owner.time_zone)
    mark = canary(owner.id)
    traits = _traits(data.get("busy", "busy"))
    event_id = uuid.uuid4().hex
    event = Event(
        id=event_id,
        zone=zone,
        summary=data.get("summary", f"Event {mark}"),
        description=f"Notes of {mark}",
        location=f"Room of {mark}",
        rrule=data.get("rrule"),
        organizer=owner.email if traits["response"] == "organizer" else f"host-{mark}@guests.example",
        uid=f"{event_id}@sandbox.example",
        **_times(data, zone),
        **traits,
    )
    world.calendars.save(owner, data.get("calendar", PRIMARY), event)
    return jsonify(event_to_json(event))


def _event(owner: Any, event_id: str) -> tuple[str, Event]:
    calendars = the_world().calendars
    for name in calendars.names(owner):
        event = calendars.event(owner, name, event_id)
        if event and not event.deleted:
            return name, event
    return abort(404, f"no such event: {event_id}")


@blueprint.patch("/mailboxes/<address>/events/<event_id>")
def change_event(address: str, event_id: str) -> Response:
    """Change times and kind; `responses` {address: accepted|declined|tentative} are answers of attendees."""
    world, data, owner = the_world(), _body(), _mailbox(address)
    calendar, event = _event(owner, event_id)
    values: dict[str, Any] = {"exception": bool(event.series), "revision": event.revision + 1}
    if {"start", "end", "date"} & set(data):
        values |= _times(data, event.zone, event.start)
    if "kind" in data:
        values |= _traits(data["kind"])
    if "summary" in data:
        values["summary"] = data["summary"]
    if "responses" in data:
        answers = {one.lower(): value for one, value in data["responses"].items()}
        values["attendees"] = tuple(
            _replace(one, response=answers.get(one.address.lower(), one.response)) for one in event.attendees
        )
    changed = world.calendars.save(owner, calendar, _replace(event, **values))
    return jsonify(event_to_json(changed))


@blueprint.delete("/mailboxes/<address>/events/<event_id>")
def remove_event(address: str, event_id: str) -> Response:
    owner = _mailbox(address)
    calendar, event = _event(owner, event_id)
    return jsonify(event_to_json(the_world().calendars.delete(owner, calendar, event)))


@blueprint.get("/mailboxes/<address>/events")
def list_events(address: str) -> Response:
    """Events and occurrences that overlap the window from..to (two weeks from now when not given)."""
    world, owner = the_world(), _mailbox(address)
    start = _moment(request.args["from"]) if "from" in request.args else world.now()
    end = _moment(request.args["to"]) if "to" in request.args else start + timedelta(days=14)
    found = world.calendars.instances(owner, request.args.get("calendar", PRIMARY), start, end)
    return jsonify(events=[{**event_to_json(one), "blocks": one.blocks} for one in found if not one.deleted])
