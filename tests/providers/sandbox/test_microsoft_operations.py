"""The table of Graph calls the sandbox answers against the contract pack, and who may make which."""

import json
from pathlib import Path

import pytest

from connections.sandbox.microsoft.operations import OPERATIONS, ROLE_IDS

from .microsoft_client import ADMIN, Graph

CONTRACTS = Path(__file__).parents[2] / "contracts"
MODES = json.loads((CONTRACTS / "access_modes.json").read_text())
MICROSOFT_MODES = [one for one in MODES["modes"] if one["provider"] == "microsoft" and one["operations"]]
REGISTRATIONS = {
    ("calendar", "read_write"): "calendar-read-write",
    ("calendar", "free_busy"): "calendar-free-busy",
    ("directory", "read"): "directory",
    ("conferencing", "teams"): "conferencing",
}


def test_the_table_is_the_contract():
    paths = json.loads((CONTRACTS / "microsoft.openapi.json").read_text())["paths"]
    described = {}
    for path, methods in paths.items():
        for method, spec in methods.items():
            query = {one["name"] for one in spec.get("parameters", []) if one["in"] == "query"}
            described[spec["operationId"]] = (
                method.upper(),
                path,
                query,
                set(spec["x-application-permissions"]),
            )
    table = {
        one.name: (one.method, one.path, set(one.parameters), set(one.permissions))
        for one in OPERATIONS.values()
    }
    assert table == described


def test_the_role_ids_are_those_of_the_contract():
    assert MODES["microsoft_application_role_ids"] == ROLE_IDS


@pytest.mark.parametrize("mode", MICROSOFT_MODES, ids=lambda one: f"{one['service']}-{one['mode']}")
def test_every_call_outside_the_mode_is_refused_and_none_inside(sandbox, mode):
    graph = Graph(sandbox, REGISTRATIONS[mode["service"], mode["mode"]])
    inside = {name for name in mode["operations"] if "[" not in name}
    for name, operation in OPERATIONS.items():
        if name.startswith("subscriptions."):
            continue  # decided by what is subscribed to; see the tests of subscriptions
        path = operation.path.replace("{user-id}", ADMIN)
        for placeholder in ("{event-id}", "{calendar-id}", "{group-id}", "{place-id}", "{onlineMeeting-id}"):
            path = path.replace(placeholder, "unknown")
        sent = {} if operation.method in ("POST", "PATCH") else None
        answer = graph.call(operation.method, path, json=sent, checked=False)
        assert (answer.status_code == 403) == (name not in inside), (name, answer.text)


def test_what_graph_does_not_have_is_an_unknown_segment(sandbox):
    graph = Graph(sandbox, "calendar-read-write")
    answer = graph.call("GET", f"/users/{ADMIN}/messages", checked=False)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Resource not found for the segment 'messages'."
