"""The life of a membership: who can end it, what ends with it, what comes back, and what is at last forgotten."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orgunits import erasure, memberships, roles
from orgunits.access import rights_of, user_may
from orgunits.members import add_member
from orgunits.memberships import (
    AddressTaken,
    TooLate,
    WrongState,
    reinstate_member,
    remove_member,
    restore_member,
    suspend_member,
)
from orgunits.models import AuditEvent, AuditName, AuditReason, Member, RoleGrant
from orgunits.roles import COORDINATOR, OPS_ADMIN, LastOpsAdmin
from tests.builders import make_members
from tests.people import Company, make_integrator, make_user

pytestmark = pytest.mark.django_db
MONTH = timedelta(days=30)


def now():
    return timezone.now()


def state_of(member: Member) -> str:
    return Member.objects.values_list("state", flat=True).get(pk=member.pk)


def signed_in(user) -> Client:
    """By the sign-in page, as everybody comes in."""
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    client = Client()
    client.post(reverse("account_login"), {"login": user.email, "password": "pw-of-a-test-1"})
    assert UserSession.objects.filter(user=user).exists()
    return client


def page_of(company: Company, client: Client) -> int:
    return client.get(reverse("members", args=[company.unit.slug])).status_code


# --- suspend, reinstate -------------------------------------------------------------------------------------------
def test_a_suspended_member_has_no_rights_and_gets_them_all_back(company):
    carl = company.member(company.carl)

    suspend_member(carl, by=company.olga, now=now())

    assert (state_of(carl), rights_of(carl)) == ("suspended", frozenset())
    assert not company.carl.groups.exists()

    reinstate_member(carl, by=company.olga, now=now())

    assert rights_of(Member.objects.get(pk=carl.pk)) == frozenset(COORDINATOR.rights)


def test_the_log_says_what_changed_by_whom_and_why(company):
    emma = company.member(company.emma)

    suspend_member(emma, by=company.olga, now=now(), why="on leave")

    event = AuditEvent.objects.get(verb="member.suspended")
    assert (event.actor, event.subject) == (company.olga.public_id, emma.public_id)
    assert (event.before, event.after, event.facts) == ({"state": "active"}, {"state": "suspended"}, {})
    assert AuditReason.objects.get(event=event.public_id).text == "on leave"


def test_open_sessions_of_a_suspended_member_end_at_once(company):
    client = signed_in(company.carl)
    assert page_of(company, client) == 200

    suspend_member(company.member(company.carl), by=company.olga, now=now())

    assert not UserSession.objects.filter(user=company.carl).exists()
    assert page_of(company, client) == 302  # to sign in


def test_a_session_that_serves_another_unit_goes_on_there_and_this_one_is_closed(company):
    add_member(company.stranger_unit, company.carl.email, by=company.sven, now=now(), user=company.carl)
    client = signed_in(company.carl)

    suspend_member(company.unit.members.get(user=company.carl), by=company.olga, now=now())

    assert page_of(company, client) == 404
    assert client.get(reverse("unit_home", args=[company.stranger_unit.slug])).status_code == 302
    assert UserSession.objects.filter(user=company.carl).count() == 1


def test_staff_stay_signed_in_for_their_work_in_support(company):
    company.carl.is_staff = True
    company.carl.save()
    signed_in(company.carl)

    suspend_member(company.member(company.carl), by=company.olga, now=now())

    assert UserSession.objects.filter(user=company.carl).exists()


def test_rights_on_single_applications_end_and_come_back():
    tools = make_integrator()
    dora = tools.member(tools.dora)
    held = tools.dora.applicationuserpermission_set

    suspend_member(dora, by=tools.irma, now=now())
    assert not held.exists()

    reinstate_member(dora, by=tools.irma, now=now())
    assert held.count() == 2 * len(roles.DEVELOPER.application_rights)


@pytest.mark.parametrize("act", [suspend_member, remove_member])
def test_the_last_ops_admin_stays(company, act):
    olga = company.member(company.olga)

    with pytest.raises(LastOpsAdmin):
        act(olga, by=company.olga, now=now())

    assert state_of(olga) == "active"
    assert user_may(company.olga, company.unit, "manage_members")
    assert not AuditEvent.objects.filter(verb__in=["member.suspended", "member.removed"]).exists()


@pytest.mark.parametrize("act", [suspend_member, remove_member])
@pytest.mark.parametrize("other", ["switched off", "suspended", "ends by itself"])
def test_an_ops_admin_who_cannot_act_for_long_does_not_let_the_other_go(company, act, other):
    otto = make_user("Otto", "otto@kube.example", is_active=other != "switched off")
    second = add_member(company.unit, otto.email, by=company.olga, now=now(), user=otto)
    until = now() + MONTH if other == "ends by itself" else None
    roles.grant_role(second, OPS_ADMIN.code, by=company.olga, now=now(), until=until)
    if other == "suspended":
        suspend_member(second, by=company.olga, now=now())

    with pytest.raises(LastOpsAdmin):
        act(company.member(company.olga), by=company.olga, now=now())


def test_of_two_ops_admins_one_can_go_and_then_the_other_cannot(company):
    otto = make_user("Otto", "otto@kube.example")
    second = add_member(company.unit, otto.email, by=company.olga, now=now(), user=otto, role=OPS_ADMIN.code)

    suspend_member(company.member(company.olga), by=otto, now=now())

    with pytest.raises(LastOpsAdmin):
        remove_member(second, by=otto, now=now())


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        ("invited", {"remove_member"}),
        ("active", {"suspend_member", "remove_member"}),
        ("suspended", {"reinstate_member", "remove_member"}),
        ("removed", {"restore_member"}),
    ],
)
def test_each_state_allows_some_acts_and_refuses_the_others_by_name(company, state, allowed):
    for name in ("suspend_member", "reinstate_member", "remove_member", "restore_member"):
        (member,) = make_members(company.unit, [f"{name}@x.example"], state=state)
        act = getattr(memberships, name)
        if name in allowed:
            act(member, by=company.olga, now=now())
            assert state_of(member) != state
        else:
            with pytest.raises(WrongState):
                act(member, by=company.olga, now=now())
            assert state_of(member) == state


def test_who_looks_at_an_old_page_does_not_suspend_twice(company):
    emma = company.member(company.emma)
    as_another_sees_her = company.member(company.emma)
    suspend_member(emma, by=company.olga, now=now())

    with pytest.raises(WrongState):
        suspend_member(as_another_sees_her, by=company.olga, now=now())

    assert AuditEvent.objects.filter(verb="member.suspended").count() == 1


# --- remove, restore ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("before", ["invited", "active", "suspended"])
def test_a_restored_member_is_what_they_were_before(company, before):
    emma = company.member(company.emma)
    Member.objects.filter(pk=emma.pk).update(state=before)

    remove_member(emma, by=company.olga, now=now())
    assert state_of(emma) == "removed"
    restore_member(emma, by=company.olga, now=now())

    assert state_of(emma) == before
    event = AuditEvent.objects.get(verb="member.restored")
    assert (event.before, event.after) == ({"state": "removed"}, {"state": before})


def test_a_removed_member_is_restored_with_their_roles(company):
    carl = company.member(company.carl)
    remove_member(carl, by=company.olga, now=now())
    assert rights_of(carl) == frozenset()

    restore_member(carl, by=company.olga, now=now())

    assert rights_of(company.member(company.carl)) == frozenset(COORDINATOR.rights)


def test_after_thirty_days_nobody_is_restored(company):
    emma = company.member(company.emma)
    began = now()
    remove_member(emma, by=company.olga, now=began)

    with pytest.raises(TooLate):
        restore_member(emma, by=company.olga, now=began + MONTH)

    restore_member(emma, by=company.olga, now=began + MONTH - timedelta(seconds=1))
    assert state_of(emma) == "active"


def test_nobody_is_restored_beside_a_newcomer_with_their_address(company):
    emma = company.member(company.emma)
    remove_member(emma, by=company.olga, now=now())
    make_members(company.unit, [emma.email])

    with pytest.raises(AddressTaken):
        restore_member(emma, by=company.olga, now=now())

    assert state_of(emma) == "removed"
    assert not AuditEvent.objects.filter(verb="member.restored").exists()


# --- erase --------------------------------------------------------------------------------------------------------
def everything_known(*words: str) -> list[str]:
    """Where in the tables of people and of the log one of the words still stands."""
    rows = [*Member.objects.values(), *AuditName.objects.values(), *AuditReason.objects.values()]
    rows += [*type(Member().user).objects.values()] if Member().user else []
    return [str(row) for row in rows if any(word in str(row).lower() for word in words)]


def test_after_the_month_a_removed_member_is_nobody_and_the_log_keeps_its_shape(company):
    emma, began = company.member(company.emma), now()
    suspend_member(emma, by=company.olga, now=began, why="Emma is unwell")
    remove_member(emma, by=company.olga, now=began, why="Emma left us")
    events = AuditEvent.objects.filter(subject=emma.public_id).count()

    assert erasure.erase_overdue(now=began + MONTH - timedelta(seconds=1), most=10) == 0
    assert erasure.erase_overdue(now=began + MONTH, most=10) == 1

    emma.refresh_from_db()
    assert (emma.state, emma.user, emma.name) == ("removed", None, f"{emma.public_id}@erased.invalid")
    assert not RoleGrant.objects.filter(member=emma).exists()
    assert AuditEvent.objects.filter(subject=emma.public_id).count() == events + 1
    assert everything_known("emma") == []


def test_erasing_twice_erases_once(company):
    emma, began = company.member(company.emma), now()
    remove_member(emma, by=company.olga, now=began)
    erasure.erase_member(emma, by=company.olga, now=began)

    assert erasure.erase_overdue(now=began + MONTH, most=10) == 0
    with pytest.raises(WrongState):
        erasure.erase_member(emma, by=company.olga, now=began)
    with pytest.raises(WrongState):
        restore_member(emma, by=company.olga, now=began)


@pytest.mark.parametrize("state", ["invited", "active", "suspended"])
def test_only_removed_members_are_erased(company, state):
    (member,) = make_members(company.unit, ["x@x.example"], state=state)

    with pytest.raises(WrongState):
        erasure.erase_member(member, by=company.olga, now=now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Member.objects.filter(pk=member.pk).update(erased_at=now())


def test_a_sign_in_without_any_membership_goes_with_the_last_one(company):
    EmailAddress.objects.create(user=company.emma, email=company.emma.email, verified=True)
    remove_member(company.member(company.emma), by=company.olga, now=now())

    erasure.erase_member(Member.objects.get(user=company.emma), by=company.olga, now=now())

    company.emma.refresh_from_db()
    assert not company.emma.is_active
    assert (company.emma.first_name, company.emma.email) == ("", f"{company.emma.public_id}@erased.invalid")
    assert not EmailAddress.objects.filter(user=company.emma).exists()


@pytest.mark.parametrize("why", ["member elsewhere", "staff"])
def test_a_sign_in_that_serves_elsewhere_stays(company, why):
    if why == "staff":
        company.emma.is_staff = True
        company.emma.save()
    else:
        add_member(company.stranger_unit, "emma@x.example", by=company.sven, now=now(), user=company.emma)
    emma = company.unit.members.get(user=company.emma)
    remove_member(emma, by=company.olga, now=now())

    erasure.erase_member(emma, by=company.olga, now=now())

    company.emma.refresh_from_db()
    assert (company.emma.email, company.emma.is_active) == ("emma@kube.example", True)


# --- whom one may act on ------------------------------------------------------------------------------------------
def test_one_acts_only_on_members_whose_roles_are_at_or_below_ones_own(company):
    olga, carl = company.member(company.olga), company.member(company.carl)
    all_rights, fewer = frozenset(OPS_ADMIN.rights), frozenset(COORDINATOR.rights) | {"manage_members"}

    assert memberships.within_reach(olga, all_rights)
    assert memberships.within_reach(carl, fewer)
    assert not memberships.within_reach(olga, fewer)
    assert not memberships.within_reach(carl, frozenset(COORDINATOR.rights))


# --- the other door: Django admin ---------------------------------------------------------------------------------
def switch_off(user) -> int:
    """As staff does it: the sign-in's page without the tick. Answers the status."""
    staff = Client()
    staff.force_login(make_user("Sami", "sami@x.example", is_staff=True, is_superuser=True))
    fields = {"email": user.email, "first_name": user.first_name, "last_name": "", "time_zone": ""}
    return staff.post(reverse("admin:orgunits_user_change", args=[user.pk]), fields).status_code


def test_support_cannot_switch_off_the_sign_in_of_the_last_ops_admin(company):
    assert switch_off(company.olga) == 200  # the form again, with its error

    company.olga.refresh_from_db()
    assert company.olga.is_active


def test_support_switches_off_an_ops_admin_beside_whom_there_is_another(company):
    otto = make_user("Otto", "otto@kube.example")
    add_member(company.unit, otto.email, by=company.olga, now=now(), user=otto, role=OPS_ADMIN.code)

    assert switch_off(company.olga) == 302
    assert roles.units_that_need(otto) == [company.unit]
