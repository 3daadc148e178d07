"""users/delta and groups/delta: https://learn.microsoft.com/graph/delta-query-overview.

A token lives seven days; a lost one is answered 410 with the address of a full round. Deleted objects come as
`@removed`, soft-deleted ones with the reason "changed"; a disabled account is a change of accountEnabled.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import request

from . import directory_log, people, properties
from .delta import sync_state_gone
from .directory import group_json, user_json
from .graph import Call, GraphError, context, link, operation
from .odata import QueryRefused, select_names
from .paging import pack, path_here, unpack
from .people import object_id

TOKEN_LIFE = timedelta(days=7)
PAGE, LARGEST_PAGE = 100, 999
MOST_IDS = 50


@dataclass
class Round:
    """One round: what is asked, the number it starts after (None: everything), and how far it has come."""

    kind: str
    made: str  # calendar clock, ISO 8601
    since: int | None
    change: int
    select: str = ""
    only: str = ""  # the $filter by id
    after: str = ""
    page: int = 1


@operation("users.delta")
def users_delta(call: Call) -> dict:
    """Accounts, then what changed about them."""
    rows = {object_id(one.id): user_json(one) for one in people.accounts(call.world, call.tenant)}
    return _page(call, "users", rows, properties.USER, _user_item)


@operation("groups.delta")
def groups_delta(call: Call) -> dict:
    """Groups with their members, then what changed about them."""
    rows = {}
    for group in people.tenant_groups(call.world, call.tenant).values():
        children = [child.id for child in group.children if child.everybody()]
        rows[group.id] = group_json(group) | {"members": [*map(object_id, group.members), *children]}
    return _page(call, "groups", rows, properties.GROUP | {"members"}, _group_item)


def _page(
    call: Call, kind: str, rows: dict[str, dict], known: frozenset[str], write: Callable[..., dict]
) -> dict:
    log = directory_log.look(call.world, call.tenant, kind, rows)
    this = _round(call, kind, log)
    call.fail_on_page(this.page)
    names = select_names(this.select, known)
    wanted = _wanted_ids(this.only)
    entries = sorted(
        (object_id, entry)
        for object_id, entry in log["entries"].items()
        if (not wanted or object_id in wanted)
        and (entry["change"] > this.since if this.since is not None else not entry["removed"])
    )
    if kind == "users" and this.since is None:
        entries = call.shortened(entries)
    entries = [one for one in entries if one[0] > this.after]
    size = min(call.page_size or PAGE, LARGEST_PAGE)
    page = entries[:size]
    value = [
        _removed(call, object_id) if entry["removed"] else write(rows[object_id], entry, names, this.since)
        for object_id, entry in page
    ]
    answer: dict[str, Any] = {"@odata.context": context(kind), "value": value}
    if request.args.get("$skiptoken") and call.fault("directory_page_repeats"):
        answer["@odata.nextLink"] = link(path_here(), urlencode(request.args, safe="$"))
        return answer
    if len(entries) > size:
        following = replace(this, after=page[-1][0], page=this.page + 1)
        answer["@odata.nextLink"] = link(path_here(), f"$skiptoken={pack(vars(following))}")
        return answer
    if value and call.fault("delta_replay"):
        value.append(value[0])
    following = replace(this, since=this.change, after="", page=1, made=call.world.now().isoformat())
    answer["@odata.deltaLink"] = link(path_here(), f"$deltatoken={pack(vars(following))}")
    return answer


def _round(call: Call, kind: str, log: dict[str, Any]) -> Round:
    args, now = request.args, call.world.now()
    token = args.get("$deltatoken") or args.get("$skiptoken")
    latest = args.get("$deltatoken") == "latest"
    if token is None or latest:
        since = log["number"] if latest else None
        asked = args.get("$select", ""), args.get("$filter", "")
        return Round(kind, now.isoformat(), since, log["number"], *asked)
    values = unpack(token)
    if values.get("kind") != kind:
        raise GraphError(400, "BadRequest", "Badly formed token.")
    this = Round(**values)
    old = now - datetime.fromisoformat(this.made) > TOKEN_LIFE
    gone = call.fault("delta_gone") if args.get("$deltatoken") else None
    if gone or old or not log["born"] <= this.change <= log["number"]:
        again = {"$select": this.select, "$filter": this.only}
        query = urlencode({name: value for name, value in again.items() if value}, safe="$")
        raise sync_state_gone(gone or {}, {"Location": link(path_here(), query)})
    if args.get("$deltatoken"):
        this.change = log["number"]
    return this


def _wanted_ids(expression: str) -> set[str]:
    """The ids of a $filter: only `id eq '...'`, joined by `or`, at most fifty."""
    if not expression:
        return set()
    found = [re.fullmatch(r"\s*id eq '([^']+)'\s*", part) for part in expression.split(" or ")]
    if not all(found) or len(found) > MOST_IDS:
        raise QueryRefused(f"Only up to {MOST_IDS} ids can be filtered by in a delta query.")
    return {one[1].lower() for one in found}


def _removed(call: Call, wanted: str) -> dict:
    soft = any(object_id(one.id) == wanted and one.deleted_at for one in call.world.people.values())
    return {"id": wanted, "@removed": {"reason": "changed" if soft else "deleted"}}


def _user_item(row: dict, _entry: dict, names: list[str] | None, _since: int | None) -> dict:
    shown = names if names is not None else properties.USER_DEFAULTS
    return {name: value for name, value in row.items() if name in shown or name == "id"}


def _group_item(row: dict, entry: dict, names: list[str] | None, since: int | None) -> dict:
    shown = {
        name: value
        for name, value in row.items()
        if name != "members" and (names is None or name in names or name == "id")
    }
    if names is None or "members" in names:
        members = [
            {
                "@odata.type": "#microsoft.graph.user",
                "id": member,
                **({"@removed": {"reason": "deleted"}} if seen["removed"] else {}),
            }
            for member, seen in entry.get("members", {}).items()
            if (seen["change"] > since if since is not None else not seen["removed"])
        ]
        if members:
            shown["members@delta"] = members
    return shown
