"""Units of both shapes, who is invited and may do what, and the border between units: as people see them."""

import csv
import re
from datetime import timedelta

import pytest
import requests
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from connections.models import CalendarConnection, Mailbox
from orgunits import jobs, roles
from orgunits.invitations import invite
from orgunits.models import Member, RoleGrant
from tests.connections import independent_reader as reader
from tests.connections.sandbox_calendar import SandboxCalendar
from tests.journeys import steps
from tests.journeys.calls import calls_of
from tests.journeys.guests import BAD_ROWS, GUESTS, mails, sheet
from tests.journeys.scenes import PASSWORD, make_person, make_scene, make_tools
from tests.journeys.week import shown_busy, week_of
from tests.worker import run_waiting_jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("journeys: units and roles")]

PAULO = next(person for person in reader.PEOPLE if person["email"] == "paulo.dubois73@sigs.example")


# --- units ----------------------------------------------------------------------------------------------------------
def test_units_of_both_shapes_are_made_by_the_page_and_show_first_what_they_are_for(page: Page, portal):
    steps.sign_in(page, make_person("Sami", "sami@portal.example", is_staff=True))
    steps.follow(page, "Create the first unit")
    make_unit(page, "Kube Community", "Customer")

    expect(page).to_have_url(reverse("unit_home", args=["kube-community"]))
    expect(steps.cards(page)).to_have_text(["No calendar service is connected", "Set-up"])
    expect(steps.menu(page).nth(1)).to_have_text("Connections")

    page.goto(reverse("unit_new"))
    make_unit(page, "Tools", "Integrator")

    expect(page).to_have_url(reverse("unit_home", args=["tools"]))
    expect(steps.cards(page)).to_have_text(["Applications", "Set-up"])
    expect(steps.menu(page).nth(1)).to_have_text("Applications")

    steps.switch_unit(page, "Kube Community")
    expect(page).to_have_url(reverse("unit_home", args=["kube-community"]))
    steps.open_tab(page, "Applications")  # a shape is a starting point, no wall
    expect(page.get_by_role("main").get_by_role("link", name="Make an application")).to_be_visible()


def make_unit(page: Page, name: str, shape: str) -> None:
    page.get_by_label("What is it called?").fill(name)
    page.get_by_role("radio", name=shape).check()
    steps.press(page, "Create unit")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


# --- invitations ----------------------------------------------------------------------------------------------------
def test_25_people_are_invited_by_a_csv_file_with_three_bad_rows(page: Page, scene, mail_server):
    steps.sign_in(page, scene.olga)
    page.goto(reverse("invite", args=[scene.unit.slug]))
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": sheet().encode()}
    page.get_by_label("Or a CSV file").set_input_files([file])
    steps.press(page, "Check")

    expect(page.get_by_text("phone", exact=True)).to_be_visible()  # the column that is not used
    wrong = page.get_by_role("row").filter(has_text="Left out")
    expect(wrong).to_have_count(len(BAD_ROWS))
    for row, (line, (_text, words)) in zip(wrong.all(), BAD_ROWS.items(), strict=True):
        expect(row.get_by_role("cell").first).to_have_text(str(line))
        expect(row).to_contain_text(words)
    expect(page.get_by_role("row").filter(has_text="Will be invited")).to_have_count(25)
    assert mails(mail_server) == {}

    steps.press(page, "Send 25 invitations")
    run_waiting_jobs()
    page.reload()

    expect(page.get_by_role("heading", level=1)).to_have_text("Invitations sent")
    expect(page.get_by_text("25 of 25")).to_be_visible()
    assert mails(mail_server) == dict.fromkeys(GUESTS, ["Olga invites you to Kube"])
    steps.follow(page, "See invitations")
    expect(page.get_by_role("row").filter(has_text="Pending")).to_have_count(25)


