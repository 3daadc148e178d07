"""Units that are closed, and Ops Admins who come back: no address left open, no job that goes on, no proof spared."""

import pytest
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from connections import hand_offs
from orgunits import bulk, identity, invitation_plans, invitations, memberships, roles, units
from orgunits.access import access_to
from orgunits.models import Member
from tests.guards.routes import address, build_house, good_input, routes_of
from tests.people import Company, make_company, signed_in
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db

RESTORING = {"unit_settings", "unit_restore"}  # what an Ops Admin does with an archived unit


@pytest.fixture
def company(providers) -> Company:
    cache.clear()
    return make_company()


def everything(unit) -> tuple:
    """What an act in the unit would change."""
    kinds = (
        unit.members,
        unit.invitations,
        unit.invitationsheets,
        unit.bulkruns,
        unit.applications,
        unit.rolegrants,
    )
    people = list(unit.members.order_by("pk").values_list("pk", "state", "email", "identity", "time_zone"))
    return *(rows.count() for rows in kinds), people, unit.audit_events.count()


@pytest.mark.parametrize("method", ["get", "post"])
def test_no_address_of_an_archived_unit_is_left_open(company, method):
    house = build_house(company)
    olga, unit = signed_in(company.olga), company.unit
    inputs = {route.name: good_input(route, house.own) for route in routes_of("unit")}
    olga.get(reverse("unit_home", args=[unit.slug]))
    units.archive_unit(unit, by=company.olga, now=timezone.now())
    before = everything(unit)

    answers = {
        route.name: getattr(olga, method)(
            address(route, house.own.values(route)), inputs[route.name]
        ).status_code
        for route in routes_of("unit")
        if route.name not in RESTORING
    }

    assert set(answers.values()) <= {403, 405}, answers
    assert everything(unit) == before


def test_links_mailed_before_a_unit_was_archived_open_nothing_while_it_is(company):
    now = timezone.now()
    invitation = invitations.invite(
        company.unit, "pat@guests.example", role="employee", by=company.olga, now=now
    )
    question = identity.ask(company.member(company.emma), by=company.olga, now=now)
    units.archive_unit(company.unit, by=company.olga, now=now)
    entered = {"act": "sign_up", "given_name": "Pat", "password": "a-rather-long-password-9"}

    joined = Client().post(reverse("invitation", args=[invitations.token(invitation)]), entered)
    confirmed = Client().post(reverse("confirm_identity", args=[identity.token(question)]))

    assert (joined.status_code, confirmed.status_code) == (410, 410)
    assert company.unit.members.get(email="pat@guests.example").state == "invited"
    assert company.member(company.emma).identity == "pending"


def test_jobs_that_wait_when_a_unit_is_archived_do_nothing(company):
    now, access = timezone.now(), access_to(company.olga, company.unit.slug)
    run = bulk.prepare(access, company.unit.members.exclude(user=company.olga), "suspend", now=now)
    bulk.start(run, by=company.olga, now=now)
    sheet = invitation_plans.keep_sheet(
        company.unit, "pat@guests.example", default_role="employee", by=company.olga, now=now
    )
    invitation_plans.start(sheet, digest=sheet.digest, now=now)
    units.archive_unit(company.unit, by=company.olga, now=now)

    run_waiting_jobs()

    assert set(company.unit.members.values_list("state", flat=True)) == {"active"}
    assert not company.unit.invitations.exists()
    assert set(run.rows.values_list("reason", flat=True)) == {"right_lost"}


@override_settings(REAUTHENTICATION=True)
@pytest.mark.parametrize(("end", "door"), [("suspend", "member_reinstate"), ("remove", "member_restore")])
def test_having_an_ops_admin_back_asks_again_who_one_is(company, end, door):
    carl, emma = company.member(company.carl), company.member(company.emma)
    roles.grant_role(carl, "ops_admin", by=company.olga, now=timezone.now())
    for member in (carl, emma):
        getattr(memberships, f"{end}_member")(member, by=company.olga, now=timezone.now())
    olga = signed_in(company.olga)

    asked, back = (olga.post(reverse(door, args=[company.unit.slug, row.public_id])) for row in (carl, emma))

    assert asked.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert not back.headers["Location"].startswith(reverse("account_reauthenticate"))
    states = [Member.objects.get(pk=row.pk).state for row in (carl, emma)]
    assert states == [{"suspend": "suspended", "remove": "removed"}[end], "active"]


