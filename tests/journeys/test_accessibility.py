"""axe finds nothing on any page in any state, light and dark, on a phone and on a desk (WCAG 2.2 AA)."""

from collections.abc import Callable
from io import BytesIO
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Page

from orgunits import applications, first_run
from orgunits.logos import as_png
from tests.journeys import steps
from tests.journeys.eye import Eye, Look, at, post_empty
from tests.journeys.states import States, make_states
from tests.people import Integrator, make_integrator


# --- who sees what --------------------------------------------------------------------------------------------------
def of_visitors(states: States) -> list[Look]:
    return [
        ("sign-in", at("account_login")),
        ("sign-in refused", post_empty("account_login", button="Sign in")),
        ("sign-in with Google", at("google_login")),
        ("sign-in with Microsoft: no such sign-in was begun", at("microsoft_callback")),
        ("sign-in with Microsoft: not known here", come_as_a_stranger),
        ("password forgotten", at("account_reset_password")),
        ("hand-off", at("hand_off", states.hand_off_token)),
        ("hand-off unknown", at("hand_off", "unknown")),
        ("hand-off ended", at("hand_off", states.expired_token)),
        ("hand-off set-up", start_hand_off(states)),
        ("hand-off at the provider", lambda page: steps.press(page, "Sign in as an administrator")),
        ("hand-off declined", lambda page: steps.press(page, "Cancel")),
    ]


def come_as_a_stranger(page: Page) -> None:
    """Sign in with an account of which no directory told."""
    steps.sign_in_with(page, "Microsoft", "rosa.rival@rival-ms.example")


def of_an_ops_admin(states: States) -> list[Look]:
    unit, empty = states.unit.slug, states.empty_unit.slug
    yes = "?administrator=yes"
    looks = [
        ("front door", at("front_door")),
        ("home empty", at("unit_home", empty)),
        ("home filled", at("unit_home", unit)),
        ("unit settings", at("unit_settings", unit)),
        ("before a pause", at("unit_pause", unit)),
        ("before archiving", at("unit_archive", unit)),
        ("archiving refused", post_empty("unit_archive", unit, button="Archive this unit")),
        ("the last Ops Admin cannot leave", at("unit_leave", unit)),
        ("integrations empty", at("integrations", empty)),
        ("integrations filled", at("integrations", unit)),
        ("connections empty", at("connections", empty)),
        ("connections filled", at("connections", unit)),
        ("wizard: administrator", at("connect_start", unit)),
        ("wizard: administrator refused", at("connect_start", unit, query="?administrator=x")),
        ("wizard: service", at("connect_service", unit, query=yes)),
        ("wizard: service refused", at("connect_service", unit, query=f"{yes}&asked=1")),
        ("wizard: mode at Google", at("connect_mode", unit, "google", query=yes)),
        ("wizard: mode at Microsoft", at("connect_mode", unit, "microsoft", query=yes)),
        ("wizard: check Google", at("connect_check", unit, "google", "free_busy", query=yes)),
        (
            "wizard: check Microsoft",
            at("connect_check", unit, "microsoft", "read_write", query="?administrator=no"),
        ),
        ("wizard: check No Access", at("connect_check", unit, "none", "no_access", query=yes)),
        ("health empty", at("unit_health", empty)),
        ("health filled", at("unit_health", unit)),
        ("members filled", at("members", unit)),
        ("members filtered", at("members", unit, query="?calendar=synced&mode=read_write")),
        ("members empty filter", at("members", unit, query="?q=nobody+is+called+so")),
        ("audit log", at("audit_log", unit)),
        ("preferences", at("preferences")),
        ("no such page", at("unit_home", "nowhere")),
        ("outcome without attempt", at("callback_google")),
    ]
    for name, row in states.connections.items():
        looks.append((f"connection {name}", at("connection", unit, row.public_id)))
        if row.provider != "none":
            looks.append((f"set-up {name}", at("set_up", unit, row.public_id)))
    healthy, degraded = states.connections["healthy"].public_id, states.connections["degraded"].public_id
    looks += [
        ("disconnect", at("connection_disconnect", unit, healthy)),
        ("key of Google refused", post_empty("key_add", unit, degraded, button="Keep the key")),
        ("key of Microsoft refused", post_empty("key_add", unit, healthy, button="Keep the key")),
        ("domain refused", post_empty("connection", unit, healthy, button="Add domain")),
        ("outcome declined", declined_sign_in(states)),
        ("hand-off link", make_hand_off_link(states)),
    ]
    for name, member in states.members.items():
        looks.append((f"member {name}", at("member", unit, member.public_id)))
    synced = states.members["synced"].public_id
    names = ("member names", at("member_names", unit, synced))
    return [*looks, names, ("member settings", at("member_settings", unit, synced))]


def of_an_employee(states: States) -> list[Look]:
    return [
        ("own calendar", at("unit_home", states.unit.slug)),
        ("before leaving", at("unit_leave", states.unit.slug)),
        ("integrations of nobody", at("integrations", states.unit.slug)),
        ("forbidden", at("connections", states.unit.slug)),
        ("second factor", at("mfa_index")),
        ("where signed in", at("usersessions_list")),
        ("change password", at("account_change_password")),
        ("e-mail addresses", at("account_email")),
        ("linked accounts", at("socialaccount_connections")),
        ("app for codes", at("mfa_activate_totp")),
        ("add a key", at("mfa_add_webauthn")),
        ("sign out", at("account_logout")),
    ]


