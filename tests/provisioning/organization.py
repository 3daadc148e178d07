"""The real organization over its four dates, and who should be a member after each: computed from the files alone."""

import json
from dataclasses import dataclass, field
from functools import cache

from django.conf import settings

DATES = ("2025-07-01", "2025-08-01", "2026-01-01", "2026-08-01")
DOMAINS = {"google": "kube.example", "microsoft": "sigs.example", "csv": "etcd.example"}


@dataclass(frozen=True)
class Somebody:
    """A person of one date. `id` never changes, the address may."""

    id: str
    address: str
    given_name: str
    family_name: str
    department: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


@cache
def snapshot(date: str) -> dict:
    path = settings.BASE_DIR / "connections" / "sandbox" / "data" / f"directory-{date}.json"
    return json.loads(path.read_text())


@cache
def people(date: str) -> dict[str, Somebody]:
    """Everybody of that date, by id."""
    return {
        row["id"]: Somebody(row["id"], row["email"], row["given_name"], row["family_name"], row["department"])
        for row in snapshot(date)["people"]
    }


def in_group(date: str, group: str) -> set[str]:
    """Ids of who is in the group or in a group below it, however deep."""
    rows = snapshot(date)["groups"]
    below, waiting = set(), [group]
    while waiting:
        name = waiting.pop()
        below.add(name)
        waiting += [row["id"] for row in rows if row["parent"] == name and row["id"] not in below]
    return {member for row in rows if row["id"] in below for member in row["members"]}


@dataclass
class Expected:
    """Who should be what, kept up from date to date by hand-written rules that know nothing of the portal.

    `suspended`: who left and was not undone. Who returns is active again.
    """

    active: dict[str, Somebody] = field(default_factory=dict)
    suspended: dict[str, Somebody] = field(default_factory=dict)
    coordinators: set[str] = field(default_factory=set)

    def turn_to(self, date: str, *, kept: frozenset[str] = frozenset(), group: str = "") -> None:
        now = people(date)
        for who, before in list(self.active.items()):
            if who not in now and who not in kept:
                self.suspended[who] = self.active.pop(who)
            elif who in now:
                self.active[who] = now[who]
            else:
                self.active[who] = before
        for who, one in now.items():
            self.active[who] = one
            self.suspended.pop(who, None)
        if group:
            here = in_group(date, group) & set(now)
            self.coordinators = {who for who in here if now[who].domain == DOMAINS["google"]}

    @property
    def addresses(self) -> dict[str, str]:
        """State by address, of everybody who ever came."""
        return {
            **{one.address: "suspended" for one in self.suspended.values()},
            **{one.address: "active" for one in self.active.values()},
        }