def test_an_invited_person_joins_from_their_mailbox_and_sees_only_what_is_theirs(
    open_browser, scene, mail_server
):
    guest, other = GUESTS[:2]
    for address in (guest, other):
        invite(scene.unit, address, role=roles.EMPLOYEE.code, by=scene.olga, now=timezone.now())
    run_waiting_jobs()
    (mail,) = mail_server.mail_to(guest)
    for _ in range(3):  # a mail scanner looks at every link
        assert requests.get(mail["links"][0], timeout=10).status_code == 200
    assert Member.objects.get(email=guest).state == Member.State.INVITED

    page = open_browser()
    page.goto(f"{mail_server.url}/mail/{guest}/")
    steps.follow(page, "Olga invites you to Kube")
    page.get_by_role("link", name="/invitations/").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Join Kube")
    invitation = page.url
    page.get_by_label("First name").fill("Gina")
    page.get_by_label("Password").fill(PASSWORD)
    steps.press(page, "Create and join")

    expect(page.get_by_role("heading", level=1)).to_have_text("My calendar")
    expect(page.get_by_role("status")).to_contain_text("You are now a member of Kube.")
    expect(page.get_by_role("main")).to_contain_text(guest)
    expect(steps.menu(page).filter(has_text="Members")).to_have_count(0)
    of_others = [Member.objects.get(email=other), scene.members[PAULO["email"]]]
    paths = [reverse("member", args=[scene.unit.slug, row.public_id]) for row in of_others]
    for path in [reverse("members", args=[scene.unit.slug]), *paths]:
        page.goto(path)
        steps.expect_refusal(page, "Engineering Manager", "Scheduling Coordinator", "Ops Admin")

    stranger = open_browser()
    stranger.goto(invitation)
    expect(stranger.get_by_role("heading", level=1)).to_have_text("This invitation was accepted already")


# --- roles on applications ------------------------------------------------------------------------------------------
def test_a_developer_sees_staging_and_development_and_nothing_of_production(open_browser, portal):
    tools = make_tools()
    page = open_browser()
    steps.sign_in(page, tools.dora)

    expect(page).to_have_url(reverse("applications", args=[tools.unit.slug]))
    expect(steps.applications(page)).to_have_text(["Tools Staging", "Tools Development"])
    expect(page.get_by_text("2 shown, 2 in all")).to_be_visible()
    page.get_by_role("combobox", name="Environment").select_option(label="Production")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", name="No application matches this filter")).to_be_visible()
    page.goto(reverse("unit_home", args=[tools.unit.slug]))
    steps.follow(page, "Tools Staging")
    expect(page.get_by_role("main").get_by_role("link", name="Change settings")).to_be_visible()

    for name in ("application", "application_edit", "application_secrets", "application_states"):
        page.goto(reverse(name, args=[tools.unit.slug, tools.production.public_id]))
        expect(page.get_by_role("main")).not_to_contain_text("Tools Production")
        expect(page.get_by_role("heading", level=1)).to_have_text("You cannot do this here")
    page.goto(reverse("application", args=[tools.unit.slug, tools.production.public_id]))
    steps.expect_refusal(page, "Engineering Manager", "Developer", "Ops Admin")


def test_application_support_looks_up_the_state_and_sees_neither_settings_nor_secrets(open_browser, portal):
    tools = make_tools()
    page = open_browser()
    steps.sign_in(page, tools.abel)

    expect(steps.applications(page)).to_have_text(["Tools Production"])
    steps.follow(page, "Tools Production")
    expect(page.get_by_role("heading", level=1)).to_have_text("Connection state")
    for name in ("application", "application_edit", "application_secrets"):
        page.goto(reverse(name, args=[tools.unit.slug, tools.production.public_id]))
        steps.expect_refusal(page, "Engineering Manager", "Developer", "Ops Admin")
    page.goto(reverse("application_states", args=[tools.unit.slug, tools.staging.public_id]))
    steps.expect_refusal(page, "Application Support", "Engineering Manager", "Developer", "Ops Admin")


