"""Directory v1: users, domains, customer, organizational units, rooms and buildings.

Every call needs a token that acts as an administrator: domain-wide delegation alone is not enough.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import Response, g, jsonify, request

from ..people import Person, Tenant
from ..world import the_world
from . import channels
from .calendar_lists import decode, encode
from .errors import ApiError, bad_request, not_found
from .operations import body, number, operation, page_fails
from .routes import DIRECTORY, blueprint
from .tokens import google_id

CREATED = "2025-06-01T00:00:00.000Z"
ORDERS: dict[str, Callable[[Person], str]] = {
    "email": lambda one: one.email.lower(),
    "familyName": lambda one: f"{one.family_name}|{one.email}".lower(),
    "givenName": lambda one: f"{one.given_name}|{one.email}".lower(),
}
TERM = re.compile(r"(\w+)\s*(=|:)\s*('[^']*'|\"[^\"]*\"|\S+)")


def administrator(*tenant_names: str) -> Tenant:
    """The organization of the acting administrator. Raises ApiError 403 for everybody else.

    `tenant_names` are customer ids or domains of the path or query that must mean the same organization.
    """
    world = the_world()
    person = world.person(g.token.person_id) if g.token.person_id else None
    if person is None or person.tenant is None or not world.is_administrator(person):
        raise ApiError(403, "forbidden", "Not Authorized to access this resource/api")
    for name in tenant_names:
        if name.lower() not in ("my_customer", person.tenant.id.lower(), person.domain):
            raise ApiError(403, "forbidden", "Not Authorized to access this resource/api")
    return person.tenant


def org_unit(person: Person) -> str:
    return f"/{person.department}" if person.department else "/"


def user_resource(person: Person) -> dict[str, Any]:
    """A person as the Directory shows one; the employee id only with projection=full."""
    world = the_world()
    out: dict[str, Any] = {
        "kind": "admin#directory#user",
        "id": google_id(person.id),
        "etag": f'"{person.id}"',
        "primaryEmail": person.email,
        "name": {
            "givenName": person.given_name,
            "familyName": person.family_name,
            "fullName": person.name,
        },
        "isAdmin": world.is_administrator(person) if not person.deleted_at else False,
        "isDelegatedAdmin": False,
        "creationTime": CREATED,
        "agreedToTerms": True,
        "suspended": person.suspended,
        "archived": person.archived,
        "changePasswordAtNextLogin": False,
        "emails": [{"address": person.email, "primary": True}]
        + [{"address": one, "type": "alias"} for one in person.aliases],
        "customerId": person.tenant.id if person.tenant else "",
        "orgUnitPath": org_unit(person),
        "isMailboxSetup": not world.faults.would_hit("not_a_calendar_user", person.email),
        "includeInGlobalAddressList": True,
    }
    if person.department:
        out["organizations"] = [{"department": person.department, "primary": True}]
    if request.args.get("projection") == "full":
        out["externalIds"] = [{"type": "organization", "value": person.id}]
    if person.aliases:
        out["aliases"] = list(person.aliases)
    if person.suspended:
        out["suspensionReason"] = "ADMIN"
    if person.deleted_at:
        out["deletionTime"] = person.deleted_at
    return out


def public_resource(person: Person) -> dict[str, Any]:
    """What colleagues see of each other (viewType=domain_public)."""
    whole = user_resource(person)
    kept = ("kind", "id", "etag", "primaryEmail", "name", "emails")
    return {name: whole[name] for name in kept}


def _matching(people: list[Person], query: str) -> list[Person]:
    """The part of Google's user query language that is used most: field=value, field:value and field:pre*."""
    rest = TERM.sub("", query).strip()
    fields: dict[str, Callable[[Person], str]] = {
        "email": lambda one: one.email,
        "givenName": lambda one: one.given_name,
        "familyName": lambda one: one.family_name,
        "name": lambda one: one.name,
        "orgUnitPath": org_unit,
        "orgDepartment": lambda one: one.department,
        "isSuspended": lambda one: str(one.suspended).lower(),
        "isArchived": lambda one: str(one.archived).lower(),
        "isAdmin": lambda one: str(the_world().is_administrator(one)).lower(),
    }
    terms = TERM.findall(query)
    if rest or not terms or any(name not in fields for name, _, _ in terms):
        raise bad_request("Invalid Input: query", "invalid", "query")
    for name, sign, raw in terms:
        value = raw.strip("'\"").lower()
        read = fields[name]
        if name == "orgUnitPath":
            below = value.rstrip("/") + "/"
            people = [one for one in people if (read(one).lower() + "/").startswith(below)]
        elif sign == ":" and value.endswith("*"):
            people = [one for one in people if read(one).lower().startswith(value[:-1])]
        elif sign == ":" and name in ("name", "givenName", "familyName"):
            people = [one for one in people if value in read(one).lower()]
        else:
            people = [one for one in people if read(one).lower() == value]
    return people


