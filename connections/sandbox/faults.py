"""Faults that can be switched on. Each has a name, a sentence and parameters of its own.

A provider's package declares its faults in a dict `FAULTS` (name -> sentence). The code that can go wrong
asks `world.faults.hit(name, *labels)` at the place where it would go wrong. A fault may have a `target`: it
then only hits when one of the labels is equal to it (an address, a host, an operation name, a calendar id).
It may have `times`: it ends after so many hits. All other parameters belong to the fault.
"""

from __future__ import annotations

import threading
import time
from typing import Any

COMMON = {
    "latency": "Every matching call waits `ms` milliseconds more before it is answered.",
    "server_error": "The call is refused with `status` (500) in the provider's error envelope.",
    "rate_limited": "The call is refused for its rate: `status` (429), `reason`, and a Retry-After header of "
    "`retry_after` seconds when given.",
    "lost_answer": "The call is carried out, but the answer is lost: the caller gets an empty 504.",
    "nonsense": "The call is answered 200 with a page of HTML instead of JSON.",
    "truncated": "The answer is cut in half.",
    "failing_page": "Page number `page` (2) of a listing fails with 500.",
    "clock_skew": "The provider's clock is `seconds` (600) ahead of the real one, when tokens are judged and in "
    "the Date of every answer.",
    "id_token_claims": "ID tokens carry these `claims` (an object) instead; null removes a claim.",
    "push_lost": "Push messages are not sent.",
    "push_duplicate": "Each push message is sent twice.",
    "push_delay": "Push messages come `seconds` late.",
    "directory_partial": "Listings of people hold only the first `share` (0.5) of them, and say that this is all.",
    "directory_empty": "Listings of people hold nobody, and say that this is all.",
    "directory_page_repeats": "A directory listing names, after its second page, that page as the next again.",
    "room_declines": "The room declines instead of accepting; `seconds` (2) after it was invited.",
}


class Faults:
    """The faults that are known and those switched on now. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.known: dict[str, str] = dict(COMMON)
        self._active: list[dict[str, Any]] = []

    def declare(self, table: dict[str, str]) -> None:
        """Add a provider's faults to those known."""
        self.known.update(table)

    def add(self, name: str, target: str | None = None, times: int | None = None, **params: Any) -> None:
        """Switch a fault on. Raises KeyError when no fault has this name."""
        if name not in self.known:
            raise KeyError(name)
        entry = {"fault": name, "target": target, "times": times, "since": time.time(), "hits": 0, **params}
        with self._lock:
            self._active.append(entry)

    def remove(self, name: str | None = None) -> None:
        """Switch off the faults of this name, or all."""
        with self._lock:
            self._active = [one for one in self._active if name is not None and one["fault"] != name]

    def active(self) -> list[dict[str, Any]]:
        """What is switched on, with the number of hits so far."""
        with self._lock:
            return [dict(one) for one in self._active]

    def hit(self, name: str, *labels: str | None) -> dict[str, Any] | None:
        """The parameters of the fault if it strikes now (that counts as one hit), else None.

        `labels` say what the call is about; a fault with a target strikes only when one of them is equal
        to it, upper and lower case being the same.
        """
        with self._lock:
            entry = self._striking(name, labels)
            if entry is None:
                return None
            entry["hits"] += 1
            return dict(entry)

    def would_hit(self, name: str, *labels: str | None) -> bool:
        """Like `hit`, without counting."""
        with self._lock:
            return self._striking(name, labels) is not None

    def shortened(self, people: list[Any], *labels: str | None) -> list[Any]:
        """What a listing of people holds while `directory_partial` or `directory_empty` strikes."""
        if self.hit("directory_empty", *labels):
            return []
        partial = self.hit("directory_partial", *labels)
        return people[: int(len(people) * float(partial.get("share", 0.5)))] if partial else people

    def parameter(self, name: str, parameter: str, default: float) -> float:
        """A number of the fault while it is on, else 0. Not counted as a hit."""
        with self._lock:
            entry = self._striking(name, ())
            return float(entry.get(parameter, default)) if entry else 0.0

    def _striking(self, name: str, labels: tuple[str | None, ...]) -> dict[str, Any] | None:
        about = {one.lower() for one in labels if one}
        for entry in self._active:
            if entry["fault"] != name:
                continue
            if entry["target"] and entry["target"].lower() not in about:
                continue
            if entry["times"] is not None and entry["hits"] >= entry["times"]:
                continue
            return entry
        return None
