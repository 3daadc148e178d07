"""Where push messages really go: a portal tried on this machine has no public address.

`https://portal.example=http://localhost:8000`: what is sent to the left goes to the right; several, separated by
commas. The providers' own rule about addresses is asked before, of the left one.
"""

from __future__ import annotations

import os
from urllib.parse import SplitResult, urlsplit, urlunsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class PushMap:
    """Origins (scheme, host and port) that stand for others on this machine."""

    def __init__(self, text: str = "") -> None:
        """Raises ValueError for what is no pair of origins, or would leave this machine."""
        self.text = text
        self._targets: dict[tuple[str, str], SplitResult] = {}
        for pair in filter(None, (part.strip() for part in text.split(","))):
            public, _, local = pair.partition("=")
            left, right = urlsplit(public.strip()), urlsplit(local.strip())
            if not left.scheme or not left.netloc or right.scheme not in ("http", "https"):
                raise ValueError(f"not a pair of addresses: {pair}")
            if right.hostname not in LOOPBACK:
                raise ValueError(f"not an address of this machine: {local}")
            self._targets[left.scheme, left.netloc.lower()] = right

    @classmethod
    def of_the_environment(cls) -> PushMap:
        """The one the server was started with."""
        return cls(os.environ.get("SANDBOX_PUSH_MAP", ""))

    def really(self, url: str) -> str:
        """The address to send to instead of `url`, with its path and query."""
        parts = urlsplit(url)
        target = self._targets.get((parts.scheme, parts.netloc.lower()))
        if target is None:
            return url
        return urlunsplit(parts._replace(scheme=target.scheme, netloc=target.netloc))
