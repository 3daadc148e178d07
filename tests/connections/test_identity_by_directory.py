"""Who is in the directory is who they say: shown so while it lasts, and nothing is written for it."""

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, identity, member_list
from connections.member_list import Chosen
from connections.models import Connection, DirectoryPerson, Mailbox
from connections.own_data import kept_on
from orgunits.models import Member
from tests.directories import make_directory, make_person
from tests.people import Company, make_company, signed_in

pytestmark = pytest.mark.django_db
NOT_SHOWN = [
    {"enabled": False},
    {"absences": 1},
    {"deleted_at": timezone.now()},
    {"kind": "guest"},
    {"address": "another@kube.example"},
]


@pytest.fixture
def company() -> Company:
    """Emma is kept in No Access, where nobody but she could say that the address is hers."""
    company = make_company()
    kept = calendar_connections.create_connection(
        company.unit, "none", "no_access", by=company.olga, now=timezone.now()
    )
    Mailbox.objects.filter(member__user=company.emma).update(connection=kept, state=Mailbox.State.KEPT_HERE)
    return company


@pytest.fixture
def emma(company) -> Member:
    return company.member(company.emma)


@pytest.fixture
def person(company, emma) -> DirectoryPerson:
    directory = make_directory(company.unit, by=company.olga, provider="microsoft", tenant="a tenant")
    return make_person(directory, "Emma Employee", address=emma.email, member=emma)


def page(company: Company, name: str, *args: str, query: str = "") -> str:
    client: Client = signed_in(company.olga)
    answer = client.get(reverse(name, args=[company.unit.slug, *args]) + query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def codes(company: Company) -> dict[str, set[str]]:
    """Who is found by each filter; what each row shows has to agree."""
    found = {}
    for code in Member.Identity.values:
        rows = member_list.members(company.unit, Chosen(identity=code))
        shown = member_list.page(rows, order="name", after="").rows
        assert {row.identified.code for row in shown} <= {code}
        found[code] = {row.given_name for row in shown}
    return found


def test_a_member_whom_the_directory_shows_is_verified_by_it(company, emma, person):
    shown = identity.shown_identity(emma, emma.mailbox, in_directory=identity.person_of(emma) is not None)

    assert (shown.code, shown.by_directory, shown.asks) == ("verified", True, False)
    assert codes(company)["verified"] == {"Emma"}
    emma.refresh_from_db()
    assert emma.identity == "unverified"


def test_the_members_page_says_which_directory_and_since_when(company, emma, person):
    text = page(company, "member", emma.public_id)

    assert "by the directory Microsoft Entra, since" in text
    assert "Send a confirmation mail" not in text


def test_the_list_and_the_export_say_verified(company, person):
    assert "Verified" in page(company, "members", query="?q=emma")

    answer = signed_in(company.olga).get(reverse("members_export", args=[company.unit.slug]) + "?q=emma")

    assert b"Verified" in b"".join(answer.streaming_content)


@pytest.mark.parametrize("gone", NOT_SHOWN, ids=lambda gone: next(iter(gone)))
def test_whom_the_directory_does_not_show_is_what_was_stored(company, emma, person, gone):
    DirectoryPerson.objects.filter(pk=person.pk).update(**gone)

    assert identity.person_of(emma) is None
    assert "Emma" in codes(company)["unverified"]
    assert "Send a confirmation mail" in page(company, "member", emma.public_id)


def test_who_confirmed_by_mail_stays_so_when_the_directory_lets_them_go(company, emma, person):
    Member.objects.filter(pk=emma.pk).update(identity="verified")
    DirectoryPerson.objects.filter(pk=person.pk).update(absences=2)

    assert codes(company)["verified"] == {"Emma"}


@pytest.mark.parametrize("state", ["pending", "needs_reauthorization", "disconnected"])
def test_a_directory_that_was_lost_verifies_nobody(company, emma, person, state):
    Connection.objects.filter(pk=person.connection_id).update(state=state)

    assert identity.person_of(emma) is None
    assert codes(company)["verified"] == set()


def test_a_paused_directory_verifies_whom_it_told_last(company, emma, person):
    Connection.objects.filter(pk=person.connection_id).update(state="paused")

    assert identity.person_of(emma) == person


def test_a_file_verifies_nobody(company, emma, person):
    Connection.objects.filter(pk=person.connection_id).update(provider="csv", tenant="")

    assert identity.person_of(emma) is None
    assert codes(company)["verified"] == set()


def test_whom_the_directory_vouches_for_is_not_asked_by_mail(company, emma, person):
    kept = emma.mailbox.connection

    assert not identity.unverified(kept).exists()

    DirectoryPerson.objects.filter(pk=person.pk).update(enabled=False)
    assert list(identity.unverified(kept)) == [emma]


def test_the_page_that_asks_by_mail_counts_them_as_confirmed(company, emma, person):
    text = page(company, "identities", emma.mailbox.connection.public_id)

    assert "There is nobody to ask" in text


def test_the_list_takes_no_query_more_for_it(company, person):
    client = signed_in(company.olga)
    url = reverse("members", args=[company.unit.slug])

    counts = []
    for _round in ("with", "without"):
        client.get(url)
        with CaptureQueriesContext(database) as asked:
            client.get(url)
        counts.append(len(asked))
        person.delete()
        person = make_person(person.connection, "Somebody Else")

    assert counts[0] == counts[1]


def test_what_is_kept_on_a_member_says_verified_too(company, emma, person):
    assert kept_on(emma, own=True)["profile"]["identity"] == "Verified"