@override_settings(REAUTHENTICATION=True)
def test_having_ops_admins_back_in_a_row_asks_again_who_one_is(company):
    carl = company.member(company.carl)
    roles.grant_role(carl, "ops_admin", by=company.olga, now=timezone.now())
    memberships.suspend_member(carl, by=company.olga, now=timezone.now())
    access = access_to(company.olga, company.unit.slug)
    run = bulk.prepare(access, company.unit.members.all(), "reinstate", now=timezone.now())

    answer = signed_in(company.olga).post(reverse("bulk_start", args=[company.unit.slug, run.public_id]))
    run_waiting_jobs()

    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert company.member(company.carl).state == "suspended"


def test_who_lost_the_right_has_left_no_way_in(company):
    """A link to connect a tenant of one's own, and an invitation that makes an accomplice Ops Admin."""
    now, house = timezone.now(), build_house(company)
    carl = company.member(company.carl)
    roles.grant_role(carl, "ops_admin", by=company.olga, now=now)
    by_carl = {"by": company.carl, "now": now}
    powerful = invitations.invite(company.unit, "pat@guests.example", role="ops_admin", **by_carl)
    harmless = invitations.invite(company.unit, "quinn@guests.example", role="employee", **by_carl)
    _row, token = hand_offs.create_link(house.own.microsoft, by=company.carl, now=now)
    links = [reverse("invitation", args=[invitations.token(row)]) for row in (powerful, harmless)]
    links.append(reverse("hand_off", args=[token]))
    assert [Client().get(link).status_code for link in links] == [200, 200, 200]

    roles.revoke_role(carl, "ops_admin", by=company.olga, now=now)

    entered = {"act": "sign_up", "given_name": "Pat", "password": "a-rather-long-password-9"}
    assert Client().post(links[0], entered).status_code == 410
    assert [Client().get(link).status_code for link in links] == [410, 200, 404]
    assert company.unit.members.get(email="pat@guests.example").state == "invited"
    powerful.refresh_from_db()
    invitations.resend(powerful, by=company.olga, now=now)
    assert Client().get(links[0]).status_code == 200


class Killed(BaseException):
    """The worker's process is gone: nothing that catches errors sees it."""


def test_a_killed_worker_does_each_act_once(company, monkeypatch):
    now, access = timezone.now(), access_to(company.olga, company.unit.slug)
    run = bulk.prepare(access, company.unit.members.exclude(user=company.olga), "suspend", now=now)
    bulk.start(run, by=company.olga, now=now)
    sheet = invitation_plans.keep_sheet(
        company.unit,
        "pat@x.example quinn@x.example".replace(" ", "\n"),
        default_role="employee",
        by=company.olga,
        now=now,
    )
    invitation_plans.start(sheet, digest=sheet.digest, now=now)
    real_suspend, real_invite, calls = memberships.suspend_member, invitations.invite, []

    def dies(real):
        def act(*args, **kwargs):
            answer = real(*args, **kwargs)
            calls.append(real.__name__)
            if calls.count(real.__name__) == 2:
                raise Killed
            return answer

        return act

    monkeypatch.setattr(memberships, "suspend_member", dies(real_suspend))
    monkeypatch.setattr(invitations, "invite", dies(real_invite))
    with pytest.raises(Killed):
        bulk.do_slice(run, now=now)
    with pytest.raises(Killed):
        invitation_plans.go_on(sheet, after=0, now=now)
    assert not bulk.do_slice(run, now=now)
    invitation_plans.go_on(sheet, after=0, now=now)

    suspended = company.unit.audit_events.filter(verb="member.suspended").values_list("subject", flat=True)
    assert sorted(suspended) == sorted(
        company.member(user).public_id for user in (company.carl, company.emma)
    )
    assert sorted(company.unit.invitations.values_list("email", flat=True)) == [
        "pat@x.example",
        "quinn@x.example",
    ]
    assert company.unit.audit_events.filter(verb="member.invited").count() == 2
    run.refresh_from_db()
    sheet.refresh_from_db()
    assert (run.state, sheet.finished_at) == ("succeeded", now)
