"""App registrations: the applications that Entra knows, their secrets and the permissions configured on them.

One registration per permission set, because Microsoft's consent asks for everything configured on a registration.
"""

from ..world import World

# client id: (name, application permissions). The secret is "sandbox-secret-<name>".
DEFAULTS = {
    "a0000001-0000-4000-8000-000000000001": ("calendar-read-write", ["Calendars.ReadWrite"]),
    "a0000001-0000-4000-8000-000000000002": ("calendar-free-busy", ["Calendars.ReadBasic.All"]),
    "a0000001-0000-4000-8000-000000000003": (
        "directory",
        ["User.Read.All", "Organization.Read.All", "Place.Read.All"],
    ),
    "a0000001-0000-4000-8000-000000000004": ("conferencing", ["OnlineMeetings.ReadWrite.All"]),
    "a0000001-0000-4000-8000-000000000005": (
        "directory-groups",
        ["User.Read.All", "Organization.Read.All", "Place.Read.All", "GroupMember.Read.All"],
    ),
    "a0000001-0000-4000-8000-000000000006": ("sign-in", []),
}
DELEGATED = {"openid", "email", "profile", "offline_access", "User.Read"}
CALLBACKS = ("/callback/microsoft", "/callback/microsoft-consent", "/microsoft/login/callback/")


def add_defaults(world: World) -> None:
    """Make sure the registrations that ship with the sandbox exist; what was changed about them stays."""
    for client_id, (name, roles) in DEFAULTS.items():
        entry = {"name": name, "roles": roles, "secret": f"sandbox-secret-{name}"}
        world.registrations.setdefault(client_id, entry)
