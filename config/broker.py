"""The job queue in PostgreSQL, first in, first out.

django-q2's own ORM broker takes tasks in no order: PostgreSQL then hands out new rows that stand in freed places
of the table, and older tasks can wait for as long as new ones keep coming.
"""

from datetime import timedelta
from time import sleep

from django.db import connections
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

# Looking and taking are one statement: half the round trips, and two clusters never take the same row.
TAKE = f"""
    UPDATE {OrmQ._meta.db_table} SET lock = %(until)s WHERE id IN (
        SELECT id FROM {OrmQ._meta.db_table} WHERE key = %(key)s AND lock < %(now)s
        ORDER BY lock, id LIMIT %(most)s FOR UPDATE SKIP LOCKED
    ) RETURNING id, payload
"""  # noqa: S608 the table's own name


class OldestFirst(ORM):
    """django-q2's ORM broker, taking the task that has been due longest.

    `delay`: what is enqueued is due that much later; a negative one lets it pass what waits no longer than that.
    """

    delay = timedelta()

    def enqueue(self, task: str) -> int:
        """Put a signed task into the queue; answers its row's key."""
        due = timezone.now() + self.delay
        return self.get_connection().create(key=self.list_key or Conf.CLUSTER_NAME, payload=task, lock=due).pk

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Tasks to run now, ours until `retry` seconds from now; waits `poll` seconds when there are none."""
        now = timezone.now()
        until = now + timedelta(seconds=Conf.RETRY)
        self.get_connection()  # lets go of a connection that PostgreSQL has closed
        with connections[Conf.ORM].cursor() as cursor:
            cursor.execute(TAKE, {"key": self.list_key, "now": now, "until": until, "most": Conf.BULK})
            tasks = sorted(cursor.fetchall())
        if not tasks:
            sleep(Conf.POLL)
        return tasks
