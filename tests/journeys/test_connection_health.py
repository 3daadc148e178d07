"""A connection that dies tells so, comes back as it was, changes its key and its mode, and hears of changes."""

import re
from datetime import timedelta

import pytest
import requests
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from connections import jobs
from connections.credentials import key_of
from connections.models import CalendarConnection, Credential, Mailbox, MemberCalendar, PushChannel
from connections.modes import scopes_for
from tests.connecting import connect, delegate
from tests.connections.sandbox_calendar import SandboxCalendar
from tests.journeys import steps
from tests.journeys.calls import calls_of
from tests.journeys.week import shown_busy, week_of
from tests.worker import run_waiting_jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("journeys: connection health")]
PIA = "pia.bauer11@kube.example"


def test_a_revoked_grant_is_seen_within_one_poll_told_once_and_mended_without_loss(
    page: Page, scene, providers
):
    connection = connect(scene.unit, "google", "free_busy", providers, by=scene.olga)
    run_waiting_jobs()
    before = what_is_kept(connection)
    steps.sign_in(page, scene.olga)

    providers.control("DELETE", "delegation", client_id=key_of(connection).client_id)
    one_poll()
    tell()
    tell()

    page.goto(page_of(connection))
    steps.expect_state(page, "Needs reauthorization")
    expect(page.locator(".state-line-head").locator("..")).to_contain_text(
        "The provider no longer accepts our authorization."
    )
    (letter,) = mail.outbox
    assert letter.to == [scene.olga.email]
    assert "No calendar of its 3 members is read any more" in letter.body
    steps.open_tab(page, "Members")
    banner = page.get_by_role("main").locator(".notice").first
    expect(banner).to_contain_text("stopped working")
    expect(banner).to_contain_text("what you see grows old")
    made = len(calls_of(connection.public_id))
    one_poll()
    assert len(calls_of(connection.public_id)) == made

    delegate(connection, providers)
    banner.get_by_role("link", name="See why, and who can fix it").click()
    steps.follow(page, "Reconnect")
    steps.press(page, "Check now")
    page.goto(page_of(connection))
    steps.expect_state(page, "Healthy")
    run_waiting_jobs()
    tell()
    tell()
    assert [letter.subject.rsplit(": ")[-1] for letter in mail.outbox] == [
        "a calendar connection stopped working",
        "a calendar connection works again",
    ]
    assert what_is_kept(connection) == before
    assert set(Mailbox.objects.filter(connection=connection).values_list("state", flat=True)) == {"synced"}


def test_a_new_key_that_fails_is_not_adopted_and_one_that_works_is(page: Page, scene, providers):
    connection = connect(scene.unit, "google", "free_busy", providers, by=scene.olga)
    run_waiting_jobs()
    old = Credential.objects.get().secret
    name = key_of(connection).client_email.partition("@")[0]
    new = requests.post(f"{providers.url}/control/service-accounts/{name}/keys", timeout=10).text
    steps.sign_in(page, scene.olga)
    page.goto(reverse("key_rotate", args=[scene.unit.slug, connection.public_id]))

    providers.fault("service_key_removed")
    page.get_by_role("textbox").first.fill(new)
    steps.press(page, "Try it and use it")
    expect(page.get_by_role("alert")).to_contain_text("refuses the key")
    assert Credential.objects.get().secret == old

    providers.control("DELETE", "faults")
    page.get_by_role("textbox").first.fill(new)
    steps.press(page, "Try it and use it")
    expect(page).to_have_url(re.compile(f"/connections/{connection.public_id}/$"))
    assert Credential.objects.get().secret == new.strip()
    one_poll()
    page.reload()
    steps.expect_state(page, "Healthy")


