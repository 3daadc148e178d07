"""Everything about invitations, applications, roles and reviews in every state that a page can show."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from connections import mailboxes
from connections.calendar_connections import create_connection
from connections.models import CalendarConnection
from orgunits import bulk, identity, invitation_plans, invitations, memberships, reviews, roles
from orgunits.access import Access, access_to
from orgunits.members import add_member
from orgunits.models import (
    AccessReview,
    Application,
    BulkRun,
    IdentityConfirmation,
    Invitation,
    InvitationSheet,
    Member,
    OrganizationalUnit,
    User,
)
from orgunits.units import create_unit
from tests.journeys.scenes import make_person, make_tools
from tests.journeys.states import LONG_NAME
from tests.people import Integrator, make_application
from tests.worker import run_waiting_jobs

State, Act = Invitation.State, BulkRun.Act
GUESTS = {state: f"guest.{state}@visitors.example" for state in State.values}
SHEET = f"""email,name,role,time zone,favourite colour
new.one@visitors.example,{LONG_NAME},,,blue
new.two@visitors.example,Second,Scheduling Coordinator,Europe/Berlin,
new.one@visitors.example,Twice,,,
no address at all,Nobody,,,
boss@visitors.example,Boss,Boss,,
zone@visitors.example,Zone,,Middle/Earth,
{GUESTS[State.PENDING]},Invited already,,,
olga@portal.example,A member already,,,
"""


@dataclass(frozen=True)
class RoleStates:
    """A customer unit, an integrator unit, and what stands in them."""

    unit: OrganizationalUnit
    empty: OrganizationalUnit  # only its Ops Admin
    olga: User  # Ops Admin of both
    emma: User  # Employee of the first
    tools: Integrator
    archived: Application
    changing_over: Application  # two secrets, and approved
    invitations: dict[str, Invitation]  # by state
    for_emma: Invitation  # to an address that she may add to her sign-in
    preview: InvitationSheet
    sent: InvitationSheet
    members: dict[str, Member]  # by state
    bulk_preview: BulkRun
    bulk_done: BulkRun
    signed_off: AccessReview
    review: AccessReview
    no_access: CalendarConnection
    asked: IdentityConfirmation


def make_role_states() -> RoleStates:
    now = timezone.now()
    olga, emma = make_person("Olga", "olga@portal.example"), make_person("Emma", "emma@portal.example")
    unit = create_unit("Kube Community", by=olga, now=now)
    empty = create_unit("Sales and Support of the Northern and Western Regions", by=olga, now=now)
    add_member(unit, emma.email, by=olga, now=now, user=emma, given_name="Emma", role=roles.EMPLOYEE.code)
    members = make_memberships(unit, olga)
    made = make_invitations(unit, olga)
    nils = make_person("Nils", "nils@portal.example")  # has a sign-in and is invited
    made["owner known"] = invitations.invite(unit, nils.email, role=roles.EMPLOYEE.code, by=olga, now=now)
    for_emma = invitations.invite(empty, "e.m@visitors.example", role=roles.EMPLOYEE.code, by=olga, now=now)
    olgas = access_to(olga, unit.slug)
    preview = invitation_plans.keep_sheet(unit, SHEET, default_role=roles.EMPLOYEE.code, by=olga, now=now)
    sent = make_sent_sheet(unit, olga)
    bulk_preview, bulk_done = make_bulk_runs(unit, olgas)
    roles.grant_role(
        members["active"], roles.COORDINATOR.code, by=olga, now=now, why="While Carl is away. " * 8,
        until=now + timedelta(days=9),
    )  # fmt: skip
    signed_off, review = make_reviews(unit, olgas)
    no_access = create_connection(
        unit, "none", "no_access", by=olga, now=now, declared_domains=["portal.example"]
    )
    mailboxes.assign(unit, now=now)
    asked = identity.ask(members["active"], by=olga, now=now)
    tools = make_tools()
    archived, changing_over = make_applications(tools)
    return RoleStates(
        unit, empty, olga, emma, tools, archived, changing_over, made, for_emma,
        preview, sent, members, bulk_preview, bulk_done, signed_off, review, no_access, asked,
    )  # fmt: skip


def make_memberships(unit: OrganizationalUnit, olga: User) -> dict[str, Member]:
    """A member in each state, all of them with a long name."""
    now = timezone.now()
    made = {}
    for state in Member.State.values:
        user = make_person(state.title(), f"{state}@portal.example")
        made[state] = add_member(
            unit, user.email, by=olga, now=now, user=user, given_name=LONG_NAME, role=roles.EMPLOYEE.code
        )
    roles.grant_role(made["active"], roles.COORDINATOR.code, by=olga, now=now)
    memberships.suspend_member(made["suspended"], by=olga, now=now, why="Left the company")
    memberships.remove_member(made["removed"], by=olga, now=now)
    Member.objects.filter(pk=made["invited"].pk).update(state=Member.State.INVITED, user=None)
    return made


def make_invitations(unit: OrganizationalUnit, olga: User) -> dict[str, Invitation]:
    """One in each state, and one whose mail has to be tried again."""
    now = timezone.now()
    made = {}
    for state, address in {**GUESTS, "retrying": "guest.retrying@visitors.example"}.items():
        made[state] = invitations.invite(unit, address, role=roles.EMPLOYEE.code, by=olga, now=now)
    run_waiting_jobs()
    for state in State.values:
        Invitation.objects.filter(pk=made[state].pk).update(state=state)
    Invitation.objects.filter(pk=made["refused"].pk).update(refusal="550 5.1.1 Nobody here has this address")
    Invitation.objects.filter(pk=made["retrying"].pk).update(
        sends_done=0, refusal="451 4.7.1 Try again later", next_try_at=now + timedelta(minutes=5)
    )
    return made


def make_sent_sheet(unit: OrganizationalUnit, olga: User) -> InvitationSheet:
    now = timezone.now()
    sheet = invitation_plans.keep_sheet(
        unit, "third@visitors.example\nno address\n", default_role=roles.EMPLOYEE.code, by=olga, now=now
    )
    invitation_plans.start(sheet, digest=sheet.digest, now=now)
    return sheet


def make_bulk_runs(unit: OrganizationalUnit, olgas: Access) -> tuple[BulkRun, BulkRun]:
    """A preview with somebody to change, to leave and to refuse; and such a run that is over."""
    now = timezone.now()
    everybody = unit.members.all()
    done = bulk.prepare(olgas, everybody, Act.REVOKE_ROLE, now=now, role=roles.COORDINATOR.code)
    preview = bulk.prepare(olgas, everybody, Act.SUSPEND, now=now, why="After the merger")
    bulk.start(done, by=olgas.member.user, now=now)
    run_waiting_jobs()
    return preview, done


def make_reviews(unit: OrganizationalUnit, olgas: Access) -> tuple[AccessReview, AccessReview]:
    """One signed off; one open with a row kept, one revoked, one ended by itself and others left."""
    now, olga = timezone.now(), olgas.member.user
    over = reviews.begin(unit, by=olga, now=now)
    reviews.keep_matching(over, reviews.Chosen(), by=olga, now=now)
    reviews.sign_off(over, by=olga, now=now)
    review = reviews.begin(unit, by=olga, now=now)
    kept, revoked, ended, *_others = (
        row.grant
        for row in review.rows.filter(role=roles.EMPLOYEE.code).select_related("grant__member").order_by("pk")
    )
    reviews.keep(review, [kept.public_id], by=olga, now=now)
    reviews.revoke(olgas, review, [revoked.public_id], now=now, why="Not needed")
    roles.revoke_role(ended.member, ended.role, by=olga, now=now)
    return over, review


def make_applications(tools: Integrator) -> tuple[Application, Application]:
    now = timezone.now()
    archived, changing_over = (make_application(tools.unit, "staging") for _ in range(2))
    Application.objects.filter(pk=archived.pk).update(
        name="An application of old", state=Application.State.ARCHIVED
    )
    Application.objects.filter(pk=changing_over.pk).update(
        name="The scheduling assistant " * 3, publisher="Tools Incorporated, makers of tools. " * 6,
        second_secret="hashed", second_secret_made_at=now, approved_at=now, approved_by=tools.irma,
    )  # fmt: skip
    return archived, changing_over
