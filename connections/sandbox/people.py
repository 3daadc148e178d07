"""Who lives in the world: tenants, people, groups and rooms, read from the data folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
SNAPSHOTS = ("2025-07-01", "2025-08-01", "2026-01-01", "2026-08-01")
LATEST = SNAPSHOTS[-1]


@dataclass(frozen=True)
class Tenant:
    """One organization at one provider. `id` is Google's customer id or Microsoft's tenant guid."""

    domain: str
    provider: str  # google or microsoft
    id: str
    name: str


TENANTS = {
    tenant.domain: tenant
    for tenant in (
        Tenant("kube.example", "google", "C0kube01", "Kube Community"),
        Tenant("rival.example", "google", "C0rival1", "Rival"),
        Tenant("sigs.example", "microsoft", "5165e0a1-0000-4000-8000-000000000001", "Kube SIGs"),
        Tenant("rival-ms.example", "microsoft", "5165e0a1-0000-4000-8000-000000000002", "Rival MS"),
        Tenant("lumen.example", "microsoft", "5165e0a1-0000-4000-8000-000000000003", "Lumen Instruments"),
    )
}


@dataclass
class Person:
    """A person. `id` never changes; addresses may. `deleted` people are kept so that links stay readable."""

    id: str
    given_name: str
    family_name: str
    email: str
    department: str
    time_zone: str
    aliases: list[str] = field(default_factory=list)
    suspended: bool = False
    archived: bool = False
    deleted_at: str | None = None
    is_room = False

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2].lower()

    @property
    def tenant(self) -> Tenant | None:
        return TENANTS.get(self.domain)

    @property
    def has_mailbox(self) -> bool:
        return self.tenant is not None and not self.deleted_at


@dataclass
class Room:
    """A bookable room with a calendar of its own."""

    id: str
    name: str
    email: str
    capacity: int
    building: str
    floor: str
    time_zone: str = "Europe/Berlin"
    is_room = True
    has_mailbox = True
    deleted_at = None

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2]

    @property
    def tenant(self) -> Tenant | None:
        return TENANTS.get(self.domain)


@dataclass
class Group:
    """A group. A parent's `members` (people ids) do not repeat its children's."""

    id: str
    name: str
    parent: str | None
    members: list[str]

    @property
    def email(self) -> str:
        return f"{self.id.replace('/', '-').lower()}@kube.example"


def _rivals() -> list[Person]:
    zones = ("Europe/Berlin", "America/New_York", "Asia/Tokyo")
    names = (("Rosa", "Rival"), ("Ravi", "Rival"), ("Rene", "Rival"))
    out = []
    for domain in ("rival.example", "rival-ms.example"):
        for (given, family), home in zip(names, zones, strict=True):
            address = f"{given.lower()}.{family.lower()}@{domain}"
            person_id = sha256(address.encode()).hexdigest()[:20]
            out.append(Person(person_id, given, family, address, "", home))
    return out


def _lumen() -> list[Person]:
    """An invented company whose first person administers its tenant."""
    lines = (
        "Ines Falk IT Europe/Berlin",
        "Tomas Reyes Sales Europe/Madrid",
        "Aiko Brandt Sales Asia/Tokyo",
        "Leo Marchetti Sales Europe/Rome",
        "Nadia Osei Sales Africa/Accra",
        "Pavel Lind Sales Europe/Prague",
        "Greta Holm Sales Europe/Stockholm",
        "Rania Voss Support Europe/Berlin",
        "Jonas Adeyemi Support Africa/Lagos",
        "Mila Castell Support America/New_York",
        "Owen Takeda Support America/Los_Angeles",
        "Sofia Brekke Support Europe/Oslo",
    )
    out = []
    for given, family, department, home in (line.split() for line in lines):
        address = f"{given}.{family}@lumen.example".lower()
        person_id = sha256(address.encode()).hexdigest()[:20]
        out.append(Person(person_id, given, family, address, department, home))
    return out


def rooms() -> list[Room]:
    """Four rooms in each of the two large tenants."""
    out = []
    for domain in ("kube.example", "sigs.example"):
        for building, floor, name, seats in (
            ("Harbour", "1", "Anchor", 4),
            ("Harbour", "2", "Compass", 8),
            ("Tower", "5", "Lighthouse", 12),
            ("Tower", "5", "Crow's Nest", 2),
        ):
            address = f"room-{name.lower().replace(' ', '-').replace(chr(39), '')}@{domain}"
            out.append(Room(sha256(address.encode()).hexdigest()[:20], name, address, seats, building, floor))
    return out


@lru_cache
def _snapshot(name: str) -> dict[str, Any]:
    return json.loads((DATA / f"directory-{name}.json").read_text())


def people(snapshot: str = LATEST) -> list[Person]:
    """Everybody of a snapshot in file order, then the people of the three small tenants."""
    return [Person(**row) for row in _snapshot(snapshot)["people"]] + _rivals() + _lumen()


def groups(snapshot: str = LATEST) -> list[Group]:
    """The groups of a snapshot."""
    return [Group(**row) for row in _snapshot(snapshot)["groups"]]


@lru_cache
def meetings() -> list[dict[str, Any]]:
    """The rows of meetings.json in file order."""
    return json.loads((DATA / "meetings.json").read_text())
