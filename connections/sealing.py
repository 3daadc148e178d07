"""Secrets at rest: sealed by MultiFernet with keys from the environment, the newest first.

The plaintext carries the name of the column it belongs to, because Fernet has no associated data: a sealed
value moved to another column does not open.
"""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


class CannotOpen(Exception):
    """No key of ENCRYPTION_KEYS opens this value, or it was moved here from somewhere else."""


@lru_cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured(
            "ENCRYPTION_KEYS is not set. It seals the keys of calendar services: one or more Fernet keys. "
            "See .env.example."
        )
    return MultiFernet([Fernet(key) for key in keys])


def seal(plain: str, *, place: str) -> str:
    """`plain` sealed with the newest key, for `place` only."""
    return _fernet(tuple(settings.ENCRYPTION_KEYS)).encrypt(f"{place}\n{plain}".encode()).decode()


def open_sealed(sealed: str, *, place: str) -> str:
    """What was sealed for `place`. Raises CannotOpen."""
    try:
        written_for, _, plain = (
            _fernet(tuple(settings.ENCRYPTION_KEYS)).decrypt(sealed.encode()).decode().partition("\n")
        )
    except InvalidToken:
        raise CannotOpen(place) from None
    if written_for != place:
        raise CannotOpen(place)
    return plain


class SealedTextField(models.TextField):
    """A text that stands sealed in the database and open in Python."""

    def _place(self) -> str:
        return f"{self.model._meta.label_lower}.{self.attname}"

    def get_prep_value(self, value):
        return value if value in (None, "") else seal(value, place=self._place())

    def from_db_value(self, value, expression, connection):
        return value if value in (None, "") else open_sealed(value, place=self._place())
