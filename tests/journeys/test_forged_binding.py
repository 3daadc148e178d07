"""An employee of a connected company, Ops Admin of an unrelated unit, comes with their own true account.

The installation's key already holds what the company's administrator granted for the company's own unit. A
sign-in of an ordinary employee and a forged return must not make it serve the employee's unit.
"""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from connections import calendar_connections, health, jobs
from connections.attempts import Purpose
from connections.models import BusyPeriod, CalendarConnection, Mailbox, MemberCalendar
from orgunits.models import OrganizationalUnit
from tests import connecting
from tests.journeys import steps
from tests.journeys.calls import calls_of
from tests.journeys.scenes import PEOPLE, Scene, make_scene
from tests.people import GOOGLE_EMPLOYEE, MICROSOFT_TENANT
from tests.worker import run_waiting_jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("journeys: forged binding")]

MICROSOFT_EMPLOYEE = "siddharth.ozturk89@sigs.example"


def test_an_employee_gets_nothing_from_google_through_the_installations_key(page: Page, scene, providers):
    connect_with_installation_key(scene, "google", providers)
    stranger = make_scene("Stranger", ("Sven", GOOGLE_EMPLOYEE))
    steps.sign_in(page, stranger.olga)
    connection = steps.begin_set_up(page, stranger, "google", "read_write")

    steps.sign_in_at_provider(page, "google", GOOGLE_EMPLOYEE)

    expect(page.get_by_text("kube.example", exact=True)).to_be_visible()
    expect(page.get_by_text("Prove that this unit may use this tenant")).to_be_visible()
    expect(page.get_by_role("button", name="Check now")).to_have_count(0)
    post_as_a_script_would(page, reverse("check_now", args=[stranger.unit.slug, connection]))

    steps.prove_administrator(page, GOOGLE_EMPLOYEE)
    expect(page.get_by_role("main")).to_contain_text("is not an administrator of the tenant")

    steps.follow(page, "Back to the set-up")
    steps.press(page, "Sign in as an administrator")
    forged = {"state": state_in(page.url), "code": "4/forged", "hd": "kube.example", "authuser": "0"}
    page.goto(f"{reverse('callback_google')}?{urlencode(forged)}")
    expect(page.get_by_role("main")).to_contain_text("answer could not be verified. Nothing was changed.")
    name_the_companys_domain(page, stranger, connection, "kube.example")

    assert_nothing_was_got(stranger, connection)
    assert_works(scene.unit)


def test_an_employee_gets_nothing_from_microsoft_by_a_forged_return(page: Page, scene, providers):
    connect_with_installation_key(scene, "microsoft", providers)
    stranger = make_scene("Stranger", ("Sven", MICROSOFT_EMPLOYEE))
    steps.sign_in(page, stranger.olga)
    connection = steps.begin_set_up(page, stranger, "microsoft", "read_write")
    steps.sign_in_at_provider(page, "microsoft", MICROSOFT_EMPLOYEE)
    expect(page.get_by_text(MICROSOFT_TENANT)).to_be_visible()

    steps.press(page, "Go to Microsoft’s consent page")
    forged = {"admin_consent": "True", "tenant": MICROSOFT_TENANT, "state": state_in(page.url)}
    page.goto(f"{reverse('callback_microsoft_consent')}?{urlencode(forged)}")

    expect(page.get_by_role("main")).to_contain_text("Nothing proves yet that this unit may use this tenant.")
    expect(page.get_by_role("button", name="Check now")).to_have_count(0)
    post_as_a_script_would(page, reverse("check_now", args=[stranger.unit.slug, connection]))
    name_the_companys_domain(page, stranger, connection, "sigs.example")

    assert_nothing_was_got(stranger, connection)
    assert_works(scene.unit)


def connect_with_installation_key(scene: Scene, provider: str, providers) -> None:
    """The company's own connection, agreed to by its administrator, on the key that all units share."""
    now, by = timezone.now(), scene.olga
    connection = calendar_connections.create_connection(scene.unit, provider, "read_write", by=by, now=now)
    administrator = connecting.ADMINISTRATORS[provider]
    if provider == "google":
        connecting.sign_in(connection, administrator, by=by, purpose=Purpose.PROVE_ADMINISTRATOR)
        connecting.delegate(connection, providers)
    else:
        connecting.sign_in(connection, administrator, by=by)
        connection.refresh_from_db()
        connecting.consent(connection, by=by)
    connection.refresh_from_db()
    assert health.check_connection(connection, by=by, now=now).works
    assert connection.credential is None
    run_waiting_jobs()


def state_in(url: str) -> str:
    """The one-use secret of the attempt, which whoever began it can read in the address."""
    return parse_qs(urlsplit(url).query)["state"][0]


def post_as_a_script_would(page: Page, url: str) -> None:
    """Posts to an address whose button the page does not show."""
    token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    answer = page.request.post(url, form={"csrfmiddlewaretoken": token}, headers={"Referer": page.url})
    assert answer.ok


def name_the_companys_domain(page: Page, stranger: Scene, connection: str, domain: str) -> None:
    """Claims the mail domain by hand and asks for it to be verified."""
    page.goto(reverse("connection", args=[stranger.unit.slug, connection]))
    page.get_by_role("textbox", name="Mail domain").fill(domain)
    steps.press(page, "Add domain")
    steps.press(page, "Verify now")
    expect(page.get_by_role("main")).to_contain_text("Nothing proves yet that this unit may use this tenant.")


def assert_nothing_was_got(stranger: Scene, connection: str) -> None:
    """Not now, and not when the timetable and the queue have run."""
    jobs.retry_checks()
    jobs.poll_changes()
    run_waiting_jobs()
    row = stranger.unit.connections.calendars().get(public_id=connection)
    assert (row.state, row.proof, row.connected_at) == (CalendarConnection.State.PENDING, "", None)
    assert not stranger.unit.connection_domains.exclude(verified="").exists()
    assert not BusyPeriod.objects.filter(member__unit=stranger.unit).exists()
    assert not MemberCalendar.objects.filter(unit=stranger.unit).exists()
    assert not stranger.unit.mailboxes.exclude(connection=None, state=Mailbox.State.NOT_SERVED).exists()
    assert [call["url"] for call in calls_of(connection) if "/calendar" in call["url"]] == []


def assert_works(unit: OrganizationalUnit) -> None:
    """The company itself was not harmed by the attempt."""
    assert unit.connections.calendars().get().state == CalendarConnection.State.ACTIVE
    served = unit.mailboxes.exclude(connection=None)
    assert [box.state for box in served] == [Mailbox.State.SYNCED] * len(PEOPLE["google"])
    assert BusyPeriod.objects.filter(member__unit=unit).exists()
