"""What goes into a Graph subscription and what comes back: pure.

https://learn.microsoft.com/graph/api/resources/subscription
"""

from datetime import UTC, datetime, timedelta

from connections.providers.base import OpenChannel, readable

# Newer pages of the documentation say 10,080 minutes for events; 4,230 are granted everywhere.
LONGEST = timedelta(minutes=4230)
# Connecting and answering, in seconds: Graph tries two addresses first and waits ten seconds for each.
HANDSHAKES = (5, 30)


def subscription_request(
    resource: str, *, client_state: str, url: str, lifecycle_url: str, expires_at: datetime
) -> dict:
    """The body that creates a subscription. The lifecycle address cannot be added later."""
    return {
        "changeType": "created,updated,deleted",
        "resource": resource,
        "notificationUrl": url,
        "lifecycleNotificationUrl": lifecycle_url,
        "clientState": client_state,
        **renewal_request(expires_at),
    }


def renewal_request(expires_at: datetime) -> dict:
    """The body that moves a subscription's end."""
    return {"expirationDateTime": f"{expires_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}


@readable()
def channel_of(answer: dict) -> OpenChannel:
    """The subscription as Graph answers it; its own end counts, not the one that was asked for."""
    text = str(answer["expirationDateTime"])[:19]  # Graph writes seven decimals, always UTC
    return OpenChannel(answer["id"], "", datetime.fromisoformat(text).replace(tzinfo=UTC))
