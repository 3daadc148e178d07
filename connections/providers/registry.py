"""Which code speaks to which provider. Only this app's verbs open it."""

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


def open_calendars(
    provider: str,
    key: Key,
    *,
    tenant: str,
    scopes: tuple[str, ...],
    administrator: str,
    connection_id: str,
    spend: Spend,
    only_domains: frozenset[str] | None = None,
) -> CalendarService:
    """The calendars of one tenant, reached with `key` in the scopes given.

    `only_domains`: mail domains beyond which a key that reaches several tenants must not be used.
    """
    session = ProviderSession(connection_id=connection_id)
    if provider == "google":
        return GoogleCalendars(
            ServiceAccount(key, session),
            scopes=scopes,
            administrator=administrator,
            only_domains=only_domains,
            session=session,
            spend=spend,
        )
    if provider == "microsoft":
        return MicrosoftCalendars(
            key, tenant=tenant, scopes=scopes, administrator=administrator, session=session, spend=spend
        )
    raise AuthorizationLost("key_missing", provider)


def open_directory(
    provider: str,
    key: Key,
    *,
    tenant: str,
    scopes: tuple[str, ...],
    administrator: str,
    connection_id: str,
    spend: Spend,
    only_domains: frozenset[str] | None = None,
) -> DirectoryService:
    """The directory of one tenant, reached with `key` in the scopes given.

    `administrator`: whom Google is asked as. `only_domains`: as for calendars.
    """
    session = ProviderSession(connection_id=connection_id)
    if provider == "google":
        return GoogleDirectory(
            ServiceAccount(key, session),
            scopes=scopes,
            administrator=administrator,
            only_domains=only_domains,
            session=session,
            spend=spend,
        )
    if provider == "microsoft":
        return EntraDirectory(
            key, tenant=tenant, scopes=scopes, administrator=administrator, session=session, spend=spend
        )
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
