"""The first sign-in of people whom a directory brought: by the id that token and directory agree on, or not at all."""

from dataclasses import dataclass

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import directory_reading, directory_sign_in
from connections.models import Connection, DirectoryPerson
from connections.sandbox import people as data
from connections.sandbox.google.tokens import google_id
from connections.sandbox.microsoft.people import object_id
from orgunits import memberships, roles
from orgunits.members import add_member
from orgunits.models import AuditEvent, Member, OrganizationalUnit, User
from orgunits.units import create_unit
from tests.config.signing_in import sign_in_with
from tests.connecting import connect_directory
from tests.directories import make_directory, make_person, make_reading
from tests.people import MICROSOFT_TENANT, make_company, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_counts_from_before", "providers")]
BOTH = pytest.mark.parametrize("service", ["google", "microsoft"])
TENANTS = {"google": "kube.example", "microsoft": MICROSOFT_TENANT}
RIVALS = {"google": "rival.example", "microsoft": "5165e0a1-0000-4000-8000-000000000002"}
DOMAINS = {"google": "kube.example", "microsoft": "sigs.example"}
IDS = {"google": google_id, "microsoft": object_id}


def somebody(service: str) -> data.Person:
    """A person of the sandbox's directory who is no administrator."""
    return [one for one in data.people() if one.domain == DOMAINS[service]][5]


@dataclass(frozen=True)
class Scene:
    """A unit whose directory told of one person, who is a member without a sign-in."""

    service: str
    unit: OrganizationalUnit
    olga: User
    directory: Connection
    person: DirectoryPerson
    member: Member
    account: str  # with which the person signs in at Google or Microsoft

    def comes(self, client: Client | None = None):
        return sign_in_with(self.service, self.account, client)

    def now_is(self, **fields) -> None:
        DirectoryPerson.objects.filter(pk=self.person.pk).update(**fields)

    def user(self) -> User | None:
        self.member.refresh_from_db()
        return self.member.user


def brought(unit: OrganizationalUnit, service: str, *, by: User) -> Scene:
    """As if a rule had made a member of `somebody`."""
    who = somebody(service)
    directory = make_directory(unit, by=by, provider=service, tenant=TENANTS[service])
    make_reading(directory)
    member = add_member(
        unit, who.email, by=by, now=timezone.now(), given_name=who.given_name, family_name=who.family_name,
        role=roles.COORDINATOR.code,
    )  # fmt: skip
    person = make_person(
        directory, who.name, external_id=IDS[service](who.id), address=who.email, member=member
    )
    return Scene(service, unit, by, directory, person, member, who.email)


@pytest.fixture(params=["google", "microsoft"])
def scene(request) -> Scene:
    company = make_company()
    return brought(company.unit, request.param, by=company.olga)


def refused(answer, *said: str) -> bool:
    """Nobody was signed in and the page says so; it names no unit."""
    page = answer.content.decode()
    assert all(words in page for words in said), page
    assert "Kube" not in page.replace("Kube.example", "")
    return "_auth_user_id" not in answer.browser.session and not SocialAccount.objects.exists()


# --- who comes


@BOTH
def test_a_person_of_a_directory_that_was_read_signs_in_and_finds_the_unit(providers, service):
    company = make_company()
    directory = connect_directory(company.unit, service, providers, by=company.olga)
    directory_reading.read(directory, now=timezone.now(), seconds=300)
    who = somebody(service)
    member = add_member(company.unit, who.email, by=company.olga, now=timezone.now())
    directory.directory_people.filter(address=who.email).update(member=member)

    answer = sign_in_with(service, who.email)

    assert answer.status_code == 302
    home = answer.browser.get(answer.headers["Location"], follow=True)
    assert home.status_code == 200
    assert company.unit.name in home.content.decode()
    member.refresh_from_db()
    assert member.user == User.objects.get(pk=answer.browser.session["_auth_user_id"])


def test_the_first_sign_in_has_the_members_address_no_password_and_the_members_roles(scene):
    scene.comes()

    user = scene.user()
    assert user.email == scene.member.email
    assert not user.has_usable_password()
    assert [(row.email, row.verified) for row in EmailAddress.objects.filter(user=user)] == [
        (scene.member.email, True)
    ]
    assert user.groups.exists()
    event = AuditEvent.objects.get(verb="member.signed_in_first")
    assert (event.subject, event.actor) == (scene.member.public_id, user.public_id)
    assert event.facts == {"provider": scene.service}


