"""Every address of the portal has a declared rule, and keeps it: for strangers, wrong roles and right ones."""

from itertools import product

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls import path as url_pattern
from django.utils.html import escape

from orgunits.roles import ROLES, UNIT_RIGHT_FOR, roles_with
from tests.guards.methods import READS, WRITES
from tests.guards.routes import (
    Route,
    address,
    good_input,
    nonexistent,
    routes,
    routes_of,
    whole,
)
from tests.people import make_user, signed_in

# Addresses of others: under which path, and why they need no rule of ours.
THIRD_PARTIES = {
    "account/": "allauth: each of its views decides itself who is signed in; nothing there belongs to a unit",
    "admin/": "Django admin: staff only; strangers are sent to sign in, and units are only looked at",
}
UNIT_ROUTES = routes_of("unit", "application")


def ask(client: Client, method: str, route: Route, values: dict, data: dict | None = None):
    """One request whose effects are taken back."""
    with transaction.atomic():
        answer = client.generic(method, address(route, values)) if method != "POST" else None
        if answer is None:
            answer = client.post(address(route, values), data or {})
        result = whole(answer)
        transaction.set_rollback(True)
    return answer, result


# --- every address has a rule


@pytest.mark.parametrize("route", routes(), ids=lambda route: route.path or "/")
def test_an_address_has_a_rule_or_belongs_to_somebody_else(route):
    assert has_rule(route), f"{route.path} ({route.view.__module__}) says nobody who may open it"


def has_rule(route: Route) -> bool:
    """Whether somebody decides who opens this address: we by a rule, or a third party by itself."""
    return route.rule is not None or any(route.path.startswith(path) for path in THIRD_PARTIES)


def test_adding_an_address_without_a_rule_turns_this_red():
    def forgotten(request, slug):
        return HttpResponse("everybody's members")

    added = [
        *get_resolver().url_patterns,
        url_pattern("ou/<slug:slug>/forgotten/", forgotten, name="forgotten"),
    ]

    assert [route.name for route in routes(added) if not has_rule(route)] == ["forgotten"]
    assert all(has_rule(route) for route in routes())


def test_no_exception_is_stale():
    for path in THIRD_PARTIES:
        assert any(route.path.startswith(path) and route.rule is None for route in routes()), path


def test_an_address_of_a_unit_is_one_of_a_right_that_some_role_has():
    for route in routes():
        under_unit = route.path.startswith("ou/<slug:slug>/")
        of_unit = route.rule is not None and route.rule.audience in {"unit", "application"}
        assert under_unit == of_unit, route.path
    for route in UNIT_ROUTES:
        assert roles_with(route.rule.right), route.path


def test_there_is_something_to_walk():
    assert len(UNIT_ROUTES) > 30


# --- nobody signed in


@pytest.mark.parametrize("method", READS + WRITES)
def test_a_visitor_gets_the_same_redirect_whether_the_unit_exists_or_not(house, method):
    client = Client()

    for route in UNIT_ROUTES:
        real = house.own.values(route)
        made_up = nonexistent(real, "slug")
        answers = [client.generic(method, address(route, values)) for values in (real, made_up)]

        assert whole(answers[0], real["slug"]) == whole(answers[1], made_up["slug"]), route.name
        assert answers[0].status_code == 302, route.name
        assert answers[0].headers["Location"].startswith(reverse("account_login") + "?next="), route.name


# --- a stranger


@pytest.mark.parametrize("method", READS + WRITES)
@pytest.mark.parametrize("who", ["ops admin of another unit", "member of no unit", "superuser"])
def test_a_stranger_cannot_tell_a_unit_from_one_that_does_not_exist(house, who, method):
    stranger = {
        "ops admin of another unit": lambda: house.company.sven,
        "member of no unit": lambda: make_user("Nobody", "nobody@x.example"),
        "superuser": lambda: make_user("Sami", "sami@x.example", is_staff=True, is_superuser=True),
    }[who]()
    client = signed_in(stranger)

    for route in UNIT_ROUTES:
        real = house.own.values(route)
        there, there_whole = ask(client, method, route, real, good_input(route, house.own))
        _nowhere, nowhere_whole = ask(client, method, route, nonexistent(real, "slug"))

        assert there.status_code == 404, route.name
        assert there_whole == nowhere_whole, route.name


