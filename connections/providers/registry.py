"""Which code speaks to which provider. Only this app's verbs open it."""

from collections.abc import Callable
from typing import NotRequired, TypedDict, TypeVar, Unpack

from django.conf import settings

from .base import AuthorizationLost, CalendarService, Key, Spend
from .directory import DirectoryService
from .google.calendar import GoogleCalendars
from .google.directory import GoogleDirectory
from .google.oauth import ServiceAccount
from .google.personal import GrantedTokens
from .http import ProviderSession
from .microsoft.calendar import MicrosoftCalendars
from .microsoft.directory import EntraDirectory

S = TypeVar("S")


class Where(TypedDict):
    """What a service is opened for. `administrator`: whom Google is asked as. `only_domains`: mail domains beyond
    which a key that reaches several tenants must not be used; None where it reaches one."""

    tenant: str
    scopes: tuple[str, ...]
    administrator: str
    connection_id: str
    spend: Spend
    only_domains: NotRequired[frozenset[str] | None]


def open_calendars(provider: str, key: Key, **where: Unpack[Where]) -> CalendarService:
    """The calendars of one tenant, reached with `key`."""
    return _open(GoogleCalendars, MicrosoftCalendars, provider, key, **where)


def open_directory(provider: str, key: Key, **where: Unpack[Where]) -> DirectoryService:
    """The directory of one tenant, reached with `key`."""
    return _open(GoogleDirectory, EntraDirectory, provider, key, **where)


def _open(
    google: Callable[..., S],
    microsoft: Callable[..., S],
    provider: str,
    key: Key,
    *,
    tenant: str,
    connection_id: str,
    only_domains: frozenset[str] | None = None,
    **asking: object,
) -> S:
    session = ProviderSession(connection_id=connection_id)
    if provider == "google":
        return google(ServiceAccount(key, session), only_domains=only_domains, session=session, **asking)
    if provider == "microsoft":
        return microsoft(key, tenant=tenant, session=session, **asking)
    raise AuthorizationLost("key_missing", provider)


def open_granted_calendars(
    tokens: dict[str, str], *, scopes: tuple[str, ...], connection_id: str, spend: Spend
) -> CalendarService:
    """Calendars of people who granted it one by one: `tokens` holds an access token for each address."""
    session = ProviderSession(connection_id=connection_id)
    return GoogleCalendars(
        GrantedTokens(tokens),
        scopes=scopes,
        administrator="",
        only_domains=None,
        session=session,
        spend=spend,
    )


def requests_per_minute(provider: str) -> int:
    """What one connection may ask in a minute: its share of the provider's published quota."""
    quotas = {
        "google": settings.GOOGLE_REQUESTS_PER_MINUTE,
        "microsoft": settings.MICROSOFT_REQUESTS_PER_MINUTE,
    }
    return quotas[provider] * settings.REQUEST_BUDGET_PERCENT // 100
