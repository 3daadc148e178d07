"""Microsoft's names of time zones, as IANA names (Unicode CLDR windowsZones, as tzlocal carries it)."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal.windows_tz import win_tz


def iana_zone(name: str) -> str:
    """The IANA zone for a Windows or IANA name; empty when nobody knows it (`tzone://Microsoft/Custom`)."""
    if name in win_tz:
        return win_tz[name]
    if name.startswith("tzone://"):
        return ""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ""
