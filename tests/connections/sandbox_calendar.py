"""One person's calendar in the sandbox, changed from outside as colleagues and the person would."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from connections.periods import Span, merged, minute_of
from tests.providers.sandbox.server import SandboxServer


@dataclass(frozen=True)
class SandboxCalendar:
    """The calendar of `address`; `name` is `primary` or `private-plans`."""

    providers: SandboxServer
    address: str
    name: str = "primary"

    def add(self, starts: datetime, minutes: int = 60, *, kind: str = "busy", rrule: str = "") -> str:
        """A new event; answers its id."""
        ends = starts + timedelta(minutes=minutes)
        body = {"start": starts.isoformat(), "end": ends.isoformat(), "busy": kind, "calendar": self.name}
        if rrule:
            body["rrule"] = rrule
        return self._control("POST", "", **body)["id"]

    def add_day(self, day: str) -> str:
        """A new all-day event on the date `day`."""
        return self._control("POST", "", date=day, busy="busy", calendar=self.name)["id"]

    def move(self, event_id: str, starts: datetime, minutes: int = 60) -> None:
        ends = starts + timedelta(minutes=minutes)
        self._control("PATCH", f"/{event_id}", start=starts.isoformat(), end=ends.isoformat())

    def make(self, event_id: str, kind: str) -> None:
        """Let the event be of this kind of the written rule."""
        self._control("PATCH", f"/{event_id}", kind=kind)

    def remove(self, event_id: str) -> None:
        self._control("DELETE", f"/{event_id}")

    def events(self, low: datetime, high: datetime) -> list[dict]:
        """What stands there, cancelled events too, deleted ones not."""
        query = f"?from={quote(low.isoformat())}&to={quote(high.isoformat())}&calendar={self.name}"
        return self._control("GET", query)["events"]

    def busy(self, low: datetime, high: datetime) -> list[Span]:
        """What makes the person busy in the window, merged and cut to it; minutes since 1970."""
        first, last = minute_of(low), minute_of(high)
        spans = [
            (
                minute_of(datetime.fromisoformat(e["start"])),
                minute_of(datetime.fromisoformat(e["end"]), up=True),
            )
            for e in self.events(low, high)
            if e["blocks"]
        ]
        return merged((max(s, first), min(e, last)) for s, e in spans)

    def _control(self, method: str, rest: str, **body) -> dict:
        return self.providers.control(method, f"mailboxes/{self.address}/events{rest}", **body)
