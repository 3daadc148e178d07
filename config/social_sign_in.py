"""Sign-in with Google and Microsoft: who somebody is says the validated ID token, and nothing else.

allauth would ask Microsoft's Graph for a profile instead, and take Google's word for an address without one.
"""

from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.google.provider import GoogleProvider
from allauth.socialaccount.providers.google.views import GoogleOAuth2Adapter
from allauth.socialaccount.providers.microsoft.provider import MicrosoftGraphProvider
from allauth.socialaccount.providers.microsoft.views import MicrosoftGraphOAuth2Adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.http import HttpRequest

from connections import directory_sign_in

SCOPES = ["openid", "email", "profile"]


class ByIdToken:
    """The end of both services' sign-in."""

    def complete_login(self, request: HttpRequest, app, token, *, response: dict, **kwargs) -> SocialLogin:
        """Raises OAuth2Error, which becomes a page."""
        try:
            claims = directory_sign_in.validated_claims(
                self.provider_id, str(response.get("id_token", "")), audience=app.client_id
            )
        except directory_sign_in.NotTrusted as error:
            raise OAuth2Error("ID token") from error
        if directory_sign_in.is_of_another_tenant(self.provider_id, claims):
            raise OAuth2Error("tenant")
        return self.get_provider().sociallogin_from_response(request, claims)


class GoogleAdapter(ByIdToken, GoogleOAuth2Adapter):
    authorize_url = f"{settings.GOOGLE_ACCOUNTS_URL}/o/oauth2/v2/auth"
    access_token_url = f"{settings.GOOGLE_OAUTH_URL}/token"


class MicrosoftAdapter(ByIdToken, MicrosoftGraphOAuth2Adapter):
    def _build_tenant_url(self, path: str) -> str:
        tenant = self.get_provider().app.settings["tenant"]
        return f"{settings.MICROSOFT_LOGIN_URL}/{tenant}{path}"


class Google(GoogleProvider):
    """Google's ID tokens name the account by `sub`."""

    oauth2_adapter_class = GoogleAdapter
    package = "allauth.socialaccount.providers.google"  # whose addresses it has, but for the callback

    def get_default_scope(self) -> list[str]:
        return list(SCOPES)


class Microsoft(MicrosoftGraphProvider):
    """Microsoft's name it by `oid`; `sub` differs from application to application."""

    oauth2_adapter_class = MicrosoftAdapter
    package = "allauth.socialaccount.providers.microsoft"

    def get_default_scope(self) -> list[str]:
        return list(SCOPES)

    def extract_uid(self, data: dict) -> str:
        return data["oid"]

    def extract_common_fields(self, data: dict) -> dict:
        return {"email": data.get("preferred_username"), "name": data.get("name")}


CALLBACKS = {
    adapter.provider_id: OAuth2CallbackView.adapter_view(adapter)
    for adapter in (GoogleAdapter, MicrosoftAdapter)
}
