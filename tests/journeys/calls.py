"""The portal's own log of calls to providers, as support reads it."""

import json
from pathlib import Path

from django.conf import settings


def calls_of(connection: str) -> list[dict]:
    """The lines about the connection with this public id."""
    lines = Path(settings.PROVIDER_CALL_LOG).read_text().splitlines()
    return [call for call in map(json.loads, lines) if call["connection"] == connection]


def scopes_on_the_wire(connection: str) -> set[str]:
    """What the portal asked for in its tokens for the organization."""
    tokens = [call for call in calls_of(connection) if call["url"].endswith("/token")]
    return {scope for call in tokens for scope in call["scopes"]}
