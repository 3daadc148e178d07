"""The pages of a change of access mode: without JavaScript, from the comparison to the old grant."""

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, mode_changes
from connections.models import CalendarConnection, Credential, ModeChange
from connections.modes import scopes_for
from connections.scope_diff import scope_diff
from orgunits.models import AuditEvent
from tests.connections.changing import OTHER, begin, check, complete, grant_at_google, rows
from tests.connections.scene import GOOGLE_READ_WRITE, MICROSOFT_READ_WRITE, Scene, in_modes
from tests.directories import make_directory
from tests.people import make_company

pytestmark = pytest.mark.django_db
both_providers = in_modes(GOOGLE_READ_WRITE, MICROSOFT_READ_WRITE)
at_google, at_microsoft = in_modes(GOOGLE_READ_WRITE), in_modes(MICROSOFT_READ_WRITE)
ANOTHER_APP = {"client_id": "b0000001-0000-4000-8000-000000000009", "client_secret": "a secret"}


@pytest.fixture
def olga(scene) -> Client:
    client = Client()
    client.force_login(scene.company.olga)
    return client


def url(scene: Scene, name: str, change: ModeChange | None = None) -> str:
    where = [scene.company.unit.slug, scene.connection.public_id]
    return reverse(name, args=[*where, change.public_id] if change else where)


