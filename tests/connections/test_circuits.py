"""A provider that is down slows itself down: fewer and fewer calls to it, and everybody else goes on."""

from datetime import timedelta

import pytest
from django_q.models import OrmQ

from connections import circuits, free_busy, jobs, slices
from connections.models import CalendarConnection, Mailbox, ReadingHour
from tests.builders import make_members
from tests.connecting import connect
from tests.connections.reading import read_now, set_clock
from tests.connections.scene import MINUTE, NOW
from tests.people import make_company

pytestmark = pytest.mark.django_db
GOOGLE = [
    "lukas.martin38@kube.example",
    "chiara.castro85@kube.example",
    "benedikt.petrov63@kube.example",
    "pia.bauer11@kube.example",
    "felix.zhang16@kube.example",
    "mateo.diaz24@kube.example",
    "jana.pereira75@kube.example",
]
MICROSOFT = ["lucas.hansen68@sigs.example", "paulo.dubois73@sigs.example"]
SECOND = timedelta(seconds=1)


class Two:
    """Two connections of one unit, to different providers."""

    def __init__(self, providers):
        set_clock(providers, NOW)
        company = make_company()
        self.providers = providers
        self.at_google = make_members(company.unit, GOOGLE)
        self.at_microsoft = make_members(company.unit, MICROSOFT)
        self.google = connect(company.unit, "google", "free_busy", providers, by=company.olga)
        self.microsoft = connect(company.unit, "microsoft", "free_busy", providers, by=company.olga)
        Mailbox.objects.filter(connection__isnull=False).update(next_sync_at=NOW)
        OrmQ.objects.all().delete()

    def google_goes_down(self) -> None:
        for operation in ("calendar.calendarList.list", "calendar.events.list", "calendar.freebusy.query"):
            self.providers.fault("server_error", target=operation)

    def google_is_back(self) -> None:
        self.providers.control("DELETE", "faults")

    def now(self, connection) -> CalendarConnection:
        return CalendarConnection.objects.select_related("unit", "credential").get(pk=connection.pk)


@pytest.fixture
def two(providers) -> Two:
    return Two(providers)


def test_after_five_failures_in_a_row_nobody_asks_for_half_a_minute(two):
    two.google_goes_down()

    read_now(two.google, two.at_google, now=NOW)

    row = two.now(two.google)
    assert row.failures_in_row == circuits.OPENS_AFTER  # of seven: what was under way says nothing new
    assert row.slowed_until == NOW + 30 * SECOND
    assert free_busy.enqueue_due(row, now=row.slowed_until - SECOND) == 0
    assert row.state_reason == "provider_down"


def test_the_other_provider_goes_on(two):
    two.google_goes_down()
    read_now(two.google, two.at_google, now=NOW)

    handed_out = free_busy.enqueue_due(two.now(two.microsoft), now=NOW)
    read_now(two.microsoft, two.at_microsoft, now=NOW)

    states = Mailbox.objects.filter(member__in=two.at_microsoft).values_list("state", flat=True)
    assert (handed_out, set(states)) == (2, {"synced"})


def test_a_slice_that_waits_in_the_queue_is_not_read_while_the_provider_is_down(two):
    two.google_goes_down()
    read_now(two.google, two.at_google[:5], now=NOW)
    before, waiting = two.providers.control("GET", "state")["calls"], two.at_google[5].mailbox.pk
    row = two.now(two.google)

    slices.read_slice(row, [waiting], asked_at=NOW, now=NOW + SECOND)

    assert two.providers.control("GET", "state")["calls"] == before
    assert Mailbox.objects.get(pk=waiting).next_sync_at == row.slowed_until
    assert Mailbox.objects.get(pk=waiting).attempts == 0


def test_half_open_only_a_few_are_tried_and_each_failure_doubles_the_wait(two):
    two.google_goes_down()
    read_now(two.google, two.at_google, now=NOW)
    first = two.now(two.google)
    Mailbox.objects.filter(connection=two.google).update(next_sync_at=NOW, leased_until=None)

    tried = free_busy.enqueue_due(first, now=first.slowed_until)
    read_now(two.google, two.at_google[:1], now=first.slowed_until)

    assert tried == circuits.TRIED
    second = two.now(two.google)
    assert second.slowed_until - first.slowed_until == circuits.wait_after(first.failures_in_row + 1)


def test_the_wait_grows_to_a_quarter_of_an_hour_and_no_further():
    waits = [circuits.wait_after(number).total_seconds() for number in (5, 6, 7, 10, 11, 500)]

    assert waits == [30, 60, 120, 900, 900, 900]


def test_the_first_answer_closes_it_and_all_who_waited_are_asked_at_once(two):
    two.google_goes_down()
    read_now(two.google, two.at_google, now=NOW)
    until = two.now(two.google).slowed_until
    two.google_is_back()

    read_now(two.google, two.at_google[:1], now=until)

    row = two.now(two.google)
    assert (row.failures_in_row, row.state_reason) == (0, "")
    others = Mailbox.objects.filter(member__in=two.at_google[1:])
    assert max(others.values_list("next_sync_at", flat=True)) <= until
    assert free_busy.enqueue_due(row, now=until) == row.mailboxes.count() - 1


def test_one_person_s_trouble_does_not_open_it(two):
    two.providers.fault("server_error", target=GOOGLE[0])

    for minute in range(6):
        read_now(two.google, two.at_google[:2], now=NOW + minute * 10 * MINUTE)

    assert two.now(two.google).slowed_until is None


def test_patience_that_the_provider_asked_for_is_never_shortened(two):
    row = two.now(two.google)
    circuits.be_patient(row, until=NOW + 10 * MINUTE)

    circuits.be_patient(two.now(two.google), until=NOW + MINUTE)

    assert two.now(two.google).slowed_until == NOW + 10 * MINUTE


def test_what_was_read_and_what_failed_is_counted_by_the_hour(two):
    two.providers.fault("server_error", target=GOOGLE[0])
    two.providers.fault("not_a_calendar_user", target=GOOGLE[1])

    read_now(two.google, two.at_google[:4], now=NOW)
    read_now(two.google, two.at_google[2:4], now=NOW + MINUTE)

    (hour,) = ReadingHour.objects.filter(connection=two.google)
    assert hour.hour == NOW.replace(minute=0, second=0, microsecond=0)
    assert (hour.mailboxes_read, hour.unreachable, hour.of_one_person) == (4, 1, 1)


# --- fairness -----------------------------------------------------------------------------------------------------
def test_room_in_the_queue_is_shared_by_those_who_are_being_read(two, settings):
    settings.SYNC_SLICE = 1
    alone = free_busy.enqueue_due(two.now(two.google), now=NOW)
    others = free_busy.enqueue_due(two.now(two.microsoft), now=NOW)
    OrmQ.objects.all().delete()
    Mailbox.objects.filter(connection=two.google).update(leased_until=None)
    free_busy.enqueue_due(two.now(two.microsoft), now=NOW + free_busy.LEASE)

    shared = free_busy.enqueue_due(two.now(two.google), now=NOW)

    assert (alone, others) == (free_busy.SLICES_AHEAD, len(MICROSOFT))
    assert shared == free_busy.SLICES_AHEAD // 2
    assert jobs.slices_waiting() == {two.google.public_id: shared, two.microsoft.public_id: 2}
