"""The neutral event both providers show in their own words."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

# What each kind of the written rule means. The keys are also the kinds the control address accepts.
KINDS: dict[str, dict[str, Any]] = {
    "busy": {},
    "free": {"show_as": "free"},
    "tentative": {"show_as": "tentative"},
    "declined": {"response": "declined"},
    "all_day_busy": {"all_day": True},
    "all_day_free": {"all_day": True, "show_as": "free"},
    "private": {"private": True},
    "moved": {},
    "cancelled": {"cancelled": True},
    "out_of_office": {"show_as": "out_of_office"},
    "elsewhere": {"show_as": "elsewhere"},
    "unanswered": {"response": "unanswered"},
}


@dataclass(slots=True)
class Attendee:
    """Somebody invited. `response` is unanswered, accepted, tentative or declined."""

    address: str
    name: str = ""
    response: str = "unanswered"
    optional: bool = False
    resource: bool = False


@dataclass(slots=True)
class Event:
    """One event of one calendar: a single event, the master of a series, or one occurrence of it.

    `start` and `end` are instants in UTC; `zone` is the IANA zone in which the event was planned. An
    all-day event runs from midnight to midnight of `zone`. A master has `rrule`; an occurrence has `series`
    (the master's id) and `original_start` (the planned instant), and `exception` when it was changed.
    """

    id: str
    start: datetime
    end: datetime
    zone: str
    summary: str = ""
    description: str = ""
    location: str = ""
    kind: str = "busy"
    all_day: bool = False
    show_as: str = "busy"  # busy, free, tentative, out_of_office, elsewhere
    response: str = "organizer"  # organizer, accepted, tentative, declined, unanswered
    private: bool = False
    cancelled: bool = False
    deleted: bool = False  # removed from the calendar; a deleted event is also cancelled
    rrule: str | None = None  # RFC 5545 value without "RRULE:"
    series: str | None = None
    original_start: datetime | None = None
    exception: bool = False
    organizer: str = ""
    attendees: tuple[Attendee, ...] = ()
    uid: str = ""  # iCalendar UID, the same in every copy
    created: datetime | None = None
    updated: datetime | None = None
    revision: int = 0  # iCalendar SEQUENCE
    change: int = 0  # number of the last change; 0 = as the rule made it
    extra: dict[str, Any] = field(default_factory=dict)  # members only the provider that wrote it knows

    @property
    def blocks(self) -> bool:
        """Whether this event makes its owner busy (README of the data, "Mailboxes", rule 3)."""
        return not (self.cancelled or self.response == "declined" or self.show_as in ("free", "elsewhere"))

    def local(self, moment: datetime) -> datetime:
        """`moment` as wall time in the event's own zone."""
        return moment.astimezone(ZoneInfo(self.zone))


def occurrence_id(series: str, original_start: datetime, zone: str, all_day: bool = False) -> str:
    """The id of one occurrence: the master's id and the planned start, in the form Google uses."""
    if all_day:
        return f"{series}_{original_start.astimezone(ZoneInfo(zone)):%Y%m%d}"
    return f"{series}_{original_start.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def event_to_json(event: Event) -> dict[str, Any]:
    """The event as plain JSON for the state file; times as ISO 8601 with offset."""
    out: dict[str, Any] = {}
    for one in fields(Event):
        value = getattr(event, one.name)
        if isinstance(value, datetime):
            value = value.isoformat()
        elif one.name == "attendees":
            value = [[a.address, a.name, a.response, a.optional, a.resource] for a in value]
        out[one.name] = value
    return out


def event_from_json(data: dict[str, Any]) -> Event:
    """The reverse of `event_to_json`."""
    values = dict(data)
    for name in ("start", "end", "original_start", "created", "updated"):
        if values.get(name):
            values[name] = datetime.fromisoformat(values[name])
    values["attendees"] = tuple(Attendee(*row) for row in values["attendees"])
    return Event(**values)
