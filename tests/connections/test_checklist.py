"""The steps on a unit's home follow from what is there, never from what somebody clicked."""

import pytest
from django.utils import timezone

from connections import checklist
from connections.calendar_connections import create_connection, disconnect
from connections.checklist import DONE, IN_PROGRESS, NEEDS_ATTENTION, NOT_STARTED
from connections.models import CalendarConnection
from connections.states import State
from tests.connecting import connect
from tests.people import make_company
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db


def states(unit) -> list[str]:
    """Of the steps: how to reach calendars, verify, serve everybody, read."""
    return [step.state for step in checklist.steps(unit)]


def test_in_an_empty_unit_nothing_has_begun():
    assert set(states(make_company().unit)) == {NOT_STARTED}


def test_a_connection_that_is_being_set_up_is_chosen_and_not_yet_verified():
    company = make_company()
    create_connection(company.unit, "google", "free_busy", by=company.olga, now=timezone.now())

    assert states(company.unit)[:2] == [DONE, IN_PROGRESS]


def test_a_lost_connection_needs_attention_and_a_disconnected_one_is_as_if_never_made():
    company = make_company()
    row = create_connection(company.unit, "google", "free_busy", by=company.olga, now=timezone.now())

    CalendarConnection.objects.filter(pk=row.pk).update(state=State.NEEDS_REAUTHORIZATION)
    assert states(company.unit)[1] == NEEDS_ATTENTION

    row.refresh_from_db()
    disconnect(row, by=company.olga, now=timezone.now())
    assert states(company.unit)[:2] == [NOT_STARTED, NOT_STARTED]


def test_with_a_working_connection_whoever_it_does_not_serve_needs_attention(providers):
    company = make_company()
    connect(company.unit, "microsoft", "free_busy", providers, by=company.olga)
    run_waiting_jobs()

    chosen, verified, served, _read = states(company.unit)

    assert (chosen, verified) == (DONE, DONE)
    assert served in {NOT_STARTED, NEEDS_ATTENTION}  # these people's mail is not Microsoft's


def test_the_steps_cost_four_queries(django_assert_num_queries):
    unit = make_company().unit

    with django_assert_num_queries(4):
        checklist.steps(unit)
