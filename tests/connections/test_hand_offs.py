"""Hand-off links: an administrator without account does one connection's set-up, in one browser, once."""

import re
from datetime import timedelta

import pytest
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, hand_offs
from connections.attempts import hashed
from connections.hand_offs import LinkNotUsable
from connections.models import CalendarConnection, HandOff
from orgunits.models import AuditEvent
from tests.connecting import answer_provider_page, delegate, own_google_key
from tests.people import (
    GOOGLE_ADMINISTRATOR,
    MICROSOFT_ADMINISTRATOR,
    MICROSOFT_TENANT,
    Company,
    make_company,
)

pytestmark = pytest.mark.django_db

SET_UP = "/hand-off/set-up/"
SIGN_IN_PAGES = {"/account/login/", "/admin/login/"}
OWN_PAGES = [SET_UP, *(f"{SET_UP}{name}/" for name in ("sign-in", "administrator", "consent", "check"))]


class Link:
    """A company, a pending connection, and a link for it."""

    def __init__(self, provider: str = "google", providers=None):
        self.company: Company = make_company()
        self.now = timezone.now()
        if providers is not None and provider == "google":
            own_google_key(self.company.unit, providers, by=self.company.olga)
        self.connection = calendar_connections.create_connection(
            self.company.unit, provider, "free_busy", by=self.company.olga, now=self.now
        )
        self.row, self.token = hand_offs.create_link(self.connection, by=self.company.olga, now=self.now)
        self.path = reverse("hand_off", args=[self.token])

    def start(self, client: Client) -> Client:
        assert client.post(self.path).headers["Location"] == SET_UP
        return client

    def usable(self, *, session_key: str = "browser", after: timedelta = timedelta()) -> str:
        try:
            hand_offs.usable(self.token, session_key=session_key, now=self.now + after)
        except LinkNotUsable as refused:
            return refused.problem
        return "usable"


# --- the link


def test_only_the_hash_of_a_link_is_kept():
    link = Link()

    row = HandOff.objects.values().get()

    assert link.token not in str(row)
    assert row["token_hash"] == hashed(link.token)
    assert len(link.token) >= 43


@pytest.mark.parametrize(("days", "found"), [(6.99, "usable"), (7.01, "expired"), (400, "expired")])
def test_a_link_ends_after_seven_days(days, found):
    assert Link().usable(after=timedelta(days=days)) == found


@override_settings(HAND_OFF_DAYS=2)
def test_the_operator_chooses_how_long_it_lives():
    assert Link().usable(after=timedelta(days=2.01)) == "expired"


def test_a_withdrawn_link_opens_nothing():
    link = Link()

    hand_offs.revoke(link.row, by=link.company.olga, now=link.now)

    assert link.usable() == "revoked"


def test_a_newer_link_ends_the_older_one():
    link = Link()

    _row, token = hand_offs.create_link(link.connection, by=link.company.olga, now=link.now)

    assert link.usable() == "revoked"
    assert hand_offs.usable(token, session_key="browser", now=link.now)


def test_disconnecting_ends_the_link():
    link = Link()

    calendar_connections.disconnect(link.connection, by=link.company.olga, now=link.now)

    assert link.usable() == "revoked"


def test_a_finished_link_opens_nothing():
    link = Link()
    hand_offs.finish(link.row, now=link.now)

    assert link.usable() == "finished"


def test_the_browser_that_started_owns_the_link():
    link = Link()
    hand_offs.start(link.row, session_key="browser", now=link.now)

    assert link.usable(session_key="browser") == "usable"
    assert link.usable(session_key="another") == "elsewhere"
    with pytest.raises(LinkNotUsable, match="elsewhere"):
        hand_offs.start(HandOff.objects.get(), session_key="another", now=link.now)


def test_finishing_and_withdrawing_twice_are_told_once():
    link = Link()
    for _ in range(2):
        hand_offs.finish(link.row, now=link.now)
        hand_offs.revoke(link.row, by=link.company.olga, now=link.now)

    verbs = list(
        AuditEvent.objects.order_by("pk").filter(subject=link.row.public_id).values_list("verb", flat=True)
    )
    assert verbs == ["hand_off.made", "hand_off.used_up"]


def test_the_audit_log_names_the_link_as_who_acted(client):
    link = Link()
    link.start(client)

    event = AuditEvent.objects.get(verb="hand_off.started")
    assert event.actor == link.row.public_id


# --- its pages


@pytest.mark.parametrize("token", ["x", "0" * 43, "..", "é"])
def test_an_unknown_link_is_not_there(client, token):
    Link()

    assert client.get(f"/hand-off/link/{token}/").status_code == 404
    assert client.post(f"/hand-off/link/{token}/").status_code == 404


def test_looking_at_a_link_neither_starts_nor_binds_it(client):
    link = Link()

    assert client.get(link.path).status_code == 200

    assert HandOff.objects.get().session_hash == ""
    assert Client().get(link.path).status_code == 200


def test_a_started_link_is_closed_in_every_other_browser(client):
    link = Link()
    link.start(client)

    other = Client()
    assert other.get(link.path).status_code == 404
    assert other.post(link.path).status_code == 404
    assert [other.get(page).status_code for page in OWN_PAGES] == [404] * 5


@pytest.mark.parametrize("page", OWN_PAGES)
def test_nobody_without_a_link_opens_its_pages(client, page):
    company = make_company()
    client.force_login(company.olga)

    assert client.get(page).status_code == 404
    assert client.post(page).status_code == 404


