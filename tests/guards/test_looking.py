"""Looking at a page, whoever looks, writes nothing."""

import pytest
from allauth.account.models import EmailAddress
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from psycopg import sql

from connections import hand_offs
from orgunits import identity, invitations
from orgunits.models import Member
from tests.guards.routes import address, build_house, routes, routes_of
from tests.people import make_company, signed_in

READS = ("GET", "HEAD", "OPTIONS")


# A visit leaves traces of its own there: the session, and how often an address tried to sign in.
OF_THE_VISIT = {"django_session", "usersessions_usersession", "cache"}


def tables() -> dict[str, tuple]:
    """How many rows each table holds, and what they say."""
    with database.cursor() as cursor:
        found = {}
        for name in sorted(set(database.introspection.table_names(cursor)) - OF_THE_VISIT):
            rows = sql.SQL("SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM {} t")
            cursor.execute(rows.format(sql.Identifier(name)))
            found[name] = cursor.fetchone()
    return found


@pytest.mark.django_db
def test_looking_writes_nothing(providers):
    house = build_house(make_company())
    _row, token = hand_offs.create_link(house.own.google, by=house.company.olga, now=timezone.now())
    people = [getattr(house.company, name) for name in ("olga", "carl", "emma", "sven")]
    for person in people:
        EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    visitors = [*(signed_in(person) for person in people), Client()]
    paths = [address(route, house.own.values(route)) for route in routes_of("unit")]
    paths += [f"{path}?administrator=no&provider=none&asked=1" for path in paths if "/connect/" in path]
    paths += [reverse(route.name) for route in routes_of("signed_in")]
    paths += [reverse(route.name) for route in routes_of("everyone") if not route.parameters]
    paths += [reverse("hand_off", args=[token]), reverse("first_staff", args=["0" * 64])]
    invitation = house.own.unit.invitations.get()
    question = identity.ask(house.own.member, by=house.company.olga, now=timezone.now())
    paths.append(reverse("invitation", args=[invitations.token(invitation)]))
    paths.append(reverse("confirm_identity", args=[identity.token(question)]))
    paths += [
        reverse(route.name)
        for route in routes()
        if route.path.startswith("account/")
        and route.name
        and not route.parameters
        and "logout" not in route.name
    ]
    Member.objects.update(last_seen_on=timezone.now().date())  # kept once a day, on the first page seen
    before = tables()

    for path in paths:
        for visitor in visitors:
            for method in READS:
                visitor.generic(method, path)

        now = tables()
        changed = {name for name in before if before[name] != now[name]}
        assert not changed, f"looking at {path} changed {changed}"
