"""What somebody types, plants or sends to a page, where no browser would."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, hand_offs
from connections.models import MemberCalendar
from tests.guards.routes import build_house
from tests.people import make_company

pytestmark = pytest.mark.django_db

NUL_PATHS = [
    "connections/\0/",
    "connections/\0/disconnect/",
    "connections/{connection}/domains/\0/verify/",
    "connections/connect/\0/mode/?administrator=yes",
    "members/\0/",
    "members/{member}\0/",
    "members/{member}\0/settings/",
]


@pytest.mark.parametrize("path", NUL_PATHS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_address_with_a_nul_is_the_address_of_nothing(path, method):
    company = make_company()
    own = build_house(company).own
    client = Client()
    client.force_login(company.olga)
    path = path.format(connection=own.google.public_id, member=own.member.public_id).replace("\0", "%00")

    assert getattr(client, method)(f"/ou/{company.unit.slug}/{path}").status_code == 404


def test_a_posted_nul_chooses_nothing():
    company = make_company()
    own = build_house(company).own
    args = [company.unit.slug, own.member.public_id]
    client = Client()
    client.force_login(company.olga)

    connection = client.post(reverse("choose_connection", args=args), {"connection": "\0"})
    calendars = client.post(reverse("choose_calendars", args=args), {"calendar": ["\0"]})

    assert (connection.status_code, calendars.status_code) == (404, 302)
    assert not MemberCalendar.objects.filter(mailbox__member=own.member, counts=True).exists()


def test_a_planted_session_does_not_share_the_hand_off():
    company = make_company()
    connection = calendar_connections.create_connection(
        company.unit, "microsoft", "free_busy", by=company.olga, now=timezone.now()
    )
    _row, token = hand_offs.create_link(connection, by=company.olga, now=timezone.now())
    holder, attacker = Client(), Client()
    session = attacker.session
    session.save()
    for client in (holder, attacker):
        client.cookies["sessionid"] = session.session_key

    holder.post(reverse("hand_off", args=[token]))

    assert holder.get(reverse("hand_off_set_up")).status_code == 200
    assert attacker.get(reverse("hand_off_set_up")).status_code == 404
    assert holder.post(reverse("hand_off", args=[token])).status_code == 302  # once more, in the same browser
    assert holder.get(reverse("hand_off_set_up")).status_code == 200


def test_no_page_of_a_hand_off_is_kept_by_a_cache():
    company = make_company()
    connection = calendar_connections.create_connection(
        company.unit, "microsoft", "free_busy", by=company.olga, now=timezone.now()
    )
    _row, token = hand_offs.create_link(connection, by=company.olga, now=timezone.now())
    holder = Client()
    first = holder.get(reverse("hand_off", args=[token]))
    started = holder.post(reverse("hand_off", args=[token]))

    pages = [first, started, holder.get(reverse("hand_off_set_up")), holder.get(reverse("callback_google"))]

    assert ["no-store" in page.headers.get("Cache-Control", "") for page in pages] == [True] * 4


def test_a_connection_that_asks_nobody_cannot_be_checked():
    company = make_company()
    connection = calendar_connections.create_connection(
        company.unit, "none", "no_access", by=company.olga, now=timezone.now()
    )
    client = Client()
    client.force_login(company.olga)

    answer = client.post(reverse("check_now", args=[company.unit.slug, connection.public_id]))

    connection.refresh_from_db()
    assert (answer.status_code, connection.state_reason) == (404, "")


def test_disconnected_is_final():
    company = make_company()
    connection = build_house(company).own.google
    calendar_connections.disconnect(connection, by=company.olga, now=timezone.now())
    domains = connection.domains.count()
    client = Client()
    client.force_login(company.olga)
    args = [company.unit.slug, connection.public_id]

    added = client.post(reverse("domain_add", args=args), {"domain": "fresh.example"})
    named = client.post(reverse("prove_dns", args=args))
    checked = client.post(reverse("check_now", args=args), follow=True)

    assert (added.status_code, named.status_code, connection.domains.count()) == (404, 404, domains)
    assert "An Ops Admin disconnected it. This is final." in checked.content.decode()
    connection.refresh_from_db()
    assert connection.state_reason == "disconnected_by_admin"
