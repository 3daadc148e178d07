"""Members' pages: odd filters, wrong settings, choices that are none, and an export that runs nothing."""

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, calendars, domains, mailboxes
from connections.models import CalendarConnection, Mailbox
from connections.providers.base import CalendarInfo
from orgunits.models import Member
from tests.builders import make_members
from tests.people import make_company

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(client):
    company = make_company()
    client.force_login(company.olga)
    client.company = company
    client.list = reverse("members", args=[company.unit.slug])
    client.export = reverse("members_export", args=[company.unit.slug])
    return client


def serve(company, domain: str) -> CalendarConnection:
    """A No Access connection that serves a domain."""
    row = calendar_connections.create_connection(
        company.unit, "none", "no_access", by=company.olga, now=timezone.now()
    )
    domains.add_domain(row, domain, by=company.olga, now=timezone.now())
    CalendarConnection.objects.filter(pk=row.pk).update(connected_at=timezone.now())
    mailboxes.assign(company.unit, now=timezone.now())
    row.refresh_from_db()
    return row


def path(name: str, member: Member) -> str:
    return reverse(name, args=[member.unit.slug, member.public_id])


def found(client, **query) -> list[str]:
    return [member.email for member in client.get(client.list, query).context["members"]]


# --- the filter


def test_a_name_is_found_without_case_and_accents(olga):
    Member.objects.create(
        unit=olga.company.unit, email="e@x.example", given_name="Éva", family_name="Šimůnková"
    )

    assert found(olga, q="simunk") == found(olga, q="ÉVA") == found(olga, q="e@X.example") == ["e@x.example"]


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", '"', "<script>", "x" * 100, "  ", "\t"])
def test_an_odd_search_is_only_a_search(olga, text):
    answer = olga.get(olga.list, {"q": text})

    assert answer.status_code == 200
    if text.strip():
        assert [member.email for member in answer.context["members"]] == []
    assert b"<script>" not in answer.content.split(b"</head>")[1].replace(b"&lt;script&gt;", b"")


@pytest.mark.parametrize(
    "query",
    [
        {"q": "nul\x00"},
        {"host": "nul\x00"},
        {"connection": "nul\x00"},
        {"state": "nul\x00"},
        {"mode": "nul\x00"},
        {"sort": "nul\x00"},
        {"after": "nul\x00"},
        {"q": "x" * 5000},
        {"host": "x" * 5000},
        {"connection": "con_" + "0" * 24},
        {"state": "failing:nothing"},
        {"state": "happy"},
        {"mode": "admin"},
        {"sort": "password"},
        {"sort": "-user__password"},
        {"after": "x"},
        {"after": "W10="},
    ],
)
@pytest.mark.parametrize("where", ["list", "export"])
def test_a_filter_that_is_none_of_ours_is_no_error(olga, query, where):
    assert olga.get(getattr(olga, where), query).status_code in {200, 422}


def test_the_filter_by_connection_host_and_mode_finds_the_right_people(olga):
    company = olga.company
    make_members(company.unit, ["a@etcd.example", "b@etcd.example", "c@sigs.example"])
    row = serve(company, "etcd.example")

    assert found(olga, host="ETCD.example") == ["a@etcd.example", "b@etcd.example"]
    assert found(olga, connection=row.public_id) == ["a@etcd.example", "b@etcd.example"]
    assert found(olga, mode="no_access") == ["a@etcd.example", "b@etcd.example"]
    assert found(olga, mode="no_access", q="b@") == ["b@etcd.example"]


def test_removed_people_are_not_listed_and_have_no_page(olga):
    (gone,) = make_members(olga.company.unit, ["gone@x.example"], state=Member.State.REMOVED)

    assert "gone@x.example" not in found(olga)
    assert olga.get(path("member", gone)).status_code == 404
    assert "gone@x.example" not in exported(olga)


# --- the export


def exported(client, **query) -> str:
    return b"".join(client.get(client.export, query).streaming_content).decode()


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r"])
def test_a_name_that_a_spreadsheet_would_run_is_made_harmless(olga, begins):
    Member.objects.create(
        unit=olga.company.unit,
        email="x@x.example",
        given_name=f"{begins}1+1|cmd",
        department=f"{begins}HYPER",
    )

    rows = {row["address"]: row for row in csv.DictReader(io.StringIO(exported(olga), newline=""))}

    assert not rows["x@x.example"]["name"].lstrip().startswith(("=", "+", "-", "@"))
    assert not rows["x@x.example"]["department"].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_the_export_is_the_filtered_list_and_more_than_one_page(olga):
    make_members(olga.company.unit, [f"p{n}@etcd.example" for n in range(130)])

    rows = list(csv.DictReader(io.StringIO(exported(olga, host="etcd.example"))))

    assert len(rows) == 130
    assert {row["id"] for row in rows} == set(
        olga.company.unit.members.filter(mail_domain="etcd.example").values_list("public_id", flat=True)
    )


def test_the_exports_file_name_is_harmless(olga):
    olga.company.unit.members.count()

    header = olga.get(olga.export).headers["Content-Disposition"]

    assert header == 'attachment; filename="members-kube.csv"'


# --- one member


@pytest.mark.parametrize(
    "week", ["", "x", "2026-13-01", "0001-01-01", "9999-12-31", "2026-11-19", "-1", "１"]
)
def test_a_week_that_is_none_is_this_week(olga, week):
    emma = olga.company.member(olga.company.emma)

    assert olga.get(path("member", emma), {"week": week}).status_code == 200


