"""Changing a connection's access mode over real HTTP, and what must not change by it."""

from datetime import timedelta

from django.utils import timezone

from connections import mode_changes, mode_checks
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
from tests.connections.scene import Scene

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
    """Every column of every row of a connection, to be compared."""
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in ITS_ROWS}


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


def later(**span) -> timezone.datetime:
    return timezone.now() + timedelta(**span)
