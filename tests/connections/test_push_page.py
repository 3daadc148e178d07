"""The card on a connection's page that says how changes reach us."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import push_overview
from connections.models import CalendarConnection, Mailbox, MemberCalendar, PushChannel
from tests.builders import make_members
from tests.people import make_company

pytestmark = pytest.mark.django_db
State = PushChannel.State


def make_connection(company, provider: str, mode: str) -> CalendarConnection:
    now = timezone.now()
    return CalendarConnection.objects.create(
        unit=company.unit,
        provider=provider,
        mode=mode,
        state="active",
        tenant="kube.example",
        connected_at=now,
    )


def page(company, connection: CalendarConnection) -> str:
    client = Client()
    client.force_login(company.olga)
    answer = client.get(reverse("connection", args=[company.unit.slug, connection.public_id]))
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def add_channels(connection: CalendarConnection, **states) -> None:
    """So many calendars, each with a channel in that state; `none` without one."""
    now = timezone.now()
    for state, number in states.items():
        for n in range(number):
            (member,) = make_members(connection.unit, [f"{state}{n}@kube.example"])
            box = Mailbox.objects.create(
                unit=connection.unit, member=member, connection=connection, state="synced"
            )
            calendar = MemberCalendar.objects.create(
                unit=connection.unit, mailbox=box, provider=connection.provider, provider_id="p", primary=True,
                counts=True,
            )  # fmt: skip
            if state == "none":
                continue
            began = now - timedelta(days=6 if state == "late" else 1)
            PushChannel.objects.create(
                unit=connection.unit, connection=connection, mailbox=box, calendar=calendar,
                provider=connection.provider, channel_id=member.email, secret_hash="", state_since=began,
                state=State.REFUSED if state == "refused" else State.OPEN,
                problem="push.webhookUrlUnauthorized" if state == "refused" else "",
                expires_at=None if state == "refused" else began + timedelta(days=7),
                due_at=now + timedelta(hours=3),
            )  # fmt: skip


def test_it_says_how_many_calendars_are_announced_and_when_channels_are_renewed(settings):
    settings.PUBLIC_URL = "https://portal.example"
    company = make_company()
    connection = make_connection(company, "google", "free_busy")
    add_channels(connection, open=3, none=1)

    text = page(company, connection)

    assert "3 of 4 calendars" in text
    assert "Next renewal" in text
    assert "asked every 15 minutes, in case an announcement is lost" in text
    assert "Overdue" not in text


def test_it_says_what_is_overdue_and_what_was_refused_and_why(settings):
    settings.PUBLIC_URL = "https://portal.example"
    company = make_company()
    connection = make_connection(company, "google", "free_busy")
    add_channels(connection, late=1, refused=2)

    text = page(company, connection)

    assert "1 of 3 calendars" in text
    assert "Overdue renewals" in text
    assert "2 calendars are not announced: <code>push.webhookUrlUnauthorized</code>." in text
    assert "The operator of the portal can fix that." in text
    assert "Meanwhile they are asked every 5 minutes." in text


def test_it_says_that_microsoft_announces_nothing_in_free_busy(settings):
    settings.PUBLIC_URL = "https://portal.example"
    company = make_company()

    text = page(company, make_connection(company, "microsoft", "free_busy"))

    assert "Microsoft does not announce changes in Free/Busy; we ask every 5 minutes." in text
    assert "Data may be up to 5 minutes old." in text


def test_without_a_public_address_it_says_how_old_data_may_be(settings):
    settings.PUBLIC_URL, settings.POLL_SECONDS = "", 600
    company = make_company()

    text = page(company, make_connection(company, "google", "read_write"))

    assert "calendars are asked every 10 minutes" in text
    assert "Data may be up to 10 minutes old." in text
    assert "PUBLIC_URL" in text


@pytest.mark.parametrize("number", [1, 12])
def test_it_takes_two_queries_whatever_the_number_of_calendars(settings, number, django_assert_num_queries):
    settings.PUBLIC_URL = "https://portal.example"
    connection = make_connection(make_company(), "google", "free_busy")
    add_channels(connection, open=number, late=number, refused=number)

    with django_assert_num_queries(2):
        found = push_overview.overview(connection, now=timezone.now())

    assert (found.open, found.wanted, found.overdue) == (2 * number, 3 * number, number)
