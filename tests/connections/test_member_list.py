"""The list of members: each filter finds exactly whom it says, alone and with others."""

import csv
import io

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, mailboxes, member_list
from connections.identity import shown_identity
from connections.member_list import Chosen
from connections.models import Mailbox
from orgunits import erasure, memberships, roles
from orgunits.models import Member
from tests.builders import make_members
from tests.people import Company, make_company, make_integrator

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    made = make_company()
    for state in ("invited", "suspended", "removed"):
        make_members(made.unit, [f"{state}@x.example"], state=state)
    make_members(made.unit, ["joined@x.example"], came_by="invitation", identity="verified")
    mailboxes.assign(made.unit, now=timezone.now())
    return made


def found(company: Company, **chosen) -> set[str]:
    return {row.email.split("@")[0] for row in member_list.members(company.unit, Chosen(**chosen))}


@pytest.mark.parametrize(
    ("chosen", "who"),
    [
        ({}, {"olga", "carl", "emma", "joined", "invited", "suspended"}),
        ({"state": "active"}, {"olga", "carl", "emma", "joined"}),
        ({"state": "invited"}, {"invited"}),
        ({"state": "suspended"}, {"suspended"}),
        ({"state": "removed"}, {"removed"}),
        ({"role": "ops_admin"}, {"olga"}),
        ({"role": "employee"}, {"emma"}),
        ({"role": "developer"}, set()),
        ({"source": "invitation"}, {"joined"}),
        ({"identity": "verified"}, {"joined"}),
        ({"identity": "verified", "state": "suspended"}, set()),
        ({"role": "coordinator", "state": "active", "source": "hand", "q": "CARL"}, {"carl"}),
        ({"calendar": "not_served", "host": "kube.example"}, {"olga", "carl", "emma"}),
    ],
)
def test_a_filter_finds_exactly_whom_it_says(company, chosen, who):
    assert found(company, **chosen) == who


def test_who_is_shown_as_verified_is_found_as_verified(company):
    connection = calendar_connections.create_connection(
        company.unit, "google", "free_busy", by=company.olga, now=timezone.now()
    )
    Mailbox.objects.filter(member__user__in=[company.carl, company.emma]).update(connection=connection)
    Mailbox.objects.filter(member__user=company.carl).update(last_synced_at=timezone.now())
    rows = member_list.shown(member_list.members(company.unit, Chosen()))

    shown = {row.email.split("@")[0]: shown_identity(row, getattr(row, "mailbox", None)).code for row in rows}

    assert {name for name, code in shown.items() if code == "verified"} == {"carl", "joined"}
    for identity in Member.Identity.values:
        assert found(company, identity=identity) == {name for name, code in shown.items() if code == identity}


def test_totals_are_those_of_the_filter(company):
    rows = member_list.members(company.unit, Chosen())

    assert member_list.totals(rows) == {"invited": 1, "active": 4, "suspended": 1}
    assert member_list.totals(rows.filter(email__startswith="olga")) == {"active": 1}


def test_somebody_with_a_role_on_two_applications_is_listed_once():
    tools = make_integrator()

    rows = member_list.members(tools.unit, Chosen(role=roles.DEVELOPER.code))
    (dora,) = member_list.page(rows, order="name", after="").rows

    assert dora.user == tools.dora
    assert dora.role_names == ["Employee", "Developer"]


def test_erased_members_are_listed_nowhere(company):
    gone = Member.objects.get(email="removed@x.example")
    erasure.erase_member(gone, by=None, now=timezone.now())

    assert found(company, state="removed") == set()


def test_what_the_list_shows_of_each_costs_one_query(company):
    for number in (3, 40):
        make_members(company.unit, [f"n{number}-{n}@x.example" for n in range(number)])
        with CaptureQueriesContext(database) as asked:
            page = member_list.page(member_list.members(company.unit, Chosen()), order="name", after="")
            shown = [(row.role_names, getattr(row, "mailbox", None)) for row in page.rows]
        assert len(shown) > number
        assert len(asked) == 1


# --- the page
@pytest.fixture
def olga(company, client) -> Client:
    client.force_login(company.olga)
    client.company = company
    client.list = reverse("members", args=[company.unit.slug])
    return client


def path(name: str, member: Member) -> str:
    return reverse(name, args=[member.unit.slug, member.public_id])


def test_the_page_shows_roles_states_and_totals(olga):
    page = olga.get(olga.list).content.decode()

    assert "Ops Admin" in page
    assert "Invited: 1 · Active: 4 · Suspended: 1" in page
    assert 'data-state="suspended"' in page


def test_the_removed_are_listed_with_a_way_back(olga):
    gone = Member.objects.get(email="removed@x.example")

    page = olga.get(olga.list, {"state": "removed"}).content.decode()
    answer = olga.post(path("member_restore", gone))

    assert path("member_restore", gone) in page
    assert f'href="{path("member", gone)}"' not in page
    assert answer.url == path("member", gone)
    gone.refresh_from_db()
    assert gone.state == "active"


def test_the_export_tells_roles_state_and_identity(olga):
    answer = olga.get(reverse("members_export", args=[olga.company.unit.slug]), {"role": "coordinator"})

    (row,) = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))

    assert (row["address"], row["state"], row["roles"]) == (
        "carl@kube.example",
        "Active",
        "Scheduling Coordinator",
    )
    assert (row["identity"], row["source"]) == ("Unverified", "Added by hand")


def test_an_export_again_and_again_is_refused_for_a_while(olga):
    url = reverse("members_export", args=[olga.company.unit.slug])
    codes = {olga.get(url).status_code for _time in range(11)}

    assert codes == {200, 429}


@pytest.mark.parametrize("act", ["member_suspend", "member_remove"])
def test_the_page_before_the_act_names_what_hangs_on_it(olga, act):
    carl = olga.company.member(olga.company.carl)

    page = olga.get(path(act, carl)).content.decode()

    assert "Role: Scheduling Coordinator" in page
    carl.refresh_from_db()
    assert carl.state == "active"


def test_suspending_and_reinstating_on_the_pages(olga):
    carl = olga.company.member(olga.company.carl)

    olga.post(path("member_suspend", carl), {"why": "on leave"})
    page = olga.get(path("member", carl)).content.decode()
    carl.refresh_from_db()
    assert carl.state == "suspended"
    assert "on leave" in page  # in the timeline
    assert "Nobody: only active members’ calendars are read." in page

    olga.post(path("member_reinstate", carl))
    carl.refresh_from_db()
    assert (carl.state, carl.mailbox.decided_by) == ("active", "none")


def test_nobody_suspends_or_removes_themselves_there(olga):
    own = olga.company.member(olga.company.olga)

    for act in ("member_suspend", "member_remove", "member_erase"):
        assert olga.post(path(act, own)).status_code == 403
    own.refresh_from_db()
    assert own.state == "active"


def test_a_second_click_says_that_nothing_was_changed(olga):
    emma = olga.company.member(olga.company.emma)
    memberships.suspend_member(emma, by=olga.company.olga, now=timezone.now())

    answer = olga.post(path("member_suspend", emma), follow=True)

    assert "Nothing was changed: Emma is not in that state any more." in answer.content.decode()


def test_one_sees_own_profile_and_no_acts(company):
    client = Client()
    client.force_login(company.emma)
    emma = company.member(company.emma)

    page = client.get(path("member", emma)).content.decode()

    assert "My profile" in page
    assert reverse("my_data", args=[company.unit.slug]) in page
    assert path("member_suspend", emma) not in page
    assert "What happened" not in page
