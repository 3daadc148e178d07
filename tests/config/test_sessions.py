"""Sessions: a new id at sign-in, an end when idle and after a day, and each of them seen and ended by its owner."""

import re

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client, override_settings
from django.urls import reverse

from tests.config.signing_in import PASSWORD, confirm, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_counts_from_before")]
HOUR = 3600


# --- a session's id and its end


def test_signing_in_gives_a_new_session_id(company):
    client = Client()
    client.get(reverse("account_login"))
    client.session["planted"] = "x"
    session = client.session
    session.save()
    client.cookies["sessionid"] = session.session_key
    planted = session.session_key

    sign_in(company.olga, client)

    assert client.cookies["sessionid"].value != planted
    assert not Session.objects.filter(session_key=planted).exists()


def test_proving_it_again_gives_a_new_session_id_and_ends_the_old_one(company, demanding, clock):
    client = sign_in(company.olga)
    before = client.cookies["sessionid"].value
    clock(301)

    confirm(client, client.get(reverse("connect_start", args=[company.unit.slug])))

    after = client.cookies["sessionid"].value
    assert after != before
    assert not Session.objects.filter(session_key=before).exists()
    assert [row.session_key for row in UserSession.objects.filter(user=company.olga)] == [after]


def test_a_session_that_rests_ends(company, clock):
    client = sign_in(company.emma)
    assert client.get("/preferences/").status_code == 200

    clock(8 * HOUR + 1)

    answer = client.get("/preferences/")
    assert answer.headers["Location"] == "/account/login/?next=/preferences/"
    assert "your session had ended" in client.get(answer.headers["Location"]).content.decode()


def test_a_session_in_use_goes_on_and_ends_all_the_same_after_its_day(company, clock):
    client = sign_in(company.emma)

    statuses = []
    for _visit in range(13):
        statuses.append(client.get("/preferences/").status_code)
        clock(HOUR - 1)

    assert statuses == [200] * 13
    clock(20)
    assert client.get("/preferences/").status_code == 302


def test_a_session_is_not_written_on_every_page(company, django_assert_num_queries):
    client = sign_in(company.emma)
    client.get("/preferences/")
    before = Session.objects.get(session_key=client.cookies["sessionid"].value).session_data

    client.get("/preferences/")

    assert Session.objects.get(session_key=client.cookies["sessionid"].value).session_data == before


@override_settings(SESSION_COOKIE_SECURE=True)
def test_the_cookie_is_for_this_site_and_for_no_script(company):
    cookie = sign_in(company.emma).cookies["sessionid"]

    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", True)


# --- one's sessions


def handles(client: Client) -> list[str]:
    return re.findall(r'name="end" value="(\w+)"', client.get(reverse("usersessions_list")).content.decode())


def test_each_other_session_can_be_ended_alone(company):
    here, phone, library = (sign_in(company.emma) for _browser in range(3))
    shown = handles(here)

    here.post(reverse("usersessions_list"), {"end": shown[0]})

    assert len(shown) == 2
    statuses = [browser.get("/preferences/").status_code for browser in (here, phone, library)]
    assert statuses == [200, 200, 302]


def test_all_others_can_be_ended_at_once(company):
    here, phone, library = (sign_in(company.emma) for _browser in range(3))

    here.post(reverse("usersessions_list"))

    statuses = [browser.get("/preferences/").status_code for browser in (here, phone, library)]
    assert statuses == [200, 302, 302]


def test_nobody_ends_the_session_of_somebody_else(company):
    emma, carl = sign_in(company.emma), sign_in(company.carl)
    sign_in(company.carl)
    of_carl = handles(carl)

    for handle in (*of_carl, "x", "", *(row.session_key for row in UserSession.objects.all())):
        if handle:
            emma.post(reverse("usersessions_list"), {"end": handle})

    assert carl.get("/preferences/").status_code == 200
    assert UserSession.objects.filter(user=company.carl).count() == 2


def test_the_page_shows_no_key_that_opens_a_session(company):
    here = sign_in(company.emma)
    sign_in(company.emma)

    page = here.get(reverse("usersessions_list")).content.decode()

    for row in UserSession.objects.all():
        assert row.session_key not in page


def test_a_new_password_ends_the_other_sessions(company):
    here, other = sign_in(company.emma), sign_in(company.emma)
    new = "a-completely-new-1"

    here.post(
        reverse("account_change_password"), {"oldpassword": PASSWORD, "password1": new, "password2": new}
    )

    assert here.get("/preferences/").status_code == 200
    assert other.get("/preferences/").status_code == 302
