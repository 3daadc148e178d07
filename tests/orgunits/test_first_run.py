"""The first staff person: one link, once, and only while nobody is here."""

import threading
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import override_settings
from django.urls import reverse

from orgunits import first_run
from orgunits.models import User
from tests.people import make_user

NEW = {"email": "Frieda@Example.com", "password": "a long enough sentence"}


def path() -> str:
    return urlsplit(first_run.link()).path


@pytest.mark.django_db
def test_the_link_makes_the_first_staff_person_and_then_opens_nothing(client):
    answer = client.post(path(), NEW)

    frieda = User.objects.get()
    assert answer.headers["Location"] == reverse("account_login")
    assert (frieda.email, frieda.is_staff, frieda.is_superuser) == ("frieda@example.com", True, True)
    assert frieda.check_password(NEW["password"])
    assert EmailAddress.objects.get(user=frieda).verified
    assert client.get(path()).status_code == 404
    assert client.post(path(), {**NEW, "email": "second@example.com"}).status_code == 404
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_a_link_with_another_token_is_not_there(client):
    address = reverse("first_staff", args=["0" * 64])

    assert client.get(address).status_code == 404
    assert client.post(address, NEW).status_code == 404
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_token_that_is_no_ascii_is_only_wrong(client):
    assert client.get("/first-run/%C3%A9%E2%82%AC/").status_code == 404


@pytest.mark.django_db
def test_the_link_depends_on_the_installations_key(client):
    here = path()

    with override_settings(SECRET_KEY="another installation's key"):
        assert client.get(here).status_code == 404


@pytest.mark.django_db
def test_the_link_is_dead_as_soon_as_anybody_is_here(client):
    make_user("Olga", "olga@kube.example")

    assert not first_run.usable(path().split("/")[-2])
    assert client.get(path()).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"email": "no address"}, "email"),
        ({"email": ""}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "123456789012345"}, "password"),
    ],
)
def test_wrong_input_is_refused_at_its_field_and_nobody_is_made(client, changed, field):
    answer = client.post(path(), {**NEW, **changed})

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_moment_one_becomes_staff_and_the_other_is_told():
    token = path().split("/")[-2]
    outcomes, ready = [], threading.Barrier(2)

    def come(email: str) -> None:
        ready.wait(10)
        try:
            outcomes.append(first_run.create_first_staff(token, email, NEW["password"]).email)
        except first_run.AlreadyRun:
            outcomes.append("told")
        finally:
            connection.close()

    racers = [threading.Thread(target=come, args=[f"{n}@example.com"]) for n in (1, 2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(30)

    assert sorted(outcomes)[1] == "told"
    assert User.objects.count() == 1
