"""No page grows queries with rows, and a list page needs at most eight."""

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection as database
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, domains, mailboxes
from connections.busy_store import Kind
from connections.models import BusyPeriod, CalendarConnection, MemberCalendar
from connections.periods import minute_of
from orgunits import audit
from orgunits.units import create_unit
from provisioning import offboarding
from provisioning.models import Plan, PlanItem, ProvisioningRun
from tests.builders import make_members
from tests.directories import (
    make_directory,
    make_file_directory,
    make_group,
    make_people,
    make_reading,
    make_room,
    make_sheet,
)
from tests.people import Company, make_company, signed_in
from tests.provisioning.paused import make_run

pytestmark = pytest.mark.django_db

MOST = 8


def add_members(company: Company, number: int) -> None:
    have = company.unit.members.count()
    make_members(company.unit, [f"p{have + n:04}@none-0.example" for n in range(number)])
    mailboxes.assign(company.unit, now=timezone.now())


def add_connections(company: Company, number: int) -> None:
    """Several connections that serve people, of which none calls anybody."""
    have = company.unit.connections.calendars().count()
    for n in range(have, have + number):
        provider, mode = (("none", "no_access"), ("google", "free_busy"), ("microsoft", "read_write"))[n % 3]
        row = calendar_connections.create_connection(
            company.unit, provider, mode, by=company.olga, now=timezone.now()
        )
        domains.add_domain(row, f"none-{n}.example", by=company.olga, now=timezone.now())
        CalendarConnection.objects.filter(pk=row.pk).update(
            state="active", connected_at=timezone.now(), tenant=f"t{n}.example"
        )
        row.checks.create(
            unit=company.unit, name="x", result="missing", checked_at=timezone.now(), since=timezone.now()
        )


def add_events(company: Company, number: int) -> None:
    emma = company.member(company.emma)
    for n in range(number):
        audit.record(company.unit, f"act {n}", emma, by=company.olga, now=timezone.now())


def add_busy_time(company: Company, number: int) -> None:
    box = company.member(company.emma).mailbox
    calendar, _new = MemberCalendar.objects.get_or_create(
        unit=company.unit, mailbox=box, provider="google", provider_id="primary", defaults={"counts": True}
    )
    start = minute_of(timezone.now())
    BusyPeriod.objects.bulk_create(
        BusyPeriod(
            calendar=calendar,
            member_id=box.member_id,
            provider_id=f"{start}-{n}-{number}",
            starts=start + 60 * n,
            ends=start + 60 * n + 30,
            kind=Kind.BUSY,
        )
        for n in range(number)
    )
    have = box.calendars.count()
    MemberCalendar.objects.bulk_create(
        MemberCalendar(unit=company.unit, mailbox=box, provider="google", provider_id=f"c{have + n}")
        for n in range(number)
    )


def add_units(company: Company, number: int) -> None:
    for n in range(number):
        create_unit(f"Other {n} {number}", by=company.olga, now=timezone.now())


def add_directories(company: Company, number: int) -> None:
    """A directory, and in the first one that many people, groups and rooms more."""
    have = company.unit.connections.directories().count()
    row = make_directory(company.unit, by=company.olga, tenant=f"d{have}.example")
    first = company.unit.connections.directories().order_by("pk").first()
    known, number = first.directory_people.count(), 4 * number
    people = make_people(first, [f"P{known + n:04} Person" for n in range(number)])
    free = company.unit.members.filter(directory_people=None).order_by("pk")
    for person, member in zip(people, free, strict=False):
        person.member = member
        person.save()
    for n in range(number):
        outer = make_group(first, f"g{known + n}", people)
        outer.children.set(first.directory_groups.all()[:3])
        make_room(first, f"r{known + n}")
        make_reading(first)
    make_reading(row)


def add_file(company: Company, lines: int) -> None:
    """A file of that many lines, some of them bad, for one directory that is kept by files."""
    row = company.unit.connections.filter(provider="csv").first() or make_file_directory(
        company.unit, by=company.olga
    )
    people = "".join(f"p{n},p{n}@f.example\np{n},bad\n" for n in range(lines))
    make_sheet(row, f"department,email\n{people}", by=company.olga)