def test_what_is_kept_of_the_sign_in_is_who_it_was(scene):
    scene.comes()

    kept = SocialAccount.objects.get()
    assert kept.uid == scene.person.external_id
    assert set(kept.extra_data) <= set(directory_sign_in.KEPT_CLAIMS)


def test_the_second_sign_in_is_the_same_person(scene):
    scene.comes()
    first = scene.user()

    again = scene.comes()

    assert again.browser.session["_auth_user_id"] == str(first.pk)
    assert AuditEvent.objects.filter(verb="member.signed_in_first").count() == 1


def test_the_same_object_of_another_tenant_does_not_open_an_account_that_is_there():
    company = make_company()
    scene = brought(company.unit, "microsoft", by=company.olga)
    scene.comes()
    account = SocialAccount.objects.get()
    account.extra_data |= {"tid": RIVALS["microsoft"]}
    account.save()

    answer = scene.comes()

    assert "_auth_user_id" not in answer.browser.session
    assert SocialAccount.objects.get().extra_data["tid"] == RIVALS["microsoft"]


def test_one_tenant_in_two_units_is_one_sign_in_for_both(scene):
    other = create_unit("Second", by=scene.olga, now=timezone.now())
    second = brought(other, scene.service, by=scene.olga)

    scene.comes()

    assert scene.user() is not None
    assert second.user() == scene.user()
    assert AuditEvent.objects.filter(verb="member.signed_in_first").count() == 2


def test_who_was_brought_to_another_unit_later_finds_it_at_the_next_sign_in(scene):
    scene.comes()
    second = brought(create_unit("Second", by=scene.olga, now=timezone.now()), scene.service, by=scene.olga)

    scene.comes()

    assert second.user() == scene.user()


def test_linking_the_account_while_signed_in_brings_the_memberships_of_the_directory(scene):
    pat = make_user("Pat", "pat@elsewhere.example")
    EmailAddress.objects.create(user=pat, email=pat.email, verified=True, primary=True)
    client = Client(SERVER_NAME="localhost")
    client.force_login(pat)

    sign_in_with(scene.service, scene.account, client, linking=True)

    assert scene.user() == pat
    assert pat.groups.exists()


def test_a_paused_directory_still_says_who_its_people_are(scene):
    Connection.objects.filter(pk=scene.directory.pk).update(state="paused")

    scene.comes()

    assert scene.user() is not None


def test_an_address_the_tenant_does_not_vouch_for_has_to_be_confirmed_by_mail(scene):
    Member.objects.filter(pk=scene.member.pk).update(email="other@names.example")

    answer = scene.comes()

    assert "_auth_user_id" not in answer.browser.session
    assert answer.headers["Location"] == reverse("account_email_verification_sent")
    assert [letter.to for letter in mail.outbox] == [["other@names.example"]]
    assert not EmailAddress.objects.get(email="other@names.example").verified


# --- who does not


@pytest.mark.parametrize(
    "gone",
    [{"enabled": False}, {"absences": 1}, {"deleted_at": timezone.now()}, {"kind": "guest"}],
    ids=["disabled", "absent", "deleted", "guest"],
)
def test_whom_the_directory_does_not_show_any_more_is_not_known(scene, gone):
    scene.now_is(**gone)

    assert refused(scene.comes(), "This account is not known here")


def test_an_equal_address_with_another_subject_is_nobody(scene):
    scene.now_is(external_id="another")

    assert refused(scene.comes(), "This account is not known here")
    assert not User.objects.filter(email=scene.account).exists()


def test_the_same_subject_of_another_tenant_is_nobody(scene):
    Connection.objects.filter(pk=scene.directory.pk).update(tenant=RIVALS[scene.service])
    scene.now_is(address="somebody@rival.example")

    assert refused(scene.comes(), "This account is not known here")


def test_a_google_account_without_an_organization_is_nobody(providers):
    company = make_company()
    scene = brought(company.unit, "google", by=company.olga)
    providers.fault("id_token_claims", claims={"hd": None})

    assert refused(scene.comes(), "This account is not known here")