def test_the_mode_is_changed_and_changed_back_with_every_difference_shown_first(page: Page, scene, providers):
    connection = connect(scene.unit, "google", "read_write", providers, by=scene.olga)
    run_waiting_jobs()
    before = what_is_kept(connection)
    steps.sign_in(page, scene.olga)
    page.goto(page_of(connection))

    steps.follow(page, "Change the access mode…")
    expect(page.get_by_role("heading", level=1)).to_contain_text("From Read Write to Free/Busy")
    expect(page.locator("#scopes")).to_contain_text("calendar.events.freebusy")
    steps.press(page, "Begin the change")
    steps.press(page, "Cancel, stay as it is")
    connection.refresh_from_db()
    assert (connection.mode, what_is_kept(connection)) == ("read_write", before)

    change(page, connection, providers, to="free_busy", label="Free/Busy")
    assert what_is_kept(connection) == before
    change(page, connection, providers, to="read_write", label="Read Write")
    assert what_is_kept(connection) == before
    one_poll()
    page.goto(page_of(connection))
    steps.expect_state(page, "Healthy")


def test_a_change_in_a_calendar_appears_by_push(page: Page, scene, providers, portal, settings):
    settings.PUBLIC_URL = "https://portal.example"
    providers.control("POST", "push-map", map=f"https://portal.example={portal}")
    connection = connect(scene.unit, "google", "free_busy", providers, by=scene.olga)
    run_waiting_jobs()
    jobs.keep_channels()
    run_waiting_jobs()
    steps.sign_in(page, scene.olga)
    page.goto(page_of(connection))
    expect(page.locator("#push")).to_contain_text("3 of 3 calendars")
    assert PushChannel.objects.filter(state="open").count() == 3
    box = Mailbox.objects.get(member__email=PIA)
    page.goto(reverse("member", args=[scene.unit.slug, scene.members[PIA].public_id]))
    busy_before = shown_busy(page)
    monday = week_of(page)[0]

    SandboxCalendar(providers, PIA).add(monday + timedelta(hours=3), minutes=30)
    wait_for_reading(page, box)

    page.reload()
    assert (monday + timedelta(hours=3), monday + timedelta(hours=3, minutes=30)) in shown_busy(page)
    assert len(shown_busy(page)) == len(busy_before) + 1


# --- what the steps need --------------------------------------------------------------------------------------------
def page_of(connection: CalendarConnection) -> str:
    return reverse("connection", args=[connection.unit.slug, connection.public_id])


def one_poll() -> None:
    """The next time that every mailbox is due, as the timetable and a worker would do it."""
    Mailbox.objects.filter(next_sync_at__isnull=False).update(next_sync_at=timezone.now())
    steps.read_now()


def tell() -> None:
    """The minute's look at what Ops Admins should be told."""
    jobs.tell_ops_admins()
    run_waiting_jobs()


def what_is_kept(connection: CalendarConnection) -> list:
    """Ids, members and choices: what must outlive every trouble."""
    calendars = MemberCalendar.objects.filter(mailbox__connection=connection)
    return sorted(calendars.values_list("public_id", "mailbox__member__public_id", "counts", "counts_by"))


def change(page: Page, connection: CalendarConnection, providers, *, to: str, label: str) -> None:
    """Change the mode on the pages, with the administrator's part done at Google."""
    page.goto(page_of(connection))
    steps.follow(page, "Change the access mode…")
    steps.press(page, "Begin the change")
    connection.refresh_from_db()
    both = scopes_of("read_write") | scopes_of("free_busy")
    delegate(connection, providers, scopes=sorted(both))
    steps.press(page, "Check now")
    steps.press(page, f"Change to {label}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Changed from")
    expect(page.locator("#old-grant")).to_contain_text("What remains:")
    connection.refresh_from_db()
    assert connection.mode == to
    run_waiting_jobs()


def scopes_of(mode: str) -> set[str]:
    return set(scopes_for("google", mode).organization)


def wait_for_reading(page: Page, box: Mailbox) -> None:
    """Until the provider's message has come and was followed, as a worker does; ten seconds as a person waits."""
    read_before = box.last_synced_at
    for _ in range(100):
        run_waiting_jobs()
        box.refresh_from_db()
        if box.last_synced_at > read_before and box.hinted_at is None:
            return
        page.wait_for_timeout(100)
    raise AssertionError("nothing was announced")
