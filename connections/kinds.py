"""Which verbs a connection has, by its kind: each module has `activate`, `pause`, `resume`, `disconnect` and
`mark_lost`."""

from types import ModuleType

from . import calendar_connections, directories
from .models import Connection

VERBS: dict[str, ModuleType] = {
    Connection.Kind.CALENDAR: calendar_connections,
    Connection.Kind.DIRECTORY: directories,
}


def of_kind(connection: Connection) -> ModuleType:
    """The verbs of this connection."""
    return VERBS[connection.kind]
