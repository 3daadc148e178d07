"""What has to stand in Google's Admin console: one entry for a client id, replaced as a whole when it is edited."""

from collections.abc import Iterable

from .models import Connection
from .states import State


def sharing_a_client(connection: Connection) -> list[Connection]:
    """The unit's other living connections whose delegation stands in the same entry of the same Workspace.

    Before the sign-in the Workspace is not known; then those of any count. Where each member authorizes for
    themselves nothing is delegated.
    """
    if connection.provider != Connection.Provider.GOOGLE:
        return []
    rows = connection.unit.connections.filter(
        provider=connection.provider, credential=connection.credential_id, personal=False
    )
    if connection.tenant:
        rows = rows.filter(tenant=connection.tenant)
    return list(rows.exclude(pk=connection.pk).exclude(state=State.DISCONNECTED).order_by("pk"))


def scopes_to_paste(connection: Connection, sharing: Iterable[Connection]) -> tuple[str, ...]:
    """The whole list for the entry: this connection's scopes, then what those `sharing` its client id need.

    https://support.google.com/a/answer/162106 : the list of an entry is replaced, never added to.
    """
    return with_those_of(sharing, connection.scopes.organization)


def with_those_of(sharing: Iterable[Connection], scopes: Iterable[str]) -> tuple[str, ...]:
    """`scopes`, then what those `sharing` the client id need beyond them."""
    wanted = dict.fromkeys(scopes)
    for other in sharing:
        wanted |= dict.fromkeys(other.scopes.organization)
    return tuple(wanted)


def may_be_removed(scopes: Iterable[str], sharing: Iterable[Connection]) -> tuple[str, ...]:
    """Those of `scopes` that none of those `sharing` the client id needs."""
    needed = with_those_of(sharing, ())
    return tuple(scope for scope in scopes if scope not in needed)