def test_an_engineering_manager_sees_all_applications_and_a_new_one_at_once(open_browser, portal):
    tools = make_tools()
    ethans, irmas, doras = open_browser(), open_browser(), open_browser()
    steps.sign_in(ethans, tools.ethan)
    steps.open_tab(ethans, "Applications")
    expect(steps.applications(ethans)).to_have_text(
        ["Tools Production", "Tools Staging", "Tools Development"]
    )

    steps.sign_in(irmas, tools.irma)
    steps.open_tab(irmas, "Applications")
    steps.follow(irmas, "Make an application")
    irmas.get_by_label("Name", exact=True).fill("Tools Preview")
    irmas.get_by_label("Publisher").fill("Tools Inc.")
    irmas.get_by_role("radio", name="Staging").check()
    irmas.get_by_label("Redirect URIs").fill("https://preview.tools.example/callback")
    steps.press(irmas, "Make it and show the secret")

    ethans.reload()
    expect(steps.applications(ethans).last).to_have_text("Tools Preview")
    steps.follow(ethans, "Tools Preview")
    expect(ethans.get_by_role("main").get_by_role("link", name="Change settings")).to_be_visible()
    steps.sign_in(doras, tools.dora)
    expect(steps.applications(doras)).to_have_text(["Tools Staging", "Tools Development"])


# --- who can do what ------------------------------------------------------------------------------------------------
def test_who_can_do_what_is_answered_as_the_door_answers_with_the_way_to_it(open_browser, portal):
    tools = make_tools()
    irmas, doras = open_browser(), open_browser()
    steps.sign_in(irmas, tools.irma)
    steps.open_tab(irmas, "Roles")
    steps.follow(irmas, "Who can do what?")

    ask(irmas, "Dora", "Change the application's settings", "Tools Staging (Staging)")

    expect(irmas.locator("#answer").get_by_role("heading", level=2)).to_have_text("Yes")
    way = irmas.get_by_role("row", name="Developer on Tools Staging (Staging)")
    expect(way).to_contain_text("by Irma")
    expect(way.get_by_role("time")).to_have_attribute("datetime", re.compile(f"^{timezone.now():%Y-%m-%d}"))

    steps.follow(irmas, "Somebody else")
    ask(irmas, "Dora", "Change the application's settings", "Tools Production (Production)")

    expect(irmas.locator("#answer").get_by_role("heading", level=2)).to_have_text("No")
    expect(irmas.locator("#answer")).to_contain_text(
        "The role Developer on Tools Production (Production) would."
    )
    expect(irmas.locator("#answer")).to_contain_text("It can be given by Ethan, Irma.")

    steps.sign_in(doras, tools.dora)
    doras.goto(reverse("application_edit", args=[tools.unit.slug, tools.staging.public_id]))
    expect(doras.get_by_label("Name", exact=True)).to_have_value("Tools Staging")
    doras.goto(reverse("application_edit", args=[tools.unit.slug, tools.production.public_id]))
    steps.expect_refusal(doras, "Engineering Manager", "Developer", "Ops Admin")


def ask(page: Page, name: str, act: str, application: str) -> None:
    """Whether somebody may do something with one application."""
    page.get_by_label("Member’s name or address").press_sequentially(name.lower())
    steps.follow(page, f"Choose {name}")
    page.get_by_label("May they").select_option(label=act)
    page.get_by_label("With which application").select_option(label=application)
    steps.press(page, "Ask")


def test_a_review_takes_a_role_away_with_the_next_click_and_is_kept_once_signed_off(open_browser, portal):
    tools = make_tools()
    irmas, doras = open_browser(), open_browser()
    steps.sign_in(doras, tools.dora)
    steps.follow(doras, "Tools Staging")
    steps.sign_in(irmas, tools.irma)
    steps.open_tab(irmas, "Roles")
    steps.follow(irmas, "Access reviews")
    steps.press(irmas, "Begin a review")

    decide(irmas, "Tools Staging", "Take away Developer: Dora")
    expect(irmas.get_by_role("status")).to_contain_text("1 role was taken away.")
    steps.follow(doras, "Change settings")
    steps.expect_refusal(doras, "Engineering Manager", "Developer", "Ops Admin")
    steps.open_tab(doras, "Applications")
    expect(steps.applications(doras)).to_have_text(["Tools Development"])

    decide(irmas, "irma@", "Take away Ops Admin: Irma")
    expect(irmas.get_by_role("main")).to_contain_text("The last Ops Admin keeps the role.")
    steps.follow(irmas, "Sign off…")
    expect(irmas.get_by_role("main")).to_contain_text("6 roles are neither kept nor taken away.")
    steps.follow(irmas, "Decide them first")
    steps.follow(irmas, "Keep all that match the filter…")
    steps.press(irmas, "Keep them")
    steps.follow(irmas, "Sign off…")
    steps.press(irmas, "Sign off")

    expect(irmas.get_by_role("main")).to_contain_text("Signed off: it stays as it is.")
    expect(irmas.get_by_role("main").get_by_role("button", name=re.compile("Keep|Take"))).to_have_count(0)
    expect(irmas.get_by_role("row", name="Tools Staging")).to_contain_text("Revoked by Irma")
    with irmas.expect_download() as download:
        steps.follow(irmas, "Export as CSV")
    decisions = [row["decision"] for row in csv.DictReader(download.value.path().open())]
    assert sorted(decisions) == ["keep"] * 6 + ["revoke"]


