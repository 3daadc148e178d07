"""What changing a connection's access mode means: scopes, what works, what is deleted here, who must agree. Pure."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from .modes import Capabilities, capabilities, consequences, offered, scopes_for


@dataclass(frozen=True)
class ScopeLine:
    """One scope as our contract lists it, and as it goes over the wire."""

    contract: str
    wire: str
    organization: bool  # granted for everybody; else asked in the administrator's sign-in

    @property
    def differs(self) -> bool:
        return self.contract != self.wire


@dataclass(frozen=True)
class ScopeDiff:
    """One mode compared with another, before anybody agrees to anything."""

    added: tuple[ScopeLine, ...]
    kept: tuple[ScopeLine, ...]
    dropped: tuple[ScopeLine, ...]
    differences: tuple[str, ...]  # between contract and wire in the new mode, in words
    starts: tuple[str, ...]
    stops: tuple[str, ...]
    deleted_here: tuple[str, ...]
    kept_here: tuple[str, ...]
    who_approves: str
    old_grant_advice: tuple[str, ...]
    widens: bool  # the new mode may do what the old one may not
    needs_consent: bool  # by a consent page, to another app registration; else in the Admin console

    @property
    def to_add(self) -> tuple[str, ...]:
        """What has to be granted for the organization, as the provider writes it."""
        return tuple(line.wire for line in self.added if line.organization)

    @property
    def to_remove(self) -> tuple[str, ...]:
        """What an administrator can take away afterwards."""
        return tuple(line.wire for line in self.dropped if line.organization)

    @property
    def while_both(self) -> tuple[str, ...]:
        """All that has to be granted until the change is made: the old mode works on meanwhile."""
        lines = (*self.kept, *self.dropped, *self.added)
        return tuple(line.wire for line in lines if line.organization)


def scope_diff(provider: str, from_mode: str, to_mode: str) -> ScopeDiff:
    """Compare two modes of one provider. Raises ValueError where there is no such change."""
    if to_mode == from_mode or not {from_mode, to_mode} <= set(offered(provider)):
        raise ValueError(f"{provider}: no change from {from_mode} to {to_mode}")
    before, after = _lines(provider, from_mode), _lines(provider, to_mode)
    could, can = capabilities(provider, from_mode), capabilities(provider, to_mode)
    return ScopeDiff(
        added=tuple(line for line in after if line not in before),
        kept=tuple(line for line in after if line in before),
        dropped=tuple(line for line in before if line not in after),
        differences=scopes_for(provider, to_mode).differences,
        starts=_only_with(provider, to_mode, can, could),
        stops=_only_with(provider, from_mode, could, can),
        deleted_here=_DELETED_BY_NARROWING if could.writes_events and not can.writes_events else _DELETED,
        kept_here=_KEPT,
        who_approves=_WHO_APPROVES[provider],
        old_grant_advice=_OLD_GRANT[provider],
        widens=can.writes_events and not could.writes_events,
        needs_consent=scopes_for(provider, from_mode).permission_set
        != scopes_for(provider, to_mode).permission_set,
    )


def _lines(provider: str, mode: str) -> tuple[ScopeLine, ...]:
    """The contract's list: its last entries are what the organization grants, those before are the sign-in's."""
    scopes = scopes_for(provider, mode)
    for_sign_in = len(scopes.contract) - len(scopes.organization)
    wire = (*scopes.contract[:for_sign_in], *scopes.organization)
    return tuple(
        ScopeLine(contract, on_wire, number >= for_sign_in)
        for number, (contract, on_wire) in enumerate(zip(scopes.contract, wire, strict=True))
    )


def _only_with(provider: str, mode: str, has: Capabilities, other: Capabilities) -> tuple[str, ...]:
    """What works in `mode` and not in the other one, line by line."""
    lines = []
    if has.writes_events and not other.writes_events:
        lines += [_SEES_EVENTS, _WRITES]
    if other.writes_events and not has.writes_events:
        sees = getattr(consequences(provider)[0], mode)
        lines += [sees, _SENDS_MAIL]
    if has.native_conferencing and not other.native_conferencing:
        lines.append(_NATIVE[provider])
    if other.native_conferencing and not has.native_conferencing:
        lines.append(_OWN_CONFERENCING)
    if has.invites_rooms and not other.invites_rooms:
        lines.append(_ROOMS)
    if has.push and not other.push:
        lines.append(_PUSH)
    if other.push and not has.push:
        lines.append(_POLLS)
    return tuple(lines)


_SEES_EVENTS = _("We see members’ calendars with their events.")
_WRITES = _(
    "Events are written into the organizer’s calendar, and invitations come from the organizer’s own account."
)
_SENDS_MAIL = _(
    "Organizer and attendees get an e-mailed calendar invitation, from an address that can match your domain."
)
_NATIVE = {
    "google": _("Google Meet links directly on the event."),
    "microsoft": _("Microsoft Teams links directly on the event."),
}
_OWN_CONFERENCING = _("Links to video calls need a separate conferencing connection.")
_ROOMS = _("Rooms can be invited.")
_PUSH = _("The provider tells us about changes within seconds.")
_POLLS = _("We ask for changes every few minutes, because the provider tells us nothing in this mode.")

_DELETED = (
    _("Our place in each calendar’s changes. Every calendar is read anew, whole, in the new mode."),
    _("What the self-test found in the old mode."),
)
_DELETED_BY_NARROWING = (
    _(
        "The ids of events beside busy times, at once. Busy times stay as bare spans, so that nobody looks free "
        "meanwhile."
    ),
    *_DELETED,
)
_KEPT = (
    _("The members, and which connection was chosen for them."),
    _("Which calendars each of them chose to count."),
    _("Time zones, working hours and mail domains."),
    _("This connection itself: its address, its history and its tenant."),
)

_WHO_APPROVES = {
    "google": _(
        "A super administrator of your Google Workspace, in the Admin console. Google has no consent page for "
        "this; it can take up to 24 hours."
    ),
    "microsoft": _(
        "An administrator of your Microsoft tenant consents to another app registration: each access mode has "
        "one of its own, because Microsoft grants all that a registration holds."
    ),
}
_OLD_GRANT = {
    "google": (
        _("Open the Admin console: Security, API controls, Domain-wide delegation."),
        _("Edit the entry with this client id and take away the scopes below."),
        _("Leave them if another connection uses the same client id in the old access mode."),
    ),
    "microsoft": (
        _("Open the Entra admin center: Enterprise applications."),
        _("Find the application with this client id and delete it: that takes its consent away."),
        _("Leave it if another connection of your tenant uses the same application in the old access mode."),
    ),
}
