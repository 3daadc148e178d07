"""Time zone names as Graph writes them: Windows names out, Windows or IANA names in.

Graph answers with the Windows name when there is one, and takes both kinds in a request. The pairs are CLDR's,
as tzlocal carries them.
"""

import functools
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal.windows_tz import tz_win, win_tz

UTC_NAMES = {"utc", "tzone://microsoft/utc", "etc/utc", "coordinated universal time"}


@functools.cache
def windows_name(iana: str) -> str:
    """The Windows name of an IANA zone; the IANA name itself where Windows has none."""
    return tz_win.get(iana, iana)


@functools.cache
def zone_named(name: str) -> ZoneInfo | None:
    """The zone a caller means by a Windows or IANA name, None when there is no such zone."""
    if name.lower() in UTC_NAMES:
        return ZoneInfo("UTC")
    try:
        return ZoneInfo(win_tz.get(name, name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
