"""Sign-in as this portal wants it: nobody signs up, and an address alone never opens an account."""

from time import time

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.utils import timezone

from orgunits import joining


class AccountAdapter(DefaultAccountAdapter):
    """People come by first-run link, sample or invitation, never by sign-up."""

    def is_open_for_signup(self, request) -> bool:
        return False

    def is_reauthentication_required(self, *, app: str, **kwargs) -> bool:
        """Whether to ask again who somebody is. Who just signed in has just proved it."""
        if not settings.REAUTHENTICATION:
            return False
        records = get_authentication_records(self.request, self.request.user)
        fresh = bool(records) and time() - records[-1]["at"] < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
        return not fresh and super().is_reauthentication_required(app=app, **kwargs)


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Google and Microsoft sign in people who linked that account, while signed in or on the way to join."""

    def is_open_for_signup(self, request, sociallogin) -> bool:
        return joining.carried_by(request.session, now=timezone.now()) is not None

    def pre_social_login(self, request, sociallogin) -> None:
        """A new sign-in has the invited address, which the mailed link has proved; what the service says does
        not count."""
        if sociallogin.is_existing or request.user.is_authenticated:
            return
        if invitation := joining.carried_by(request.session, now=timezone.now()):
            sociallogin.user.email = invitation.email
            sociallogin.email_addresses = [EmailAddress(email=invitation.email, verified=True, primary=True)]
