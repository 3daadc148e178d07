"""Changing a connection's access mode over real HTTP, and what must not change by it."""

from django.utils import timezone

from connections import authorization, mode_changes, mode_checks
from connections.attempts import Purpose, Traveller
from connections.models import (
    BusyPeriod,
    CalendarConnection,
    ConnectionDomain,
    Credential,
    EventPosition,
    Mailbox,
    MemberCalendar,
    ModeChange,
    ScopeCheck,
)
from orgunits.models import Member, User
from tests.connecting import answer_provider_page
from tests.connections.scene import Scene
from tests.people import GOOGLE_ADMINISTRATOR, MICROSOFT_ADMINISTRATOR

OTHER = {"read_write": "free_busy", "free_busy": "read_write"}
# All rows that a connection consists of, but for the wish to change it.
ITS_ROWS = [
    BusyPeriod,
    CalendarConnection,
    ConnectionDomain,
    Credential,
    EventPosition,
    Mailbox,
    Member,
    MemberCalendar,
    ScopeCheck,
]


def rows() -> dict[str, list[dict]]:
    """Every column of every row of a connection, to be compared; but for when a person was last here."""
    return {
        model.__name__: list(
            model.objects.order_by("pk").values(
                *(field.attname for field in model._meta.concrete_fields if field.name != "last_seen_on")
            )
        )
        for model in ITS_ROWS
    }


def begin(scene: Scene, *, by: User | None = None, now=None) -> ModeChange:
    """Wish for the other mode."""
    connection = CalendarConnection.objects.get(pk=scene.connection.pk)
    return mode_changes.begin_change(
        connection, OTHER[connection.mode], by=by or scene.company.olga, now=now or timezone.now()
    )


def grant_at_google(scene: Scene, change: ModeChange, *, scopes: list[str] | None = None) -> None:
    """Add the new mode's scopes in the Admin console, beside the old ones."""
    wanted = list(mode_changes.diff_of(change).while_both) if scopes is None else scopes
    client_id = mode_changes.key_of(change.connection).client_id
    scene.providers.control("POST", "delegation", client_id=client_id, scopes=wanted)


def check(change: ModeChange, *, by: User | None = None, now=None):
    """Look what was granted, on rows as they are now."""
    row = ModeChange.objects.select_related("connection__unit", "connection__credential", "credential")
    return mode_checks.check_change(row.get(pk=change.pk), by=by, now=now or timezone.now())


def complete(scene: Scene, change: ModeChange, *, now=None) -> None:
    """Make the change, and let the scene read in the new mode."""
    row = ModeChange.objects.select_related("connection__unit", "credential").get(pk=change.pk)
    mode_changes.complete_change(row, by=scene.company.olga, now=now or timezone.now())
    scene.connection.refresh_from_db()


def bare_names() -> bool:
    """Whether every busy time is called after its own span and nothing else."""
    return all(
        name == f"{starts}-{ends}-{kind}"
        for name, starts, ends, kind in BusyPeriod.objects.values_list(
            "provider_id", "starts", "ends", "kind"
        )
    )


# --- trips to the provider
def traveller(user: User) -> Traveller:
    return Traveller(f"session of {user.pk}", user=user)


def leave(scene: Scene, change: ModeChange, purpose: str = Purpose.ADMIN_CONSENT) -> str:
    """The provider's address for this change."""
    return authorization.begin(
        change.connection,
        purpose=purpose,
        traveller=traveller(scene.company.olga),
        now=timezone.now(),
        mode_change=change,
    )


def come_back(scene: Scene, back: dict[str, str], *, tenant: str | None = None):
    """Return from the consent page with what it sent along."""
    return authorization.complete_consent(
        state=back.get("state", ""),
        tenant=back.get("tenant", "") if tenant is None else tenant,
        consented=back.get("admin_consent") == "True",
        error=back.get("error", ""),
        description=back.get("error_description", ""),
        traveller=traveller(scene.company.olga),
        now=timezone.now(),
    )


def consent(scene: Scene, change: ModeChange, *, agree: bool = True) -> None:
    """Agree on Microsoft's page to the new mode's registration."""
    come_back(scene, answer_provider_page(leave(scene, change), MICROSOFT_ADMINISTRATOR, agree=agree))


def approve(scene: Scene, change: ModeChange, account: str = "") -> None:
    """An administrator of the tenant signs in for this change."""
    google = scene.connection.provider == "google"
    account = account or (GOOGLE_ADMINISTRATOR if google else MICROSOFT_ADMINISTRATOR)
    purpose = Purpose.PROVE_ADMINISTRATOR if google else Purpose.SIGN_IN
    back = answer_provider_page(leave(scene, change, purpose), account)
    authorization.complete_sign_in(
        provider=scene.connection.provider,
        state=back.get("state", ""),
        code=back.get("code", ""),
        error=back.get("error", ""),
        traveller=traveller(scene.company.olga),
        now=timezone.now(),
    )


def granted(scene: Scene, change: ModeChange) -> None:
    """All that the new mode needs, from whoever has to give it."""
    if scene.connection.provider == "google":
        grant_at_google(scene, change)
        return
    if mode_changes.needs_approval(change):
        approve(scene, change)
    consent(scene, change)