def of_an_engineering_manager(tools: Integrator) -> list[Look]:
    unit = tools.unit.slug
    one, long, archived = (
        [unit, app.public_id] for app in (tools.production, tools.staging, tools.development)
    )
    return [
        ("applications", at("applications", unit)),
        ("applications archived", at("applications", unit, query="?state=archived")),
        ("applications empty filter", at("applications", unit, query="?q=nothing")),
        ("new application", at("application_new", unit)),
        (
            "new application refused",
            post_empty("application_new", unit, button="Make it and show the secret"),
        ),
        ("application", at("application", *one)),
        ("application with long words", at("application", *long)),
        ("application archived", at("application", *archived)),
        ("application settings", at("application_edit", *long)),
        ("application logo", at("application_logo_change", *one)),
        ("application secret", second_secret_of(one)),
        ("application secrets", at("application_secrets", *one)),
        ("application before archiving", at("application_archive", *long)),
        ("application states", at("application_states", *one)),
    ]


def of_people_without_unit(states: States) -> list[Look]:
    return [("front door of nobody", at("front_door"))]


def of_staff(states: States) -> list[Look]:
    return [
        ("front door of staff", at("front_door")),
        ("new unit", at("unit_new")),
        ("new unit refused", post_empty("unit_new", button="Create unit")),
        ("gallery", at("gallery")),
    ]


# --- pages that one does not reach by address alone -----------------------------------------------------------------
def start_hand_off(states: States) -> Callable[[Page], object]:
    def go(page: Page) -> None:
        page.goto(reverse("hand_off", args=[states.hand_off_token]))
        steps.press(page, "Start")

    return go


def declined_sign_in(states: States) -> Callable[[Page], object]:
    def go(page: Page) -> None:
        row = states.connections["nobody signed in"]
        page.goto(reverse("set_up", args=[states.unit.slug, row.public_id]))
        steps.press(page, "Sign in to Google Workspace")
        state = parse_qs(urlsplit(page.url).query)["state"][0]
        page.goto(f"{reverse('callback_google')}?{urlencode({'state': state, 'error': 'access_denied'})}")

    return go


def make_hand_off_link(states: States) -> Callable[[Page], object]:
    def go(page: Page) -> None:
        row = states.connections["not consented"]
        page.goto(reverse("set_up", args=[states.unit.slug, row.public_id]))
        steps.press(page, "Make a hand-off link")

    return go


def second_secret_of(application: list[str]) -> Callable[[Page], object]:
    def go(page: Page) -> None:
        page.goto(reverse("application_secrets", args=application))
        steps.press(page, "Make a second secret")

    return go


def furnished_integrator() -> Integrator:
    """With a logo, words and addresses as long as can be, and an archived application."""
    tools, now = make_integrator(), timezone.now()
    written = BytesIO()
    Image.new("RGB", (300, 200), "red").save(written, "PNG")
    app = tools.production
    applications.set_logo(app, as_png(written.getvalue()), seen=app.updated, by=tools.ethan, now=now)
    applications.change(
        tools.staging,
        name="W" * 100,
        publisher="Tools " * 50,
        redirect_uris=[f"https://{'a' * 60}.tools.example/{'b' * 400}"],
        seen=tools.staging.updated,
        by=tools.ethan,
        now=now,
    )
    applications.archive(tools.development, by=tools.ethan, now=now)
    return tools


# --- the tests ------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("journeys: accessibility of Ops Admins")
def test_the_eye_sees_what_is_wrong(open_as):
    page, eye = open_as(None), Eye()
    page.goto(reverse("account_login"))
    page.evaluate(
        """() => {
          document.body.insertAdjacentHTML("beforeend", `<img src="data:,"><i>${"x".repeat(99)}</i>`)
          document.querySelector("i").style.color = "#111"
        }"""
    )

    eye.look(page, "sign-in")

    found = [problem.split(":")[:2] for problem in eye.found["sign-in"]]
    assert found == [
        ["light, 1280 px", " image-alt"],
        ["light, 320 px", " image-alt"],
        ["light, 320 px", " scrolls sideways"],
        ["dark, 320 px", " color-contrast"],
        ["dark, 320 px", " scrolls sideways"],
        ["dark, 1280 px", " color-contrast"],
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("journeys: accessibility of Ops Admins")
def test_axe_finds_nothing_where_ops_admins_work(open_as):
    eye, states = Eye(), make_states()

    eye.look_at_all(open_as(states.olga), of_an_ops_admin(states))

    assert eye.found == {}


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("journeys: accessibility of others")
def test_axe_finds_nothing_on_the_pages_of_others(open_as, settings):
    settings.SAMPLE_INSTALLATION = True  # the sign-in page with the sample's people holds more
    eye, visitor = Eye(), open_as(None)
    eye.look_at_all(visitor, [("first run", lambda page: page.goto(first_run.link()))])
    states, tools = make_states(), furnished_integrator()

    eye.look_at_all(visitor, of_visitors(states))
    eye.look_at_all(open_as(states.emma), of_an_employee(states))
    eye.look_at_all(open_as(tools.ethan), of_an_engineering_manager(tools))
    eye.look_at_all(open_as(states.nobody), of_people_without_unit(states))
    eye.look_at_all(open_as(states.sami), of_staff(states))

    assert eye.found == {}
