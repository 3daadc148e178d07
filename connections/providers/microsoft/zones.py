"""Microsoft's names of time zones, as IANA names (Unicode CLDR windowsZones, as tzlocal carries it)."""

from tzlocal.windows_tz import win_tz

from connections.providers.zones import known_zone


def iana_zone(name: str) -> str:
    """The IANA zone for a Windows or IANA name; empty when nobody knows it (`tzone://Microsoft/Custom`)."""
    return win_tz[name] if name in win_tz else known_zone(name)
