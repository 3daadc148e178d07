"""Two browsers of one person at once: one sign-in, one link to each member, whoever was first."""

import threading

import pytest
from allauth.socialaccount.models import SocialAccount
from django.db import connection as database
from django.utils import timezone

from connections import directory_sign_in
from orgunits import memberships
from orgunits.members import add_member
from orgunits.models import AuditEvent, Member, User
from tests.directories import make_directory, make_person, make_reading
from tests.people import make_company

pytestmark = pytest.mark.django_db(transaction=True)
CLAIMS = {"iss": "https://accounts.google.com", "sub": "4711", "hd": "kube.example"}


@pytest.fixture
def company():
    return make_company()


@pytest.fixture
def pat(company) -> Member:
    """A member without a sign-in, whom the directory knows as 4711."""
    directory = make_directory(company.unit, by=company.olga)
    make_reading(directory)
    member = add_member(company.unit, "pat@kube.example", by=company.olga, now=timezone.now())
    make_person(directory, "Pat Person", external_id="4711", address=member.email, member=member)
    return member


def at_once(*acts) -> list:
    """Each act in a thread with a database connection of its own; what came of each."""
    together, answers = threading.Barrier(len(acts)), [None] * len(acts)

    def run(place: int, act) -> None:
        together.wait(10)
        try:
            answers[place] = act()
        except Exception as error:  # noqa: BLE001 the test says what it expects
            answers[place] = error
        finally:
            database.close()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def come() -> SocialAccount:
    return directory_sign_in.claim("google", "4711", CLAIMS, now=timezone.now())


def test_two_tabs_make_one_sign_in(pat):
    one, other, third = at_once(come, come, come)

    assert one == other == third
    pat.refresh_from_db()
    assert pat.user == one.user
    assert User.objects.filter(email=pat.email).count() == 1
    assert AuditEvent.objects.filter(verb="member.signed_in_first").count() == 1


def test_who_is_suspended_meanwhile_is_either_out_or_signed_in_and_suspended(company, pat):
    def suspend() -> None:
        memberships.suspend_member(
            Member.objects.get(pk=pat.pk), by=company.olga, now=timezone.now(), why="left"
        )

    came, suspended = at_once(come, suspend)

    assert suspended is None
    pat.refresh_from_db()
    assert pat.state == Member.State.SUSPENDED
    if isinstance(came, directory_sign_in.Refused):
        assert (came.why, pat.user) == ("stopped", None)
    else:
        assert pat.user == came.user
        assert not came.user.groups.exists()


def test_a_removed_member_s_sign_in_of_before_does_not_come_back(company, pat):
    memberships.remove_member(pat, by=company.olga, now=timezone.now(), why="left")

    with pytest.raises(directory_sign_in.Refused) as refused:
        come()

    assert refused.value.why == "stopped"
    assert not User.objects.filter(email=pat.email).exists()
