"""The wizard: every step can be opened only with the answers before it, and bad answers change nothing."""

import pytest
from django.urls import reverse

from connections.models import CalendarConnection, HandOff
from connections.modes import SCOPES
from tests.people import make_company

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(client):
    company = make_company()
    client.force_login(company.olga)
    client.slug = company.unit.slug
    client.company = company
    return client


def step(client, name: str, *args: str) -> str:
    return reverse(name, args=[client.slug, *args])


LATER_STEPS = [
    ("connect_service", []),
    ("connect_mode", ["google"]),
    ("connect_check", ["google", "free_busy"]),
]


@pytest.mark.parametrize(("name", "args"), LATER_STEPS)
@pytest.mark.parametrize("answer", [None, "", "maybe", "YES", "yes,no"])
def test_a_later_step_without_the_first_answer_begins_anew(olga, name, args, answer):
    for method in (olga.get, olga.post):
        path = step(olga, name, *args) + ("" if answer is None else f"?administrator={answer}")
        reached = method(path)
        assert reached.headers["Location"] == step(olga, "connect_start"), method
    assert CalendarConnection.objects.count() == 0


def test_the_answers_lead_through_the_steps(olga):
    first = olga.get(step(olga, "connect_start"), {"administrator": "yes", "asked": "1"}).headers["Location"]
    assert first == step(olga, "connect_service") + "?administrator=yes"

    second = olga.get(first + "&provider=google").headers["Location"]
    assert second == step(olga, "connect_mode", "google") + "?administrator=yes"

    third = step(olga, "connect_check", "google", "free_busy") + "?administrator=yes"
    assert third.replace("&", "&amp;") in olga.get(second).content.decode()

    fourth = olga.post(third).headers["Location"]
    connection = CalendarConnection.objects.get()
    assert fourth == step(olga, "set_up", connection.public_id)
    assert (connection.provider, connection.mode, connection.state) == ("google", "free_busy", "pending")


@pytest.mark.parametrize("answer", ["maybe", "", "yes'"])
def test_an_answer_that_is_none_is_refused_at_the_field(olga, answer):
    page = olga.get(step(olga, "connect_start"), {"administrator": answer, "asked": "1"})

    assert page.status_code == 422
    assert list(page.context["form"].errors) == ["administrator"]


@pytest.mark.parametrize("provider", ["yahoo", "", "GOOGLE", "google "])
def test_a_service_nobody_offers_is_refused_at_the_field(olga, provider):
    page = olga.get(
        step(olga, "connect_service"), {"administrator": "yes", "provider": provider, "asked": "1"}
    )

    assert page.status_code in {302, 422}
    if page.status_code == 302:  # Django trims what a person typed around it
        assert provider.strip() == "google"
    else:
        assert list(page.context["form"].errors) == ["provider"]


@pytest.mark.parametrize("provider", ["none", "yahoo", "x"])
def test_modes_are_shown_only_for_services_that_have_them(olga, provider):
    assert olga.get(step(olga, "connect_mode", provider) + "?administrator=yes").status_code == 404


@pytest.mark.parametrize("provider", ["google", "microsoft", "none", "yahoo"])
@pytest.mark.parametrize("mode", ["read_write", "free_busy", "no_access", "admin"])
def test_only_pairs_of_the_table_can_be_connected(olga, provider, mode):
    path = step(olga, "connect_check", provider, mode) + "?administrator=yes"

    seen, done = olga.get(path), olga.post(path, {"domains": "etcd.example"})

    offered = (provider, mode) in SCOPES
    assert seen.status_code == (200 if offered else 404)
    assert done.status_code == (302 if offered else 404)
    assert CalendarConnection.objects.count() == (1 if offered else 0)


def test_nothing_is_made_by_looking(olga):
    for name, args in LATER_STEPS:
        olga.get(step(olga, name, *args) + "?administrator=no")

    assert CalendarConnection.objects.count() == HandOff.objects.count() == 0


@pytest.mark.parametrize(
    "chosen", [{"provider": "yahoo", "mode": "x"}, {"provider": "google"}, {"mode": "nul\x00"}]
)
def test_a_choice_nobody_offers_is_asked_for_anew(olga, chosen):
    answers = {**chosen, "administrator": "yes", "asked": "1"}

    reached = olga.get(step(olga, "connect_start"), answers).headers["Location"]

    assert reached == step(olga, "connect_service") + "?administrator=yes"


def test_each_mode_can_be_chosen_before_its_consequences_are_read(olga):
    page = olga.get(step(olga, "connect_mode", "google") + "?administrator=yes")

    columns = page.content.decode().split('class="mode-column"')[1:]
    assert len(columns) == 3
    for column in columns:
        assert 0 < column.index("Choose") < column.index("What we will see")
        assert column.count("Choose") == 1


@pytest.mark.parametrize(("client_id", "told"), [("", True), ("a-client", False)])
def test_before_the_connection_is_made_it_is_said_that_nobody_can_sign_in(olga, settings, client_id, told):
    settings.GOOGLE_CLIENT_ID = client_id

    page = olga.get(step(olga, "connect_check", "google", "free_busy") + "?administrator=yes")

    assert ("GOOGLE_CLIENT_ID" in page.content.decode()) == told


# --- No Access: domains are named


CHECK_NONE = ("connect_check", "none", "no_access")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "no domain",
        "localhost",
        "a..b.example",
        "-a.example",
        "a_b.example",
        "etcd.example\nnot a domain",
        "http://etcd.example",
        "olga@etcd.example/",
        "x" * 64 + ".example",
        "nul\x00.example",
        "e" * 6000,
    ],
)
def test_a_domain_that_is_none_is_refused_at_the_field_and_nothing_is_saved(olga, text):
    page = olga.post(step(olga, *CHECK_NONE) + "?administrator=yes", {"domains": text})

    assert page.status_code == 422
    assert list(page.context["form"].errors) == ["domains"]
    assert CalendarConnection.objects.count() == 0


def test_what_was_entered_is_still_there_after_an_error(olga):
    page = olga.post(
        step(olga, *CHECK_NONE) + "?administrator=yes", {"domains": "etcd.example\nwrong domain"}
    ).content.decode()

    assert "etcd.example" in page
    assert "wrong" in page


def test_domains_in_any_spelling_are_kept_once_in_one(olga):
    olga.post(
        step(olga, *CHECK_NONE) + "?administrator=yes",
        {"domains": " ETCD.example, @etcd.example\nzürich.example. \n"},
    )

    connection = CalendarConnection.objects.get()
    assert list(connection.domains.values_list("domain", "verified")) == [
        ("etcd.example", "declared"),
        ("xn--zrich-kva.example", "declared"),
    ]
    assert connection.state == "active"


# --- somebody else is the administrator


def test_who_is_no_administrator_gets_a_link_for_one_that_is_shown_once(olga):
    path = step(olga, "connect_check", "microsoft", "read_write") + "?administrator=no"

    set_up = olga.post(path).headers["Location"]

    assert "/hand-off/link/" in olga.get(set_up).content.decode()
    assert "/hand-off/link/" not in olga.get(set_up).content.decode()
    assert HandOff.objects.get().connection == CalendarConnection.objects.get()


def test_fields_that_were_not_asked_are_not_taken(olga):
    path = step(olga, "connect_check", "google", "free_busy") + "?administrator=yes"

    olga.post(path, {"state": "active", "tenant": "kube.example", "proof": "administrator", "unit": "2"})

    row = CalendarConnection.objects.get()
    assert (row.unit, row.state, row.tenant, row.proof) == (olga.company.unit, "pending", "", "")
