"""What only Google's side needs at the control address: people's own grants, open channels, a storm of messages."""

from flask import Response, abort, jsonify, request

from ..control import blueprint
from ..world import the_world
from . import channels, grants, storm, tokens
from .oauth import CLIENT_ID

MOST_MESSAGES, MOST_WORKERS = 100_000, 64


@blueprint.get("/google/grants")
def show_grants() -> Response:
    """What people granted in the browser."""
    return jsonify(grants=grants.shown(the_world()))


@blueprint.delete("/google/grants")
def remove_grant() -> Response:
    """The person `address` takes the application off the list in their account."""
    world, address = the_world(), str((request.get_json(silent=True) or {}).get("address", ""))
    person = world.person(address)
    if person is None or not tokens.end_grant(world, CLIENT_ID, person.id):
        abort(404, f"no grant of {address}")
    return jsonify(grants=grants.shown(world))


@blueprint.get("/google/channels")
def show_channels() -> Response:
    """Every channel that is open now."""
    return jsonify(channels=channels.open_now(the_world()))


@blueprint.post("/pushes/storm")
def send_storm() -> Response:
    """Send `each` messages to each of `channels` (a number, or "all") with `workers` at a time; then answer."""
    data = request.get_json(silent=True) or {}
    try:
        wanted = data.get("channels", "all")
        most = None if wanted == "all" else int(wanted)
        each, workers = int(data.get("each", 1)), int(data.get("workers", 8))
    except (TypeError, ValueError):
        abort(400, 'channels is a number or "all", each and workers are numbers')
    found = channels.open_now(the_world())[:most]
    if not 1 <= workers <= MOST_WORKERS or not 0 < each * max(1, len(found)) <= MOST_MESSAGES:
        abort(400, f"at most {MOST_MESSAGES} messages and {MOST_WORKERS} workers")
    return jsonify(storm.send(the_world(), found, each, workers))
