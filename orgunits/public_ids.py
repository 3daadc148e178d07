"""Typed random ids for URLs, the API and mail: `mem_…`, `con_…`. Database keys never leave."""

import secrets

from django.db import models
from django.utils.deconstruct import deconstructible


@deconstructible
class NewPublicId:
    """A fresh id with `prefix`: 96 random bits, so that nobody guesses the next one."""

    def __init__(self, prefix: str):
        self.prefix = prefix

    def __call__(self) -> str:
        return f"{self.prefix}_{secrets.token_hex(12)}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NewPublicId) and other.prefix == self.prefix

    def __hash__(self) -> int:
        return hash(self.prefix)


def public_id(prefix: str) -> models.CharField:
    """The column of a row's public id."""
    return models.CharField(max_length=40, unique=True, editable=False, default=NewPublicId(prefix))
