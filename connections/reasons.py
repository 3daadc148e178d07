"""Why something is as it is: stored as a code, shown as a sentence with who can fix it. Pure."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from .providers.base import AuthorizationLost, LeftOut, ProviderError, Throttled, Unreachable


@dataclass(frozen=True)
class Reason:
    """A cause in plain words, who can mend it, and what to do."""

    sentence: str
    who: str = ""
    todo: str = ""


_OPS_ADMIN = _("an Ops Admin of this unit")
_TENANT = _("an administrator of the Google or Microsoft tenant")
_MEMBER = _("you, on the page of your own calendar")
_OPERATOR = _("whoever operates this installation")

REASONS: dict[str, Reason] = {
    "": Reason(""),
    "not_signed_in": Reason(
        _("Nobody has signed in at the provider yet."), _OPS_ADMIN, _("Sign in as an administrator.")
    ),
    "no_file_yet": Reason(_("No file has been taken over yet."), _OPS_ADMIN, _("Upload a file.")),
    "lines_left_out": Reason(
        _("Lines of the last file were left out, so nobody was counted as missing by it."),
        _OPS_ADMIN,
        _("Correct these lines in the file and upload it again."),
    ),
    "not_consented": Reason(
        _("The permissions have not been granted yet."), _TENANT, _("Grant them, then check again.")
    ),
    "not_bound": Reason(
        _("Nothing proves yet that this unit may use this tenant."),
        _TENANT,
        _("Prove it by an administrator’s sign-in, a key of this unit alone, or a DNS record."),
    ),
    "not_delegated": Reason(
        _("Google does not know these permissions for this client id yet. It can take up to 24 hours."),
        _TENANT,
        _("Paste the client id and scopes into the Admin console. We keep trying."),
    ),
    "delegation_overdue": Reason(
        _("After 24 hours Google still refuses these permissions."),
        _TENANT,
        _("Compare the client id and each scope in the Admin console, then check again."),
    ),
    "consent_spreading": Reason(
        _("Microsoft has the consent, but does not act on it yet. It usually takes some minutes."),
        "",
        _("We keep trying."),
    ),
    "incomplete": Reason(
        _("Some of the permissions are missing."), _TENANT, _("Grant the missing ones, then check again.")
    ),
    "revoked": Reason(
        _("The provider no longer accepts our authorization."), _TENANT, _("Reconnect this service.")
    ),
    "key_rejected": Reason(
        _("The provider refuses the key itself: it was removed or renewed, or a clock is wrong."),
        _OPERATOR,
        _("Check the clock and the key, then check again."),
    ),
    "secret_expired": Reason(
        _("The client secret of the app registration has expired or is wrong."),
        _OPERATOR,
        _("Enter a new client secret."),
    ),
    "key_missing": Reason(
        _("This installation has no key for this provider."),
        _OPERATOR,
        _("Set it in the environment, or paste a key of this unit."),
    ),
    "key_of_installation": Reason(
        _("This connection uses the key of this installation, which no page can change."),
        _OPERATOR,
        _("Set the new one in the environment and restart the portal."),
    ),
    "key_unreadable": Reason(_("This is not a service account key as Google’s console downloads it.")),
    "another_key": Reason(
        _("This key belongs to another service account: its client id is not the one that was granted."),
        _OPS_ADMIN,
        _("Make a new key of the same service account, or choose “Use another key”."),
    ),
    "same_secret": Reason(_("This is the one in use already.")),
    "key_changed_meanwhile": Reason(
        _("Somebody changed the key of this connection in the meantime."),
        _OPS_ADMIN,
        _("Look at the connection’s page."),
    ),
    "sign_in_client_missing": Reason(
        _("This installation has no OAuth client at Google, so no administrator can sign in there yet."),
        _OPERATOR,
        _("Set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET in the environment and restart the portal."),
    ),
    "only_members": Reason(
        _("Each member authorizes for their own calendar: nobody can ask for all of them at once.")
    ),
    "members_failing": Reason(
        _("Some members’ calendars are not read: their own authorization ended, or Google cannot be asked."),
        _("each of these members"),
        _("They connect their calendar again on their own page; the rest we try again by ourselves."),
    ),
    "app_disabled": Reason(
        _("The application is disabled in the tenant."), _TENANT, _("Enable it, or consent again.")
    ),
    "api_not_enabled": Reason(
        _(
            "An API is switched off in the Google Cloud project that this key belongs to: calendars need the "
            "Calendar API, directories the Admin SDK API."
        ),
        _OPERATOR,
        _("Enable it in that project, then check again."),
    ),
    "to_grant": Reason(
        _("Signed in. The permissions still have to be granted."), _TENANT, _("Grant them, then check.")
    ),
    "mailboxes_failing": Reason(
        _("Some calendars cannot be read just now: the provider is slow, refuses or answers nonsense."),
        "",
        _("We try each of them again by ourselves; the list of members says when."),
    ),
    "provider_busy": Reason(
        _("The provider asks us to slow down."), "", _("We wait and try again by ourselves.")
    ),
    "provider_down": Reason(_("The provider does not answer."), "", _("We try again by ourselves.")),
    "unit_at_rest": Reason(
        _("This unit is paused: nothing is read from or written to its services. Nothing was changed."),
        _OPS_ADMIN,
        _("Resume the unit in its settings, then try again."),
    ),
    "paused_by_admin": Reason(_("An Ops Admin paused it."), _OPS_ADMIN, _("Resume it.")),
    "disconnected_by_admin": Reason(_("An Ops Admin disconnected it. This is final.")),
    "probe_refused": Reason(
        _(
            "The permissions are there, but the provider refuses to show the calendar that the self-test reads."
        ),
        _TENANT,
        _("Look for a policy that limits this application, then check again."),
    ),
    "no_administrator_mailbox": Reason(
        _("The mailbox of the self-test has no calendar, so there is nothing to read."),
        _OPS_ADMIN,
        _(
            "Name a mailbox that has one under “Mailboxes we try”, or sign in as an administrator with a mailbox."
        ),
    ),
    # outcomes of a trip to the provider
    "state_missing": Reason(
        _("The provider sent you back without saying for which attempt. Nothing was changed."),
        _OPS_ADMIN,
        _("Start again from the connection’s page."),
    ),
    "state_unknown": Reason(
        _("This answer belongs to no attempt that was started in this browser by you. Nothing was changed."),
        _OPS_ADMIN,
        _("Start again from the connection’s page."),
    ),
    "right_lost": Reason(
        _("You may no longer connect services of this unit. Nothing was changed."), _OPS_ADMIN
    ),
    "state_used": Reason(
        _("This answer was used before. Nothing was changed."),
        _OPS_ADMIN,
        _("Look at the connection’s page."),
    ),
    "state_late": Reason(
        _("The attempt was started more than ten minutes ago. Nothing was changed."),
        _OPS_ADMIN,
        _("Start again from the connection’s page."),
    ),
    "sign_in_cancelled": Reason(
        _("The sign-in was cancelled at the provider. Nothing was changed."),
        _TENANT,
        _("Sign in as an administrator: it tells us which tenant this is about, and grants nothing."),
    ),
    "declined": Reason(
        _("The consent was declined at the provider. Nothing was changed."),
        _TENANT,
        _("Start again when agreed."),
    ),
    "change_over": Reason(
        _("This change of the access mode was cancelled or is made already. Nothing was changed."),
        _OPS_ADMIN,
        _("Look at the connection’s page."),
    ),
    "not_approved": Reason(
        _("The key of this installation serves several units: an administrator has to agree to this change."),
        _TENANT,
        _("Sign in as an administrator on the page of the change, then check again."),
    ),
    "not_an_administrator": Reason(
        _(
            "The account that signed in is not an administrator of the tenant, so it cannot agree for everybody."
        ),
        _TENANT,
        _("Ask an administrator, or make a hand-off link for one."),
    ),
    "wrong_tenant": Reason(
        _("The answer is about another tenant than the one that signed in. Nothing was changed."),
        _TENANT,
        _("Start again and use one account throughout."),
    ),
    "no_organization": Reason(
        _("That account is a private one. Only accounts of an organization can be connected."),
        _TENANT,
        _("Sign in with an account of the organization."),
    ),
    "blocked_by_policy": Reason(
        _("A policy of the tenant blocks this application."),
        _TENANT,
        _("Allow the application, then try again."),
    ),
    "answer_invalid": Reason(
        _("The provider’s answer could not be verified. Nothing was changed."), _OPS_ADMIN, _("Start again.")
    ),
    "scopes_missing": Reason(
        _("The sign-in gave less than was asked for."),
        _OPS_ADMIN,
        _("Sign in again and leave all boxes ticked."),
    ),
    # outcomes of a member's own authorization
    "personal_declined": Reason(
        _("You did not agree at Google. Nothing was changed."), _MEMBER, _("Connect again if you want to.")
    ),
    "personal_other_address": Reason(
        _("That Google account does not have the address you have here. Nothing was kept."),
        _MEMBER,
        _("Connect again and choose the account with your own address."),
    ),
    "personal_other_organization": Reason(
        _("That Google account belongs to another organization than your address. Nothing was kept."),
        _MEMBER,
        _("Connect again with the account of your organization."),
    ),
    "personal_other_subject": Reason(
        _(
            "Another Google account than yours has your address now, so we cannot tell that it is you. "
            "Nothing was kept."
        ),
        _OPS_ADMIN,
        _("If the address was given to a new person, remove this member and invite the new one."),
    ),
    "personal_scopes_missing": Reason(
        _("You left out something we asked for, so your calendar cannot be read. Nothing was kept."),
        _MEMBER,
        _("Connect again and leave all boxes ticked."),
    ),
    "no_refresh_token": Reason(
        _("Google gave us no lasting authorization. Nothing was kept."), _MEMBER, _("Connect again.")
    ),
    "failed_at_provider": Reason(
        _("The provider answered with an error. Nothing was changed."),
        _TENANT,
        _("Start again in some minutes."),
    ),
}


def reason(code: str) -> Reason:
    """The words for a code."""
    return REASONS[code]


def code_of(error: ProviderError) -> str:
    """The reason for which a provider told nothing about what was asked."""
    if isinstance(error, AuthorizationLost | LeftOut):
        return error.reason
    if isinstance(error, Throttled):
        return "provider_busy"
    return "provider_down" if isinstance(error, Unreachable) else "failed_at_provider"
