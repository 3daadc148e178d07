"""What is stored as busy is what the data files say, read by somebody else, over every change of the clocks."""

import random
from datetime import UTC, datetime

import pytest

from connections import calendars
from connections.models import BusyPeriod, MemberCalendar
from tests.builders import make_members
from tests.connecting import connect
from tests.connections import independent_reader as reader
from tests.connections.reading import read_now, read_until_synced, set_clock, stored_in, window
from tests.people import make_company

pytestmark = pytest.mark.django_db

HOSTS = {"google": "kube.example", "microsoft": "sigs.example"}
AUTUMN = datetime(
    2026, 10, 20, 9, 17, 23, tzinfo=UTC
)  # before Europe's change of 10-25 and America's of 11-01
BEFORE_US = datetime(2027, 3, 10, 23, 59, 59, tzinfo=UTC)  # before America's change of 03-14
BEFORE_EU = datetime(2027, 3, 24, 0, 0, 0, tzinfo=UTC)  # after it, before Europe's of 03-28
CASES = [
    (AUTUMN, "google", "free_busy"),
    (AUTUMN, "google", "read_write"),
    (AUTUMN, "microsoft", "free_busy"),
    (AUTUMN, "microsoft", "read_write"),
    (BEFORE_US, "google", "free_busy"),
    (BEFORE_US, "microsoft", "read_write"),
    (BEFORE_EU, "google", "read_write"),
    (BEFORE_EU, "microsoft", "free_busy"),
]


def chosen_people(now: datetime) -> list[dict]:
    """Sixty: twenty of each readable host who meet others and are busy at least five times, twenty at random."""
    chosen = []
    for domain in HOSTS.values():
        meets = [person for person in reader.people_of(domain) if reader.meetings_of(person["id"])]
        chosen += [person for person in meets[:40] if len(reader.busy_of(person, *window(now))) >= 5][:20]
    others = [p for domain in HOSTS.values() for p in reader.people_of(domain) if p not in chosen]
    return chosen + random.Random("sixty people").sample(others, 20)


@pytest.mark.parametrize(("now", "provider", "mode"), CASES, ids=lambda value: str(value)[:10])
def test_stored_busy_time_is_what_the_data_files_say(providers, now, provider, mode):
    set_clock(providers, now)
    company, people = make_company(), chosen_people(now)
    here = [person for person in people if person["email"].endswith(HOSTS[provider])]
    members = make_members(company.unit, [person["email"] for person in here])
    connection = connect(company.unit, provider, mode, providers, by=company.olga)

    read_until_synced(connection, members, now=now)

    assert len(people) == 60
    assert len(here) >= 20
    for member, person in zip(members, here, strict=True):
        assert stored_in(member, *window(now)) == reader.busy_of(person, *window(now)), member.email
    assert not BusyPeriod.objects.exclude(kind=BusyPeriod.Kind.BUSY).exists()


@pytest.mark.parametrize(("provider", "mode"), [("google", "free_busy"), ("microsoft", "read_write")])
def test_a_second_calendar_counts_where_it_was_chosen_and_only_there(providers, provider, mode):
    set_clock(providers, AUTUMN)
    company = make_company()
    people = [p for p in reader.people_of(HOSTS[provider]) if reader.has_private_plans(p)][:6]
    members = make_members(company.unit, [person["email"] for person in people])
    connection = connect(company.unit, provider, mode, providers, by=company.olga)
    later = read_until_synced(connection, members, now=AUTUMN)
    with_plans, without = members[:3], members[3:]

    for member in with_plans:
        both = set(MemberCalendar.objects.filter(mailbox__member=member).values_list("public_id", flat=True))
        calendars.choose_calendars(member, both, by=company.olga, now=later)
    read_now(connection, members, now=later)

    span = window(AUTUMN)
    assert [stored_in(member, *span) for member in with_plans] == [
        reader.busy_of(person, *span, with_private_plans=True) for person in people[:3]
    ]
    assert [stored_in(member, *span) for member in without] == [
        reader.busy_of(person, *span) for person in people[3:]
    ]