def text_of(page) -> str:
    """What a person reads: without tags, blanks joined."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode())))


# --- the comparison


@both_providers
def test_the_comparison_shows_each_scope_verbatim_and_what_starts_stops_and_goes(scene, olga):
    page = olga.get(url(scene, "mode_new"))

    shown = text_of(page)
    for mode in OTHER:
        for scope in scopes_for(scene.connection.provider, mode).contract:
            assert scope in shown
    diff = page.context["diff"]
    for line in (*diff.starts, *diff.stops, *diff.kept_here, diff.who_approves):
        assert str(line) in shown, line
    assert f"It is about {scene.connection.mailboxes.count()} member" in shown
    assert "disconnect this connection and connect No Access" in shown
    assert not ModeChange.objects.exists()


@at_google
def test_a_paused_connection_shows_the_comparison_and_begins_nothing(scene, olga):
    calendar_connections.pause(scene.connection, by=scene.company.olga, now=timezone.now())

    page = olga.get(url(scene, "mode_new"))
    answer = olga.post(url(scene, "mode_new"))

    assert "Begin the change" not in text_of(page)
    assert answer.headers["Location"] == url(scene, "connection")
    assert not ModeChange.objects.exists()


@at_google
def test_posting_begins_once_and_the_comparison_leads_to_what_is_under_way(scene, olga):
    first = olga.post(url(scene, "mode_new"))
    second = olga.post(url(scene, "mode_new"))

    change = ModeChange.objects.get()
    assert first.headers["Location"] == second.headers["Location"] == url(scene, "mode_change", change)
    assert olga.get(url(scene, "mode_new")).headers["Location"] == url(scene, "mode_change", change)


def test_a_connection_without_calendars_has_no_mode_to_change(client, company_without_calendars):
    company, connection = company_without_calendars
    client.force_login(company.olga)

    assert client.get(reverse("mode_new", args=[company.unit.slug, connection.public_id])).status_code == 404


@pytest.fixture
def company_without_calendars(db):
    company = make_company()
    return company, calendar_connections.create_connection(
        company.unit, "none", "no_access", by=company.olga, now=timezone.now()
    )


# --- the way


@at_google
def test_at_google_the_page_gives_the_scopes_to_add_and_the_whole_list(scene, olga):
    change = begin(scene)

    shown = text_of(olga.get(url(scene, "mode_change", change)))

    diff = mode_changes.diff_of(change)
    assert ",".join(diff.to_add) in shown
    assert ",".join(diff.while_both) in shown
    assert Credential.objects.get().client_id in shown
    assert "super administrator" in shown
    assert "Possible once the check found everything granted." in shown


@at_google
def test_checked_too_early_it_says_what_is_missing_and_when_we_look_again(scene, olga):
    change = begin(scene)

    page = olga.post(url(scene, "mode_check", change), follow=True)

    shown = text_of(page)
    assert "Some of the permissions are missing." in shown
    assert shown.count("Google does not grant it to our client id.") == 2
    assert "We look again by ourselves" in shown
    assert url(scene, "mode_progress", change) in page.content.decode()


@at_google
def test_granted_checked_and_made_the_page_names_the_old_grant_until_somebody_removed_it(scene, olga):
    change = begin(scene)
    grant_at_google(scene, change)

    ready = olga.post(url(scene, "mode_check", change), follow=True)
    done = olga.post(url(scene, "mode_complete", change), follow=True)

    assert "Change to Free/Busy" in text_of(ready)
    assert CalendarConnection.objects.get().mode == "free_busy"
    shown = text_of(done)
    assert "The access mode is Free/Busy now." in shown
    assert "Changed from Read Write to Free/Busy" in shown
    assert ",".join(mode_changes.diff_of(change).to_remove) in shown
    reminder = "The grant of Read Write still stands at the provider"
    assert reminder in text_of(olga.get(url(scene, "connection")))

    olga.post(url(scene, "mode_old_grant", change))
    olga.post(url(scene, "mode_old_grant", change))

    assert reminder not in text_of(olga.get(url(scene, "connection")))
    assert AuditEvent.objects.filter(verb="connection.old_grant_gone").count() == 1


@at_google
def test_what_others_with_the_same_client_id_need_is_pasted_too_and_never_listed_for_removal(scene, olga):
    unit, diff = scene.company.unit, scope_diff("google", "read_write", "free_busy")
    where = {"by": scene.company.olga, "tenant": scene.connection.tenant}
    directory = make_directory(unit, credential=scene.connection.credential, **where)
    change = begin(scene)

    shown = text_of(olga.get(url(scene, "mode_change", change)))

    for scope in (*diff.while_both, *directory.scopes.organization):
        assert scope in shown
    assert ",".join(dict.fromkeys([*diff.while_both, *directory.scopes.organization])) in shown

    other = calendar_connections.create_connection(
        unit, "google", "read_write", by=scene.company.olga, now=timezone.now()
    )
    fields = {"credential": scene.connection.credential, "tenant": scene.connection.tenant}
    CalendarConnection.objects.filter(pk=other.pk).update(**fields)
    grant_at_google(scene, change)
    olga.post(url(scene, "mode_check", change))
    done = text_of(olga.post(url(scene, "mode_complete", change), follow=True))

    assert "Nothing is to be taken away" in done
    remains = [*scopes_for("google", "free_busy").organization, *directory.scopes.organization]
    assert all(scope in done for scope in (*remains, *diff.to_remove))


@at_google
def test_what_was_granted_and_taken_back_meanwhile_is_found_before_the_change_is_made(scene, olga):
    change = begin(scene)
    grant_at_google(scene, change)
    olga.post(url(scene, "mode_check", change))
    before = rows()
    grant_at_google(scene, change, scopes=list(scopes_for("google", "read_write").organization))

    page = olga.post(url(scene, "mode_complete", change), follow=True)

    assert "Not everything is granted any more. Nothing was changed." in text_of(page)
    assert rows() == before


@both_providers
def test_cancelled_the_page_says_that_nothing_was_changed(scene, olga):
    before = rows()
    change = begin(scene)

    page = olga.post(url(scene, "mode_cancel", change), follow=True)
    again = olga.post(url(scene, "mode_cancel", change), follow=True)

    assert "The connection is as it was before." in text_of(page)
    assert "was cancelled or is made already" in text_of(again)
    assert rows() == before


@at_google
def test_the_connections_page_leads_to_the_comparison_and_to_a_change_under_way(scene, olga):
    assert url(scene, "mode_new") in olga.get(url(scene, "connection")).content.decode()

    change = begin(scene)

    page = olga.get(url(scene, "connection"))
    assert "A change to Free/Busy is under way" in text_of(page)
    assert url(scene, "mode_change", change) in page.content.decode()


@at_google
def test_polling_answers_the_lines_while_we_wait_and_then_loads_the_page(scene, olga):
    change = begin(scene)
    assert olga.get(url(scene, "mode_progress", change)).headers["HX-Refresh"] == "true"

    check(change)

    fragment = olga.get(url(scene, "mode_progress", change))
    assert "HX-Refresh" not in fragment.headers
    assert "We look again by ourselves" in text_of(fragment)
    grant_at_google(scene, change)
    check(change)
    assert olga.get(url(scene, "mode_progress", change)).headers["HX-Refresh"] == "true"


@at_google
def test_a_change_of_another_connection_is_not_found(scene, olga):
    change = begin(scene)
    other = calendar_connections.create_connection(
        scene.company.unit, "microsoft", "free_busy", by=scene.company.olga, now=timezone.now()
    )

    where = [scene.company.unit.slug, other.public_id, change.public_id]
    assert olga.get(reverse("mode_change", args=where)).status_code == 404
    assert olga.get(url(scene, "mode_change", change).replace("chg_", "chg%00_")).status_code == 404


@at_google
def test_a_change_that_is_made_cannot_be_made_or_checked_again(scene, olga):
    change = begin(scene)
    grant_at_google(scene, change)
    check(change)
    complete(scene, change)
    before = rows()

    for name in ("mode_check", "mode_complete", "mode_cancel"):
        page = olga.post(url(scene, name, change), follow=True)
        assert page.status_code == 200, name

    assert rows() == before
    assert ModeChange.objects.get().state == "done"


# --- Microsoft's registrations


@at_microsoft
def test_at_microsoft_the_page_names_the_other_registration_and_its_permission(scene, olga):
    change = begin(scene)

    page = olga.get(url(scene, "mode_change", change))

    shown = text_of(page)
    assert page.context["key"].client_id in shown
    assert page.context["key"].permission_set == "calendar_free_busy"
    assert "Calendars.ReadBasic.All" in shown
    assert "another app registration" in shown


@at_microsoft
def test_a_registration_of_the_unit_is_kept_for_the_change_and_forgotten_with_it(scene, olga):
    before = rows()
    change = begin(scene)

    olga.post(url(scene, "mode_key", change), ANOTHER_APP)

    change.refresh_from_db()
    assert change.credential.client_id == ANOTHER_APP["client_id"]
    assert CalendarConnection.objects.get().credential is None
    assert "an app registration of this unit alone" in text_of(olga.get(url(scene, "mode_change", change)))

    olga.post(url(scene, "mode_cancel", change))

    assert rows() == before


@at_microsoft
def test_going_back_to_the_installations_registration_forgets_the_pasted_one(scene, olga):
    change = begin(scene)
    olga.post(url(scene, "mode_key", change), ANOTHER_APP)

    olga.post(url(scene, "mode_key_shared", change))

    change.refresh_from_db()
    assert change.credential is None
    assert not Credential.objects.exists()


@at_microsoft
@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({**ANOTHER_APP, "client_id": "no uuid"}, "client_id"),
        ({**ANOTHER_APP, "client_secret": ""}, "client_secret"),
        ({**ANOTHER_APP, "client_id": "A0000001-0000-4000-8000-000000000002"}, "client_id"),
    ],
)
def test_a_registration_that_is_none_or_the_installations_is_refused_at_its_field(scene, olga, data, field):
    change = begin(scene)

    page = olga.post(url(scene, "mode_key", change), data)

    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
    assert not Credential.objects.exists()


@at_google
def test_google_has_neither_consent_page_nor_registration_to_choose(scene, olga):
    change = begin(scene)

    for name in ("mode_consent", "mode_key", "mode_key_shared"):
        assert olga.post(url(scene, name, change)).status_code == 404, name
