"""Reading busy time through real HTTP."""

import pytest
from django.utils import timezone

from connections import mailboxes, slices
from connections.models import BusyPeriod, EventPosition, Mailbox
from tests.builders import make_members
from tests.connecting import connect
from tests.people import make_company
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db

PEOPLE = {
    "google": ["lukas.martin38@kube.example", "pia.bauer11@kube.example"],
    "microsoft": ["lucas.hansen68@sigs.example", "paulo.dubois73@sigs.example"],
}
READING_MODES = [(p, m) for p in ("google", "microsoft") for m in ("read_write", "free_busy")]


@pytest.mark.parametrize(("provider", "mode"), READING_MODES)
def test_members_of_a_connected_service_are_synced_by_the_job(providers, provider, mode):
    company = make_company()
    members = make_members(company.unit, PEOPLE[provider])

    connect(company.unit, provider, mode, providers, by=company.olga)
    run_waiting_jobs()

    boxes = Mailbox.objects.filter(member__in=members)
    assert {box.state for box in boxes} == {Mailbox.State.SYNCED}
    assert BusyPeriod.objects.filter(member=members[0]).count() > 50


@pytest.mark.parametrize(("provider", "mode"), READING_MODES)
def test_reading_again_writes_nothing(providers, provider, mode):
    company = make_company()
    members = make_members(company.unit, PEOPLE[provider])
    connection = connect(company.unit, provider, mode, providers, by=company.olga)
    run_waiting_jobs()
    before = sorted(BusyPeriod.objects.values_list())
    ids = list(Mailbox.objects.filter(member__in=members).values_list("pk", flat=True))

    slices.read_slice(connection, ids, asked_at=timezone.now(), now=timezone.now())

    assert sorted(BusyPeriod.objects.values_list()) == before


def test_moving_to_another_connection_forgets_what_was_read(providers):
    company = make_company()
    members = make_members(company.unit, PEOPLE["google"])
    connect(company.unit, "google", "free_busy", providers, by=company.olga)
    run_waiting_jobs()

    company.unit.connections.calendars().get().domains.update(verified="")
    mailboxes.assign(company.unit, now=timezone.now())

    assert BusyPeriod.objects.count() == 0
    assert EventPosition.objects.count() == 0
    assert Mailbox.objects.get(member=members[0]).state == Mailbox.State.NOT_SERVED