@pytest.mark.parametrize("method", READS + WRITES)
@pytest.mark.parametrize(
    "part",
    sorted({part for route in UNIT_ROUTES for part in route.parameters} - {"slug", "provider", "mode"}),
)
def test_in_ones_own_unit_the_things_of_another_do_not_exist(house, part, method):
    client = signed_in(house.company.olga)
    seen = 0

    for route in UNIT_ROUTES:
        if part not in route.parameters:
            continue
        own = house.own.values(route)
        foreign = {**own, part: house.other.values(route)[part]}
        answer, theirs = ask(client, method, route, foreign, good_input(route, house.own))
        _answer, nobodys = ask(client, method, route, nonexistent(own, part), good_input(route, house.own))

        assert theirs == nobodys, route.name
        assert answer.status_code in {404, 405}, route.name
        if answer.status_code == 405:
            assert ask(client, method, route, own)[0].status_code == 405, route.name
        seen += 1
    assert seen


def test_a_choice_of_another_units_thing_in_a_form_is_a_choice_of_nothing(house):
    client = signed_in(house.company.olga)
    member = house.own.member
    url = reverse("choose_connection", args=[house.own.unit.slug, member.public_id])

    theirs = client.post(url, {"connection": house.other.google.public_id})
    nobodys = client.post(url, {"connection": "con_" + "0" * 24})

    assert theirs.status_code == 404
    assert whole(theirs) == whole(nobodys)
    member.mailbox.refresh_from_db()
    assert member.mailbox.override == house.own.google


def test_ticking_another_units_calendar_counts_nothing(house):
    client = signed_in(house.company.olga)
    url = reverse("choose_calendars", args=[house.own.unit.slug, house.own.member.public_id])

    client.post(url, {"calendar": [house.other.calendar.public_id, house.own.calendar.public_id]})

    for furnished in (house.own, house.other):
        furnished.calendar.refresh_from_db()
    assert house.other.calendar.counts_by == "default"
    assert house.own.calendar.counts


# What somebody would look for, to find out what another unit holds.
SEARCHES = (
    "",
    "?q=zzstranger",
    "?host=none-zzstranger.example",
    "?actor=zzstranger",
    "?about=zzstranger",
    "?sort=-host",
)


def test_no_list_count_search_export_or_choice_shows_anything_of_another_unit(house):
    client = signed_in(house.company.olga)
    other = house.other
    secret = [
        "zzstranger.example",
        "zzstranger plans",
        "Zzstranger",
        "zzstranger staging",
        other.unit.name,
        other.unit.public_id,
        *(thing.public_id for thing in (other.member, other.microsoft, other.application)),
        other.application.client_id,
    ]
    pages = [address(route, house.own.values(route)) for route in UNIT_ROUTES]
    searches = [*SEARCHES, f"?connection={other.google.public_id}", f"?member={other.member.public_id}"]
    seen = 0

    for path in [*(page + search for page in pages for search in searches), reverse("front_door")]:
        answer = client.get(path, follow=True)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        asked_for = path.partition("?")[2]
        text = body.decode(errors="replace").replace(asked_for, "").replace(escape(asked_for), "")
        found = [word for word in secret if word in text and word not in asked_for]
        assert not found, f"{path} shows {found}"
        seen += answer.status_code == 200
    assert seen > len(pages)


def test_a_filter_for_another_units_connection_finds_what_a_made_up_one_finds(house):
    client = signed_in(house.company.olga)
    url = reverse("members", args=[house.own.unit.slug])
    real, made_up = house.other.google.public_id, "con_" + "0" * 24

    answers = [whole(client.get(url, {"connection": con}), con) for con in (real, made_up)]

    assert answers[0] == answers[1]


# --- a member: every role of the table, on every address


