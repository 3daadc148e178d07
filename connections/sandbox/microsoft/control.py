"""What only Microsoft's side needs at the control address: subscriptions, and lifecycle events at will."""

from flask import Response, abort, jsonify, request

from ..control import blueprint
from ..world import the_world

EVENTS = ("missed", "subscriptionRemoved", "reauthorizationRequired")


@blueprint.get("/microsoft/subscriptions")
def show_subscriptions() -> Response:
    """Every subscription of every application."""
    return jsonify(subscriptions=list(the_world().microsoft.notifications.subscriptions().values()))


@blueprint.post("/microsoft/lifecycle")
def send_lifecycle() -> Response:
    """Send `event` to one subscription (`subscription_id`) or to all."""
    data = request.get_json(silent=True) or {}
    if data.get("event") not in EVENTS:
        abort(400, f"event is one of {', '.join(EVENTS)}")
    notifications = the_world().microsoft.notifications
    wanted = data.get("subscription_id")
    found = [one for key, one in list(notifications.subscriptions().items()) if wanted in (None, key)]
    for one in found:
        notifications.lifecycle(one, data["event"])
    return jsonify(sent=[one["id"] for one in found])
