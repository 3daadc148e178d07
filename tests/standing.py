"""Rows that stand for all tests of one module: built once, and each test takes back only its own writes.

Not for tests that commit (`transaction=True`): they would not see what stands here.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def standing(django_db_blocker) -> Iterator[None]:
    """Open a transaction around a whole module; what its tests write is rolled back to a savepoint in it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)
