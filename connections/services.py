"""Opening the service behind a connection. Nothing is opened that is not bound to its unit and allowed to call."""

from orgunits.names import domain_of

from . import file_directory
from .budgets import of_a_self_test
from .credentials import As, key_of
from .models import Connection, ConnectionDomain
from .modes import capabilities, scopes_for
from .providers.base import AuthorizationLost, CalendarService, Spend
from .providers.directory import DirectoryService
from .providers.registry import open_calendars, open_directory, open_granted_calendars

Service = CalendarService | DirectoryService
SILENT = {Connection.State.PAUSED, Connection.State.DISCONNECTED}


def calendar_service(
    connection: Connection,
    *,
    spend: Spend | None = None,
    instead: As | None = None,
    administrator: str = "",
    stopping: bool = False,
    tokens: dict[str, str] | None = None,
) -> CalendarService:
    """The calendars behind `connection`; without `spend` for a self-test, whose calls no budget counts.

    `instead`: as if the connection were in another mode already, to try what that one was granted.
    `administrator`: whom Google is asked for scopes as, if not the one who signed in.
    `stopping`: only to take back what was asked for, also of a connection that makes no other calls any more.
    `tokens`: by address, where each member authorizes for their own calendar.
    Raises AuthorizationLost when nobody signed in, nothing proves that this unit may use the tenant, the key
    is missing, or the connection makes no calls at all (paused, disconnected, No Access; its unit paused).
    """
    use = instead or As(connection.mode, connection.credential)
    can = capabilities(connection.provider, use.mode)
    _must_be_allowed(connection, can.reads_calendars, stopping=stopping)
    if connection.personal:
        if tokens is None:
            raise AuthorizationLost("only_members")
        return open_granted_calendars(
            tokens,
            scopes=connection.scopes.organization,
            connection_id=connection.public_id,
            spend=spend or of_a_self_test(),
        )
    _must_be_bound(connection)
    return open_calendars(
        connection.provider,
        key_of(connection, instead=instead),
        tenant=connection.tenant,
        scopes=scopes_for(connection.provider, use.mode).organization,
        administrator=administrator or connection.administrator,
        only_domains=None if use.credential else proven_domains(connection),
        connection_id=connection.public_id,
        spend=spend or of_a_self_test(),
    )


def directory_service(
    connection: Connection, *, spend: Spend | None = None, administrator: str = ""
) -> DirectoryService:
    """The directory behind `connection`; without `spend` for a self-test. Raises AuthorizationLost, as above."""
    _must_be_allowed(connection, connection.capabilities.reads_directory)
    if connection.capabilities.from_files:
        return file_directory.of_connection(connection)
    _must_be_bound(connection)
    return open_directory(
        connection.provider,
        key_of(connection),
        tenant=connection.tenant,
        scopes=connection.scopes.organization,
        administrator=administrator or connection.administrator,
        only_domains=None if connection.credential_id else proven_domains(connection),
        connection_id=connection.public_id,
        spend=spend or of_a_self_test(),
    )


def service_of(connection: Connection, *, administrator: str = "") -> Service:
    """What is behind `connection`, for a self-test. Raises AuthorizationLost."""
    of_kind = directory_service if connection.capabilities.reads_directory else calendar_service
    return of_kind(connection, administrator=administrator)


def _must_be_allowed(connection: Connection, able: bool, *, stopping: bool = False) -> None:
    """Whether the connection makes calls at all now. `able`: whether it has anything to ask. Raises
    AuthorizationLost."""
    if not (connection.unit.works or stopping):
        raise AuthorizationLost("unit_at_rest")
    if connection.state == Connection.State.DISCONNECTED and not stopping:
        raise AuthorizationLost("disconnected_by_admin")
    if not able or (connection.state in SILENT and not stopping):
        raise AuthorizationLost("paused_by_admin")


def _must_be_bound(connection: Connection) -> None:
    if not connection.tenant:
        raise AuthorizationLost("not_signed_in")
    if not connection.proof:
        raise AuthorizationLost("not_bound")


def proven_domains(connection: Connection) -> frozenset[str] | None:
    """The mail domains this connection may ask about; None where the provider keeps tenants apart.

    Google's service account acts for every Workspace that delegated it. While units share the installation's
    one, an answer proves nothing: only domains that belong to the bound tenant by another fact may be asked.
    """
    if connection.provider != Connection.Provider.GOOGLE or connection.credential_id is not None:
        return None
    Verified = ConnectionDomain.Verified
    proven = connection.domains.filter(verified__in=(Verified.DIRECTORY, Verified.DNS))
    names = proven.values_list("domain", flat=True)
    return frozenset({connection.tenant, domain_of(connection.administrator), *names})