def holds(role: str, route: Route, *, chosen: bool = True) -> bool:
    """What the table says: may this role open this address, on an application it was chosen for or not?"""
    right, of_role = route.rule.right, ROLES[role]
    if route.rule.audience == "application":
        return UNIT_RIGHT_FOR[right] in of_role.rights or (chosen and right in of_role.application_rights)
    return right in of_role.rights or (route.rule.any_application and of_role.on_application)


def refused_with_names(answer, route: Route) -> bool:
    """A refusal that names every role which could."""
    page = answer.content.decode()
    return answer.status_code == 403 and all(str(role.name) in page for role in roles_with(route.rule.right))


@pytest.mark.parametrize("role", ROLES)
def test_a_wrong_role_is_refused_with_the_roles_that_are_right(house, role):
    client = signed_in(house.own.people[role])

    for route, method in product(UNIT_ROUTES, READS + WRITES):
        if holds(role, route):
            continue
        answer, _ = ask(client, method, route, house.own.values(route), good_input(route, house.own))

        assert answer.status_code == 403, route.name
        assert method == "HEAD" or refused_with_names(answer, route), route.name


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("role", ROLES)
def test_a_right_role_comes_in(house, role, method):
    client = signed_in(house.own.people[role])
    done = []

    for route in UNIT_ROUTES:
        if not holds(role, route):
            continue
        query = "?administrator=yes" if route.name.startswith("connect_") else ""
        path = address(route, house.own.values(route)) + query
        with transaction.atomic():
            answer = (
                client.generic(method, path)
                if method == "GET"
                else client.post(path, good_input(route, house.own))
            )
            transaction.set_rollback(True)

        if answer.status_code == 403 and (route.name, role) in NEEDS_MORE:
            continue
        if answer.status_code == 405:  # an act is posted, a fragment is only read
            other = {"GET": "POST", "POST": "GET"}[method]
            assert ask(client, other, route, house.own.values(route))[0].status_code != 405, route.name
        else:
            assert answer.status_code < 400 or answer.status_code == 422, (route.name, answer.status_code)
        done.append(route.name)
    assert done


# Pages that open for a right and look closer inside: the address, the role that is refused there, and why.
NEEDS_MORE = {
    (
        "member_settings",
        "coordinator",
    ): "a Coordinator sees members; changing one takes managing or being them",
    ("choose_calendars", "coordinator"): "as above",
    ("member_settings", "engineering_manager"): "as above",
    ("choose_calendars", "engineering_manager"): "as above",
}


@pytest.mark.parametrize("role", [role.code for role in ROLES.values() if role.on_application])
def test_an_application_one_was_not_chosen_for_is_refused(house, role):
    client = signed_in(house.own.people[role])

    for route, method in product(routes_of("application"), READS + WRITES):
        values = {**house.own.values(route), "application_id": house.own.second_application.public_id}
        answer, _ = ask(client, method, route, values, good_input(route, house.own))

        assert answer.status_code == 403, route.name
        assert house.own.second_application.name not in answer.content.decode(), route.name


@pytest.mark.parametrize("role", [role.code for role in ROLES.values() if role.on_application])
def test_an_application_one_was_not_chosen_for_is_on_no_page(house, role):
    client, other = signed_in(house.own.people[role]), house.own.second_application

    for route in UNIT_ROUTES:
        answer = client.get(address(route, house.own.values(route)), follow=True)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        for word in (other.name, other.public_id, other.client_id):
            assert word not in body.decode(errors="replace"), f"{route.name} shows {word}"


@pytest.mark.parametrize("name", ["member", "member_settings", "choose_calendars"])
def test_the_page_about_oneself_opens_for_everybody_and_no_other_does(house, name):
    client = signed_in(house.company.emma)
    emma = house.company.member(house.company.emma)

    for method in ("GET", "POST"):
        for member, open_ in ((emma, True), (house.own.member, False)):
            path = reverse(name, args=[house.own.unit.slug, member.public_id])
            answer = client.generic(method, path)
            assert (answer.status_code == 403) is not open_, (name, method, open_)
