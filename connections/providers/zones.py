"""Names of time zones as providers tell them."""

from functools import cache
from zoneinfo import available_timezones


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def known_zone(name: str) -> str:
    """`name` when it is a zone of the IANA database, else nothing."""
    return name if name in _zones() else ""
