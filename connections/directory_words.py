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


_ANSWERS_OF_FILES: tuple[tuple[str, str], ...] = (
    (
        _("What a file holds"),
        _(
            "Everybody who is there now, one line for each person. Who is in no line any more counts as missing."
        ),
    ),
    (
        _("What we will store"),
        _(
            "The columns we know, of the last file taken over. An uploaded file itself is forgotten after a day; who "
            "is gone and was no member here, after 30 days."
        ),
    ),
    (
        _("What happens to people"),
        _("Nothing before a rule is switched on: taking over a file adds and removes no member."),
    ),
    (
        _("How people prove who they are"),
        _("By a mailed link: no Google or Microsoft account is known of somebody in a file."),
    ),
)


def answers_of_files() -> list[tuple[str, str]]:
    """What a directory that is kept by files means, question by question."""
    return list(_ANSWERS_OF_FILES)


# What differs, as a file's page calls it.
DIFFERS = {
    "address": _("address"),
    "given_name": _("first name"),
    "family_name": _("last name"),
    "department": _("department"),
    "path": _("path"),
    "employee_id": _("employee id"),
    "time_zone": _("time zone"),
    "enabled": _("may sign in"),
    "kind": _("kind"),
    "attributes": _("attributes"),
    "groups": _("groups"),
}


def scopes_added(provider: str, extra: str) -> tuple[str, ...]:
    """What an extra asks beyond the scopes of people."""
    without = scopes_for(provider, "").organization
    return tuple(scope for scope in scopes_for(provider, "", [extra]).organization if scope not in without)
