"""The control address of what stands in a mailbox: events come, change and go, as their owners would do it."""

from __future__ import annotations

import uuid
from dataclasses import replace as _replace
from datetime import date, datetime, timedelta
from typing import Any

from flask import Response, abort, jsonify, request

from .control import blueprint, moment_of, sent
from .events import KINDS, Event, event_to_json
from .mailboxes import PRIMARY, canary, instant
from .world import the_world


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
    begin = moment_of(data["start"]) if "start" in data else start
    if begin is None or "end" not in data:
        abort(400, "give start and end, or date")
    end = moment_of(data["end"])
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
    world, data, owner = the_world(), sent(), _mailbox(address)
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
    world, data, owner = the_world(), sent(), _mailbox(address)
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
    start = moment_of(request.args["from"]) if "from" in request.args else world.now()
    end = moment_of(request.args["to"]) if "to" in request.args else start + timedelta(days=14)
    found = world.calendars.instances(owner, request.args.get("calendar", PRIMARY), start, end)
    return jsonify(events=[{**event_to_json(one), "blocks": one.blocks} for one in found if not one.deleted])
