"""Google's side of the sandbox: sign-in, tokens, Calendar v3, Directory v1, Meet v2, the Admin console page."""

from __future__ import annotations

from .. import rooms
from ..world import World
from . import (
    calendar_lists,
    channels,
    conferences,
    console,
    control,
    directory,
    event_reads,
    event_writes,
    freebusy,
    groups,
    meet,
    oauth,
    sign_in,
)
from .fault_table import FAULTS
from .routes import blueprint

# Importing these hangs their routes on the blueprint.
ROUTES = (
    calendar_lists,
    console,
    control,
    directory,
    event_reads,
    event_writes,
    freebusy,
    groups,
    meet,
    oauth,
    sign_in,
)

__all__ = ["FAULTS", "ROUTES", "blueprint", "set_up"]


def set_up(world: World) -> None:
    """Connect push channels with the world and take up what a restart interrupted. Called once."""
    channels.listen(world)
    conferences.resume(world)
    rooms.resume(world)
