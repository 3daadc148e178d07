"""The order in which jobs are taken."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ

from config.broker import OldestFirst

pytestmark = pytest.mark.django_db


def test_the_task_that_has_been_due_longest_is_taken_first():
    broker, now = get_broker(), timezone.now()
    late, early, future = (
        OrmQ.objects.create(key=broker.list_key, payload=name, lock=now + timedelta(seconds=seconds))
        for name, seconds in (("late", -1), ("early", -60), ("future", 60))
    )

    taken = [broker.dequeue()[0][1] for _ in range(2)]

    assert isinstance(broker, OldestFirst)
    assert taken == ["early", "late"]
    assert OrmQ.objects.get(pk=future.pk).lock == future.lock
    assert {row.lock > now for row in OrmQ.objects.filter(pk__in=[late.pk, early.pk])} == {True}
