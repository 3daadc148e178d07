"""Each request has an id: in its answer, in its log lines and in what it writes into the audit log."""

import logging
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.logs import LogFilter
from connections import hand_offs
from orgunits import audit
from orgunits.models import AuditEvent
from tests.guards.routes import build_house
from tests.people import make_company, make_user

pytestmark = pytest.mark.django_db
OWN = re.compile(r"[0-9a-f]{16}\Z")


class Lines(logging.Handler):
    """Log lines as the console prints them."""

    def __init__(self):
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("[%(request_id)s] %(message)s"))
        self.addFilter(LogFilter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def lines():
    handler = Lines()
    logging.getLogger().addHandler(handler)
    yield handler.lines
    logging.getLogger().removeHandler(handler)


def test_an_answer_names_its_request_and_no_two_are_called_alike(client):
    ids = [client.get("/live").headers["X-Request-ID"] for _number in range(2)]

    assert all(OWN.match(name) for name in ids)
    assert ids[0] != ids[1]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("proxy-gave-this.1", True),
        ("short", False),
        ("x" * 65, False),
        ("white space here", False),
        ("<script>alert</script>", False),
    ],
)
def test_an_id_from_the_proxy_is_kept_when_it_is_only_an_id(client, given, kept):
    answer = client.get("/live", headers={"x-request-id": given})

    assert (answer.headers["X-Request-ID"] == given) == kept


def test_what_a_page_writes_carries_its_request_and_the_next_job_does_not(client):
    company = make_company()
    client.force_login(company.olga)
    emma = company.member(company.emma)
    entered = {"time_zone": "Europe/Berlin", "starts": "09:00", "ends": "17:00", "days": ["mon"]}
    url = reverse("member_settings", args=[company.unit.slug, emma.public_id])

    client.post(url, entered, headers={"x-request-id": "asked-by-olga"})
    audit.record(company.unit, "by a job", emma, by=None, now=timezone.now())

    page = AuditEvent.objects.get(verb="time_zone.set")
    job = AuditEvent.objects.get(verb="by a job")
    assert (page.origin, page.request_id) == ("page", "asked-by-olga")
    assert (job.origin, job.request_id) == ("job", "")


def test_a_unit_that_is_called_admin_is_still_a_page(client):
    company = make_company()
    company.unit.slug = "admin"
    company.unit.save()
    client.force_login(company.olga)
    emma = company.member(company.emma)
    entered = {"time_zone": "Europe/Berlin", "starts": "09:00", "ends": "17:00", "days": ["mon"]}

    client.post(reverse("member_settings", args=["admin", emma.public_id]), entered)

    assert AuditEvent.objects.get(verb="time_zone.set").origin == "page"


def test_a_log_line_carries_the_id_of_its_request(client, lines):
    client.get("/nowhere/", headers={"x-request-id": "asked-for-nothing"})

    assert lines == ["[asked-for-nothing] Not Found: /nowhere/"]


def test_a_line_of_no_request_says_so(lines):
    logging.getLogger("convoke").warning("by %s", "a job")

    assert lines == ["[-] by a job"]


def test_no_line_holds_the_token_of_a_link(providers, lines):
    house = build_house(make_company())
    now = timezone.now()
    row, token = hand_offs.create_link(house.own.google, by=house.company.olga, now=now)
    hand_offs.revoke(row, by=house.company.olga, now=now)

    Client().get(reverse("hand_off", args=[token]))
    Client().get(reverse("first_staff", args=["one-time-token-of-the-first-run"]))

    assert lines
    for secret in (token, "one-time-token-of-the-first-run"):
        assert not [line for line in lines if secret in line]


def test_nobody_writes_a_second_line_by_their_name(lines):
    logging.getLogger("convoke").warning("name %s", "x\n2026 INFO all is well\r")

    assert lines == ["[-] name x\\n2026 INFO all is well\\r"]


def test_staff_in_the_admin_are_support(client):
    client.force_login(make_user("Sami", "sami@x.example", is_staff=True, is_superuser=True))
    seen = []
    origins = audit.coming_from

    def watched(origin, request_id=""):
        seen.append(origin)
        return origins(origin, request_id)

    audit.coming_from = watched
    try:
        client.get("/admin/")
        client.get("/preferences/")
    finally:
        audit.coming_from = origins

    assert seen == ["support", "page"]
