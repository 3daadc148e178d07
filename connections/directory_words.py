"""What connecting a directory means, in words: read before anybody agrees. Pure."""

from django.utils.translation import gettext_lazy as _

from .modes import Extra, scopes_for

_ANSWERS: tuple[tuple[str, str], ...] = (
    (
        _("What we will read"),
        _(
            "Names, addresses, departments, employee numbers, and whether an account may sign in; "
            "the organization’s domains."
        ),
    ),
    (_("What we will not read"), _("Passwords, mails, files, and calendars. We change nothing there.")),
    (
        _("What we will store"),
        _("What was read last. Who is gone and was no member here is forgotten after 30 days."),
    ),
    (
        _("What happens to people"),
        _("Nothing before a rule is switched on: reading a directory adds and removes nobody."),
    ),
)

_ROOMS_OF: dict[str, tuple[str, str]] = {
    "microsoft": (_("Rooms"), _("Rooms and equipment are read too: Place.Read.All covers them.")),
}

NOTES: dict[str, tuple[str, ...]] = {
    "google": (
        _("Google grants this in its Admin console, not on a consent page. It can take up to 24 hours."),
    ),
    "microsoft": (_("A directory administrator agrees once, on Microsoft’s consent page."),),
}

# Why somebody would tick an extra.
EXTRA_REASONS: dict[str, str] = {
    Extra.GROUPS: _(
        "Needed only for rules that follow a directory group; the product’s own scope list does not cover it."
    ),
    Extra.ROOMS: _(
        "Needed only to list rooms and equipment; the product’s own scope list does not cover it."
    ),
}


def answers(provider: str) -> list[tuple[str, str]]:
    """What a connection to this directory means, question by question."""
    return [*_ANSWERS, *([_ROOMS_OF[provider]] if provider in _ROOMS_OF else [])]


def scopes_added(provider: str, extra: str) -> tuple[str, ...]:
    """What an extra asks beyond the scopes of people."""
    without = scopes_for(provider, "").organization
    return tuple(scope for scope in scopes_for(provider, "", [extra]).organization if scope not in without)
