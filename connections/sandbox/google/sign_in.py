"""Google's sign-in and consent page: choose an account, see what is asked, allow or cancel. No password.

https://developers.google.com/identity/protocols/oauth2/web-server. A wrong client or redirect address is an
error page and no redirect, as at Google.
"""

from __future__ import annotations

import re
from urllib.parse import urlencode, urlsplit

from flask import Response, g, make_response, redirect, render_template, request

from ..people import TENANTS, Person
from ..world import World, the_world
from .grants import gives_refresh_token
from .oauth import CLIENT_ID
from .routes import blueprint
from .tokens import CODE_SECONDS, PREFIX, Code, give_code, scope_text, wire_scopes

EMPLOYEES_SHOWN = 4
CALLBACKS = ("/callback/google", "/google/login/callback")
SIGN_IN = frozenset({"openid", PREFIX + "userinfo.email", PREFIX + "userinfo.profile"})
LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1)(:\d+)?")
KNOWN_QUERY = {
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "nonce",
    "access_type",
    "prompt",
    "include_granted_scopes",
    "login_hint",
    "hd",
    "code_challenge",
    "code_challenge_method",
}
TEXTS = {
    "openid": "Know who you are on Google",
    PREFIX + "userinfo.email": "See your primary Google Account email address",
    PREFIX + "userinfo.profile": "See your personal info",
}


def redirect_allowed(address: str) -> bool:
    """Only this machine, and only a path of this client's list."""
    parts = urlsplit(address)
    return (
        parts.scheme in ("http", "https")
        and LOOPBACK.fullmatch(parts.netloc) is not None
        and parts.path.rstrip("/").endswith(CALLBACKS)
        and not parts.fragment
    )


@blueprint.route("/accounts.google.com/o/oauth2/v2/auth", methods=["GET", "POST"])
def authorize() -> Response:
    world, asked = the_world(), request.args
    g.operation = "google.authorize"
    problem = _problem(asked)
    if problem:
        return _error_page(*problem)
    if request.method == "GET":
        return _page(world)
    if request.form.get("decision") != "allow":
        return _back(error="access_denied")
    person = _chosen(world)
    if person is None:
        return _page(world, "Couldn't find your Google Account.")
    g.who = person.email
    if world.faults.hit("admin_policy_enforced", person.email, person.domain, CLIENT_ID):
        return _error_page("admin_policy_enforced", f"{person.domain} does not allow this app: {CLIENT_ID}.")
    if world.faults.hit("consent_denied", person.email, person.domain, CLIENT_ID):
        return _back(error="access_denied")
    wanted = wire_scopes(asked["scope"])
    scopes = wanted & (SIGN_IN | frozenset(request.form.getlist("scope")))
    offline = asked.get("access_type") == "offline"
    code = Code(
        client_id=asked["client_id"],
        redirect_uri=asked["redirect_uri"],
        person_id=person.id,
        scopes=scopes,
        nonce=asked.get("nonce"),
        challenge=asked.get("code_challenge"),
        challenge_method=asked.get("code_challenge_method", "plain"),
        offline=offline,
        gives_refresh_token=gives_refresh_token(
            world, CLIENT_ID, person, scopes, offline=offline, prompt=asked.get("prompt", "")
        ),
        expires=world.token_time() + CODE_SECONDS,
    )
    return _back(code=give_code(code), scope=scope_text(scopes), hd=person.domain, prompt="consent")


def _problem(asked: dict[str, str]) -> tuple[str, str] | None:
    if asked.get("client_id") != CLIENT_ID:
        return "invalid_client", "The OAuth client was not found."
    if not redirect_allowed(asked.get("redirect_uri", "")):
        return "redirect_uri_mismatch", "The redirect address of this request is not one of this client."
    unknown = set(asked) - KNOWN_QUERY
    if unknown:
        return "invalid_request", f"Parameter not allowed for this message type: {', '.join(sorted(unknown))}"
    if asked.get("response_type") != "code":
        return "invalid_request", "Required parameter is missing or wrong: response_type"
    if not asked.get("scope"):
        return "invalid_request", "Missing required parameter: scope"
    if "code_challenge" in asked and asked.get("code_challenge_method", "plain") not in ("S256", "plain"):
        return "invalid_request", "Unknown code_challenge_method"
    return None


def _error_page(error: str, sentence: str) -> Response:
    text = render_template("google/refused.html", error=error, sentence=sentence)
    return make_response(text, 400)


def _accounts(world: World, hosted: str | None) -> list[Person]:
    domains = [one.domain for one in TENANTS.values() if one.provider == "google"]
    if hosted in domains:
        domains.remove(hosted)
        domains.insert(0, hosted)
    first = world.people_of(domains[0])[: EMPLOYEES_SHOWN + 1]
    return first + [world.administrator(one) for one in domains[1:]]


def _page(world: World, problem: str | None = None) -> Response:
    scopes = sorted(wire_scopes(request.args["scope"]))
    text = render_template(
        "google/sign_in.html",
        accounts=_accounts(world, request.args.get("hd")),
        administrators={world.administrator(one.domain).id for one in TENANTS.values()},
        hint=request.args.get("login_hint", ""),
        sign_in=[TEXTS[one] for one in scopes if one in SIGN_IN],
        more=[one for one in scopes if one not in SIGN_IN],
        app=urlsplit(request.args["redirect_uri"]).netloc,
        problem=problem,
    )
    return make_response(text, 400 if problem else 200)


def _chosen(world: World) -> Person | None:
    account, other = request.form.get("account", ""), request.form.get("other", "").strip()
    # The field may still hold the hint it was filled with: an account chosen from the list comes first then.
    address = account if account and other == request.args.get("login_hint") else other or account
    person = world.person(address)
    hosted = person is not None and person.tenant is not None and person.tenant.provider == "google"
    return person if hosted and not person.suspended else None


def _back(**values: str) -> Response:
    """To the caller's redirect address, with its state."""
    target = request.args["redirect_uri"]
    if "state" in request.args:
        values["state"] = request.args["state"]
    return redirect(f"{target}{'&' if urlsplit(target).query else '?'}{urlencode(values)}", 302)
