"""The toolkit's tables of grants and tokens are shown to nobody, and its pages would let staff act with them."""

from django.contrib import admin

from .models import AccessToken, Grant, IDToken, RefreshToken

for model in (AccessToken, Grant, IDToken, RefreshToken):
    admin.site.unregister(model)
