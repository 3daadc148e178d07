"""Work that happens a little later: pushes, answers of rooms, saving. One background thread."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class Timers:
    """Runs functions after a delay, one after the other, in one daemon thread started when first needed."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """Run `work` after that many seconds of real time. An error in it is logged and ends nothing."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._number), work))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sandbox-timers", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._due or self._due[0][0] > time.monotonic():
                    wait = self._due[0][0] - time.monotonic() if self._due else None
                    self._changed.wait(wait)
                work = heapq.heappop(self._due)[2]
            try:
                work()
            except Exception:
                log.exception("work of the sandbox that was put off failed")
