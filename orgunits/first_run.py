"""The first staff person: a link that works once, and only while the installation has nobody.

The link is derived from SECRET_KEY, so every process of the installation prints the same one, and nothing
has to be stored before the first person exists.
"""

import hmac

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse

from .models import User

_LOCK = 4_711_001  # advisory lock of this one act


class AlreadyRun(Exception):
    """Somebody is already here."""


def _token() -> str:
    return hmac.digest(settings.SECRET_KEY.encode(), b"convoke first run", "sha256").hex()


def empty() -> bool:
    """Whether nobody has an account yet."""
    return not User.objects.exists()


def link() -> str:
    """The address for the first staff person."""
    return settings.PORTAL_URL + reverse("first_staff", args=[_token()])


def usable(token: str) -> bool:
    """Whether `token` opens the first-run page now."""
    return hmac.compare_digest(token.encode(), _token().encode()) and empty()


@transaction.atomic
def create_first_staff(token: str, email: str, password: str) -> User:
    """Make the first staff person. Raises AlreadyRun when another one came first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    if not usable(token):
        raise AlreadyRun
    user = User.objects.create_superuser(email, password)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user
