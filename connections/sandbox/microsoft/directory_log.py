"""What changed in a tenant's directory, by growing numbers: the memory behind users/delta and groups/delta.

Changes are noticed when somebody looks: each look compares the directory with what was last seen and numbers the
differences. Kept in state.json, so tokens outlive a restart.
"""

import hashlib
import json
import time
from typing import Any

from ..people import Tenant
from ..world import World


def look(world: World, tenant: Tenant, kind: str, rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Note what changed since the last look and give the log of this kind ("users" or "groups").

    `rows` are the present objects by id. The log holds `born` (its first number), `number` (its last) and, by
    id, entries {"digest", "change", "removed"}; groups also "members" {member id: {"change", "removed"}}.
    """
    with world.lock:
        logs = world.section("microsoft.directory_log")
        # Numbers go on from the clock, so a forgotten log never gives a number twice.
        now = int(time.time())
        log = logs.setdefault(f"{tenant.id}|{kind}", {"born": now, "number": now, "entries": {}})
        following = log["number"] + 1
        changed = [_note(log["entries"], object_id, row, following) for object_id, row in rows.items()]
        for object_id, entry in log["entries"].items():
            if object_id not in rows and not entry["removed"]:
                entry.update(change=following, removed=True)
                changed.append(True)
        if any(changed):
            log["number"] = following
            world.changed()
        return json.loads(json.dumps(log))


def _note(entries: dict[str, Any], object_id: str, row: dict[str, Any], number: int) -> bool:
    """Whether this object is new or differs from what was seen."""
    digest = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:16]
    entry = entries.get(object_id)
    if entry and entry["digest"] == digest and not entry["removed"]:
        return False
    members = entry.get("members", {}) if entry else {}
    for one in row.get("members", ()):
        if one not in members or members[one]["removed"]:
            members[one] = {"change": number, "removed": False}
    for one, seen in members.items():
        if one not in row.get("members", ()) and not seen["removed"]:
            seen.update(change=number, removed=True)
    entries[object_id] = {"digest": digest, "change": number, "removed": False}
    if members:
        entries[object_id]["members"] = members
    return True
