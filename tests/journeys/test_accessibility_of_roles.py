"""The same eye on the pages of invitations, members, roles, reviews and applications, in every state."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from orgunits import identity, invitations, roles
from orgunits.models import RoleGrant
from tests.journeys import steps
from tests.journeys.eye import Eye, Look, at, post_empty
from tests.journeys.role_states import GUESTS, RoleStates, make_role_states


def of_visitors(states: RoleStates) -> list[Look]:
    links = {name: invitations.token(row) for name, row in states.invitations.items()}
    return [
        *((f"invitation {name}", at("invitation", link)) for name, link in links.items()),
        ("invitation: sign-in refused", post_empty("invitation", links["pending"], button="Create and join")),
        ("invitation unknown", at("invitation", "made-up")),
        ("confirm an address", at("confirm_identity", identity.token(states.asked))),
        ("address confirmed", confirm(states)),
        ("address confirmed before", at("confirm_identity", identity.token(states.asked))),
    ]


def confirm(states: RoleStates) -> Callable[[Page], object]:
    def go(page: Page) -> None:
        page.goto(reverse("confirm_identity", args=[identity.token(states.asked)]))
        steps.press(page, "Yes, this is my address")

    return go


def of_mailboxes(states: RoleStates, sandbox: str) -> list[Look]:
    box = f"{sandbox}/mail/{GUESTS['pending']}/"

    def open_mail(page: Page) -> None:
        page.goto(box)
        page.get_by_role("table").get_by_role("link").first.click()

    return [
        ("mailboxes", lambda page: page.goto(f"{sandbox}/mail/")),
        ("mailbox", lambda page: page.goto(box)),
        ("mailbox empty", lambda page: page.goto(f"{sandbox}/mail/nobody@visitors.example/")),
        ("mail", open_mail),
    ]


def of_inviting(states: RoleStates) -> list[Look]:
    unit, empty = states.unit.slug, states.empty.slug
    preview, sent = states.preview.public_id, states.sent.public_id
    return [
        ("invite", at("invite", unit)),
        ("invite refused", post_empty("invite", unit, button="Check")),
        ("invite: corrected", at("invite", unit, query=f"?sheet={preview}")),
        ("sheet", at("invitation_sheet", unit, preview)),
        ("sheet: left out", at("invitation_sheet", unit, preview, query="?show=error")),
        ("sheet sent", at("invitation_sheet", unit, sent)),
        ("invitations", at("invitations", unit)),
        ("invitations empty filter", at("invitations", unit, query="?q=nobody+is+called+so")),
        ("invitations of one", at("invitations", empty)),
    ]


def of_members(states: RoleStates) -> list[Look]:
    unit, empty = states.unit.slug, states.empty.slug
    active = states.members["active"].public_id
    here = [(name, row.public_id) for name, row in states.members.items() if name != "removed"]
    return [
        ("members", at("members", unit)),
        ("members removed", at("members", unit, query="?state=removed")),
        ("members of every filter", at("members", unit, query="?state=active&role=employee&sort=-name")),
        *((f"member {name}", at("member", unit, member)) for name, member in here),
        ("before suspending", at("member_suspend", unit, active)),
        ("before removing", at("member_remove", unit, active)),
        ("before erasing", at("member_erase", unit, active)),
        ("what is kept on a member", at("member_data", unit, active)),
        ("another address", at("member_address", unit, active)),
        ("who has not confirmed", at("identities", unit, states.no_access.public_id)),
        ("acts on many", at("bulk_runs", unit)),
        ("acts on many empty", at("bulk_runs", empty)),
        ("act before it starts", at("bulk_run", unit, states.bulk_preview.public_id)),
        ("act done", at("bulk_run", unit, states.bulk_done.public_id)),
        ("act without anybody", at("bulk_run", unit, states.bulk_done.public_id, query="?state=todo")),
        ("audit log filtered", at("audit_log", unit, query="?action=role.granted")),
        ("audit log empty filter", at("audit_log", unit, query="?q=nobody+is+called+so")),
    ]


def of_roles(states: RoleStates) -> list[Look]:
    unit, empty = states.unit.slug, states.empty.slug
    active = states.members["active"]
    grant = active.role_grants.get(role=roles.COORDINATOR.code)
    last = RoleGrant.objects.get(member__user=states.olga, unit=states.unit, role=roles.OPS_ADMIN.code)
    ask = f"?member={active.public_id}&right=unit."
    review, over = states.review.public_id, states.signed_off.public_id

    def take_from_the_last(page: Page) -> None:
        page.goto(reverse("role_revoke", args=[unit, last.member.public_id]) + f"?grant={last.public_id}")
        steps.press(page, "Take the role away")

    return [
        ("roles", at("roles", unit)),
        ("roles of a member", at("member_roles", unit, active.public_id)),
        ("roles: giving refused", post_empty("member_roles", unit, active.public_id, button="Give the role")),
        ("roles of who is suspended", at("member_roles", unit, states.members["suspended"].public_id)),
        ("make Ops Admin", at("role_ops_admin", unit, active.public_id)),
        ("take a role", at("role_revoke", unit, active.public_id, query=f"?grant={grant.public_id}")),
        ("take the role of the last", take_from_the_last),
        ("ask", at("roles_ask", unit)),
        ("ask: candidates", at("roles_ask", unit, query="?q=a")),
        ("ask: nobody", at("roles_ask", unit, query="?q=nobody+is+called+so")),
        ("ask: yes", at("roles_ask", unit, query=f"{ask}see_members")),
        ("ask: no", at("roles_ask", unit, query=f"{ask}manage_unit")),
        ("reviews empty", at("reviews", empty)),
        ("reviews", at("reviews", unit)),
        ("review open", at("review", unit, review)),
        ("review signed off", at("review", unit, over)),
        ("review empty filter", at("review", unit, review, query="?q=nobody+is+called+so")),
        ("review: keep all", at("review_keep", unit, review)),
        ("review: not decided", at("review_sign_off", unit, review)),
    ]


def of_applications(states: RoleStates) -> list[Look]:
    tools = states.tools
    unit, one, two = tools.unit.slug, tools.production.public_id, states.changing_over.public_id
    dora = tools.member(tools.dora)

    def second_secret(page: Page) -> None:
        page.goto(reverse("application_secrets", args=[unit, one]))
        steps.press(page, "Make a second secret")

    new = "application_new"
    return [
        ("home of an integrator", at("unit_home", unit)),
        ("integrations of an integrator", at("integrations", unit)),
        ("applications", at("applications", unit)),
        ("applications archived", at("applications", unit, query="?state=archived")),
        ("applications empty filter", at("applications", unit, query="?q=nothing+is+called+so")),
        ("application", at("application", unit, one)),
        ("application approved", at("application", unit, two)),
        ("application archived", at("application", unit, states.archived.public_id)),
        ("application new", at(new, unit)),
        ("application refused", post_empty(new, unit, button="Make it and show the secret")),
        ("application settings", at("application_edit", unit, one)),
        ("application logo", at("application_logo_change", unit, one)),
        ("application secrets", at("application_secrets", unit, one)),
        ("application changing over", at("application_secrets", unit, two)),
        ("application states", at("application_states", unit, one)),
        ("before archiving an application", at("application_archive", unit, one)),
        ("people of an application", at("application_people", unit, tools.staging.public_id)),
        ("people: candidates", at("application_people", unit, one, query="?q=o")),
        ("people: chosen", at("application_people", unit, one, query=f"?member={dora.public_id}")),
        ("secret shown once", second_secret),
    ]


def of_an_employee(states: RoleStates) -> list[Look]:
    return [
        ("invitation of a member", at("invitation", invitations.token(states.invitations["pending"]))),
        ("invitation with another address", at("invitation", invitations.token(states.for_emma))),
        ("own page", at("unit_home", states.unit.slug)),
        ("own roles", at("roles", states.unit.slug)),
        ("what is kept on oneself", at("my_data", states.unit.slug)),
        ("before leaving", at("unit_leave", states.unit.slug)),
    ]


def of_a_developer(states: RoleStates) -> list[Look]:
    unit = states.tools.unit.slug
    return [
        ("applications of a developer", at("applications", unit)),
        ("application of a developer", at("application", unit, states.tools.staging.public_id)),
        ("application refused by name", at("application", unit, states.tools.production.public_id)),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("journeys: accessibility of roles")
def test_axe_finds_nothing_on_pages_of_members_and_roles(open_as, mail_server):
    eye, states = Eye(), make_role_states()

    for looks in (of_inviting, of_members, of_roles):
        eye.look_at_all(open_as(states.olga), looks(states))

    assert eye.found == {}


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("journeys: accessibility of invitations")
def test_axe_finds_nothing_on_pages_of_invitations_and_applications(open_as, mail_server):
    eye, states = Eye(), make_role_states()

    def look(user, looks: Callable[[RoleStates], list[Look]]) -> None:
        eye.look_at_all(open_as(user), looks(states))

    look(None, of_visitors)
    eye.look_at_all(open_as(None), of_mailboxes(states, mail_server.url))
    look(states.tools.irma, of_applications)
    look(states.emma, of_an_employee)
    look(states.tools.dora, of_a_developer)

    assert eye.found == {}
