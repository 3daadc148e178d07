"""A directory is connected in the browser, and its pages show what it told."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, delegation, directories, directory_reading
from connections.credentials import key_of
from connections.models import Connection, HandOff
from connections.modes import SCOPES, Extra, scopes_for
from orgunits.models import AuditEvent
from tests.connecting import connect_directory, own_google_key
from tests.connections.directory_pages import address, page
from tests.directories import make_directory, make_people, make_read_directory
from tests.people import make_company, signed_in
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
BOTH = pytest.mark.parametrize("provider", ["google", "microsoft"])
NAMES = {"google": "Google Workspace", "microsoft": "Microsoft Entra"}


@pytest.fixture
def company():
    return make_company()


@pytest.fixture
def olga(company) -> Client:
    return signed_in(company.olga)


# --- the wizard ---------------------------------------------------------------------------------------------------
@BOTH
def test_two_answers_lead_to_what_is_asked_and_on_to_the_set_up(company, olga, provider):
    query = {"administrator": "yes", "provider": provider, "asked": "1"}
    check = olga.get(address("directory_start", company), query).headers["Location"]
    assert check == address("directory_check", company, provider) + "?administrator=yes"

    text = olga.get(check).content.decode()
    scopes = SCOPES[provider, ""]
    for scope in {*scopes.contract, *scopes.organization, *scopes.sign_in}:
        assert f"<code>{scope}</code>" in text
    assert NAMES[provider] in text
    assert "reading a directory adds and removes nobody" in text
    assert not Connection.objects.exists()

    answer = olga.post(check)
    connection = Connection.objects.get()
    assert answer.headers["Location"] == address("set_up", company, connection.public_id)
    assert (connection.kind, connection.provider, connection.mode) == ("directory", provider, "")
    assert (connection.extras, connection.state) == ([], "pending")


@pytest.mark.parametrize(("provider", "extras"), [("google", ["groups", "rooms"]), ("microsoft", ["groups"])])
def test_more_than_people_is_asked_for_only_if_ticked_and_says_its_scopes(company, olga, provider, extras):
    path = address("directory_check", company, provider)
    text = olga.get(path + "?administrator=yes").content.decode()
    for extra in extras:
        for scope in set(scopes_for(provider, "", [extra]).organization) - set(
            scopes_for(provider, "").organization
        ):
            assert scope in text
    assert (f'value="{Extra.ROOMS}"' in text) == (provider == "google")

    olga.post(path, {"administrator": "yes", "extras": extras})

    assert Connection.objects.get().extras == extras
    event = AuditEvent.objects.get(verb="directory.created")
    assert event.facts == {"provider": provider, "extras": ",".join(extras)}
    assert "Directory connection created" in olga.get(address("audit_log", company)).content.decode()


def test_somebody_elses_agreement_is_asked_by_a_link(company, olga, settings):
    olga.post(address("directory_check", company, "microsoft"), {"administrator": "no"})
    connection = Connection.objects.get()

    text = page(olga, "set_up", connection)

    assert HandOff.objects.get().connection == connection
    assert "let our scheduling portal read the directory of Microsoft Entra" in text
    token = text.split("/hand-off/link/")[1].split("/")[0]
    holder = Client()
    shown = holder.get(reverse("hand_off", args=[token])).content.decode()
    assert "What we will not read" in shown
    assert "User.Read.All" in shown
    holder.post(reverse("hand_off", args=[token]))
    assert "to read the directory" in holder.get(reverse("hand_off_set_up")).content.decode()


@pytest.mark.parametrize("answer", ["", "?administrator=maybe"])
def test_without_the_first_answer_the_wizard_begins_anew(company, olga, answer):
    for method in (olga.get, olga.post):
        reached = method(address("directory_check", company, "google") + answer)
        assert reached.headers["Location"] == address("directory_start", company)
    assert not Connection.objects.exists()


def test_odd_answers_are_refused(company, olga):
    missing = olga.get(address("directory_start", company), {"asked": "1", "administrator": "yes"})
    assert missing.status_code == 422
    for provider in ("none", "zoom"):
        path = address("directory_check", company, provider) + "?administrator=yes"
        assert olga.get(path).status_code == 404
    path = address("directory_check", company, "microsoft") + "?administrator=yes"
    assert olga.post(path, {"extras": ["rooms"]}).status_code == 422  # within the scopes: nothing to choose
    assert not Connection.objects.exists()


# --- setting up ---------------------------------------------------------------------------------------------------
@BOTH
def test_a_directory_that_was_connected_is_read_and_its_page_shows_it(company, olga, providers, provider):
    connection = connect_directory(company.unit, provider, providers, by=company.olga)
    assert "The first" in page(olga, "directory_people", connection)  # reading has not come to its end
    assert "Waiting for its turn to be read" in page(olga, "directory", connection)

    run_waiting_jobs()

    reading = connection.directory_readings.get()
    text = page(olga, "directory", connection)
    assert "Healthy" in text
    assert "Last read whole" in text
    assert f"{reading.people:,}" in text
    progress = olga.get(address("directory_progress", company, connection.public_id))
    assert progress.headers["HX-Refresh"] == "true"
    assert "It works" in page(olga, "set_up", connection)


def test_after_the_check_one_lands_on_the_directory(company, olga, providers):
    connection = connect_directory(company.unit, "google", providers, by=company.olga)

    answer = olga.post(address("check_now", company, connection.public_id), follow=True)

    assert answer.redirect_chain[-1][0] == address("directory", company, connection.public_id)
    assert "the directory answered" in answer.content.decode()


def test_the_scopes_to_paste_hold_what_calendars_of_the_same_client_need(company, olga, providers):
    own_google_key(company.unit, providers, by=company.olga)
    now = timezone.now()
    calendars = calendar_connections.create_connection(
        company.unit, "google", "free_busy", by=company.olga, now=now
    )
    directory = directories.create_directory(company.unit, "google", by=company.olga, now=now)
    assert key_of(calendars).client_id == key_of(directory).client_id
    both = {*directory.scopes.organization, *calendars.scopes.organization}

    for connection in (directory, calendars):
        sharing = delegation.sharing_a_client(connection)
        assert set(delegation.scopes_to_paste(connection, sharing)) == both
    text = page(olga, "set_up", directory)
    assert ",".join(delegation.scopes_to_paste(directory, [calendars])) in text
    assert "other connections need, too" in text


def test_what_stands_in_another_entry_is_not_pasted(company, providers):
    own_google_key(company.unit, providers, by=company.olga)
    now, tenant = timezone.now(), {"tenant": "kube.example"}
    rows = [
        calendar_connections.create_connection(company.unit, provider, mode, by=company.olga, now=now)
        for provider, mode in (("google", "free_busy"),) * 4 + (("microsoft", "free_busy"),)
    ]
    directory = directories.create_directory(company.unit, "google", by=company.olga, now=now)
    for row, odd in zip(
        rows,
        (
            {"tenant": "other.example"},
            {"credential": None},
            {"state": "disconnected"},
            {"personal": True},
            {},
        ),
        strict=True,
    ):
        Connection.objects.filter(pk=row.pk).update(**{**tenant, **odd})
    directory.tenant = "kube.example"

    assert delegation.sharing_a_client(directory) == []
    assert delegation.scopes_to_paste(directory, []) == directory.scopes.organization


# --- which page is whose ------------------------------------------------------------------------------------------
CALENDAR_PAGES = [
    "connection_progress", "connection_disconnect", "connection_reading", "identities", "mode_new",
    "connection_probes",
]  # fmt: skip
DIRECTORY_PAGES = [
    "directory", "directory_progress", "directory_disconnect", "directory_people", "directory_people_export",
    "directory_groups", "directory_rooms",
]  # fmt: skip


def test_pages_of_calendars_know_no_directory_and_the_other_way_round(company, olga):
    directory = make_directory(company.unit, by=company.olga)
    calendars = calendar_connections.create_connection(
        company.unit, "google", "free_busy", by=company.olga, now=timezone.now()
    )

    for name in CALENDAR_PAGES:
        assert olga.get(address(name, company, directory.public_id)).status_code == 404, name
    for name in ("connection_pause", "connection_resume", "connection_read", "domain_add"):
        assert olga.post(address(name, company, directory.public_id)).status_code == 404, name
    for name in DIRECTORY_PAGES:
        assert olga.get(address(name, company, calendars.public_id)).status_code == 404, name
    for name in ("directory_pause", "directory_resume", "directory_read"):
        assert olga.post(address(name, company, calendars.public_id)).status_code == 404, name


def test_whoever_knows_only_the_id_is_led_to_the_directory(company, olga):
    directory = make_directory(company.unit, by=company.olga)

    answer = olga.get(address("connection", company, directory.public_id))

    assert answer.headers["Location"] == address("directory", company, directory.public_id)


def test_set_up_keys_and_health_serve_a_directory_too(company, olga):
    directory = make_directory(company.unit, by=company.olga, extras=())

    assert "Admin SDK API" in page(olga, "key_add", directory)
    words = page(olga, "set_up", directory).split("<main")[1].lower()
    assert "calendar" not in words.replace("resource.calendar", "")
    assert "check" in page(olga, "health_report", directory)
    assert page(olga, "key_rotate", directory)


def test_a_coordinator_looks_and_does_not_act_and_an_employee_sees_nothing(company):
    directory = make_read_directory(company.unit, by=company.olga, word="ours")
    carl, emma = signed_in(company.carl), signed_in(company.emma)

    assert "Read now" not in page(carl, "directory", directory)
    assert "Ours Oursson" in page(carl, "directory_people", directory)
    for name in ("directory_read", "directory_pause", "directory_disconnect"):
        assert carl.post(address(name, company, directory.public_id)).status_code == 403
    for name in DIRECTORY_PAGES:
        assert emma.get(address(name, company, directory.public_id)).status_code == 403


# --- what can be done ---------------------------------------------------------------------------------------------
def test_read_now_reads_once_however_often_it_is_asked(company, olga, providers):
    connection = connect_directory(company.unit, "google", providers, by=company.olga)
    run_waiting_jobs()
    path = address("directory_read", company, connection.public_id)

    for _time in range(3):
        assert olga.post(path).status_code == 302
    assert "Waiting for its turn to be read" in page(olga, "directory", connection)
    run_waiting_jobs()

    assert connection.directory_readings.count() == 2
    assert AuditEvent.objects.filter(verb="directory.read_asked").count() == 3
    assert "Waiting for its turn" not in page(olga, "directory", connection)
    assert not directory_reading.due(now=timezone.now()).exists()


def test_nobody_has_a_provider_asked_all_the_time(company, olga):
    directory = make_read_directory(company.unit, by=company.olga, word="ours")
    path = address("directory_read", company, directory.public_id)

    assert 429 in [olga.post(path).status_code for _time in range(10)]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"state": "paused"}, "Nothing can be read just now"),
        ({"slowed_until": timezone.now() + timedelta(minutes=30)}, "we ask again in"),
    ],
)
def test_what_cannot_be_read_now_is_said(company, olga, fields, said):
    directory = make_directory(company.unit, by=company.olga, **fields)

    answer = olga.post(address("directory_read", company, directory.public_id), follow=True)

    assert said in answer.content.decode()
    assert not AuditEvent.objects.filter(verb="directory.read_asked").exists()


def test_pause_and_resume(company, olga):
    directory = make_read_directory(company.unit, by=company.olga, word="ours")

    olga.post(address("directory_pause", company, directory.public_id))
    assert "Paused" in page(olga, "directory", directory)
    assert "Ours Oursson" in page(olga, "directory_people", directory)

    olga.post(address("directory_resume", company, directory.public_id))
    directory.refresh_from_db()
    assert directory.state == "active"


def test_disconnecting_says_what_is_forgotten_and_keeps_members(company, olga):
    directory = make_read_directory(
        company.unit, by=company.olga, word="ours", member=company.member(company.emma)
    )
    make_people(directory, ["One More", "Two More"])
    asked = page(olga, "directory_disconnect", directory)
    assert "3 accounts" in asked
    assert "1 group " in asked
    assert "1 room " in asked

    olga.post(address("directory_disconnect", company, directory.public_id))

    directory.refresh_from_db()
    assert directory.state == "disconnected"
    assert not directory.directory_people.exists()
    assert company.member(company.emma).state == "active"
    text = page(olga, "directory", directory)
    assert "Connect again" in text
    assert "deleted when it was disconnected" in page(olga, "directory_people", directory)


# --- beside calendars ---------------------------------------------------------------------------------------------
def test_directories_stand_beside_calendars(company, olga):
    for name in ("connections", "integrations"):
        text = olga.get(address(name, company)).content.decode()
        assert "No directory connected" in text
        assert "leavers stay until you remove them" in text
        assert address("directory_start", company) in text

    directory = make_directory(company.unit, by=company.olga, provider="microsoft")

    for name in ("connections", "integrations"):
        text = olga.get(address(name, company)).content.decode()
        assert "Microsoft Entra, Directory" in text
        assert address("directory", company, directory.public_id) in text
        assert "No directory connected" not in text
        assert "No calendar service is connected" in text
    assert "Directories, conferencing, and" not in olga.get(address("integrations", company)).content.decode()
