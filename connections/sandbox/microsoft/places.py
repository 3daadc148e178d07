"""Rooms and room lists: https://learn.microsoft.com/graph/api/place-list. One room list for each building."""

from typing import Any

from ..people import Room
from . import properties
from .graph import Call, GraphError, operation
from .paging import directory_list
from .people import object_id

MOST = 100


def room_json(room: Room) -> dict[str, Any]:
    """One room. Its id is not its address: it is invited by `emailAddress`."""
    return {
        "id": object_id(f"place|{room.id}"),
        "address": None,
        "displayName": room.name,
        "geoCoordinates": None,
        "isWheelChairAccessible": False,
        "label": None,
        "parentId": None,
        "phone": None,
        "placeId": object_id(f"place|{room.id}"),
        "tags": [],
        "audioDeviceName": None,
        "bookingType": "standard",
        "building": room.building,
        "capacity": room.capacity,
        "displayDeviceName": None,
        "emailAddress": room.email,
        "floorLabel": room.floor,
        "floorNumber": int(room.floor),
        "nickname": room.name,
        "videoDeviceName": None,
    }


def _lists(call: Call) -> dict[str, list[Room]]:
    """The room lists' addresses and what is in them."""
    found: dict[str, list[Room]] = {}
    for room in call.world.rooms_of(call.tenant.domain):
        found.setdefault(f"rooms-{room.building.lower()}@{call.tenant.domain}", []).append(room)
    return found


def _list_json(address: str, rooms: list[Room]) -> dict[str, Any]:
    return {
        "id": object_id(f"place|{address}"),
        "address": None,
        "displayName": rooms[0].building,
        "emailAddress": address,
        "phone": None,
        "placeId": object_id(f"place|{address}"),
    }


@operation("places.rooms")
def list_rooms(call: Call) -> dict:
    """Every room of the tenant."""
    rooms = call.world.rooms_of(call.tenant.domain)
    return directory_list(call, "places/microsoft.graph.room", rooms, room_json, properties.PLACE, MOST)


@operation("places.roomLists")
def list_room_lists(call: Call) -> dict:
    """Every room list."""
    shown = [_list_json(*one) for one in _lists(call).items()]
    return directory_list(
        call, "places/microsoft.graph.roomList", shown, lambda one: one, properties.PLACE, MOST
    )


@operation("places.roomList.rooms")
def list_rooms_of_list(call: Call, place_id: str) -> dict:
    """The rooms of one list, named by its address or its id."""
    for address, rooms in _lists(call).items():
        if place_id.lower() in (address, object_id(f"place|{address}")):
            return directory_list(
                call, "places('id')/microsoft.graph.roomList/rooms", rooms, room_json, properties.PLACE, MOST
            )
    raise GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")
