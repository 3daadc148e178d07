"""The world the sandbox answers for: who is there, what was granted, what time it is, what was called.

One `World` belongs to one server process. `connections.sandbox.app.create_app` makes it; inside a request
`the_world()` gives it. Methods lock where they change something.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import current_app

from . import people as directory
from .calendars import Calendars
from .faults import Faults
from .mail import MailStore
from .people import TENANTS, Group, Person, Room, Tenant
from .push_map import PushMap
from .timers import Timers

CALLS_KEPT = 10_000
SAVE_EVERY_SECONDS = 0.5


class World:
    """Everything the sandbox knows. `home` is the folder that holds state.json and the keys.

    lock            one lock for whoever changes several things at once
    faults          `faults.Faults`
    calendars       `calendars.Calendars`
    timers          work that happens later
    mail            `mail.MailStore`: what came in by SMTP
    latency_ms      added to every provider call
    push_map        `push_map.PushMap`: where push messages really go
    delegations     "domain|client id" -> {"scopes": [...], "since": epoch seconds, "spread_seconds": n}
    consents        "tenant id|client id" -> {"since": epoch seconds, "roles": [...]}
    registrations   client id -> {"name", "roles": [...], "secret"}
    dns             name -> list of TXT strings
    directory_listeners   called with ("add" | "update" | "delete", person) after a change of the directory
    section(name)   a dict kept in state.json for a provider's own needs; call `changed()` after changing it
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.lock = threading.RLock()
        self.faults = Faults()
        self.timers = Timers()
        self.latency_ms = int(os.environ.get("SANDBOX_LATENCY_MS", "0") or 0)
        self.push_map = PushMap.of_the_environment()
        self.calls: deque[dict[str, Any]] = deque(maxlen=CALLS_KEPT)
        self.pushes: deque[dict[str, Any]] = deque(maxlen=CALLS_KEPT)
        self.mail = MailStore(home)
        self._sections: dict[str, dict[str, Any]] = {}
        self._offset = timedelta()
        self._frozen_at: datetime | None = None
        self._save_waits = False
        self.directory_listeners: list[Callable[[str, Person], None]] = []
        self.calendars = Calendars(self.mailbox, self.rows_of, self.now)
        self.calendars.listeners.append(lambda *_: self.changed())
        self._load()

    # State that survives a restart

    def section(self, name: str) -> dict[str, Any]:
        """A dict of plain JSON values kept in state.json under this name."""
        with self.lock:
            return self._sections.setdefault(name, {})

    @property
    def delegations(self) -> dict[str, Any]:
        return self.section("delegations")

    @property
    def consents(self) -> dict[str, Any]:
        return self.section("consents")

    @property
    def registrations(self) -> dict[str, Any]:
        return self.section("registrations")

    @property
    def dns(self) -> dict[str, Any]:
        return self.section("dns")

    def delegate(self, domain: str, client_id: str, scopes: list[str], spread_seconds: float = 0) -> None:
        """A super administrator lets a service account act for everybody of the tenant with these scopes.

        The grant works only after `spread_seconds`, as it may take Google's systems up to a day.
        """
        with self.lock:
            self.delegations[f"{domain}|{client_id}"] = {
                "scopes": list(scopes),
                "since": time.time(),
                "spread_seconds": spread_seconds,
            }
        self.changed()

    def undelegate(self, domain: str, client_id: str) -> None:
        """Take the delegation away again; tokens already out live on."""
        with self.lock:
            self.delegations.pop(f"{domain}|{client_id}", None)
        self.changed()

    def changed(self) -> None:
        """Have state.json written soon."""
        with self.lock:
            if self._save_waits:
                return
            self._save_waits = True
        self.timers.later(SAVE_EVERY_SECONDS, self.save)

    def save(self) -> None:
        """Write state.json now, atomically.

        A signal may call it in the midst of itself, in the same thread: each call has a draft of its own.
        """
        with self.lock:
            self._save_waits = False
            text = json.dumps({"sections": self._sections, "calendars": self.calendars.dump()}, indent=1)
            draft = self.home / f"state.{secrets.token_hex(4)}.tmp"
            try:
                draft.write_text(text)
                os.replace(draft, self.home / "state.json")
            finally:
                draft.unlink(missing_ok=True)  # where a signal ended us in between

    def forget(self) -> None:
        """Forget every grant, every change and all mail. Service accounts and app registrations stay."""
        with self.lock:
            for name, values in self._sections.items():
                if name != "registrations":
                    values.clear()
            self.calendars.load({})
            self.mail.clear()
            self._read_directory()
        self.changed()

    def _load(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        path = self.home / "state.json"
        if path.exists():
            data = json.loads(path.read_text())
            self._sections = data["sections"]
            self.calendars.load(data["calendars"])
        self._read_directory()

    # The directory

    def _read_directory(self) -> None:
        wanted = self.section("directory")
        snapshot = wanted.get("snapshot", directory.LATEST)
        self.people: dict[str, Person] = {one.id: one for one in directory.people(snapshot)}
        for person_id, values in wanted.get("people", {}).items():
            if person_id in self.people:
                vars(self.people[person_id]).update(values)
            else:
                self.people[person_id] = Person(**values)
        self.groups: dict[str, Group] = {one.id: one for one in directory.groups(snapshot)}
        self.groups |= {one["id"]: Group(**one) for one in wanted.get("groups", {}).values()}
        self.rooms: dict[str, Room] = {one.id: one for one in directory.rooms()}
        self._meetings: dict[str, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
        for number, row in enumerate(directory.meetings()):
            group = self.groups.get(row["group"])
            for member in group.members if group else ():
                self._meetings[member].append((number, row))
        self.calendars.forget_windows()
        self._index()

    def _index(self) -> None:
        found: dict[str, Person | Room] = {}
        for one in (*self.people.values(), *self.rooms.values()):
            if not one.deleted_at:
                for address in (one.email, *getattr(one, "aliases", ())):
                    found.setdefault(address.lower(), one)
        by_domain: dict[str, list[Person]] = defaultdict(list)
        for person in self.people.values():
            if not person.deleted_at:
                by_domain[person.domain].append(person)
        self._by_address, self._by_domain = found, by_domain

    def use_snapshot(self, snapshot: str) -> None:
        """Let the directory be that of another date; changes to people are forgotten.

        Raises KeyError for a date there is no snapshot of.
        """
        if snapshot not in directory.SNAPSHOTS:
            raise KeyError(snapshot)
        with self.lock:
            wanted = self.section("directory")
            administrators = {
                domain: self.administrator(domain).id for domain in self._by_domain if domain in TENANTS
            }
            wanted.clear()
            wanted["snapshot"] = snapshot
            wanted["administrators"] = administrators
            self._read_directory()
        self.changed()

    def change_person(self, person: Person, **values: Any) -> Person:
        """Change members of a person (or add a new one) and keep that over restarts."""
        with self.lock:
            vars(person).update(values)
            self.people.setdefault(person.id, person)
            self.section("directory").setdefault("people", {})[person.id] = asdict(person)
            self._index()
        self.changed()
        return person

    def set_group(self, group: Group) -> None:
        """Add a group, or put it in the place of the one with its id, and keep that over restarts."""
        with self.lock:
            self.groups[group.id] = group
            self.section("directory").setdefault("groups", {})[group.id] = asdict(group)
        self.changed()

    def note_push(self, provider: str, address: str, what: str, channel: str, status: int) -> None:
        """Remember that a message was sent; status 0 means nobody answered. `/control/pushes` shows them."""
        self.pushes.append(
            {
                "time": time.time(),
                "provider": provider,
                "address": address,
                "what": what,
                "channel": channel,
                "status": status,
            }
        )

    def tell_directory(self, what: str, person: Person) -> None:
        """Tell whoever listens to the directory: `what` is add, update or delete."""
        for listener in self.directory_listeners:
            listener(what, person)

    def person(self, address_or_id: str) -> Person | None:
        """A person who is not deleted, by address (any case), alias or id."""
        found = self.mailbox(address_or_id)
        return found if isinstance(found, Person) else None

    def mailbox(self, address_or_id: str) -> Person | Room | None:
        """A person or a room, by address, alias or id; None when there is none or it was deleted."""
        key = address_or_id.lower()
        found = self._by_address.get(key) or self.people.get(key) or self.rooms.get(key)
        return None if found is None or found.deleted_at else found

    def people_of(self, domain: str) -> list[Person]:
        """The people of a tenant in file order, deleted ones left out."""
        return list(self._by_domain.get(domain, ()))

    def administrator(self, domain: str) -> Person:
        """The one administrator of a tenant: the first person of its domain in file order. On another date it is
        still the same person, while they are there."""
        people = self._by_domain[domain]
        before = self.section("directory").get("administrators", {}).get(domain)
        return next((one for one in people if one.id == before), people[0])

    def is_administrator(self, person: Person) -> bool:
        return person.tenant is not None and self.administrator(person.domain).id == person.id

    def rooms_of(self, domain: str) -> list[Room]:
        return [one for one in self.rooms.values() if one.domain == domain]

    def tenant(self, domain_or_id: str) -> Tenant | None:
        """A tenant by its domain or its id at the provider."""
        key = domain_or_id.lower()
        return next((one for one in TENANTS.values() if key in (one.domain, one.id.lower())), None)

    def rows_of(self, person: Person) -> list[tuple[int, dict[str, Any]]]:
        """The rows of meetings.json, with their numbers, that stand in this person's mailbox."""
        return self._meetings.get(person.id, []) if person.has_mailbox else []

    # Time

    def now(self) -> datetime:
        """The calendar clock, UTC. Tokens are judged by the real clock instead."""
        with self.lock:
            return self._frozen_at or datetime.now(UTC) + self._offset

    def set_clock(self, now: datetime, frozen: bool = False) -> None:
        """Let the calendar clock show `now` and go on from there, or stand still."""
        with self.lock:
            self._offset = now.astimezone(UTC) - datetime.now(UTC)
            self._frozen_at = now.astimezone(UTC) if frozen else None

    def advance_clock(self, seconds: float) -> None:
        """Put the calendar clock forward, or back with a negative number."""
        with self.lock:
            self._offset += timedelta(seconds=seconds)
            if self._frozen_at:
                self._frozen_at += timedelta(seconds=seconds)

    def real_clock(self) -> None:
        """Let the calendar clock be the real one again."""
        with self.lock:
            self._offset, self._frozen_at = timedelta(), None

    def token_time(self) -> float:
        """Epoch seconds by which tokens are judged: the real clock and the fault `clock_skew`."""
        skew = self.faults.hit("clock_skew")
        return time.time() + (skew.get("seconds", 600) if skew else 0)


def the_world() -> World:
    """The world of the request being answered."""
    return current_app.extensions["sandbox"]
