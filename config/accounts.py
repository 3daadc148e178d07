"""Sign-in as this portal wants it: nobody signs up, and an address alone never opens an account."""

from time import time

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings


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
    """Google and Microsoft sign in people who linked that account while signed in."""

    def is_open_for_signup(self, request, sociallogin) -> bool:
        return False
