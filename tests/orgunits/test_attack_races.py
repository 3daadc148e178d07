"""Two people at the same moment: one wins, the other is told, nobody waits in a circle, and one Ops Admin is left."""

import threading
import time
from collections.abc import Callable
from itertools import product

import pytest
from allauth.account.models import EmailAddress
from django.db import connection, transaction
from django.utils import timezone

from orgunits import erasure, identity, invitations, joining, members, memberships, roles, units
from orgunits.models import Invitation, Member, OrganizationalUnit
from tests.people import Company, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], object]) -> list:
    """What each of these acts, begun at the same moment, answers or raises."""
    outcomes: list = [None] * len(acts)
    ready = threading.Barrier(len(acts))

    def run(number: int, act: Callable[[], object]) -> None:
        try:
            ready.wait(20)
            outcomes[number] = act()
        except Exception as error:  # noqa: BLE001 it is looked at below
            outcomes[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


def wait_for_somebody_waiting() -> None:
    """Until somebody waits for a lock; at most five seconds, since nobody may have to."""
    for _turn in range(50):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.1)


def in_the_middle_of(first: Callable[[], object], second: Callable[[], object]) -> list:
    """`first` holds the unit when `second` begins, and goes on once `second` waits for it, or is through."""
    begun = threading.Event()

    def slowly() -> object:
        with transaction.atomic():
            OrganizationalUnit.objects.select_for_update(no_key=True).get(name="Kube")
            begun.set()
            wait_for_somebody_waiting()
            return first()

    def afterwards() -> object:
        assert begun.wait(20)
        return second()

    return at_once(slowly, afterwards)


def ops_admins(company: Company) -> list[Member]:
    return list(company.unit.members.active().filter(role_grants__role="ops_admin", user__is_active=True))


# --- the last Ops Admin


def demote(member: Member, by, now) -> None:
    roles.revoke_role(member, "ops_admin", by=by, now=now)


def suspend(member: Member, by, now) -> None:
    memberships.suspend_member(member, by=by, now=now)


def leave(member: Member, by, now) -> None:
    memberships.remove_member(member, by=by, now=now)


def switch_off(member: Member, by, now) -> None:
    """As the form of Django admin does."""
    with transaction.atomic():
        if roles.units_that_need(member.user):
            raise roles.LastOpsAdmin
        member.user.is_active = False
        member.user.save()


def give_an_end(member: Member, by, now) -> None:
    roles.grant_role(member, "ops_admin", by=by, now=now, until=now)


DOORS = [demote, suspend, leave, switch_off, give_an_end]


@pytest.mark.parametrize(("one", "other"), list(product(DOORS, DOORS))[::3])
def test_two_ops_admins_who_end_each_other_at_once_leave_one(company, one, other):
    carl, olga = company.member(company.carl), company.member(company.olga)
    roles.grant_role(carl, "ops_admin", by=company.olga, now=timezone.now())
    now = timezone.now()

    outcomes = at_once(
        lambda: one(Member.objects.get(pk=carl.pk), company.olga, now),
        lambda: other(Member.objects.get(pk=olga.pk), company.carl, now),
    )

    assert [type(outcome) for outcome in outcomes if outcome is not None] == [roles.LastOpsAdmin]
    lasting = company.unit.members.active().filter(
        role_grants__role="ops_admin", role_grants__until=None, user__is_active=True
    )
    assert lasting.count() == 1


def test_who_was_suspended_when_looked_at_and_is_the_only_ops_admin_now_keeps_the_role(company):
    now = timezone.now()
    carl = company.member(company.carl)
    roles.grant_role(carl, "ops_admin", by=company.olga, now=now)
    memberships.suspend_member(carl, by=company.olga, now=now)
    as_seen = Member.objects.get(pk=carl.pk)
    memberships.reinstate_member(carl, by=company.olga, now=now)
    memberships.remove_member(company.member(company.olga), by=company.olga, now=now)

    with pytest.raises(roles.LastOpsAdmin):
        roles.revoke_role(as_seen, "ops_admin", by=company.olga, now=now)

    assert ops_admins(company) == [carl]


# --- joining


def invited(company: Company) -> Invitation:
    return invitations.invite(
        company.unit, "pat@guests.example", role="coordinator", by=company.olga, now=timezone.now()
    )


