"""Connecting a service as people do, over real HTTP to the sandbox but without a browser."""

from urllib.parse import parse_qs, urlsplit

import requests
from django.utils import timezone

from connections import authorization, calendar_connections, directories, health
from connections.attempts import Purpose, Traveller
from connections.credentials import keep_service_account, key_of
from connections.models import Connection
from orgunits.models import OrganizationalUnit, User
from tests.people import GOOGLE_ADMINISTRATOR, MICROSOFT_ADMINISTRATOR
from tests.providers.sandbox.server import SandboxServer

ADMINISTRATORS = {"google": GOOGLE_ADMINISTRATOR, "microsoft": MICROSOFT_ADMINISTRATOR}


class StayedAtProvider(AssertionError):
    """The provider showed a page of its own instead of sending the browser back."""


def answer_provider_page(url: str, account: str, *, agree: bool = True) -> dict[str, str]:
    """What the provider sends back when `account` agrees to all or cancels on the page at `url`."""
    page = requests.get(url, timeout=10)
    ticked = parse_qs(urlsplit(url).query).get("scope", [""])[0].split()
    word = ("accept" if "adminconsent" in url else "allow") if agree else "cancel"
    form = {"account": account, "other": "", "decision": word, "action": word, "scope": ticked}
    sent_back = requests.post(url, data=form, cookies=page.cookies, allow_redirects=False, timeout=10)
    if sent_back.status_code not in {302, 303}:
        raise StayedAtProvider(sent_back.text)
    query = parse_qs(urlsplit(sent_back.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


def own_google_key(unit: OrganizationalUnit, providers: SandboxServer, *, by: User) -> None:
    """Give the unit a service account of its own, as the sandbox's console makes it."""
    key = requests.post(
        f"{providers.url}/control/service-accounts",
        json={"name": unit.public_id.replace("_", "-")},
        timeout=10,
    ).text
    keep_service_account(unit, key, by=by, now=timezone.now())


def sign_in(connection: Connection, account: str, *, by: User, purpose: str = Purpose.SIGN_IN):
    """Sign in at the provider as `account`; raises authorization.Refused like the portal does."""
    now, who = timezone.now(), Traveller(f"session of {by.pk}", user=by)
    url = authorization.begin(connection, purpose=purpose, traveller=who, now=now)
    back = answer_provider_page(url, account)
    return authorization.complete_sign_in(
        provider=connection.provider,
        state=back.get("state", ""),
        code=back.get("code", ""),
        error=back.get("error", ""),
        traveller=who,
        now=now,
    )


def delegate(connection: Connection, providers: SandboxServer, scopes: list[str] | None = None) -> None:
    """Paste client id and scopes into Google's Admin console."""
    wanted = list(connection.scopes.organization) if scopes is None else scopes
    providers.control("POST", "delegation", client_id=key_of(connection).client_id, scopes=wanted)


def consent(connection: Connection, account: str = MICROSOFT_ADMINISTRATOR, *, by: User, agree: bool = True):
    """Agree on Microsoft's consent page as `account`."""
    now, who = timezone.now(), Traveller(f"session of {by.pk}", user=by)
    url = authorization.begin(connection, purpose=Purpose.ADMIN_CONSENT, traveller=who, now=now)
    back = answer_provider_page(url, account, agree=agree)
    return authorization.complete_consent(
        state=back.get("state", ""),
        tenant=back.get("tenant", ""),
        consented=back.get("admin_consent") == "True",
        error=back.get("error", ""),
        description=back.get("error_description", ""),
        traveller=who,
        now=now,
    )


def connect(
    unit: OrganizationalUnit, provider: str, mode: str, providers: SandboxServer, *, by: User
) -> Connection:
    """A connection that works, set up the whole way."""
    if provider == "google" and not unit.credentials.filter(provider="google").exists():
        own_google_key(unit, providers, by=by)
    connection = calendar_connections.create_connection(unit, provider, mode, by=by, now=timezone.now())
    return set_up(connection, providers, by=by)


def connect_directory(
    unit: OrganizationalUnit,
    provider: str,
    providers: SandboxServer,
    *,
    by: User,
    extras: tuple[str, ...] = (),
) -> Connection:
    """A connection to a directory that works, set up the whole way."""
    if provider == "google" and not unit.credentials.filter(provider="google").exists():
        own_google_key(unit, providers, by=by)
    connection = directories.create_directory(unit, provider, extras=extras, by=by, now=timezone.now())
    return set_up(connection, providers, by=by)


def set_up(connection: Connection, providers: SandboxServer, *, by: User) -> Connection:
    """Sign in, grant, check."""
    provider = connection.provider
    sign_in(connection, ADMINISTRATORS[provider], by=by)
    connection.refresh_from_db()
    if provider == "google":
        delegate(connection, providers)
    else:
        consent(connection, by=by)
        connection.refresh_from_db()
    verdict = health.check_connection(connection, by=by, now=timezone.now())
    assert verdict.works, verdict
    connection.refresh_from_db()
    return connection


def directory_of_tenant(
    unit: OrganizationalUnit,
    administrator: str,
    providers: SandboxServer,
    *,
    by: User,
    extras: tuple[str, ...] = (),
) -> Connection:
    """A connection that works to the Microsoft directory that somebody administers."""
    connection = directories.create_directory(unit, "microsoft", extras=extras, by=by, now=timezone.now())
    sign_in(connection, administrator, by=by)
    connection.refresh_from_db()
    consent(connection, administrator, by=by)
    connection.refresh_from_db()
    verdict = health.check_connection(connection, by=by, now=timezone.now())
    assert verdict.works, verdict
    connection.refresh_from_db()
    return connection
