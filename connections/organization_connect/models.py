"""django-oauth-toolkit's models, all swapped from the first migration: swapping filled tables later is not possible.

No address hands out grants or tokens yet; the pages of Organization Connect will, and will tie each row to one
unit's authorization.
"""

from oauth2_provider import models as toolkit


class Grant(toolkit.AbstractGrant):
    class Meta(toolkit.AbstractGrant.Meta):
        pass


class AccessToken(toolkit.AbstractAccessToken):
    class Meta(toolkit.AbstractAccessToken.Meta):
        pass


class RefreshToken(toolkit.AbstractRefreshToken):
    class Meta(toolkit.AbstractRefreshToken.Meta):
        pass


class IDToken(toolkit.AbstractIDToken):
    class Meta(toolkit.AbstractIDToken.Meta):
        pass


class DeviceGrant(toolkit.AbstractDeviceGrant):
    class Meta(toolkit.AbstractDeviceGrant.Meta):
        pass
