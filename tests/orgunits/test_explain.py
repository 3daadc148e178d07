"""Can X do Y to Z? The page answers what the door answers, and says by which role or by which one it could be."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path, reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import config.urls
from orgunits import rights, roles
from orgunits.access import Answer, application_view, unit_view
from orgunits.explain import explain
from orgunits.members import add_member
from orgunits.models import Application, Member, OrganizationalUnit
from orgunits.roles import ROLES, UNIT_RIGHT_FOR
from tests.builders import make_members
from tests.people import Integrator, make_company, make_integrator, make_user, signed_in

pytestmark = pytest.mark.django_db


def _page(request, *args, **kwargs) -> HttpResponse:
    return HttpResponse("in")


# A door to each right, beside the portal's own pages; the walk below goes through all of them.
urlpatterns = [
    *config.urls.urlpatterns,
    *(
        path(f"ou/<slug:slug>/try/{right}/", unit_view(right)(_page), name=f"try_{right}")
        for right in rights.ON_UNIT
    ),
    *(
        path(
            f"ou/<slug:slug>/try/<str:member_id>/{right}/",
            unit_view(right, own_member_too=True)(_page),
            name=f"try_own_{right}",
        )
        for right in rights.ON_OWN_SCHEDULE
    ),
    *(
        path(
            f"ou/<slug:slug>/try/<str:application_id>/{right}/",
            application_view(right)(_page),
            name=f"try_{right}",
        )
        for right in rights.ON_APPLICATION
    ),
]
ENVIRONMENTS = ("production", "staging", "development")


# --- the door and the page agree

_grant = st.one_of(
    st.tuples(st.sampled_from([code for code, role in ROLES.items() if not role.on_application]), st.none()),
    st.tuples(
        st.sampled_from([code for code, role in ROLES.items() if role.on_application]),
        st.sampled_from(ENVIRONMENTS),
    ),
)
_question = st.one_of(
    st.tuples(st.just("unit"), st.sampled_from(list(rights.ON_UNIT)), st.none()),
    st.tuples(st.just("own"), st.sampled_from(list(rights.ON_OWN_SCHEDULE)), st.none()),
    st.tuples(
        st.just("application"), st.sampled_from(list(rights.ON_APPLICATION)), st.sampled_from(ENVIRONMENTS)
    ),
)


def at_the_door(user, tools: Integrator, member: Member, about: str, right: str, application) -> Answer:
    """What really opening a page with this right answers."""
    name, own = f"try_{right}", {"slug": tools.unit.slug}
    if about == "own":
        name, own = f"try_own_{right}", own | {"member_id": member.public_id}
    if application is not None:
        own |= {"application_id": application.public_id}
    answer = signed_in(user).get(reverse(name, kwargs=own))
    if answer.status_code == 403:
        closed = any(one.name == "orgunits/unit_closed.html" for one in answer.templates)
        return Answer.CLOSED if closed else Answer.WRONG_ROLE
    return {200: Answer.OPEN, 404: Answer.STRANGER, 302: Answer.STRANGER}[answer.status_code]


@override_settings(ROOT_URLCONF="tests.orgunits.test_explain")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    grants=st.lists(_grant, max_size=4, unique=True),
    questions=st.lists(_question, min_size=3, max_size=5, unique=True),
    state=st.sampled_from(["active", "active", "active", "invited", "suspended"]),
    unit_state=st.sampled_from(["active", "active", "paused", "archived"]),
    signs_in=st.sampled_from([True, True, True, False]),
    archived=st.booleans(),
)
def test_the_answer_is_the_one_of_the_real_door(db, grants, questions, state, unit_state, signs_in, archived):
    with transaction.atomic():
        tools, now = make_integrator(), timezone.now()
        user = make_user("Xena", "xena@tools.example")
        member = add_member(tools.unit, user.email, by=tools.irma, now=now, user=user)
        roles.revoke_role(member, "employee", by=tools.irma, now=now)
        for role, environment in grants:
            application = getattr(tools, environment) if environment else None
            roles.grant_role(member, role, by=tools.irma, now=now, application=application)
        member.state = state
        member.save()
        roles.apply_grants(member)
        user.is_active = signs_in
        user.save()
        Application.objects.filter(pk=tools.staging.pk).update(state="archived" if archived else "active")
        OrganizationalUnit.objects.filter(pk=tools.unit.pk).update(state=unit_state)
        member = tools.unit.members.select_related("unit", "user").get(pk=member.pk)

        for about, right, environment in questions:
            application = getattr(tools, environment) if environment else None
            told = explain(member.unit, member, right, application, own=about == "own")

            assert told.answer == at_the_door(user, tools, member, about, right, application)
            if told.yes:
                assert told.ways or told.own
            if told.answer == Answer.WRONG_ROLE and told.nearest:
                where = application if told.nearest.role.on_application else None
                roles.grant_role(member, told.nearest.role.code, by=None, now=now, application=where)
                assert at_the_door(user, tools, member, about, right, application) in {
                    Answer.OPEN,
                    Answer.CLOSED,
                }
                roles.revoke_role(member, told.nearest.role.code, by=None, now=now, application=where)
        transaction.set_rollback(True)


# --- the way that leads there


def test_yes_comes_with_the_role_who_gave_it_when_why_and_until():
    tools, now = make_integrator(), timezone.now()
    dora = tools.member(tools.dora)
    grant = roles.grant_role(
        dora,
        "developer",
        by=tools.ethan,
        now=now,
        application=tools.production,
        why="Release",
        until=now + timedelta(9),
    )

    told = explain(tools.unit, dora, "rotate_secret", tools.production)

    assert told.yes
    assert [way.grant for way in told.ways] == [grant]
    way = told.ways[0].grant
    assert (way.granted_by, way.granted_at, way.why) == (tools.ethan, now, "Release")


def test_each_role_that_opens_it_is_told():
    tools = make_integrator()
    roles.grant_role(
        tools.member(tools.ethan), "developer", by=tools.irma, now=timezone.now(), application=tools.staging
    )

    told = explain(tools.unit, tools.member(tools.ethan), "see_application", tools.staging)
    elsewhere = explain(tools.unit, tools.member(tools.ethan), "see_application", tools.production)

    assert [way.role.code for way in told.ways] == ["engineering_manager", "developer"]
    assert [way.role.code for way in elsewhere.ways] == ["engineering_manager"]


@pytest.mark.parametrize(
    ("who", "right", "environment", "nearest", "givers"),
    [
        ("dora", "look_up_state", "production", "application_support", ["Ethan", "Irma"]),
        ("abel", "rotate_secret", "production", "developer", ["Ethan", "Irma"]),
        ("dora", "see_application", None, "engineering_manager", ["Irma"]),
        ("ethan", "see_connections", None, "coordinator", ["Irma"]),
        ("ethan", "manage_connections", None, "ops_admin", ["Irma"]),
    ],
)
def test_no_comes_with_the_nearest_role_and_who_can_give_it(who, right, environment, nearest, givers):
    tools = make_integrator()
    application = getattr(tools, environment) if environment else None

    told = explain(tools.unit, tools.member(getattr(tools, who)), right, application)

    assert told.answer == Answer.WRONG_ROLE
    assert told.nearest.role.code == nearest
    assert [member.name for member in told.nearest.givers] == givers


def test_a_right_on_all_applications_is_not_held_by_being_chosen_for_each():
    tools = make_integrator()
    dora = tools.member(tools.dora)
    for environment in ENVIRONMENTS:
        roles.grant_role(
            dora, "developer", by=tools.irma, now=timezone.now(), application=getattr(tools, environment)
        )

    assert not explain(tools.unit, dora, "edit_application").yes
    assert UNIT_RIGHT_FOR["edit_application"] == "manage_applications"


# --- the page


def ask(client: Client, unit, **question):
    return client.get(reverse("roles_ask", args=[unit.slug]), question)


def test_the_question_stands_in_the_address_and_the_answer_on_the_page():
    tools = make_integrator()
    dora, client = tools.member(tools.dora), signed_in(tools.irma)

    found = ask(client, tools.unit, q="dor", right="application.rotate_secret")
    yes = ask(
        client, tools.unit, member=dora.public_id, right="application.rotate_secret",
        application=tools.staging.public_id,
    )  # fmt: skip
    no = ask(
        client, tools.unit, member=dora.public_id, right="application.rotate_secret",
        application=tools.production.public_id,
    )  # fmt: skip

    assert f"?right=application.rotate_secret&amp;member={dora.public_id}" in found.content.decode()
    assert "By these roles" in yes.content.decode()
    assert "by Irma" in yes.content.decode()
    assert "The role <strong>Developer</strong> on Tools Production" in no.content.decode()


@pytest.mark.parametrize(
    ("state", "words"),
    [("suspended", "This member is suspended."), ("invited", "has not accepted the invitation")],
)
def test_who_cannot_come_in_is_told_with_the_roles_that_would_count(state, words):
    company = make_company()
    carl = company.member(company.carl)
    Member.objects.filter(pk=carl.pk).update(state=state)

    page = ask(signed_in(company.olga), company.unit, member=carl.public_id, right="unit.see_members")

    text = page.content.decode()
    assert "Not allowed" in text
    assert words in text
    assert "These roles would allow it" in text


def test_a_member_without_sign_in_and_one_that_was_switched_off_are_told_apart():
    company = make_company()
    nora = make_members(company.unit, ["nora@kube.example"])[0]
    company.emma.is_active = False
    company.emma.save()
    client = signed_in(company.olga)

    without = ask(client, company.unit, member=nora.public_id, right="own.see_members").content.decode()
    emma = company.member(company.emma).public_id
    off = ask(client, company.unit, member=emma, right="own.see_members").content.decode()

    assert "has no sign-in" in without
    assert "switched this sign-in off" in off


def test_a_paused_unit_is_mentioned():
    company = make_company()
    OrganizationalUnit.objects.filter(pk=company.unit.pk).update(state="paused")
    carl = company.member(company.carl).public_id

    page = ask(signed_in(company.olga), company.unit, member=carl, right="unit.see_members")

    assert "The unit is paused" in page.content.decode()


def test_everybody_may_see_their_own_calendar_without_any_role():
    company = make_company()
    emma = company.member(company.emma)

    own = explain(company.unit, emma, "see_members", own=True)
    others = explain(company.unit, emma, "see_members")

    assert (own.yes, own.own, own.ways) == (True, True, [])
    assert not others.yes


def test_nothing_of_another_unit_can_be_asked_about():
    company, tools = make_company(), make_integrator()
    client = signed_in(company.olga)

    stranger = ask(
        client, company.unit, member=tools.member(tools.dora).public_id, right="unit.see_unit", q="dora"
    )
    emma = company.member(company.emma).public_id
    theirs = ask(
        client, company.unit, member=emma, right="application.edit_application",
        application=tools.staging.public_id,
    )  # fmt: skip

    assert "explanation" not in stranger.context
    assert stranger.context["found"] == []
    assert "explanation" not in theirs.context
    assert "Tools Staging" not in theirs.content.decode()


@pytest.mark.parametrize("who", ["carl", "emma"])
def test_only_who_reviews_access_may_ask(who):
    company = make_company()

    assert ask(signed_in(getattr(company, who)), company.unit).status_code == 403


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"member": "\0"},
        {"q": "\0"},
        {"right": "x"},
        {"right": "own."},
        {"application": "\0"},
        {"member": "m" * 900},
    ],
)
def test_an_odd_question_has_no_answer(question):
    company = make_company()

    page = ask(signed_in(company.olga), company.unit, **question)

    assert page.status_code == 200
    assert "explanation" not in page.context