def test_the_week_of_who_is_served_by_nobody_says_so_and_blames_no_service(olga):
    emma = olga.company.member(olga.company.emma)
    own = Client()
    own.force_login(olga.company.emma)

    page, her_page = (client.get(path("member", emma)).content.decode() for client in (olga, own))
    serve(olga.company, "kube.example")
    served = olga.get(path("member", emma)).content.decode()

    assert "No connection serves this member" in page
    assert "No connection serves you" in her_page
    assert "gave no answer" not in page
    assert "No connection serves" not in served


def test_the_week_of_who_is_served_explains_what_not_known_means(olga):
    emma = olga.company.member(olga.company.emma)
    row = serve(olga.company, "kube.example")
    kept_here = olga.get(path("member", emma)).content.decode()

    CalendarConnection.objects.filter(pk=row.pk).update(provider="google", mode="free_busy")
    Mailbox.objects.filter(member=emma).update(state=Mailbox.State.WAITING)

    assert "gave no answer" not in kept_here
    assert "gave no answer" in olga.get(path("member", emma)).content.decode()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"starts": "25:00"}, "starts"),
        ({"starts": ""}, "starts"),
        ({"ends": "08:00"}, "ends"),
        ({"ends": "09:00"}, "ends"),
        ({"days": []}, "days"),
        ({"days": ["someday"]}, "days"),
    ],
)
def test_wrong_settings_are_refused_at_their_field_and_nothing_is_saved(olga, changed, field):
    emma = olga.company.member(olga.company.emma)
    good = {"time_zone": "Europe/Berlin", "starts": "09:00", "ends": "17:00", "days": ["mon"]}

    page = olga.post(path("member_settings", emma), {**good, **changed})

    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
    emma.refresh_from_db()
    assert (emma.time_zone, emma.working_hours, emma.time_zone_source) == ("UTC", {}, "assumed")


def test_handing_back_an_unknown_field_changes_nothing(olga):
    emma = olga.company.member(olga.company.emma)

    page = olga.post(path("member_settings", emma), {"hand_back": "email"})

    assert page.status_code == 422
    emma.refresh_from_db()
    assert emma.email == "emma@kube.example"


def test_fields_that_were_not_asked_are_not_taken(olga):
    emma = olga.company.member(olga.company.emma)
    good = {"time_zone": "Europe/Berlin", "starts": "08:00", "ends": "17:00", "days": ["mon"]}

    olga.post(
        path("member_settings", emma), {**good, "email": "x@x.example", "state": "removed", "user": "1"}
    )

    emma.refresh_from_db()
    assert (emma.email, emma.state, emma.user) == ("emma@kube.example", "active", olga.company.emma)
    assert emma.working_hours == {"mon": [["08:00", "17:00"]]}


def test_a_connection_that_serves_nobody_yet_or_no_more_cannot_be_chosen(olga):
    company = olga.company
    emma = company.member(company.emma)
    pending = calendar_connections.create_connection(
        company.unit, "google", "free_busy", by=company.olga, now=timezone.now()
    )
    over = serve(company, "etcd.example")
    calendar_connections.disconnect(over, by=company.olga, now=timezone.now())

    for connection in (pending.public_id, over.public_id, "con_" + "0" * 24, "x"):
        assert olga.post(path("choose_connection", emma), {"connection": connection}).status_code == 404
    assert not Mailbox.objects.filter(override__isnull=False).exists()


def test_an_employee_chooses_own_calendars_but_not_who_serves_them(olga):
    company = olga.company
    emma = company.member(company.emma)
    row = serve(company, "kube.example")
    emma.refresh_from_db()
    calendars.link_calendars(
        emma.mailbox,
        [CalendarInfo("1", "First", primary=True), CalendarInfo("2", "Second", primary=False)],
        now=timezone.now(),
    )
    second = emma.mailbox.calendars.get(provider_id="2")
    own = Client()
    own.force_login(company.emma)

    assert own.post(path("choose_calendars", emma), {"calendar": [second.public_id]}).status_code == 302
    assert own.post(path("choose_connection", emma), {"connection": row.public_id}).status_code == 403

    assert list(emma.mailbox.calendars.order_by("provider_id").values_list("counts", "counts_by")) == [
        (False, "member"),
        (True, "member"),
    ]


@pytest.mark.parametrize("name", ["choose_calendars", "member_settings"])
def test_a_coordinator_sees_members_and_changes_none(olga, name):
    company = olga.company
    carl = Client()
    carl.force_login(company.carl)
    emma = company.member(company.emma)
    good = {"time_zone": "Europe/Berlin", "starts": "08:00", "ends": "17:00", "days": ["mon"]}

    assert carl.get(path("member", emma)).status_code == 200
    assert carl.post(path(name, emma), good).status_code == 403

    emma.refresh_from_db()
    assert emma.time_zone == "UTC"


def test_a_hostile_name_is_only_read(olga):
    bad = "<img src=x onerror=alert(1)>"
    member = Member.objects.create(
        unit=olga.company.unit, email="h@x.example", given_name=bad, family_name=bad, department=bad
    )

    for url in (olga.list, path("member", member), path("member_settings", member)):
        assert b"<img src=x" not in olga.get(url).content
