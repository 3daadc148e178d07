"""Sign-in as this portal wants it: nobody signs up, and an address alone never opens an account."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter


class AccountAdapter(DefaultAccountAdapter):
    """People come by first-run link, sample or invitation, never by sign-up."""

    def is_open_for_signup(self, request) -> bool:
        return False


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Google and Microsoft sign in people who linked that account while signed in."""

    def is_open_for_signup(self, request, sociallogin) -> bool:
        return False
