"""The portal's directory clients, opened without a database, and what the sandbox's data says they must tell."""

from collections.abc import Iterable

import pytest

from connections.providers.base import Key, Spend
from connections.providers.directory import DirectoryService, PeoplePage, PersonSeen, Removed
from connections.providers.google import directory as google
from connections.providers.google.oauth import key_from_json
from connections.providers.microsoft import directory as microsoft
from connections.providers.registry import open_directory
from connections.sandbox import people as data
from tests.people import GOOGLE_ADMINISTRATOR, MICROSOFT_ADMINISTRATOR, MICROSOFT_TENANT
from tests.providers.clients import Counted
from tests.providers.sandbox.server import SandboxServer

GOOGLE_SCOPES = (google.USERS, google.DOMAINS)
GOOGLE_ALL = (*GOOGLE_SCOPES, google.GROUPS, google.MEMBERS, google.ROOMS)
MICROSOFT_SCOPES = (microsoft.USERS, microsoft.ORGANIZATION, microsoft.PLACES)
MICROSOFT_ALL = (*MICROSOFT_SCOPES, microsoft.GROUPS)
REGISTRATIONS = {
    MICROSOFT_SCOPES: ("a0000001-0000-4000-8000-000000000003", "sandbox-secret-directory"),
    MICROSOFT_ALL: ("a0000001-0000-4000-8000-000000000005", "sandbox-secret-directory-groups"),
}


def open_google(
    providers: SandboxServer,
    scopes: tuple[str, ...] = GOOGLE_SCOPES,
    *,
    delegated: tuple[str, ...] | None = None,
    administrator: str = GOOGLE_ADMINISTRATOR,
    only_domains: frozenset[str] | None = None,
    spend: Spend | None = None,
) -> DirectoryService:
    """kube.example's directory through a service account that is delegated these scopes."""
    text = (providers.home / "service-accounts" / "installation.json").read_text()
    key = key_from_json(text, unit_id=None)
    granted = scopes if delegated is None else delegated
    providers.control("POST", "delegation", client_id=key.client_id, scopes=list(granted))
    return open_directory(
        "google",
        key,
        tenant="kube.example",
        scopes=scopes,
        administrator=administrator,
        connection_id="con_of_a_test",
        spend=spend or Counted(),
        only_domains=only_domains,
    )


def open_microsoft(
    providers: SandboxServer,
    scopes: tuple[str, ...] = MICROSOFT_SCOPES,
    *,
    roles: tuple[str, ...] | None = None,
    spend: Spend | None = None,
) -> DirectoryService:
    """sigs.example's directory through the registration of these scopes; `roles`: what was consented to."""
    client_id, secret = REGISTRATIONS[scopes]
    consented = {} if roles is None else {"roles": list(roles)}
    providers.control("POST", "consents", tenant="sigs.example", client_id=client_id, **consented)
    return open_directory(
        "microsoft",
        Key("microsoft", "directory", client_id, secret),
        tenant=MICROSOFT_TENANT,
        scopes=scopes,
        administrator=MICROSOFT_ADMINISTRATOR,
        connection_id="con_of_a_test",
        spend=spend or Counted(),
    )


def everybody(pages) -> dict[str, PersonSeen]:
    """Everybody of a listing by their address."""
    return {person.address: person for page in pages for person in page.people}


def removed(pages) -> list[Removed]:
    return [one for page in pages for one in page.removed]


def failing(listing: Iterable, error: type[Exception]) -> tuple[int, Exception]:
    """How many parts of a listing came before it failed, and how it did."""
    parts: list = []
    with pytest.raises(error) as raised:
        parts.extend(listing)
    return len(parts), raised.value


def whole(service: DirectoryService) -> tuple[list[PeoplePage], str]:
    """A whole listing, and where the changes after it begin."""
    pages = list(service.people())
    return pages, pages[-1].cursor


def facts(person: PersonSeen) -> tuple[str, ...]:
    """What the data files say of a person too."""
    return (
        person.address, person.given_name, person.family_name, person.department, person.employee_id,
    )  # fmt: skip


def in_the_data(domain: str) -> set[tuple[str, ...]]:
    """The same facts of everybody of a domain, from the data files."""
    return {
        (one.email, one.given_name, one.family_name, one.department, one.id)
        for one in data.people()
        if one.domain == domain
    }
