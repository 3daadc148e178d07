"""The job queue in PostgreSQL, first in, first out.

django-q2's own ORM broker takes tasks in no order: PostgreSQL then hands out new rows that stand in freed places
of the table, and older tasks can wait for as long as new ones keep coming.
"""

from django.db.models import QuerySet
from django_q.brokers.orm import ORM


class OldestFirst(ORM):
    """django-q2's ORM broker, asking for the task that has been due longest."""

    @staticmethod
    def get_connection(list_key: str | None = None) -> QuerySet:
        return ORM.get_connection(list_key).order_by("lock", "pk")
