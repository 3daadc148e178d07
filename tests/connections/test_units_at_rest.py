"""A paused or archived unit asks no provider and sends no mail, by whatever door; resumed, it goes on."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string

from config.schedules import TIMETABLE
from connections import authorization, hand_offs, health, jobs
from connections.attempts import Purpose, Refused, Traveller
from connections.models import BusyPeriod, CalendarConnection, HandOff, Mailbox
from connections.providers.base import AuthorizationLost
from connections.services import calendar_service
from orgunits import identity, invitations, units
from tests.builders import make_members
from tests.connecting import answer_provider_page, connect
from tests.people import GOOGLE_ADMINISTRATOR, make_company
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
ADDRESS = "pia.bauer11@kube.example"
REST = pytest.mark.parametrize("act", [units.pause_unit, units.archive_unit])


class House:
    """A connected unit with one member whose calendar waits to be read."""

    def __init__(self, providers):
        self.company = make_company()
        self.unit, self.olga = self.company.unit, self.company.olga
        make_members(self.unit, [ADDRESS])
        self.connection = connect(self.unit, "google", "free_busy", providers, by=self.olga)

    def rest(self, act) -> None:
        act(self.unit, by=self.olga, now=timezone.now())
        self.calls = number_of_calls()

    def invite(self, address: str) -> None:
        """An invitation of an hour ago that was not mailed yet."""
        earlier = timezone.now() - timedelta(hours=1)
        invitations.invite(self.unit, address, role="employee", by=self.olga, now=earlier)

    def was_silent(self) -> bool:
        return number_of_calls() == self.calls and not mail.outbox

    def as_seen_by_a_job(self) -> CalendarConnection:
        return CalendarConnection.objects.select_related("unit").get(pk=self.connection.pk)


def number_of_calls() -> int:
    return len(Path(settings.PROVIDER_CALL_LOG).read_text().splitlines())


def all_that_happens_by_itself() -> None:
    for entry in TIMETABLE:
        import_string(entry.job)()
    run_waiting_jobs()


@pytest.fixture
def house(providers) -> House:
    return House(providers)


@REST
def test_no_job_asks_a_provider_or_sends_a_mail(house, act):
    CalendarConnection.objects.update(next_check_at=timezone.now())
    earlier, soon = timezone.now() - timedelta(hours=20), timezone.now() + timedelta(hours=20)
    other = CalendarConnection.objects.create(
        unit=house.unit, provider="microsoft", mode="free_busy", waiting_since=earlier
    )
    link, _token = hand_offs.create_link(other, by=house.olga, now=timezone.now())
    HandOff.objects.filter(pk=link.pk).update(expires_at=soon)
    house.invite("nora@kube.example")
    identity.ask(house.company.member(house.company.emma), by=house.olga, now=earlier)
    house.rest(act)

    all_that_happens_by_itself()

    assert house.was_silent()
    assert not BusyPeriod.objects.exists()


@REST
def test_a_slice_that_was_already_queued_reads_nothing(house, act):
    jobs.poll_changes()
    house.rest(act)

    run_waiting_jobs()

    assert house.was_silent()
    assert Mailbox.objects.get(member__email=ADDRESS).state == "waiting"


def test_resumed_it_goes_on_where_it_stopped(house):
    house.invite("nora@kube.example")
    house.rest(units.pause_unit)
    all_that_happens_by_itself()

    units.resume_unit(house.unit, by=house.olga, now=timezone.now())
    all_that_happens_by_itself()

    assert Mailbox.objects.get(member__email=ADDRESS).state == "synced"
    assert BusyPeriod.objects.exists()
    assert [message.to for message in mail.outbox] == [["nora@kube.example"]]


def test_another_unit_reads_on(house, providers):
    other = connect(house.company.stranger_unit, "google", "free_busy", providers, by=house.company.sven)
    make_members(house.company.stranger_unit, [GOOGLE_ADMINISTRATOR])
    house.rest(units.pause_unit)

    all_that_happens_by_itself()

    boxes = Mailbox.objects.filter(last_synced_at__isnull=False)
    assert set(boxes.values_list("connection", flat=True)) == {other.pk}


def test_a_check_that_somebody_asks_for_says_that_the_unit_is_paused(house):
    house.rest(units.pause_unit)
    client = Client()
    client.force_login(house.olga)

    answer = client.post(
        reverse("check_now", args=[house.unit.slug, house.connection.public_id]), follow=True
    )

    assert house.was_silent()
    assert "This unit is paused: nothing is read" in answer.content.decode()
    house.connection.refresh_from_db()
    assert (house.connection.state, house.connection.state_reason) == ("active", "")


@REST
def test_nobody_leaves_for_the_provider(house, act):
    house.rest(act)

    with pytest.raises(Refused) as refused:
        authorization.begin(
            house.as_seen_by_a_job(),
            purpose=Purpose.SIGN_IN,
            traveller=Traveller("session", user=house.olga),
            now=timezone.now(),
        )

    assert refused.value.reason == "unit_at_rest"


def test_who_comes_back_from_the_provider_meanwhile_changes_nothing(house):
    who, now = Traveller("session", user=house.olga), timezone.now()
    url = authorization.begin(house.connection, purpose=Purpose.SIGN_IN, traveller=who, now=now)
    back = answer_provider_page(url, GOOGLE_ADMINISTRATOR)
    house.rest(units.pause_unit)

    with pytest.raises(Refused) as refused:
        authorization.complete_sign_in(
            provider="google", state=back["state"], code=back["code"], error="", traveller=who, now=now
        )

    assert refused.value.reason == "unit_at_rest"
    assert house.was_silent()


@REST
def test_a_hand_off_link_opens_nothing_and_says_so_without_naming_anything(house, act):
    _link, token = hand_offs.create_link(house.connection, by=house.olga, now=timezone.now())
    house.rest(act)

    answer = Client().get(reverse("hand_off", args=[token]))

    assert answer.status_code == 404
    assert "Nothing can be set up just now" in answer.content.decode()
    assert "Kube" not in answer.content.decode()


def test_the_last_door_is_shut_too(house):
    house.rest(units.pause_unit)
    connection = house.as_seen_by_a_job()

    with pytest.raises(AuthorizationLost):
        calendar_service(connection)

    assert not health.check_connection(connection, by=None, now=timezone.now()).works
