"""Who works on an application: searched for, chosen, and nobody of another unit."""

import pytest
from django.urls import reverse

from tests.builders import make_members
from tests.orgunits.role_pages import held
from tests.people import Integrator, make_company, make_integrator, signed_in

pytestmark = pytest.mark.django_db


def people_page(tools: Integrator, environment: str = "production") -> str:
    return reverse("application_people", args=[tools.unit.slug, getattr(tools, environment).public_id])


def test_somebody_is_searched_for_and_added_to_an_application():
    tools = make_integrator()
    client, url = signed_in(tools.ethan), people_page(tools)
    dora = tools.member(tools.dora)

    found = client.get(url, {"q": "dor"})
    chosen = client.get(url, {"member": dora.public_id})
    added = client.post(url, {"member": dora.public_id, "role": "developer", "why": "Release"})

    assert found.context["found"] == [dora]
    assert f"?member={dora.public_id}" in found.content.decode()
    assert chosen.context["chosen"] == dora
    assert added.status_code == 302
    assert dora.role_grants.get(application=tools.production).why == "Release"
    assert "Dora" in client.get(url).content.decode()


def test_the_people_of_an_application_are_those_who_were_chosen_for_it():
    tools = make_integrator()

    pages = {name: signed_in(tools.irma).get(people_page(tools, name)) for name in ("production", "staging")}

    listed = {
        name: [grant.member.name for grant, _role in page.context["people"]] for name, page in pages.items()
    }
    assert listed == {"production": ["Abel"], "staging": ["Dora"]}


@pytest.mark.parametrize("who", ["dora", "abel"])
def test_who_only_works_on_an_application_chooses_nobody(who):
    tools = make_integrator()
    client, abel = signed_in(getattr(tools, who)), tools.member(tools.abel)
    url = people_page(tools, "staging")

    assert client.get(url).status_code == 403
    assert client.post(url, {"member": abel.public_id, "role": "developer"}).status_code == 403
    assert not abel.role_grants.filter(application=tools.staging).exists()


def test_a_search_shows_a_handful_and_says_that_there_are_more():
    tools = make_integrator()
    make_members(tools.unit, [f"nora{n}@tools.example" for n in range(30)])

    page = signed_in(tools.irma).get(people_page(tools), {"q": "nora"})

    assert page.content.decode().count("@tools.example") < 12
    assert page.context["more"]


@pytest.mark.parametrize("q", ["nobody at all", "%", "'", "\u0000", "x" * 500, "😀"])
def test_a_search_for_nobody_finds_nobody(q):
    tools = make_integrator()

    page = signed_in(tools.irma).get(people_page(tools), {"q": q})

    assert page.status_code == 200
    assert page.context["found"] == []


def test_a_stranger_is_neither_found_nor_added():
    company, tools = make_company(), make_integrator()
    sven, client = company.stranger_unit.members.get(), signed_in(tools.irma)
    url = people_page(tools)

    found = client.get(url, {"q": "sven", "member": sven.public_id})
    added = client.post(url, {"member": sven.public_id, "role": "developer"})

    assert (found.context["found"], found.context["chosen"]) == ([], None)
    assert added.status_code == 422
    assert held(sven) == ["ops_admin"]


def test_nobody_is_added_to_an_archived_application():
    tools = make_integrator()
    tools.production.state = "archived"
    tools.production.save()
    dora = tools.member(tools.dora)

    answer = signed_in(tools.irma).post(people_page(tools), {"member": dora.public_id, "role": "developer"})

    assert answer.status_code == 422
    assert not dora.role_grants.filter(application=tools.production).exists()
