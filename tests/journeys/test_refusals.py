"""What was declined, cancelled or only half granted is said in words, and can be mended from where one stands."""

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import steps
from tests.people import GOOGLE_ADMINISTRATOR, MICROSOFT_ADMINISTRATOR

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("journeys: refusals")]

FREE_BUSY = "https://www.googleapis.com/auth/calendar.events.freebusy"


def test_a_cancelled_sign_in_at_google_changes_nothing_and_can_be_repeated(page: Page, scene):
    steps.sign_in(page, scene.olga)
    steps.begin_set_up(page, scene, "google", "free_busy")

    steps.press(page, "Sign in to Google Workspace")
    steps.press(page, "Cancel")

    expect(page.get_by_role("heading", level=1)).to_have_text("The sign-in to Google Workspace was cancelled")
    expect(page.get_by_role("main")).to_contain_text("cancelled at the provider. Nothing was changed.")
    expect(page.get_by_role("banner")).to_contain_text(scene.unit.name)
    connection = scene.unit.connections.calendars().get()
    assert (connection.state, connection.tenant) == ("pending", "")

    steps.press(page, "Try again")
    steps.choose_account(page, GOOGLE_ADMINISTRATOR)
    steps.press(page, "Allow")
    expect(page.get_by_role("main")).to_contain_text("kube.example")


def test_a_declined_consent_at_microsoft_changes_nothing_and_can_be_repeated(page: Page, scene):
    steps.sign_in(page, scene.olga)
    steps.begin_set_up(page, scene, "microsoft", "free_busy")
    steps.sign_in_at_provider(page, "microsoft", MICROSOFT_ADMINISTRATOR)

    steps.consent_at_microsoft(page, MICROSOFT_ADMINISTRATOR, agree=False)

    expect(page.get_by_role("heading", level=1)).to_have_text("That did not work")
    expect(page.get_by_role("main")).to_contain_text("declined at the provider. Nothing was changed.")
    connection = scene.unit.connections.calendars().get()
    assert (connection.state, connection.consented_at) == ("pending", None)

    steps.follow(page, "Back to the set-up")
    steps.consent_at_microsoft(page, MICROSOFT_ADMINISTRATOR)
    expect(page.get_by_role("main")).to_contain_text("Everything asked for is granted")


def test_who_is_no_administrator_of_microsoft_is_sent_to_one(page: Page, scene):
    steps.sign_in(page, scene.olga)
    steps.begin_set_up(page, scene, "microsoft", "read_write")
    steps.sign_in_at_provider(page, "microsoft", MICROSOFT_ADMINISTRATOR)

    steps.consent_at_microsoft(page, "paulo.dubois73@sigs.example")
    steps.press(page, "Return to the application without granting")

    expect(page.get_by_role("main")).to_contain_text("is not an administrator of the tenant")
    expect(page.get_by_role("main")).to_contain_text("Ask an administrator, or make a hand-off link for one.")


def test_a_missing_scope_is_named_and_a_missing_delegation_is_waited_for(page: Page, scene, providers):
    steps.sign_in(page, scene.olga)
    steps.begin_set_up(page, scene, "google", "free_busy")
    steps.sign_in_at_provider(page, "google", GOOGLE_ADMINISTRATOR)
    steps.prove_administrator(page, GOOGLE_ADMINISTRATOR)

    steps.delegate(page, GOOGLE_ADMINISTRATOR, leave_out=FREE_BUSY)
    steps.press(page, "Check now")

    steps.expect_state(page, "Incomplete")
    missing = steps.self_test(page).filter(has_text="Missing")
    expect(missing).to_have_count(1)
    expect(missing).to_contain_text(FREE_BUSY)
    expect(steps.self_test(page).filter(has_text="Granted")).to_have_count(3)

    console = steps.open_admin_console(page, GOOGLE_ADMINISTRATOR)
    console.get_by_role("button", name="Delete").click()
    expect(console.get_by_text("No API client was added yet.")).to_be_visible()
    console.close()
    steps.press(page, "Check now")

    steps.expect_state(page, "Waiting for provider")
    expect(page.get_by_role("main")).to_contain_text("It can take up to 24 hours.")
    expect(page.get_by_text("We try again by ourselves")).to_be_visible()
    expect(steps.self_test(page).filter(has_text="Waiting")).to_have_count(4)
    assert scene.unit.connections.calendars().get().next_check_at is not None

    steps.delegate(page, GOOGLE_ADMINISTRATOR)
    steps.press(page, "Check now")

    expect(page.get_by_role("main")).to_contain_text("Everything asked for is granted")
    steps.expect_state(page, "Healthy")
