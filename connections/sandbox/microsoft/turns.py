"""How many calls of an application are under way in one mailbox: Outlook allows four.

Counted from before the simulated latency, which is spent before a view runs, until the answer has left.
"""

import re
import threading
from collections import Counter

from flask import g, request

from ..world import the_world
from .blueprint import blueprint

CALLS_AT_A_TIME = 4
MAILBOX_CALL = re.compile(r"/graph\.microsoft\.com/v1\.0/users/([^/]+)/(calendar|event)")


class Turns:
    """Calls under way by (access token, mailbox as the address names it). Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count: Counter[tuple[str, str]] = Counter()

    def enter(self, key: tuple[str, str]) -> int:
        """One more call; how many there are now."""
        with self._lock:
            self._count[key] += 1
            return self._count[key]

    def leave(self, key: tuple[str, str]) -> None:
        """One call less."""
        with self._lock:
            self._count[key] -= 1
            if not self._count[key]:
                del self._count[key]


@blueprint.before_app_request
def _enter() -> None:
    found = MAILBOX_CALL.match(request.path)
    if found:
        g.turn = (request.headers.get("Authorization", ""), found[1].lower())
        g.calls_under_way = the_world().microsoft.turns.enter(g.turn)


@blueprint.teardown_app_request
def _leave(_error: BaseException | None) -> None:
    if "turn" in g:
        the_world().microsoft.turns.leave(g.turn)
