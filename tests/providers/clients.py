"""The portal's provider clients, opened without a database: plain values in and out."""

from connections.modes import scopes_for
from connections.providers.base import CalendarService, Key, Spend
from connections.providers.google.oauth import key_from_json
from connections.providers.registry import open_calendars
from tests.people import GOOGLE_ADMINISTRATOR, MICROSOFT_ADMINISTRATOR, MICROSOFT_TENANT
from tests.providers.sandbox.server import SandboxServer

REGISTRATIONS = {
    "read_write": ("a0000001-0000-4000-8000-000000000001", "sandbox-secret-calendar-read-write"),
    "free_busy": ("a0000001-0000-4000-8000-000000000002", "sandbox-secret-calendar-free-busy"),
}


class Counted:
    """A budget without end that counts what was spent."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, calls: int) -> None:
        self.calls += calls


def open_google(
    providers: SandboxServer,
    mode: str = "free_busy",
    *,
    spend: Spend | None = None,
    only_domains: frozenset[str] | None = None,
) -> CalendarService:
    """kube.example's calendars through a service account that is delegated the mode's scopes."""
    text = (providers.home / "service-accounts" / "installation.json").read_text()
    key, scopes = key_from_json(text, unit_id=None), scopes_for("google", mode).organization
    providers.control("POST", "delegation", client_id=key.client_id, scopes=list(scopes))
    return open_calendars(
        "google",
        key,
        tenant="kube.example",
        scopes=scopes,
        administrator=GOOGLE_ADMINISTRATOR,
        connection_id="con_of_a_test",
        spend=spend or Counted(),
        only_domains=only_domains,
    )


def open_microsoft(
    providers: SandboxServer, mode: str = "read_write", *, spend: Spend | None = None
) -> CalendarService:
    """sigs.example's calendars through the mode's app registration, which was consented to."""
    client_id, secret = REGISTRATIONS[mode]
    providers.control("POST", "consents", tenant="sigs.example", client_id=client_id)
    scopes = scopes_for("microsoft", mode)
    return open_calendars(
        "microsoft",
        Key("microsoft", scopes.permission_set, client_id, secret),
        tenant=MICROSOFT_TENANT,
        scopes=scopes.organization,
        administrator=MICROSOFT_ADMINISTRATOR,
        connection_id="con_of_a_test",
        spend=spend or Counted(),
    )
