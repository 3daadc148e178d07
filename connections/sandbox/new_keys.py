"""New keys at the control address: a second key of a service account, a second secret of a registration."""

from flask import Response, abort, jsonify, request

from . import keys
from .control import blueprint
from .world import the_world


@blueprint.post("/service-accounts/<name>/keys")
def add_key(name: str) -> Response:
    """The file of one more key; the ones before go on working until the fault `service_key_removed`."""
    try:
        return jsonify(keys.further_key(the_world().home, name))
    except ValueError as problem:
        return abort(400, str(problem))


@blueprint.post("/registrations/<client_id>/secrets")
def add_secret(client_id: str) -> Response:
    """One more secret of the registration; with `instead` those before stop working."""
    world, data = the_world(), request.get_json(silent=True) or {}
    entry = world.registrations.get(client_id)
    if entry is None or not isinstance(data.get("secret"), str):
        abort(400, "no such client id, or no secret")
    if data.get("instead"):
        entry |= {"secret": data["secret"], "more_secrets": []}
    else:
        entry["more_secrets"] = [*entry.get("more_secrets", []), data["secret"]]
    world.changed()
    return jsonify(entry)