def page_of(
    rows: list[Any], key: Callable[[Any], str], kind: str, usual: int
) -> tuple[list[Any], str | None]:
    """The rows of one page and the token of the next. Raises ApiError for a token of another listing."""
    kept: dict[str, Any] = {}
    if "pageToken" in request.args:
        kept = decode(request.args["pageToken"]) or {}
        if kept.get("list") != kind:
            raise bad_request("Invalid Input: pageToken", "invalid", "pageToken")
    page_fails(kept.get("number", 1))
    left = [one for one in rows if "after" not in kept or key(one) > kept["after"]]
    size = number("maxResults", usual)
    if kept and the_world().faults.hit("directory_page_repeats", *g.labels):
        return left[:size], request.args["pageToken"]
    if len(left) <= size:
        return left, None
    token = {"list": kind, "after": key(left[size - 1]), "number": kept.get("number", 1) + 1}
    return left[:size], encode(token)


@blueprint.get(f"{DIRECTORY}/users")
@operation("directory.users.list")
def list_users() -> dict[str, Any]:
    world, asked = the_world(), request.args
    if "customer" not in asked and "domain" not in asked:
        raise bad_request("Bad Request", "badRequest", "customer")
    public = asked.get("viewType") == "domain_public"
    named = [asked[one] for one in ("customer", "domain") if one in asked]
    domain = _own_domain() if public else administrator(*named).domain
    if asked.get("showDeleted") == "true":
        people = [one for one in world.people.values() if one.deleted_at and one.domain == domain]
    else:
        people = world.people_of(domain)
    people = world.faults.shortened(people, *g.labels)
    if "query" in asked:
        people = _matching(people, asked["query"])
    order = asked.get("orderBy", "email")
    people = sorted(people, key=ORDERS[order])
    # Keys of a descending listing would not grow, so it is served whole.
    if asked.get("sortOrder") == "DESCENDING":
        people.reverse()
        page, token = people, None
    else:
        page, token = page_of(people, ORDERS[order], f"users|{domain}|{order}", 100)
    shape = public_resource if public else user_resource
    answer: dict[str, Any] = {"kind": "admin#directory#users", "etag": f'"{domain}"'}
    if page:
        answer["users"] = [shape(one) for one in page]
    if token:
        answer["nextPageToken"] = token
    return answer


def _own_domain() -> str:
    person = the_world().person(g.token.person_id or "")
    if person is None:
        raise ApiError(403, "forbidden", "Not Authorized to access this resource/api")
    return person.domain


def find_user(key: str, domain: str) -> Person:
    """A user of the organization by address, alias or Google's id. Raises ApiError 404."""
    world = the_world()
    person = world.person(key) if "@" in key else None
    if person is None and key.isdigit():
        person = next((one for one in world.people_of(domain) if google_id(one.id) == key), None)
    if person is None or person.domain != domain:
        raise not_found("Resource Not Found: userKey")
    return person


@blueprint.get(f"{DIRECTORY}/users/<user>")
@operation("directory.users.get")
def get_user(user: str) -> dict[str, Any]:
    if request.args.get("viewType") == "domain_public":
        return public_resource(find_user(user, _own_domain()))
    return user_resource(find_user(user, administrator().domain))


@blueprint.post(f"{DIRECTORY}/users/watch")
@operation("directory.users.watch")
def watch_users() -> dict[str, Any]:
    asked = request.args
    tenant = administrator(*[asked[one] for one in ("customer", "domain") if one in asked])
    if "event" not in asked:
        raise bad_request("Missing required field: event", "required", "event")
    return channels.open_channel(body(), "directory", ["users", tenant.domain, asked["event"]], request.path)