def add_runs(company: Company, number: int) -> None:
    """Runs of the first directory, one more person in its first one for each, and leavers."""
    directory = company.unit.connections.directories().order_by("pk").first()
    emma, have = company.member(company.emma), company.unit.provisioningruns.count()
    if not have:
        make_run(directory, emma, by=company.olga)
    first = company.unit.provisioningruns.order_by("pk").first()
    PlanItem.objects.bulk_create(
        PlanItem(plan=first.plan, position=2 + have + n, action="suspend", clause="deleted", result="held", member=emma)
        for n in range(number)
    )  # fmt: skip
    for n in range(number):
        plan = Plan.objects.create(unit=company.unit, connection=directory, state="taken", counts={"add": n})
        ProvisioningRun.objects.create(
            unit=company.unit, connection=directory, plan=plan, state="succeeded", started_by=company.olga
        )
    left = company.unit.offboardings.count()
    people = make_members(company.unit, [f"left{left + n:04}@none-0.example" for n in range(number)])
    for person in people:
        offboarding.begin(person, by=company.olga, now=timezone.now(), connection=directory, settle=False)


def grow(company: Company, times: int) -> None:
    add_connections(company, times)
    add_directories(company, times)
    add_file(company, times)
    add_runs(company, times)
    add_members(company, 3 * times)
    add_events(company, times)
    add_busy_time(company, times)
    add_units(company, times // 4)


def queries(client: Client, path: str) -> list[str]:
    client.get(path)  # the first visit of a session may write it
    with CaptureQueriesContext(database) as asked:
        answer = client.get(path)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert answer.status_code in {200, 286}, path  # 286: htmx need not ask again
    assert body
    return [query["sql"] for query in asked]


def paths_of(company: Company) -> dict[str, str]:
    slug = company.unit.slug
    living = company.unit.connections.calendars().order_by("pk").first()
    emma = company.member(company.emma).public_id
    directory = [slug, company.unit.connections.directories().order_by("pk").first().public_id]
    group = company.unit.directory_groups.order_by("pk").first().public_id
    by_file = company.unit.connections.filter(provider="csv").get()
    file = [slug, by_file.public_id, by_file.directory_sheets.order_by("-pk").first().public_id]
    run = [slug, company.unit.provisioningruns.order_by("pk").first().public_id]
    leaver = [slug, company.unit.offboardings.order_by("pk").first().public_id]
    return {
        "unit home": reverse("unit_home", args=[slug]),
        "connections": reverse("connections", args=[slug]),
        "connection": reverse("connection", args=[slug, living.public_id]),
        "members": reverse("members", args=[slug]),
        "members, filtered": reverse("members", args=[slug]) + "?q=p0&mode=no_access&sort=-host",
        "members, exported": reverse("members_export", args=[slug]),
        "member": reverse("member", args=[slug, emma]),
        "member's settings": reverse("member_settings", args=[slug, emma]),
        "audit log": reverse("audit_log", args=[slug]),
        "front door": reverse("front_door"),
        "disconnect": reverse("connection_disconnect", args=[slug, living.public_id]),
        "integrations": reverse("integrations", args=[slug]),
        "directory": reverse("directory", args=directory),
        "directory's people": reverse("directory_people", args=directory),
        "directory's people, filtered": reverse("directory_people", args=directory)
        + f"?q=p00&kind=person&presence=here&group={group}",
        "directory's people, exported": reverse("directory_people_export", args=directory),
        "directory's groups": reverse("directory_groups", args=directory),
        "directory's rooms": reverse("directory_rooms", args=directory),
        "directory, disconnected": reverse("directory_disconnect", args=directory),
        "directory by file": reverse("directory", args=file[:2]),
        "directory's file": reverse("directory_file", args=file),
        "directory's file, filtered": reverse("directory_file", args=file) + "?show=new&q=p",
        "directory's bad lines, exported": reverse("directory_file_errors", args=file),
        "runs": reverse("runs", args=[slug]),
        "runs, filtered": reverse("runs", args=[slug]) + "?state=succeeded",
        "run": reverse("run", args=run),
        "run, filtered": reverse("run", args=run) + "?result=held&action=suspend&q=em",
        "run, exported": reverse("run_export", args=run),
        "leavers": reverse("leavers", args=[slug]),
        "leavers, filtered": reverse("leavers", args=[slug]) + "?state=grace&q=left",
        "leavers, exported": reverse("leavers_export", args=[slug]),
        "leaver": reverse("leaver", args=leaver),
        "leaver's record": reverse("leaver_record", args=leaver),
        "offboarding": reverse("leaver_new", args=[slug, emma]),
        "progress": reverse("connection_progress", args=[slug, living.public_id]),
    }


PAGES = [
    "unit home", "connections", "connection", "members", "members, filtered", "members, exported", "member",
    "member's settings", "audit log", "front door", "disconnect", "progress", "integrations", "directory",
    "directory's people", "directory's people, filtered", "directory's people, exported", "directory's groups",
    "directory's rooms", "directory, disconnected", "directory by file", "directory's file",
    "directory's file, filtered", "directory's bad lines, exported",
    "directory's rooms", "directory, disconnected", "runs", "runs, filtered", "run", "run, filtered", "run, exported",
    "leavers", "leavers, filtered", "leavers, exported", "leaver", "leaver's record", "offboarding",
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_as_often_with_many_rows_as_with_few(page):
    company = make_company()
    grow(company, 4)
    client = signed_in(company.olga)
    few = queries(client, paths_of(company)[page])

    grow(company, 16)

    many = queries(client, paths_of(company)[page])
    assert len(many) == len(few), "\n".join(many)


@pytest.mark.parametrize("members", [3, 300])
@pytest.mark.parametrize("connections", [0, 1, 9])
def test_the_list_of_members_needs_at_most_eight(members, connections):
    company = make_company()
    add_connections(company, connections)
    add_members(company, members)

    asked = queries(signed_in(company.olga), reverse("members", args=[company.unit.slug]))

    assert len(asked) <= MOST, "\n".join(asked)


@override_settings(MFA_REQUIRED=True)
@pytest.mark.parametrize(
    "page",
    [
        "members",
        "members, filtered",
        "connections",
        "audit log",
        "directory's people",
        "directory's people, filtered",
        "directory's groups",
        "directory's rooms",
        "directory's file",
        "directory's file, filtered",
        "runs",
        "runs, filtered",
        "run",
        "leavers",
        "leavers, filtered",
    ],
)
def test_a_list_needs_at_most_eight_where_a_second_factor_is_demanded(page):
    company = make_company()
    grow(company, 8)
    Authenticator.objects.create(user=company.olga, type=Authenticator.Type.TOTP, data={"secret": "x"})

    asked = queries(signed_in(company.olga), paths_of(company)[page])

    assert len(asked) <= MOST, "\n".join(asked)


def test_every_later_page_of_the_list_costs_what_the_first_one_does():
    company = make_company()
    add_members(company, 320)
    client, path = signed_in(company.olga), reverse("members", args=[company.unit.slug])
    first = queries(client, path)
    url, costs = client.get(path).context["next_url"], []

    while url:
        costs.append(len(queries(client, path + url)))
        url = client.get(path + url).context["next_url"]

    assert len(costs) > 2
    assert set(costs) == {len(first)}


def test_no_answer_holds_more_than_one_page_of_members():
    company = make_company()
    add_members(company, 250)
    client = signed_in(company.olga)
    add_connections(company, 1)
    add_directories(company, 1)
    add_runs(company, 1)
    directory = company.unit.connections.directories().get()
    add_file(company, 1)
    make_people(directory, [f"Q{n:04} Person" for n in range(250)])

    for name, path in paths_of(company).items():
        if "exported" not in name:
            page = client.get(path).content.decode()
            assert sum(f"p{n:04}@none-0.example" in page for n in range(250)) <= 100, name
            assert sum(f"Q{n:04}" in page for n in range(250)) <= 100, name
