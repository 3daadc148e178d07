"""The page of a unit's health: who may see it, what it says when there is nothing, and its chart."""

from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections.models import Mailbox
from connections.reading_hours import hour_of
from connections.views.overview import percent
from orgunits.members import add_member
from orgunits.models import OrganizationalUnit
from tests.connections.read_by_hand import calendar, connect, count, serve
from tests.people import make_company, make_user, signed_in

pytestmark = pytest.mark.django_db

State, Failure = Mailbox.State, Mailbox.Failure
LOOKS = ("plain", "bad", "quiet")


@pytest.fixture
def company():
    company = make_company()
    Mailbox.objects.all().delete()
    return company


def page_of(user, unit) -> str:
    answer = signed_in(user).get(reverse("unit_health", args=[unit.slug]))
    assert answer.status_code == 200
    return answer.content.decode()


def element(page: str, tag: str, marked: str) -> ElementTree.Element:
    """The first `tag` of the page that has the words `marked` in its opening."""
    start = page.index(f"<{tag}{marked}")
    return ElementTree.fromstring(page[start : page.index(f"</{tag}>", start) + len(f"</{tag}>")])  # noqa: S314 (our own page)


def drawn(page: str) -> list[dict[str, float]]:
    """How high each part of each day's bar is."""
    days = [g for g in element(page, "svg", ' class="chart-bars"').iter("g") if g.get("class") == "chart-day"]
    return [{one.get("class")[6:]: float(one.get("height")) for one in day.iter("rect")} for day in days]


def told(page: str) -> list[dict[str, int]]:
    """The numbers of each day's row in the table behind the chart."""
    table = page[page.index('<details class="chart-table">') :]
    body = element(table, "tbody", "")
    rows = [[int(cell.text.replace(",", "")) for cell in row.iter("td")] for row in body.iter("tr")]
    assert all(row[-1] == sum(row[:-1]) for row in rows)
    return [dict(zip(LOOKS, row, strict=False)) for row in rows]


def furnished(company):
    """A unit whose calendars are read, some of them badly."""
    google, now = connect(company.unit, tenant="kube.example"), timezone.now()
    for box in serve(google, 4, last_synced_at=now):
        calendar(box, now)
    serve(google, 2, state=State.FAILING, failure=Failure.LICENCE, last_synced_at=now)
    for back in range(14):
        hour = hour_of(now) - timedelta(days=back)
        count(google, hour, mailboxes_read=1000 + 37 * back, throttled=back, refused=2)
    return google


# --- who


@pytest.mark.parametrize(("role", "status"), [("ops_admin", 200), ("coordinator", 200), ("employee", 403)])
def test_it_opens_for_those_who_see_connections_and_stands_in_their_menu(company, role, status):
    user = make_user("Nia", "nia@kube.example")
    add_member(company.unit, user.email, by=company.olga, now=timezone.now(), user=user, role=role)
    url, client = reverse("unit_health", args=[company.unit.slug]), signed_in(user)

    answer = client.get(url)
    home = client.get(reverse("unit_home", args=[company.unit.slug]), follow=True).content.decode()

    assert answer.status_code == status
    assert (f'href="{url}"' in home) is (status == 200)


def test_for_people_of_other_units_it_does_not_exist(company):
    furnished(company)
    here, nowhere = (reverse("unit_health", args=[slug]) for slug in (company.unit.slug, "nowhere"))
    client = signed_in(company.sven)

    assert client.get(here).status_code == client.get(nowhere).status_code == 404


def test_it_shows_no_name_and_no_address_of_a_member(company):
    furnished(company)

    page = page_of(company.olga, company.unit)

    assert company.unit.members.filter(email__startswith="p0").exists()
    assert not any(member.email in page for member in company.unit.members.exclude(user=company.olga))


# --- nothing yet


def test_without_a_connection_it_leads_to_connecting_one(company):
    page = page_of(company.olga, company.unit)

    assert "No calendar service is connected" in page
    assert reverse("connect_start", args=[company.unit.slug]) in page
    assert 'class="chart"' not in page


def test_with_no_access_alone_it_says_that_nothing_is_read(company):
    serve(connect(company.unit, "none", "no_access"), 3, state=State.KEPT_HERE)

    page = page_of(company.olga, company.unit)

    assert "Nothing is read in this unit" in page
    assert 'class="chart"' not in page


