"""The page behind an invitation's link, for everybody who may hold it."""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from config.accounts import SocialAccountAdapter
from orgunits import invitations, joining
from orgunits.invitations import invite
from orgunits.models import Invitation, Member, User
from tests.people import make_user, signed_in

pytestmark = pytest.mark.django_db
PAT = "pat@guests.example"
GOOD = {"act": "sign_up", "given_name": "Pat", "family_name": "Guest", "password": "plum-tree-in-snow"}


@pytest.fixture
def invitation(company) -> Invitation:
    return invite(
        company.unit, PAT, role="employee", by=company.olga, now=timezone.now(), given_name="Patricia"
    )


@pytest.fixture
def url(invitation) -> str:
    return reverse("invitation", args=[invitations.token(invitation)])


def verified(name: str, email: str) -> User:
    user = make_user(name, email)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def words(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_a_visitor_reads_what_they_are_invited_to_and_nothing_changes(company, invitation, url):
    answer = Client().get(url)

    text = words(answer)
    assert all(word in text for word in ("Join Kube", "Olga", "Employee", PAT, "Valid until"))
    assert not any(word in text for word in ("Carl", "Emma", company.olga.email))
    for _ in range(2):  # as mail scanners do
        Client().get(url)
        Client().head(url)
    invitation.refresh_from_db()
    assert (invitation.state, User.objects.filter(email=PAT).exists()) == ("pending", False)


def test_a_new_person_makes_a_sign_in_and_is_inside(company, invitation, url):
    client = Client()

    answer = client.post(url, GOOD, follow=True)

    assert answer.redirect_chain[0][0] == reverse("unit_home", args=[company.unit.slug])
    assert "You are now a member of Kube." in words(answer)
    user = User.objects.get(email=PAT)
    assert (user.first_name, user.check_password(GOOD["password"])) == ("Pat", True)
    assert Member.objects.get(user=user).state == "active"
    assert client.get(url).headers["Location"] == reverse("unit_home", args=[company.unit.slug])


@pytest.mark.parametrize("password", ["short", "123456789012345", "patguests.example", "Patricia-Guest"])
def test_a_weak_password_is_refused_at_its_field_and_nobody_joins(invitation, url, password):
    answer = Client().post(url, {**GOOD, "given_name": "Patricia", "password": password})

    assert answer.status_code == 422
    assert not User.objects.filter(email=PAT).exists()
    invitation.refresh_from_db()
    assert invitation.state == "pending"


def test_who_has_a_sign_in_with_the_address_signs_in_first_and_comes_back(invitation, url):
    verified("Pat", PAT)

    answer = Client().get(url)

    assert f'href="{reverse("account_login")}?next=' in answer.content.decode()
    assert 'name="password"' not in answer.content.decode()
    assert Client().post(url, GOOD).status_code == 200
    invitation.refresh_from_db()
    assert invitation.state == "pending"


def test_who_is_signed_in_with_the_address_joins_by_a_button(company, url):
    pat = verified("Pat", PAT)
    client = signed_in(pat)

    assert 'value="join"' in client.get(url).content.decode()
    assert not pat.memberships.exists()
    answer = client.post(url, {"act": "join"})

    assert answer.headers["Location"] == reverse("unit_home", args=[company.unit.slug])
    assert pat.memberships.get().unit == company.unit


def test_who_is_signed_in_with_another_address_adds_this_one_knowingly(company, url):
    dora = verified("Dora", "dora@guests.example")
    client = signed_in(dora)

    page = client.get(url)
    assert f"Add {PAT} to my sign-in and join" in words(page)
    assert client.post(url, {"act": "join"}).status_code == 200  # the button of another sign-in's page
    assert not dora.memberships.exists()
    client.post(url, {"act": "add"})

    assert dora.memberships.get().unit == company.unit
    assert joining.has_address(dora, PAT)


def test_who_is_signed_in_as_somebody_else_cannot_take_anothers_address(invitation, url):
    verified("Pat", PAT)
    dora = verified("Dora", "dora@guests.example")
    client = signed_in(dora)

    page = client.get(url)
    assert "belongs to another sign-in" in words(page)
    for act in ("add", "join", "sign_up"):
        client.post(url, {**GOOD, "act": act})

    assert not dora.memberships.exists()
    assert not joining.has_address(dora, PAT)


def test_who_is_a_member_already_is_told_so(company, url):
    page = signed_in(company.emma).get(url)

    assert "are a member of Kube already" in words(page)


@pytest.mark.parametrize(
    ("state", "title"),
    [
        ("accepted", "was accepted already"),
        ("expired", "has expired"),
        ("revoked", "was withdrawn"),
        ("refused", "could not be delivered"),
    ],
)
def test_a_link_that_is_over_says_why_and_nothing_of_the_unit(url, state, title):
    Invitation.objects.update(state=state)

    for answer in (Client().get(url), Client().post(url, GOOD)):
        assert answer.status_code == 410
        assert title in words(answer)
        assert "Kube" not in words(answer)
    assert not User.objects.filter(email=PAT).exists()


def test_a_made_up_link_is_a_page_that_does_not_exist(url):
    token = url.split("/")[2]
    made_up = [reverse("invitation", args=[token[:-1] + "_"]), reverse("invitation", args=["x"])]

    answers = [Client().get(path) for path in [*made_up, "/nowhere/"]]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert len({words(answer) for answer in answers}) == 1


def test_two_tabs_join_once(company, url):
    pat = verified("Pat", PAT)
    one, two = signed_in(pat), signed_in(pat)

    answers = [client.post(url, {"act": "join"}) for client in (one, two)]

    assert {answer.headers["Location"] for answer in answers} == {
        reverse("unit_home", args=[company.unit.slug])
    }
    assert pat.memberships.count() == 1


# --- Google and Microsoft


def arrives(session: SessionStore) -> tuple[SocialAccountAdapter, object, SocialLogin]:
    request = RequestFactory().get("/")
    request.session = session
    request.user = AnonymousUser()
    login = SocialLogin(
        user=User(email="said@by.service"),
        account=SocialAccount(provider="google", uid="4711"),
        email_addresses=[EmailAddress(email="said@by.service", verified=True)],
    )
    return SocialAccountAdapter(request), request, login


def test_a_service_makes_no_sign_in_without_an_invitation(company):
    adapter, request, login = arrives(SessionStore())

    adapter.pre_social_login(request, login)

    assert adapter.is_open_for_signup(request, login) is False
    assert login.user.email == "said@by.service"


def test_with_an_invitation_the_new_sign_in_has_the_invited_address_only(invitation):
    session = SessionStore()
    session[joining.SESSION_KEY] = invitations.token(invitation)
    adapter, request, login = arrives(session)

    adapter.pre_social_login(request, login)

    assert adapter.is_open_for_signup(request, login) is True
    assert login.user.email == PAT
    assert [(one.email, one.verified) for one in login.email_addresses] == [(PAT, True)]


@pytest.mark.parametrize("why", ["over", "taken", "made up"])
def test_an_invitation_of_no_use_opens_nothing(invitation, why):
    session = SessionStore()
    session[joining.SESSION_KEY] = invitations.token(invitation) if why != "made up" else "inv_x:y"
    if why == "over":
        Invitation.objects.update(state="revoked")
    if why == "taken":
        verified("Pat", PAT)
    adapter, request, login = arrives(session)

    adapter.pre_social_login(request, login)

    assert adapter.is_open_for_signup(request, login) is False
    assert login.user.email == "said@by.service"


def test_a_service_that_is_not_configured_is_not_there(url, settings):
    settings.SOCIALACCOUNT_PROVIDERS = {}

    assert Client().post(url, {"act": "sign_up_with:google"}).status_code == 404
