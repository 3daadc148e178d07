"""Microsoft's side of the sandbox: Entra sign-in and consent, and Graph v1.0."""

from ..world import World
from . import (
    calendar,
    consent,
    control,
    delta,
    directory,
    directory_delta,
    events,
    oauth,
    places,
    schedule,
    subscriptions,
    teams,
)
from .blueprint import blueprint
from .faults import FAULTS
from .office import Office
from .registrations import add_defaults

__all__ = ["FAULTS", "VIEWS", "blueprint", "set_up"]

# Importing these adds their routes to the blueprint.
VIEWS = (
    calendar,
    consent,
    control,
    delta,
    directory,
    directory_delta,
    events,
    oauth,
    places,
    schedule,
    subscriptions,
    teams,
)


def set_up(world: World) -> None:
    """Give the world what Microsoft's side keeps: app registrations, signing key, codes, subscriptions."""
    add_defaults(world)
    world.microsoft = Office(world)