@blueprint.post("/admin.googleapis.com/admin/directory_v1/channels/stop")
@operation("admin.channels.stop")
def stop_directory_channel() -> Response:
    channels.stop(body(), "directory")
    answer = jsonify()
    answer.status_code, answer.data = 204, b""
    return answer


@blueprint.get(f"{DIRECTORY}/customer/<customer>/domains")
@operation("directory.domains.list")
def list_domains(customer: str) -> dict[str, Any]:
    tenant = administrator(customer)
    row = {
        "kind": "admin#directory#domain",
        "etag": f'"{tenant.domain}"',
        "domainName": tenant.domain,
        "isPrimary": True,
        "verified": True,
        "creationTime": "1748736000000",
    }
    return {"kind": "admin#directory#domains", "etag": f'"{tenant.id}"', "domains": [row]}


@blueprint.get(f"{DIRECTORY}/customer/<customer>/domainaliases")
@operation("directory.domainAliases.list")
def list_domain_aliases(customer: str) -> dict[str, Any]:
    tenant = administrator(customer)
    return {"kind": "admin#directory#domainAliases", "etag": f'"{tenant.id}"'}


@blueprint.get(f"{DIRECTORY}/customers/<customer>")
@operation("directory.customers.get")
def get_customer(customer: str) -> dict[str, Any]:
    tenant = administrator(customer)
    return {
        "kind": "admin#directory#customer",
        "id": tenant.id,
        "etag": f'"{tenant.id}"',
        "customerDomain": tenant.domain,
        "alternateEmail": f"owner@{tenant.domain}",
        "customerCreationTime": CREATED,
        "language": "en",
        "postalAddress": {"organizationName": tenant.name},
    }


@blueprint.get(f"{DIRECTORY}/customer/<customer>/orgunits")
@operation("directory.orgunits.list")
def list_org_units(customer: str) -> dict[str, Any]:
    tenant = administrator(customer)
    names = sorted({one.department for one in the_world().people_of(tenant.domain)} - {""})
    rows = [
        {
            "kind": "admin#directory#orgUnit",
            "name": name,
            "orgUnitPath": f"/{name}",
            "orgUnitId": f"id:{name}",
            "parentOrgUnitPath": "/",
        }
        for name in names
    ]
    return {"kind": "admin#directory#orgUnits", "etag": f'"{tenant.id}"', "organizationUnits": rows}


@blueprint.get(f"{DIRECTORY}/customer/<customer>/resources/calendars")
@operation("directory.resources.calendars.list")
def list_rooms(customer: str) -> dict[str, Any]:
    tenant = administrator(customer)
    rooms = sorted(the_world().rooms_of(tenant.domain), key=lambda one: one.email)
    page, token = page_of(rooms, lambda one: one.email, f"rooms|{tenant.domain}", 100)
    rows = [
        {
            "kind": "admin#directory#resources#calendars#CalendarResource",
            "etags": f'"{one.id}"',
            "resourceId": one.id,
            "resourceName": one.name,
            "generatedResourceName": f"{one.building}-{one.floor}-{one.name} ({one.capacity})",
            "resourceEmail": one.email,
            "capacity": one.capacity,
            "buildingId": one.building,
            "floorName": one.floor,
            "resourceCategory": "CONFERENCE_ROOM",
        }
        for one in page
    ]
    answer: dict[str, Any] = {
        "kind": "admin#directory#resources#calendars#calendarResourcesList",
        "items": rows,
    }
    return answer | ({"nextPageToken": token} if token else {})


@blueprint.get(f"{DIRECTORY}/customer/<customer>/resources/buildings")
@operation("directory.resources.buildings.list")
def list_buildings(customer: str) -> dict[str, Any]:
    tenant = administrator(customer)
    floors: dict[str, set[str]] = {}
    for room in the_world().rooms_of(tenant.domain):
        floors.setdefault(room.building, set()).add(room.floor)
    names = sorted(floors)
    page, token = page_of(names, str, f"buildings|{tenant.domain}", 100)
    rows = [
        {
            "kind": "admin#directory#resources#buildings#Building",
            "buildingId": name,
            "buildingName": name,
            "floorNames": sorted(floors[name]),
        }
        for name in page
    ]
    answer: dict[str, Any] = {"kind": "admin#directory#resources#buildings#buildingsList", "buildings": rows}
    return answer | ({"nextPageToken": token} if token else {})