def decide(page: Page, row: str, decision: str) -> None:
    """Press a button in a row of the review."""
    page.get_by_role("row").filter(has_text=row).get_by_role("button", name=decision).click()


# --- the last Ops Admin ---------------------------------------------------------------------------------------------
def test_the_last_ops_admin_stays_whichever_door_is_tried(open_browser, page: Page, scene):
    steps.sign_in(page, scene.olga)
    slug, me = scene.unit.slug, Member.objects.get(user=scene.olga)
    grant = RoleGrant.objects.get(member=me, role=roles.OPS_ADMIN.code)

    page.goto(reverse("member_roles", args=[slug, me.public_id]))
    page.get_by_role("link", name="Take away Ops Admin").click()
    steps.press(page, "Take the role away")
    expect(page.get_by_role("alert")).to_contain_text("A unit always keeps one Ops Admin.")

    page.goto(reverse("role_ops_admin", args=[slug, me.public_id]))
    page.get_by_label("Last day").fill(timezone.localdate().isoformat())
    steps.press(page, "Make Ops Admin")
    expect(page.get_by_role("main")).to_contain_text("The only Ops Admin cannot get a last day.")

    for act in ("member_suspend", "member_remove"):
        page.goto(reverse(act, args=[slug, me.public_id]))
        expect(page.get_by_role("main")).to_contain_text("Nobody does this to themselves.")

    page.goto(reverse("member", args=[slug, me.public_id]))
    steps.follow(page, "Leave this unit…")
    expect(page.get_by_role("heading", level=1)).to_have_text("You cannot leave yet")
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)

    for act in ("Suspend", "Ops Admin"):
        try_on_everybody(page, slug, act)
        expect(page.get_by_role("main")).to_contain_text("the last Ops Admin of the unit")

    staff = open_browser()
    steps.sign_in(staff, make_person("Sami", "sami@portal.example", is_staff=True, is_superuser=True))
    staff.goto(reverse("admin:orgunits_user_change", args=[scene.olga.pk]))
    staff.get_by_label("Active").uncheck()
    staff.get_by_role("button", name="Save", exact=True).click()
    expect(staff.locator("#content")).to_contain_text("The only Ops Admin of Kube.")

    RoleGrant.objects.filter(pk=grant.pk).update(until=timezone.now())
    jobs.end_roles()
    page.goto(reverse("unit_settings", args=[slug]))
    expect(page.get_by_label("Name")).to_have_value(scene.unit.name)
    grant.refresh_from_db()
    assert (grant.until, Member.objects.get(pk=me.pk).state) == (None, Member.State.ACTIVE)


def try_on_everybody(page: Page, slug: str, act: str) -> None:
    """An act on all members, to the preview and on as far as the page lets one."""
    page.goto(reverse("members", args=[slug]))
    page.get_by_text("Do something with many members").click()
    page.get_by_role("radio", name=re.compile("members of this unit")).check()
    choice = page.get_by_label("What to do").locator("option", has_text=act).last
    page.get_by_label("What to do").select_option(choice.get_attribute("value"))
    steps.press(page, "Preview")


