"""The life of an invitation, with real mail to the sandbox's mail server."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.utils import timezone

from orgunits import invitations, jobs, joining, mail, memberships, roles
from orgunits.invitations import AlreadyInvited, AlreadyMember, NotOpen, UnitNotActive, invite
from orgunits.joining import AddressOfAnother, AlreadyHere, NotTheirs
from orgunits.models import AuditEvent, Invitation, Member, OrganizationalUnit
from tests.people import Company, make_user
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
PAT = "pat@guests.example"
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def invited(company: Company, address: str = PAT, *, role: str = "employee", **about) -> Invitation:
    return invite(company.unit, address, role=role, by=company.olga, now=timezone.now(), **about)


def verified(name: str, email: str):
    user = make_user(name, email)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


# --- inviting


def test_an_invited_person_stands_in_the_list_with_role_and_nothing_opens_for_them(company):
    invitation = invited(company, " Pat@Guests.example ", role="coordinator", given_name="Pat")

    member = invitation.member
    assert (member.email, member.name, member.state, member.came_by) == (PAT, "Pat", "invited", "invitation")
    assert [grant.role for grant in member.role_grants.all()] == ["coordinator"]
    assert member.user is None
    assert AuditEvent.objects.filter(verb="member.invited", subject=member.public_id).count() == 1


def test_who_can_sign_in_already_is_not_invited(company):
    with pytest.raises(AlreadyMember):
        invited(company, company.emma.email)


def test_who_is_invited_is_not_invited_again(company):
    invited(company)

    with pytest.raises(AlreadyInvited):
        invited(company, PAT.upper())


def test_who_came_from_a_directory_is_invited_to_sign_in_and_stays_active(company):
    member = Member.objects.create(unit=company.unit, email=PAT)

    invitation = invited(company)

    member.refresh_from_db()
    assert (invitation.member, member.state) == (member, "active")


def test_a_removed_member_can_be_invited_anew(company):
    first = invited(company)
    invitations.revoke(first, by=company.olga, now=timezone.now())

    second = invited(company)

    assert second.member != first.member
    assert second.member.state == "invited"


@pytest.mark.parametrize("state", ["paused", "archived"])
def test_in_a_unit_that_is_not_active_nobody_is_invited(company, state):
    OrganizationalUnit.objects.filter(pk=company.unit.pk).update(state=state)

    with pytest.raises(UnitNotActive):
        invited(company)

    assert not Member.objects.filter(email=PAT).exists()


def test_a_role_of_one_application_is_not_given_without_the_application(company):
    with pytest.raises(roles.NotGrantable):
        invited(company, role="developer")

    assert not Member.objects.filter(email=PAT).exists()


# --- the mail


def test_the_mail_says_who_what_as_what_and_until_when(company, mail_server):
    OrganizationalUnit.objects.filter(pk=company.unit.pk).update(default_time_zone="Europe/Berlin")
    company.unit.refresh_from_db()
    invite(company.unit, PAT, role="coordinator", by=company.olga, now=NOW)
    Invitation.objects.update(expires_at=timezone.now() + timedelta(days=3))
    run_waiting_jobs()

    (mail,) = mail_server.mail_to(PAT)
    invitation = Invitation.objects.get()
    until = timezone.localtime(invitation.expires_at, ZoneInfo("Europe/Berlin"))
    assert mail["subject"] == "Olga invites you to Kube"
    assert "Olga invites you to join Kube on Convoke, as Scheduling Coordinator." in mail["text"]
    assert f"{until.day} {until:%B %Y, %H:%M} (Europe/Berlin)" in mail["text"]
    assert "If you did not expect this" in mail["text"]
    assert mail["links"] == [invitations.link(invitation)]
    assert dict(mail["headers"])["Auto-Submitted"] == "auto-generated"
    assert (invitation.sends_done, invitation.sent_at is not None) == (1, True)


def test_names_with_line_breaks_and_marks_stay_in_their_place(company, mail_server):
    OrganizationalUnit.objects.update(name="O'Kube & <Sons>\r\nBcc: all@kube.example")
    company.unit.refresh_from_db()
    invited(company)
    run_waiting_jobs()

    (mail,) = mail_server.mail_to(PAT)

    assert mail["subject"] == "Olga invites you to O'Kube & <Sons> Bcc: all@kube.example"
    assert mail["recipients"] == [PAT]
    assert "Bcc" not in dict(mail["headers"])


def test_a_job_run_twice_mails_once(company, mail_server):
    invitation = invited(company)

    for _ in range(3):
        jobs.send_invitation(invitation.pk)

    assert len(mail_server.mail_to(PAT)) == 1


def test_sending_again_mails_the_same_link_with_a_new_end(company, mail_server):
    invitation = invited(company)
    run_waiting_jobs()
    before = invitation.expires_at

    invitations.resend(invitation, by=company.olga, now=timezone.now() + timedelta(days=2))
    run_waiting_jobs()

    first, second = mail_server.mail_to(PAT)
    assert first["links"] == second["links"]
    assert invitation.expires_at > before


def test_an_address_that_does_not_exist_is_told_with_the_servers_words(company, mail_server):
    mail_server.fault("mail_refused", target=PAT, words="No such user here")
    invitation = invited(company)

    run_waiting_jobs()
    run_waiting_jobs()

    invitation.refresh_from_db()
    assert (invitation.state, invitation.refusal) == ("refused", "550 5.1.1 No such user here")
    assert invitation.next_try_at is None
    assert AuditEvent.objects.filter(verb="invitation.refused").count() == 1


def test_a_refused_one_can_be_sent_again(company, mail_server):
    mail_server.fault("mail_refused", target=PAT, times=1)
    invitation = invited(company)
    run_waiting_jobs()
    invitation.refresh_from_db()

    invitations.resend(invitation, by=company.olga, now=timezone.now())
    run_waiting_jobs()

    invitation.refresh_from_db()
    assert (invitation.state, invitation.refusal, len(mail_server.mail_to(PAT))) == ("pending", "", 1)


def test_a_busy_mail_server_is_tried_again_later_and_later(company, mail_server):
    mail_server.fault("mail_deferred", target=PAT, times=2, words="Slow down")
    invitation = invited(company)
    run_waiting_jobs()

    invitation.refresh_from_db()
    assert (invitation.state, invitation.attempts) == ("pending", 1)
    assert invitation.refusal == "451 4.7.1 Slow down"
    first = invitation.next_try_at

    assert invitations.due(now=timezone.now()) == []
    assert invitations.due(now=first) == [invitation.pk]
    assert invitations.due(now=first) == []  # handed out already
    invitations.send(invitation.pk, now=first)
    invitation.refresh_from_db()
    assert invitation.next_try_at - first == mail.WAITS[1]

    invitations.send(invitation.pk, now=invitation.next_try_at)
    invitation.refresh_from_db()
    assert (invitation.sends_done, invitation.next_try_at, invitation.refusal) == (1, None, "")
    assert len(mail_server.mail_to(PAT)) == 1


def test_a_mail_server_that_is_away_is_tried_again(company, mail_server, settings):
    settings.EMAIL_PORT = 9  # nobody listens there
    invitation = invited(company)

    run_waiting_jobs()

    invitation.refresh_from_db()
    assert (invitation.state, invitation.refusal) == ("pending", "The mail server cannot be reached.")
    assert invitation.next_try_at is not None


def test_a_paused_unit_sends_when_it_goes_on(company, mail_server):
    invitation = invited(company)
    OrganizationalUnit.objects.update(state="paused")
    run_waiting_jobs()
    later = timezone.now() + timedelta(hours=1)

    assert mail_server.mail_to(PAT) == []
    assert invitations.due(now=later) == []
    OrganizationalUnit.objects.update(state="active")
    assert invitations.due(now=later) == [invitation.pk]


def test_who_may_invite_no_longer_sends_nothing(company, mail_server):
    roles.grant_role(company.member(company.carl), "ops_admin", by=company.olga, now=timezone.now())
    invitation = invited(company)
    roles.revoke_role(company.member(company.olga), "ops_admin", by=company.carl, now=timezone.now())

    run_waiting_jobs()

    invitation.refresh_from_db()
    assert (invitation.state, mail_server.mail_to(PAT)) == ("revoked", [])


# --- revoking and ending


def test_revoking_removes_who_had_not_joined(company):
    invitation = invited(company)

    invitations.revoke(invitation, by=company.olga, now=timezone.now())

    invitation.member.refresh_from_db()
    assert (invitation.state, invitation.member.state) == ("revoked", "removed")
    with pytest.raises(NotOpen):
        invitations.resend(invitation, by=company.olga, now=timezone.now())


def test_revoking_leaves_a_member_of_the_directory_as_they_were(company):
    member = Member.objects.create(unit=company.unit, email=PAT)
    roles.grant_role(member, "employee", by=None, now=NOW)
    invitation = invited(company, role="ops_admin")

    invitations.revoke(invitation, by=company.olga, now=timezone.now())

    member.refresh_from_db()
    assert member.state == "active"
    assert [grant.role for grant in member.role_grants.all()] == ["employee"]


def test_an_invitation_ends_by_itself_and_can_be_sent_again(company, settings):
    settings.INVITATION_DAYS = 14
    invitation = invite(company.unit, PAT, role="employee", by=company.olga, now=NOW)

    assert invitations.expire(now=NOW + timedelta(days=13, hours=23)) == 0
    assert invitations.expire(now=NOW + timedelta(days=14)) == 1
    assert invitations.expire(now=NOW + timedelta(days=14)) == 0

    invitation.refresh_from_db()
    assert invitation.state == "expired"
    invitations.resend(invitation, by=company.olga, now=NOW + timedelta(days=20))
    assert (invitation.state, invitation.expires_at) == ("pending", NOW + timedelta(days=34))


# --- joining


def test_a_new_person_joins_with_name_and_password(company):
    invitation = invited(company, role="coordinator")

    user = joining.sign_up(
        invitation, "a long enough one", given_name="Pat", family_name="Guest", now=timezone.now()
    )

    member = Member.objects.get(user=user)
    assert (member.pk, member.state) == (invitation.member_id, "active")
    assert joining.has_address(user, PAT)
    assert user.groups.count() == 1
    assert invitation.state == "accepted"


def test_who_has_the_address_joins_with_the_roles_of_the_invitation(company):
    pat = verified("Pat", PAT)

    member = joining.accept(invited(company, role="coordinator"), pat, now=timezone.now())

    assert (member.user, member.state) == (pat, "active")
    assert pat.groups.get().role_group.role == "coordinator"


def test_an_address_alone_joins_nobody(company):
    pat = verified("Pat", PAT)
    invited(company)

    assert not pat.memberships.exists()
    assert not pat.groups.exists()


def test_who_lacks_the_address_does_not_join(company):
    invitation = invited(company)
    dora = verified("Dora", "dora@guests.example")
    EmailAddress.objects.create(user=dora, email=PAT, verified=False)

    with pytest.raises(NotTheirs):
        joining.accept(invitation, dora, now=timezone.now())


def test_the_link_adds_the_address_to_a_sign_in_unless_it_is_anothers(company):
    invitation = invited(company)
    dora, pat = verified("Dora", "dora@guests.example"), verified("Pat", PAT)

    with pytest.raises(AddressOfAnother):
        joining.add_address(invitation, dora)
    EmailAddress.objects.filter(user=pat).delete()
    with pytest.raises(AddressOfAnother):  # it is still the name that somebody signs in with
        joining.add_address(invitation, dora)
    pat.delete()
    joining.add_address(invitation, dora)

    assert joining.has_address(dora, PAT)
    assert EmailAddress.objects.get_primary(dora).email == "dora@guests.example"


def test_one_sign_in_is_one_member(company):
    emma = company.emma
    EmailAddress.objects.create(user=emma, email=PAT, verified=True, primary=True)
    invitation = invited(company)

    with pytest.raises(AlreadyHere):
        joining.accept(invitation, emma, now=timezone.now())

    invitation.refresh_from_db()
    assert invitation.state == "pending"


@pytest.mark.parametrize(
    "what", ["expired", "revoked", "refused", "accepted", "archived", "removed", "suspended"]
)
def test_an_invitation_that_is_over_lets_nobody_join(company, what):
    pat, invitation, now = verified("Pat", PAT), invited(company), timezone.now()
    problem = what
    if what == "expired":
        now += timedelta(days=14)
    elif what == "archived":
        OrganizationalUnit.objects.update(state="archived")
        problem = "closed"
    elif what == "suspended":
        Member.objects.filter(pk=invitation.member_id).update(state="suspended")
        problem = "closed"
    elif what == "removed":
        memberships.remove_member(invitation.member, by=company.olga, now=now)
        problem = "revoked"
    else:
        Invitation.objects.update(state=what)
    invitation = invitations.found(invitations.token(invitation))

    with pytest.raises(NotOpen) as refused:
        joining.accept(invitation, pat, now=now)

    assert refused.value.problem == problem
    assert not pat.groups.exists()


def test_only_the_first_of_two_joins(company):
    pat, invitation = verified("Pat", PAT), invited(company)
    token = invitations.token(invitation)
    first, second = invitations.found(token), invitations.found(token)

    joining.accept(first, pat, now=timezone.now())
    with pytest.raises(NotOpen):
        joining.accept(second, pat, now=timezone.now())

    assert AuditEvent.objects.filter(verb="member.joined").count() == 1


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: "inv_" + "0" * 24, lambda t: t.swapcase(), lambda t: ""]
)
def test_a_made_up_link_leads_nowhere(company, change):
    assert invitations.found(change(invitations.token(invited(company)))) is None


def test_the_queue_holds_no_address(company):
    invited(company)
    with connection.cursor() as cursor:
        cursor.execute("SELECT payload FROM django_q_ormq")
        assert not any(re.search("guests", row[0]) for row in cursor.fetchall())
