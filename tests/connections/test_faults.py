"""Every fault of the providers, run for real, against the table of what it must lead to."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from connections import calendar_connections, health
from connections.attempts import Refused
from connections.models import BusyPeriod, CalendarConnection, Mailbox
from connections.states import State, shown_with_counts
from orgunits.models import User
from tests.builders import make_members
from tests.connecting import (
    ADMINISTRATORS,
    StayedAtProvider,
    connect,
    consent,
    delegate,
    own_google_key,
    sign_in,
)
from tests.connections.fault_table import (
    ADMINISTRATOR,
    CONSENT,
    ELSEWHERE,
    EVERYBODY,
    LATER,
    MEMBER,
    READING,
    ROWS,
    SET_UP,
    SIGN_IN,
    Row,
)  # fmt: skip
from tests.connections.reading import in_window, read_now, set_clock
from tests.connections.sandbox_calendar import SandboxCalendar
from tests.connections.scene import HIGH, LOW, NOW, PEOPLE, TOMORROW
from tests.people import make_company

pytestmark = pytest.mark.django_db

COLLEAGUES = {"google": "pia.bauer11@kube.example", "microsoft": "gabriel.ramos60@sigs.example"}


def test_every_fault_the_sandbox_knows_has_a_row_or_a_feature_to_come(providers):
    known = set(providers.control("GET", "faults")["known"])
    tested = {row.fault for row in ROWS}

    elsewhere = set(LATER) | set(ELSEWHERE)

    assert known - tested - elsewhere == set(), "a fault without a test is red"
    assert tested | elsewhere <= known
    assert tested & elsewhere == set()
    for fault, path in ELSEWHERE.items():
        assert f'"{fault}"' in (settings.BASE_DIR / path).read_text(), fault


def rows(when: str):
    return pytest.mark.parametrize("row", [row for row in ROWS if row.when == when], ids=str)


def shown(connection: CalendarConnection) -> str:
    return shown_with_counts([CalendarConnection.objects.get(pk=connection.pk)])[0][1].code


def strike(providers, row: Row) -> None:
    """Switch the row's fault on."""
    addresses = {MEMBER: PEOPLE[row.provider], ADMINISTRATOR: ADMINISTRATORS[row.provider], EVERYBODY: None}
    providers.fault(row.fault, **{"target": addresses[row.target], **row.params})


# --- trips to the provider ----------------------------------------------------------------------------------------
def new_connection(providers, row: Row) -> tuple[CalendarConnection, User]:
    company = make_company()
    if row.provider == "google":
        own_google_key(company.unit, providers, by=company.olga)
    connection = calendar_connections.create_connection(
        company.unit, row.provider, row.mode, by=company.olga, now=timezone.now()
    )
    return connection, company.olga


def as_it_is(connection: CalendarConnection) -> dict:
    return CalendarConnection.objects.values().get(pk=connection.pk)


@rows(SIGN_IN)
def test_a_fault_on_the_way_to_the_sign_in_changes_nothing(providers, row):
    connection, olga = new_connection(providers, row)
    before = as_it_is(connection)
    strike(providers, row)

    if row.never_back:
        with pytest.raises(StayedAtProvider):
            sign_in(connection, ADMINISTRATORS[row.provider], by=olga)
    else:
        with pytest.raises(Refused) as refused:
            sign_in(connection, ADMINISTRATORS[row.provider], by=olga)
        assert refused.value.reason == row.refused

    assert as_it_is(connection) == before
    providers.control("DELETE", "faults")
    sign_in(connection, ADMINISTRATORS[row.provider], by=olga)
    assert as_it_is(connection)["administrator"] == ADMINISTRATORS[row.provider]


@rows(CONSENT)
def test_a_fault_on_the_way_to_the_consent_changes_nothing(providers, row):
    connection, olga = new_connection(providers, row)
    sign_in(connection, ADMINISTRATORS[row.provider], by=olga)
    connection.refresh_from_db()
    before = as_it_is(connection)
    strike(providers, row)

    with pytest.raises(Refused) as refused:
        consent(connection, by=olga)

    assert refused.value.reason == row.refused
    assert as_it_is(connection) == before
    providers.control("DELETE", "faults")
    consent(connection, by=olga)
    assert as_it_is(connection)["consented_at"]


