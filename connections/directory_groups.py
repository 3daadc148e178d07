"""Writing what a directory told of groups and rooms: one by one, and only what differs."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from orgunits.names import sort_key

from .directory_store import AT_A_TIME, batched, must_still_work
from .models import Connection, DirectoryGroup, DirectoryPerson, DirectoryRoom
from .providers.directory import GroupSeen, RoomSeen


def keep_group(connection: Connection, group: GroupSeen) -> None:
    """Write a group and who is directly in it, where that differs from what is kept.

    Members whom the directory did not tell of are left out; of a group that hides its members, those known before
    stay. Raises AuthorizationLost when there is something to write and the connection was stopped meanwhile.
    """
    columns = {
        "name": group.name,
        "address": group.address,
        "sort_key": sort_key(group.name or group.address or group.external_id),
        "everybody": group.everybody,
        "hidden": group.hidden,
        "children_told": sorted(group.children),
        "absent_since": None,
    }
    row = DirectoryGroup.objects.filter(connection=connection, external_id=group.external_id).first()
    before = set(row.members.values_list("pk", flat=True)) if row else set()
    told = before if group.hidden else _people_of(connection, group)
    if row and told == before and all(getattr(row, name) == value for name, value in columns.items()):
        return
    with transaction.atomic():
        must_still_work(connection)
        row, _created = DirectoryGroup.objects.update_or_create(
            connection=connection,
            external_id=group.external_id,
            defaults={"unit_id": connection.unit_id, **columns},
        )
        row.members.remove(*(before - told))
        row.members.add(*(told - before))


def _people_of(connection: Connection, group: GroupSeen) -> set[int]:
    """The keys of the group's direct members whom the directory told of."""
    told = set()
    for some in batched(list(group.members), AT_A_TIME):
        people = DirectoryPerson.objects.filter(connection=connection, external_id__in=some)
        told |= set(people.values_list("pk", flat=True))
    return told


@transaction.atomic
def all_groups_told(connection: Connection, told: Iterable[str], *, now: datetime) -> int:
    """After the last group: which are inside which, and which are gone. Answers how many there are."""
    must_still_work(connection)
    groups = DirectoryGroup.objects.filter(connection=connection)
    told = set(told)
    groups.filter(absent_since=None).exclude(external_id__in=told).update(absent_since=now)
    keys = dict(groups.filter(absent_since=None).values_list("external_id", "pk"))
    nesting = DirectoryGroup.children.through.objects
    before = set(
        nesting.filter(from_directorygroup__connection=connection).values_list(
            "from_directorygroup_id", "to_directorygroup_id"
        )
    )
    wanted = {
        (parent, keys[child])
        for parent, children in groups.filter(absent_since=None).values_list("pk", "children_told")
        for child in children
        if child in keys
    }
    for parent, child in before - wanted:
        nesting.filter(from_directorygroup_id=parent, to_directorygroup_id=child).delete()
    through = DirectoryGroup.children.through
    nesting.bulk_create(
        [
            through(from_directorygroup_id=parent, to_directorygroup_id=child)
            for parent, child in sorted(wanted - before)
        ]
    )
    return len(keys)


@transaction.atomic
def keep_rooms(connection: Connection, rooms: list[RoomSeen], *, now: datetime) -> int:
    """Write all rooms; those not told any more are marked as gone. Answers how many there are.

    Raises AuthorizationLost.
    """
    must_still_work(connection)
    wanted = {room.external_id: room for room in rooms if room.address}
    stored = {row.external_id: row for row in DirectoryRoom.objects.filter(connection=connection)}
    changed = []
    for external_id, room in wanted.items():
        columns = {
            "address": room.address,
            "name": room.name,
            "sort_key": sort_key(room.name or room.address),
            "capacity": room.capacity or None,
            "building": room.building,
            "floor": room.floor[:100],
            "absent_since": None,
        }
        row = stored.get(external_id)
        if row is None or any(getattr(row, name) != value for name, value in columns.items()):
            changed.append(
                DirectoryRoom(
                    unit_id=connection.unit_id, connection=connection, external_id=external_id, **columns
                )
            )
    if changed:
        DirectoryRoom.objects.bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["connection", "external_id"],
            update_fields=["address", "name", "sort_key", "capacity", "building", "floor", "absent_since"],
        )
    gone = [row.pk for key, row in stored.items() if key not in wanted and row.absent_since is None]
    DirectoryRoom.objects.filter(pk__in=gone).update(absent_since=now)
    return len(wanted)