# --- support --------------------------------------------------------------------------------------------------------
def test_support_says_why_before_it_looks_and_the_unit_reads_it(open_browser, scene):
    samis, olgas, reason = open_browser(), open_browser(), "Ticket 4711: no busy times since Monday"
    steps.sign_in(samis, make_person("Sami", "sami@portal.example", is_staff=True))
    samis.goto(reverse("admin:index"))
    samis.get_by_role("link", name="Look up a member").click()
    samis.get_by_label("E-mail address").fill(PAULO["email"])
    samis.get_by_role("button", name="Look up").click()
    expect(samis.get_by_text("This field is required.")).to_be_visible()
    expect(samis.locator("#content").get_by_role("table")).to_have_count(0)

    samis.get_by_label("Reason").fill(reason)
    samis.get_by_role("button", name="Look up").click()
    found = samis.get_by_role("row", name=scene.unit.name)
    found.get_by_role("link", name=scene.members[PAULO["email"]].public_id).click()
    samis.get_by_label("Reason").fill(reason)
    samis.get_by_role("button", name="Look", exact=True).click()
    expect(samis.get_by_text("its Ops Admins read what you open")).to_be_visible()
    expect(samis.locator("#content")).to_contain_text(PAULO["email"])

    steps.sign_in(olgas, scene.olga)
    steps.open_tab(olgas, "Audit log")
    for verb in ("Support looked up", "Support viewed"):
        line = olgas.get_by_role("main").locator("tr, li").filter(has_text=verb).first
        expect(line).to_contain_text("Sami")
        expect(line).to_contain_text(reason)
        expect(line).to_contain_text(re.compile(r"paulo\.dubois73"))


# --- one tenant in two units ----------------------------------------------------------------------------------------
def test_one_tenant_in_two_units_is_disconnected_in_one_and_read_on_in_the_other(
    open_browser, portal, providers
):
    sales = make_scene("Sales", ("Olga", "olga@portal.example"))
    support = make_scene("Support", ("Ursula", "ursula@portal.example"))
    olgas, ursulas = open_browser(), open_browser()
    of_sales, of_support = (
        CalendarConnection.objects.get(public_id=steps.connect_microsoft(page, scene))
        for page, scene in ((olgas, sales), (ursulas, support))
    )
    assert of_sales.tenant == of_support.tenant

    olgas.goto(reverse("connection", args=[sales.unit.slug, of_sales.public_id]))
    olgas.get_by_role("link", name=re.compile("^Disconnect")).click()
    steps.press(olgas, "Disconnect for good")
    steps.expect_state(olgas, "Disconnected")
    read_before, silent_since = len(calls_of(of_support.public_id)), len(calls_of(of_sales.public_id))
    supper = next_supper()
    SandboxCalendar(providers, PAULO["email"]).add(supper[0])
    Mailbox.objects.update(next_sync_at=timezone.now())  # all are due, in both units
    steps.read_now()

    open_member(olgas, sales, PAULO["email"])
    expect(olgas.get_by_role("main")).to_contain_text("Not served")
    assert shown_busy(olgas) == []
    open_member(ursulas, support, PAULO["email"])
    assert shown_busy(ursulas) == reader.joined([*reader.busy_of(PAULO, *week_of(ursulas)), supper])
    ursulas.goto(reverse("connection", args=[support.unit.slug, of_support.public_id]))
    steps.expect_state(ursulas, "Healthy")
    expect(ursulas.get_by_text("3 of 3")).to_be_visible()
    assert len(calls_of(of_sales.public_id)) == silent_since
    assert len(calls_of(of_support.public_id)) > read_before


def next_supper() -> reader.Block:
    """This week's Sunday evening, when nobody of the sandbox meets."""
    today = timezone.now()
    sunday = today + timedelta(days=6 - today.weekday())
    starts = sunday.replace(hour=20, minute=0, second=0, microsecond=0)
    return starts, starts + timedelta(hours=1)


def open_member(page: Page, scene, address: str) -> None:
    page.goto(reverse("member", args=[scene.unit.slug, scene.members[address].public_id]))
