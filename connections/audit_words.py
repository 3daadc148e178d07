"""What the codes of our facts in the audit log mean."""

from django.utils.translation import gettext_lazy as _

from .models import CalendarConnection, ConnectionDomain, Mailbox, PendingAuthorization
from .modes import AccessMode
from .reasons import REASONS

_Purpose = PendingAuthorization.Purpose

CODES = {
    "failure": dict(Mailbox.Failure.choices),
    "fields": {
        "test_mailbox": _("a mailbox that must work"),
        "must_be_refused": _("a mailbox that must be refused"),
        "second_administrator": _("a second administrator"),
    },
    "how": dict(ConnectionDomain.Verified.choices),
    "key": {"installation": _("the installation’s")},
    "mode": dict(AccessMode.choices),
    "proof": dict(CalendarConnection.Proof.choices),
    "provider": dict(CalendarConnection.Provider.choices),
    "purpose": {
        _Purpose.SIGN_IN: _("sign-in"),
        _Purpose.PROVE_ADMINISTRATOR: _("proof of being an administrator"),
        _Purpose.ADMIN_CONSENT: _("consent for the whole organization"),
        _Purpose.PERSONAL: _("a member’s own authorization"),
    },
    "reason": {code: reason.sentence for code, reason in REASONS.items()},
    "state": dict(CalendarConnection.State.choices),
}
