"""A storm of messages: every one is answered, and no calendar is read more than once in an interval."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import sleep, time

import pytest
import requests
from django.conf import settings as portal
from django.db.models import F
from django.utils import timezone
from django_q.models import OrmQ

from connections import push
from connections.models import CalendarConnection, Mailbox, PushChannel
from tests.benchmarks.companies import add_people_of_google
from tests.connecting import connect
from tests.connections.push import PUBLIC
from tests.people import make_company
from tests.worker import run_waiting_jobs

EACH, AT_ONCE, LONGEST = 10, 8, 600  # messages for each calendar; requests at a time; seconds


def open_channels(connection: CalendarConnection, number: int) -> None:
    """As the minutes go by: a run opens only so many."""
    for minute in range(1 + number // push.MOST_IN_A_RUN):
        row = CalendarConnection.objects.select_related("unit", "credential").get(pk=connection.pk)
        push.keep(row, now=timezone.now() + timedelta(minutes=minute))
    assert PushChannel.objects.filter(connection=connection, state="open").count() == number


def let_the_interval_pass() -> None:
    """Nothing waits, and everybody was read long ago."""
    OrmQ.objects.all().delete()
    CalendarConnection.objects.update(pull_asked_at=None)
    long_ago = timezone.now() - timedelta(hours=2)
    soon = timezone.now() + timedelta(minutes=10)
    Mailbox.objects.exclude(next_sync_at=None).update(
        hinted_at=None, leased_until=None, last_attempt_at=long_ago, next_sync_at=soon
    )


@pytest.mark.parametrize(
    "number", [25, pytest.param(1000, marks=pytest.mark.soak)], ids=["25 calendars", "1,000 calendars"]
)
@pytest.mark.django_db(transaction=True)
def test_a_storm_leads_to_one_reading_of_each_calendar(providers, live_server, settings, number):
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = PUBLIC, ["*"]
    settings.PUSH_INTERVAL_SECONDS = 600
    settings.GOOGLE_REQUESTS_PER_MINUTE = 1_000_000
    providers.control("POST", "push-map", map=f"{PUBLIC}={live_server.url}")
    company = make_company()
    add_people_of_google(company.unit, number)
    connection = connect(company.unit, "google", "read_write", providers, by=company.olga)
    run_waiting_jobs(most=5000)
    number = connection.mailboxes.filter(state="synced").count()
    open_channels(connection, number)
    let_the_interval_pass()
    began = time()

    with ThreadPoolExecutor(1) as pool:
        storm = pool.submit(
            requests.post,
            f"{portal.SANDBOX_URL}/control/pushes/storm",
            json={"channels": "all", "each": EACH, "workers": AT_ONCE},
            timeout=LONGEST,
        )
        while not storm.done():
            run_waiting_jobs(most=5000)
            sleep(0.05)
    run_waiting_jobs(most=5000)

    assert storm.result().json()["statuses"] == {"202": number * EACH}
    calls = providers.control("GET", f"calls?since={began}")["calls"]
    readings = Counter(call["who"] for call in calls if call["operation"] == "calendar.events.list")
    assert len(readings) == number
    assert set(readings.values()) == {1}
    told_again = connection.mailboxes.filter(hinted_at__isnull=False)
    interval = timedelta(seconds=settings.PUSH_INTERVAL_SECONDS)
    assert not told_again.filter(next_sync_at__lt=F("last_attempt_at") + interval).exists()
    assert not told_again.filter(next_sync_at=None).exists()
