"""Who Microsoft's directory holds and under which ids: people, rooms, a shared mailbox and a guest.

Entra's ids are guids: uuid5 of the world's own id, so they never change, not even when an address does.
"""

import functools
import uuid
from dataclasses import dataclass, field

from ..people import Group, Person, Room, Tenant
from ..world import World


@dataclass(frozen=True)
class Other:
    """An account that is neither a person nor a room: a shared mailbox or a guest. It has no calendar here."""

    id: str
    name: str
    upn: str
    mail: str
    user_type: str
    enabled: bool


@functools.cache
def object_id(world_id: str) -> str:
    """The object id (`oid`) of a person, room or other account."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, world_id))


@functools.cache
def group_object_id(tenant_id: str, group_id: str) -> str:
    """The object id of a group in a tenant."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{tenant_id}|{group_id}"))


def others(tenant: Tenant) -> list[Other]:
    """One disabled account behind a shared mailbox and one guest: both are `users` to Graph."""
    domain = tenant.domain
    return [
        Other(f"{domain}|help", "Help Desk", f"help@{domain}", f"help@{domain}", "Member", False),
        Other(
            f"{domain}|guest",
            "Gita Guest",
            f"gita_guests.example#EXT#@{domain}",
            "gita@guests.example",
            "Guest",
            True,
        ),
    ]


def accounts(world: World, tenant: Tenant) -> list[Person | Room | Other]:
    """Every account of a tenant: people in file order, rooms, then the rest."""
    return [*world.people_of(tenant.domain), *world.rooms_of(tenant.domain), *others(tenant)]


def account(world: World, tenant: Tenant, wanted: str) -> Person | Room | Other | None:
    """The account a caller names by object id or user principal name, None when the tenant has none such."""
    key = wanted.lower()
    found = world.mailbox(key)
    if found and found.domain == tenant.domain and key == found.email.lower():
        return found
    for one in accounts(world, tenant):
        if object_id(one.id) == key or (isinstance(one, Other) and one.upn.lower() == key):
            return one
    return None


@dataclass
class TenantGroup:
    """A group as one tenant sees it: only members who belong to the tenant."""

    id: str  # object id
    name: str
    mail: str
    members: list[str]  # world ids of people
    children: list["TenantGroup"] = field(default_factory=list)
    parents: list["TenantGroup"] = field(default_factory=list)

    def everybody(self) -> dict[str, None]:
        """World ids of direct and nested members, each once, in order."""
        found = dict.fromkeys(self.members)
        for child in self.children:
            found |= child.everybody()
        return found


def tenant_groups(world: World, tenant: Tenant) -> dict[str, TenantGroup]:
    """Groups with at least one member, direct or nested, in this tenant, by object id."""
    here = {one.id for one in world.people_of(tenant.domain)}
    made = {one.id: _seen_from(tenant, one, here) for one in world.groups.values()}
    for one in world.groups.values():
        if one.parent in made:
            made[one.parent].children.append(made[one.id])
            made[one.id].parents.append(made[one.parent])
    return {one.id: one for one in made.values() if one.everybody()}


def _seen_from(tenant: Tenant, group: Group, here: set[str]) -> TenantGroup:
    address = f"{group.id.replace('/', '-').lower()}@{tenant.domain}"
    members = [one for one in group.members if one in here]
    return TenantGroup(group_object_id(tenant.id, group.id), group.name, address, members)
