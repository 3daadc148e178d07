"""Processes that die in the middle of the first sync, as by `kill -9` or for want of memory: nothing is lost."""

import re
import threading
from datetime import timedelta

import pytest
import requests
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ, Task

from connections import calendar_connections
from connections.models import Mailbox, MemberCalendar
from connections.states import State
from connections.views.connections import progress_of
from orgunits.models import AuditEvent
from tests.builders import make_members
from tests.connecting import ADMINISTRATORS, connect, consent, sign_in
from tests.connections.independent_reader import people_of
from tests.connections.reading import read_everything_anew, stored
from tests.dying import cluster, eventually, keeper, kill, process, workers
from tests.people import make_company
from tests.providers.sandbox.server import free_port

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 40
SOAK = pytest.mark.soak  # the queue first has to give up on those who died


@pytest.mark.parametrize(
    "victims", [cluster, pytest.param(workers, marks=SOAK), pytest.param(keeper, marks=SOAK)]
)
def test_a_worker_that_dies_in_the_first_sync_leaves_nobody_unread(providers, victims):
    company = make_company()
    people = [person["email"] for person in people_of("kube.example")[:PEOPLE]]
    members = make_members(company.unit, people)
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    providers.control("POST", "latency", ms=60)
    olga = Client()
    olga.force_login(company.olga)

    with process("manage.py", "watchdog", "--patience", "5", SYNC_SLICE="10", SYNC_THREADS="2") as watchdog:
        eventually(lambda: progress_of(connection)["synced"])
        kill(victims(watchdog))
        middle = progress_of(connection)
        page = olga.get(reverse("connection_progress", args=[company.unit.slug, connection.public_id]))
        eventually(lambda: progress_of(connection)["finished"])
        eventually(lambda: not OrmQ.objects.exists())

    assert 0 < middle["synced"] < PEOPLE
    assert middle["done"] + middle["waiting"] == middle["total"]
    shown = [int(number) for number in re.findall(r'figures">(\d+)<', page.content.decode())]
    assert shown[:2] == [middle["synced"], middle["waiting"]]
    boxes = Mailbox.objects.filter(member__in=members)
    assert set(boxes.values_list("state", "attempts")) == {("synced", 0)}
    assert not MemberCalendar.objects.filter(counts=True, feed_token="").exists()
    assert list(Task.objects.filter(success=False).values_list("func", "result")) == []
    found = {member.pk: stored(member) for member in members}
    assert any(found.values())
    providers.control("POST", "latency", ms=0)
    read_everything_anew(connection, members, now=timezone.now() + timedelta(minutes=2))
    assert {member.pk: stored(member) for member in members} == found


def test_a_web_worker_that_dies_while_the_provider_is_asked_leaves_things_as_they_were(providers):
    company = make_company()
    connection = calendar_connections.create_connection(
        company.unit, "microsoft", "free_busy", by=company.olga, now=timezone.now()
    )
    sign_in(connection, ADMINISTRATORS["microsoft"], by=company.olga)
    connection.refresh_from_db()
    consent(connection, by=company.olga)
    before = AuditEvent.objects.count()
    client = Client()
    client.force_login(company.olga)
    port, answers = free_port(), []

    def check() -> requests.Response:
        """Press "Check now" as a browser does."""
        browser = requests.Session()
        browser.cookies.set("sessionid", client.cookies["sessionid"].value)
        address = f"http://127.0.0.1:{port}"
        args = [company.unit.slug, connection.public_id]
        browser.get(address + reverse("set_up", args=args), timeout=20)
        form = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        return browser.post(address + reverse("check_now", args=args), form, timeout=30)

    def check_and_lose() -> None:
        try:
            answers.append(check())
        except requests.ConnectionError:
            answers.append(None)

    command = [
        "gunicorn",
        "config.wsgi",
        "--bind",
        f"127.0.0.1:{port}",
        "--threads",
        "4",
        "--no-control-socket",
    ]
    with process("-m", *command) as web:
        eventually(lambda: web.children() and answers_at(port))
        providers.control("POST", "latency", ms=3000)
        asking = threading.Thread(target=check_and_lose)
        asking.start()
        calls = len(providers.control("GET", "calls")["calls"])
        eventually(lambda: len(providers.control("GET", "calls")["calls"]) > calls)
        kill(web.children())
        asking.join()
        connection.refresh_from_db()
        middle = connection.state, connection.last_checked_at, AuditEvent.objects.count()
        providers.control("POST", "latency", ms=0)
        again = eventually(lambda: answers_at(port)) and check()

    assert answers == [None]
    assert middle == (State.PENDING, None, before)
    connection.refresh_from_db()
    assert (again.status_code, connection.state) == (200, State.ACTIVE)
    assert AuditEvent.objects.filter(verb__endswith="active").count() == 1


def answers_at(port: int) -> bool:
    """Whether a web worker answers there."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/live", timeout=10).ok
    except requests.ConnectionError:
        return False