@pytest.mark.parametrize("over", ["revoked", "expired", "finished", "disconnected"])
def test_a_link_that_is_over_closes_its_pages_in_the_middle_of_the_work(client, over):
    link = Link()
    link.start(client)
    if over == "revoked":
        hand_offs.revoke(link.row, by=link.company.olga, now=link.now)
    if over == "expired":
        HandOff.objects.update(expires_at=link.now - timedelta(seconds=1))
    if over == "finished":
        hand_offs.finish(link.row, now=link.now)
    if over == "disconnected":
        calendar_connections.disconnect(link.connection, by=link.company.olga, now=link.now)

    assert client.get(SET_UP).status_code == 404
    assert [client.post(page).status_code for page in OWN_PAGES] == [404] * 5
    assert CalendarConnection.objects.get().attempts.count() == 0


def test_the_holder_opens_nothing_else(client):
    link = Link()
    link.start(client)
    slug, con = link.company.unit.slug, link.connection.public_id

    for path in (
        "/",
        f"/ou/{slug}/",
        f"/ou/{slug}/connections/",
        f"/ou/{slug}/connections/{con}/",
        f"/ou/{slug}/connections/{con}/set-up/",
        f"/ou/{slug}/connections/{con}/disconnect/",
        f"/ou/{slug}/members/",
        f"/ou/{slug}/audit/",
        "/admin/",
    ):
        for answer in (client.get(path), client.post(path)):
            assert answer.status_code == 302, path
            assert answer.headers["Location"].split("?")[0] in SIGN_IN_PAGES, path


def test_the_holders_pages_show_only_this_connection(client):
    link = Link()
    other = calendar_connections.create_connection(
        link.company.unit, "microsoft", "read_write", by=link.company.olga, now=link.now
    )
    link.start(client)

    page = client.get(SET_UP).content.decode()

    assert f"/ou/{link.company.unit.slug}/" not in page
    assert other.public_id not in page
    assert not re.search(r"carl@|emma@", page)


def test_the_holders_page_follows_the_providers_answer_by_its_own_address(client):
    link = Link()
    link.start(client)
    later = link.now + timedelta(minutes=5)
    CalendarConnection.objects.update(waiting_since=link.now, next_check_at=later, proof="administrator")

    page = client.get(SET_UP).content.decode()
    part = client.get(f"{SET_UP}progress/").content.decode()
    CalendarConnection.objects.update(next_check_at=None)
    over = client.get(f"{SET_UP}progress/")

    assert f'hx-get="{SET_UP}progress/"' in page
    assert f"/ou/{link.company.unit.slug}/" not in page + part
    assert over.headers["HX-Refresh"] == "true"
    assert Client().get(f"{SET_UP}progress/").status_code == 404


def test_a_link_for_google_does_not_lead_to_microsofts_consent(client):
    link = Link("google")
    link.start(client)

    assert client.post(f"{SET_UP}consent/").status_code == 404


# --- the whole way


def came_back(client: Client, answer: dict[str, str], name: str):
    return client.get(f"/authorization/callback/{name}", answer)


def test_an_administrator_sets_google_up_without_an_account(providers, client):
    link = Link("google", providers)
    link.start(client)

    away = client.post(f"{SET_UP}sign-in/").headers["Location"]
    back = came_back(client, answer_provider_page(away, GOOGLE_ADMINISTRATOR), "google")
    assert back.headers["Location"] == SET_UP
    connection = CalendarConnection.objects.select_related("credential").get()
    delegate(connection, providers)
    assert client.post(f"{SET_UP}check/").headers["Location"] == SET_UP
    done = client.get(SET_UP)

    connection.refresh_from_db()
    assert (done.status_code, connection.state, connection.tenant) == (200, "active", "kube.example")
    assert link.usable() == "finished"
    assert client.get(SET_UP).status_code == 404
    assert connection.connected_by == GOOGLE_ADMINISTRATOR


def test_an_administrator_sets_microsoft_up_without_an_account(providers, client):
    link = Link("microsoft")
    link.start(client)

    away = client.post(f"{SET_UP}sign-in/").headers["Location"]
    came_back(client, answer_provider_page(away, MICROSOFT_ADMINISTRATOR), "microsoft")
    away = client.post(f"{SET_UP}consent/").headers["Location"]
    back = came_back(client, answer_provider_page(away, MICROSOFT_ADMINISTRATOR), "microsoft-consent")

    assert back.headers["Location"] == SET_UP
    connection = CalendarConnection.objects.get()
    assert (connection.state, connection.tenant) == ("active", MICROSOFT_TENANT)


def test_an_answer_that_comes_back_after_the_link_was_withdrawn_changes_nothing(providers, client):
    link = Link("google", providers)
    link.start(client)
    away = client.post(f"{SET_UP}sign-in/").headers["Location"]
    answer = answer_provider_page(away, GOOGLE_ADMINISTRATOR)

    hand_offs.revoke(link.row, by=link.company.olga, now=link.now)

    assert came_back(client, answer, "google").status_code == 400
    assert CalendarConnection.objects.get().tenant == ""


def test_an_answer_caught_in_another_browser_changes_nothing(providers, client):
    link = Link("google", providers)
    link.start(client)
    away = client.post(f"{SET_UP}sign-in/").headers["Location"]
    answer = answer_provider_page(away, GOOGLE_ADMINISTRATOR)

    assert came_back(Client(), answer, "google").status_code == 400
    assert CalendarConnection.objects.get().tenant == ""


def test_a_link_is_shown_once_to_who_made_it(client):
    link = Link()
    client.force_login(link.company.olga)
    args = [link.company.unit.slug, link.connection.public_id]

    client.post(reverse("hand_off_new", args=args))
    first, second = (client.get(reverse("set_up", args=args)).content.decode() for _ in range(2))

    shown = re.search(r"/hand-off/link/([\w-]{43})/", first)
    assert shown
    assert hand_offs.usable(shown[1], session_key="browser", now=timezone.now())
    assert "/hand-off/link/" not in second
