"""The page of the Admin console where a super administrator delegates domain-wide authority.

Security > API controls > Domain-wide delegation: client id and comma-separated scopes. There is no API for it.
"""

from __future__ import annotations

import re

from flask import Response, g, make_response, redirect, render_template, request

from ..people import TENANTS, Person
from ..world import World, the_world
from .routes import blueprint

PATH = "/admin.google.com/ac/owl/domainwidedelegation"


def _administrators(world: World) -> list[Person]:
    return [world.administrator(one.domain) for one in TENANTS.values() if one.provider == "google"]


def _page(administrator: Person | None, problem: str | None = None) -> Response:
    world = the_world()
    domain = administrator.domain if administrator else ""
    grants = {
        key.partition("|")[2]: grant
        for key, grant in world.delegations.items()
        if key.partition("|")[0] == domain
    }
    text = render_template(
        "google/delegation.html",
        administrators=_administrators(world),
        administrator=administrator,
        grants=grants,
        problem=problem,
        form=request.form,
    )
    return make_response(text, 400 if problem else 200)


def _signed_in(world: World) -> Person | None:
    wanted = request.values.get("administrator", "")
    return next((one for one in _administrators(world) if one.email == wanted), None)


@blueprint.get(PATH)
def show_delegations() -> Response:
    g.operation = "google.console"
    return _page(_signed_in(the_world()))


@blueprint.post(PATH)
def change_delegations() -> Response:
    world = the_world()
    g.operation = "google.console"
    administrator = _signed_in(world)
    if administrator is None:
        return _page(None, "Choose a super administrator first.")
    g.who = administrator.email
    client_id = request.form.get("client_id", "").strip()
    if request.form.get("decision") == "delete":
        world.undelegate(administrator.domain, client_id)
    else:
        scopes = [one for one in re.split(r"[,\s]+", request.form.get("scopes", "")) if one]
        if not re.fullmatch(r"\d{6,30}", client_id):
            return _page(administrator, "The client ID is the service account's number.")
        if not scopes:
            return _page(administrator, "Give at least one scope.")
        wrong = [
            one
            for one in scopes
            if not one.startswith("https://") and one not in ("openid", "email", "profile")
        ]
        if wrong:
            return _page(administrator, f"Not a scope: {', '.join(wrong)}")
        world.delegate(administrator.domain, client_id, scopes)
    return redirect(f"{PATH}?administrator={administrator.email}", 303)
