"""Pages of a unit's life: settings, pause and resume, archive and restore."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orgunits import units
from orgunits.models import AuditEvent, OrganizationalUnit
from tests.people import Company, signed_in

pytestmark = pytest.mark.django_db
SETTINGS = {"name": "Kube", "default_time_zone": "UTC"}


def at(name: str, company: Company) -> str:
    return reverse(name, args=[company.unit.slug])


def text_of(answer) -> str:
    return answer.content.decode()


def archived(company: Company, *, days_ago: int = 0) -> None:
    units.archive_unit(company.unit, by=company.olga, now=timezone.now() - timedelta(days=days_ago))


# --- settings -----------------------------------------------------------------------------------------------------
def test_a_unit_is_renamed_and_its_address_stays(company):
    client = signed_in(company.olga)

    answer = client.post(at("unit_settings", company), {**SETTINGS, "name": "Kube Community"}, follow=True)

    company.unit.refresh_from_db()
    assert (company.unit.name, company.unit.slug) == ("Kube Community", "kube")
    assert "Saved." in text_of(answer)


def test_saving_settings_as_they_were_writes_nothing_into_the_log(company):
    before = AuditEvent.objects.count()

    signed_in(company.olga).post(at("unit_settings", company), SETTINGS)

    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize(
    ("field", "value"), [("name", ""), ("name", "x" * 201), ("default_time_zone", "Mars/Olympus")]
)
def test_settings_that_cannot_be_are_refused_at_the_field_and_nothing_is_saved(company, field, value):
    answer = signed_in(company.olga).post(at("unit_settings", company), {**SETTINGS, field: value})

    company.unit.refresh_from_db()
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert (company.unit.name, company.unit.default_time_zone) == ("Kube", "UTC")


# --- pause --------------------------------------------------------------------------------------------------------
def test_before_a_pause_the_page_says_in_numbers_what_stops_and_what_is_kept(company):
    page = text_of(signed_in(company.olga).get(at("unit_pause", company)))

    assert "Nothing is read from or written to calendars, through 0 connections." in page
    assert "No mail goes out. This holds back 0 open invitations." in page
    assert "All pages stay open, for 3 members." in page


def test_every_page_of_a_paused_unit_says_so_and_who_can_resume_it(company):
    signed_in(company.olga).post(at("unit_pause", company), {"why": "Migration"})

    for user, words in ((company.olga, "Resume it in the unit settings"), (company.carl, "An Ops Admin of")):
        for name in ("connections", "members", "preferences"):
            page = text_of(signed_in(user).get(at(name, company) if name != "preferences" else reverse(name)))
            assert ("This unit is paused" in page) == (name != "preferences")
            assert (words in page) == (name != "preferences")


def test_a_paused_unit_is_resumed_with_one_click(company):
    client = signed_in(company.olga)
    client.post(at("unit_pause", company))

    answer = client.post(at("unit_resume", company), follow=True)

    assert "Resumed." in text_of(answer)
    assert "This unit is paused" not in text_of(client.get(at("connections", company)))


def test_resuming_what_is_not_paused_says_so(company):
    answer = signed_in(company.olga).post(at("unit_resume", company), follow=True)

    assert "This unit is not paused." in text_of(answer)


def test_pausing_twice_leaves_the_first_pause_as_it_is(company):
    client = signed_in(company.olga)
    client.post(at("unit_pause", company))
    since = OrganizationalUnit.objects.get(pk=company.unit.pk).state_since

    client.post(at("unit_pause", company))

    assert OrganizationalUnit.objects.get(pk=company.unit.pk).state_since == since


@pytest.mark.parametrize(
    ("name", "question"), [("unit_pause", "Pause Kube?"), ("unit_archive", "Archive Kube?")]
)
def test_the_page_before_an_act_names_the_unit_and_can_be_left(company, name, question):
    page = text_of(signed_in(company.olga).get(at(name, company)))

    assert question in page
    assert f'href="{at("unit_settings", company)}">Cancel' in page


# --- archive and restore ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("typed", ["", "kube", "Kube Community"])
def test_a_unit_is_not_archived_without_its_name_typed(company, typed):
    answer = signed_in(company.olga).post(at("unit_archive", company), {"typed_name": typed})

    company.unit.refresh_from_db()
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["typed_name"]
    assert company.unit.state == "active"


def test_archiving_asks_again_who_one_is(company, settings):
    settings.REAUTHENTICATION = True

    for method in ("get", "post"):
        answer = getattr(signed_in(company.olga), method)(at("unit_archive", company), {"typed_name": "Kube"})
        assert reverse("account_reauthenticate") in answer.headers["Location"]
    company.unit.refresh_from_db()
    assert company.unit.state == "active"


def test_an_archived_unit_opens_for_nobody_but_says_until_when_and_who_can_restore_it(company):
    signed_in(company.olga).post(at("unit_archive", company), {"typed_name": "Kube"})

    for user in (company.olga, company.carl, company.emma):
        answer = signed_in(user).get(at("unit_home", company))
        assert answer.status_code == 403
        assert "This unit is archived" in text_of(answer)
        assert ("Olga" in text_of(answer).split("<main")[1]) == (user != company.olga)
        assert (at("unit_settings", company) in text_of(answer)) == (user == company.olga)


def test_an_archived_unit_has_no_menu_and_takes_no_new_settings(company):
    archived(company)
    client = signed_in(company.olga)

    page = text_of(client.get(at("unit_settings", company)))
    client.post(at("unit_settings", company), {**SETTINGS, "name": "Other"})

    company.unit.refresh_from_db()
    assert "Restore this unit" in page
    assert at("connections", company) not in page
    assert company.unit.name == "Kube"


def test_an_ops_admin_restores_the_unit_and_all_is_as_before(company):
    archived(company, days_ago=29)
    client = signed_in(company.olga)

    answer = client.post(at("unit_restore", company), follow=True)

    assert "Restored." in text_of(answer)
    for user in (company.olga, company.carl):
        assert signed_in(user).get(at("connections", company)).status_code == 200


def test_after_thirty_days_the_page_says_that_it_is_too_late(company):
    archived(company, days_ago=31)
    client = signed_in(company.olga)

    page = text_of(client.get(at("unit_settings", company)))
    answer = client.post(at("unit_restore", company), follow=True)

    assert "It cannot be restored any more" in page
    assert "It is too late: this unit is being erased." in text_of(answer)


def test_another_unit_is_not_touched_by_any_of_it(company):
    archived(company)

    assert signed_in(company.sven).get(
        reverse("connections", args=[company.stranger_unit.slug])
    ).status_code == 200  # fmt: skip


@pytest.mark.parametrize(
    "name", ["unit_settings", "unit_pause", "unit_archive", "unit_resume", "unit_restore"]
)
def test_only_ops_admins_reach_these_pages(company, name):
    for user in (company.carl, company.emma):
        for method in ("get", "post"):
            answer = getattr(signed_in(user), method)(at(name, company))
            assert answer.status_code == 403
            assert "Ops Admin" in text_of(answer)
