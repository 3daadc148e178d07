"""Pages of lists, and the opaque tokens in links to the next page or the next round."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from flask import request

from .graph import Call, GraphError, context, link
from .odata import QueryRefused, filtered, ordered, searched, select_names, selected, whole_number

OUTLOOK_PAGE, OUTLOOK_MOST = 10, 999
DIRECTORY_PAGE, DIRECTORY_MOST = 100, 999


def pack(values: dict[str, Any]) -> str:
    """An opaque token of plain values."""
    text = json.dumps(values, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpack(token: str) -> dict[str, Any]:
    """The reverse of `pack`. Raises GraphError 400 for what is no token of ours."""
    try:
        values = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise GraphError(400, "BadRequest", "Badly formed token.")
    return values


def path_here() -> str:
    """The path of this call below /v1.0, as the caller wrote it."""
    return quote(request.path.partition("/v1.0")[2], safe="/()=@:$.")


def query_items(
    items: Sequence, shape: Callable[[Any], dict], properties: frozenset[str], searchable: bool = False
) -> tuple[Sequence, Callable[[Any], dict]]:
    """Apply $filter, $search and $orderby. Gives the items left and how to write one of them with $select.

    Nothing is written out before a page is cut, unless a filter or an order has to look into the items.
    """
    if request.args.get("$expand"):
        raise QueryRefused("Expanding is not supported for this resource.")
    if request.args.get("$search") and not searchable:
        raise QueryRefused("$search is not supported for this resource.")
    names = select_names(request.args.get("$select"), properties)
    if any(request.args.get(name) for name in ("$filter", "$search", "$orderby")):
        shaped = filtered([shape(one) for one in items], request.args.get("$filter"))
        shaped = searched(shaped, request.args.get("$search"))
        items, shape = ordered(shaped, request.args.get("$orderby")), lambda one: one
    return items, lambda one: selected(shape(one), names, ("id",))


def outlook_list(
    call: Call, what: str, items: Sequence, shape: Callable[[Any], dict], properties: frozenset[str]
) -> dict:
    """A page of an Outlook list: $top and $skip, ten items when nothing is said."""
    if request.args.get("$skiptoken"):
        raise GraphError(400, "BadRequest", "Badly formed token.")
    items, write = query_items(items, shape, properties)
    top = whole_number(request.args.get("$top"), "$top", 1, OUTLOOK_MOST)
    top = top or min(call.page_size or OUTLOOK_PAGE, OUTLOOK_MOST)
    skip = whole_number(request.args.get("$skip"), "$skip", 0, 10**9) or 0
    call.fail_on_page(skip // top + 1)
    answer: dict[str, Any] = {"@odata.context": context(what)}
    if request.args.get("$count") == "true":
        answer["@odata.count"] = len(items)
    answer["value"] = [write(one) for one in items[skip : skip + top]]
    if len(items) > skip + top:
        args = request.args.to_dict() | {"$skip": str(skip + top)}
        answer["@odata.nextLink"] = link(path_here(), urlencode(args, safe="$"))
    return answer


def directory_list(
    call: Call,
    what: str,
    items: Sequence,
    shape: Callable[[Any], dict],
    properties: frozenset[str],
    most: int = DIRECTORY_MOST,
) -> dict:
    """A page of a directory list: $top, and $skiptoken in the link to the next page."""
    items, write = query_items(items, shape, properties, searchable=True)
    if request.args.get("$search") and request.headers.get("ConsistencyLevel") != "eventual":
        raise QueryRefused("Request with $search query parameter only works with ConsistencyLevel: eventual.")
    token = request.args.get("$skiptoken")
    start = unpack(token).get("from", 0) if token else 0
    start += whole_number(request.args.get("$skip"), "$skip", 0, 10**9) or 0
    top = whole_number(request.args.get("$top"), "$top", 1, most) or DIRECTORY_PAGE
    call.fail_on_page(start // top + 1)
    answer: dict[str, Any] = {"@odata.context": context(what)}
    if request.args.get("$count") == "true" and not token:
        answer["@odata.count"] = len(items)
    if token and call.fault("directory_page_repeats"):
        answer["@odata.nextLink"] = link(path_here(), urlencode(request.args, safe="$"))
    elif len(items) > start + top:
        args = request.args.to_dict() | {"$skiptoken": pack({"from": start + top})}
        args.pop("$skip", None)
        answer["@odata.nextLink"] = link(path_here(), urlencode(args, safe="$"))
    answer["value"] = [write(one) for one in items[start : start + top]]
    return answer


def one_item(what: str, item: dict, properties: frozenset[str]) -> dict:
    """A single resource with $select applied."""
    if request.args.get("$expand"):
        raise QueryRefused("Expanding is not supported for this resource.")
    names = select_names(request.args.get("$select"), properties)
    return {"@odata.context": context(what), **selected(item, names, ("id",))}
