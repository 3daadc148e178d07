"""Pages that belong to no unit: of the signed in, of staff, of who holds a link or comes back from a provider."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import authorization, hand_offs
from connections.attempts import Purpose, Traveller
from tests.guards.methods import READS, WRITES
from tests.guards.routes import routes_of, whole
from tests.people import make_user, signed_in


@pytest.mark.parametrize("route", routes_of("signed_in"), ids=lambda route: route.name)
def test_a_page_for_the_signed_in_sends_visitors_to_sign_in(db, route):
    for method in READS + WRITES:
        answer = Client().generic(method, reverse(route.name))
        assert answer.headers["Location"].startswith(reverse("account_login")), method


@pytest.mark.django_db
def test_the_admin_is_for_staff():
    for path in ("/admin/", "/admin/orgunits/user/", "/admin/connections/calendarconnection/", "/admin/x/"):
        visitor, person = Client().get(path), signed_in(make_user("A", f"{len(path)}@x.example")).get(path)
        assert visitor.status_code == person.status_code == 302, path
        assert visitor.headers["Location"].split("?")[0] in {"/admin/login/", reverse("account_login")}, path
        assert person.headers["Location"].split("?")[0] == "/admin/login/", path


CALLBACKS = ["callback_google", "callback_microsoft", "callback_microsoft_consent"]


@pytest.mark.parametrize("name", CALLBACKS)
@pytest.mark.parametrize("stranger", ["visitor", "sven"])
def test_a_stranger_at_a_callback_cannot_tell_a_running_attempt_from_none(house, name, stranger):
    purpose = Purpose.ADMIN_CONSENT if name.endswith("consent") else Purpose.SIGN_IN
    row = house.own.google if name == "callback_google" else house.own.microsoft
    olga = Traveller("olga's browser", user=house.company.olga)
    url = authorization.begin(row, purpose=purpose, traveller=olga, now=timezone.now())
    state = url.split("state=")[1].split("&")[0]
    client = Client() if stranger == "visitor" else signed_in(house.company.sven)

    answers = [
        client.get(reverse(name), {"state": value, "code": "x", "admin_consent": "True"})
        for value in (state, "made-up")
    ]

    assert whole(answers[0]) == whole(answers[1])
    assert answers[0].status_code == 400
    assert row.attempts.get().used_at is None


@pytest.mark.parametrize("name", CALLBACKS)
@pytest.mark.parametrize("method", WRITES)
def test_a_callback_is_only_looked_at(db, name, method):
    assert Client().generic(method, reverse(name)).status_code == 405


HAND_OFF_PAGES = [
    route for route in routes_of("everyone") if route.name.startswith("hand_off") and not route.parameters
]


@pytest.mark.parametrize("route", HAND_OFF_PAGES, ids=lambda route: route.name)
def test_a_hand_off_page_is_not_there_for_strangers_even_while_a_link_is_in_use(house, route):
    now = timezone.now()
    _row, token = hand_offs.create_link(house.own.google, by=house.company.olga, now=now)
    path = reverse(route.name)
    before = [whole(Client().generic(method, path)) for method in ("GET", "POST")]
    holder = Client()
    holder.post(reverse("hand_off", args=[token]))

    assert holder.get(reverse("hand_off_set_up")).status_code == 200
    assert [whole(Client().generic(method, path)) for method in ("GET", "POST")] == before
    for client in (Client(), signed_in(house.company.olga), signed_in(house.company.sven)):
        assert client.get(path).status_code == client.post(path).status_code == 404


def test_a_link_in_use_elsewhere_says_only_that(house):
    _row, token = hand_offs.create_link(house.own.google, by=house.company.olga, now=timezone.now())
    Client().post(reverse("hand_off", args=[token]))

    page = Client().get(reverse("hand_off", args=[token]))

    assert page.status_code == 404
    assert "ours" not in page.content.decode()
