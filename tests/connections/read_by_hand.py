"""Rows as reading leaves them, made by hand: connections, mailboxes, calendars and the counts of hours."""

from datetime import UTC, datetime, timedelta

from connections.models import CalendarConnection, Mailbox, MemberCalendar, ReadingHour
from orgunits.models import OrganizationalUnit
from tests.builders import make_members

NOW = datetime(2026, 11, 21, 14, 20, tzinfo=UTC)


def connect(
    unit: OrganizationalUnit, provider: str = "google", mode: str = "free_busy", **fields
) -> CalendarConnection:
    fields = {
        "state": "active",
        "connected_at": NOW - timedelta(days=30),
        "state_since": NOW - timedelta(days=1),
        **fields,
    }
    return CalendarConnection.objects.create(unit=unit, provider=provider, mode=mode, **fields)


def serve(
    connection: CalendarConnection | None, number: int, unit: OrganizationalUnit | None = None, **fields
) -> list[Mailbox]:
    """So many more members, with mailboxes alike."""
    unit = unit or connection.unit
    have = unit.members.count()
    members = make_members(unit, [f"p{have + n:04}@kube.example" for n in range(number)])
    fields = {
        "decided_by": "domain",
        "state": Mailbox.State.SYNCED,
        "state_since": NOW - timedelta(hours=1),
        **fields,
    }
    return Mailbox.objects.bulk_create(
        Mailbox(unit=unit, member=member, connection=connection, **fields) for member in members
    )


def count(connection: CalendarConnection, hour: datetime, **counts: int) -> None:
    ReadingHour.objects.create(unit=connection.unit, connection=connection, hour=hour, **counts)


def calendar(box: Mailbox, read_at: datetime | None, **fields) -> MemberCalendar:
    fields = {"provider": box.connection.provider, "provider_id": "primary", "counts": True, **fields}
    return MemberCalendar.objects.create(unit=box.unit, mailbox=box, full_round_at=read_at, **fields)
