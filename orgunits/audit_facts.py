"""The facts of the audit log in words: what each is called, and what its codes mean.

An app whose codes need words adds them in its `AppConfig.ready` (`add_codes`); labels of all apps stand here.
"""

from collections.abc import Callable, Mapping

from django.utils.translation import gettext_lazy as _

from . import roles
from .models import Application, BulkRun, Invitation, Member, OrganizationalUnit

LABELS: dict[str, str] = {
    "act": _("Act"),
    "application": _("Application"),
    "change": _("Change of access mode"),
    "changed": _("Calendars"),
    "checksum": _("Checksum"),
    "clause": _("Why they leave"),
    "code": _("The provider’s code"),
    "confirmation": _("Confirmation"),
    "connection": _("Connection"),
    "count": _("How many"),
    "domain": _("Mail domain"),
    "done": _("Done"),
    "environment": _("Environment"),
    "ended": _("Ended by themselves"),
    "extras": _("Beyond people"),
    "field": _("Setting"),
    "failed": _("Failed"),
    "fields": _("Settings"),
    "grants": _("Roles given"),
    "how": _("How"),
    "identity": _("Identity"),
    "job": _("Job"),
    "key": _("Key"),
    "key_forgotten": _("Key forgotten"),
    "invitation": _("Invitation"),
    "kept": _("Kept"),
    "left_out": _("Lines left out"),
    "lines": _("Lines"),
    "kept_until": _("Kept until"),
    "mode": _("Access mode"),
    "person": _("Person of the directory"),
    "offboarding": _("Offboarding"),
    "personal": _("Each member authorizes"),
    "plan": _("Plan"),
    "proof": _("Proof"),
    "provider": _("Service"),
    "purpose": _("Purpose"),
    "reason": _("Cause"),
    "redirect_uris": _("Redirect URIs"),
    "revoked": _("Taken away"),
    "role": _("Role"),
    "rows": _("Members"),
    "run": _("Run"),
    "shape": _("Shape"),
    "skipped": _("Left as they were"),
    "state": _("State"),
    "until": _("Ends"),
    "what": _("What"),
    "works": _("Works"),
    "zone": _("Time zone"),
}

# What the codes of a fact mean. A code that nobody put into words is shown as it is.
CODES: dict[str, Mapping[str, str] | Callable[[str], str]] = {
    "act": dict(BulkRun.Act.choices),
    "environment": dict(Application.Environment.choices),
    "field": {
        "time_zone": _("Time zone"),
        "working_hours": _("Working hours"),
        "given_name": _("Given name"),
        "family_name": _("Family name"),
        "department": _("Department"),
    },
    "fields": {"name": _("Name"), "publisher": _("Publisher"), "redirect_uris": _("Redirect URIs")},
    "role": {role.code: role.name for role in roles.ROLES.values()},
    "shape": dict(OrganizationalUnit.Shape.choices),
    "state": {
        **dict(OrganizationalUnit.State.choices),
        **dict(Application.State.choices),
        **dict(Invitation.State.choices),
        **dict(Member.State.choices),
    },
    "what": {
        "unit": _("the unit"),
        "application": _("application"),
        "applications": _("the list of applications"),
        "attempt": _("attempt to authorize"),
        "attempts": _("the list of attempts to authorize"),
        "connection": _("connection"),
        "connections": _("the list of connections"),
        "event": _("an event of the audit log"),
        "events": _("the audit log"),
        "health": _("the health of its connections"),
        "hand_off": _("hand-off link"),
        "hand_offs": _("the list of hand-off links"),
        "invitation": _("invitation"),
        "invitations": _("the list of invitations"),
        "mailbox": _("how calendars are read"),
        "mailboxes": _("the list of mailboxes"),
        "member": _("member"),
        "members": _("the list of members"),
        "user": _("name, password, state"),
        "emailaddress": _("e-mail address"),
        "authenticator": _("second factor"),
        "usersession": _("session"),
        "socialaccount": _("link to a Google or Microsoft account"),
    },
    "identity": dict(Member.Identity.choices),
}


def add_codes(more: Mapping[str, Mapping[str, str] | Callable[[str], str]]) -> None:
    """Take on another app's words; a fact of both apps (`state`) knows the codes of both."""
    for fact, words in more.items():
        ours = CODES.get(fact)
        CODES[fact] = words if callable(words) or ours is None else {**ours, **words}


def label_of(fact: str) -> str:
    """What the fact is called; its own name, made readable, where the table has no words for it."""
    return str(LABELS.get(fact, fact.replace("_", " ").capitalize()))


def words_of(fact: str, code: str) -> str:
    """What a code of the fact means."""
    words = CODES.get(fact, {})
    return str(words(code) if callable(words) else words.get(code, code))
