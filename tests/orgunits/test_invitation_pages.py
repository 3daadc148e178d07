"""Inviting many people: paste or upload, check, send; and the list of invitations."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from orgunits import invitation_plans, invitations, limits, roles
from orgunits.invitations import invite
from orgunits.jobs import forget_sheets
from orgunits.models import AuditEvent, Invitation, InvitationSheet, Member, OrganizationalUnit
from tests.builders import make_members
from tests.people import Company, signed_in
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(company) -> Client:
    return signed_in(company.olga)


def page(company: Company, name: str, *args) -> str:
    return reverse(name, args=[company.unit.slug, *args])


def words(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def check(
    client: Client, company: Company, text: str = "", *, file: bytes | None = None, role: str = "employee"
):
    """Bring a sheet and look at it; the sheet and the page."""
    data = {"addresses": text, "role": role}
    if file is not None:
        data["file"] = SimpleUploadedFile("people.csv", file)
    answer = client.post(page(company, "invite"), data)
    assert answer.status_code == 302, words(answer)
    return InvitationSheet.objects.latest("pk"), client.get(answer.headers["Location"])


def send(client: Client, sheet: InvitationSheet, digest: str | None = None):
    url = reverse("invitation_sheet", args=[sheet.unit.slug, sheet.public_id])
    return client.post(url, {"digest": sheet.digest if digest is None else digest}, follow=True)


# --- checking


def test_the_check_shows_every_line_before_anything_is_sent(company, olga, mail_server):
    make_members(company.unit, ["known@x.example"])
    invite(company.unit, "asked@x.example", role="employee", by=company.olga, now=timezone.now())
    before = Invitation.objects.count()
    text = (
        "email,first name,surname,role,Cost center\n"
        "new@x.example,Nina,New,Scheduling Coordinator,7\n"
        "known@x.example,,,,7\n"
        "asked@x.example,,,,7\n"
        f"{company.emma.email},,,,7\n"
        "nobody,,,,7\n"
        "new@x.example,,,,7\n"
        "king@x.example,,,King,7\n"
    )

    sheet, answer = check(olga, company, text)

    text = words(answer)
    assert "Will be invited 1" in text
    assert "A member: gets a sign-in 1" in text
    assert "Already invited 1" in text
    assert "Already a member 1" in text
    assert "Left out 3" in text
    assert "Cost center" in text
    assert "Nina New" in text
    assert "This address stands in line 2 already." in text
    assert "There is no role “King”." in text
    assert "Send 2 invitations" in text
    assert Invitation.objects.count() == before
    assert not sheet.sent_at
    run_waiting_jobs()
    assert mail_server.mail_to("new@x.example") == []


def test_sending_does_what_the_check_showed(company, olga, mail_server):
    sheet, _answer = check(
        olga, company, "email;role;department\na@x.example;coordinator;Sales\nb@x.example;;\nc\n"
    )

    answer = send(olga, sheet)
    assert "You can leave this page" in words(answer)
    run_waiting_jobs()

    members = {m.email: m for m in Member.objects.filter(state="invited")}
    assert set(members) == {"a@x.example", "b@x.example"}
    assert members["a@x.example"].department == "Sales"
    assert [g.role for g in members["a@x.example"].role_grants.all()] == ["coordinator"]
    assert len(mail_server.mail_to("a@x.example")) == len(mail_server.mail_to("b@x.example")) == 1
    after = words(olga.get(page(company, "invitation_sheet", sheet.public_id)))
    assert "Invited 2" in after
    assert "Left out 1" in after
    assert "Everybody who can be is invited." in after


def test_a_sheet_is_sent_once_and_only_as_it_was_shown(company, olga):
    sheet, _answer = check(olga, company, "a@x.example")

    for other in ("0" * 64, "", "\0"):
        assert "Nothing was sent now" in words(send(olga, sheet, other))
    assert not Invitation.objects.exists()
    send(olga, sheet)
    run_waiting_jobs()
    send(olga, sheet)
    run_waiting_jobs()

    assert Invitation.objects.count() == 1


def test_a_job_run_twice_invites_once(company, olga):
    sheet, _answer = check(olga, company, "a@x.example\nb@x.example")
    send(olga, sheet)
    sheet.refresh_from_db()

    for _ in range(2):
        invitation_plans.go_on(sheet, after=0, now=timezone.now())

    assert Invitation.objects.count() == 2


def test_a_long_sheet_goes_out_slice_by_slice_and_shows_how_far_it_is(company, olga, monkeypatch):
    monkeypatch.setattr(invitation_plans, "SLICE", 10)
    sheet, answer = check(olga, company, "\n".join(f"p{number}@x.example" for number in range(130)))
    assert "100 shown, 130 in all" in words(answer)
    assert "p129@x.example" in words(
        olga.get(page(company, "invitation_sheet", sheet.public_id), {"after": "100"})
    )
    send(olga, sheet)
    sheet.refresh_from_db()

    invitation_plans.go_on(sheet, after=0, now=timezone.now())
    half = olga.get(page(company, "sheet_progress", sheet.public_id))
    assert (half.status_code, "10 of 130" in words(half)) == (200, True)
    run_waiting_jobs()

    assert olga.get(page(company, "sheet_progress", sheet.public_id)).status_code == 286
    assert Invitation.objects.count() == 130


def test_the_check_costs_the_same_however_long_the_sheet_is(company, olga):
    numbers = []
    for many in (2, 400):
        sheet, _answer = check(olga, company, "\n".join(f"p{number}@x.example" for number in range(many)))
        with CaptureQueriesContext(connection) as queries:
            invitation_plans.plan(sheet, frozenset({"manage_members"}))
        numbers.append(len(queries))

    assert numbers[0] == numbers[1] <= 4


def test_an_uploaded_file_is_read_with_its_byte_order_mark(company, olga):
    _sheet, answer = check(olga, company, file="\ufeffE-Mail;Rolle\nzoë@x.example;\na@x.example;x\n".encode())

    assert "Rolle" in words(answer)
    assert "Will be invited 1" in words(answer) or "Will be invited 2" in words(answer)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"addresses": ""}, "Paste addresses or choose a file"),
        ({"addresses": "a@x.example", "file": b"a@x.example"}, "one of the two"),
        ({"addresses": "", "file": b"PK\x03\x04"}, "workbook"),
        ({"addresses": "", "file": b"\xff\xfea\0"}, "UTF-8"),
        ({"addresses": "", "file": b""}, "no address"),
        ({"addresses": "", "file": b"x" * 1_100_000}, "1 MB"),
        ({"addresses": "x\0y@x.example"}, "Null characters"),
        ({"addresses": "a@x.example", "role": "king"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_read_is_said_at_its_field_and_nothing_is_kept(company, olga, data, said):
    data = {"role": "employee", **data}
    if "file" in data:
        data["file"] = SimpleUploadedFile("people.csv", data["file"])

    answer = olga.post(page(company, "invite"), data)

    assert answer.status_code == 422
    assert said in words(answer)
    assert not InvitationSheet.objects.exists()


def test_the_lines_left_out_come_as_a_file_to_correct(company, olga):
    sheet, _answer = check(
        olga, company, 'email,name,role\na@x.example,,\n=1+1,"=cmd|x",\nb@x.example,,King\n'
    )

    answer = olga.get(page(company, "sheet_left_out", sheet.public_id))

    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["line"], row["role"]) for row in rows] == [("3", ""), ("4", "King")]
    assert not any(value.startswith("=") for row in rows for value in row.values())
    again, page_again = check(olga, company, answer.content.decode("utf-8-sig").replace("King", "Employee"))
    assert "Will be invited 1" in words(page_again)
    assert again.pk != sheet.pk


def test_a_sheet_can_be_corrected(company, olga):
    sheet, _answer = check(olga, company, "nobody", role="coordinator")
    assert olga.get(page(company, "invite"), {"sheet": "\0"}).status_code == 200

    answer = olga.get(page(company, "invite"), {"sheet": sheet.public_id})

    assert "nobody</textarea>" in answer.content.decode()
    assert '<option value="coordinator" selected>' in answer.content.decode()


def test_a_sheet_belongs_to_who_brought_it(company, olga):
    roles.grant_role(company.member(company.carl), "ops_admin", by=company.olga, now=timezone.now())
    sheet, _answer = check(olga, company, "a@x.example")
    carl = signed_in(company.carl)

    for name in ("invitation_sheet", "sheet_progress", "sheet_left_out"):
        assert carl.get(page(company, name, sheet.public_id)).status_code == 404
    assert (
        carl.post(page(company, "invitation_sheet", sheet.public_id), {"digest": sheet.digest}).status_code
        == 404
    )
    assert "a@x.example" not in carl.get(page(company, "invite"), {"sheet": sheet.public_id}).content.decode()


# --- who may give what


def test_inviting_an_ops_admin_asks_again_who_one_is(company, olga, settings):
    settings.REAUTHENTICATION = True
    sheet, answer = check(olga, company, "a@x.example", role="ops_admin")

    assert answer.status_code == 302
    assert "reauthenticate" in answer.headers["Location"]
    answer = olga.post(page(company, "invitation_sheet", sheet.public_id), {"digest": sheet.digest})
    assert "reauthenticate" in answer.headers["Location"]
    run_waiting_jobs()
    assert not Invitation.objects.exists()


def test_roles_of_other_shapes_and_of_one_application_are_left_out_with_the_reason(company, olga):
    _sheet, answer = check(
        olga,
        company,
        "email,role\na@x.example,Engineering Manager\nb@x.example,developer\nc@x.example,OPS ADMIN\n",
    )

    text = words(answer)
    assert "Engineering Manager is not a role of this unit." in text
    assert "Developer is given on an application, after the person has joined." in text
    assert "Will be invited 1" in text


def test_nobody_gives_more_than_they_hold(company):
    sheet = invitation_plans.keep_sheet(
        company.unit,
        "email,role\na@x.example,ops_admin",
        default_role="employee",
        by=company.olga,
        now=timezone.now(),
    )

    (planned,) = invitation_plans.plan(sheet, frozenset({"see_unit", "manage_members"})).rows

    assert (planned.outcome, "holds more than your own role" in planned.why) == ("error", True)


def test_who_lost_the_right_meanwhile_invites_nobody(company, olga):
    roles.grant_role(company.member(company.carl), "ops_admin", by=company.olga, now=timezone.now())
    sheet, _answer = check(olga, company, "a@x.example")
    send(olga, sheet)
    roles.revoke_role(company.member(company.olga), "ops_admin", by=company.carl, now=timezone.now())

    run_waiting_jobs()

    assert not Invitation.objects.exists()
    sheet.refresh_from_db()
    assert sheet.finished_at


def test_a_paused_unit_invites_nobody(company, olga):
    sheet, _answer = check(olga, company, "a@x.example")
    OrganizationalUnit.objects.filter(pk=company.unit.pk).update(state="paused")

    assert "Nothing was sent: this unit is paused." in words(send(olga, sheet))
    sheet.refresh_from_db()
    assert sheet.sent_at is None


def test_too_many_sheets_in_a_minute_are_refused(company, olga, monkeypatch):
    monkeypatch.setitem(limits.RATES, "invitations", "1/m/user")
    first, _answer = check(olga, company, "a@x.example")
    second, _answer = check(olga, company, "b@x.example")

    assert [send(olga, sheet).status_code for sheet in (first, second)] == [200, 429]


# --- the list


def test_the_list_shows_states_and_what_the_server_said(company, olga, mail_server):
    mail_server.fault("mail_refused", target="gone@x.example", words="Unknown here")
    mail_server.fault("mail_deferred", target="busy@x.example", words="Later please")
    for name in ("good", "gone", "busy"):
        invite(company.unit, f"{name}@x.example", role="employee", by=company.olga, now=timezone.now())
    run_waiting_jobs()

    text = words(olga.get(page(company, "invitations")))

    assert "550 5.1.1 Unknown here" in text
    assert "451 4.7.1 Later please" in text
    assert "Next try:" in text
    assert "Valid until" in text


def test_the_list_is_narrowed_and_paged_in_the_url(company, olga):
    for number in range(60):
        invite(company.unit, f"p{number:02}@x.example", role="employee", by=company.olga, now=timezone.now())
    invitations.revoke(Invitation.objects.first(), by=company.olga, now=timezone.now())
    url = page(company, "invitations")

    first = olga.get(url)
    next_url = re.search(r'href="(\?[^"]*after=[^"]*)"', first.content.decode()).group(1)
    second = olga.get(url + next_url.replace("&amp;", "&"))
    revoked = olga.get(url, {"state": "revoked"})
    one = olga.get(url, {"q": "P07"})

    assert first.content.count(b"<tr>") == 51
    assert second.content.count(b"<tr>") == 11
    assert ("p00@x.example" in words(revoked), revoked.content.count(b"<tr>")) == (True, 2)
    assert one.content.count(b"<tr>") == 2
    assert "No invitation matches" in words(olga.get(url, {"q": "nobody"}))


def test_the_list_asks_as_little_for_sixty_as_for_two(company, olga, django_assert_max_num_queries):
    for number in range(60):
        invite(company.unit, f"p{number:02}@x.example", role="employee", by=company.olga, now=timezone.now())

    olga.get(page(company, "invitations"))
    with django_assert_max_num_queries(10):  # of them: session, user
        olga.get(page(company, "invitations"))


def test_a_row_is_sent_again_and_revoked(company, olga, mail_server):
    row = invite(company.unit, "a@x.example", role="employee", by=company.olga, now=timezone.now())
    run_waiting_jobs()

    answer = olga.post(page(company, "invitation_resend", row.public_id), {"state": "pending"})
    assert answer.headers["Location"] == page(company, "invitations") + "?state=pending"
    run_waiting_jobs()
    assert len(mail_server.mail_to("a@x.example")) == 2

    answer = olga.post(page(company, "invitation_revoke", row.public_id), follow=True)
    assert "the link mailed to a@x.example opens nothing" in words(answer)
    row.refresh_from_db()
    assert row.state == "revoked"
    for name in ("invitation_resend", "invitation_revoke"):
        assert "is over" in words(olga.post(page(company, name, row.public_id), follow=True))
    assert AuditEvent.objects.filter(verb="invitation.revoked").count() == 1


def test_what_is_not_the_units_is_not_there(company, olga):
    theirs = invite(
        company.stranger_unit, "a@x.example", role="employee", by=company.sven, now=timezone.now()
    )

    for name in ("invitation_resend", "invitation_revoke"):
        assert olga.post(page(company, name, theirs.public_id)).status_code == 404
    assert "a@x.example" not in words(olga.get(page(company, "invitations")))
    _sheet, answer = check(olga, company, "a@x.example")
    assert "Will be invited 1" in words(answer)


def test_sheets_are_forgotten_after_a_day(company, olga):
    _old, _answer = check(olga, company, "a@x.example")
    InvitationSheet.objects.update(made_at=timezone.now() - timedelta(days=1, minutes=1))
    new, _answer = check(olga, company, "b@x.example")

    forget_sheets()

    assert list(InvitationSheet.objects.all()) == [new]
