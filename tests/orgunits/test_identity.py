"""Whether an address is its member's, asked by real mail."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, domains, mailboxes
from connections import identity as shown
from connections.models import CalendarConnection, Mailbox
from orgunits import identity, invitations, jobs, members, roles
from orgunits.identity import NotAskable, NotOpen
from orgunits.invitations import invite
from orgunits.joining import sign_up
from orgunits.models import AuditEvent, IdentityConfirmation, Member, OrganizationalUnit
from tests.builders import make_members
from tests.people import Company, signed_in
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
PAT = "pat@etcd.example"


@pytest.fixture
def pat(company) -> Member:
    return make_members(company.unit, [PAT])[0]


def asked(company: Company, member: Member) -> IdentityConfirmation:
    return identity.ask(member, by=company.olga, now=timezone.now())


def state_of(member: Member) -> str:
    member.refresh_from_db()
    return member.identity


def words(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def url_of(confirmation: IdentityConfirmation) -> str:
    return reverse("confirm_identity", args=[identity.token(confirmation)])


def no_access(company: Company) -> CalendarConnection:
    """A No Access connection that serves etcd.example."""
    now = timezone.now()
    row = calendar_connections.create_connection(company.unit, "none", "no_access", by=company.olga, now=now)
    domains.add_domain(row, "etcd.example", by=company.olga, now=now)
    CalendarConnection.objects.filter(pk=row.pk).update(state="active", connected_at=now)
    mailboxes.assign(company.unit, now=now)
    row.refresh_from_db()
    return row


# --- asking and answering


def test_the_mail_asks_and_the_button_confirms(company, pat, mail_server):
    confirmation = asked(company, pat)
    run_waiting_jobs()

    (mail,) = mail_server.mail_to(PAT)
    assert state_of(pat) == "pending"
    assert mail["subject"] == "Is this your address? Kube asks"
    assert "Olga of Kube asks whether this address is yours." in mail["text"]
    assert mail["links"] == [identity.link(confirmation)]
    client = Client()
    for _ in range(2):
        assert "Yes, this is my address" in words(client.get(url_of(confirmation)))
    assert state_of(pat) == "pending"  # looking, as scanners do, confirms nothing

    assert "your address is confirmed" in words(client.post(url_of(confirmation)))

    assert state_of(pat) == "verified"
    assert AuditEvent.objects.filter(verb="identity.confirmed", actor=pat.public_id).count() == 1
    again = client.post(url_of(confirmation))
    assert (again.status_code, "was confirmed already" in words(again)) == (410, True)


def test_a_job_run_twice_mails_once(company, pat, mail_server):
    confirmation = asked(company, pat)

    for _ in range(3):
        jobs.send_confirmation(confirmation.pk)

    assert len(mail_server.mail_to(PAT)) == 1


def test_a_newer_question_ends_the_older_one(company, pat):
    first, second = asked(company, pat), asked(company, pat)

    answer = Client().post(url_of(first))

    assert (answer.status_code, "There is a newer mail" in words(answer)) == (410, True)
    assert state_of(pat) == "pending"
    identity.confirm(identity.found(identity.token(second)), now=timezone.now())
    assert state_of(pat) == "verified"


def test_a_member_is_asked_three_times_a_day_at_most(company, pat):
    for _ in range(identity.A_DAY):
        asked(company, pat)

    with pytest.raises(NotAskable) as refused:
        asked(company, pat)

    assert refused.value.problem == "often"


@pytest.mark.parametrize("what", ["verified", "suspended", "paused"])
def test_who_needs_no_question_or_takes_no_part_is_not_asked(company, pat, what):
    if what == "verified":
        Member.objects.filter(pk=pat.pk).update(identity="verified")
    elif what == "suspended":
        Member.objects.filter(pk=pat.pk).update(state="suspended")
    else:
        OrganizationalUnit.objects.update(state="paused")

    with pytest.raises(NotAskable):
        asked(company, pat)


def test_a_question_ends_after_seven_days_and_can_be_asked_again(company, pat):
    confirmation = asked(company, pat)
    end = confirmation.expires_at

    assert identity.expire(now=end - timedelta(seconds=1)) == 0
    with pytest.raises(NotOpen):
        identity.confirm(confirmation, now=end)
    assert identity.expire(now=end) == 1

    assert state_of(pat) == "expired"
    identity.ask(pat, by=company.olga, now=end)
    assert state_of(pat) == "pending"


def test_an_address_that_the_server_refuses_is_unverified_again_with_the_reason(company, pat, mail_server):
    mail_server.fault("mail_refused", target=PAT, words="Nobody")
    confirmation = asked(company, pat)

    run_waiting_jobs()

    confirmation.refresh_from_db()
    assert (state_of(pat), confirmation.refusal) == ("unverified", "550 5.1.1 Nobody")


def test_a_busy_server_is_tried_again(company, pat, mail_server):
    mail_server.fault("mail_deferred", target=PAT, times=1)
    confirmation = asked(company, pat)
    run_waiting_jobs()
    confirmation.refresh_from_db()

    assert identity.due(now=timezone.now()) == []
    assert identity.due(now=confirmation.next_try_at) == [confirmation.pk]
    identity.send(confirmation.pk, now=confirmation.next_try_at)

    assert len(mail_server.mail_to(PAT)) == 1


def test_who_may_no_longer_ask_sends_nothing(company, pat, mail_server):
    roles.grant_role(company.member(company.carl), "ops_admin", by=company.olga, now=timezone.now())
    asked(company, pat)
    roles.revoke_role(company.member(company.olga), "ops_admin", by=company.carl, now=timezone.now())

    run_waiting_jobs()

    assert (mail_server.mail_to(PAT), state_of(pat)) == ([], "unverified")


def test_a_link_for_one_purpose_does_not_serve_another(company, pat):
    confirmation = asked(company, pat)
    invitation = invite(company.unit, "new@x.example", role="employee", by=company.olga, now=timezone.now())

    assert identity.found(invitations.token(invitation)) is None
    assert invitations.found(identity.token(confirmation)) is None
    assert Client().get(reverse("confirm_identity", args=["x:y"])).status_code == 404


def test_joining_by_the_mailed_link_shows_the_same(company):
    invitation = invite(company.unit, PAT, role="employee", by=company.olga, now=timezone.now())

    sign_up(invitation, "plum-tree-in-snow", given_name="Pat", family_name="", now=timezone.now())

    assert Member.objects.get(email=PAT).identity == "verified"


# --- another address


def test_another_address_is_asked_anew_and_the_old_link_ends(company, pat):
    confirmation = asked(company, pat)

    members.change_address(pat, " Pat2@ETCD.example", by=company.olga, now=timezone.now())

    pat.refresh_from_db()
    assert (pat.email, pat.identity) == ("pat2@etcd.example", "unverified")
    assert Client().post(url_of(confirmation)).status_code == 410
    Member.objects.filter(pk=pat.pk).update(identity="verified")
    members.change_address(pat, PAT, by=company.olga, now=timezone.now())
    assert state_of(pat) == "unverified"
    assert AuditEvent.objects.filter(verb="member.address_changed").count() == 2


def test_an_address_of_another_member_is_refused(company, pat):
    with pytest.raises(members.AddressTaken):
        members.change_address(pat, company.emma.email, by=company.olga, now=timezone.now())

    assert pat.email == PAT


def test_a_changed_address_has_another_mailbox(company, pat):
    connection = no_access(company)
    pat.refresh_from_db()
    old = pat.mailbox
    assert old.connection == connection

    answer = signed_in(company.olga).post(
        reverse("member_address", args=[company.unit.slug, pat.public_id]), {"email": "pat@elsewhere.example"}
    )

    assert answer.status_code == 302
    new = Mailbox.objects.get(member=pat)
    assert (new.pk != old.pk, new.connection) == (True, None)


def test_a_taken_address_is_said_at_its_field(company, pat):
    answer = signed_in(company.olga).post(
        reverse("member_address", args=[company.unit.slug, pat.public_id]), {"email": company.emma.email}
    )

    assert answer.status_code == 422
    assert "Another member of this unit has this address." in words(answer)


# --- what pages show


@pytest.mark.parametrize(
    ("provider", "mode", "answered", "stored", "code", "asks"),
    [
        ("google", "read_write", True, "unverified", "verified", False),
        ("google", "free_busy", True, "expired", "verified", False),
        ("microsoft", "free_busy", False, "unverified", "unverified", False),
        ("none", "no_access", False, "unverified", "unverified", True),
        ("none", "no_access", False, "pending", "pending", True),
        ("none", "no_access", False, "verified", "verified", False),
    ],
)
def test_a_mailbox_that_answered_counts_as_verified(provider, mode, answered, stored, code, asks):
    connection = CalendarConnection(provider=provider, mode=mode)
    box = Mailbox(connection=connection, last_synced_at=timezone.now() if answered else None)

    found = shown.shown_identity(Member(identity=stored), box)

    assert (found.code, found.asks) == (code, asks)


def test_the_members_page_asks_with_a_button_within_limits(company, pat, mail_server):
    no_access(company)
    client = signed_in(company.olga)
    page = reverse("member", args=[company.unit.slug, pat.public_id])
    ask = reverse("identity_ask", args=[company.unit.slug, pat.public_id])
    assert "Send a confirmation mail" in words(client.get(page))

    answers = [client.post(ask, follow=True) for _ in range(4)]

    assert "A confirmation mail is on its way" in words(answers[0])
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert "Send the mail again" in words(client.get(page))


def test_a_member_asks_for_their_own_mail_and_not_for_anothers(company, pat):
    client = signed_in(company.emma)
    emma = company.member(company.emma)

    own = client.post(reverse("identity_ask", args=[company.unit.slug, emma.public_id]))
    other = client.post(reverse("identity_ask", args=[company.unit.slug, pat.public_id]))

    assert (own.status_code, other.status_code) == (302, 403)
    assert state_of(emma) == "pending"


def test_all_of_a_connection_are_asked_at_once_each_once(company, mail_server, monkeypatch):
    monkeypatch.setattr(shown, "SLICE", 2)
    make_members(company.unit, [f"p{number}@etcd.example" for number in range(5)])
    make_members(company.unit, ["known@etcd.example"], identity="verified")
    make_members(company.unit, ["else@where.example"])
    mail_server.fault("mail_refused", target="p3@etcd.example")
    url = reverse("identities", args=[company.unit.slug, no_access(company).public_id])
    client = signed_in(company.olga)

    assert "Send 5 confirmation mails" in words(client.get(url))
    client.post(url)
    run_waiting_jobs()

    assert IdentityConfirmation.objects.count() == 5
    assert len(mail_server.control("GET", "mail")["mail"]) == 4
    assert "Send 1 confirmation mail" in words(client.get(url))  # the refused one


def test_a_connection_that_vouches_itself_has_no_such_page(company):
    row = calendar_connections.create_connection(
        company.unit, "google", "free_busy", by=company.olga, now=timezone.now()
    )

    url = reverse("identities", args=[company.unit.slug, row.public_id])

    assert signed_in(company.olga).get(url).status_code == 404
