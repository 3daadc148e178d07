"""Pages of leavers: who left, what they had, one click back, and the record of it."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orgunits import memberships, roles
from orgunits.models import Member
from provisioning import offboarding
from provisioning.dossiers import digest_of
from provisioning.models import Kept, Offboarding
from tests.builders import make_members
from tests.people import Company, make_company, signed_in
from tests.provisioning.test_offboarding import DAY, Leaver

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def wilma(company) -> Leaver:
    return Leaver(company)


@pytest.fixture
def olga(company) -> Client:
    return signed_in(company.olga)


def at(name: str, wilma: Leaver, **ids: str) -> str:
    return reverse(name, kwargs={"slug": wilma.unit.slug, **ids})


def page_of(row: Offboarding, name: str = "leaver") -> str:
    return reverse(name, args=[row.unit.slug, row.public_id])


# --- the list -----------------------------------------------------------------------------------------------------
def test_the_list_tells_who_left_why_and_how_many_days_are_left(wilma, olga):
    wilma.leaves(now=wilma.now - 2 * DAY)

    page = olga.get(at("leavers", wilma)).content.decode()

    assert "Wilma Weaver" in page
    assert "28 days left" in page
    assert "Was missing in two complete snapshots" in page


def test_the_list_is_narrowed_by_state_and_by_directory(wilma, olga):
    row = wilma.leaves()
    other = make_members(wilma.unit, ["xaver@kube.example"])[0]
    by_hand = offboarding.begin(other, by=wilma.olga, now=wilma.now)
    offboarding.undo(by_hand, by=wilma.olga, now=wilma.now, keep_until=(timezone.now() + 9 * DAY).date())

    def found(query: str) -> list[str]:
        rows = olga.get(at("leavers", wilma) + query).context["rows"]
        return [one.row.public_id for one in rows]

    assert found("?state=grace") == [row.public_id]
    assert found("?state=undone") == [by_hand.public_id]
    assert found("?state=ended") == []
    assert found(f"?directory={wilma.directory.public_id}") == [row.public_id]
    assert found("?q=xav") == [by_hand.public_id]
    assert set(found("")) == {row.public_id, by_hand.public_id}


def test_a_long_list_has_pages_and_nobody_stands_on_two(wilma, olga):
    people = make_members(wilma.unit, [f"p{n:03}@kube.example" for n in range(120)])
    for person in people:
        offboarding.begin(person, by=None, now=wilma.now, settle=False)
    url, seen = "", []

    while url is not None:
        answer = olga.get(at("leavers", wilma) + url)
        seen += [one.row.public_id for one in answer.context["rows"]]
        url = answer.context["next_url"] or None

    assert len(seen) == len(set(seen)) == 120


def test_the_list_as_a_file_tells_the_same(wilma, olga):
    row = wilma.leaves()

    answer = olga.get(at("leavers_export", wilma))

    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(f"{row.public_id},{wilma.member.public_id},Wilma Weaver,wilma@kube.example,")


# --- a leaver -----------------------------------------------------------------------------------------------------
def test_the_page_shows_the_dossier(wilma, olga):
    page = olga.get(page_of(wilma.leaves())).content.decode()

    for words in ("Wilma Weaver", "All weavers", "Tools Staging", "Weavers", "Trial", "Developer"):
        assert words in page


def test_one_click_brings_them_back_and_keeps_them_for_ninety_days(wilma, olga):
    row = wilma.leaves()
    form = olga.get(page_of(row)).context["keep_form"]

    answer = olga.post(page_of(row, "leaver_undo"), {"keep_until": form["keep_until"].value()}, follow=True)

    assert "Wilma Weaver takes part again" in answer.content.decode()
    assert Member.objects.get(pk=wilma.member.pk).state == "active"
    assert Kept.objects.get().until == timezone.localdate() + timedelta(days=90)


@pytest.mark.parametrize("day", ["", "yesterday", "2020-01-01", "9999-12-31"])
def test_a_day_that_cannot_be_is_said_on_the_page_and_nothing_is_undone(wilma, olga, day):
    row = wilma.leaves()

    answer = olga.post(page_of(row, "leaver_undo"), {"keep_until": day})

    assert answer.status_code == 422
    assert Member.objects.get(pk=wilma.member.pk).state == "suspended"


def test_undoing_what_was_undone_changes_nothing(wilma, olga):
    row = wilma.leaves()
    olga.post(page_of(row, "leaver_undo"), {"keep_until": "2030-01-01"})

    answer = olga.post(page_of(row, "leaver_undo"), {"keep_until": "2030-02-02"}, follow=True)

    assert "Nothing was changed" in answer.content.decode()
    assert Kept.objects.get().until.isoformat() == "2030-01-01"


def test_having_an_ops_admin_back_asks_again_who_one_is(wilma, olga, settings):
    settings.REAUTHENTICATION = True
    roles.grant_role(wilma.member, "ops_admin", by=wilma.olga, now=wilma.now)
    row = wilma.leaves()

    answer = olga.post(page_of(row, "leaver_undo"), {"keep_until": "2030-01-01"})

    assert "reauthenticate" in answer.url
    assert Member.objects.get(pk=wilma.member.pk).state == "suspended"


def test_a_sign_off_names_who_did_it_and_the_record_holds_its_checksum(wilma, olga):
    row = wilma.leaves()
    olga.post(page_of(row, "leaver_sign_off"), {"note": "Badge is back"})

    answer = olga.get(page_of(row, "leaver_record"))

    record = json.loads(answer.content)
    assert answer["Content-Disposition"] == f'attachment; filename="leaver-{row.public_id}.json"'
    assert record["signed_off"]["by_name"] == "Olga"
    assert record["signed_off"]["note"] == "Badge is back"
    assert record["dossier"] == Offboarding.objects.get().dossier
    assert record["dossier_sha256"] == digest_of(record["dossier"])
    assert "Badge is back" in olga.get(page_of(row)).content.decode()


def test_of_somebody_forgotten_numbers_are_shown_and_no_name(wilma, olga):
    row = wilma.leaves(now=wilma.now - 40 * DAY)
    offboarding.end_overdue(now=wilma.now)

    page = olga.get(page_of(row)).content.decode()

    assert "A person who is forgotten" in page
    assert "Wilma" not in page
    assert "Wilma" not in olga.get(page_of(row, "leaver_record")).content.decode()
    assert "Wilma" not in olga.get(at("leavers", wilma) + "?state=ended").content.decode()
    assert olga.get(at("leavers", wilma) + "?q=wilma").context["rows"] == []


# --- by hand ------------------------------------------------------------------------------------------------------
def test_offboarding_by_hand_says_before_what_ends_and_then_ends_it(wilma, olga):
    url = at("leaver_new", wilma, member_id=wilma.member.public_id)
    member_page = olga.get(at("member", wilma, member_id=wilma.member.public_id)).content.decode()
    assert url in member_page

    question = olga.get(url).content.decode()
    answer = olga.post(url, {"why": "Moved away"}, follow=True)

    assert "For 30 days one click brings them back" in question
    assert "has no access any more" in answer.content.decode()
    row = Offboarding.objects.get()
    assert (row.begun_by, row.clause, row.connection) == (wilma.olga, "", None)


def test_nobody_offboards_themselves(company, olga):
    me = company.member(company.olga)
    url = reverse("leaver_new", args=[company.unit.slug, me.public_id])

    assert olga.get(url).status_code == 403
    assert olga.post(url).status_code == 403


def test_who_is_suspended_already_is_not_offboarded(company, wilma, olga):
    roles.grant_role(wilma.member, "ops_admin", by=wilma.olga, now=wilma.now)
    memberships.suspend_member(company.member(company.olga), by=None, now=wilma.now)
    wilma_s = signed_in(wilma.user)

    url = at("leaver_new", wilma, member_id=company.member(company.olga).public_id)

    assert "Only an active member can be offboarded" in wilma_s.get(url).content.decode()
