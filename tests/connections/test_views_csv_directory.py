"""A directory that is kept by files, in the browser: connect, upload, look, take over."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import directories, directory_files, directory_sheets
from connections.models import Connection, DirectorySheet
from orgunits.models import AuditEvent
from tests.connections.directory_pages import address, page
from tests.connections.test_csv_directory import ANNA, BEN, CLEO, HEADER, WHOLE, keep, take
from tests.directories import make_directory
from tests.people import make_company, signed_in
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def company():
    return make_company()


@pytest.fixture
def olga(company) -> Client:
    return signed_in(company.olga)


@pytest.fixture
def connection(company) -> Connection:
    return directories.create_file_directory(
        company.unit, "etcd.example", by=company.olga, now=timezone.now()
    )


def upload(client: Client, company, connection: Connection, content: str | bytes):
    content = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile("people.csv", content, content_type="text/csv")
    return client.post(address("directory_upload", company, connection.public_id), {"file": file})


def file_page(client: Client, sheet: DirectorySheet, name: str = "directory_file", query: str = "", **how):
    connection = sheet.connection
    path = reverse(name, args=[connection.unit.slug, connection.public_id, sheet.public_id])
    return getattr(client, how.get("method", "get"))(path + query)


# --- the wizard ---------------------------------------------------------------------------------------------------
def test_the_wizard_leads_to_a_name_and_the_first_file_and_asks_for_no_administrator(company, olga):
    start = olga.get(address("directory_start", company), {"provider": "csv", "asked": "1"})
    check = start.headers["Location"]
    assert check.partition("?")[0] == address("directory_check", company, "csv")
    text = olga.get(check).content.decode()
    assert "taking over a file adds and removes no member" in text
    assert not Connection.objects.exists()

    answer = olga.post(address("directory_check", company, "csv"), {"label": "etcd.example"})

    connection = Connection.objects.get()
    assert answer.headers["Location"] == address("directory_upload", company, connection.public_id)
    assert (connection.kind, connection.provider, connection.state) == ("directory", "csv", "pending")
    assert "First file" in page(olga, "directory_upload", connection)
    assert "No file has been taken over yet." in page(olga, "directory", connection)
    assert AuditEvent.objects.get(verb="directory.created").facts == {"provider": "csv", "extras": "groups"}


def test_the_others_still_ask_who_can_agree_and_a_name_is_needed(company, olga):
    missing = olga.get(address("directory_start", company), {"provider": "google", "asked": "1"})
    assert missing.status_code == 422
    assert olga.post(address("directory_check", company, "csv"), {"label": " "}).status_code == 422
    assert not Connection.objects.exists()


# --- uploading ----------------------------------------------------------------------------------------------------
def test_a_file_is_looked_at_then_taken_over_and_the_directory_shows_it(company, olga, connection):
    answer = upload(olga, company, connection, "\ufeff" + WHOLE)
    sheet = DirectorySheet.objects.get()
    assert answer.headers["Location"] == address(
        "directory_file", company, connection.public_id, sheet.public_id
    )
    text = file_page(olga, sheet).content.decode()
    assert "Nothing has been taken over yet." in text
    assert "Anna Able" in text
    assert "Take over 3 lines" in text
    assert "A file waits to be looked at" in page(olga, "directory", connection)

    file_page(olga, sheet, method="post")

    assert "Lines taken over" in file_page(olga, sheet).content.decode()
    assert "Lines taken over" in file_page(olga, sheet, "directory_file_progress").content.decode()
    run_waiting_jobs()
    assert file_page(olga, sheet, "directory_file_progress").headers["HX-Refresh"] == "true"
    assert "File taken over" in file_page(olga, sheet).content.decode()
    text = page(olga, "directory", connection)
    assert "Healthy" in text
    assert "A whole file was last taken over" in text
    for word in ("Check now", "Read now", "Set up again", "every six hours", "hand-off"):
        assert word not in text
    assert "Ben Baker" in page(olga, "directory_people", connection)
    assert "Leads" in page(olga, "directory_groups", connection)
    log = olga.get(address("audit_log", company)).content.decode()
    assert "File of the directory taken over" in log


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "This file is empty."),
        ("email\nr\xe9n\xe9@x.example\n".encode("latin-1"), "not UTF-8"),
        ("email\na@x.example\n".encode("utf-16"), "not UTF-8"),
        (b"PK\x03\x04", "This is a workbook."),
        (b"name\nAnna\n", "must name the columns"),
        (b"email\n" + b"x" * directory_files.LARGEST_BYTES, "larger than 16 MB"),
    ],
)
def test_what_cannot_be_read_is_said_at_the_field_and_kept_nowhere(company, olga, connection, content, words):
    answer = upload(olga, company, connection, content)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not DirectorySheet.objects.exists()


def test_no_file_at_all_is_said_too(company, olga, connection):
    answer = olga.post(address("directory_upload", company, connection.public_id))

    assert answer.status_code == 422
    assert "This field is required." in answer.content.decode()


def test_a_file_that_would_make_everybody_somebody_else_is_refused(company, olga, connection):
    take(keep(connection, WHOLE))

    answer = upload(olga, company, connection, "email\nanna@etcd.example\n")

    assert answer.status_code == 422
    assert "everybody would be somebody else" in answer.content.decode()


def test_without_ids_the_page_says_what_that_means(company, olga, connection):
    upload(olga, company, connection, "email,salary\nanna@etcd.example,9999\n")

    text = file_page(olga, DirectorySheet.objects.get()).content.decode()

    assert "the address is the key" in text
    assert "Columns that are not used" in text
    assert "salary" in text


# --- looking ------------------------------------------------------------------------------------------------------
def test_bad_lines_are_named_and_can_be_taken_away_as_csv(company, olga, connection):
    bad = "=cmd|calc,nobody,Nora,,,Core,\n"
    upload(olga, company, connection, HEADER + ANNA + bad)
    sheet = DirectorySheet.objects.get()

    text = file_page(olga, sheet).content.decode()
    csv = b"".join(file_page(olga, sheet, "directory_file_errors").streaming_content).decode()

    assert "1 line cannot be taken over" in text
    assert "Take over 1 line, without the bad ones" in text
    assert "“nobody” is not an e-mail address." in text
    header, line = csv.splitlines()
    assert header.startswith("line,reason,id,email")
    assert line.startswith("3,“nobody” is not an e-mail address.,'=cmd\\|calc,nobody,Nora")


def test_lines_are_filtered_searched_and_paged(company, olga, connection):
    many = HEADER + "".join(f"n{n},n{n}@etcd.example,Nick{n:03},,,,\n" for n in range(150))
    take(keep(connection, WHOLE))
    sheet = keep(connection, many)

    first = file_page(olga, sheet).content.decode()
    assert ("Nick099" in first, "Nick100" in first) == (True, False)
    missing = file_page(olga, sheet, query="?show=missing").content.decode()
    assert ("Anna Able" in missing, "Nick001" in missing) == (True, False)
    found = file_page(olga, sheet, query="?q=NICK149").content.decode()
    assert ("Nick149" in found, "Nick148" in found) == (True, False)
    assert "No line like this" in file_page(olga, sheet, query="?q=zzz").content.decode()
    assert "3 people are not in this file" in first


def test_a_page_says_what_differs_and_which_columns_are_gone(company, olga, connection):
    take(keep(connection, WHOLE))
    sheet = keep(connection, "id,email,given_name,family_name\np1,anna@new.example,Anna,Able\n")

    text = file_page(olga, sheet).content.decode()

    assert "address, department" in text
    assert "Columns that the last file had and this one has not" in text
    assert "department, enabled, groups" in text


def test_the_same_file_again_says_so(company, olga, connection):
    take(keep(connection, WHOLE))

    assert (
        "This is the same file as the last one" in file_page(olga, keep(connection, WHOLE)).content.decode()
    )


# --- taking over --------------------------------------------------------------------------------------------------
def test_posting_twice_takes_it_over_once_and_says_so(company, olga, connection):
    sheet = keep(connection, WHOLE)
    file_page(olga, sheet, method="post")
    run_waiting_jobs()

    file_page(olga, sheet, method="post")

    assert "Nothing was taken over now" in file_page(olga, sheet).content.decode()
    assert connection.directory_readings.count() == 1


def test_a_discarded_file_is_not_found_any_more(company, olga, connection):
    sheet = keep(connection, WHOLE)

    answer = file_page(olga, sheet, "directory_file_discard", method="post")

    assert answer.headers["Location"] == address("directory_upload", company, connection.public_id)
    assert file_page(olga, sheet).status_code == 404
    assert not sheet.lines.exists()


def test_while_it_is_paused_no_file_is_taken_and_the_pages_say_so(company, olga, connection):
    take(keep(connection, WHOLE))
    sheet = keep(connection, WHOLE)
    olga.post(address("directory_pause", company, connection.public_id))

    assert "No file is taken over while this directory is paused" in page(
        olga, "directory_upload", connection
    )
    assert upload(olga, company, connection, WHOLE).status_code == 422
    file_page(olga, sheet, method="post")
    assert "No file is taken over now" in file_page(olga, sheet).content.decode()
    sheet.refresh_from_db()
    assert sheet.state == "preview"

    olga.post(address("directory_resume", company, connection.public_id))
    assert "Files can be taken over again." in page(olga, "directory", connection)


def test_a_disconnected_one_says_what_was_forgotten_and_takes_no_file(company, olga, connection):
    take(keep(connection, WHOLE))
    assert "No more files are taken over" in page(olga, "directory_disconnect", connection)

    olga.post(address("directory_disconnect", company, connection.public_id))

    text = page(olga, "directory", connection)
    assert "etcd.example" in text
    assert "Connect again" in text
    path = address("directory_upload", company, connection.public_id)
    assert olga.get(path).headers["Location"] == address("directory", company, connection.public_id)


# --- who may, and where -------------------------------------------------------------------------------------------
def test_only_who_manages_connections_uploads_and_sees_files(company, connection):
    sheet = keep(connection, WHOLE)
    path = address("directory_upload", company, connection.public_id)
    for user, status in ((company.carl, 403), (company.emma, 403), (company.sven, 404)):
        client = signed_in(user)
        assert client.get(path).status_code == status
        assert upload(client, company, connection, WHOLE).status_code == status
        for name, method in (
            ("directory_file", "get"),
            ("directory_file", "post"),
            ("directory_file_progress", "get"),
            ("directory_file_errors", "get"),
            ("directory_file_discard", "post"),
        ):
            assert file_page(client, sheet, name, method=method).status_code == status
    assert DirectorySheet.objects.count() == 1


def test_a_file_of_another_unit_or_directory_is_not_found(company, connection):
    sheet = keep(connection, WHOLE)
    sven = signed_in(company.sven)
    own = directories.create_file_directory(company.stranger_unit, "x", by=company.sven, now=timezone.now())
    slug = company.stranger_unit.slug
    for of in (own, connection):
        path = f"{own.get_absolute_url()}files/{sheet.public_id}/".replace(own.public_id, of.public_id)
        assert slug in path
        assert sven.get(path).status_code == 404
        assert sven.post(path).status_code == 404


def test_a_directory_that_is_asked_takes_no_files_and_one_by_files_is_not_set_up(company, olga, connection):
    google = make_directory(company.unit, by=company.olga)

    assert olga.get(address("directory_upload", company, google.public_id)).status_code == 404
    for name in (
        "directory_read",
        "sign_in",
        "consent",
        "check_now",
        "key_shared",
        "hand_off_new",
        "connection_check",
    ):
        assert olga.post(address(name, company, connection.public_id)).status_code == 404
    for name in ("set_up", "key_add", "key_rotate", "health_report", "connection_probes"):
        assert olga.get(address(name, company, connection.public_id)).status_code == 404
    assert olga.get(address("connection", company, connection.public_id)).headers["Location"] == address(
        "directory", company, connection.public_id
    )


def test_lists_of_connections_tell_it_from_others(company, olga, connection):
    other = directories.create_file_directory(company.unit, "Interns", by=company.olga, now=timezone.now())
    directories.disconnect(other, by=company.olga, now=timezone.now() + timedelta(seconds=1))

    for name in ("connections", "integrations"):
        text = olga.get(address(name, company)).content.decode()
        assert "CSV file, Directory" in text
        assert "etcd.example" in text
    assert "Interns" in olga.get(address("connections", company)).content.decode()


def test_an_old_file_says_that_its_lines_are_forgotten(company, olga, connection):
    sheet = take(keep(connection, HEADER + ANNA + BEN + CLEO))
    directory_sheets.forget_old(now=timezone.now() + timedelta(days=2))

    text = file_page(olga, sheet).content.decode()

    assert "The lines are forgotten after a day" in text
    assert "Anna Able" not in text
