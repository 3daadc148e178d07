"""What goes into a Google push channel and what comes back: pure.

https://developers.google.com/workspace/calendar/api/guides/push
"""

from datetime import UTC, datetime, timedelta

from connections.providers.base import OpenChannel, Unreadable, readable

LONGEST = timedelta(days=7)  # a channel's usual life; Google may answer an earlier end


def channel_request(channel_id: str, token: str, url: str, expires_at: datetime) -> dict:
    """The body of a watch call. Google counts the end in milliseconds, written as text."""
    return {
        "id": channel_id,
        "type": "web_hook",
        "address": url,
        "token": token,
        "expiration": str(int(expires_at.timestamp() * 1000)),
    }


@readable()
def channel_of(answer: dict, *, asked: str) -> OpenChannel:
    """The channel as Google opened it; its own end counts, not the one that was asked for."""
    if answer["id"] != asked:
        raise Unreadable("another channel")
    expires_at = datetime.fromtimestamp(int(answer["expiration"]) / 1000, UTC)
    return OpenChannel(answer["id"], answer["resourceId"], expires_at)