def test_before_the_first_reading_it_shows_who_waits_and_the_connections_and_no_chart(company):
    serve(connect(company.unit, state="pending", connected_at=None), 3, state=State.WAITING)

    page = page_of(company.olga, company.unit)

    assert "Nothing has been read yet" in page
    assert "Waiting for first sync" in page
    assert 'class="chart"' not in page
    assert 'id="connections"' in page


def test_a_unit_at_rest_says_that_the_numbers_are_of_before(company):
    furnished(company)
    OrganizationalUnit.objects.filter(pk=company.unit.pk).update(state="paused")

    assert "This unit is at rest" in page_of(company.olga, company.unit)


# --- what it says


def test_each_cause_says_what_to_do_and_leads_to_exactly_its_members(company):
    furnished(company)
    serve(None, 3, company.unit, state=State.NOT_SERVED, decided_by="several")
    client = signed_in(company.olga)
    found = client.get(reverse("unit_health", args=[company.unit.slug]))
    members = reverse("members", args=[company.unit.slug])
    page = found.content.decode()

    for trouble in found.context["overview"].mailboxes.troubles:
        link = f"{members}?{trouble.chosen}"
        assert f'href="{link.replace("&", "&amp;")}"' in page
        assert str(trouble.cause.sentence) in page.replace("&#x27;", "'")
        listed = client.get(link).content.decode()
        assert listed.count('<th scope="row">') == trouble.number

    assert len(found.context["overview"].mailboxes.troubles) == 2


def test_the_next_comparison_and_the_differences_are_told(company):
    google = furnished(company)
    count(google, hour_of(timezone.now()) - timedelta(hours=1), reconciled=4, missed=3)

    page = page_of(company.olga, company.unit)

    assert "4 of 4 calendars" in page
    assert "3 in 4 comparisons" in page


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (None, "–"),
        (0, "0 %"),
        (0.0004, "below 0.1 %"),
        (0.0526, "5.3 %"),
        (0.9999, "over 99.9 %"),
        (1, "100 %"),
    ],
)
def test_little_is_never_said_to_be_nothing_and_almost_all_never_to_be_all(rate, words):
    assert percent(rate) == words


# --- the chart


def test_the_chart_has_a_bar_for_each_day_and_the_table_the_same_numbers(company):
    furnished(company)

    page = page_of(company.olga, company.unit)

    bars, rows = drawn(page), told(page)
    assert len(bars) == len(rows) == 14
    assert rows[-1] == {"plain": 1000, "bad": 0, "quiet": 2}
    assert rows[0] == {"plain": 1000 + 37 * 13, "bad": 13, "quiet": 2}
    for bar, row in zip(bars, rows, strict=True):
        assert set(bar) == {look for look, number in row.items() if number}
        assert bar["plain"] == pytest.approx(row["plain"] / 2000 * 100, abs=0.01)


def test_a_day_without_a_reading_has_no_bar_and_stands_in_the_table(company):
    count(connect(company.unit), hour_of(timezone.now()), mailboxes_read=5)

    page = page_of(company.olga, company.unit)

    assert drawn(page)[:13] == [{}] * 13
    assert told(page)[:13] == [{"plain": 0, "bad": 0, "quiet": 0}] * 13


def test_a_single_failure_among_many_readings_can_still_be_seen(company):
    count(connect(company.unit), hour_of(timezone.now()), mailboxes_read=49_999, unreachable=1)

    bar = drawn(page_of(company.olga, company.unit))[-1]

    assert bar["bad"] >= 2
    assert bar["plain"] + bar["bad"] <= 100


def test_the_days_are_those_of_the_viewers_zone_which_is_named(company):
    furnished(company)
    company.olga.time_zone = "Pacific/Auckland"
    company.olga.save()

    assert "Days in Pacific/Auckland" in page_of(company.olga, company.unit)


# --- the cost


def test_it_asks_as_often_with_many_members_as_with_few(company):
    google = furnished(company)
    client, url = signed_in(company.olga), reverse("unit_health", args=[company.unit.slug])
    client.get(url)
    with CaptureQueriesContext(database) as few:
        client.get(url)
    for box in serve(google, 300, last_synced_at=timezone.now()):
        calendar(box, timezone.now())
    connect(company.unit, "microsoft", "read_write")

    with CaptureQueriesContext(database) as many:
        client.get(url)

    assert len(many) == len(few)
