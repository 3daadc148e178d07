"""Why calendars of a unit are not read, in words: the cause, who can mend it, and what to do. Pure."""

from django.utils.translation import gettext_lazy as _

from .health_words import Cause
from .models import Mailbox

Failure = Mailbox.Failure

_OPS_ADMIN = _("an Ops Admin of this unit")
_TENANT = _("an administrator of the Google or Microsoft tenant")
_OPERATOR = _("whoever operates this installation")
_MEMBER = _("each member, on the page of their calendar")
_BY_ITSELF = _("Nothing to do: it is tried again by itself.")

STOPPED, PAUSED, NOT_SERVED = "stopped", "paused", "not_served"

CAUSES: dict[str, Cause] = {
    STOPPED: Cause(
        _("Their connection needs reauthorization."), _TENANT, _("Reconnect it; everything else is kept.")
    ),
    PAUSED: Cause(_("Their connection is paused."), _OPS_ADMIN, _("Resume it.")),
    NOT_SERVED: Cause(
        _("No connection serves them: none has their mail domain, or several have it."),
        _OPS_ADMIN,
        _("Add the mail domain to a connection, or choose one by hand."),
    ),
    Failure.NO_MAILBOX: Cause(
        _("The provider knows no mailbox with this address."),
        _OPS_ADMIN,
        _("Correct the address, or have a mailbox made."),
    ),
    Failure.ALIAS: Cause(
        _("The address is only another name of a mailbox."),
        _OPS_ADMIN,
        _("Use the mailbox’s main address here."),
    ),
    Failure.LICENCE: Cause(
        _("The account has no licence with a calendar."), _TENANT, _("Assign one to the account.")
    ),
    Failure.REFUSED: Cause(
        _("The provider refuses these mailboxes alone."),
        _TENANT,
        _("Look for a policy that limits this application."),
    ),
    Failure.THROTTLED: Cause(_("The provider asks us to slow down."), "", _BY_ITSELF),
    Failure.UNREACHABLE: Cause(_("The provider does not answer."), "", _BY_ITSELF),
    Failure.UNREADABLE: Cause(
        _("The provider’s answer could not be understood."),
        _OPERATOR,
        _("It is tried again by itself. If it stays so, look up the code on the member’s page."),
    ),
    Failure.NOT_GRANTED: Cause(
        _("The member has not connected their own calendar yet."), _MEMBER, _("Connect it there.")
    ),
    Failure.GRANT_LOST: Cause(
        _("The member’s own authorization ended."), _MEMBER, _("Connect the calendar again there.")
    ),
}


def cause_of(code: str) -> Cause:
    """The words for a failure class, or for why nothing is tried at all."""
    return CAUSES[code]
