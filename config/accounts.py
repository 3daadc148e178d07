"""Sign-in as this portal wants it: nobody signs up, and an address alone never opens an account."""

from time import time

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.signals import social_account_added
from django.conf import settings
from django.dispatch import receiver
from django.shortcuts import render
from django.utils import timezone

from connections import directory_sign_in
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
    """Google and Microsoft sign in people who linked that account, while signed in or on the way to join, and
    people whom a directory knows by it."""

    def is_open_for_signup(self, request, sociallogin) -> bool:
        return joining.carried_by(request.session, now=timezone.now()) is not None

    def pre_social_login(self, request, sociallogin) -> None:
        """A new sign-in has the invited address, which the mailed link has proved, or the one of the member whom a
        directory knows by this account; what the service says of addresses does not count."""
        account = sociallogin.account
        if sociallogin.is_existing:
            directory_sign_in.link_new(account, now=timezone.now())
            return
        if request.user.is_authenticated:
            return
        if invitation := joining.carried_by(request.session, now=timezone.now()):
            sociallogin.user.email = invitation.email
            sociallogin.email_addresses = [EmailAddress(email=invitation.email, verified=True, primary=True)]
            return
        try:
            account = directory_sign_in.claim(
                account.provider, account.uid, account.extra_data, now=timezone.now()
            )
        except directory_sign_in.Refused as refused:
            if refused.why == "unknown":
                return  # allauth says that nobody signs up here
            page = render(request, "socialaccount/refused.html", {"why": refused.why}, status=403)
            raise ImmediateHttpResponse(page) from None
        sociallogin.account, sociallogin.user = account, account.user


@receiver(social_account_added)
def account_was_linked(request, sociallogin, **kwargs) -> None:
    """Who links an account while signed in becomes the members whom a directory knows by it."""
    directory_sign_in.link_new(sociallogin.account, now=timezone.now())
