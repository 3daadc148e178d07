"""Directory v1: groups and their members. Outside the scopes of the ordinary directory connection."""

from __future__ import annotations

from typing import Any

from flask import request

from ..people import Group, Person
from ..world import the_world
from .directory import administrator, find_user, page_of
from .errors import bad_request, not_found
from .operations import flag, operation
from .routes import DIRECTORY, blueprint
from .tokens import google_id

GROUPS_DOMAIN = "kube.example"  # the directory data belongs to this organization
USUAL_PAGE = 200


def _all(domain: str) -> list[Group]:
    return list(the_world().groups.values()) if domain == GROUPS_DOMAIN else []


def _find(key: str, domain: str) -> Group:
    for group in _all(domain):
        if key.lower() == group.email or key == google_id(group.id):
            return group
    raise not_found("Resource Not Found: groupKey")


def _members(group: Group) -> list[Person]:
    people = the_world().people
    return [people[one] for one in group.members if one in people and not people[one].deleted_at]


def _children(group: Group) -> list[Group]:
    return [one for one in the_world().groups.values() if one.parent == group.id]


def _flat(group: Group) -> list[Person]:
    """Members of the group and of all groups inside it, each once."""
    found = {one.id: one for one in _members(group)}
    for child in _children(group):
        found |= {one.id: one for one in _flat(child)}
    return list(found.values())


def _resource(group: Group) -> dict[str, Any]:
    return {
        "kind": "admin#directory#group",
        "id": google_id(group.id),
        "etag": f'"{google_id(group.id)}"',
        "email": group.email,
        "name": group.name,
        "description": group.id,
        "directMembersCount": str(len(_members(group)) + len(_children(group))),
        "adminCreated": True,
    }


def _member(person: Person, domain: str) -> dict[str, Any]:
    inside = person.domain == domain
    return {
        "kind": "admin#directory#member",
        "id": google_id(person.id),
        "etag": f'"{google_id(person.id)}"',
        "email": person.email,
        "role": "MEMBER",
        "type": "USER" if inside else "EXTERNAL",
        "status": "SUSPENDED" if person.suspended else "ACTIVE",
    }


@blueprint.get(f"{DIRECTORY}/groups")
@operation("directory.groups.list")
def list_groups() -> dict[str, Any]:
    asked = request.args
    tenant = administrator(*[asked[one] for one in ("customer", "domain") if one in asked])
    groups = _all(tenant.domain)
    if "userKey" in asked:
        person = find_user(asked["userKey"], tenant.domain)
        groups = [one for one in groups if person.id in one.members]
    elif "customer" not in asked and "domain" not in asked:
        raise bad_request("Domain not found.", "badRequest", "customer")
    groups = sorted(groups, key=lambda one: one.email)
    page, token = page_of(groups, lambda one: one.email, f"groups|{tenant.domain}", USUAL_PAGE)
    answer: dict[str, Any] = {"kind": "admin#directory#groups", "etag": f'"{tenant.id}"'}
    if page:
        answer["groups"] = [_resource(one) for one in page]
    return answer | ({"nextPageToken": token} if token else {})


@blueprint.get(f"{DIRECTORY}/groups/<group>")
@operation("directory.groups.get")
def get_group(group: str) -> dict[str, Any]:
    return _resource(_find(group, administrator().domain))


@blueprint.get(f"{DIRECTORY}/groups/<group>/members")
@operation("directory.members.list")
def list_members(group: str) -> dict[str, Any]:
    tenant = administrator()
    found = _find(group, tenant.domain)
    derived = flag("includeDerivedMembership")
    people = _flat(found) if derived else _members(found)
    rows = [_member(one, tenant.domain) for one in people]
    if not derived:
        rows += [
            {
                "kind": "admin#directory#member",
                "id": google_id(one.id),
                "email": one.email,
                "role": "MEMBER",
                "type": "GROUP",
                "status": "ACTIVE",
            }
            for one in _children(found)
        ]
    roles = request.args.get("roles")
    if roles and "MEMBER" not in roles.upper():
        rows = []
    rows.sort(key=lambda one: one["email"])
    page, token = page_of(rows, lambda one: one["email"], f"members|{found.id}|{derived}", USUAL_PAGE)
    answer: dict[str, Any] = {"kind": "admin#directory#members", "etag": f'"{google_id(found.id)}"'}
    if page:
        answer["members"] = page
    return answer | ({"nextPageToken": token} if token else {})


@blueprint.get(f"{DIRECTORY}/groups/<group>/hasMember/<member>")
@operation("directory.members.hasMember")
def has_member(group: str, member: str) -> dict[str, Any]:
    tenant = administrator()
    found = _find(group, tenant.domain)
    person = the_world().person(member) if "@" in member else find_user(member, tenant.domain)
    if person is None or person.domain != tenant.domain:
        raise bad_request("Invalid Input: memberKey", "invalid", "memberKey")
    return {"isMember": any(one.id == person.id for one in _flat(found))}