def test_a_guest_who_signs_in_at_home_is_nobody(providers):
    company = make_company()
    scene = brought(company.unit, "microsoft", by=company.olga)
    home = RIVALS["microsoft"]
    providers.fault(
        "id_token_claims", claims={"tid": home, "iss": f"https://login.microsoftonline.com/{home}/v2.0"}
    )

    assert refused(scene.comes(), "This account is not known here")


@BOTH
def test_a_token_of_another_issuer_or_for_another_application_is_an_error(providers, service):
    company = make_company()
    scene = brought(company.unit, service, by=company.olga)
    for claims in ({"iss": "https://evil.example"}, {"aud": "another application"}):
        providers.control("POST", "reset")
        providers.fault("id_token_claims", claims=claims)

        assert refused(scene.comes(), "Signing in did not work")


@pytest.mark.parametrize("state", ["pending", "needs_reauthorization", "disconnected"])
def test_a_directory_that_was_lost_says_nothing(scene, state):
    Connection.objects.filter(pk=scene.directory.pk).update(state=state)

    assert refused(scene.comes(), "This account is not known here")


def test_a_directory_that_was_never_read_to_its_end_says_nothing(scene):
    scene.directory.directory_readings.update(state="incomplete")

    assert refused(scene.comes(), "This account is not known here")


def test_a_unit_at_rest_takes_nobody_in(scene):
    OrganizationalUnit.objects.filter(pk=scene.unit.pk).update(state="paused")

    assert refused(scene.comes(), "This account is not known here")


def test_people_of_a_file_never_sign_in_by_subject(scene):
    Connection.objects.filter(pk=scene.directory.pk).update(provider="csv", tenant="")

    assert refused(scene.comes(), "This account is not known here")


def test_who_is_in_the_directory_but_no_member_is_not_known(scene):
    scene.now_is(member=None)

    assert refused(scene.comes(), "This account is not known here")


@pytest.mark.parametrize("end", [memberships.suspend_member, memberships.remove_member])
def test_who_was_suspended_or_removed_is_told_so(scene, end):
    end(scene.member, by=scene.olga, now=timezone.now())

    answer = scene.comes()

    assert answer.status_code == 403
    assert refused(answer, "Your access is suspended")


def test_who_is_invited_is_sent_to_the_invitation(scene):
    Member.objects.filter(pk=scene.member.pk).update(state="invited")

    assert refused(scene.comes(), "You are invited")


def test_a_sign_in_with_this_address_is_never_taken_over(scene):
    owner = make_user("Owner", scene.account)

    answer = scene.comes()

    assert refused(answer, "You have a sign-in already", "Linked accounts")
    assert scene.user() is None
    assert not owner.groups.exists()


def test_a_verified_second_address_of_another_sign_in_is_not_taken_over_either(scene):
    owner = make_user("Owner", "owner@elsewhere.example")
    EmailAddress.objects.create(user=owner, email=scene.account, verified=True)

    assert refused(scene.comes(), "You have a sign-in already")


def test_a_member_who_has_a_sign_in_keeps_it(scene):
    owner = make_user("Owner", "owner@elsewhere.example")
    Member.objects.filter(pk=scene.member.pk).update(user=owner)

    assert refused(scene.comes(), "You have a sign-in already")
    assert scene.user() == owner


def test_a_second_member_of_one_sign_in_in_a_unit_stays_alone(scene):
    pat = make_user("Pat", "pat@elsewhere.example")
    EmailAddress.objects.create(user=pat, email=pat.email, verified=True, primary=True)
    add_member(scene.unit, pat.email, by=scene.olga, now=timezone.now(), user=pat)
    account = SocialAccount.objects.create(
        user=pat, provider=scene.service, uid=scene.person.external_id, extra_data={}
    )

    answer = scene.comes()

    assert answer.browser.session["_auth_user_id"] == str(pat.pk)
    assert scene.user() is None
    account.refresh_from_db()
    assert account.user == pat


def test_of_two_first_sign_ins_at_once_the_second_finds_the_first(scene):
    claims = {
        "google": {
            "iss": "https://accounts.google.com",
            "sub": scene.person.external_id,
            "hd": "kube.example",
        },
        "microsoft": {"tid": MICROSOFT_TENANT, "oid": scene.person.external_id},
    }[scene.service]
    uid = scene.person.external_id

    first = directory_sign_in.claim(scene.service, uid, claims, now=timezone.now())
    second = directory_sign_in.claim(scene.service, uid, claims, now=timezone.now())

    assert first == second
    assert scene.user() == first.user
