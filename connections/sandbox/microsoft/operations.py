"""The Graph v1.0 calls the sandbox answers: address, documented query parameters, application permissions.

`permissions` is any-of; `A+B` means both. Facts from Microsoft's permission tables and OData templates; a test
compares every row with the contract pack. Graph refuses what it does not document, so does the sandbox.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """One documented call. `path` is the part after /v1.0, with {placeholders}."""

    name: str
    method: str
    path: str
    parameters: frozenset[str]
    permissions: tuple[str, ...]

    @property
    def api(self) -> str:
        """Which part of Graph it belongs to: calendar, directory, teams or subscriptions."""
        noun = self.name.partition(".")[0]
        if noun in ("onlineMeetings", "subscriptions"):
            return noun.replace("onlineMeetings", "teams")
        return "calendar" if noun.startswith(("calendar", "events")) else "directory"


LIST = "$count $expand $filter $orderby $search $select $skip $top $skiptoken"
USER_LIST = LIST.replace("$skip ", "")
ITEM = "$expand $select"
DELTA = "$filter $select $deltatoken $skiptoken"
VIEW_DELTA = "startDateTime endDateTime $deltatoken $skiptoken"
VIEW = f"startDateTime endDateTime {LIST}"

CALENDAR_READ = "Calendars.Read Calendars.ReadBasic.All Calendars.ReadWrite"
CALENDAR_WRITE = "Calendars.ReadWrite"
DOMAIN_READ = "Directory.Read.All Domain.Read.All Domain.ReadWrite.All"
GROUP_READ = (
    "Directory.Read.All Directory.ReadWrite.All Group.Read.All Group.ReadBasic.All Group.ReadWrite.All"
    " GroupMember.Read.All"
)
GROUP_MEMBERS = (
    "Directory.Read.All Group.Read.All Group.ReadBasic.All Group.ReadWrite.All GroupMember.Read.All"
    " GroupMember.ReadBasic.All GroupMember.ReadWrite.All"
)
MEMBER_OF = (
    "Directory.Read.All Directory.ReadWrite.All Group.Read.All Group.ReadBasic.All GroupMember.Read.All"
    " GroupMember.ReadBasic.All User.Read.All"
)
MEETING_READ = "OnlineMeetings.Read.All OnlineMeetings.ReadWrite.All"
MEETING_WRITE = "OnlineMeetings.ReadWrite.All"
ORGANIZATION_READ = (
    "Directory.Read.All Directory.ReadWrite.All Organization.Read.All Organization.ReadWrite.All"
    " User.Read.All"
)
PLACE_READ = "Place.Read.All Place.ReadWrite.All"
USER_DELTA = "Directory.Read.All Directory.ReadWrite.All User.Read.All User.ReadWrite.All"
USER_READ = "Directory.Read.All Directory.ReadWrite.All User.Read.All User.ReadBasic.All User.ReadWrite.All"
CHECK_GROUPS = "Directory.Read.All User.Read.All+Group.Read.All User.Read.All+GroupMember.Read.All"
BY_RESOURCE = ""  # decided by the resource subscribed to: see subscriptions.py

_USER = "/users/{user-id}"
_EVENT = "/users/{user-id}/events/{event-id}"
_MEETINGS = "/users/{user-id}/onlineMeetings"
_MEETING = "/users/{user-id}/onlineMeetings/{onlineMeeting-id}"
_SUBSCRIPTION = "/subscriptions/{subscription-id}"

_ROWS = [
    ("domains.list", "GET", "/domains", LIST, DOMAIN_READ),
    ("groups.list", "GET", "/groups", LIST, GROUP_READ),
    ("groups.delta", "GET", "/groups/delta", DELTA, GROUP_READ),
    ("groups.get", "GET", "/groups/{group-id}", ITEM, GROUP_READ),
    ("groups.members", "GET", "/groups/{group-id}/members", LIST, GROUP_MEMBERS),
    ("groups.transitiveMembers", "GET", "/groups/{group-id}/transitiveMembers", LIST, GROUP_MEMBERS),
    (
        "groups.transitiveMembers.users",
        "GET",
        "/groups/{group-id}/transitiveMembers/microsoft.graph.user",
        LIST,
        GROUP_MEMBERS,
    ),
    ("organization.list", "GET", "/organization", LIST, ORGANIZATION_READ),
    ("places.rooms", "GET", "/places/microsoft.graph.room", LIST, PLACE_READ),
    ("places.roomLists", "GET", "/places/microsoft.graph.roomlist", LIST, PLACE_READ),
    ("places.roomList.rooms", "GET", "/places/{place-id}/microsoft.graph.roomlist/rooms", LIST, PLACE_READ),
    ("subscriptions.list", "GET", "/subscriptions", LIST, BY_RESOURCE),
    ("subscriptions.create", "POST", "/subscriptions", "", BY_RESOURCE),
    ("subscriptions.get", "GET", _SUBSCRIPTION, "$select", BY_RESOURCE),
    ("subscriptions.update", "PATCH", _SUBSCRIPTION, "", BY_RESOURCE),
    ("subscriptions.delete", "DELETE", _SUBSCRIPTION, "", BY_RESOURCE),
    ("subscriptions.reauthorize", "POST", f"{_SUBSCRIPTION}/reauthorize", "", BY_RESOURCE),
    ("users.list", "GET", "/users", USER_LIST, USER_READ),
    ("users.delta", "GET", "/users/delta", DELTA, USER_DELTA),
    ("users.get", "GET", _USER, ITEM, USER_READ),
    ("users.checkMemberGroups", "POST", f"{_USER}/checkMemberGroups", "", CHECK_GROUPS),
    ("users.transitiveMemberOf", "GET", f"{_USER}/transitiveMemberOf", LIST, MEMBER_OF),
    ("calendar.get", "GET", f"{_USER}/calendar", ITEM, CALENDAR_READ),
    ("calendar.getSchedule", "POST", f"{_USER}/calendar/getSchedule", "", CALENDAR_READ),
    ("calendars.list", "GET", f"{_USER}/calendars", LIST, CALENDAR_READ),
    ("calendarView.list", "GET", f"{_USER}/calendarView", VIEW, CALENDAR_READ),
    ("calendarView.delta", "GET", f"{_USER}/calendarView/delta", VIEW_DELTA, CALENDAR_READ),
    (
        "calendars.calendarView.delta",
        "GET",
        f"{_USER}/calendars/{{calendar-id}}/calendarView/delta",
        VIEW_DELTA,
        CALENDAR_READ,
    ),
    ("events.list", "GET", f"{_USER}/events", LIST, CALENDAR_READ),
    ("events.create", "POST", f"{_USER}/events", "", CALENDAR_WRITE),
    ("events.get", "GET", _EVENT, ITEM, CALENDAR_READ),
    ("events.update", "PATCH", _EVENT, "", CALENDAR_WRITE),
    ("events.delete", "DELETE", _EVENT, "", CALENDAR_WRITE),
    ("events.cancel", "POST", f"{_EVENT}/cancel", "", CALENDAR_WRITE),
    ("events.instances", "GET", f"{_EVENT}/instances", VIEW, CALENDAR_READ),
    ("onlineMeetings.create", "POST", _MEETINGS, "", MEETING_WRITE),
    ("onlineMeetings.createOrGet", "POST", f"{_MEETINGS}/createOrGet", "", MEETING_WRITE),
    ("onlineMeetings.get", "GET", _MEETING, ITEM, MEETING_READ),
    ("onlineMeetings.update", "PATCH", _MEETING, "", MEETING_WRITE),
    ("onlineMeetings.delete", "DELETE", _MEETING, "", MEETING_WRITE),
]

OPERATIONS = {
    name: Operation(name, method, path, frozenset(parameters.split()), tuple(permissions.split()))
    for name, method, path, parameters, permissions in _ROWS
}

# The ids under which Entra stores each application permission ("app role") of Microsoft Graph.
ROLE_IDS = {
    "Calendars.Read": "798ee544-9d2d-430c-a058-570e29e34338",
    "Calendars.ReadBasic.All": "8ba4a692-bc31-4128-9094-475872af8a53",
    "Calendars.ReadWrite": "ef54d2bf-783f-4e0f-bca1-3210c0444d99",
    "GroupMember.Read.All": "98830695-27a2-44f7-8c18-0c3ebc9698f6",
    "OnlineMeetings.ReadWrite.All": "b8bb2037-6e08-44ac-a4ea-4674e010e2a4",
    "Organization.Read.All": "498476ce-e0fe-48b0-b801-37ba7e2685c6",
    "Place.Read.All": "913b9306-0ce1-42b8-9137-6a7df690a760",
    "User.Read.All": "df021288-bdef-4463-88db-98f22de89214",
}


def allows(operation: Operation, roles: set[str]) -> bool:
    """Whether a token with these `roles` may make this call."""
    return any(set(wanted.split("+")) <= roles for wanted in operation.permissions)