def pat():
    user = make_user("Pat", "pat@guests.example")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def test_joining_and_revoking_at_once_never_wait_in_a_circle(company):
    user, invitation = pat(), invited(company)
    seen = invitations.found(invitations.token(invitation))

    joined, revoked = in_the_middle_of(
        lambda: joining.accept(seen, user, now=timezone.now()),
        lambda: invitations.revoke(
            Invitation.objects.get(pk=invitation.pk), by=company.olga, now=timezone.now()
        ),
    )

    assert isinstance(joined, Member), joined
    assert isinstance(revoked, invitations.NotOpen), revoked
    assert revoked.problem == "accepted"


def test_joining_while_the_mail_is_called_off_never_waits_in_a_circle(company):
    user, invitation = pat(), invited(company)
    roles.grant_role(company.member(company.carl), "ops_admin", by=company.olga, now=timezone.now())
    memberships.suspend_member(company.member(company.olga), by=company.carl, now=timezone.now())
    seen = invitations.found(invitations.token(invitation))

    joined, sent = in_the_middle_of(
        lambda: joining.accept(seen, user, now=timezone.now()),
        lambda: invitations.send(invitation.pk, now=timezone.now()),
    )

    assert isinstance(joined, Member), joined
    assert sent is None


def test_an_address_that_changes_while_its_member_joins_makes_nobody_stumble(company):
    member = members.add_member(
        company.unit, "pat@guests.example", by=company.olga, now=timezone.now(), given_name="Pat"
    )
    user, invitation = pat(), invited(company)
    seen = invitations.found(invitations.token(invitation))

    joined, changed = in_the_middle_of(
        lambda: joining.accept(seen, user, now=timezone.now()),
        lambda: members.change_address(
            Member.objects.get(pk=member.pk), "pat@new.example", by=company.olga, now=timezone.now()
        ),
    )

    assert isinstance(joined, Member), joined
    assert changed is None
    member.refresh_from_db()
    assert (member.user, member.email, member.identity) == (user, "pat@new.example", "unverified")


def test_of_two_sign_ins_with_one_link_one_joins(company):
    user, invitation = pat(), invited(company)
    other = make_user("Other", "other@guests.example")

    def join(who):
        seen = invitations.found(invitations.token(invitation))
        with transaction.atomic():
            joining.add_address(seen, who)
            return joining.accept(seen, who, now=timezone.now())

    outcomes = at_once(lambda: join(user), lambda: join(user), lambda: join(other))

    assert [type(one) for one in outcomes].count(Member) == 1, outcomes
    assert isinstance(outcomes[2], joining.AddressOfAnother)
    assert Member.objects.get(pk=invitation.member_id).user == user
    assert not EmailAddress.objects.filter(user=other).exists()


def test_a_sign_in_is_not_erased_while_it_joins_another_unit(company):
    user, invitation = pat(), invited(company)
    elsewhere = members.add_member(
        company.stranger_unit, user.email, by=company.sven, now=timezone.now(), user=user
    )
    memberships.remove_member(elsewhere, by=company.sven, now=timezone.now())
    eraser = threading.Thread(target=erase, args=[elsewhere])

    with transaction.atomic():
        joining.accept(invitations.found(invitations.token(invitation)), user, now=timezone.now())
        eraser.start()
        wait_for_somebody_waiting()
    eraser.join(60)

    user.refresh_from_db()
    assert (user.is_active, user.email) == (True, "pat@guests.example")
    assert user.memberships.get().unit == company.unit
    elsewhere.refresh_from_db()
    assert elsewhere.erased_at is not None


def erase(member: Member) -> None:
    erasure.erase_member(member, by=None, now=timezone.now())
    connection.close()


def test_two_units_of_one_name_made_at_once_have_addresses_of_their_own(company):
    made = at_once(*[lambda: units.create_unit("Same", by=company.olga, now=timezone.now())] * 3)

    assert [type(unit) for unit in made] == [OrganizationalUnit] * 3, made
    assert len({unit.slug for unit in made}) == 3
    assert all(unit.slug.startswith("same") for unit in made)


# --- whose address it is


def test_a_confirmation_and_a_change_of_the_address_at_once_never_confirm_the_new_one(company):
    emma = company.member(company.emma)
    row = identity.ask(emma, by=company.olga, now=timezone.now())

    outcomes = at_once(
        lambda: identity.confirm(identity.found(identity.token(row)), now=timezone.now()),
        lambda: members.change_address(
            Member.objects.get(pk=emma.pk), "new@kube.example", by=company.olga, now=timezone.now()
        ),
    )

    emma.refresh_from_db()
    assert (emma.email, emma.identity) == ("new@kube.example", "unverified")
    assert all(one is None or isinstance(one, identity.NotOpen) for one in outcomes), outcomes
