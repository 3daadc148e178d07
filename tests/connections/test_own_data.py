"""What is kept on one person: whole, theirs alone, and gone when it is erased."""

import json

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import mailboxes
from connections.models import BusyPeriod, Mailbox, MemberCalendar
from orgunits.members import add_member
from orgunits.models import AuditEvent, Member
from tests.people import Company, make_company, signed_in

pytestmark = pytest.mark.django_db
MINUTE_OF_2026 = 29_500_000  # minutes since 1970


@pytest.fixture
def company() -> Company:
    made = make_company()
    mailboxes.assign(made.unit, now=timezone.now())
    return made


def busy(member: Member) -> None:
    calendar = MemberCalendar.objects.create(
        unit=member.unit,
        mailbox=member.mailbox,
        provider="google",
        provider_id="c",
        name="Plans",
        counts=True,
    )
    for start in (0, 60):
        BusyPeriod.objects.create(
            calendar=calendar,
            member=member,
            provider_id=str(start),
            starts=MINUTE_OF_2026 + start,
            ends=MINUTE_OF_2026 + start + 30,
            kind=BusyPeriod.Kind.BUSY,
        )


def file_of(client: Client, path: str) -> dict:
    answer = client.get(path)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return json.loads(answer.content)


def test_an_employee_takes_along_all_that_is_kept_on_them(company):
    emma = company.member(company.emma)
    busy(emma)

    kept = file_of(signed_in(company.emma), reverse("my_data_download", args=[company.unit.slug]))

    assert kept["profile"]["address"] == "emma@kube.example"
    assert kept["sign_in"]["address"] == "emma@kube.example"
    assert [role["role"] for role in kept["roles"]] == ["Employee"]
    assert [calendar["name"] for calendar in kept["calendars"]] == ["Plans"]
    assert kept["busy_time"] == {
        "periods": 2,
        "from": "2026-02-02T02:40:00Z",
        "until": "2026-02-02T04:10:00Z",
        "places_of_events": 0,
    }
    assert kept["audit_log"] == {
        "events_about": AuditEvent.objects.filter(subject=emma.public_id).count(),
        "events_by": 0,
    }


def test_the_page_says_the_same_and_nothing_of_others(company):
    busy(company.member(company.emma))

    page = signed_in(company.emma).get(reverse("my_data", args=[company.unit.slug])).content.decode()

    assert "emma@kube.example" in page
    assert "Plans" in page
    for other in ("olga@kube.example", "carl@kube.example", "Carl"):
        assert other not in page


def test_an_ops_admin_answers_for_one_member_without_their_sign_in_and_the_log_tells(company):
    add_member(
        company.stranger_unit, "e@private.example", by=company.sven, now=timezone.now(), user=company.emma
    )
    company.emma.email = "private@elsewhere.example"
    company.emma.save()
    emma = company.unit.members.get(user=company.emma)
    olga = signed_in(company.olga)

    kept = file_of(olga, reverse("member_data_download", args=[company.unit.slug, emma.public_id]))
    page = olga.get(reverse("member_data", args=[company.unit.slug, emma.public_id])).content.decode()

    assert "sign_in" not in kept
    assert "elsewhere.example" not in page + json.dumps(kept)
    event = AuditEvent.objects.get(verb="member.exported")
    assert (event.actor, event.subject) == (company.olga.public_id, emma.public_id)


@pytest.mark.parametrize("name", ["member_data", "member_data_download", "member_erase"])
@pytest.mark.parametrize("who", ["carl", "emma"])
def test_nobody_else_looks_at_what_is_kept_on_somebody(company, name, who):
    emma = company.member(company.emma)

    answer = signed_in(getattr(company, who)).get(reverse(name, args=[company.unit.slug, emma.public_id]))

    assert answer.status_code == 403


def test_erasing_one_person_takes_everything_at_once(company):
    emma = company.member(company.emma)
    busy(emma)

    answer = signed_in(company.olga).post(reverse("member_erase", args=[company.unit.slug, emma.public_id]))

    assert answer.status_code == 302
    emma.refresh_from_db()
    assert (emma.state, emma.name) == ("removed", f"{emma.public_id}@erased.invalid")
    assert not Mailbox.objects.filter(member=emma).exists()
    assert not BusyPeriod.objects.exists()


def test_erasing_asks_again_who_one_is(company, settings):
    settings.REAUTHENTICATION = True
    emma = company.member(company.emma)

    answer = signed_in(company.olga).post(reverse("member_erase", args=[company.unit.slug, emma.public_id]))

    assert answer.url.startswith(reverse("account_reauthenticate"))
    emma.refresh_from_db()
    assert emma.state == "active"