# --- the self-test of a connection that is being set up -----------------------------------------------------------
@rows(SET_UP)
def test_a_fault_during_set_up_is_told_and_heals(providers, settings, row):
    connection, olga = new_connection(providers, row)
    sign_in(connection, ADMINISTRATORS[row.provider], by=olga)
    connection.refresh_from_db()
    if row.provider == "google":
        delegate(connection, providers)
    else:
        consent(connection, by=olga)
        connection.refresh_from_db()
    patience = settings.PROVIDER_TIMEOUT_SECONDS
    for name, value in row.settings.items():
        setattr(settings, name, value)
    strike(providers, row)

    health.check_connection(connection, by=None, now=NOW)

    now = as_it_is(connection)
    assert (now["state"], shown(connection), now["state_reason"]) == (row.state, row.shown, row.reason)
    assert bool(now["next_check_at"]) == row.tries_again
    providers.control("DELETE", "faults")
    settings.PROVIDER_TIMEOUT_SECONDS = patience
    health.check_connection(connection, by=None, now=now["next_check_at"] or NOW)
    assert (as_it_is(connection)["state"], shown(connection)) == ("active", "healthy")


# --- a connection that worked -------------------------------------------------------------------------------------
@rows(READING)
def test_a_fault_while_reading_is_told_where_it_belongs_and_heals(providers, settings, row):
    set_clock(providers, NOW)
    company, now = make_company(), NOW + timedelta(minutes=5)
    member, colleague = members = make_members(company.unit, [PEOPLE[row.provider], COLLEAGUES[row.provider]])
    calendars = [SandboxCalendar(providers, one.email) for one in members]
    connection = connect(company.unit, row.provider, row.mode, providers, by=company.olga)
    if not row.first:
        read_now(connection, members, now=NOW)
    for calendar in calendars:
        calendar.add(TOMORROW)
    patience = settings.PROVIDER_TIMEOUT_SECONDS
    for name, value in row.settings.items():
        setattr(settings, name, value)
    strike(providers, row)

    read_now(connection, members, now=now)

    after = as_it_is(connection)
    assert (after["state"], shown(connection), after["state_reason"]) == (row.state, row.shown, row.reason)
    assert after["slowed_until"] == (now + timedelta(seconds=row.slowed) if row.slowed else None)
    box = Mailbox.objects.get(member=member)
    assert (box.state, box.failure) == (row.mailbox, row.failure)
    assert box.failure_code == (row.code or box.failure_code)
    unknown = BusyPeriod.objects.filter(member=member, kind=BusyPeriod.Kind.UNKNOWN)
    assert unknown.exists() == row.unknown
    if row.state == State.ACTIVE:
        assert box.next_sync_at >= now + timedelta(seconds=row.waits)
    else:
        assert box.next_sync_at is None
    if row.target == MEMBER:
        assert Mailbox.objects.get(member=colleague).last_synced_at == now

    providers.control("DELETE", "faults")
    settings.PROVIDER_TIMEOUT_SECONDS = patience
    if row.state != State.ACTIVE:
        health.check_connection(connection, by=company.olga, now=now)
    elif after["next_check_at"]:
        health.check_connection(connection, by=None, now=after["next_check_at"])
    for _ in range(2):  # a zone learned late has the calendar read anew by the reading after
        later = Mailbox.objects.filter(member__in=members).aggregate(at=Max("next_sync_at"))["at"]
        read_now(connection, members, now=later + timedelta(minutes=1))
    assert shown(connection) == "healthy"
    assert list(Mailbox.objects.filter(member__in=members).values_list("state", flat=True)) == ["synced"] * 2
    for one, calendar in zip(members, calendars, strict=True):
        assert in_window(one, LOW, HIGH) == calendar.busy(LOW, HIGH)
