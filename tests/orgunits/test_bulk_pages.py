"""Pages of acts on many members: whom one ticked, what is shown before, and the progress."""

import csv
import io

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orgunits.models import BulkRun
from orgunits.roles import COORDINATOR
from tests.builders import make_members
from tests.orgunits.bulk_runs import Act, people, preview, result, started, states
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
PAGE = 50


@pytest.fixture
def olga(company, client) -> Client:
    client.force_login(company.olga)
    client.company = company
    return client


def address(client: Client, name: str, *args: str) -> str:
    return reverse(name, args=[client.company.unit.slug, *args])


def ask_for(client: Client, query: str = "", **data):
    return client.post(address(client, "bulk_new") + query, {"whom": "ticked", **data})


def test_ticked_members_are_previewed_and_done(olga):
    one, two, _three = people(olga.company, 3)

    answer = ask_for(olga, act="suspend", member=[one.public_id, two.public_id], why="on leave")
    page = olga.get(answer.url)
    run = BulkRun.objects.get()

    assert answer.url == address(olga, "bulk_run", run.public_id)
    assert "p000" in page.content.decode()
    assert "p002" not in page.content.decode()
    assert states(olga.company, "@x.example") == {"active"}
    assert olga.post(address(olga, "bulk_start", run.public_id)).status_code == 302
    assert "data-state" in olga.get(answer.url).content.decode()
    run_waiting_jobs()
    assert result(run) == {("done", ""): 2}
    answer = olga.get(address(olga, "bulk_export", run.public_id))
    rows = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    told = [(row["address"], row["result"]) for row in rows]
    assert told == [("p000@x.example", "Done"), ("p001@x.example", "Done")]


def test_all_that_match_means_the_filter_and_not_the_page(olga):
    people(olga.company, PAGE + 20)
    make_members(olga.company.unit, ["else@y.example"])

    ask_for(olga, "?host=x.example", act="grant_role:coordinator", whom="all")

    assert result(BulkRun.objects.get()) == {("todo", ""): PAGE + 20}


@pytest.mark.parametrize(
    "data",
    [
        {"act": "suspend"},
        {"act": "suspend", "member": ["mem_" + "0" * 24, "\0", "x"]},
        {"act": "nonsense", "whom": "all"},
        {"act": "grant_role:developer", "whom": "all"},
        {"act": "", "whom": "all"},
        {"act": "suspend", "whom": "everybody"},
        {"act": "suspend", "whom": "all", "why": "x" * 301},
    ],
)
def test_a_choice_of_nothing_or_of_nobody_makes_no_preview(olga, data):
    answer = ask_for(olga, **data)

    assert answer.status_code == 302
    assert answer.url.startswith(address(olga, "members"))
    assert not BulkRun.objects.exists()


def test_ticked_strangers_are_nobody(olga):
    sven = olga.company.stranger_unit.members.get()

    ask_for(olga, act="suspend", member=[sven.public_id])

    assert not BulkRun.objects.exists()


def test_a_preview_of_fifty_and_more_names_fifty(olga):
    people(olga.company, PAGE + 5)
    ask_for(olga, "?host=x.example", act="suspend", whom="all")

    page = olga.get(address(olga, "bulk_run", BulkRun.objects.get().public_id)).content.decode()

    assert sum(f"p{n:03}@x.example" in page for n in range(PAGE + 5)) == PAGE
    assert "The first 50 of 55 members" in page
    assert "Do it for 55 members" in page


def test_making_many_ops_admins_asks_again_who_one_is(olga, settings):
    (one,) = people(olga.company, 1)
    ask_for(olga, act="grant_role:ops_admin", member=[one.public_id])
    run = BulkRun.objects.get()
    settings.REAUTHENTICATION = True

    page = olga.get(address(olga, "bulk_run", run.public_id))
    post = olga.post(address(olga, "bulk_start", run.public_id))

    assert page.status_code == post.status_code == 302
    assert page.url.startswith(reverse("account_reauthenticate"))
    assert result(run) == {("todo", ""): 1}


def test_the_pages_ask_as_often_for_many_as_for_few(olga):
    people(olga.company, 3)
    few = started(olga.company, Act.SUSPEND, olga.company.unit.members.filter(email__contains="x.example"))
    make_members(olga.company.unit, [f"q{n}@z.example" for n in range(120)])
    many = started(olga.company, Act.SUSPEND, olga.company.unit.members.filter(email__contains="z.example"))
    unstarted = preview(olga.company, Act.GRANT_ROLE, role=COORDINATOR.code)

    def cost(path: str) -> int:
        olga.get(path)
        with CaptureQueriesContext(database) as asked:
            assert olga.get(path).status_code == 200
        return len(asked)

    assert (
        cost(address(olga, "bulk_run", few.public_id)) == cost(address(olga, "bulk_run", many.public_id)) <= 8
    )
    assert cost(address(olga, "bulk_progress", many.public_id)) <= 8
    assert cost(address(olga, "bulk_run", unstarted.public_id)) <= 8
    assert cost(address(olga, "bulk_runs")) <= 8


def test_the_progress_stops_asking_when_the_run_is_over(olga):
    people(olga.company, 1)
    run = started(olga.company, Act.SUSPEND, olga.company.unit.members.filter(email__contains="x.example"))
    path = address(olga, "bulk_progress", run.public_id)
    assert olga.get(path).status_code == 200

    run_waiting_jobs()

    assert olga.get(path).status_code == 286


def test_a_coordinator_is_told_which_role_does_this(company):
    carl = Client()
    carl.force_login(company.carl)
    carl.company = company

    answer = ask_for(carl, act="suspend", whom="all")

    assert answer.status_code == 403
    assert "Ops Admin" in answer.content.decode()
    assert b'form="bulk"' not in carl.get(address(carl, "members")).content
