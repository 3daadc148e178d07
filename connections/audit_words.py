"""What the codes of our facts in the audit log mean."""

from django.utils.translation import gettext_lazy as _

from .models import Connection, ConnectionDomain, Mailbox, PendingAuthorization
from .modes import AccessMode, Extra
from .reasons import REASONS

_Purpose = PendingAuthorization.Purpose

CODES = {
    "extras": lambda codes: ", ".join(str(Extra(code).label) for code in codes.split(",")),
    "failure": dict(Mailbox.Failure.choices),
    "fields": {
        "test_mailbox": _("a mailbox that must work"),
        "must_be_refused": _("a mailbox that must be refused"),
        "second_administrator": _("a second administrator"),
    },
    "how": dict(ConnectionDomain.Verified.choices),
    "key": {"installation": _("the installation’s")},
    "mode": dict(AccessMode.choices),
    "proof": dict(Connection.Proof.choices),
    "provider": dict(Connection.Provider.choices),
    "purpose": {
        _Purpose.SIGN_IN: _("sign-in"),
        _Purpose.PROVE_ADMINISTRATOR: _("proof of being an administrator"),
        _Purpose.ADMIN_CONSENT: _("consent for the whole organization"),
        _Purpose.PERSONAL: _("a member’s own authorization"),
    },
    "reason": {code: reason.sentence for code, reason in REASONS.items()},
    "state": dict(Connection.State.choices),
}
